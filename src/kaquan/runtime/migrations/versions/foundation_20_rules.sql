-- Validation rules as they were said, and what they are assigned to.
create table validation_rule (
    project_id    integer not null default current_project(),
    id            text collate "C" not null,
    name          text not null check (name <> ''),
    kind          text collate "C" not null,
    context       text collate "C" not null,
    rules         jsonb not null,
    bundle_rules  jsonb,
    applicable_to jsonb,
    error         jsonb,
    created_at    timestamptz not null,
    updated_at    timestamptz,
    primary key (project_id, id)
);
call protect('validation_rule');
create index validation_rule_created on validation_rule (project_id, created_at, id);

create table rule_assignment (
    project_id  integer not null default current_project(),
    id          text collate "C" not null,
    rule_id     text collate "C" not null,
    owner_kind  text collate "C" not null
                check (owner_kind in ('voucher', 'campaign', 'promotion_tier')),
    owner_id    text collate "C" not null,
    created_at  timestamptz not null,
    deletion_id text collate "C",
    primary key (project_id, id),
    unique (project_id, rule_id, owner_id),
    foreign key (project_id, rule_id) references validation_rule on delete cascade
);
call protect('rule_assignment');
create index rule_assignment_owner on rule_assignment (project_id, owner_id, id);
create index rule_assignment_created on rule_assignment (project_id, created_at, id);

-- What was said of an offer before rules and recurring windows were worked into it. offer is null
-- of a voucher whose campaign's applies.
create table offer_terms (
    project_id    integer not null default current_project(),
    owner_id      text collate "C" not null,
    owner_kind    text collate "C" not null
                  check (owner_kind in ('voucher', 'campaign', 'promotion_tier')),
    offer         jsonb,
    said          jsonb not null default '{}',
    primary key (project_id, owner_id)
);
call protect('offer_terms');

grant select, insert, update, delete on validation_rule, rule_assignment, offer_terms
    to kaquan_app;
