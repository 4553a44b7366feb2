"""SQL of lists of customers: orders, filters, and finding people by what they are called."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString

from psycopg import sql
from psycopg.rows import dict_row

from kaquan.customers.cleaning import country_of
from kaquan.customers.model import Customer
from kaquan.customers.sealing import (
    LONGEST_BEGINNING,
    StoredCustomer,
    open_index,
    unseal_customers,
    unseal_rows,
    words,
)
from kaquan.customers.store.customers import CUSTOMER_COLUMNS
from kaquan.customers.store.listing import Listing, ListRequest, Sort, list_page
from kaquan.runtime import (
    Condition,
    FilterField,
    FilterFields,
    FilterKind,
    Page,
    Tx,
    get_project,
    struct_row,
)

_LISTING = Listing(
    columns=CUSTOMER_COLUMNS,
    source="customer c left join customer_summary s"
    " on s.project_id = c.project_id and s.customer_id = c.id",
    key="c.id",
    sorts={
        "created_at": Sort("c.created_at", datetime),
        "updated_at": Sort("coalesce(c.updated_at, c.created_at)", datetime),
        "source_id": Sort("coalesce(c.source_id, '')", str),
        "spend": Sort("coalesce(s.spend_minor, 0)", int),
        "order_count": Sort("coalesce(s.order_count, 0)", int),
        "last_order_at": Sort("coalesce(s.last_order_at, '1000-01-01+00')", datetime),
    },
)
CUSTOMER_FILTERS = FilterFields(
    named={
        "id": FilterField("c.id"),
        "source_id": FilterField("c.source_id"),
        "name": FilterField("c.name_index", FilterKind.SEALED),
        "email": FilterField("c.email_index", FilterKind.SEALED),
        "phone": FilterField("c.phone_index", FilterKind.SEALED),
        "description": FilterField("c.description"),
        "birthdate": FilterField("c.birth_date", FilterKind.DATE),
        "birthday": FilterField("c.birth_date", FilterKind.DATE),
        "created_at": FilterField("c.created_at", FilterKind.TIME),
        "updated_at": FilterField("coalesce(c.updated_at, c.created_at)", FilterKind.TIME),
        "summary.orders.total_amount": FilterField("coalesce(s.spend_minor, 0)", FilterKind.NUMBER),
        "summary.orders.total_count": FilterField("coalesce(s.order_count, 0)", FilterKind.NUMBER),
        "summary.orders.last_order_date": FilterField("s.last_order_at", FilterKind.TIME),
        "address.city": FilterField("c.address ->> 'city'"),
        "address.state": FilterField("c.address ->> 'state'"),
        "address.country": FilterField("c.address ->> 'country'"),
        "address.postal_code": FilterField("c.postal_index", FilterKind.SEALED),
    },
    objects={"metadata": "c.metadata"},
)
"""What lists and exports of customers may be filtered by."""

_MOST_COMPARED = 5_000
"""People whose names are unsealed for a search; of more, only beginnings of words are compared."""

_FOUND: LiteralString = (
    "(c.id = %(search)s"
    # Every string with a prefix sorts between it and it followed by the highest character.
    " or (c.source_id >= %(search)s and c.source_id < %(search)s || chr(1114111))"
    " or c.email_index = %(search_email)s or c.phone_index = any(%(search_phones)s::text[])"
    " or c.id = any(%(search_names)s::text[]))"
)


async def list_customers(
    tx: Tx,
    *,
    search: str | None = None,
    ids: Sequence[str] | None = None,
    email: str | None = None,
    segment_id: str | None = None,
    condition: Condition | None = None,
    after: datetime | None = None,
    limit: int = 50,
    order: str = "-created_at",
    cursor: str | None = None,
    page: int = 1,
) -> Page[Customer]:
    """Return a page of customers with the exact total.

    ``search`` is the beginnings of words of a name, in any case of letters, a whole e-mail address
    or phone number, or the beginning of a merchant's id; ``email`` is a whole address; ``ids`` narrows the list to these customers,
    ``segment_id`` to the members of a segment as of its last evaluation, ``condition`` to those
    who meet a filter by CUSTOMER_FILTERS, ``after`` to those who come behind a moment in an order
    by created_at or updated_at. ``order`` is created_at, updated_at,
    source_id, spend, order_count or last_order_at, with ``-`` in front for descending (names and
    addresses are sealed, so nothing is in their order). Raises InvalidInput for an unknown order
    or a foreign cursor.
    """
    conditions: list[sql.Composable] = [sql.SQL("c.erased_at is null")]
    parameters: dict[str, Any] = {}
    text = (search or "").replace("\0", "").strip()
    if text:
        conditions.append(sql.SQL(_FOUND))
        parameters |= await _search(tx, text)
    if email is not None:
        conditions.append(sql.SQL("c.email_index = %(email)s"))
        parameters["email"] = (await open_index(tx)).of("email", email.replace("\0", ""))
    if ids is not None:
        conditions.append(sql.SQL("c.id = any(%(ids)s)"))
        parameters["ids"] = list(ids)
    if segment_id is not None:
        conditions.append(
            sql.SQL(
                "exists (select from segment_member m where m.project_id = c.project_id"
                " and m.customer_id = c.id and m.segment_id = %(segment_id)s)"
            )
        )
        parameters["segment_id"] = segment_id
    if condition is not None:
        conditions.append(condition.sql)
        parameters |= condition.parameters
    if after is not None:
        sort = _LISTING.sorts[order.removeprefix("-")]
        beyond = sql.SQL("<" if order.startswith("-") else ">")
        conditions.append(sql.SQL("{} {} %(after)s").format(sql.SQL(sort.expression), beyond))
        parameters["after"] = after
    found = await list_page(
        tx,
        _LISTING,
        ListRequest(limit=limit, order=order, cursor=cursor, page=page),
        conditions=conditions,
        parameters=parameters,
        row=struct_row(StoredCustomer),
    )
    return Page(
        await unseal_customers(tx, found.items), total=found.total, next_cursor=found.next_cursor
    )


async def _search(tx: Tx, text: str) -> dict[str, Any]:
    """Return by what a search finds people: digests, and who has such a name."""
    index = await open_index(tx, country=country_of(await get_project(tx)))
    digits = "".join(character for character in text if character.isdecimal())
    looks_like_phone = digits and not any(character.isalpha() for character in text)
    numbers = (text, digits) if looks_like_phone else ()
    phones = {index.of("phone", number) for number in numbers}
    return {
        "search": text,
        "search_email": index.of("email", text) if "@" in text else None,
        "search_phones": sorted(phones),
        "search_names": await _find_by_name(tx, text, tokens=index.beginnings(text)),
    }


async def _find_by_name(tx: Tx, text: str, *, tokens: list[int]) -> list[str]:
    """Return who has a name of which words begin as all those of ``text`` do."""
    cursor = await tx.execute("select customers_by_tokens(%s::bigint[])", (tokens,))
    ids = [row[0] for row in await cursor.fetchall()]
    wanted = words(text)
    if not 0 < len(ids) <= _MOST_COMPARED or all(len(one) <= LONGEST_BEGINNING for one in wanted):
        return ids
    async with tx.cursor(row_factory=dict_row) as reading:
        await reading.execute(
            "select id, data_key, name from customer where id = any(%s) and name is not null",
            (ids,),
        )
        people = await unseal_rows(tx, await reading.fetchall())
    return [
        one["id"]
        for one in people
        if all(any(has.startswith(word) for has in words(one["name"])) for word in wanted)
    ]
