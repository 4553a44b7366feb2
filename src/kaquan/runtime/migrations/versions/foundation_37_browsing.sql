-- Browsing events of a customer, joined into sessions that half an hour of silence ends
-- (docs/reference/standard-events.md).

create function is_browsing(name text) returns boolean language sql immutable parallel safe as $$
    select name = any (array[
        'Cart Viewed', 'Checkout Started', 'Checkout Step Completed', 'Checkout Step Viewed',
        'Page Viewed', 'Product Added', 'Product Added to Wishlist', 'Product Clicked',
        'Product List Filtered', 'Product List Viewed', 'Product Removed', 'Product Viewed',
        'Products Searched', 'Promotion Clicked', 'Promotion Viewed', 'Screen Viewed'])
$$;

-- A timeline passes over what its sessions stand for without reading it.
create index event_beside_browsing on event (project_id, customer_id, at, id)
    where not is_browsing(name);

-- id: bs_ and the id of the first event, so that counting again gives the same sessions.
create table browsing_session (
    project_id     integer not null default current_project(),
    id             text collate "C" not null,
    customer_id    text collate "C" not null,
    started_at     timestamptz not null,
    ended_at       timestamptz not null,
    event_count    bigint not null check (event_count > 0),
    page_count     bigint not null,
    product_count  bigint not null,
    added_count    bigint not null,
    primary key (project_id, id),
    foreign key (project_id, customer_id) references customer,
    check (ended_at >= started_at)
);
call protect('browsing_session');
create index browsing_session_customer on browsing_session (project_id, customer_id, started_at, id);

-- In which stretch of time a customer's sessions are to be looked at again.
create table browsing_change (
    project_id   integer not null default current_project(),
    id           bigint generated always as identity,
    customer_id  text collate "C" not null,
    first_at     timestamptz not null,
    last_at      timestamptz not null,
    primary key (project_id, id)
);
call protect('browsing_change');

-- Written by the table itself, so that no way of telling, moving or deleting events passes it by.
create function note_browsing() returns trigger language plpgsql as $$
begin
    insert into browsing_change (customer_id, first_at, last_at)
    select customer_id, min(at), max(at) from changed where is_browsing(name) group by customer_id;
    return null;
end $$;
create function note_moved_browsing() returns trigger language plpgsql as $$
begin
    insert into browsing_change (customer_id, first_at, last_at)
    select customer_id, min(at), max(at)
      from (select customer_id, name, at from changed
            union all select customer_id, name, at from former) moved
     where is_browsing(name) group by customer_id;
    return null;
end $$;
create trigger note_new_browsing after insert on event
    referencing new table as changed for each statement execute function note_browsing();
create trigger note_moved_browsing after update on event
    referencing new table as changed old table as former
    for each statement execute function note_moved_browsing();
create trigger note_deleted_browsing after delete on event
    referencing old table as changed for each statement execute function note_browsing();

grant select, insert, delete on browsing_session, browsing_change to kaquan_app;
grant execute on function is_browsing, note_browsing, note_moved_browsing to kaquan_app;
