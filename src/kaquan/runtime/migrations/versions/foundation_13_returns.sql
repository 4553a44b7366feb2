-- Locked vouchers, returns, and which coupons an order is going to use.

-- A voucher locked by a session until it is redeemed through it, released, or out of time. What
-- it reserves are the ledger's holds under hold_id; a voucher without limits reserves nothing.
-- redeemable is what was asked for, so that an order can be paid by the session's key alone.
create table voucher_session (
    project_id      integer not null default current_project(),
    key             text collate "C" not null check (key <> ''),
    voucher_id      text collate "C" not null,
    hold_id         text collate "C" not null,
    customer_id     text collate "C",
    redeemable      jsonb not null,
    ttl             numeric not null check (ttl > 0),
    ttl_unit        text collate "C" not null,
    discount_minor  bigint not null check (discount_minor >= 0),
    expires_at      timestamptz not null,
    created_at      timestamptz not null,
    primary key (project_id, key, voucher_id),
    foreign key (project_id, voucher_id) references voucher on delete cascade,
    foreign key (project_id, customer_id) references customer
);
call protect('voucher_session');
create index voucher_session_voucher on voucher_session (project_id, voucher_id, created_at);
create index voucher_session_hold on voucher_session (project_id, hold_id);
create index voucher_session_expiry on voucher_session (project_id, expires_at);

-- What an order redeems when it is paid: the row goes with the payment or the cancelling.
create table order_coupons (
    project_id   integer not null default current_project(),
    order_id     text collate "C" not null,
    session_key  text collate "C",
    redeemables  jsonb not null,
    channel      text collate "C" not null,
    primary key (project_id, order_id),
    foreign key (project_id, order_id) references orders
);
call protect('order_coupons');

create table return_policy (
    project_id   integer not null default current_project(),
    campaign_id  text collate "C" not null,
    policy       jsonb not null,
    updated_at   timestamptz not null,
    primary key (project_id, campaign_id),
    foreign key (project_id, campaign_id) references campaign on delete cascade
);
call protect('return_policy');

-- returned_minor is what of the discount was given back or clawed back. Once the use was given
-- back, limits no longer count the redemption, nor once it was rolled back.
alter table redemption
    add column returned_minor bigint not null default 0,
    add column use_returned boolean not null default false,
    add column rolled_back boolean not null default false,
    add constraint redemption_not_returned_twice
        check (returned_minor between 0 and discount_minor + items_discount_minor);

-- A redemption knows that it was rolled back: whoever counts uses looks at its row alone.
create function mark_rolled_back() returns trigger
    language plpgsql security definer set search_path = kaquan, pg_temp as $$
begin
    if exists (select from fresh where kind = 'rollback') then
        update redemption r set rolled_back = true
          from fresh f
         where f.kind = 'rollback' and f.result = 'SUCCESS'
           and r.project_id = f.project_id and r.id = f.reverses_id;
    end if;
    return null;
end $$;
create trigger mark_rolled_back after insert on redemption
    referencing new table as fresh for each statement execute function mark_rolled_back();

-- Goods that came back. line_quantities and line_gross (what the goods cost before discounts)
-- have an entry a line of the order; line_gross has one more, for what no line accounts for.
-- With redemption_id only that redemption gave back; refund_minor is then not known.
create table order_return (
    project_id          integer not null default current_project(),
    id                  text collate "C" not null,
    order_id            text collate "C",
    redemption_id       text collate "C",
    line_quantities     bigint[] not null check (0 <= all (line_quantities)),
    line_gross          bigint[] not null check (0 <= all (line_gross)),
    gross_minor         bigint not null check (gross_minor >= 0),
    given_back_minor    bigint not null check (given_back_minor >= 0),
    clawed_back_minor   bigint not null check (clawed_back_minor >= 0),
    refund_minor        bigint check (refund_minor >= 0),
    completes           boolean not null,
    reason              text,
    metadata            jsonb not null default '{}',
    by_user_id          text collate "C",
    created_at          timestamptz not null,
    primary key (project_id, id),
    foreign key (project_id, order_id) references orders,
    foreign key (project_id, redemption_id) references redemption,
    check (order_id is not null or redemption_id is not null)
);
call protect('order_return');
create index order_return_order on order_return (project_id, order_id, id);
create index order_return_redemption on order_return (project_id, redemption_id) where redemption_id is not null;
create index order_return_created on order_return (project_id, created_at, id);

-- What one redemption gave back at a return, by line as in line_gross.
create table return_part (
    project_id     integer not null default current_project(),
    return_id      text collate "C" not null,
    redemption_id  text collate "C" not null,
    given_back     bigint[] not null check (0 <= all (given_back)),
    clawed_back    bigint[] not null check (0 <= all (clawed_back)),
    use_returned   boolean not null,
    primary key (project_id, return_id, redemption_id),
    foreign key (project_id, return_id) references order_return,
    foreign key (project_id, redemption_id) references redemption
);
call protect('return_part');
create index return_part_redemption on return_part (project_id, redemption_id);

grant select, insert, update, delete on voucher_session, order_coupons, return_policy to kaquan_app;
grant select, insert on order_return, return_part to kaquan_app;

-- What an order came to in the end, in minor units: its amount and total less what came back. The
-- one definition for summaries and reports; a return of one redemption alone refunds nothing.
create function net_amount(o orders) returns bigint language sql stable as $$
    select case when o.status = 'PARTIALLY_RETURNED' then o.amount_minor - coalesce((
        select sum(t.gross_minor) from order_return t
         where t.order_id = o.id and t.refund_minor is not null), 0)::bigint
    else o.amount_minor end
$$;
create function net_total(o orders) returns bigint language sql stable as $$
    select case when o.status = 'PARTIALLY_RETURNED' then o.total_minor - coalesce((
        select sum(t.refund_minor) from order_return t where t.order_id = o.id), 0)::bigint
    else o.total_minor end
$$;
grant execute on function net_amount(orders), net_total(orders) to kaquan_app;
