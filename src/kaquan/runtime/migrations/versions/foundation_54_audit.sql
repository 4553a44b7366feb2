-- The audit chain: what a person, a key or the system changed of definitions, keys, people and
-- settings. Triggers write it, so no way of changing things can leave it out; what moves value is
-- in the ledger. Records are chained by SHA-256 in each project, and the application's role may
-- only add to them.

create table audit_record (
    project_id   integer not null default current_project() references project,
    seq          bigint not null check (seq > 0),
    at           timestamptz not null,
    actor        text collate "C" not null,
    action       text collate "C" not null,
    object       text collate "C" not null,
    object_id    text collate "C" not null,
    was          jsonb,
    became       jsonb,
    request_id   text collate "C" not null,
    previous     bytea not null check (length(previous) = 32),
    hash         bytea not null check (length(hash) = 32),
    primary key (project_id, seq)
);
call protect('audit_record');
create index audit_record_object on audit_record (project_id, object, object_id, seq);

-- What a record's hash is of, beside the hash before it.
create function audit_text(r audit_record) returns text language sql stable as $$
    select jsonb_build_array(r.seq, (extract(epoch from r.at) * 1000000)::bigint, r.actor,
                             r.action, r.object, r.object_id, r.was, r.became, r.request_id)::text
$$;

create function chain_audit() returns trigger language plpgsql as $$
declare
    last record;
begin
    -- One after another in each project; taken when the transaction is about to commit.
    perform pg_advisory_xact_lock(hashtextextended('kaquan audit ' || new.project_id, 0));
    select seq, hash into last from audit_record
     where project_id = new.project_id order by seq desc limit 1;
    new.seq := coalesce(last.seq, 0) + 1;
    new.previous := coalesce(last.hash, decode(repeat('00', 32), 'hex'));
    new.at := clock_timestamp();
    new.hash := sha256(new.previous || convert_to(audit_text(new), 'UTF8'));
    return new;
end $$;
create trigger chain before insert on audit_record for each row execute function chain_audit();

-- The chain only grows, so no erasure could reach it: what conditions on customers' names, numbers
-- and addresses compare with is not written into it. Conditions of rule trees name an attribute,
-- those of the dialect are named by their key or by the name beside them.
create function audit_masked(value jsonb) returns jsonb language plpgsql immutable as $$
declare
    personal constant text :=
        '^(customer\.)?(id|source_id|name|email|phone|(address\.)?(postal_code|line_1|line_2))$';
begin
    case jsonb_typeof(value)
    when 'array' then
        return (select coalesce(jsonb_agg(audit_masked(item) order by place), '[]')
                  from jsonb_array_elements(value) with ordinality as part (item, place));
    when 'object' then
        if value ? 'value' and value ->> 'attribute' ~ personal then
            return value || '{"value": "hidden"}';
        end if;
        if value ? 'conditions' and value ->> 'name' ~ personal then
            return value || '{"conditions": "hidden"}';
        end if;
        return (select coalesce(jsonb_object_agg(key, case
                    when key ~ personal and jsonb_typeof(member) = 'object' and member ? 'conditions'
                    then member || '{"conditions": "hidden"}' else audit_masked(member) end), '{}')
                  from jsonb_each(value) as part (key, member));
    else
        return value;
    end case;
end $$;

-- Secrets are named, never shown; what is too long to keep is told by its digest.
create function audit_value(name text, value jsonb) returns jsonb language sql immutable as $$
    select case
        when name in ('token_sha256', 'password_hash', 'email_digest', 'digest', 'public_key',
                      'secret', 'former_secret', 'key') and value <> 'null' then '"hidden"'
        when octet_length(value::text) > 16384 then jsonb_build_object(
            'bytes', octet_length(value::text),
            'sha256', encode(sha256(convert_to(value::text, 'UTF8')), 'hex'))
        else audit_masked(value) end
$$;

