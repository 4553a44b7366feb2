-- Loyalty programmes: what earns points, tiers, rewards, and what became of earned points. A
-- programme is a campaign of points cards; the points themselves are the ledger's.

create table earning_rule (
    project_id   integer not null default current_project(),
    id           text collate "C" not null,
    campaign_id  text collate "C" not null,
    event        text collate "C" not null check (event <> ''),
    schema_id    text collate "C",
    terms        jsonb not null,
    banner       text,
    active       boolean not null,
    starts_at    timestamptz,
    expires_at   timestamptz,
    pending_days smallint check (pending_days between 1 and 90),
    expiry       jsonb,
    metadata     jsonb not null default '{}',
    created_at   timestamptz not null,
    updated_at   timestamptz,
    primary key (project_id, id),
    foreign key (project_id, campaign_id) references campaign on delete cascade,
    check (starts_at is null or expires_at is null or starts_at < expires_at)
);
call protect('earning_rule');
create index earning_rule_campaign on earning_rule (project_id, campaign_id, id);
create index earning_rule_event on earning_rule (project_id, event);

-- Whoever has from_points to to_points (both included) on the card is in the tier.
create table loyalty_tier (
    project_id     integer not null default current_project(),
    id             text collate "C" not null,
    campaign_id    text collate "C" not null,
    name           text not null check (name <> ''),
    from_points    bigint not null check (from_points >= 0),
    to_points      bigint check (to_points >= from_points),
    earning_rules  jsonb not null default '{}',
    rewards        jsonb not null default '{}',
    metadata       jsonb not null default '{}',
    created_at     timestamptz not null,
    updated_at     timestamptz,
    primary key (project_id, id),
    foreign key (project_id, campaign_id) references campaign on delete cascade
);
call protect('loyalty_tier');
create index loyalty_tier_campaign on loyalty_tier (project_id, campaign_id, from_points);

-- How many of a reward are left, or were given, is the ledger's to say (uses, used).
create table reward (
    project_id      integer not null default current_project(),
    id              text collate "C" not null,
    name            text not null check (name <> ''),
    kind            text collate "C" not null check (kind in ('CAMPAIGN', 'MATERIAL', 'COIN')),
    campaign_id     text collate "C",
    balance         bigint check (balance > 0),
    product_id      text collate "C",
    sku_id          text collate "C",
    exchange_ratio  numeric check (exchange_ratio > 0),
    points_ratio    bigint check (points_ratio > 0),
    stock           bigint check (stock >= 0),
    image_url       text,
    description     text,
    metadata        jsonb not null default '{}',
    created_at      timestamptz not null,
    updated_at      timestamptz,
    primary key (project_id, id),
    foreign key (project_id, campaign_id) references campaign,
    foreign key (project_id, product_id) references product,
    check ((kind = 'CAMPAIGN') = (campaign_id is not null)),
    check ((kind = 'MATERIAL') = (product_id is not null)),
    check ((kind = 'COIN') = (exchange_ratio is not null and points_ratio is not null))
);
call protect('reward');
create index reward_created on reward (project_id, created_at, id);

create table reward_assignment (
    project_id   integer not null default current_project(),
    id           text collate "C" not null,
    reward_id    text collate "C" not null,
    campaign_id  text collate "C" not null,
    points       bigint check (points > 0),
    created_at   timestamptz not null,
    updated_at   timestamptz,
    primary key (project_id, id),
    unique (project_id, reward_id, campaign_id),
    foreign key (project_id, reward_id) references reward on delete cascade,
    foreign key (project_id, campaign_id) references campaign on delete cascade
);
call protect('reward_assignment');
create index reward_assignment_campaign on reward_assignment (project_id, campaign_id, id);

-- Points that were given for something: what was given is a voucher, an order, or both not.
create table reward_redemption (
    project_id        integer not null default current_project(),
    id                text collate "C" not null,
    reward_id         text collate "C" not null,
    reward_name       text not null,
    reward_kind       text collate "C" not null,
    assignment_id     text collate "C" not null,
    campaign_id       text collate "C" not null,
    voucher_id        text collate "C" not null,
    customer_id       text collate "C" not null,
    loyalty_tier_id   text collate "C",
    points            bigint not null check (points > 0),
    given_voucher_id  text collate "C",
    order_id          text collate "C",
    metadata          jsonb not null default '{}',
    created_at        timestamptz not null,
    primary key (project_id, id),
    foreign key (project_id, campaign_id) references campaign,
    foreign key (project_id, voucher_id) references voucher,
    foreign key (project_id, customer_id) references customer,
    foreign key (project_id, given_voucher_id) references voucher,
    foreign key (project_id, order_id) references orders
);
call protect('reward_redemption');
create index reward_redemption_order on reward_redemption (project_id, order_id)
    where order_id is not null;

