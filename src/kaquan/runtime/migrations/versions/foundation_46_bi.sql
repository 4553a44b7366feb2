-- Facts as others may read them: BI tools, the lake, the metrics. No view has a name, an address or
-- what a merchant wrote about a person. The views run as the tables' owner and name the project
-- themselves, so their readers need no right on any table; with no project set they are empty.
--
-- at is the moment (UTC), day and hour are the project's: what a metric by day counts by.

create schema kaquan_bi;

create view kaquan_bi.clock with (security_barrier = true) as
    select time_zone, currency, settings ->> 'margin_rate_bps' as margin_rate_bps
      from kaquan.project where project_id = (select kaquan.current_project());

create view kaquan_bi.campaign with (security_barrier = true) as
    select id, name, kind, budget_minor, starts_at, expires_at, created_at
      from kaquan.campaign where project_id = (select kaquan.current_project());

create view kaquan_bi.location with (security_barrier = true) as
    select id, source_id, name
      from kaquan.location where project_id = (select kaquan.current_project());

create view kaquan_bi.product with (security_barrier = true) as
    select id, source_id, name,
           coalesce(attributes ->> 'category', attributes ->> 'department') as category
      from kaquan.product where project_id = (select kaquan.current_project());

create view kaquan_bi.segment_member with (security_barrier = true) as
    select segment_id, customer_id
      from kaquan.segment_member where project_id = (select kaquan.current_project());

-- erased: an empty row that orders and the ledger still point to.
create view kaquan_bi.customer with (security_barrier = true) as
    select c.id, c.erased_at is not null as erased, c.created_at as at, l.day, l.hour
      from kaquan.customer c
     cross join lateral (select c.created_at at time zone (select time_zone from kaquan_bi.clock)
                             as clock offset 0) z
     cross join lateral (select z.clock::date as day,
                                extract(hour from z.clock)::smallint as hour) l
     where c.project_id = (select kaquan.current_project());

-- amount_minor and total_minor are net of returned goods: what net_amount and net_total say, which a
-- reader of views could not run (a test compares). discount_minor is the difference. paid: it
-- counts as revenue.
create view kaquan_bi.orders with (security_barrier = true) as
    select o.id, o.customer_id, o.location_id, o.status,
           o.status in ('PAID', 'FULFILLED', 'PARTIALLY_RETURNED') as paid,
           o.amount_minor - b.gross_minor as amount_minor,
           o.total_minor - b.refund_minor as total_minor,
           o.amount_minor - b.gross_minor - (o.total_minor - b.refund_minor) as discount_minor,
           o.placed_at as at, l.day, l.hour
      from kaquan.orders o
     cross join lateral (
         select coalesce(sum(t.gross_minor) filter (where t.refund_minor is not null), 0)::bigint
                    as gross_minor,
                coalesce(sum(t.refund_minor), 0)::bigint as refund_minor
           from kaquan.order_return t
          where o.status = 'PARTIALLY_RETURNED' and t.project_id = o.project_id
            and t.order_id = o.id) b
     cross join lateral (select o.placed_at at time zone (select time_zone from kaquan_bi.clock)
                             as clock offset 0) z
     cross join lateral (select z.clock::date as day,
                                extract(hour from z.clock)::smallint as hour) l
     where o.project_id = (select kaquan.current_project());

-- As sold: returned goods are not taken off lines.
create view kaquan_bi.order_line with (security_barrier = true) as
    select o.id as order_id, n.line_no, o.customer_id, o.location_id,
           o.status in ('PAID', 'FULFILLED', 'PARTIALLY_RETURNED') as paid,
           n.product_id, n.source_id, n.quantity, n.amount_minor, n.discount_minor,
           o.placed_at as at, l.day, l.hour
      from kaquan.orders o
     cross join lateral (select o.placed_at at time zone (select time_zone from kaquan_bi.clock)
                             as clock offset 0) z
     cross join lateral (select z.clock::date as day,
                                extract(hour from z.clock)::smallint as hour) l
     cross join lateral unnest(o.line_product_ids, o.line_source_ids, o.line_quantities,
                               o.line_amounts, o.line_discounts) with ordinality
         as n (product_id, source_id, quantity, amount_minor, discount_minor, line_no)
     where o.project_id = (select kaquan.current_project());

create view kaquan_bi.voucher with (security_barrier = true) as
    select v.id, v.campaign_id, v.holder_id as customer_id, v.active, v.expires_at,
           (v.expires_at at time zone (select time_zone from kaquan_bi.clock))::date as expires_on,
           v.created_at as at, l.day, l.hour
      from kaquan.voucher v
     cross join lateral (select v.created_at at time zone (select time_zone from kaquan_bi.clock)
                             as clock offset 0) z
     cross join lateral (select z.clock::date as day,
                                extract(hour from z.clock)::smallint as hour) l
     where v.project_id = (select kaquan.current_project()) and not v.tier;

-- claimed: the customer fetched it in a claim, rather than being given it.
create view kaquan_bi.publication with (security_barrier = true) as
    select p.id, p.campaign_id, p.voucher_id, p.customer_id, p.channel,
           exists (select from kaquan.transfer t
                    where t.project_id = p.project_id and t.cause_id = p.id
                      and t.kind = 'claims' and t.cause = 'redeem') as claimed,
           p.created_at as at, l.day, l.hour
      from kaquan.publication p
     cross join lateral (select p.created_at at time zone (select time_zone from kaquan_bi.clock)
                             as clock offset 0) z
     cross join lateral (select z.clock::date as day,
                                extract(hour from z.clock)::smallint as hour) l
     where p.project_id = (select kaquan.current_project());

