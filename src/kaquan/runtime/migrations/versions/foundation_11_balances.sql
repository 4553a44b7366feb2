-- Gift cards and points: what was added to or taken from a voucher's balance by hand.

-- The balance itself is the ledger's; a transfer whose cause_id is an adjustment's id moved it.
create table balance_adjustment (
    project_id  integer not null default current_project(),
    id          text collate "C" not null,
    voucher_id  text collate "C" not null,
    amount      bigint not null check (amount <> 0),
    source_id   text collate "C",
    reason      text,
    by_user_id  text collate "C",
    created_at  timestamptz not null,
    primary key (project_id, id),
    foreign key (project_id, voucher_id) references voucher
);
call protect('balance_adjustment');
create unique index balance_adjustment_source on balance_adjustment
    (project_id, voucher_id, source_id) where source_id is not null;

-- A balance's history is read by its account. Transfers of uses and budgets are not in these.
create index transfer_balance_from on transfer (project_id, from_owner, id)
    where kind in ('value', 'points');
create index transfer_balance_to on transfer (project_id, to_owner, id)
    where kind in ('value', 'points');

grant select, insert on balance_adjustment to kaquan_app;