-- Arguments: what the object is called, the column of its id ('' for the project's one and only),
-- and columns whose change alone is not worth a record.
create function note_audit() returns trigger language plpgsql as $$
declare
    old_row jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) end;
    new_row jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) end;
    ignored text[] := string_to_array(tg_argv[2], ' ') || array['project_id', 'updated_at'];
    was jsonb;
    became jsonb;
begin
    select jsonb_object_agg(key, audit_value(key, value)) into was
      from jsonb_each(old_row)
     where key <> all (ignored) and value is distinct from coalesce(new_row -> key, 'null');
    select jsonb_object_agg(key, audit_value(key, value)) into became
      from jsonb_each(new_row)
     where key <> all (ignored) and value is distinct from coalesce(old_row -> key, 'null');
    if tg_op = 'UPDATE' and was is null and became is null then
        return null;
    end if;
    -- At the end of a transaction that went through several projects each gets its own records.
    perform set_config('kaquan.project_id', coalesce(new_row, old_row) ->> 'project_id', true);
    insert into audit_record (actor, action, object, object_id, was, became, request_id)
    values (coalesce(nullif(current_setting('kaquan.actor', true), ''), 'system'),
            case tg_op when 'INSERT' then 'created' when 'UPDATE' then 'changed'
                       else 'deleted' end,
            tg_argv[0], coalesce(coalesce(new_row, old_row) ->> nullif(tg_argv[1], ''), ''),
            was, became, coalesce(current_setting('kaquan.request', true), ''));
    return null;
end $$;

-- At the end of the transaction, so that the chain is held for a moment only.
create procedure audit_changes(target regclass, object text, id_column text, ignored text = '')
    language plpgsql as $$
begin
    execute format('create constraint trigger audit after insert or update or delete on %s '
                   'deferrable initially deferred for each row '
                   'execute function note_audit(%L, %L, %L)', target, object, id_column, ignored);
end $$;

call audit_changes('project', 'project', 'id');
call audit_changes('api_key', 'api_key', 'id', 'last_used_at');
call audit_changes('app_user', 'user', 'id');
call audit_changes('person_ticket', 'person_ticket', 'id');
call audit_changes('passkey', 'passkey', 'id', 'sign_count last_used_at');
call audit_changes('managed_project', 'managed_project', 'id');
call audit_changes('client_access', 'client_access', '');
call audit_changes('stacking_rules', 'stacking_rules', '');
call audit_changes('category', 'category', 'id');
call audit_changes('campaign', 'campaign', 'id', 'version');
call audit_changes('partner', 'partner', 'id');
call audit_changes('claim_rule', 'claim_rule', 'campaign_id');
call audit_changes('promotion_tier', 'promotion_tier', 'voucher_id');
call audit_changes('promotion_stack', 'promotion_stack', 'id');
call audit_changes('campaign_template', 'campaign_template', 'id');
call audit_changes('validation_rule', 'validation_rule', 'id');
call audit_changes('rule_assignment', 'rule_assignment', 'id');
call audit_changes('experiment', 'experiment', 'id', 'weights_bps');
call audit_changes('allocation_plan', 'plan', 'id', 'result');
call audit_changes('segment', 'segment', 'id', 'member_count evaluated_at');
call audit_changes('product_collection', 'product_collection', 'id');
call audit_changes('metadata_schema', 'metadata_schema', 'id');
call audit_changes('location', 'location', 'id');
call audit_changes('earning_rule', 'earning_rule', 'id');
call audit_changes('loyalty_tier', 'loyalty_tier', 'id');
call audit_changes('reward', 'reward', 'id');
call audit_changes('reward_assignment', 'reward_assignment', 'id');
call audit_changes('webhook_endpoint', 'webhook_endpoint', 'id', 'failing_since');
-- Exports of personal data, and erasures; how far an export has come is no change.
call audit_changes('export', 'export', 'id', 'status row_count error file_id');
call audit_changes('permanent_deletion', 'erasure', 'customer_id');

grant select, insert on audit_record to kaquan_app;
grant execute on function audit_text, chain_audit, audit_masked, audit_value, note_audit to kaquan_app;
