-- What webhooks are told of points, tiers and rewards (foundation_51_webhooks has the outbox).

-- Runs after apply_transfers, whose name comes first: accounts have moved already.
create function tell_points() returns trigger language plpgsql as $$
begin
    if not exists (select from fresh where kind = 'points')
       or not exists (select from webhook_endpoint) then
        return null;
    end if;
    insert into event_outbox (type, entity_id, customer_id, facts, at)
    select said.type, v.id, v.holder_id, jsonb_build_object('amount', case said.place
                when 3 then -leg.amount else leg.amount end), leg.at
      from (select id, to_owner as card, amount, cause, cause_id, at from fresh
             where kind = 'points' and left(to_owner, 1) <> '@'
            union all
            select id, from_owner, -amount, cause, cause_id, at from fresh
             where kind = 'points' and left(from_owner, 1) <> '@') leg
      join voucher v on v.id = leg.card
      left join point_earning e on e.id = leg.cause_id,
           (values (1, 'voucher.loyalty_card.transaction.created'),
                   (2, 'customer.rewarded.loyalty_points'),
                   (3, 'voucher.loyalty_card.points_expired')) as said (place, type)
     where case said.place when 1 then true
                           when 2 then e.id is not null and leg.amount > 0
                           else leg.cause = 'expire' end
     order by leg.id, said.place;
    -- What a tier is found by is what may be spent now.
    insert into event_outbox (type, entity_id, customer_id, at)
    select 'customer.loyalty.tier.' ||
           case when o.id is null then 'joined' when n.id is null then 'left'
                when n.from_points > o.from_points then 'upgraded' else 'downgraded' end,
           coalesce(n.id, o.id), v.holder_id, moved.at
      from (select card, sum(amount) as amount, max(at) as at
              from (select to_owner as card, amount, at from fresh where kind = 'points'
                    union all
                    select from_owner, -amount, at from fresh where kind = 'points') leg
             where left(card, 1) <> '@' group by card) moved
      join voucher v on v.id = moved.card and v.holder_id is not null
      join account a on a.owner = v.id and a.kind = 'points'
      left join loyalty_tier n on n.campaign_id = v.campaign_id
           and a.balance - a.held between n.from_points
                                      and coalesce(n.to_points, 9223372036854775807)
      left join loyalty_tier o on o.campaign_id = v.campaign_id
           and a.balance - a.held - moved.amount between o.from_points
                                                     and coalesce(o.to_points, 9223372036854775807)
     where n.id is distinct from o.id
     order by v.id;
    return null;
end $$;
create trigger tell_points after insert on transfer
    referencing new table as fresh for each statement execute function tell_points();

create function tell_new_pending_points() returns trigger language plpgsql as $$
begin
    if exists (select from webhook_endpoint) then
        insert into event_outbox (type, entity_id, customer_id, facts, at)
        select 'voucher.loyalty_card.pending_points.added', v.id, v.holder_id,
               jsonb_build_object('amount', f.points), f.created_at
          from fresh f join voucher v on v.id = f.voucher_id order by f.id;
    end if;
    return null;
end $$;
create trigger tell_insert after insert on pending_points
    referencing new table as fresh for each statement execute function tell_new_pending_points();

create function tell_pending_points() returns trigger language plpgsql as $$
begin
    if exists (select from webhook_endpoint) then
        insert into event_outbox (type, entity_id, customer_id, facts, at)
        select 'voucher.loyalty_card.pending_points.' ||
               case n.state when 'pending' then 'updated' else n.state end,
               v.id, v.holder_id,
               jsonb_build_object('amount', case n.state when 'pending' then n.points - o.points
                                                         else o.points end),
               n.updated_at
          from fresh n join stale o on o.project_id = n.project_id and o.id = n.id
          join voucher v on v.id = n.voucher_id
         order by n.id;
    end if;
    return null;
end $$;
create trigger tell_update after update on pending_points
    referencing new table as fresh old table as stale
    for each statement execute function tell_pending_points();

create function tell_reward_redemptions() returns trigger language plpgsql as $$
begin
    if exists (select from webhook_endpoint) then
        insert into event_outbox (type, entity_id, customer_id, at)
        select 'customer.reward_redemptions.completed', id, customer_id, created_at
          from fresh order by id;
    end if;
    return null;
end $$;
create trigger tell_insert after insert on reward_redemption
    referencing new table as fresh for each statement execute function tell_reward_redemptions();
grant execute on all functions in schema kaquan to kaquan_app;
