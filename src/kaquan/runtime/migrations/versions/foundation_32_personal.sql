-- Keys of what is personal: each project begins with one that wraps its customers' data keys, and
-- one by which personal values are looked up. Both are made with the project, so that no
-- transaction that is rolled back can leave behind data whose key was never stored.

-- gen_random_uuid takes its 122 bits from the system's generator; three of them fill a key.
create function fresh_key() returns bytea language sql volatile
    return sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
                  || uuid_send(gen_random_uuid()));

create function equip_project() returns trigger language plpgsql as $$
begin
    insert into project_key (project_id, purpose, key, created_at)
    values (new.project_id, 'personal 1', fresh_key(), new.created_at),
           (new.project_id, 'personal index', fresh_key(), new.created_at);
    return null;
end $$;
create trigger equip after insert on project for each row execute function equip_project();

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
