"""SQL of attempts: written in chunks, listed together with the register of redemptions."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, LiteralString

import msgspec
from psycopg import sql
from psycopg.types.json import Jsonb

from kaquan.checkout.attempt_model import AttemptHead, AttemptKind, AttemptOutcome
from kaquan.checkout.kept import KeptInputs
from kaquan.checkout.tried import AttemptRow
from kaquan.engine import Reason
from kaquan.runtime import NotFound, Tx, struct_row

MOST_COUNTED = 10_000

_TRIED: LiteralString = (
    "select a.id, a.run_id, a.kind, a.object, a.code, a.voucher_id, a.campaign_id, a.customer_id,"
    " a.customer_source_id, a.order_id, a.order_source_id, a.channel, a.outcome,"
    " a.discount_minor, a.reasons, null::text as failure_message, a.trace, a.created_at"
    " from attempt a"
)
_REDEEMED: LiteralString = (
    "select r.id, coalesce(r.parent_id, r.id) as run_id, 'redemption' as kind,"
    " case when v.tier then 'promotion_tier' else 'voucher' end as object, v.code, r.voucher_id, r.campaign_id, r.customer_id,"
    " null::text as customer_source_id, r.order_id, null::text as order_source_id, r.channel,"
    " case r.result when 'SUCCESS' then 'APPLIED' else 'REFUSED' end as outcome,"
    " r.discount_minor + r.items_discount_minor as discount_minor,"
    " null::jsonb as reasons, r.failure_message, r.trace, r.created_at"
    " from redemption r join voucher_ever v on v.id = r.voucher_id"
)


class StoredAttempt(AttemptHead, frozen=True, kw_only=True):
    """A row of either kind; ``reasons`` is None for redemptions, whose trace tells them."""

    reasons: tuple[Reason, ...] | None
    failure_message: str | None
    trace: dict[str, Any] | None


class AttemptFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which attempts; None is all. People and orders by any of the names they are kept under."""

    code: str | None = None
    customer_id: str | None = None
    customer_source_id: str | None = None
    order_id: str | None = None
    order_source_id: str | None = None
    kind: AttemptKind | None = None
    outcome: AttemptOutcome | None = None
    since: datetime | None = None
    until: datetime | None = None


async def insert_attempts(tx: Tx, rows: Sequence[AttemptRow]) -> None:
    """Store rows in one statement."""
    await tx.execute(
        "insert into attempt (id, run_id, kind, object, code, voucher_id, campaign_id,"
        " customer_id, customer_source_id, order_id, order_source_id, channel, outcome,"
        " discount_minor, reasons, trace, inputs, created_at)"
        " select * from jsonb_to_recordset(%s) as a (id text, run_id text, kind text,"
        " object text, code text, voucher_id text, campaign_id text, customer_id text,"
        " customer_source_id text, order_id text, order_source_id text, channel text,"
        " outcome text, discount_minor bigint, reasons jsonb, trace jsonb, inputs jsonb,"
        " created_at timestamptz)",
        (Jsonb(list(rows)),),
    )


async def lock_people(tx: Tx, customer_ids: Sequence[str]) -> dict[str, str]:
    """Return by id under which id each customer is known now; who was erased is left out.

    Their erasure waits for ``tx``, and finds what it wrote. A checkout's lock is not in the way.
    """
    cursor = await tx.execute(
        "select c.id, case when c.erased_at is null then c.id else a.customer_id end"
        " from customer c left join customer_alias a on a.alias = c.id"
        " where c.id = any(%s) order by c.id for key share of c",
        (list(customer_ids),),
    )
    return {told: known for told, known in await cursor.fetchall() if known is not None}


async def upsert_offers(tx: Tx, offers: Mapping[str, Any], *, seen_on: date) -> None:
    """Keep offers by reference, and that they were seen on this day."""
    # In one order everywhere, so that two processes writing the same offers cannot deadlock.
    rows = [{"ref": ref, "offer": offers[ref]} for ref in sorted(offers)]
    await tx.execute(
        "insert into decided_offer as d (ref, offer, seen_on)"
        " select o.ref, o.offer, %s from jsonb_to_recordset(%s) as o (ref text, offer jsonb)"
        " order by o.ref on conflict (project_id, ref) do update"
        " set seen_on = excluded.seen_on where d.seen_on < excluded.seen_on",
        (seen_on, Jsonb(rows)),
    )


async def get_attempt_row(tx: Tx, attempt_id: str) -> StoredAttempt:
    """Return an attempt by id. Raises NotFound."""
    query: LiteralString = f"{_TRIED} where a.id = %s"
    if attempt_id.startswith("r_"):
        query = f"{_REDEEMED} where r.id = %s and r.kind = 'redemption'"
    async with tx.cursor(row_factory=struct_row(StoredAttempt)) as cursor:
        await cursor.execute(query, (attempt_id,))
        found = await cursor.fetchone()
    if found is None:
        raise NotFound("attempt", attempt_id)
    return found


async def find_kept_inputs(tx: Tx, run_id: str) -> KeptInputs | None:
    """Return what a run was decided on; None when it is no longer kept."""
    cursor = await tx.execute("select inputs from attempt where id = %s", (run_id,))
    row = await cursor.fetchone()
    return None if row is None else msgspec.convert(row[0], KeptInputs)