-- stands: it succeeded, and neither it nor the parent that it belongs to was rolled back.
-- discount_minor is net of what returns took back. came_back: use or discount was given back.
create view kaquan_bi.redemption with (security_barrier = true) as
    select r.id, r.kind, r.result, r.failure_code, r.voucher_id, r.campaign_id, r.customer_id,
           r.order_id, r.location_id, r.channel,
           r.kind = 'redemption' and r.result = 'SUCCESS' and not r.rolled_back
               and not exists (select from kaquan.redemption p
                                where p.project_id = r.project_id and p.id = r.parent_id
                                  and p.rolled_back) as stands,
           r.rolled_back or r.use_returned or r.returned_minor > 0 as came_back,
           r.discount_minor + r.items_discount_minor - r.returned_minor as discount_minor,
           r.order_amount_minor, r.created_at as at, l.day, l.hour
      from kaquan.redemption r
     cross join lateral (select r.created_at at time zone (select time_zone from kaquan_bi.clock)
                             as clock offset 0) z
     cross join lateral (select z.clock::date as day,
                                extract(hour from z.clock)::smallint as hour) l
     where r.project_id = (select kaquan.current_project());

create view kaquan_bi.attempt with (security_barrier = true) as
    select a.id, a.kind, a.object, a.campaign_id, a.customer_id, a.channel, a.outcome,
           a.discount_minor, a.created_at as at, l.day, l.hour
      from kaquan.attempt a
     cross join lateral (select a.created_at at time zone (select time_zone from kaquan_bi.clock)
                             as clock offset 0) z
     cross join lateral (select z.clock::date as day,
                                extract(hour from z.clock)::smallint as hour) l
     where a.project_id = (select kaquan.current_project());

create view kaquan_bi.message with (security_barrier = true) as
    select m.id, m.campaign_id, m.customer_id, m.voucher_id, m.channel, m.status,
           m.created_at as at, l.day, l.hour
      from kaquan.message m
     cross join lateral (select m.created_at at time zone (select time_zone from kaquan_bi.clock)
                             as clock offset 0) z
     cross join lateral (select z.clock::date as day,
                                extract(hour from z.clock)::smallint as hour) l
     where m.project_id = (select kaquan.current_project());

create view kaquan_bi.event with (security_barrier = true) as
    select e.id, e.customer_id, e.name, e.metadata ->> 'campaign_id' as campaign_id,
           e.at, l.day, l.hour
      from kaquan.event e
     cross join lateral (select e.at at time zone (select time_zone from kaquan_bi.clock)
                             as clock offset 0) z
     cross join lateral (select z.clock::date as day,
                                extract(hour from z.clock)::smallint as hour) l
     where e.project_id = (select kaquan.current_project());

create view kaquan_bi.exposure with (security_barrier = true) as
    select x.campaign_id, x.customer_id, x.arm, x.propensity,
           x.assigned_at as at, l.day, l.hour
      from kaquan.exposure x
     cross join lateral (select x.assigned_at at time zone (select time_zone from kaquan_bi.clock)
                             as clock offset 0) z
     cross join lateral (select z.clock::date as day,
                                extract(hour from z.clock)::smallint as hour) l
     where x.project_id = (select kaquan.current_project());

-- into_amount: what the transfer puts on accounts inside, less what it takes off them. campaign_id:
-- the campaign of a budget, or of the voucher whose value moved.
create view kaquan_bi.transfer with (security_barrier = true) as
    select t.id, t.kind, t.from_owner, t.to_owner, t.amount, t.cause, t.cause_id, t.reverses,
           coalesce(v.campaign_id, case when t.kind = 'budget' then i.owner end) as campaign_id,
           case when left(t.to_owner, 1) = '@' then -t.amount
                when left(t.from_owner, 1) = '@' then t.amount else 0 end as into_amount,
           t.at, l.day, l.hour
      from kaquan.transfer t
     cross join lateral (select case when left(t.to_owner, 1) = '@' then t.from_owner
                                     else t.to_owner end as owner) i
      left join kaquan.voucher v
        on v.project_id = t.project_id and v.id = i.owner and t.kind in ('value', 'points')
     cross join lateral (select t.at at time zone (select time_zone from kaquan_bi.clock)
                             as clock offset 0) z
     cross join lateral (select z.clock::date as day,
                                extract(hour from z.clock)::smallint as hour) l
     where t.project_id = (select kaquan.current_project());

-- What is left now, of which how much is held for open sessions.
create view kaquan_bi.balance with (security_barrier = true) as
    select owner, kind, balance, held
      from kaquan.account where project_id = (select kaquan.current_project());

grant usage on schema kaquan_bi to kaquan_app;
grant select on all tables in schema kaquan_bi to kaquan_app;

-- The role for BI tools: it reads these views and nothing else. Whoever may not create roles can
-- have an administrator create it before migrating (docs/reference/bi-views.md).
do $$
begin
    if not exists (select from pg_roles where rolname = 'kaquan_bi') then
        begin
            create role kaquan_bi nologin;
        exception when insufficient_privilege or duplicate_object or unique_violation then
            null;
        end;
    end if;
    if exists (select from pg_roles where rolname = 'kaquan_bi') then
        grant usage on schema kaquan_bi to kaquan_bi;
        grant select on all tables in schema kaquan_bi to kaquan_bi;
    end if;
end $$;
