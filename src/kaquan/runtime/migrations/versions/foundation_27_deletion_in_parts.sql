-- Deleting a campaign of very many vouchers, a part in each transaction (foundation_56_deletion
-- says what hiding and purging are).

-- Hides the next vouchers of a campaign behind an id; returns their number and the last id.
create function hide_campaign_part(campaign text, deletion text, behind text, most integer,
                                   out hidden bigint, out last_id text)
    language plpgsql security definer set search_path = kaquan as $$
declare
    part text[];
begin
    part := array(select v.id from voucher v
                   where v.project_id = current_project() and v.campaign_id = campaign
                     and v.deletion_id is null and v.id > behind
                   order by v.id limit most for no key update);
    update rule_assignment set deletion_id = deletion
     where project_id = current_project() and owner_id = any(part) and deletion_id is null;
    delete from voucher_session
     where project_id = current_project() and voucher_id = any(part);
    update voucher set deletion_id = deletion
     where project_id = current_project() and id = any(part);
    hidden := cardinality(part);
    last_id := coalesce(part[cardinality(part)], behind);
end $$;

-- True when these hidden vouchers could go; when anything refers to one, all of them stay hidden.
create function purge_vouchers(ids text[]) returns boolean
    language plpgsql security definer set search_path = kaquan as $$
begin
    delete from rule_assignment
     where project_id = current_project() and owner_id = any(ids) and deletion_id is not null;
    begin
        delete from voucher
         where project_id = current_project() and id = any(ids) and deletion_id is not null;
    exception when foreign_key_violation then
        return false;
    end;
    return true;
end $$;
revoke execute on function hide_campaign_part, purge_vouchers from public;
grant execute on function hide_campaign_part, purge_vouchers to kaquan_app;
