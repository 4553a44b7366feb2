"""SQL of customers, their summaries and consents."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString

from msgspec import structs
from psycopg.types.json import Json

from kaquan.customers.model import COUNTED_STATUSES, Consent, Customer, CustomerSummary
from kaquan.customers.sealing import (
    SEALED_TYPES,
    StoredCustomer,
    open_sealers,
    seal_new,
    unseal_customers,
)
from kaquan.customers.store.merging import find_survivors
from kaquan.customers.store.upsert import Entity, GivenColumns, find_row, update_row
from kaquan.runtime import (
    NotFound,
    Tx,
    struct_row,
)

CUSTOMER_COLUMNS: LiteralString = (
    "id, source_id, data_key, name, email, phone, birth_date, description, address, metadata,"
    " created_at, updated_at"
)
_INDEXES: LiteralString = "name_index, name_tokens, email_index, phone_index, postal_index"
_CUSTOMER = Entity(
    table="customer", columns=CUSTOMER_COLUMNS, noun=StoredCustomer, shown="erased_at is null"
)


async def list_named_customers(
    tx: Tx, ids: Sequence[str], source_ids: Sequence[str]
) -> tuple[dict[str, Customer], dict[str, Customer]]:
    """Return customers by our ids, and customers by the merchant's.

    Ids of people who were merged into others name those.
    """
    aliased = await find_survivors(tx, [*ids, *source_ids])
    async with tx.cursor(row_factory=struct_row(StoredCustomer)) as cursor:
        await cursor.execute(
            f"select {CUSTOMER_COLUMNS} from customer where erased_at is null"
            " and (id = any(%s) or source_id = any(%s))",
            ([*ids, *aliased.values()], list(source_ids)),
        )
        found = await unseal_customers(tx, await cursor.fetchall())
    by_id = {one.id: one for one in found}
    by_source = {one.source_id: one for one in found if one.source_id is not None}
    meant = {alias: by_id[one] for alias, one in aliased.items() if one in by_id}
    return meant | by_id, meant | by_source


async def find_customer_row(
    tx: Tx, *, row_id: str | None = None, source_id: str | None = None
) -> Customer | None:
    """Return the customer with this id or, if there is none, with this merchant's id."""
    found = await find_row(tx, _CUSTOMER, row_id=row_id, source_id=source_id)
    return None if found is None else (await unseal_customers(tx, [found]))[0]


async def update_customer_row(
    tx: Tx, row_id: str, values: Mapping[str, Any], *, now: datetime
) -> Customer:
    """Update the given columns; raises NotFound, and Duplicate for a taken merchant's id."""
    if values.keys() & SEALED_TYPES.keys():
        sealer = (await open_sealers(tx, [row_id])).get(row_id)
        if sealer is None:
            raise NotFound("customer", row_id)
        values = sealer.seal(values)
    stored = await update_row(tx, _CUSTOMER, GivenColumns(**values), row_id=row_id, now=now)
    return (await unseal_customers(tx, [stored]))[0]


async def insert_customers(tx: Tx, customers: Sequence[Customer]) -> list[Customer]:
    """Store new customers; returns them without those whose merchant's id another has already.

    Rows go in by that id, so that two writers never wait for each other in a circle.
    """
    rows = await seal_new(tx, [structs.asdict(customer) for customer in customers])
    cursor = await tx.execute(
        f"insert into customer ({CUSTOMER_COLUMNS}, {_INDEXES})"
        f" select {CUSTOMER_COLUMNS}, {_INDEXES} from json_populate_recordset(null::customer, %s)"
        " order by source_id on conflict (project_id, source_id) do nothing returning id",
        (Json(rows),),
    )
    stored = {row[0] for row in await cursor.fetchall()}
    return [customer for customer in customers if customer.id in stored]


