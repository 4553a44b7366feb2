-- What merchants bring beside customers and orders: events, variants, collections, schemas of
-- metadata; and what long work leaves behind: files, exports, the bin.

create table event (
    project_id   integer not null default current_project(),
    id           text collate "C" not null,
    customer_id  text collate "C" not null,
    name         text collate "C" not null check (name <> ''),
    source_id    text collate "C",
    metadata     jsonb not null default '{}',
    at           timestamptz not null,
    created_at   timestamptz not null,
    primary key (project_id, id),
    unique (project_id, source_id),
    foreign key (project_id, customer_id) references customer
);
call protect('event');
create index event_customer on event (project_id, customer_id, at);
create index event_name on event (project_id, name, at);

-- The merchant's id of a variant is unique among all variants, whichever their product.
create table sku (
    project_id   integer not null default current_project(),
    id           text collate "C" not null,
    product_id   text collate "C" not null,
    source_id    text collate "C",
    name         text,
    price_minor  bigint check (price_minor >= 0),
    currency     text collate "C",
    image_url    text,
    attributes   jsonb not null default '{}',
    metadata     jsonb not null default '{}',
    created_at   timestamptz not null,
    updated_at   timestamptz,
    primary key (project_id, id),
    unique (project_id, source_id),
    foreign key (project_id, product_id) references product on delete cascade
);
call protect('sku');
create index sku_product on sku (project_id, product_id, created_at, id);

create table product_collection (
    project_id  integer not null default current_project(),
    id          text collate "C" not null,
    name        text not null check (name <> ''),
    kind        text collate "C" not null check (kind in ('STATIC', 'AUTO_UPDATE')),
    filter      jsonb,
    created_at  timestamptz not null,
    updated_at  timestamptz,
    primary key (project_id, id),
    unique (project_id, name),
    check ((kind = 'AUTO_UPDATE') = (filter is not null))
);
call protect('product_collection');

-- A static collection's members in the order given; without sku_id a product with its variants.
create table product_collection_member (
    project_id     integer not null default current_project(),
    collection_id  text collate "C" not null,
    place          integer not null,
    product_id     text collate "C" not null,
    sku_id         text collate "C",
    primary key (project_id, collection_id, place),
    foreign key (project_id, collection_id) references product_collection on delete cascade,
    foreign key (project_id, product_id) references product on delete cascade,
    foreign key (project_id, sku_id) references sku on delete cascade
);
call protect('product_collection_member');
create index product_collection_member_product on product_collection_member (project_id, product_id);
create index product_collection_member_sku on product_collection_member (project_id, sku_id)
    where sku_id is not null;

-- What metadata of a kind of object looks like. subject: what kind (customer, order, …) or the
-- name of a nested object; for scope 'event' it is the name of a custom event.
create table metadata_schema (
    project_id          integer not null default current_project(),
    id                  text collate "C" not null,
    scope               text collate "C" not null check (scope in ('standard', 'nested', 'event')),
    subject             text collate "C" not null check (subject <> ''),
    properties          jsonb not null,
    allow_defined_only  boolean not null default false,
    created_at          timestamptz not null,
    updated_at          timestamptz,
    primary key (project_id, id),
    unique (project_id, scope, subject)
);
call protect('metadata_schema');

-- A file in parts: what was sent to be imported, what was exported, what an import rejected.
create table stored_file (
    project_id  integer not null default current_project(),
    id          text collate "C" not null,
    name        text not null,
    media_type  text collate "C" not null,
    byte_count  bigint not null default 0,
    part_count  integer not null default 0,
    created_at  timestamptz not null,
    expires_at  timestamptz not null,
    primary key (project_id, id)
);
call protect('stored_file');
create index stored_file_expiry on stored_file (project_id, expires_at);

create table stored_file_part (
    project_id  integer not null default current_project(),
    file_id     text collate "C" not null,
    part        integer not null,
    content     bytea not null,
    primary key (project_id, file_id, part),
    foreign key (project_id, file_id) references stored_file on delete cascade
);
call protect('stored_file_part');

-- An export is made by a job: position is where its next part goes on, rows how many it has.
create table export (
    project_id       integer not null default current_project(),
    id               text collate "C" not null,
    exported_object  text collate "C" not null,
    parameters       jsonb not null,
    channel          text collate "C" not null,
    user_id          text collate "C",
    status           text collate "C" not null
                     check (status in ('SCHEDULED', 'IN_PROGRESS', 'DONE', 'ERROR')),
    file_id          text collate "C" not null,
    row_count        bigint not null default 0,
    error            text,
    created_at       timestamptz not null,
    updated_at       timestamptz,
    primary key (project_id, id)
);
call protect('export');
create index export_created on export (project_id, created_at, id);

-- What was deleted and may come back: the row as it was, under the table's own column names.
create table bin_entry (
    project_id          integer not null default current_project(),
    id                  text collate "C" not null,
    resource_type       text collate "C" not null
                        check (resource_type in ('campaign', 'product', 'sku', 'voucher')),
    resource_id         text collate "C" not null,
    resource_name       text,
    resource_parent_id  text collate "C",
    deleted_by          text collate "C",
    rows                jsonb not null,
    created_at          timestamptz not null,
    primary key (project_id, id)
);
call protect('bin_entry');

-- What was erased for whom and when; no personal data, so that an erasure can be proven.
create table permanent_deletion (
    project_id   integer not null default current_project(),
    id           text collate "C" not null,
    customer_id  text collate "C" not null,
    counts       jsonb not null,
    created_at   timestamptz not null,
    primary key (project_id, id)
);
call protect('permanent_deletion');

-- A circle around a point or a polygon, as the dialect writes them.
alter table location add column shape jsonb;

grant select, insert, update, delete on
    event, sku, product_collection, product_collection_member, metadata_schema, stored_file,
    stored_file_part, export, bin_entry
    to kaquan_app;
grant select, insert on permanent_deletion to kaquan_app;
-- An erasure empties what a merchant wrote beside a publication.
grant update (metadata) on publication to kaquan_app;
