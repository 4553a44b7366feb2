"""The collections that an order's goods are in, where an offer asks about them."""

from collections.abc import Mapping
from datetime import datetime

from kaquan.campaigns import COLLECTION
from kaquan.customers import Order, OrderLine, list_collections_of
from kaquan.engine import Needs
from kaquan.runtime import Tx

Collections = Mapping[str, frozenset[str]]
"""Ids of collections by our id of a product or a variant."""

NO_COLLECTIONS: Collections = {}


async def find_collections(
    tx: Tx, order: Order | None, needs: Needs, *, now: datetime
) -> Collections:
    """Return the collections of the order's goods; nothing is asked unless an offer names any."""
    if order is None or COLLECTION not in needs.attribute_names:
        return NO_COLLECTIONS
    ids = {one for line in order.lines for one in (line.product_id, find_sku_id(line)) if one}
    return await list_collections_of(tx, sorted(ids), now=now) if ids else NO_COLLECTIONS


def find_sku_id(line: OrderLine) -> str | None:
    """The variant that a line is about: as it was named, else the merchant's name of the goods."""
    named = line.details.get("sku_id")
    return named if isinstance(named, str) else line.source_id


def list_line_collections(line: OrderLine, collections: Collections) -> tuple[str, ...]:
    """The collections that a line's product or variant is in."""
    names = (line.product_id, find_sku_id(line))
    found = frozenset[str]().union(*(collections.get(name or "", frozenset()) for name in names))
    return tuple(sorted(found))
