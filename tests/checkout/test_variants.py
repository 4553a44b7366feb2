"""What variants of goods cost at the checkout: their own price, unless the caller states one."""

from typing import Any, NamedTuple

import pytest

from checkout.shop import NOW, add_code, amount_off, read_balance
from kaquan.checkout import CheckoutRequest, Redeemable, Redeemed, redeem, validate
from kaquan.customers import (
    OrderDraft,
    OrderLineDraft,
    ProductDraft,
    SkuDraft,
    upsert_product,
    upsert_sku,
)
from kaquan.ledger import AccountKind, check_ledger
from kaquan.runtime import Tx


class Line(NamedTuple):
    name: str
    stated: dict[str, Any]
    amount: int


LINES = [
    Line("the variant's own price", {"details": {"sku_id": "shirt-L"}, "quantity": 2}, 12_000),
    Line("the product's, where it has none", {"details": {"sku_id": "shirt-M"}}, 5_000),
    Line(
        "a stated price goes before", {"details": {"sku_id": "shirt-L"}, "unit_price_minor": 7}, 7
    ),
    Line("a stated amount goes before", {"details": {"sku_id": "shirt-L"}, "amount_minor": 9}, 9),
    Line("without a variant the product's", {"source_id": "shirt"}, 5_000),
    Line(
        "the variant's, with its product named too",
        {"details": {"sku_id": "shirt-L"}, "source_id": "shirt"},
        6_000,
    ),
]


@pytest.fixture
async def shirt(tx: Tx) -> str:
    """A shirt for 50.00, the large one for 60.00, and a coupon of 1.00."""
    product = await upsert_product(tx, ProductDraft(source_id="shirt", price_minor=5_000), now=NOW)
    for source_id, price in (("shirt-L", 6_000), ("shirt-M", None)):
        draft = SkuDraft(source_id=source_id, price_minor=price)
        await upsert_sku(tx, product.id, draft, now=NOW)
    await add_code(tx, "ONE", offer=amount_off(1), quantity=1)
    return product.id


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.name)
async def test_a_line_is_priced(tx: Tx, shirt: str, line: Line) -> None:
    order = OrderDraft(lines=(OrderLineDraft(**line.stated),))
    request = CheckoutRequest(redeemables=(Redeemable(id="ONE"),), order=order)
    tried = await validate(tx, request, now=NOW)
    assert tried.valid
    done = await redeem(tx, request, now=NOW)
    assert isinstance(done, Redeemed)
    assert done.order is not None
    assert (done.order.amount_minor, done.order.total_minor) == (line.amount, line.amount - 1)
    assert done.order.lines[0].product_id == shirt
    voucher_id = done.redemptions[0].voucher_id
    assert voucher_id is not None
    assert await read_balance(tx, voucher_id, AccountKind.USES) == 0
    assert await check_ledger(tx) == []
