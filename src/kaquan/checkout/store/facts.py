"""Facts that few offers ask for: read together, in one round trip, and only when one does."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString, TypeAlias

import msgspec
from psycopg import AsyncCursor
from psycopg.rows import TupleRow

from kaquan.checkout.store.register import NET
from kaquan.customers import COUNTED_STATUSES, Product
from kaquan.engine import Category
from kaquan.experiments import Admissions, Assignment, StandingAsked, ask_standing
from kaquan.runtime import Tx

TxCursor: TypeAlias = AsyncCursor[TupleRow]


class CountWanted(msgspec.Struct, frozen=True, kw_only=True):
    """A count of redemptions for one voucher, under the engine's ``key`` for it.

    Those of the ``campaign``, or without one of the voucher itself; ``by_customer`` and
    ``by_location`` narrow it to the request's; ``since`` None is ever.
    """

    voucher_id: str
    key: str
    campaign_id: str | None
    by_customer: bool
    by_location: bool
    since: datetime | None


class FactsWanted(msgspec.Struct, frozen=True, kw_only=True):
    """What to read besides the situation; nothing of it by default.

    Where there are ``guests``, their redemptions are counted in place of the customer's, and the
    count of the one with the most is read.

    ``spend_before`` is a moment and an order's id, as in ``read_limits``. ``catalogue`` are
    products, by our ids or the merchant's. ``publications`` are vouchers. ``delivery_of`` is a stored order. With ``card`` the
    customer's card of points is looked for. ``measured`` are campaigns with what they hold out (bps).
    """

    customer_id: str | None = None
    guests: Sequence[str] = ()
    location_id: str | None = None
    counts: Sequence[CountWanted] = ()
    spend_before: tuple[datetime, str] | None = None
    category_ids: Sequence[str] = ()
    catalogue: Sequence[str] = ()
    publications: Sequence[str] = ()
    delivery_of: str | None = None
    card: bool = False
    measured: Mapping[str, int] = {}

    @property
    def is_nothing(self) -> bool:
        """Whether there is nothing to read."""
        return not (
            self.counts
            or self.spend_before
            or self.category_ids
            or self.catalogue
            or self.publications
            or self.delivery_of
            or self.card
            or self.measured
        )


class RareFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for. ``counts`` are by voucher and key; ``delivery_off_minor`` is what came
    off the order's delivery earlier; ``card_id`` is the voucher that earned points go to;
    ``publications`` is what was noted when a voucher was last given away, by its id. ``kept_out``
    are measured campaigns that hold the customer out; ``met`` are arms to be logged.
    """

    counts: Mapping[str, Mapping[str, int]] = {}
    spend_minor: int = 0
    categories: Mapping[str, Category] = {}
    catalogue: tuple[Product, ...] = ()
    delivery_off_minor: int = 0
    card_id: str | None = None
    publications: Mapping[str, dict[str, Any]] = {}
    kept_out: frozenset[str] = frozenset()
    met: tuple[tuple[tuple[str, str], Assignment], ...] = ()


NO_FACTS = RareFacts()


