-- Events out: what happened, in the order in which it is told, to whom, and how the telling went.

-- A subscriber. events: the types it asked for, none standing for all. secret signs; after a
-- rotation the former one signs too, until former_until. failing_since: its first failure after
-- its last success. ordered: one message at a time, and a failing one holds up those behind it.
create table webhook_endpoint (
    project_id       integer not null default current_project(),
    id               text collate "C" not null,
    url              text not null check (url <> ''),
    description      text,
    events           text[] collate "C" not null default '{}',
    active           boolean not null,
    format           text collate "C" not null check (format in
                     ('standard', 'cloudevents_structured', 'cloudevents_binary')),
    ordered          boolean not null,
    secret           bytea not null check (length(secret) between 24 and 64),
    former_secret    bytea check (length(former_secret) between 24 and 64),
    former_until     timestamptz,
    disabled_reason  text collate "C" check (disabled_reason in ('asked', 'gone', 'failing')),
    failing_since    timestamptz,
    created_at       timestamptz not null,
    updated_at       timestamptz,
    primary key (project_id, id),
    check ((former_secret is null) = (former_until is null)),
    check (active = (disabled_reason is null))
);
call protect('webhook_endpoint');

-- What just happened, by the tables' own triggers and in their transactions: what it happened to,
-- and in facts only what its rows cannot tell later. Rows wait here for their number.
create table event_outbox (
    project_id   integer not null default current_project(),
    id           bigint generated always as identity,
    type         text collate "C" not null,
    entity_id    text collate "C" not null,
    customer_id  text collate "C",
    facts        jsonb,
    at           timestamptz not null,
    primary key (project_id, id)
);
call protect('event_outbox');

-- What happened, numbered without gaps by one numberer a project at a time, and only when it was
-- committed: a reader who keeps the last position misses nothing, however late a transaction ends.
create table domain_event (
    project_id   integer not null default current_project(),
    position     bigint not null check (position > 0),
    type         text collate "C" not null,
    version      smallint not null,
    entity_id    text collate "C" not null,
    customer_id  text collate "C",
    data         jsonb not null,
    at           timestamptz not null,
    primary key (project_id, position)
);
call protect('domain_event');
create index domain_event_customer on domain_event (project_id, customer_id)
    where customer_id is not null;
create index domain_event_at on domain_event (project_id, at);

-- One row a project that ever had a subscriber; whoever locks it is the numberer.
create table webhook_feed (
    project_id     integer not null default current_project() primary key,
    last_position  bigint not null default 0
);
call protect('webhook_feed');
create policy directory on webhook_feed for select using (current_lookup() = 'webhook-feeds');

-- One message: an event to an endpoint. While it is being sent due_at is when the sender would be
-- taken to have died. tries has an object for each time it was sent, the first first.
create table webhook_delivery (
    project_id       integer not null default current_project(),
    id               text collate "C" not null,
    endpoint_id      text collate "C" not null,
    position         bigint not null,
    type             text collate "C" not null,
    status           text collate "C" not null
                     check (status in ('pending', 'succeeded', 'failed')),
    attempts         integer not null default 0 check (attempts >= 0),
    due_at           timestamptz,
    response_status  smallint,
    error            text,
    tries            jsonb not null default '[]',
    created_at       timestamptz not null,
    updated_at       timestamptz not null,
    primary key (project_id, id),
    unique (project_id, position, endpoint_id),
    foreign key (project_id, endpoint_id) references webhook_endpoint on delete cascade,
    foreign key (project_id, position) references domain_event on delete cascade,
    check ((status = 'pending') = (due_at is not null))
);
call protect('webhook_delivery');
create index webhook_delivery_log on webhook_delivery (project_id, endpoint_id, position);
create index webhook_delivery_due on webhook_delivery (project_id, endpoint_id, due_at, position)
    where status = 'pending';
create index webhook_delivery_waiting on webhook_delivery (project_id, endpoint_id, position)
    where status = 'pending';

-- Nobody asked for it, so it is not written down.
create function skip_unwanted_event() returns trigger language plpgsql as $$
begin
    if exists (select from webhook_endpoint
                where events = '{}' or events @> array[new.type]) then
        return new;
    end if;
    return null;
end $$;
create trigger skip_unwanted before insert on event_outbox
    for each row execute function skip_unwanted_event();

