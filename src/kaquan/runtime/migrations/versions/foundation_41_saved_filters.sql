-- Lists of customers that people keep: a rule with the columns and the order to show it in.

-- owner is the person who keeps it to themselves; '' is for everybody of the project.
create table saved_filter (
    project_id  integer not null default current_project() references project,
    id          text collate "C" not null,
    owner       text collate "C" not null,
    name        text not null check (name <> ''),
    definition  jsonb not null,
    columns     text[] not null,
    sort        text not null,
    created_at  timestamptz not null,
    updated_at  timestamptz,
    primary key (project_id, id),
    unique (project_id, owner, name)
);
call protect('saved_filter');

grant select, insert, update, delete on saved_filter to kaquan_app;