async def read_rare_facts(
    tx: Tx, wanted: Sequence[FactsWanted], *, locking: bool
) -> list[RareFacts]:
    """Read what requests want, in one round trip; in none when that is nothing.

    With ``locking`` what is counted stands still until the transaction ends: campaigns and
    vouchers whose redemptions by everybody are counted are locked in the order of their ids. The
    customers must be locked already, and the ledger's accounts come after.
    """
    if all(one.is_nothing for one in wanted):
        return [NO_FACTS] * len(wanted)
    async with tx.pipeline():
        if locking:
            await lock_counted(tx, [count for one in wanted for count in one.counts])
        asked = [await _ask(tx, one) for one in wanted]
        return [await one.read() for one in asked]


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Queries of one request that are under way."""

    counts: Sequence[TxCursor]
    spend: TxCursor | None
    categories: TxCursor | None
    catalogue: TxCursor | None
    publications: TxCursor | None
    delivery: TxCursor | None
    card: TxCursor | None
    standing: StandingAsked
    wanted: FactsWanted

    async def read(self) -> RareFacts:
        """Fetch the answers."""
        categories = await self.categories.fetchall() if self.categories else []
        catalogue = await self.catalogue.fetchall() if self.catalogue else []
        admissions, kept_out = Admissions(await self.standing.read()), set[str]()
        for campaign_id, bps in self.wanted.measured.items():
            person = self.wanted.customer_id or ""
            if not admissions.admit(campaign_id, person, holdout_bps=bps):
                kept_out.add(campaign_id)
        return RareFacts(
            counts=await _read_counts(self.counts),
            spend_minor=await _first(self.spend) or 0,
            categories={row[0]: Category(id=row[0], hierarchy=row[1]) for row in categories},
            catalogue=tuple(msgspec.convert(row[0], Product) for row in catalogue),
            delivery_off_minor=await _first(self.delivery) or 0,
            card_id=await _first(self.card),
            publications=dict(await self.publications.fetchall()) if self.publications else {},
            kept_out=frozenset(kept_out),
            met=admissions.met,
        )


async def _ask(tx: Tx, wanted: FactsWanted) -> _Asked:
    spend = categories = catalogue = publications = delivery = card = None
    if wanted.spend_before is not None:
        spend = await tx.execute(
            "select coalesce(sum(net_total(o)), 0)::bigint from orders o where customer_id = %s"
            " and placed_at <= %s and id <> %s and status = any(%s)",
            (wanted.customer_id, *wanted.spend_before, list(COUNTED_STATUSES)),
        )
    if wanted.category_ids:
        categories = await tx.execute(
            "select id, hierarchy from category where id = any(%s)", (list(wanted.category_ids),)
        )
    if wanted.catalogue:
        catalogue = await tx.execute(
            "select to_jsonb(g) from product g where g.id = any(%(named)s)"
            " or g.source_id = any(%(named)s) order by g.id",
            {"named": list(wanted.catalogue)},
        )
    if wanted.publications:
        publications = await tx.execute(
            "select distinct on (voucher_id) voucher_id, metadata from publication"
            " where voucher_id = any(%s) and not void order by voucher_id, created_at desc, id desc",
            (list(wanted.publications),),
        )
    if wanted.delivery_of is not None:
        delivery = await tx.execute(
            "select sum((r.given->>'shipping_minor')::bigint)::bigint from redemption r"
            f" where r.order_id = %s and r.given is not null and {NET}",
            (wanted.delivery_of,),
        )
    if wanted.card:
        card = await tx.execute(
            "select v.id from voucher v join campaign c on c.id = v.campaign_id"
            " where v.holder_id = %s and v.active and c.kind = 'LOYALTY_PROGRAM'"
            " order by v.id limit 1",
            (wanted.customer_id,),
        )
    return _Asked(
        counts=[await _count(tx, group, wanted) for group in _group(wanted.counts)],
        spend=spend,
        categories=categories,
        catalogue=catalogue,
        publications=publications,
        delivery=delivery,
        card=card,
        standing=await ask_standing(
            tx, [(one, wanted.customer_id or "") for one in wanted.measured], ()
        ),
        wanted=wanted,
    )


async def lock_counted(tx: Tx, counts: Sequence[CountWanted]) -> None:
    """Lock campaigns and vouchers whose redemptions by everybody are counted, by their ids."""
    # What is counted of one customer alone, their lock keeps still already.
    shared = [one for one in counts if not one.by_customer]
    campaigns = sorted({one.campaign_id for one in shared if one.campaign_id is not None})
    if campaigns:
        await tx.execute(
            "select from campaign where id = any(%s) order by id for no key update", (campaigns,)
        )
    vouchers = sorted({one.voucher_id for one in shared if one.campaign_id is None})
    if vouchers:
        await tx.execute(
            "select from voucher where id = any(%s) order by id for no key update", (vouchers,)
        )


def _group(counts: Sequence[CountWanted]) -> list[list[CountWanted]]:
    """Those that one statement can count together: they look at the same columns."""
    groups: dict[tuple[bool, bool, bool], list[CountWanted]] = {}
    for one in counts:
        shape = (one.campaign_id is None, one.by_customer, one.by_location)
        groups.setdefault(shape, []).append(one)
    return list(groups.values())


async def _count(tx: Tx, group: Sequence[CountWanted], wanted: FactsWanted) -> TxCursor:
    """Count in a statement of its own, so that an index fits its columns."""
    first = group[0]
    matching: LiteralString = (
        ("r.voucher_id = w.subject" if first.campaign_id is None else "r.campaign_id = w.subject")
        + (" and r.location_id = %(location_id)s" if first.by_location else "")
        + " and r.created_at >= coalesce(w.since, '-infinity') and "
        + NET
    )
    counted: LiteralString = "select count(*) from redemption r where " + matching
    if first.by_customer and wanted.guests:
        counted = (
            "select coalesce(max(n), 0) from (select count(*) as n from guest_redemption g"
            " join redemption r on r.id = g.redemption_id where g.guest = any(%(guests)s) and "
            + matching
            + " group by g.guest) each_guest"
        )
    elif first.by_customer:
        counted += " and r.customer_id = %(customer_id)s"
    query: LiteralString = (
        "select w.voucher_id, w.key, ("
        + counted
        + ") from unnest(%(voucher_ids)s::text[], %(keys)s::text[], %(subjects)s::text[],"
        " %(since)s::timestamptz[]) as w (voucher_id, key, subject, since)"
    )
    parameters: dict[str, Any] = {
        "customer_id": wanted.customer_id,
        "guests": list(wanted.guests),
        "location_id": wanted.location_id,
        "voucher_ids": [one.voucher_id for one in group],
        "keys": [one.key for one in group],
        "subjects": [one.campaign_id or one.voucher_id for one in group],
        "since": [one.since for one in group],
    }
    return await tx.execute(query, parameters)


async def _read_counts(cursors: Sequence[TxCursor]) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for cursor in cursors:
        for voucher_id, key, number in await cursor.fetchall():
            counts.setdefault(voucher_id, {})[key] = number
    return counts


async def _first(cursor: TxCursor | None) -> Any:
    row = await cursor.fetchone() if cursor else None
    return None if row is None else row[0]