async def count_customers(tx: Tx) -> int:
    """Return how many customers the project has."""
    cursor = await tx.execute("select count(*) from customer where erased_at is null")
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def erase_customer_row(tx: Tx, customer_id: str, *, now: datetime) -> None:
    """Empty a customer's row of all that is personal, and drop what was derived from it.

    The data key stays, for what it sealed elsewhere: see ``destroy_data_keys``.
    """
    await tx.execute(
        "update customer set source_id = null, name = null, email = null, phone = null,"
        " name_index = null, name_tokens = null, email_index = null, phone_index = null,"
        " postal_index = null, birth_date = null, description = null, address = null,"
        " metadata = '{}', updated_at = %(now)s, erased_at = %(now)s where id = %(id)s",
        {"id": customer_id, "now": now},
    )
    await tx.execute("delete from customer_summary where customer_id = %s", (customer_id,))
    await tx.execute("delete from segment_member where customer_id = %s", (customer_id,))
    await tx.execute("delete from rfm_score where customer_id = %s", (customer_id,))


async def lock_customers(tx: Tx, customer_ids: Sequence[str]) -> None:
    """Lock customers in the order of their ids, so that writers never wait in a circle."""
    await tx.execute(
        "select from customer where id = any(%s) order by id for no key update",
        (list(customer_ids),),
    )


async def lock_living(tx: Tx, customer_ids: Sequence[str]) -> list[str]:
    """As lock_customers; returns those of them who were not erased."""
    cursor = await tx.execute(
        "select id, erased_at is null from customer where id = any(%s) order by id"
        " for no key update",
        (list(customer_ids),),
    )
    return [row[0] for row in await cursor.fetchall() if row[1]]


async def lock_for_erasure(tx: Tx, customer_id: str) -> None:
    """Lock a customer so that nobody writes down anything more about them."""
    await tx.execute("select from customer where id = %s for update", (customer_id,))


async def list_existing_ids(tx: Tx, customer_ids: Sequence[str]) -> set[str]:
    """Return which of these customers exist."""
    cursor = await tx.execute(
        "select id from customer where id = any(%s) and erased_at is null", (list(customer_ids),)
    )
    return {row[0] for row in await cursor.fetchall()}


async def list_customer_summaries(
    tx: Tx, customer_ids: Sequence[str]
) -> dict[str, CustomerSummary]:
    """Return the summaries of customers by id; zeros for one who has not bought."""
    async with tx.cursor(row_factory=struct_row(CustomerSummary)) as cursor:
        await cursor.execute(
            "select s.customer_id, s.order_count, s.spend_minor, s.first_order_at,"
            " s.last_order_at, coalesce((select net_total(o) from orders o"
            "  where o.project_id = s.project_id and o.customer_id = s.customer_id"
            "    and o.placed_at = s.last_order_at and o.status = any(%s)"
            "  order by o.id desc limit 1), 0) as last_order_minor"
            " from customer_summary s where s.customer_id = any(%s)",
            (list(COUNTED_STATUSES), list(customer_ids)),
        )
        found = {row.customer_id: row for row in await cursor.fetchall()}
    return {key: found.get(key) or CustomerSummary(customer_id=key) for key in customer_ids}


async def refresh_summary_rows(tx: Tx, customer_ids: Sequence[str]) -> None:
    """Recount the orders of locked customers into their summaries, in one statement."""
    # A sum beyond the column's range stops at its end, so that no order can make it fail.
    await tx.execute(
        "with bought as ("
        " select o.customer_id, count(*) as orders,"
        "        least(sum(net_total(o)), 9223372036854775807)::bigint as spend,"
        "        min(o.placed_at) as first_at, max(o.placed_at) as last_at"
        "   from orders o join customer c on c.project_id = o.project_id and c.id = o.customer_id"
        "  where o.customer_id = any(%(customers)s) and o.status = any(%(counted)s)"
        "    and c.erased_at is null"
        "  group by o.customer_id"
        "), emptied as ("
        " delete from customer_summary s where s.customer_id = any(%(customers)s)"
        "    and not exists (select from bought b where b.customer_id = s.customer_id)"
        ") insert into customer_summary as s"
        " (customer_id, order_count, spend_minor, first_order_at, last_order_at)"
        " select customer_id, orders, spend, first_at, last_at from bought"
        " on conflict (project_id, customer_id) do update"
        " set order_count = excluded.order_count, spend_minor = excluded.spend_minor,"
        "     first_order_at = excluded.first_order_at, last_order_at = excluded.last_order_at"
        " where (s.order_count, s.spend_minor, s.first_order_at, s.last_order_at)"
        "       is distinct from (excluded.order_count, excluded.spend_minor,"
        "                         excluded.first_order_at, excluded.last_order_at)",
        {"customers": list(customer_ids), "counted": list(COUNTED_STATUSES)},
    )


