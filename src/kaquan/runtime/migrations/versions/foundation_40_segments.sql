-- Live membership: which changes touch which segments, the queue of changes, who entered and left.

-- root is the topic up to its first dot: 'event' of 'event.viewed'.
create table segment_topic (
    project_id  integer not null default current_project(),
    root        text collate "C" not null,
    topic       text collate "C" not null,
    segment_id  text collate "C" not null,
    primary key (project_id, root, topic, segment_id),
    foreign key (project_id, segment_id) references segment on delete cascade
);
call protect('segment_topic');
create index segment_topic_segment on segment_topic (project_id, segment_id);

-- To when the members of an auto-update segment are right; null: the definition is to be settled.
create table segment_upkeep (
    project_id  integer not null default current_project(),
    segment_id  text collate "C" not null,
    kept_to     timestamptz,
    primary key (project_id, segment_id),
    foreign key (project_id, segment_id) references segment on delete cascade
);
call protect('segment_upkeep');

create table customer_change (
    project_id   integer not null default current_project(),
    id           bigint generated always as identity,
    customer_id  text collate "C" not null,
    topics       text[] not null,
    primary key (project_id, id)
);
call protect('customer_change');

-- Written under a lock of the project, so ids rise in the order of commits: a reader needs to keep
-- only the last id.
create table segment_change (
    project_id   integer not null default current_project(),
    id           bigint generated always as identity,
    segment_id   text collate "C" not null,
    customer_id  text collate "C" not null,
    entered      boolean not null,
    at           timestamptz not null,
    primary key (project_id, id),
    foreign key (project_id, segment_id) references segment on delete cascade
);
call protect('segment_change');
create index segment_change_segment on segment_change (project_id, segment_id, id);
create index segment_change_at on segment_change (project_id, at);

-- What models predict of customers, by name; nine decimal places, as all numbers in segments.
create table customer_score (
    project_id   integer not null default current_project(),
    customer_id  text collate "C" not null,
    name         text collate "C" not null check (name <> ''),
    value        numeric(27, 9) not null,
    as_of        timestamptz not null,
    primary key (project_id, customer_id, name),
    foreign key (project_id, customer_id) references customer on delete cascade
);
call protect('customer_score');
create index customer_score_name on customer_score (project_id, name);

-- The queue is filled by the tables themselves, so that no way of writing can pass it by. A
-- statement queues one row a customer, and none where no live segment asks for the topic.
create function note_change() returns trigger language plpgsql as $$
begin
    if exists (select from segment_topic where root = tg_argv[0]) then
        insert into customer_change (customer_id, topics)
        select distinct customer_id, array[tg_argv[0]] from changed where customer_id is not null;
    end if;
    return null;
end $$;

create function note_change_and_former() returns trigger language plpgsql as $$
begin
    if exists (select from segment_topic where root = tg_argv[0]) then
        insert into customer_change (customer_id, topics)
        select customer_id, array[tg_argv[0]]
          from (select customer_id from changed union select customer_id from former) moved
         where customer_id is not null;
    end if;
    return null;
end $$;

create function note_event() returns trigger language plpgsql as $$
begin
    if exists (select from segment_topic where root = 'event') then
        insert into customer_change (customer_id, topics)
        select customer_id, array_agg(distinct 'event.' || name)
          from changed group by customer_id;
    end if;
    return null;
end $$;

create function note_new_customer() returns trigger language plpgsql as $$
begin
    if exists (select from segment_topic where root = 'customer') then
        insert into customer_change (customer_id, topics) select id, array['customer'] from changed;
    end if;
    return null;
end $$;

create function note_profile() returns trigger language plpgsql as $$
begin
    if exists (select from segment_topic where root = 'customer') then
        insert into customer_change (customer_id, topics)
        select id, topics from (
            select n.id, array_remove(array[
                case when n.erased_at is distinct from o.erased_at then 'customer' end,
                case when n.source_id is distinct from o.source_id then 'profile.source_id' end,
                case when n.name is distinct from o.name then 'profile.name' end,
                case when n.email is distinct from o.email then 'profile.email' end,
                case when n.phone is distinct from o.phone then 'profile.phone' end,
                case when n.birth_date is distinct from o.birth_date then 'profile.birth_date' end,
                case when n.created_at <> o.created_at then 'profile.created_at' end,
                case when n.address is distinct from o.address then 'profile.address' end,
                case when n.metadata <> o.metadata then 'profile.metadata' end], null) as topics
              from changed n join former o on o.project_id = n.project_id and o.id = n.id) said
         where topics <> '{}';
    end if;
    return null;
end $$;

