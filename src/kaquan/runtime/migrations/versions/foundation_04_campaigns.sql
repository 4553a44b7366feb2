-- Campaigns, vouchers, who holds them, who was held out, what was redeemed, what was sent.

create table campaign (
    project_id        integer not null default current_project(),
    id                text collate "C" not null,
    name              text not null check (name <> ''),
    description       text,
    kind              text collate "C" not null
                      check (kind in ('DISCOUNT_COUPONS', 'GIFT_VOUCHERS', 'LOYALTY_PROGRAM',
                                     'PROMOTION', 'REFERRAL_PROGRAM')),
    activation        text collate "C" not null default 'AUTO_UPDATE'
                      check (activation in ('AUTO_UPDATE', 'STATIC')),
    offer             jsonb not null,
    voucher_template  jsonb not null default '{}',
    budget_minor      bigint check (budget_minor >= 0),
    per_customer_cap  integer check (per_customer_cap > 0),
    redemption_cap    bigint check (redemption_cap > 0),
    category_ids      text[] collate "C" not null default '{}',
    priority          integer,
    lane              text collate "C" check (lane in ('item', 'order', 'shipping', 'payment')),
    holdout_bps       integer not null default 1000 check (holdout_bps between 0 and 10000),
    open_to_holdout   boolean not null default false,
    join_once         boolean not null default true,
    active            boolean not null default true,
    starts_at         timestamptz,
    expires_at        timestamptz,
    metadata          jsonb not null default '{}',
    version           integer not null default 1,
    created_at        timestamptz not null,
    updated_at        timestamptz,
    deletion_id       text collate "C",
    primary key (project_id, id),
    check (starts_at is null or expires_at is null or starts_at < expires_at)
);
call protect('campaign');
create unique index campaign_name on campaign (project_id, name) where deletion_id is null;
create index campaign_created on campaign (project_id, created_at, id);

-- quantity is how many uses were granted at issue (null: unlimited); how many are left is
-- the ledger's to say. offer is null when the campaign's applies. A tier of a promotion is a
-- voucher that needs no code: its code is its id. deletion_id: see foundation_56_deletion.
create table voucher (
    project_id   integer not null default current_project(),
    id           text collate "C" not null,
    code         text collate "C" not null check (code <> ''),
    campaign_id  text collate "C",
    holder_id    text collate "C",
    offer        jsonb,
    quantity     bigint check (quantity >= 0),
    active       boolean not null default true,
    tier         boolean not null default false,
    starts_at    timestamptz,
    expires_at   timestamptz,
    published_at timestamptz,
    category     text,
    category_ids text[] collate "C" not null default '{}',
    additional_info text,
    metadata     jsonb,
    created_at   timestamptz not null,
    updated_at   timestamptz,
    deletion_id  text collate "C",
    primary key (project_id, id),
    foreign key (project_id, campaign_id) references campaign,
    foreign key (project_id, holder_id) references customer,
    check (starts_at is null or expires_at is null or starts_at < expires_at),
    check (campaign_id is not null or offer is not null)
);
call protect('voucher');
create unique index voucher_code on voucher (project_id, code) where deletion_id is null;
create index voucher_campaign on voucher (project_id, campaign_id, id);
create index voucher_pool on voucher (project_id, campaign_id, id) where holder_id is null and active;
create index voucher_holder on voucher (project_id, holder_id) where holder_id is not null;

-- once: given under the campaign's rule that a customer joins once; the index then refuses a
-- second row. A source_id is unique within its campaign, or its voucher when that stands alone.
-- void: its voucher was deleted, so the customer may be given another.
create table publication (
    project_id    integer not null default current_project(),
    id            text collate "C" not null,
    campaign_id   text collate "C",
    voucher_id    text collate "C" not null,
    customer_id   text collate "C" not null,
    once          boolean not null default false,
    void          boolean not null default false,
    source_id     text collate "C",
    channel       text collate "C" not null,
    metadata      jsonb not null default '{}',
    created_at    timestamptz not null,
    primary key (project_id, id),
    foreign key (project_id, campaign_id) references campaign,
    foreign key (project_id, voucher_id) references voucher,
    foreign key (project_id, customer_id) references customer
);
call protect('publication');
create unique index publication_once on publication (project_id, campaign_id, customer_id)
    where once and not void;
create unique index publication_source on publication
    (project_id, (coalesce(campaign_id, voucher_id)), source_id)
    where source_id is not null and not void;
create index publication_campaign on publication (project_id, campaign_id, customer_id);
create index publication_customer on publication (project_id, customer_id, created_at);
create index publication_voucher on publication (project_id, voucher_id);

-- Which arm a customer was assigned for a campaign, and with what probability: written once,
-- before anything is sent.
create table exposure (
    project_id   integer not null default current_project(),
    campaign_id  text collate "C" not null,
    customer_id  text collate "C" not null,
    arm          text collate "C" not null check (arm in ('treatment', 'holdout')),
    propensity   double precision not null check (propensity > 0 and propensity <= 1),
    assigned_at  timestamptz not null,
    primary key (project_id, campaign_id, customer_id),
    foreign key (project_id, campaign_id) references campaign,
    foreign key (project_id, customer_id) references customer
);
call protect('exposure');

