-- Customers, what they bought and where; segments of them.

-- The _key columns are what a search compares: only a plain column and operators that leak
-- nothing may use an index underneath a row-level policy, and lower() is not such an operator.
-- An erased customer keeps an empty row for the orders and the ledger that point to it.
-- Name, e-mail, phone and, within the address, all but the region are sealed with the person's data
-- key, which the project's key wraps (kaquan.trust.Vault); the _index columns and the tokens of
-- names' beginnings are keyed digests by which they are looked up. Erasing empties the key.
create table customer (
    project_id   integer not null default current_project(),
    id           text collate "C" not null,
    source_id    text collate "C",
    data_key     text,
    name         text,
    email        text,
    phone        text,
    birth_date   date,
    description  text,
    address      jsonb,
    metadata     jsonb not null default '{}',
    created_at   timestamptz not null,
    updated_at   timestamptz,
    erased_at    timestamptz,
    name_index   text collate "C",
    email_index  text collate "C",
    phone_index  text collate "C",
    postal_index text collate "C",
    name_tokens  bigint[],
    primary key (project_id, id),
    unique (project_id, source_id)
);
call protect('customer');
create index customer_email on customer (project_id, email_index) where email_index is not null;
create index customer_phone on customer (project_id, phone_index) where phone_index is not null;
create index customer_name on customer using gin (name_tokens);
create index customer_created on customer (project_id, created_at, id);

-- What a customer's paid orders add up to; kept by the verbs that change orders.
create table customer_summary (
    project_id      integer not null default current_project(),
    customer_id     text collate "C" not null,
    order_count     bigint not null,
    spend_minor     bigint not null,
    first_order_at  timestamptz not null,
    last_order_at   timestamptz not null,
    primary key (project_id, customer_id),
    foreign key (project_id, customer_id) references customer on delete cascade
);
call protect('customer_summary');

-- The latest row per (customer, channel, purpose) is what holds; rows are never changed.
create table consent (
    project_id   integer not null default current_project(),
    customer_id  text collate "C" not null,
    channel      text collate "C" not null,
    purpose      text collate "C" not null,
    granted      boolean not null,
    source       text not null,
    at           timestamptz not null,
    primary key (project_id, customer_id, channel, purpose, at),
    foreign key (project_id, customer_id) references customer on delete cascade
);
call protect('consent');

create table location (
    project_id  integer not null default current_project(),
    id          text collate "C" not null,
    source_id   text collate "C",
    name        text not null,
    metadata    jsonb not null default '{}',
    created_at  timestamptz not null,
    updated_at  timestamptz,
    primary key (project_id, id),
    unique (project_id, source_id)
);
call protect('location');

create table product (
    project_id   integer not null default current_project(),
    id           text collate "C" not null,
    source_id    text collate "C",
    name         text,
    price_minor  bigint check (price_minor >= 0),
    image_url    text,
    attributes   jsonb not null default '{}',
    metadata     jsonb not null default '{}',
    created_at   timestamptz not null,
    updated_at   timestamptz,
    primary key (project_id, id),
    unique (project_id, source_id)
);
call protect('product');
create index product_created on product (project_id, created_at, id);

