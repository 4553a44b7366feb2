"""Metadata of redemptions and of the orders they write keeps to the project's schemas."""

from typing import Any, NamedTuple

import msgspec
import pytest

from checkout.shop import NOW, add_code, amount_off, asking, redeem_now
from kaquan.checkout import Asked, Redeemed, Session, redeem, redeem_together, validate
from kaquan.customers import OrderDraft, OrderLineDraft, find_order_by, get_order
from kaquan.ledger import count_ledger
from kaquan.runtime import InvalidInput, Property, Tx, put_schema


async def define(tx: Tx, subject: str, **given: Any) -> None:
    """A schema of these properties, told as the dialect tells them."""
    await put_schema(tx, subject, msgspec.convert(given, dict[str, Property]), now=NOW)


def ordered(metadata: dict[str, Any], of_line: dict[str, Any]) -> OrderDraft:
    """An order of one line of 100.00."""
    line = OrderLineDraft(
        source_id="tea", unit_price_minor=10_000, details={"metadata": of_line} if of_line else {}
    )
    return OrderDraft(source_id="o-1", lines=(line,), metadata=metadata)


async def stock(tx: Tx) -> None:
    """A code, and a schema each for redemptions, orders and lines."""
    await add_code(tx, "CODE", offer=amount_off(1_000), quantity=None)
    await define(tx, "redemption", till={"type": "number", "optional": False})
    await define(
        tx, "order", table={"type": "number"}, guests={"type": "number", "optional": False}
    )
    await define(tx, "order_item", size={"type": "string", "eq": ["S", "L"]})


class Case(NamedTuple):
    name: str
    redemption: dict[str, Any]
    order: dict[str, Any]
    line: dict[str, Any]
    field: str


GOOD = Case("good", {"till": 1}, {"guests": 2}, {"size": "S"}, "")
CASES = [
    GOOD._replace(name="of another type", redemption={"till": "1"}, field="metadata.till"),
    GOOD._replace(name="missing", redemption={}, field="metadata.till"),
    GOOD._replace(name="of the order", order={"guests": "2"}, field="order.metadata.guests"),
    GOOD._replace(name="missing of the order", order={}, field="order.metadata.guests"),
    GOOD._replace(name="of a line", line={"size": "M"}, field="order.items[0].metadata.size"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_what_breaks_a_schema_is_refused_by_field(tx: Tx, case: Case) -> None:
    await stock(tx)
    request = asking("CODE", order=ordered(case.order, case.line), metadata=case.redemption)
    before = await count_ledger(tx)
    with pytest.raises(InvalidInput) as refused:
        await redeem(tx, request, now=NOW)
    assert refused.value.field == case.field
    locking = msgspec.structs.replace(request, session=Session(key="s-1"))
    with pytest.raises(InvalidInput) as refused:
        await validate(tx, locking, now=NOW)
    assert refused.value.field == case.field
    assert await count_ledger(tx) == before
    assert await find_order_by(tx, source_id="o-1") is None


async def test_what_keeps_to_the_schemas_is_stored(tx: Tx) -> None:
    await stock(tx)
    request = asking("CODE", order=ordered(GOOD.order, GOOD.line), metadata=GOOD.redemption)
    await redeem_now(tx, request)
    assert (await get_order(tx, "o-1")).metadata == GOOD.order
    # Of a stored order only what is said anew is looked at.
    more = OrderDraft(source_id="o-1", metadata={"table": 3})
    await add_code(tx, "MORE", offer=amount_off(500))
    await redeem_now(tx, asking("MORE", order=more, metadata=GOOD.redemption))
    assert (await get_order(tx, "o-1")).metadata == GOOD.order | {"table": 3}


async def test_one_that_breaks_a_schema_leaves_its_neighbours_alone(tx: Tx) -> None:
    await stock(tx)
    orders = [msgspec.structs.replace(ordered(GOOD.order, {}), source_id=f"o-{n}") for n in (1, 2)]
    asked = [
        Asked(request=asking("CODE", order=order, metadata=metadata), now=NOW)
        for order, metadata in zip(orders, [{}, GOOD.redemption], strict=True)
    ]
    wrong, right = await redeem_together(tx, asked)
    assert isinstance(wrong, InvalidInput)
    assert isinstance(right, Redeemed)