create function note_scores() returns trigger language plpgsql as $$
begin
    if exists (select from segment_topic where root = 'rfm') then
        insert into customer_change (customer_id, topics)
        select n.customer_id, array['rfm']
          from changed n join former o
            on o.project_id = n.project_id and o.customer_id = n.customer_id
         where (n.recency_score, n.frequency_score, n.monetary_score, n.band)
               is distinct from (o.recency_score, o.frequency_score, o.monetary_score, o.band);
    end if;
    return null;
end $$;

-- Whoever is erased leaves at once: the members' rows go in the same transaction.
create function leave_segments() returns trigger language plpgsql as $$
begin
    perform pg_advisory_xact_lock(hashtextextended(current_project() || ' members', 0));
    insert into segment_change (segment_id, customer_id, entered, at)
    select m.segment_id, m.customer_id, false, new.erased_at
      from segment_member m join segment_upkeep u
        on u.project_id = m.project_id and u.segment_id = m.segment_id
     where m.customer_id = new.id;
    update segment g set member_count = g.member_count - 1
     where exists (select from segment_member m where m.project_id = g.project_id
                      and m.segment_id = g.id and m.customer_id = new.id);
    delete from segment_member m where m.customer_id = new.id;
    return null;
end $$;

-- A fact about goods or places that many customers' orders point to: the segments that ask for
-- it are settled anew.
create function note_shared_fact() returns trigger language plpgsql as $$
begin
    update segment_upkeep u set kept_to = null
     where u.kept_to is not null and exists (
           select from segment_topic t where t.project_id = u.project_id
              and t.segment_id = u.segment_id and t.root = tg_argv[0]);
    return null;
end $$;

create trigger note_new_customer after insert on customer
    referencing new table as changed for each statement execute function note_new_customer();
create trigger note_profile after update on customer
    referencing new table as changed old table as former
    for each statement execute function note_profile();
create trigger leave_segments after update of erased_at on customer
    for each row when (old.erased_at is null and new.erased_at is not null)
    execute function leave_segments();

create trigger note_insert after insert on orders
    referencing new table as changed for each statement execute function note_change('order');
create trigger note_update after update on orders
    referencing new table as changed old table as former
    for each statement execute function note_change_and_former('order');
create trigger note_insert after insert on redemption
    referencing new table as changed for each statement execute function note_change('redemption');
create trigger note_update after update on redemption
    referencing new table as changed old table as former
    for each statement execute function note_change_and_former('redemption');
create trigger note_insert after insert on publication
    referencing new table as changed for each statement execute function note_change('publication');
create trigger note_update after update on publication
    referencing new table as changed old table as former
    for each statement execute function note_change_and_former('publication');
create trigger note_insert after insert on message
    referencing new table as changed for each statement execute function note_change('message');
create trigger note_update after update on message
    referencing new table as changed old table as former
    for each statement execute function note_change_and_former('message');
create trigger note_delete after delete on message
    referencing old table as changed for each statement execute function note_change('message');
create trigger note_insert after insert on consent
    referencing new table as changed for each statement execute function note_change('consent');
create trigger note_insert after insert on event
    referencing new table as changed for each statement execute function note_event();
create trigger note_update after update on event
    referencing new table as changed old table as former
    for each statement execute function note_change_and_former('event');
create trigger note_delete after delete on event
    referencing old table as changed for each statement execute function note_event();
create trigger note_insert after insert on customer_score
    referencing new table as changed for each statement execute function note_change('score');
create trigger note_update after update on customer_score
    referencing new table as changed for each statement execute function note_change('score');
create trigger note_delete after delete on customer_score
    referencing old table as changed for each statement execute function note_change('score');
create trigger note_insert after insert on rfm_score
    referencing new table as changed for each statement execute function note_change('rfm');
create trigger note_update after update on rfm_score
    referencing new table as changed old table as former
    for each statement execute function note_scores();
create trigger note_delete after delete on rfm_score
    referencing old table as changed for each statement execute function note_change('rfm');

create trigger note_shared_fact after update on product
    for each row when (old.attributes <> new.attributes
                       or old.source_id is distinct from new.source_id)
    execute function note_shared_fact('product');
create trigger note_shared_fact_gone after delete on product
    for each row execute function note_shared_fact('product');
create trigger note_shared_fact after update on location
    for each row when (old.source_id is distinct from new.source_id)
    execute function note_shared_fact('location');
create trigger note_shared_fact after update on campaign
    for each row when (old.name <> new.name) execute function note_shared_fact('campaign');

grant select, insert, update, delete on segment_topic, segment_upkeep, customer_score
    to kaquan_app;
grant select, insert, delete on customer_change, segment_change to kaquan_app;
grant usage on sequence customer_change_id_seq, segment_change_id_seq to kaquan_app;
grant execute on all functions in schema kaquan to kaquan_app;