-- An order is one row with its lines: the line_ columns are parallel arrays, an element a
-- line, in the order in which the shop sent them. A row a line would cost three times the
-- space and five times the writing (docs/decisions). line_product_ids holds null where the
-- catalogue does not know the product; line_source_ids is what the shop called it;
-- line_details is null or an array of objects with what else came with each line.
create table orders (
    project_id      integer not null default current_project(),
    id              text collate "C" not null,
    source_id       text collate "C",
    customer_id     text collate "C",
    location_id     text collate "C",
    status          text collate "C" not null check (status in
        ('CREATED', 'PAID', 'FULFILLED', 'CANCELED', 'PARTIALLY_RETURNED', 'RETURNED')),
    amount_minor          bigint not null check (amount_minor >= 0),
    discount_minor        bigint not null default 0 check (discount_minor >= 0),
    items_discount_minor  bigint not null default 0 check (items_discount_minor >= 0),
    shipping_minor        bigint not null default 0 check (shipping_minor between 0 and amount_minor),
    total_minor     bigint not null
                    generated always as (amount_minor - discount_minor - items_discount_minor) stored
                    check (total_minor >= 0),
    line_product_ids   text[] not null default '{}',
    line_source_ids    text[] not null default '{}',
    line_quantities    bigint[] not null default '{}' check (1 <= all (line_quantities)),
    line_unit_prices   bigint[] not null default '{}' check (0 <= all (line_unit_prices)),
    line_amounts       bigint[] not null default '{}' check (0 <= all (line_amounts)),
    line_discounts     bigint[] not null default '{}' check (0 <= all (line_discounts)),
    line_details       jsonb,
    metadata        jsonb not null default '{}',
    placed_at       timestamptz not null,
    created_at      timestamptz not null,
    updated_at      timestamptz,
    primary key (project_id, id),
    unique (project_id, source_id),
    foreign key (project_id, customer_id) references customer,
    foreign key (project_id, location_id) references location,
    check (cardinality(line_product_ids) = cardinality(line_quantities)
       and cardinality(line_source_ids) = cardinality(line_quantities)
       and cardinality(line_unit_prices) = cardinality(line_quantities)
       and cardinality(line_amounts) = cardinality(line_quantities)
       and cardinality(line_discounts) = cardinality(line_quantities))
);
call protect('orders');
create index orders_placed on orders (project_id, placed_at, id);
-- Made last: while a table is too small for statistics to tell its indexes apart, the planner takes
-- the last one, and a prepared plan is kept when the table grows.
create index orders_customer on orders (project_id, customer_id, placed_at) where customer_id is not null;

create view order_line with (security_invoker = true) as
select o.project_id, o.id as order_id, o.customer_id, o.location_id, o.status, o.placed_at,
       l.line_no, l.product_id, l.source_id, l.quantity, l.unit_price_minor, l.amount_minor,
       l.discount_minor
  from orders o cross join lateral unnest(
       o.line_product_ids, o.line_source_ids, o.line_quantities, o.line_unit_prices,
       o.line_amounts, o.line_discounts) with ordinality
       as l (product_id, source_id, quantity, unit_price_minor, amount_minor, discount_minor, line_no);

create table segment (
    project_id    integer not null default current_project(),
    id            text collate "C" not null,
    name          text not null check (name <> ''),
    kind          text not null check (kind in ('auto-update', 'passive', 'static')),
    definition    jsonb not null,
    metadata      jsonb not null default '{}',
    member_count  bigint not null default 0,
    evaluated_at  timestamptz,
    created_at    timestamptz not null,
    updated_at    timestamptz,
    primary key (project_id, id),
    unique (project_id, name)
);
call protect('segment');

create table segment_member (
    project_id   integer not null default current_project(),
    segment_id   text collate "C" not null,
    customer_id  text collate "C" not null,
    since        timestamptz not null,
    primary key (project_id, segment_id, customer_id),
    foreign key (project_id, segment_id) references segment on delete cascade,
    foreign key (project_id, customer_id) references customer on delete cascade
);
call protect('segment_member');
create index segment_member_customer on segment_member (project_id, customer_id);

-- Quintile scores (5 is best) over the project's buying customers, recomputed as a whole.
create table rfm_score (
    project_id       integer not null default current_project(),
    customer_id      text collate "C" not null,
    recency_days     integer not null,
    frequency        bigint not null,
    monetary_minor   bigint not null,
    recency_score    smallint not null check (recency_score between 1 and 5),
    frequency_score  smallint not null check (frequency_score between 1 and 5),
    monetary_score   smallint not null check (monetary_score between 1 and 5),
    band             text collate "C" not null,
    as_of            timestamptz not null,
    primary key (project_id, customer_id),
    foreign key (project_id, customer_id) references customer on delete cascade
);
call protect('rfm_score');
create index rfm_score_band on rfm_score (project_id, band);