async def list_kept_offers(tx: Tx, references: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return offers by reference, without those that are no longer kept."""
    cursor = await tx.execute(
        "select ref, offer from decided_offer where ref = any(%s)", (list(references),)
    )
    return dict(await cursor.fetchall())


async def list_attempt_rows(
    tx: Tx,
    wanted: AttemptFilter,
    *,
    descending: bool,
    after: tuple[datetime, str] | None,
    limit: int,
    offset: int,
) -> list[StoredAttempt]:
    """Return up to ``limit`` attempts by time, after one of them or from ``offset`` on."""
    direction = sql.SQL("desc" if descending else "asc")
    branches = _branches(wanted, after=after, descending=descending)
    # Each branch stops early by its own index; the outer sort merges two short lists.
    ordered = [
        sql.SQL("(select * from ({}) one order by created_at {}, id {} limit %(reach)s)").format(
            branch, direction, direction
        )
        for branch in branches
    ]
    query = sql.SQL(
        "select * from ({}) one order by created_at {}, id {} limit %(limit)s offset %(offset)s"
    ).format(sql.SQL(" union all ").join(ordered), direction, direction)
    parameters = {
        **_parameters(wanted, after),
        "limit": limit,
        "offset": offset,
        "reach": limit + offset,
    }
    async with tx.cursor(row_factory=struct_row(StoredAttempt)) as cursor:
        await cursor.execute(query, parameters)
        return await cursor.fetchall()


async def count_attempt_rows(tx: Tx, wanted: AttemptFilter) -> int:
    """Count matching attempts, looking at no more than ``MOST_COUNTED`` of each register."""
    branches = _branches(wanted, after=None, descending=True)
    counts = [
        sql.SQL("(select count(*) from (select from ({}) one limit %(reach)s) counted)").format(
            branch
        )
        for branch in branches
    ]
    query = sql.SQL("select {}").format(sql.SQL(" + ").join(counts))
    parameters = {**_parameters(wanted, None), "reach": MOST_COUNTED}
    row = await (await tx.execute(query, parameters)).fetchone()
    assert row is not None
    return min(row[0], MOST_COUNTED)


async def delete_attempts(tx: Tx, *, before: datetime, limit: int) -> int:
    """Forget up to ``limit`` attempts made before a moment; return how many."""
    cursor = await tx.execute(
        "delete from attempt where id in (select a.id from attempt a where a.created_at < %s"
        " order by a.created_at limit %s)",
        (before, limit),
    )
    return cursor.rowcount


async def delete_offers(tx: Tx, *, before: date) -> int:
    """Forget offers that no attempt since that day was decided on; return how many."""
    cursor = await tx.execute("delete from decided_offer where seen_on < %s", (before,))
    return cursor.rowcount


def _branches(
    wanted: AttemptFilter, *, after: tuple[datetime, str] | None, descending: bool
) -> list[sql.Composed]:
    """The queries that together find what is wanted: of attempts, of redemptions, or of both."""
    tried = sql.Composed([sql.SQL(_TRIED + " where true")])
    redeemed = sql.Composed([sql.SQL(_REDEEMED + " where r.kind = 'redemption'")])
    for of_tried, of_redeemed, value in _named_conditions(wanted):
        if value is not None:
            tried += of_tried
            redeemed += of_redeemed
    for condition, value in _time_conditions(wanted, after=after, descending=descending):
        if value is not None:
            tried += condition.format(x=sql.SQL("a"))
            redeemed += condition.format(x=sql.SQL("r"))
    if wanted.kind is AttemptKind.REDEMPTION:
        return [redeemed]
    # A redemption is refused as a whole: no register has any that were passed over.
    alone = wanted.kind is not None or wanted.outcome is AttemptOutcome.SKIPPED
    return [tried] if alone else [tried, redeemed]


def _named_conditions(wanted: AttemptFilter) -> list[tuple[sql.SQL, sql.SQL, object]]:
    """Conditions on the table of attempts, the same on redemptions, and what switches them on."""
    return [
        (sql.SQL(" and a.kind = %(kind)s"), sql.SQL(""), wanted.kind),
        (sql.SQL(" and a.code = %(code)s"), sql.SQL(" and v.code = %(code)s"), wanted.code),
        (
            sql.SQL(" and a.outcome = %(outcome)s"),
            sql.SQL(" and r.result = %(result)s"),
            wanted.outcome,
        ),
        (
            sql.SQL(
                " and (a.customer_id = %(customer_id)s"
                " or a.customer_source_id = %(customer_source_id)s)"
            ),
            sql.SQL(" and r.customer_id = %(customer_id)s"),
            wanted.customer_id or wanted.customer_source_id,
        ),
        (
            sql.SQL(" and (a.order_id = %(order_id)s or a.order_source_id = %(order_source_id)s)"),
            sql.SQL(" and r.order_id = %(order_id)s"),
            wanted.order_id or wanted.order_source_id,
        ),
    ]


def _time_conditions(
    wanted: AttemptFilter, *, after: tuple[datetime, str] | None, descending: bool
) -> list[tuple[sql.SQL, object]]:
    later = sql.SQL(" and ({x}.created_at, {x}.id) > (%(after_at)s, %(after_id)s)")
    earlier = sql.SQL(" and ({x}.created_at, {x}.id) < (%(after_at)s, %(after_id)s)")
    return [
        (sql.SQL(" and {x}.created_at >= %(since)s"), wanted.since),
        (sql.SQL(" and {x}.created_at < %(until)s"), wanted.until),
        (earlier if descending else later, after),
    ]


def _parameters(wanted: AttemptFilter, after: tuple[datetime, str] | None) -> dict[str, Any]:
    succeeded = wanted.outcome is AttemptOutcome.APPLIED
    return {
        **msgspec.structs.asdict(wanted),
        "result": "SUCCESS" if succeeded else "FAILURE",
        "after_at": None if after is None else after[0],
        "after_id": None if after is None else after[1],
    }
