"""What has become of a redemption: as it says of itself, and as lists are filtered by it."""

from typing import NamedTuple

import pytest

from checkout.shop import NOW, add_code, amount_off, asking, cart, redeem_now
from kaquan.checkout import (
    GoodsBack,
    OfOrder,
    OrderReturn,
    RedemptionStatus,
    ReturnRequest,
    get_redemption,
    list_redemptions,
    redeem,
    return_goods,
    roll_back,
)
from kaquan.runtime import Tx


class Case(NamedTuple):
    name: str
    codes: tuple[str, ...]
    back: list[int]
    """Lines that come back, one by one."""
    rolls_back: bool
    status: RedemptionStatus


CASES = [
    Case("as it was", ("TEN",), [], False, RedemptionStatus.SUCCEEDED),
    Case("partly returned", ("TEN",), [0], False, RedemptionStatus.SUCCEEDED),
    Case("returned in full", ("TEN",), [0, 1], False, RedemptionStatus.ROLLED_BACK),
    Case("rolled back", ("TEN",), [], True, RedemptionStatus.ROLLED_BACK),
    Case("a parent partly returned", ("TEN", "SIX"), [1], False, RedemptionStatus.SUCCEEDED),
    Case("a parent returned", ("TEN", "SIX"), [0, 1], False, RedemptionStatus.ROLLED_BACK),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_status(tx: Tx, case: Case) -> None:
    await add_code(tx, "TEN", offer=amount_off(1_000))
    await add_code(tx, "SIX", offer=amount_off(600))
    done = await redeem_now(tx, asking(*case.codes, order=cart(6_000, 4_000, source_id="o-1")))
    head = done.parent or done.redemptions[0]
    for line in case.back:
        goods = ReturnRequest(goods=(GoodsBack(line=line, quantity=1),))
        assert isinstance(await return_goods(tx, OfOrder("o-1"), goods, now=NOW), OrderReturn)
    if case.rolls_back:
        await roll_back(tx, head.id, now=NOW)
    rows = [row for row in (done.parent, *done.redemptions) if row is not None]
    assert {(await get_redemption(tx, row.id)).status for row in rows} == {case.status}
    # A refused attempt, and the rollback itself, which took place.
    await redeem(tx, asking("TEN" if not case.rolls_back else "NONE"), now=NOW)
    for status in RedemptionStatus:
        found = await list_redemptions(tx, status=status)
        assert {row.status for row in found.items} <= {status}
        assert found.total == len(found.items)
        if status is case.status:
            assert {row.id for row in rows} <= {row.id for row in found.items}
