-- Events in: what visitors did before they were known, what they looked at and put into carts, the
-- shop systems that tell of orders, and what these sent.

-- Whose a visitor's anonymous id is. known: told by an identify or alias call, and not only the
-- record that was opened for the visitor.
create table visitor (
    project_id    integer not null default current_project(),
    anonymous_id  text collate "C" not null,
    customer_id   text collate "C" not null,
    known         boolean not null,
    linked_at     timestamptz not null,
    primary key (project_id, anonymous_id),
    foreign key (project_id, customer_id) references customer
);
call protect('visitor');
create index visitor_customer on visitor (project_id, customer_id);

-- The moment of the latest message that was applied to something; older ones must not undo it.
create table told_until (
    project_id  integer not null default current_project(),
    subject     text collate "C" not null,
    at          timestamptz not null,
    primary key (project_id, subject)
);
call protect('told_until');

create table product_seen (
    project_id   integer not null default current_project(),
    customer_id  text collate "C" not null,
    product      text collate "C" not null,
    views        bigint not null check (views > 0),
    first_at     timestamptz not null,
    last_at      timestamptz not null,
    primary key (project_id, customer_id, product),
    foreign key (project_id, customer_id) references customer
);
call protect('product_seen');

-- items: quantities and what else was told, by product. What happened before reset_at, when the
-- whole cart was told or bought, changes it no more.
create table shopping_cart (
    project_id   integer not null default current_project(),
    customer_id  text collate "C" not null,
    cart         text collate "C" not null,
    items        jsonb not null,
    reset_at     timestamptz,
    changed_at   timestamptz not null,
    primary key (project_id, customer_id, cart),
    foreign key (project_id, customer_id) references customer
);
call protect('shopping_cart');

-- A refund that was carried out, so that it is carried out once.
create table refund_told (
    project_id  integer not null default current_project(),
    order_id    text collate "C" not null,
    refund      text collate "C" not null,
    return_id   text collate "C",
    at          timestamptz not null,
    primary key (project_id, order_id, refund),
    foreign key (project_id, order_id) references orders
);
call protect('refund_told');

-- A shop system that posts to us. signing: how its requests are signed and named; mapping: what
-- they mean. refused_at and refusal tell of the last request that was not signed as it should be.
create table source (
    project_id     integer not null default current_project(),
    id             text collate "C" not null,
    name           text not null check (name <> ''),
    kind           text collate "C" not null
                   check (kind in ('shopify', 'woocommerce', 'medusa', 'saleor', 'custom')),
    active         boolean not null,
    secret         text,
    public_keys    text,
    signing        jsonb not null,
    mapping        jsonb not null,
    refused_count  bigint not null default 0,
    refused_at     timestamptz,
    refusal        text,
    created_at     timestamptz not null,
    updated_at     timestamptz,
    primary key (project_id, id)
);
call protect('source');
-- Who posts does not say whose project it is: the source's id, 128 random bits, leads there.
call reveal_by('source', 'id');
create index source_id on source (id);

-- What came in, as it came, and what became of it. Without a source it is a message of the
-- tracking API that could not be accepted.
create table source_receipt (
    project_id    integer not null default current_project(),
    id            text collate "C" not null,
    source_id     text collate "C",
    delivery      text collate "C" not null,
    topic         text collate "C" not null,
    body          bytea not null,
    digest        bytea not null check (length(digest) = 32),
    status        text collate "C" not null
                  check (status in ('done', 'ignored', 'duplicate', 'failed')),
    error_key     text collate "C",
    error_field   text,
    error         text,
    outcome       jsonb not null,
    customer_id   text collate "C" generated always as (outcome ->> 'customer_id') stored,
    attempts      integer not null check (attempts > 0),
    received_at   timestamptz not null,
    processed_at  timestamptz not null,
    primary key (project_id, id),
    unique (project_id, source_id, delivery),
    foreign key (project_id, source_id) references source on delete cascade,
    check ((status = 'failed') = (error is not null))
);
call protect('source_receipt');
create index source_receipt_digest on source_receipt (project_id, source_id, digest);
create index source_receipt_customer on source_receipt (project_id, customer_id)
    where customer_id is not null;
create index source_receipt_received on source_receipt (project_id, received_at, id);

-- Visitors, views and carts follow a person who was merged into another, and go with one who is
-- erased. At the end of the transaction, when it is known which of both happened.
create function follow_visits() returns trigger language plpgsql as $$
declare
    heir text;
begin
    perform set_config('kaquan.project_id', new.project_id::text, true);
    select customer_id into heir from customer_alias where alias = new.id;
    if heir is not null then
        update visitor set customer_id = heir where customer_id = new.id;
        insert into product_seen as p (customer_id, product, views, first_at, last_at)
        select heir, product, views, first_at, last_at from product_seen where customer_id = new.id
        on conflict (project_id, customer_id, product) do update
           set views = p.views + excluded.views,
               first_at = least(p.first_at, excluded.first_at),
               last_at = greatest(p.last_at, excluded.last_at);
        insert into shopping_cart as c (customer_id, cart, items, reset_at, changed_at)
        select heir, cart, items, reset_at, changed_at from shopping_cart
         where customer_id = new.id
        on conflict (project_id, customer_id, cart) do update
           set items = excluded.items, reset_at = excluded.reset_at,
               changed_at = excluded.changed_at
         where c.changed_at < excluded.changed_at;
    else
        -- What shop systems sent about the person goes too; that it came, and when, stays.
        update source_receipt set body = '' where customer_id = new.id or customer_id in
            (select merged_id from customer_merge where survivor_id = new.id);
    end if;
    delete from visitor where customer_id = new.id;
    delete from product_seen where customer_id = new.id;
    delete from shopping_cart where customer_id = new.id;
    delete from told_until where subject in ('user ' || old.source_id,
                                             'source customer ' || old.source_id);
    return null;
end $$;
create constraint trigger follow_visits after update of erased_at on customer
    deferrable initially deferred for each row
    when (old.erased_at is null and new.erased_at is not null) execute function follow_visits();

call audit_changes('source', 'source', 'id', 'refused_count refused_at refusal');

grant select, insert, update, delete on visitor, told_until, product_seen, shopping_cart, source,
    source_receipt to kaquan_app;
grant select, insert on refund_told to kaquan_app;
grant execute on function follow_visits to kaquan_app;