-- Each of these looks first whether the project has a subscriber at all: one that has none pays
-- for a look at an empty index, a statement.
create function tell_redemptions() returns trigger language plpgsql as $$
begin
    if exists (select from webhook_endpoint) then
        insert into event_outbox (type, entity_id, customer_id, at)
        select case when kind = 'redemption' then 'redemption' else 'redemption.rollback' end
               || case when result = 'SUCCESS' then '.succeeded' else '.failed' end,
               id, customer_id, created_at
          from fresh where voucher_id is not null order by id;
    end if;
    return null;
end $$;
create trigger tell_insert after insert on redemption
    referencing new table as fresh for each statement execute function tell_redemptions();

create function tell_publications() returns trigger language plpgsql as $$
begin
    if exists (select from webhook_endpoint) then
        insert into event_outbox (type, entity_id, customer_id, at)
        select type, id, customer_id, created_at
          from fresh, (values ('publication.succeeded'), ('voucher.published')) as said (type)
         order by id, type;
    end if;
    return null;
end $$;
create trigger tell_insert after insert on publication
    referencing new table as fresh for each statement execute function tell_publications();

create function tell_new_customers() returns trigger language plpgsql as $$
begin
    if exists (select from webhook_endpoint) then
        insert into event_outbox (type, entity_id, customer_id, at)
        select 'customer.created', id, id, created_at from fresh order by id;
    end if;
    return null;
end $$;
create trigger tell_insert after insert on customer
    referencing new table as fresh for each statement execute function tell_new_customers();

create function tell_customers() returns trigger language plpgsql as $$
begin
    if exists (select from webhook_endpoint) then
        insert into event_outbox (type, entity_id, customer_id, facts, at)
        select case when n.erased_at is null then 'customer.updated' else 'customer.deleted' end,
               n.id, n.id,
               case when n.erased_at is not null
                    then jsonb_build_object('id', n.id, 'object', 'customer') end,
               coalesce(n.updated_at, n.created_at)
          from fresh n join stale o on o.project_id = n.project_id and o.id = n.id
         where (n.source_id, n.name, n.email, n.phone, n.birth_date, n.description, n.address,
                n.metadata, n.erased_at)
               is distinct from
               (o.source_id, o.name, o.email, o.phone, o.birth_date, o.description, o.address,
                o.metadata, o.erased_at)
         order by n.id;
    end if;
    return null;
end $$;
create trigger tell_update after update on customer
    referencing new table as fresh old table as stale
    for each statement execute function tell_customers();

-- What was told of a person goes with the person, from the log as well. The numberer is waited
-- for: what it is writing was read before the erasure.
create function forget_events() returns trigger language plpgsql as $$
begin
    perform from webhook_feed for update;
    delete from domain_event where customer_id = new.id;
    return null;
end $$;
create trigger forget_events after update of erased_at on customer
    for each row when (old.erased_at is null and new.erased_at is not null)
    execute function forget_events();

create function tell_consents() returns trigger language plpgsql as $$
begin
    if exists (select from webhook_endpoint) then
        insert into event_outbox (type, entity_id, customer_id, facts, at)
        select 'customer.consents.' || case when granted then 'given' else 'revoked' end,
               customer_id, customer_id,
               jsonb_build_object('channel', channel, 'purpose', purpose, 'granted', granted,
                                  'source', source, 'object', 'consent'), at
          from fresh order by at, customer_id, channel;
    end if;
    return null;
end $$;
create trigger tell_insert after insert on consent
    referencing new table as fresh for each statement execute function tell_consents();

create function tell_custom_events() returns trigger language plpgsql as $$
begin
    if exists (select from webhook_endpoint) then
        insert into event_outbox (type, entity_id, customer_id, at)
        select 'customer.custom_event', id, customer_id, created_at from fresh order by id;
    end if;
    return null;
end $$;
create trigger tell_insert after insert on event
    referencing new table as fresh for each statement execute function tell_custom_events();

create function tell_segment_changes() returns trigger language plpgsql as $$
begin
    if exists (select from webhook_endpoint) then
        insert into event_outbox (type, entity_id, customer_id, at)
        select 'customer.segment.' || case when entered then 'entered' else 'left' end,
               segment_id, customer_id, at
          from fresh order by id;
    end if;
    return null;
end $$;
create trigger tell_insert after insert on segment_change
    referencing new table as fresh for each statement execute function tell_segment_changes();

