-- The application's role owns nothing and may do only what is listed here.
grant usage on schema kaquan to kaquan_app;
grant select, insert, update, delete on
    project_key, api_key, app_user, user_session, risk_counter, idempotency, async_action,
    customer, customer_summary, location, product, segment, segment_member, rfm_score,
    campaign, voucher, distribution, message
    to kaquan_app;
grant select, insert, update on project, orders, redemption to kaquan_app;
grant select on order_line to kaquan_app;
grant select, insert on consent, publication, exposure to kaquan_app;
-- Only what a caller may say of a transfer or a hold; the rest is the database's to fill in.
grant select, insert (from_owner, to_owner, kind, amount, cause, cause_id, reverses, at)
    on transfer to kaquan_app;
grant select, insert (id, owner, kind, amount, cause_id, expires_at, created_at), update (state)
    on hold to kaquan_app;
grant select on account to kaquan_app;
-- Locking rows needs the update privilege on a column; the trigger refuses every actual change.
grant update (owner) on account to kaquan_app;
create function refuse_renaming() returns trigger language plpgsql as $$
begin
    raise exception 'an account is never renamed' using errcode = 'insufficient_privilege';
end $$;
create trigger refuse_renaming before update of owner on account
    for each row execute function refuse_renaming();
grant usage on sequence project_project_id_seq to kaquan_app;
grant execute on all functions in schema kaquan to kaquan_app;
