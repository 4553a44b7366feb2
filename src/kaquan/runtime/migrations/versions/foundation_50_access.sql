-- Access of programs: short-lived tokens made from a key, and what browsers and apps may do.

-- scopes are the dialect's names of parts of the API; a key that is revoked takes its tokens
-- along. The token is stored as the hexadecimal SHA-256 of its text only.
create table access_token (
    project_id    integer not null default current_project() references project,
    token_digest  text collate "C" not null check (length(token_digest) = 64),
    key_id        text collate "C" not null,
    scopes        text[] not null check (cardinality(scopes) > 0),
    created_at    timestamptz not null,
    expires_at    timestamptz not null,
    primary key (project_id, token_digest),
    foreign key (project_id, key_id) references api_key on delete cascade,
    check (created_at < expires_at)
);
call protect('access_token');
call reveal_by('access_token', 'token_digest');
-- A token is looked for before its project is known.
create index access_token_digest on access_token (token_digest);

-- A key may be shown by its token alone, which has 256 random bits.
create unique index api_key_token on api_key (encode(token_sha256, 'hex'));
create policy bearer on api_key for select
    using (encode(token_sha256, 'hex') = (select current_lookup()));

-- One row a project, from the first change on: where public keys are accepted from, and what may
-- be done with them beside asking.
create table client_access (
    project_id        integer primary key default current_project() references project,
    trusted_domains   text[] not null,
    redeem            boolean not null,
    publish           boolean not null,
    list_vouchers     boolean not null,
    create_customer   boolean not null,
    updated_at        timestamptz not null
);
call protect('client_access');

grant select, insert, delete on access_token to kaquan_app;
grant select, insert, update on client_access to kaquan_app;
