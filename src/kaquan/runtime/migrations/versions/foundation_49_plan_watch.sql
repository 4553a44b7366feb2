-- What became of certificates: each look at an approved plan's outcomes, and what it found.

-- waiting are customers whose days are not over; value, low and high are the mean difference a
-- customer between the plan and the uniform policy in minor units, with bounds that hold at all
-- looks together; withdrawn_after is the observation at which an upper bound first fell below zero,
-- since the one with which its stretch began.
create table plan_watch (
    project_id       integer not null default current_project(),
    plan_id          text collate "C" not null,
    looked_at        timestamptz not null,
    standing         text collate "C" not null
                     check (standing in ('stands', 'confirmed', 'withdrawn')),
    observed         integer not null check (observed >= 0),
    waiting          integer not null check (waiting >= 0),
    value            double precision,
    low              double precision,
    high             double precision,
    withdrawn_after  integer,
    since            integer,
    primary key (project_id, plan_id, looked_at),
    foreign key (project_id, plan_id) references allocation_plan
);
call protect('plan_watch');

-- A subscriber hears when a plan is withdrawn.
create function tell_withdrawn_plan() returns trigger language plpgsql as $$
begin
    if exists (select from webhook_endpoint) then
        insert into event_outbox (type, entity_id, at)
        values ('campaign.plan.withdrawn', new.id, new.withdrawn_at);
    end if;
    return null;
end $$;
create trigger tell_withdrawal after update on allocation_plan for each row
    when (old.withdrawn_at is null and new.withdrawn_at is not null)
    execute function tell_withdrawn_plan();

grant select, insert on plan_watch to kaquan_app;
