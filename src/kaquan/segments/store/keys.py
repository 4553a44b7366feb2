"""SQL of what the merchant's own data hold: keys, events, channels, for people to choose from."""

from collections.abc import Mapping
from typing import LiteralString

from kaquan.runtime import Tx
from kaquan.segments.deeds import DeedKind
from kaquan.segments.model import KnownKey

ROWS_LOOKED_AT = 2_000
KEYS_SHOWN = 100

_CUSTOMERS: LiteralString = "select metadata as object from customer where erased_at is null order by id desc limit %(rows)s"
_SOURCES: Mapping[DeedKind, LiteralString] = {
    DeedKind.ORDER: "select metadata as object from orders order by placed_at desc limit %(rows)s",
    DeedKind.ORDER_LINE: "select attributes as object from product"
    " order by created_at desc limit %(rows)s",
    DeedKind.REDEMPTION: "select metadata as object from redemption limit %(rows)s",
    DeedKind.PUBLICATION: "select metadata as object from publication limit %(rows)s",
    DeedKind.EVENT: "select metadata as object from event limit %(rows)s",
}


async def list_customer_keys(tx: Tx) -> list[KnownKey]:
    """Return the keys of customers' metadata, the most used of the latest customers first."""
    return await _keys(tx, _CUSTOMERS)


async def list_deed_keys(tx: Tx) -> dict[DeedKind, list[KnownKey]]:
    """Return the merchant's keys of each kind of deed (of a line: the product's attributes)."""
    return {kind: await _keys(tx, source) for kind, source in _SOURCES.items()}


async def list_event_names(tx: Tx) -> list[str]:
    """Return the names of custom events, of some that happened."""
    cursor = await tx.execute(
        "select distinct name from (select name from event limit %s) e order by name limit %s",
        (ROWS_LOOKED_AT * 10, KEYS_SHOWN),
    )
    return [row[0] for row in await cursor.fetchall()]


async def list_channels(tx: Tx) -> list[str]:
    """Return the channels that customers decided about."""
    cursor = await tx.execute(
        "select distinct channel from (select channel from consent limit %s) c order by channel",
        (ROWS_LOOKED_AT * 10,),
    )
    return [row[0] for row in await cursor.fetchall()]


async def _keys(tx: Tx, source: LiteralString) -> list[KnownKey]:
    cursor = await tx.execute(
        "select key, jsonb_typeof(value) from (" + source + ") d, jsonb_each(d.object)"
        " where jsonb_typeof(d.object) = 'object' group by 1, 2"
        " order by count(*) desc, 1, 2 limit %(keys)s",
        {"rows": ROWS_LOOKED_AT, "keys": KEYS_SHOWN},
    )
    found: dict[str, str] = {}
    for key, kind in await cursor.fetchall():
        found.setdefault(key, kind)
    return [KnownKey(key=key, kind=kind) for key, kind in found.items()]
