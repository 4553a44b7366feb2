-- What a batch of redemptions asks of the database besides the tables' own constraints.

-- Definitions are read before the limits are locked, and waiting for a lock may take a while. A
-- batch is only written when the vouchers and campaigns it was decided on are the very rows that
-- stand now; otherwise it is decided again.
create function expect_unchanged(
    voucher_ids text[], voucher_marks text[], campaign_ids text[], campaign_marks text[]
) returns void language plpgsql as $$
begin
    if exists (select from unnest(voucher_ids, voucher_marks) as seen (id, mark)
                left join voucher v on v.id = seen.id
               where v.xmin::text is distinct from seen.mark)
    or exists (select from unnest(campaign_ids, campaign_marks) as seen (id, mark)
                left join campaign c on c.id = seen.id
               where c.xmin::text is distinct from seen.mark)
    then
        raise exception 'a voucher or campaign was changed meanwhile'
            using errcode = 'serialization_failure';
    end if;
end $$;
grant execute on function expect_unchanged to kaquan_app;