ADD_TO_SUMMARY: LiteralString = """
on conflict (project_id, customer_id) do update
   set order_count = s.order_count + excluded.order_count,
       spend_minor = least(s.spend_minor::numeric + excluded.spend_minor,
                           9223372036854775807)::bigint,
       first_order_at = least(s.first_order_at, excluded.first_order_at),
       last_order_at = greatest(s.last_order_at, excluded.last_order_at)"""
"""The end of a statement that adds new orders to the summaries ``s``."""


async def add_to_summary_rows(tx: Tx, order_ids: Sequence[str]) -> None:
    """Add new orders of locked customers to their summaries, in one statement."""
    # Nothing of a new order was returned: its total is its net total, without a call for each row.
    await tx.execute(
        "insert into customer_summary as s"
        " (customer_id, order_count, spend_minor, first_order_at, last_order_at)"
        " select o.customer_id, count(*), least(sum(o.total_minor), 9223372036854775807)::bigint,"
        "        min(o.placed_at), max(o.placed_at)"
        "   from orders o join customer c on c.project_id = o.project_id and c.id = o.customer_id"
        "  where o.id = any(%s) and o.status = any(%s) and c.erased_at is null"
        "  group by o.customer_id order by o.customer_id" + ADD_TO_SUMMARY,
        (list(order_ids), list(COUNTED_STATUSES)),
    )


async def insert_consents(tx: Tx, customer_ids: Sequence[str], *, consent: Consent) -> None:
    """Record the same decision for customers who are locked.

    Of two decisions in the same moment the later one stands a microsecond after the other.
    """
    await tx.execute(
        "insert into consent (customer_id, channel, purpose, granted, source, at)"
        " select wanted.id, %(channel)s, %(purpose)s, %(granted)s, %(source)s, coalesce("
        "   (select max(earlier.at) + interval '1 microsecond' from consent earlier"
        "     where earlier.customer_id = wanted.id and earlier.channel = %(channel)s"
        "       and earlier.purpose = %(purpose)s and earlier.at >= %(at)s"
        "       and earlier.at < %(at)s + interval '1 millisecond'), %(at)s)"
        " from unnest(%(customers)s::text[]) as wanted (id)",
        {
            "customers": list(customer_ids),
            "channel": consent.channel,
            "purpose": consent.purpose,
            "granted": consent.granted,
            "source": consent.source,
            "at": consent.at,
        },
    )


async def list_consents(tx: Tx, customer_id: str) -> list[Consent]:
    """Return every decision of a customer, newest first."""
    async with tx.cursor(row_factory=struct_row(Consent)) as cursor:
        await cursor.execute(
            "select customer_id, channel, purpose, granted, source, at from consent"
            " where customer_id = %s order by at desc, channel, purpose",
            (customer_id,),
        )
        return await cursor.fetchall()


async def list_contactable(
    tx: Tx, customer_ids: Sequence[str], *, channel: str, purpose: str
) -> frozenset[str]:
    """Return which of these customers may be contacted: their latest decision says so.

    Who never decided may not be contacted.
    """
    cursor = await tx.execute(
        "select latest.customer_id from ("
        "  select distinct on (k.customer_id) k.customer_id, k.granted from consent k"
        "   where k.customer_id = any(%s) and k.channel = %s and k.purpose = %s"
        "   order by k.customer_id, k.at desc) latest"
        "  join customer c on c.id = latest.customer_id"
        " where latest.granted and c.erased_at is null",
        (list(customer_ids), channel, purpose),
    )
    return frozenset(row[0] for row in await cursor.fetchall())
