-- Who pays which share of a discount: partners, what campaigns agreed with them, and what every
-- redemption came to.

create table partner (
    project_id  integer not null default current_project(),
    id          text collate "C" not null,
    name        text not null check (name <> ''),
    created_at  timestamptz not null,
    updated_at  timestamptz,
    primary key (project_id, id),
    unique (project_id, name)
);
call protect('partner');

-- funding: [{"partner_id", "share_bps"}], the rest is the merchant's own.
alter table campaign add column funding jsonb not null default '[]';

-- What each side bears of a redemption's discount, and what a return or rollback took back of it
-- (negative). cause_id is the redemption's own id, or the return's or rollback's. partner_id null
-- is the merchant. Entries of one redemption always sum to the discount that still stands.
create table settlement_entry (
    project_id     integer not null default current_project(),
    redemption_id  text collate "C" not null,
    cause_id       text collate "C" not null,
    position       smallint not null,
    partner_id     text collate "C",
    share_bps      integer not null check (share_bps between 1 and 10000),
    campaign_id    text collate "C" not null,
    amount_minor   bigint not null
                   check (case when cause_id = redemption_id then amount_minor >= 0
                               else amount_minor < 0 end),
    at             timestamptz not null,
    primary key (project_id, redemption_id, cause_id, position),
    foreign key (project_id, redemption_id) references redemption,
    foreign key (project_id, partner_id) references partner,
    foreign key (project_id, campaign_id) references campaign
);
call protect('settlement_entry');
create index settlement_entry_at on settlement_entry (project_id, at);
create index settlement_entry_partner on settlement_entry (project_id, partner_id, at);
create index settlement_entry_campaign on settlement_entry (project_id, campaign_id, at);

grant select, insert, update, delete on partner to kaquan_app;
grant select, insert on settlement_entry to kaquan_app;
