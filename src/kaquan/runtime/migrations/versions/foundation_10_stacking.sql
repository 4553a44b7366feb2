-- What a project says about several coupons on one order.

-- Groups campaigns for the stacking rules; the lower hierarchy is worked out first.
create table category (
    project_id  integer not null default current_project(),
    id          text collate "C" not null,
    name        text not null check (name <> ''),
    hierarchy   integer not null check (hierarchy >= 0),
    created_at  timestamptz not null,
    updated_at  timestamptz,
    primary key (project_id, id),
    unique (project_id, name)
);
call protect('category');

-- One row a project at most: only what differs from the defaults, in the engine's own names.
create table stacking_rules (
    project_id  integer not null default current_project() primary key,
    rules       jsonb not null,
    updated_at  timestamptz not null
);
call protect('stacking_rules');

grant select, insert, update, delete on category, stacking_rules to kaquan_app;