-- Every attempt: redemptions and rollbacks, successful or not, with the trace of the decision.
-- allocation is minor units per line of the order, in line order, stored and never re-spread;
-- items_allocation is the item-level part of it. given is null, or what else a redemption moved:
-- balance, units added to the order, grants, the delivery's part of the discount.
create table redemption (
    project_id      integer not null default current_project(),
    id              text collate "C" not null,
    kind            text collate "C" not null check (kind in ('redemption', 'rollback')),
    result          text collate "C" not null check (result in ('SUCCESS', 'FAILURE')),
    parent_id       text collate "C",
    reverses_id     text collate "C",
    voucher_id      text collate "C",
    campaign_id     text collate "C",
    customer_id     text collate "C",
    order_id        text collate "C",
    location_id     text collate "C",
    channel         text collate "C" not null,
    tracking_id     text,
    discount_minor        bigint not null default 0 check (discount_minor >= 0),
    items_discount_minor  bigint not null default 0 check (items_discount_minor >= 0),
    order_amount_minor    bigint check (order_amount_minor >= 0),
    allocation        bigint[] not null default '{}',
    items_allocation  bigint[] not null default '{}',
    given             jsonb,
    failure_code    text collate "C",
    failure_message text,
    trace           jsonb,
    metadata        jsonb not null default '{}',
    by_user_id      text collate "C",
    created_at      timestamptz not null,
    primary key (project_id, id),
    foreign key (project_id, parent_id) references redemption,
    foreign key (project_id, reverses_id) references redemption,
    foreign key (project_id, voucher_id) references voucher,
    foreign key (project_id, campaign_id) references campaign,
    foreign key (project_id, customer_id) references customer,
    foreign key (project_id, order_id) references orders,
    foreign key (project_id, location_id) references location,
    check ((kind = 'rollback') = (reverses_id is not null)),
    check ((result = 'FAILURE') = (failure_code is not null))
);
call protect('redemption');
create unique index redemption_rolled_back_once on redemption (project_id, reverses_id)
    where kind = 'rollback' and result = 'SUCCESS';
create index redemption_voucher on redemption (project_id, voucher_id, created_at);
create index redemption_campaign on redemption (project_id, campaign_id, created_at);
create index redemption_order on redemption (project_id, order_id) where order_id is not null;
create index redemption_parent on redemption (project_id, parent_id) where parent_id is not null;
create index redemption_created on redemption (project_id, created_at, id);
-- Made last, as orders_customer is.
create index redemption_customer on redemption (project_id, customer_id, campaign_id) where customer_id is not null;

-- One sending of a campaign to a segment: assignment, publication and messages in chunks, by
-- customer id; done_up_to is the last customer of the last chunk.
create table distribution (
    project_id   integer not null default current_project(),
    id           text collate "C" not null,
    campaign_id  text collate "C" not null,
    segment_id   text collate "C" not null,
    channel      text collate "C" not null,
    template     jsonb not null,
    status       text collate "C" not null check (status in ('pending', 'running', 'done', 'failed')),
    audience     bigint not null default 0,
    held_out     bigint not null default 0,
    published    bigint not null default 0,
    unreachable  bigint not null default 0,
    done_up_to   text collate "C" not null default '',
    error        text,
    created_at   timestamptz not null,
    updated_at   timestamptz,
    primary key (project_id, id),
    foreign key (project_id, campaign_id) references campaign,
    foreign key (project_id, segment_id) references segment
);
call protect('distribution');

-- kept: rendered, and shown in the console's outbox because no SMTP server is set.
-- address, subject, html and plain are sealed with the data key of the customer sealed_by.
-- sending: taken by a delivery until due_at; past it the delivery is taken to have died.
create table message (
    project_id       integer not null default current_project(),
    id               text collate "C" not null,
    distribution_id  text collate "C",
    campaign_id      text collate "C",
    customer_id      text collate "C" not null,
    voucher_id       text collate "C",
    channel          text collate "C" not null,
    sealed_by        text collate "C",
    address          text not null,
    subject          text not null,
    html             text not null,
    plain            text not null,
    headers          jsonb not null default '{}',
    status           text collate "C" not null
                     check (status in ('kept', 'queued', 'sending', 'sent', 'failed')),
    attempts         integer not null default 0,
    due_at           timestamptz,
    error            text,
    created_at       timestamptz not null,
    sent_at          timestamptz,
    check ((status in ('queued', 'sending')) = (due_at is not null)),
    primary key (project_id, id),
    unique (project_id, distribution_id, customer_id),
    foreign key (project_id, distribution_id) references distribution,
    foreign key (project_id, campaign_id) references campaign,
    foreign key (project_id, customer_id) references customer,
    foreign key (project_id, voucher_id) references voucher
);
call protect('message');
create index message_created on message (project_id, created_at, id);
create index message_waiting on message (project_id, due_at, id) where status in ('queued', 'sending');
create index message_voucher on message (project_id, voucher_id) where voucher_id is not null;
create index message_customer on message (project_id, customer_id, created_at);
