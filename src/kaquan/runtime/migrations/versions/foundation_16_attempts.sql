-- What was tried: each code of each validation and qualification, for KAQUAN_ATTEMPT_DAYS days.
-- Redemptions are in their own register and are never written here.

-- run_id: the first row of the request that this row belongs to, which alone has the inputs. No
-- foreign keys: these rows are written after the fact, when what they speak of may be gone.
create table attempt (
    project_id      integer not null default current_project(),
    id              text collate "C" not null,
    run_id          text collate "C" not null,
    kind            text collate "C" not null check (kind in ('validation', 'qualification')),
    object          text collate "C" not null
                    check (object in ('voucher', 'campaign', 'promotion_tier', 'promotion_stack')),
    code            text collate "C" not null,
    voucher_id      text collate "C",
    campaign_id     text collate "C",
    customer_id     text collate "C",
    customer_source_id  text collate "C",
    order_id        text collate "C",
    order_source_id text collate "C",
    channel         text not null,
    outcome         text collate "C" not null check (outcome in ('APPLIED', 'REFUSED', 'SKIPPED')),
    discount_minor  bigint not null check (discount_minor >= 0),
    reasons         jsonb not null,
    trace           jsonb not null,
    inputs          jsonb,
    created_at      timestamptz not null,
    primary key (project_id, id),
    check ((run_id = id) = (inputs is not null))
);
call protect('attempt');
create index attempt_created on attempt (project_id, created_at, id);
create index attempt_code on attempt (project_id, code, created_at);
create index attempt_customer on attempt (project_id, customer_id, created_at) where customer_id is not null;
create index attempt_newcomer on attempt (project_id, customer_source_id, created_at) where customer_source_id is not null;
create index attempt_order on attempt (project_id, order_id) where order_id is not null;
create index attempt_new_order on attempt (project_id, order_source_id) where order_source_id is not null;

-- The offers that attempts were decided on, by their owner and its version: as they were then.
-- seen_on: a day on which an attempt was decided on it, the last one or the one before.
create table decided_offer (
    project_id  integer not null default current_project(),
    ref         text collate "C" not null,
    offer       jsonb not null,
    seen_on     date not null,
    primary key (project_id, ref)
);
call protect('decided_offer');

grant select, insert, delete on attempt to kaquan_app;
grant select, insert, delete, update (seen_on) on decided_offer to kaquan_app;
