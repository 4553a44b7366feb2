-- Deleting campaigns, vouchers and tiers of promotions.
--
-- What was used stays a row, for its redemptions, orders, transfers and publications name it. A
-- deletion_id hides it: row-level security shows the application's role only rows without one, so
-- no query can forget to leave them out, and unique indexes leave them out, so a code or a name
-- is free again. Everything that went together has one deletion_id, that of its entry in the bin.
-- History reads the views below, which show what is deleted too.

create procedure hide_deleted(target regclass) language plpgsql as $$
begin
    execute format('alter policy tenant on %s using '
                   '(project_id = (select current_project()) and deletion_id is null) '
                   'with check (project_id = (select current_project()))', target);
    -- The owner of the tables, as which the functions and views of this file run, sees all.
    execute format('create policy deleted on %s to current_user using '
                   '(project_id = (select current_project())) '
                   'with check (project_id = (select current_project()))', target);
    execute format('create index %I on %s (project_id, deletion_id) where deletion_id is not null',
                   target || '_deleted', target);
end $$;
call hide_deleted('campaign');
call hide_deleted('voucher');
call hide_deleted('rule_assignment');
drop procedure hide_deleted;

create view campaign_ever as
    select * from campaign where project_id = (select current_project());
create view voucher_ever as
    select * from voucher where project_id = (select current_project());
grant select on campaign_ever, voucher_ever to kaquan_app;

-- What sessions locked of it is theirs no more; the holds run out as all holds do.
create function hide_vouchers(ids text[], deletion text) returns void
    language sql security definer set search_path = kaquan
begin atomic
    update rule_assignment set deletion_id = deletion
     where project_id = current_project() and owner_id = any(ids) and deletion_id is null;
    delete from voucher_session
     where project_id = current_project() and voucher_id = any(ids);
    update publication set void = true
     where project_id = current_project() and voucher_id = any(ids) and not void;
    update voucher set deletion_id = deletion
     where project_id = current_project() and id = any(ids) and deletion_id is null;
end;

-- Its publications stay as they are: nothing is published in a campaign that is not there.
create function hide_campaign(campaign_id text, deletion text) returns void
    language sql security definer set search_path = kaquan
begin atomic
    update rule_assignment a set deletion_id = deletion
     where a.project_id = current_project() and a.deletion_id is null
       and (a.owner_id = hide_campaign.campaign_id
            or a.owner_id in (select v.id from voucher v
                               where v.project_id = current_project()
                                 and v.campaign_id = hide_campaign.campaign_id
                                 and v.deletion_id is null));
    delete from voucher_session s using voucher v
     where s.project_id = current_project() and v.project_id = current_project()
       and v.id = s.voucher_id and v.campaign_id = hide_campaign.campaign_id;
    update voucher v set deletion_id = deletion
     where v.project_id = current_project() and v.campaign_id = hide_campaign.campaign_id
       and v.deletion_id is null;
    update campaign set deletion_id = deletion
     where project_id = current_project() and id = hide_campaign.campaign_id
       and deletion_id is null;
end;

-- unique_violation when a code, a name or a customer's only publication was given again since;
-- foreign_key_violation when the voucher's campaign is still deleted. A holder may have been
-- merged into another person meanwhile.
create function restore_deleted(deletion text) returns void
    language plpgsql security definer set search_path = kaquan as $$
declare
    restored text[];
begin
    update campaign set deletion_id = null
     where project_id = current_project() and deletion_id = deletion;
    with shown as (
        update voucher v
           set deletion_id = null,
               holder_id = coalesce((select a.customer_id from customer_alias a
                                      where a.project_id = v.project_id
                                        and a.alias = v.holder_id), v.holder_id)
         where project_id = current_project() and deletion_id = deletion
        returning v.id, v.campaign_id
    )
    select array_agg(s.id) into restored from shown s;
    if exists (select from voucher v join campaign c using (project_id)
                where v.project_id = current_project() and v.id = any(restored)
                  and c.id = v.campaign_id and c.deletion_id is not null)
    then
        raise exception 'its campaign is deleted' using errcode = 'foreign_key_violation';
    end if;
    update publication set void = false
     where project_id = current_project() and voucher_id = any(restored) and void;
    update rule_assignment set deletion_id = null
     where project_id = current_project() and deletion_id = deletion;
end $$;

-- True when the rows could go; what anything refers to stays hidden for ever.
create function purge_deleted(deletion text) returns boolean
    language plpgsql security definer set search_path = kaquan as $$
begin
    delete from rule_assignment
     where project_id = current_project() and deletion_id = deletion;
    delete from promotion_stack
     where project_id = current_project()
       and campaign_id in (select id from campaign
                            where project_id = current_project() and deletion_id = deletion);
    begin
        delete from voucher where project_id = current_project() and deletion_id = deletion;
        delete from campaign where project_id = current_project() and deletion_id = deletion;
    exception when foreign_key_violation then
        return false;
    end;
    return true;
end $$;
revoke execute on function hide_vouchers, hide_campaign, restore_deleted, purge_deleted from public;
grant execute on function hide_vouchers, hide_campaign, restore_deleted, purge_deleted
    to kaquan_app;
