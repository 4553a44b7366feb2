"""Requests that cannot be answered: each has its key and its field, and leaves nothing behind."""

from typing import NamedTuple

import pytest

from checkout.shop import NOW, add_code, amount_off, asking, cart, enter_customer
from kaquan.checkout import CheckoutRequest, list_redemptions, redeem, validate
from kaquan.customers import (
    CustomerDraft,
    OrderDraft,
    OrderLineDraft,
    OrderStatus,
    create_order,
    list_orders,
)
from kaquan.runtime import InvalidInput, NotFound, Tx

MANY = [f"C{number}" for number in range(31)]


class Bad(NamedTuple):
    name: str
    request: CheckoutRequest
    key: str
    field: str


def _line(**fields: object) -> OrderDraft:
    return OrderDraft(lines=(OrderLineDraft(**{"unit_price_minor": 5, **fields}),))  # pyright: ignore[reportArgumentType]


BAD = [
    Bad("nothing to redeem", asking(), "missing_redeemables", "redeemables"),
    Bad("31 redeemables", asking(*MANY), "too_many_redeemables", "redeemables"),
    Bad("one twice", asking("A", "B", "A"), "duplicate_redeemables", "redeemables[2].id"),
    Bad("an empty code", asking(""), "invalid_payload", "redeemables[0].id"),
    Bad("a code without end", asking("A" * 256), "invalid_payload", "redeemables[0].id"),
    Bad("a code with NUL", asking("A\0"), "invalid_payload", "redeemables[0].id"),
    Bad("half a character", asking("\ud800"), "invalid_payload", "redeemables[0].id"),
    Bad("an empty order", asking("A", order=OrderDraft()), "invalid_payload", "order.amount"),
    Bad(
        "a negative price",
        asking("A", order=cart(-1)),
        "invalid_payload",
        "order.items[0].price",
    ),
    Bad(
        "an enormous price",
        asking("A", order=cart(2**53)),
        "invalid_payload",
        "order.items[0].price",
    ),
    Bad(
        "lines that overflow together",
        asking("A", order=cart(2**53 - 1, 1)),
        "invalid_payload",
        "order.amount",
    ),
    Bad(
        "no pieces",
        asking("A", order=_line(quantity=0)),
        "invalid_payload",
        "order.items[0].quantity",
    ),
    Bad(
        "a product nobody sells",
        asking("A", order=_line(product_id="moon")),
        "invalid_payload",
        "order.items[0].product_id",
    ),
    Bad(
        "a negative amount",
        asking("A", order=OrderDraft(amount_minor=-1)),
        "invalid_payload",
        "order.amount",
    ),
    Bad(
        "an enormous amount",
        asking("A", order=OrderDraft(amount_minor=2**53)),
        "invalid_payload",
        "order.amount",
    ),
    Bad(
        "more off than there is",
        asking("A", order=OrderDraft(amount_minor=100, discount_minor=101)),
        "invalid_payload",
        "order.discount_amount",
    ),
    Bad(
        "another currency",
        asking("A", order=OrderDraft(amount_minor=100, currency="EUR")),
        "invalid_currency",
        "order.currency",
    ),
    Bad(
        "metadata that cannot be stored",
        asking("A", metadata={"a": "\0"}),
        "invalid_payload",
        "metadata",
    ),
    Bad(
        "an inline order cannot have been discounted before",
        asking("A", order_already_discounted=True),
        "invalid_payload",
        "order",
    ),
]


@pytest.mark.parametrize("case", BAD, ids=lambda case: case.name)
async def test_refused_with_key_and_field(tx: Tx, case: Bad) -> None:
    await add_code(tx, "A", offer=amount_off(1))
    await add_code(tx, "B", offer=amount_off(1))
    for verb in (validate, redeem):
        with pytest.raises(InvalidInput) as refused:
            async with tx.transaction():
                await verb(tx, case.request, now=NOW)
        assert (refused.value.key, refused.value.field) == (case.key, case.field)
    assert (await list_redemptions(tx)).total == 0
    assert (await list_orders(tx)).total == 0


@pytest.mark.parametrize(
    ("request_", "kind"),
    [
        pytest.param(asking("A", customer="ghost"), "customer", id="customer"),
        pytest.param(asking("A", customer=CustomerDraft(id="cust_0")), "customer", id="draft"),
        pytest.param(asking("A", order="ghost"), "order", id="order"),
        pytest.param(asking("A", order=OrderDraft(id="ord_0")), "order", id="order draft"),
        pytest.param(asking("A", location_id="ghost"), "location", id="location"),
    ],
)
async def test_unknown_subjects(tx: Tx, request_: CheckoutRequest, kind: str) -> None:
    await add_code(tx, "A", offer=amount_off(1))
    for verb in (validate, redeem):
        with pytest.raises(NotFound) as missing:
            await verb(tx, request_, now=NOW)
        assert missing.value.kind == kind


async def test_an_order_of_somebody_else(tx: Tx) -> None:
    await add_code(tx, "A", offer=amount_off(1))
    await enter_customer(tx, "anna")
    await enter_customer(tx, "bo")
    await create_order(tx, cart(100, source_id="o-1", customer_id="anna"), now=NOW)
    with pytest.raises(InvalidInput) as refused:
        await redeem(tx, asking("A", order="o-1", customer="bo"), now=NOW)
    assert refused.value.key == "order_of_another_customer"


@pytest.mark.parametrize("status", [OrderStatus.CANCELED, OrderStatus.RETURNED])
async def test_an_order_that_is_over(tx: Tx, status: OrderStatus) -> None:
    await add_code(tx, "A", offer=amount_off(1))
    await create_order(tx, cart(100, source_id="o-1", status=status), now=NOW)
    with pytest.raises(InvalidInput) as refused:
        await redeem(tx, asking("A", order="o-1"), now=NOW)
    assert refused.value.key == "invalid_order_status"
