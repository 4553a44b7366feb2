-- The lake: which days of which facts changed since they were copied, and which files hold the copy.
--
-- Triggers note the day (UTC) of every row that came, changed or went, in the transaction that did
-- it: a row committed late shows its note late, and nothing can be skipped. A copy takes the notes
-- it sees and copies those days anew as a whole, so copying twice does no harm and what was erased
-- is gone from the next file.

-- since_xid: the transaction that made the triggers note; whatever may have begun before is waited
-- for, by the horizon of the snapshot, before the first copy. zone and schema: what the files were
-- written with; other ones are copied anew.
create table lake_feed (
    project_id    integer not null default current_project() primary key,
    since_xid     xid8 not null,
    zone          text,
    schema        integer,
    synced_at     timestamptz
);
call protect('lake_feed');

-- day -infinity: a small table that is copied as one.
create table lake_change (
    project_id  integer not null default current_project(),
    id          bigint generated always as identity,
    topic       text collate "C" not null,
    day         date not null,
    primary key (project_id, id)
);
call protect('lake_change');

-- A file holds the rows of low <= day < high (UTC). Of what was replaced the file stays for a
-- while, for those who were reading it.
create table lake_file (
    project_id   integer not null default current_project(),
    path         text collate "C" not null,
    topic        text collate "C" not null,
    low          date not null,
    high         date not null,
    row_count    bigint not null check (row_count > 0),
    byte_count   bigint not null check (byte_count > 0),
    written_at   timestamptz not null,
    replaced_at  timestamptz,
    primary key (project_id, path),
    check (low < high)
);
call protect('lake_file');
create unique index lake_file_standing on lake_file (project_id, topic, low)
    where replaced_at is null;

create procedure feed_lake(target text, topic text, day text, source text default '')
    language plpgsql as $$
declare
    kind text;
    rows text;
    tables text;
begin
    foreach kind in array array['insert', 'update', 'delete'] loop
        rows := case kind when 'insert' then 'select * from fresh'
                          when 'update' then 'select * from fresh union all select * from stale'
                          else 'select * from stale' end;
        tables := case kind when 'insert' then 'new table as fresh'
                            when 'update' then 'old table as stale new table as fresh'
                            else 'old table as stale' end;
        execute format(
            'create function feed_lake_%1$s_%2$s() returns trigger language plpgsql as $body$
             begin
                 if exists (select from lake_feed) then
                     insert into lake_change (topic, day)
                     select distinct %3$L, %4$s from (%5$s) as r %6$s;
                 end if;
                 return null;
             end $body$', target, kind, topic, day, rows, source);
        execute format(
            'create trigger feed_lake_%2$s after %2$s on %1$s referencing %3$s
             for each statement execute function feed_lake_%1$s_%2$s()', target, kind, tables);
    end loop;
end $$;

call feed_lake('campaign', 'campaign', '''-infinity''::date');
call feed_lake('location', 'location', '''-infinity''::date');
call feed_lake('product', 'product', '''-infinity''::date');
call feed_lake('segment_member', 'segment_member', '''-infinity''::date');
call feed_lake('customer', 'customer', '(r.created_at at time zone ''UTC'')::date');
call feed_lake('orders', 'orders', '(r.placed_at at time zone ''UTC'')::date');
call feed_lake('order_return', 'orders', '(o.placed_at at time zone ''UTC'')::date',
               'join orders o on o.project_id = r.project_id and o.id = r.order_id');
call feed_lake('voucher', 'voucher', '(r.created_at at time zone ''UTC'')::date');
call feed_lake('publication', 'publication', '(r.created_at at time zone ''UTC'')::date');
call feed_lake('redemption', 'redemption', '(r.created_at at time zone ''UTC'')::date');
call feed_lake('attempt', 'attempt', '(r.created_at at time zone ''UTC'')::date');
call feed_lake('message', 'message', '(r.created_at at time zone ''UTC'')::date');
call feed_lake('event', 'event', '(r.at at time zone ''UTC'')::date');
call feed_lake('exposure', 'exposure', '(r.assigned_at at time zone ''UTC'')::date');
call feed_lake('transfer', 'transfer', '(r.at at time zone ''UTC'')::date');
drop procedure feed_lake;

-- Days of what has no index by time; these cost a few bytes a thousand rows.
create index voucher_created on voucher using brin (created_at);
create index publication_created on publication using brin (created_at);
create index event_at on event using brin (at);
create index exposure_assigned on exposure using brin (assigned_at);
create index transfer_at on transfer using brin (at);

grant select, insert, update on lake_feed to kaquan_app;
grant select, insert, delete on lake_change to kaquan_app;
grant select, insert, update, delete on lake_file to kaquan_app;
grant execute on all functions in schema kaquan to kaquan_app;