create function tell_new_orders() returns trigger language plpgsql as $$
begin
    if exists (select from webhook_endpoint) then
        insert into event_outbox (type, entity_id, customer_id, at)
        select type, id, customer_id, created_at
          from fresh, (values (1, 'CREATED', 'customer.order.created'),
                              (2, 'PAID', 'customer.order.paid'),
                              (3, 'CANCELED', 'customer.order.canceled')) as said (place, status, type)
         where said.status in ('CREATED', fresh.status) order by id, place;
    end if;
    return null;
end $$;
create trigger tell_insert after insert on orders
    referencing new table as fresh for each statement execute function tell_new_orders();

create function tell_orders() returns trigger language plpgsql as $$
begin
    if exists (select from webhook_endpoint) then
        insert into event_outbox (type, entity_id, customer_id, at)
        select case when n.status = o.status then 'customer.order.updated'
                    when n.status = 'PAID' then 'customer.order.paid'
                    when n.status = 'CANCELED' then 'customer.order.canceled'
                    else 'customer.order.updated' end,
               n.id, n.customer_id, coalesce(n.updated_at, n.created_at)
          from fresh n join stale o on o.project_id = n.project_id and o.id = n.id
         where (n.status, n.customer_id, n.amount_minor, n.discount_minor, n.items_discount_minor,
                n.source_id, n.location_id, n.line_source_ids, n.line_quantities, n.line_amounts,
                n.line_discounts, n.line_details, n.metadata)
               is distinct from
               (o.status, o.customer_id, o.amount_minor, o.discount_minor, o.items_discount_minor,
                o.source_id, o.location_id, o.line_source_ids, o.line_quantities, o.line_amounts,
                o.line_discounts, o.line_details, o.metadata)
         order by n.id;
    end if;
    return null;
end $$;
create trigger tell_update after update on orders
    referencing new table as fresh old table as stale
    for each statement execute function tell_orders();

-- A campaign's codes come by the million and are told of once a statement.
create function tell_new_vouchers() returns trigger language plpgsql as $$
begin
    if exists (select from webhook_endpoint) then
        insert into event_outbox (type, entity_id, at)
        select case when tier then 'campaign.promotion_tier.created' else 'voucher.created' end,
               id, created_at
          from fresh where tier or campaign_id is null order by id;
        insert into event_outbox (type, entity_id, facts, at)
        select 'campaign.vouchers.added', campaign_id, jsonb_build_object('count', count(*)),
               max(created_at)
          from fresh where not tier and campaign_id is not null group by campaign_id;
    end if;
    return null;
end $$;
create trigger tell_insert after insert on voucher
    referencing new table as fresh for each statement execute function tell_new_vouchers();

-- Who holds a voucher is told by its publication.
create function tell_vouchers() returns trigger language plpgsql as $$
begin
    if exists (select from webhook_endpoint) then
        insert into event_outbox (type, entity_id, customer_id, facts, at)
        select case when n.tier then 'campaign.promotion_tier.' else 'voucher.' end || said.what,
               n.id, n.holder_id,
               case when said.what = 'deleted' then
                   jsonb_build_object('id', n.id, 'campaign_id', n.campaign_id)
                   || case when n.tier then '{"object": "promotion_tier"}'
                           else jsonb_build_object('code', n.code, 'object', 'voucher') end end,
               case when said.what = 'deleted' then now()
                    else coalesce(n.updated_at, n.created_at) end
          from fresh n join stale o on o.project_id = n.project_id and o.id = n.id,
               (values ('enabled'), ('disabled'), ('updated'), ('deleted')) as said (what)
         where case said.what
               when 'deleted' then n.deletion_id is not null and o.deletion_id is null
               when 'enabled' then n.active and not o.active
               when 'disabled' then o.active and not n.active
               else (n.code, n.offer, n.quantity, n.starts_at, n.expires_at, n.category,
                     n.category_ids, n.additional_info, n.metadata)
                    is distinct from
                    (o.code, o.offer, o.quantity, o.starts_at, o.expires_at, o.category,
                     o.category_ids, o.additional_info, o.metadata) end
         order by n.id, said.what desc;
    end if;
    return null;
end $$;
create trigger tell_update after update on voucher
    referencing new table as fresh old table as stale
    for each statement execute function tell_vouchers();

-- What only a tier says is in a row of its own.
create function tell_tier() returns trigger language plpgsql as $$
begin
    if exists (select from webhook_endpoint) then
        insert into event_outbox (type, entity_id, at)
        select 'campaign.promotion_tier.updated', v.id, coalesce(v.updated_at, v.created_at)
          from voucher v where v.id = new.voucher_id;
    end if;
    return null;
