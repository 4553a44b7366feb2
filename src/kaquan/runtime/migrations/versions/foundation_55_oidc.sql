-- Who a person is at an OpenID Connect provider. The digest is the hexadecimal SHA-256 of the
-- issuer, a line feed and the subject, which together name one account for good; an address may
-- be given to somebody else.
create table oidc_link (
    project_id    integer not null default current_project() references project,
    digest        text collate "C" not null check (length(digest) = 64),
    user_id       text collate "C" not null,
    issuer        text not null,
    created_at    timestamptz not null,
    last_used_at  timestamptz not null,
    primary key (project_id, digest),
    unique (project_id, user_id, issuer),
    foreign key (project_id, user_id) references app_user on delete cascade
);
call protect('oidc_link');
call reveal_by('oidc_link', 'digest');
create index oidc_link_digest on oidc_link (digest);
call audit_changes('oidc_link', 'oidc_link', 'digest', 'last_used_at');

grant select, insert, update, delete on oidc_link to kaquan_app;
