-- Promotion tiers are vouchers without a code of their own (voucher.tier): the voucher's row has
-- the offer, its window, its uses; this one has what only a promotion says.
create table promotion_tier (
    project_id   integer not null default current_project(),
    voucher_id   text collate "C" not null,
    campaign_id  text collate "C" not null,
    name         text not null check (name <> ''),
    banner       text,
    hierarchy    integer not null,
    primary key (project_id, voucher_id),
    foreign key (project_id, voucher_id) references voucher on delete cascade,
    foreign key (project_id, campaign_id) references campaign
);
call protect('promotion_tier');
create index promotion_tier_campaign on promotion_tier (project_id, campaign_id, hierarchy);

create table promotion_stack (
    project_id   integer not null default current_project(),
    id           text collate "C" not null,
    campaign_id  text collate "C" not null,
    name         text not null check (name <> ''),
    tier_ids     text[] collate "C" not null,
    category_id  text collate "C",
    created_at   timestamptz not null,
    updated_at   timestamptz,
    primary key (project_id, id),
    foreign key (project_id, campaign_id) references campaign
);
call protect('promotion_stack');
create index promotion_stack_created on promotion_stack (project_id, created_at, id);

-- Campaigns and tiers to start others from: their members as the dialect has them.
create table campaign_template (
    project_id     integer not null default current_project(),
    id             text collate "C" not null,
    name           text not null check (name <> ''),
    description    text,
    campaign_kind  text collate "C" not null,
    content        jsonb not null,
    created_at     timestamptz not null,
    updated_at     timestamptz,
    primary key (project_id, id)
);
call protect('campaign_template');

grant select, insert, update, delete on promotion_tier, promotion_stack, campaign_template
    to kaquan_app;
