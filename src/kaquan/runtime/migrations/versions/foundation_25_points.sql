-- Points that wait before they count, and points that expire.
--
-- What waits lies in an account of its own, named by the earning: its balance is what is pending.
-- Which of a card's points expire when is followed by a trigger on the ledger's transfers, so it
-- does not matter who moved them, and a lot's figures move in the statement that moved the balance.

-- A programme's rule of expiry; an earning rule may have one of its own (earning_rule.expiry).
create table points_expiry (
    project_id   integer not null default current_project(),
    campaign_id  text collate "C" not null,
    rules        jsonb not null,
    primary key (project_id, campaign_id),
    foreign key (project_id, campaign_id) references campaign on delete cascade
);
call protect('points_expiry');

-- id: the earning's. points: what is pending, or was when it ended.
create table pending_points (
    project_id    integer not null default current_project(),
    id            text collate "C" not null,
    voucher_id    text collate "C" not null,
    campaign_id   text collate "C" not null,
    points        bigint not null check (points >= 0),
    activates_on  date not null,
    state         text collate "C" not null default 'pending'
                  check (state in ('pending', 'activated', 'canceled')),
    created_at    timestamptz not null,
    updated_at    timestamptz,
    primary key (project_id, id),
    foreign key (project_id, id) references point_earning,
    foreign key (project_id, voucher_id) references voucher
);
call protect('pending_points');
create index pending_points_due on pending_points (project_id, activates_on, id)
    where state = 'pending';
create index pending_points_campaign on pending_points (project_id, campaign_id, id)
    where state = 'pending';
create index pending_points_card on pending_points (project_id, voucher_id, id)
    where state = 'pending';

-- Points that came to a card at once and can be spent until the end of expires_on. Spent are those
-- that expire first, and points of no lot, which never expire, last.
create table points_lot (
    project_id   integer not null default current_project(),
    id           text collate "C" not null,
    voucher_id   text collate "C" not null,
    campaign_id  text collate "C",
    cause_id     text collate "C" not null,
    points       bigint not null check (points > 0),
    remaining    bigint not null check (remaining >= 0),
    expired      bigint not null default 0 check (expired >= 0),
    expires_on   date not null,
    created_at   timestamptz not null,
    updated_at   timestamptz,
    primary key (project_id, id),
    foreign key (project_id, voucher_id) references voucher on delete cascade,
    check (remaining + expired <= points)
);
call protect('points_lot');
create index points_lot_card on points_lot (project_id, voucher_id, expires_on, id);
create index points_lot_campaign on points_lot (project_id, campaign_id, expires_on, id);
create index points_lot_due on points_lot (project_id, expires_on, voucher_id)
    where remaining > 0;

-- What a redemption took out of which lot, for a return to give back there.
create table points_lot_take (
    project_id   integer not null default current_project(),
    transfer_id  bigint not null,
    lot_id       text collate "C" not null,
    amount       bigint not null check (amount > 0),
    given_back   bigint not null default 0 check (given_back between 0 and amount),
    primary key (project_id, transfer_id, lot_id),
    foreign key (project_id, lot_id) references points_lot on delete cascade
);
call protect('points_lot_take');

-- The last day on which points that came on a day can be spent. A day that a month lacks is its
-- last one.
create function points_expire_on(rules jsonb, day date) returns date
    language plpgsql immutable as $$
declare
    until date;
    at_month integer;
    ends date;
begin
    if rules ->> 'period_type' = 'FIXED_DAY_OF_YEAR' then
        for ahead in 0..1 loop
            ends := make_date(extract(year from day)::integer + ahead,
                              (rules ->> 'fixed_month')::integer, 1);
            until := least(ends + (rules ->> 'fixed_day')::integer - 1,
                           (ends + interval '1 month')::date - 1);
            exit when until >= day;
        end loop;
        return until;
    end if;
    until := (day + make_interval(months => (rules ->> 'period_value')::integer))::date;
    case rules ->> 'rounding_type'
        when 'END_OF_MONTH' then at_month := extract(month from until);
        when 'END_OF_QUARTER' then at_month := extract(quarter from until) * 3;
        when 'END_OF_HALF_YEAR' then
            at_month := case when extract(month from until) <= 6 then 6 else 12 end;
        when 'END_OF_YEAR' then at_month := 12;
        when 'PARTICULAR_MONTH' then at_month := (rules ->> 'rounding_value')::integer;
        else return until;
    end case;
    ends := make_date(extract(year from until)::integer, at_month, 1);
    if at_month < extract(month from until) then
        ends := (ends + interval '1 year')::date;
    end if;
    return (ends + interval '1 month')::date - 1;
