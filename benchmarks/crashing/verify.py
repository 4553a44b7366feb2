"""Holding what is stored against what was acknowledged, and against the limits."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, LiteralString

import msgspec
import psycopg

from benchmarks.crashing.shop import (
    PER_CUSTOMER_CAP,
    TIGHT_BUDGET_MINOR,
    Request,
    Shop,
    id_of,
)

_NET: LiteralString = (
    "r.kind = 'redemption' and r.result = 'SUCCESS' and not exists (select from redemption b"
    " where b.reverses_id = r.id and b.result = 'SUCCESS')"
)


_USED_TOO_OFTEN: LiteralString = (
    "select 'uses of ' || v.code from redemption r join voucher v on v.id = r.voucher_id"
    f" where v.quantity is not null and {_NET}"
    " group by v.code, v.quantity having count(*) > v.quantity"
)
_ABOVE_CAP: LiteralString = (
    f"select 'cap of ' || r.customer_id from redemption r where r.campaign_id = %s and {_NET}"
    " group by r.customer_id having count(*) > %s"
)
_ABOVE_BUDGET: LiteralString = (
    f"select 'budget' from redemption r where r.campaign_id = %s and {_NET}"
    " having sum(r.discount_minor) > %s"
)
_JOINED_TWICE: LiteralString = (
    "select 'joined: ' || customer_id from publication where campaign_id = %s"
    " group by customer_id having count(*) > 1"
)
_ROLLED_BACK_TWICE: LiteralString = (
    "select 'rolled back: ' || reverses_id from redemption"
    " where kind = 'rollback' and result = 'SUCCESS' group by reverses_id having count(*) > 1"
)


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong, by name; all empty is how it should be.

    ``lost``: keys acknowledged and not there. ``doubled``: keys there more often than
    acknowledged. ``over_limit``: uses, caps, budgets, joins and returns beyond what was granted.
    """

    lost: frozenset[str] = frozenset()
    doubled: frozenset[str] = frozenset()
    over_limit: frozenset[str] = frozenset()

    def __or__(self, other: "Findings") -> "Findings":
        return Findings(
            lost=self.lost | other.lost,
            doubled=self.doubled | other.doubled,
            over_limit=self.over_limit | other.over_limit,
        )


def verify(url: str, shop: Shop, journal: Iterable[Request]) -> Findings:
    """Look at the rows themselves, past the server and the ledger."""
    with psycopg.connect(url) as connection:
        connection.execute("set search_path = kaquan")
        found = _keys_done(connection)
        ids = _ids(connection)
        over_limit = frozenset(_list_over_limit(connection, shop))
    lost, doubled = set[str](), set[str]()
    for request in journal:
        if request.succeeded and id_of(request.answer, request.kind) not in ids:
            lost.add(request.key)
        # Whoever joined before gets the earlier publication: that is no row of this key.
        if found[request.kind, request.key] > request.succeeded:
            doubled.add(request.key)
    return Findings(lost=frozenset(lost), doubled=frozenset(doubled), over_limit=over_limit)


def _keys_done(connection: psycopg.Connection[Any]) -> Counter[tuple[str, str]]:
    rows = connection.execute(
        "select kind, tracking_id from redemption where result = 'SUCCESS'"
        " and tracking_id is not null"
        " union all select 'publication', metadata ->> 'key' from publication"
    )
    return Counter((kind, key) for kind, key in rows)


def _ids(connection: psycopg.Connection[Any]) -> set[str]:
    rows = connection.execute("select id from redemption union all select id from publication")
    return {row[0] for row in rows}


def _list_over_limit(connection: psycopg.Connection[Any], shop: Shop) -> list[str]:
    queries: list[tuple[LiteralString, tuple[Any, ...]]] = [
        (_USED_TOO_OFTEN, ()),
        (_ABOVE_CAP, (shop.spread_campaign, PER_CUSTOMER_CAP)),
        (_ABOVE_BUDGET, (shop.tight_campaign, TIGHT_BUDGET_MINOR)),
        (_JOINED_TWICE, (shop.join_campaign,)),
        (_ROLLED_BACK_TWICE, ()),
    ]
    return [row[0] for query, values in queries for row in connection.execute(query, values)]
