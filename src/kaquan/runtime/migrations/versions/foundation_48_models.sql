-- The registry of models: versions with what is known of them, requests to train, and looks at
-- whether things are still as they were when a version learnt.

-- card: data window, features, parameters, measures; verdict: why it took over or did not. artifact
-- is what predicts; it holds parameters and thresholds, nobody's data. scope tells apart what may be
-- active side by side: of uplift, the pairs of an experiment's arms.
create table prediction_model (
    project_id    integer not null default current_project() references project,
    id            text collate "C" not null,
    kind          text collate "C" not null
                  check (kind in ('next_purchase', 'redemption', 'lifetime_value', 'uplift')),
    scope         text collate "C" not null default '',
    version       integer not null check (version > 0),
    status        text collate "C" not null check (status in ('candidate', 'active', 'retired')),
    card          jsonb not null,
    verdict       jsonb not null,
    artifact      bytea not null,
    trained_at    timestamptz not null,
    activated_at  timestamptz,
    retired_at    timestamptz,
    scored_at     timestamptz,
    scored_count  integer check (scored_count >= 0),
    primary key (project_id, id),
    unique (project_id, kind, version),
    check ((activated_at is null) = (status = 'candidate')),
    check ((retired_at is null) = (status <> 'retired'))
);
call protect('prediction_model');
create unique index prediction_model_active on prediction_model (project_id, kind, scope)
    where status = 'active';
create index prediction_model_trained on prediction_model (project_id, trained_at, id);

-- alive_until is moved on by whoever works on it; in the past, they died.
create table model_run (
    project_id   integer not null default current_project() references project,
    id           text collate "C" not null,
    kind         text collate "C" not null,
    status       text collate "C" not null
                 check (status in ('pending', 'done', 'refused', 'failed')),
    subject      text collate "C",
    arm          text,
    control      text,
    asked_by     text not null,
    model_id     text collate "C",
    lacks        jsonb not null default '[]',
    created_at   timestamptz not null,
    finished_at  timestamptz,
    alive_until  timestamptz,
    primary key (project_id, id),
    foreign key (project_id, model_id) references prediction_model,
    check ((finished_at is null) = (status = 'pending'))
);
call protect('model_run');
create index model_run_created on model_run (project_id, kind, created_at);

create table model_drift (
    project_id  integer not null default current_project(),
    model_id    text collate "C" not null,
    checked_at  timestamptz not null,
    report      jsonb not null,
    primary key (project_id, model_id, checked_at),
    foreign key (project_id, model_id) references prediction_model on delete cascade
);
call protect('model_drift');

grant select, insert, update on prediction_model, model_run to kaquan_app;
grant select, insert on model_drift to kaquan_app;