-- What a rule gave for one order or event: once, whoever notices it. returned_minor is what of the
-- order's goods came back, taken_back how many points were asked back for it, spent ones included.
create table point_earning (
    project_id       integer not null default current_project(),
    id               text collate "C" not null,
    rule_id          text collate "C" not null,
    campaign_id      text collate "C" not null,
    voucher_id       text collate "C" not null,
    subject_id       text collate "C" not null,
    order_id         text collate "C",
    loyalty_tier_id  text collate "C",
    points           bigint not null check (points >= 0),
    returned_minor   bigint not null default 0 check (returned_minor >= 0),
    taken_back       bigint not null default 0,
    created_at       timestamptz not null,
    primary key (project_id, id),
    unique (project_id, subject_id, rule_id),
    foreign key (project_id, campaign_id) references campaign,
    foreign key (project_id, voucher_id) references voucher,
    check (taken_back between 0 and points)
);
call protect('point_earning');
create index point_earning_order on point_earning (project_id, order_id) where order_id is not null;

-- The other card of an adjustment that moved points from card to card.
create table point_transfer (
    project_id     integer not null default current_project(),
    adjustment_id  text collate "C" not null,
    counterpart    text collate "C" not null,
    primary key (project_id, adjustment_id),
    foreign key (project_id, adjustment_id) references balance_adjustment,
    foreign key (project_id, counterpart) references voucher
);
call protect('point_transfer');

-- What may earn points or cost some, noticed by triggers whoever wrote it; rows go when they are
-- settled. Only what comes after a project's first rule is noticed.
create table points_due (
    project_id      integer not null default current_project(),
    id              bigint generated always as identity,
    subject_id      text collate "C" not null,
    paid            boolean not null default false,
    returned_minor  bigint not null default 0,
    event           jsonb,
    primary key (project_id, id)
);
call protect('points_due');
create index points_due_subject on points_due (project_id, subject_id);

create function note_orders_for_points() returns trigger language plpgsql as $$
begin
    if exists (select from earning_rule) then
        insert into points_due (subject_id, paid)
        select id, true from changed
         where status in ('PAID', 'FULFILLED') and customer_id is not null;
    end if;
    return null;
end $$;
create function note_order_changes_for_points() returns trigger language plpgsql as $$
begin
    if exists (select from earning_rule) then
        insert into points_due (subject_id, paid)
        select n.id, n.status in ('PAID', 'FULFILLED')
          from changed n join former o on o.project_id = n.project_id and o.id = n.id
         where n.customer_id is not null
           and (n.status in ('PAID', 'FULFILLED') and o.status = 'CREATED'
                or n.status in ('CANCELED', 'RETURNED') and o.status <> n.status);
    end if;
    return null;
end $$;
create function note_returns_for_points() returns trigger language plpgsql as $$
begin
    -- What only one redemption gave back is no return of the order's goods.
    if exists (select from point_earning) then
        insert into points_due (subject_id, returned_minor)
        select order_id, gross_minor from changed
         where order_id is not null and refund_minor is not null;
    end if;
    return null;
end $$;
create trigger note_points after insert on orders
    referencing new table as changed for each statement execute function note_orders_for_points();
create trigger note_points_changed after update on orders
    referencing new table as changed old table as former
    for each statement execute function note_order_changes_for_points();
create trigger note_points after insert on order_return
    referencing new table as changed for each statement execute function note_returns_for_points();

grant select, insert, update, delete on earning_rule, loyalty_tier, reward, reward_assignment
    to kaquan_app;
grant select, insert on reward_redemption, point_transfer to kaquan_app;
grant select, insert, update on point_earning to kaquan_app;
grant select, insert, delete on points_due to kaquan_app;
grant execute on all functions in schema kaquan to kaquan_app;
