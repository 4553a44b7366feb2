-- Redemptions by guests: by what is known of them instead of a customer's id.

-- guest is a keyed digest of a phone number, an e-mail address or a card's fingerprint. What a guest
-- may still redeem of a campaign stands in the ledger, as a customer's share does.
create table guest_redemption (
    project_id     integer not null default current_project(),
    guest          text collate "C" not null check (guest ~ '^guest_[0-9a-f]{32}$'),
    redemption_id  text collate "C" not null,
    primary key (project_id, guest, redemption_id),
    foreign key (project_id, redemption_id) references redemption on delete cascade
);
call protect('guest_redemption');
create index guest_redemption_of on guest_redemption (project_id, redemption_id);
grant select, insert, delete on guest_redemption to kaquan_app;

-- A person who was told by name alone and is erased leaves no digest either.
create function forget_guest() returns trigger language plpgsql as $$
begin
    delete from guest_redemption g using redemption r
     where r.id = g.redemption_id and r.project_id = g.project_id
       and g.project_id = new.project_id and r.customer_id = new.id;
    return null;
end $$;
create trigger forget_guest after update of erased_at on customer
    for each row when (old.erased_at is null and new.erased_at is not null)
    execute function forget_guest();
