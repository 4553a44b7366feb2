-- One person under several names: identities, merges, names that no longer are, likely duplicates,
-- and what staff wrote down about a person.

-- A verified identity belongs to one person; until it is, several may claim it. The value is sealed
-- with the data key of the person who first said it, and looked up by value_index.
create table customer_identity (
    project_id   integer not null default current_project(),
    customer_id  text collate "C" not null,
    kind         text collate "C" not null
                 check (kind in ('phone', 'email', 'merchant', 'openid', 'unionid', 'card', 'device')),
    value_index  text collate "C" not null,
    value        text collate "C" not null check (value <> ''),
    sealed_by    text collate "C" not null,
    proof        text,
    source       text not null,
    created_at   timestamptz not null,
    verified_at  timestamptz,
    primary key (project_id, customer_id, kind, value_index),
    foreign key (project_id, customer_id) references customer,
    check ((proof is null) = (verified_at is null))
);
call protect('customer_identity');
create unique index customer_identity_verified on customer_identity (project_id, kind, value_index)
    where verified_at is not null;
create index customer_identity_value on customer_identity (project_id, kind, value_index);

-- before is what undoing needs of both profiles, sealed with the merged person's data key, moved the
-- rows that changed hands; both are
-- emptied when the person is erased, and the merge can then no longer be undone.
create table customer_merge (
    project_id   integer not null default current_project(),
    id           text collate "C" not null,
    survivor_id  text collate "C" not null,
    merged_id    text collate "C" not null,
    reason       text not null,
    score_ppm    integer check (score_ppm between 0 and 1000000),
    before       text not null,
    moved        jsonb not null,
    merged_by    text not null,
    merged_at    timestamptz not null,
    undone_by    text,
    undone_at    timestamptz,
    sealed_at    timestamptz,
    primary key (project_id, id),
    foreign key (project_id, survivor_id) references customer,
    foreign key (project_id, merged_id) references customer,
    check (survivor_id <> merged_id),
    check ((undone_by is null) = (undone_at is null))
);
call protect('customer_merge');
create unique index customer_merge_standing on customer_merge (project_id, merged_id)
    where undone_at is null;
create index customer_merge_survivor on customer_merge (project_id, survivor_id, merged_at);
create index customer_merge_at on customer_merge (project_id, merged_at, id);

-- Ids, ours and the merchant's, that once named a person who was merged into another.
create table customer_alias (
    project_id   integer not null default current_project(),
    alias        text collate "C" not null,
    customer_id  text collate "C" not null,
    merge_id     text collate "C" not null,
    primary key (project_id, alias),
    foreign key (project_id, customer_id) references customer,
    foreign key (project_id, merge_id) references customer_merge
);
call protect('customer_alias');
create index customer_alias_customer on customer_alias (project_id, customer_id);
create index customer_alias_merge on customer_alias (project_id, merge_id);

-- first_id < second_id. reasons are codes, never what was compared. A rejected pair is kept, so
-- that a later search does not bring it up again.
create table customer_duplicate (
    project_id   integer not null default current_project(),
    first_id     text collate "C" not null,
    second_id    text collate "C" not null,
    score_ppm    integer not null check (score_ppm between 0 and 1000000),
    reasons      text[] collate "C" not null,
    state        text collate "C" not null default 'open'
                 check (state in ('open', 'merged', 'rejected')),
    found_at     timestamptz not null,
    decided_by   text,
    decided_at   timestamptz,
    merge_id     text collate "C",
    primary key (project_id, first_id, second_id),
    foreign key (project_id, first_id) references customer,
    foreign key (project_id, second_id) references customer,
    check (first_id < second_id),
    check ((state = 'open') = (decided_at is null))
);
call protect('customer_duplicate');
create index customer_duplicate_queue on customer_duplicate
    (project_id, state, score_ppm, first_id, second_id);
create index customer_duplicate_second on customer_duplicate (project_id, second_id);

-- text is sealed with the data key of the customer sealed_by.
create table customer_note (
    project_id   integer not null default current_project(),
    id           text collate "C" not null,
    customer_id  text collate "C" not null,
    text         text not null check (text <> ''),
    sealed_by    text collate "C" not null,
    written_by   text not null,
    created_at   timestamptz not null,
    primary key (project_id, id),
    foreign key (project_id, customer_id) references customer
);
call protect('customer_note');
create index customer_note_customer on customer_note (project_id, customer_id, created_at);

grant select, insert, update, delete on customer_identity, customer_alias, customer_duplicate,
    customer_note to kaquan_app;
grant select, insert, update (before, moved, reason, undone_by, undone_at, sealed_at) on customer_merge
    to kaquan_app;
-- A merge lets what was recorded of one person become another's; nothing else of it changes.
grant update (customer_id) on consent, exposure, attempt, reward_redemption to kaquan_app;
grant update (customer_id, once) on publication to kaquan_app;
