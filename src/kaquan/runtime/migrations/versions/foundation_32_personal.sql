-- Which master keys wrap the keys of all projects, and how many keys each; names and counts only.
create policy masters on project_key for select to current_user using (true);
create function masters_in_use() returns table (master text, keys bigint)
    language sql stable security definer set search_path = kaquan
begin atomic
    select k.master, count(*) from project_key k group by k.master order by k.master;
end;
grant execute on function masters_in_use() to kaquan_app;

-- A process that has another master key than the database's must not write with it; only a rotation
-- says beforehand which one comes next. Its end and a key that is just being written wait for each
-- other, so that none is left behind.
create function refuse_other_master() returns trigger
    language plpgsql security definer set search_path = kaquan as $$
begin
    perform pg_advisory_xact_lock_shared(hashtextextended('kaquan master', 0));
    if new.master is distinct from nullif(current_setting('kaquan.next_master', true), '')
       and exists (select from project_key)
       and not exists (select from project_key where master = new.master) then
        raise exception 'the keys of this database are wrapped by another master key than %',
            new.master using errcode = 'KQ001';
    end if;
    return new;
end $$;
create trigger refuse_other_master before insert or update on project_key
    for each row execute function refuse_other_master();

-- By tokens of the beginnings of names. Under row-level security the index could not be used, as
-- comparing arrays may tell of rows in an error's message; so the function runs as the tables' owner
-- and names the project itself.
create policy search on customer for select to current_user using (true);
create function customers_by_tokens(tokens bigint[]) returns setof text
    language sql stable security definer set search_path = kaquan
begin atomic
    select c.id from customer c
     where c.project_id = current_project() and c.name_tokens @> customers_by_tokens.tokens;
end;
grant execute on function customers_by_tokens(bigint[]) to kaquan_app;

-- Who was erased, with (thorough) or without what their orders and messages said. A job writes it to
-- a file outside of the database, by which a database restored from an older dump is put right.
create table erasure (
    project_id   integer not null default current_project(),
    customer_id  text collate "C" not null,
    thorough     boolean not null,
    at           timestamptz not null,
    logged_at    timestamptz,
    primary key (project_id, customer_id)
);
call protect('erasure');
create index erasure_unlogged on erasure (project_id, at, customer_id) where logged_at is null;
grant select, insert, update (logged_at) on erasure to kaquan_app;