end $$;
create trigger tell_update after update on promotion_tier for each row
    when ((old.name, old.banner, old.hierarchy)
          is distinct from (new.name, new.banner, new.hierarchy))
    execute function tell_tier();

create function tell_new_campaigns() returns trigger language plpgsql as $$
begin
    if exists (select from webhook_endpoint) then
        insert into event_outbox (type, entity_id, at)
        select 'campaign.created', id, created_at from fresh order by id;
    end if;
    return null;
end $$;
create trigger tell_insert after insert on campaign
    referencing new table as fresh for each statement execute function tell_new_campaigns();

create function tell_campaigns() returns trigger language plpgsql as $$
begin
    if exists (select from webhook_endpoint) then
        insert into event_outbox (type, entity_id, facts, at)
        select 'campaign.' || said.what, n.id,
               case when said.what = 'deleted' then
                   jsonb_build_object('id', n.id, 'name', n.name, 'object', 'campaign') end,
               case when said.what = 'deleted' then now()
                    else coalesce(n.updated_at, n.created_at) end
          from fresh n join stale o on o.project_id = n.project_id and o.id = n.id,
               (values ('enabled'), ('disabled'), ('updated'), ('deleted')) as said (what)
         where case said.what
               when 'deleted' then n.deletion_id is not null and o.deletion_id is null
               when 'enabled' then n.active and not o.active
               when 'disabled' then o.active and not n.active
               else to_jsonb(n) - '{active,updated_at,version,deletion_id}'::text[]
                    <> to_jsonb(o) - '{active,updated_at,version,deletion_id}'::text[] end
         order by n.id, said.what desc;
    end if;
    return null;
end $$;
create trigger tell_update after update on campaign
    referencing new table as fresh old table as stale
    for each statement execute function tell_campaigns();

create function tell_adjustments() returns trigger language plpgsql as $$
begin
    if exists (select from webhook_endpoint) then
        insert into event_outbox (type, entity_id, customer_id, facts, at)
        select case when exists (select from account a where a.project_id = n.project_id
                                    and a.owner = n.voucher_id and a.kind = 'points')
                    then 'voucher.loyalty_card.points_added'
                    else 'voucher.gift.balance_added' end,
               n.voucher_id, v.holder_id, jsonb_build_object('amount', n.amount), n.created_at
          from fresh n join voucher v on v.project_id = n.project_id and v.id = n.voucher_id
         order by n.id;
    end if;
    return null;
end $$;
create trigger tell_insert after insert on balance_adjustment
    referencing new table as fresh for each statement execute function tell_adjustments();

-- Rules and their assignments are few; their names are in the trigger's argument.
create function tell_definition() returns trigger language plpgsql as $$
declare
    what jsonb := to_jsonb(case when tg_op = 'DELETE' then old else new end);
begin
    if exists (select from webhook_endpoint) then
        insert into event_outbox (type, entity_id, facts, at)
        values (tg_argv[0] || case tg_op when 'INSERT' then '.created'
                                         when 'UPDATE' then '.updated' else '.deleted' end,
                what ->> 'id',
                case when tg_op = 'DELETE' then jsonb_build_object(
                    'id', what ->> 'id', 'name', what ->> 'name', 'rule_id', what ->> 'rule_id',
                    'related_object_type', what ->> 'owner_kind',
                    'related_object_id', what ->> 'owner_id', 'object', tg_argv[1]) end,
                case when tg_op = 'DELETE' then now()
                     else coalesce((what ->> 'updated_at')::timestamptz,
                                   (what ->> 'created_at')::timestamptz) end);
    end if;
    return null;
end $$;
create trigger tell after insert or update or delete on validation_rule for each row
    execute function tell_definition('business_validation_rule', 'validation_rule');
create trigger tell after insert or delete on rule_assignment for each row
    execute function tell_definition('business_validation_rule.assignment',
                                     'validation_rule_assignment');
create trigger tell after insert or update on promotion_stack for each row
    execute function tell_definition('campaign.promotion_stack', 'promotion_stack');

grant select, insert, delete on event_outbox, domain_event to kaquan_app;
grant select, insert, update on webhook_feed to kaquan_app;
grant select, insert, update, delete on webhook_endpoint, webhook_delivery to kaquan_app;
grant usage on sequence event_outbox_id_seq to kaquan_app;
grant execute on all functions in schema kaquan to kaquan_app;
