-- What of loyalty refers to variants and custom events, which come later than its own tables.

alter table reward add foreign key (project_id, sku_id) references sku;

create function note_events_for_points() returns trigger language plpgsql as $$
begin
    if exists (select from earning_rule) then
        insert into points_due (subject_id, event)
        select c.id, jsonb_build_object('customer_id', c.customer_id, 'name', c.name,
                                        'metadata', c.metadata, 'at', c.at)
          from changed c
         where exists (select from earning_rule r
                        where r.project_id = c.project_id and r.event = c.name);
    end if;
    return null;
end $$;
create trigger note_points after insert on event
    referencing new table as changed for each statement execute function note_events_for_points();
