-- Experiments on campaigns, the holdout of the whole project, and what was planned for whom.

-- arms is a list of variants with their weights in basis points. An experiment takes the customers
-- whose place in its layer is from from_bps on and below to_bps; experiments of a layer that run
-- at once take different places, so nobody is in two of them. weights_bps stand for the arms' own
-- weights once an adaptive experiment has moved them. winsor_bps: amounts above that percentile of all
-- customers are taken for it.
create table experiment (
    project_id    integer not null default current_project() references project,
    id            text collate "C" not null,
    name          text not null,
    kind          text collate "C" not null check (kind in ('campaign', 'global_holdout', 'plan')),
    campaign_id   text collate "C",
    status        text collate "C" not null check (status in ('draft', 'running', 'stopped')),
    arms          jsonb not null check (jsonb_typeof(arms) = 'array'),
    layer         text collate "C",
    from_bps      integer not null default 0 check (from_bps between 0 and 9999),
    to_bps        integer not null default 10000 check (to_bps between 1 and 10000),
    metric        text collate "C" not null,
    horizon_days  integer not null check (horizon_days between 1 and 365),
    planned_n     integer check (planned_n > 0),
    adaptive      boolean not null default false,
    weights_bps   integer[],
    winsor_bps    integer check (winsor_bps between 5000 and 9999),
    created_at    timestamptz not null,
    started_at    timestamptz,
    stopped_at    timestamptz,
    halted_at     timestamptz,
    primary key (project_id, id),
    unique (project_id, name),
    foreign key (project_id, campaign_id) references campaign,
    check (halted_at is null or kind = 'plan'),
    check (from_bps < to_bps),
    check ((kind = 'global_holdout') = (campaign_id is null)),
    check ((started_at is null) = (status = 'draft')),
    check ((stopped_at is null) = (status <> 'stopped'))
);
call protect('experiment');
create unique index experiment_running on experiment (project_id, coalesce(campaign_id, ''))
    where status = 'running';
create index experiment_created on experiment (project_id, created_at, id);

-- Who was put into which arm, with what probability: written once, before anything is sent. The
-- arm 'holdout' is of those whom the campaign holds out.
create table experiment_exposure (
    project_id     integer not null default current_project(),
    experiment_id  text collate "C" not null,
    customer_id    text collate "C" not null,
    arm            text collate "C" not null,
    propensity     double precision not null check (propensity > 0 and propensity <= 1),
    assigned_at    timestamptz not null,
    primary key (project_id, experiment_id, customer_id),
    foreign key (project_id, experiment_id) references experiment,
    foreign key (project_id, customer_id) references customer
);
call protect('experiment_exposure');
create index experiment_exposure_customer on experiment_exposure (project_id, customer_id);

-- What a plan chose for a customer, with the chance that this arm had; gain and cost are what is
-- expected of it beside the control, in minor units. intended is the choice before chance was let
-- in, reason why it was made; chances and expected (net value) are of all the plan's arms in order.
create table experiment_preset (
    project_id     integer not null default current_project(),
    experiment_id  text collate "C" not null,
    customer_id    text collate "C" not null,
    arm            text collate "C" not null,
    propensity     double precision not null check (propensity > 0 and propensity <= 1),
    gain_minor     double precision,
    cost_minor     double precision,
    intended       text collate "C",
    reason         text collate "C",
    chances        double precision[] not null default '{}',
    expected       double precision[] not null default '{}',
    primary key (project_id, experiment_id, customer_id),
    foreign key (project_id, experiment_id) references experiment,
    foreign key (project_id, customer_id) references customer
);
call protect('experiment_preset');
create index experiment_preset_customer on experiment_preset (project_id, customer_id);

-- A plan: what was asked, what came out, and the experiment (a draft until somebody approves)
-- that says who gets what.
create table allocation_plan (
    project_id       integer not null default current_project() references project,
    id               text collate "C" not null,
    name             text not null,
    learnt_from      text collate "C" not null,
    segment_id       text collate "C" not null,
    experiment_id    text collate "C",
    status           text collate "C" not null
                     check (status in ('pending', 'ready', 'refused', 'failed', 'approved', 'withdrawn')),
    request          jsonb not null,
    result           jsonb,
    approved_by      text,
    approved_at      timestamptz,
    created_at       timestamptz not null,
    updated_at       timestamptz,
    withdrawn_at     timestamptz,
    primary key (project_id, id),
    unique (project_id, name),
    foreign key (project_id, learnt_from) references experiment,
    foreign key (project_id, experiment_id) references experiment,
    foreign key (project_id, segment_id) references segment,
    check ((approved_at is not null) = (status in ('approved', 'withdrawn'))),
    check ((withdrawn_at is not null) = (status = 'withdrawn'))
);
call protect('allocation_plan');
create index allocation_plan_created on allocation_plan (project_id, created_at, id);

grant select, insert on experiment_exposure, experiment_preset to kaquan_app;
grant update (customer_id) on experiment_exposure, experiment_preset to kaquan_app;
grant select, insert, update on experiment, allocation_plan to kaquan_app;
