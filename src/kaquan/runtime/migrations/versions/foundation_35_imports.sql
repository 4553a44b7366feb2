-- Files on their way in: what each is, what its columns mean, and mappings kept for files to come.

-- file_id is null for a file read from a path of the machine; fingerprint tells whether the file
-- is still the same one. sample_id is a file with the first rows, for people to look at.
create table file_import (
    project_id       integer not null default current_project(),
    id               text collate "C" not null,
    subject          text collate "C" not null
                     check (subject in ('customers', 'orders', 'products', 'locations', 'events')),
    file_id          text collate "C",
    file_name        text not null,
    sample_id        text collate "C" not null,
    fingerprint      text collate "C" not null,
    shape            jsonb not null,
    mapping          jsonb not null,
    check_action_id  text collate "C",
    run_action_id    text collate "C",
    created_at       timestamptz not null,
    updated_at       timestamptz not null,
    primary key (project_id, id)
);
call protect('file_import');
create index file_import_created on file_import (project_id, created_at, id);
create index file_import_fingerprint on file_import (project_id, fingerprint, created_at);

create table import_profile (
    project_id  integer not null default current_project(),
    subject     text collate "C" not null
                check (subject in ('customers', 'orders', 'products', 'locations', 'events')),
    name        text not null check (name <> ''),
    mapping     jsonb not null,
    created_at  timestamptz not null,
    updated_at  timestamptz not null,
    primary key (project_id, subject, name)
);
call protect('import_profile');

grant select, insert, update, delete on file_import, import_profile to kaquan_app;