end $$;

create function take_from_lots(moved transfer) returns void language plpgsql as $$
declare
    open bigint := moved.amount;
    origin text := coalesce((select t.cause_id from transfer t where t.id = moved.reverses),
                            moved.cause_id);
    lot points_lot;
    part bigint;
begin
    -- What is taken back of one arrival goes out of that one.
    for lot in select * from points_lot l
                where l.voucher_id = moved.from_owner and l.remaining > 0
                order by origin in (l.id, l.cause_id) desc, l.expires_on, l.id
    loop
        exit when open = 0;
        part := least(open, lot.remaining);
        update points_lot l
           set remaining = l.remaining - part, updated_at = moved.at,
               expired = l.expired + case moved.cause when 'expire' then part else 0 end
         where l.id = lot.id;
        if moved.cause = 'redeem' then
            insert into points_lot_take (transfer_id, lot_id, amount)
            values (moved.id, lot.id, part);
        end if;
        open := open - part;
    end loop;
end $$;

-- In the opposite order: what never expires first, then what expires last. Points keep their day,
-- also one that is over by now.
create function give_back_to_lots(moved transfer) returns void language plpgsql as $$
declare
    origin transfer := (select t from transfer t where t.id = moved.reverses);
    free bigint := origin.amount - coalesce((select sum(k.amount) from points_lot_take k
                                              where k.transfer_id = origin.id), 0);
    open bigint := greatest(origin.reversed - free, 0)
                   - coalesce((select sum(k.given_back) from points_lot_take k
                                where k.transfer_id = origin.id), 0);
    taken record;
    part bigint;
begin
    for taken in select k.lot_id, k.amount - k.given_back as amount
                   from points_lot_take k join points_lot l on l.id = k.lot_id
                  where k.transfer_id = origin.id and k.given_back < k.amount
                  order by l.expires_on desc, l.id desc
    loop
        exit when open <= 0;
        part := least(open, taken.amount);
        update points_lot_take k set given_back = k.given_back + part
         where k.transfer_id = origin.id and k.lot_id = taken.lot_id;
        update points_lot l set remaining = l.remaining + part, updated_at = moved.at
         where l.id = taken.lot_id;
        open := open - part;
    end loop;
end $$;

create function follow_points() returns trigger language plpgsql as $$
declare
    moved transfer;
begin
    if not exists (select from fresh where kind = 'points') then
        return null;
    end if;
    insert into points_lot (id, voucher_id, campaign_id, cause_id, points, remaining, expires_on,
                            created_at)
    select 'lopb_' || f.id, v.id, v.campaign_id, f.cause_id, f.amount, f.amount,
           points_expire_on(coalesce(r.expiry, x.rules), (f.at at time zone p.time_zone)::date),
           f.at
      from fresh f
      join voucher v on v.id = f.to_owner
      join project p on p.project_id = v.project_id
      left join points_expiry x on x.campaign_id = v.campaign_id
      left join point_earning e on e.id = f.cause_id
      left join earning_rule r on r.id = e.rule_id
     where f.kind = 'points' and left(f.from_owner, 1) = '@' and f.cause <> 'return'
       and coalesce(r.expiry, x.rules) is not null;
    if exists (select from points_lot) then
        for moved in select * from fresh where kind = 'points' order by id loop
            if left(moved.to_owner, 1) = '@' then
                perform take_from_lots(moved);
            elsif moved.cause = 'return' then
                perform give_back_to_lots(moved);
            end if;
        end loop;
    end if;
    return null;
end $$;
create trigger follow_points after insert on transfer
    referencing new table as fresh for each statement execute function follow_points();

-- Rewards are listed among redemptions.
create index reward_redemption_created on reward_redemption (project_id, created_at, id);
create index reward_redemption_customer on reward_redemption (project_id, customer_id, created_at);
create index reward_redemption_card on reward_redemption (project_id, voucher_id, created_at);
create index reward_redemption_campaign on reward_redemption (project_id, campaign_id, created_at);

grant select, insert, update, delete on points_expiry, points_lot to kaquan_app;
grant select, insert, update on pending_points, points_lot_take to kaquan_app;
grant execute on all functions in schema kaquan to kaquan_app;
