-- A rush for a campaign's vouchers: how many customers may fetch, each and in all, and when.

-- stock is how many are given away in all (null: as many as the pool holds or may be made); how
-- many of them are left is the ledger's to say, in the campaign's account of kind claims.
create table claim_rule (
    project_id    integer not null default current_project(),
    campaign_id   text collate "C" not null,
    stock         bigint check (stock >= 0),
    per_customer  integer check (per_customer > 0),
    opens_at      timestamptz,
    closes_at     timestamptz,
    updated_at    timestamptz not null,
    primary key (project_id, campaign_id),
    foreign key (project_id, campaign_id) references campaign on delete cascade,
    check (opens_at is null or closes_at is null or opens_at < closes_at)
);
call protect('claim_rule');
grant select, insert, update, delete on claim_rule to kaquan_app;
