-- People's access: links that open once, passkeys, families of projects.

-- The link itself has 256 random bits and is stored as the hexadecimal SHA-256 of its text only.
-- places are the numbers of projects with the role that accepting the invitation gives there.
create table person_ticket (
    project_id    integer not null default current_project() references project,
    digest        text collate "C" not null check (length(digest) = 64),
    id            text collate "C" not null,
    purpose       text collate "C" not null check (purpose in ('invitation', 'password_reset')),
    user_id       text collate "C" not null,
    email         text not null,
    email_digest  text collate "C" not null,
    name          text not null,
    places        jsonb not null default '{}',
    created_by    text collate "C",
    created_at    timestamptz not null,
    expires_at    timestamptz not null,
    used_at       timestamptz,
    primary key (project_id, digest),
    unique (project_id, id),
    check (created_at < expires_at)
);
call protect('person_ticket');
call reveal_by('person_ticket', 'digest');
create index person_ticket_digest on person_ticket (digest);
create index person_ticket_email on person_ticket (project_id, email_digest);

-- id is the credential's id in URL-safe base 64, as the browser tells it.
create table passkey (
    project_id    integer not null default current_project() references project,
    id            text collate "C" not null check (length(id) between 1 and 1400),
    user_id       text collate "C" not null,
    name          text not null,
    public_key    bytea not null,
    sign_count    bigint not null check (sign_count >= 0),
    created_at    timestamptz not null,
    last_used_at  timestamptz,
    primary key (project_id, id),
    foreign key (project_id, user_id) references app_user on delete cascade
);
call protect('passkey');
call reveal_by('passkey', 'id');
create index passkey_id on passkey (id);

-- What an authenticator was asked to sign, until it did or it is too late. Of a stranger's the
-- project is the oldest one: who it is comes out with the answer.
create table passkey_challenge (
    project_id  integer not null default current_project() references project,
    challenge   bytea not null check (length(challenge) = 32),
    user_id     text collate "C",
    expires_at  timestamptz not null,
    primary key (project_id, challenge)
);
call protect('passkey_challenge');

-- Projects that a project's management keys made, and look after like their own.
create table managed_project (
    project_id  integer not null default current_project() references project,
    child       integer not null,
    id          text collate "C" not null,
    created_at  timestamptz not null,
    primary key (project_id, child)
);
call protect('managed_project');

-- From then on the project is shut: its keys and people open nothing, its jobs rest.
alter table project add column closed_at timestamptz;
alter table project add column description text;

-- Requests a minute and process; null: no limit.
alter table api_key add column requests_per_minute integer check (requests_per_minute > 0);

grant select, insert, update, delete on person_ticket, passkey to kaquan_app;
grant select, insert, delete on passkey_challenge, managed_project to kaquan_app;
