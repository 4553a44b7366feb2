"""SQL of likely duplicates: what is compared, and the review queue."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, LiteralString

import msgspec
from psycopg.rows import dict_row

from kaquan.customers.duplicates.model import (
    DuplicatePair,
    Likely,
    PairState,
    PersonRecord,
)
from kaquan.customers.sealing import unseal_rows
from kaquan.runtime import NotFound, Page, Tx, struct_row

_PAIR: LiteralString = (
    "d.first_id, d.second_id, d.score_ppm, d.reasons, d.state, d.found_at, d.decided_by,"
    " d.decided_at, d.merge_id"
)
# Of people who are gone nothing is left to decide.
_QUEUE: LiteralString = (
    " from customer_duplicate d"
    " where d.state = %(state)s and d.score_ppm >= %(least)s"
    "   and (%(state)s <> 'open' or not exists (select from customer c"
    "        where c.id in (d.first_id, d.second_id) and c.erased_at is not null))"
)


async def list_person_records(tx: Tx, *, after: str, limit: int) -> list[PersonRecord]:
    """Return what is compared of customers, by id, those behind ``after``."""
    async with tx.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            "select c.id, c.data_key, c.name, c.email, c.phone, c.birth_date,"
            " jsonb_build_object('postal_code', c.address -> 'postal_code',"
            "                    'line_1', c.address -> 'line_1') as address,"
            " array(select i.kind || ':' || i.value_index from customer_identity i"
            "        where i.customer_id = c.id order by 1) as identities"
            " from customer c where c.erased_at is null and c.id > %s order by c.id limit %s",
            (after, limit),
        )
        rows = await unseal_rows(tx, await cursor.fetchall())
    return [_record(row) for row in rows]


def _record(row: dict[str, Any]) -> PersonRecord:
    address: dict[str, Any] = row.pop("address")
    for name, part in (("postal_code", "postal_code"), ("address_line", "line_1")):
        row[name] = None if address[part] is None else str(address[part])
    return msgspec.convert(row, PersonRecord)


async def enter_pairs(tx: Tx, pairs: Sequence[Likely], *, now: datetime) -> int:
    """Put pairs into the queue and return how many are new.

    Known ones that are open get the new score; decided ones stay as they are.
    """
    cursor = await tx.execute(
        "with entered as ("
        " insert into customer_duplicate as d (first_id, second_id, score_ppm, reasons, found_at)"
        " select first_id, second_id, score_ppm, string_to_array(reasons, ','), %(now)s"
        "   from unnest(%(first)s::text[], %(second)s::text[], %(scores)s::int[],"
        "               %(reasons)s::text[]) as p (first_id, second_id, score_ppm, reasons)"
        "   join customer f on f.id = p.first_id and f.erased_at is null"
        "   join customer s on s.id = p.second_id and s.erased_at is null"
        "  order by first_id, second_id"
        " on conflict (project_id, first_id, second_id) do update"
        "    set score_ppm = excluded.score_ppm, reasons = excluded.reasons"
        "  where d.state = 'open'"
        " returning xmax = 0 as added)"
        " select count(*) filter (where added) from entered",
        {
            "first": [one.first_id for one in pairs],
            "second": [one.second_id for one in pairs],
            "scores": [one.score_ppm for one in pairs],
            "reasons": [",".join(one.reasons) for one in pairs],
            "now": now,
        },
    )
    row = await cursor.fetchone()
    assert row is not None
    return row[0]


async def get_pair(tx: Tx, first_id: str, second_id: str, *, lock: bool = False) -> DuplicatePair:
    """Return a pair, named in either order; raises NotFound."""
    query: LiteralString = (
        f"select {_PAIR} from customer_duplicate d where d.first_id = %s and d.second_id = %s"
    )
    async with tx.cursor(row_factory=struct_row(DuplicatePair)) as cursor:
        await cursor.execute(
            query + " for update" if lock else query, tuple(sorted((first_id, second_id)))
        )
        pair = await cursor.fetchone()
    if pair is None:
        raise NotFound("pair of customers", f"{first_id}+{second_id}")
    return pair


async def list_pairs(
    tx: Tx,
    *,
    state: PairState = PairState.OPEN,
    least_ppm: int = 0,
    customer_id: str | None = None,
    limit: int = 50,
    page: int = 1,
) -> Page[DuplicatePair]:
    """Return pairs of the queue, the likeliest first, with the exact total.

    ``least_ppm`` leaves out those with a lower score; ``customer_id`` keeps those of one person.
    """
    parameters: dict[str, Any] = {"state": state, "least": least_ppm, "customer": customer_id}
    narrowed: LiteralString = (
        _QUEUE + " and (%(customer)s::text is null or %(customer)s in (d.first_id, d.second_id))"
    )
    counted = await tx.execute("select count(*)" + narrowed, parameters)
    total = await counted.fetchone()
    assert total is not None
    async with tx.cursor(row_factory=struct_row(DuplicatePair)) as cursor:
        await cursor.execute(
            f"select {_PAIR}{narrowed} order by d.score_ppm desc, d.first_id, d.second_id"
            " limit %(limit)s offset %(offset)s",
            parameters | {"limit": limit, "offset": (page - 1) * limit},
        )
        found = await cursor.fetchall()
    more = str(page + 1) if page * limit < total[0] else None
    return Page(found, total=total[0], next_cursor=more)


async def settle_pair(
    tx: Tx,
    pair: tuple[str, str],
    *,
    state: Literal["merged", "rejected"],
    by: str,
    merge_id: str | None,
    now: datetime,
) -> None:
    """Note what was decided about a pair, where it is in the queue."""
    first, second = sorted(pair)
    await tx.execute(
        "update customer_duplicate set state = %(state)s, decided_by = %(by)s,"
        " decided_at = %(now)s, merge_id = %(merge)s"
        " where first_id = %(first)s and second_id = %(second)s",
        {
            "state": state,
            "by": by,
            "now": now,
            "merge": merge_id,
            "first": first,
            "second": second,
        },
    )
