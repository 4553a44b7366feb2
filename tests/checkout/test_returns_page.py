"""Runs the tables of docs/algorithms/returns.md; their figures were worked out by hand."""

import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from checkout.shop import NOW, add_code, asking, open_campaign, read_balance, redeem_now
from engine.worked_page import LINE, NOTHING, read_table, read_worked_part
from kaquan.campaigns import (
    StackingChange,
    get_campaign,
    get_voucher,
    update_stacking_rules,
)
from kaquan.checkout import (
    GoodsBack,
    OfOrder,
    OfRedemption,
    OrderReturn,
    ReturnPolicy,
    ReturnRequest,
    RollBack,
    preview_return,
    return_goods,
    roll_back,
    set_return_policy,
)
from kaquan.customers import CustomerDraft, OrderDraft, OrderLineDraft, get_order
from kaquan.engine import RollbackOrder
from kaquan.ledger import AccountKind, check_ledger
from kaquan.runtime import Database, Tx, create_project, minor_digits

BUDGET = 1_000_000
FIGURES = ("given back", "clawed back", "refund", "then")

Row = dict[str, str]


class Example(msgspec.Struct, frozen=True):
    """One row of one table, with its coupons, its policy and its currency."""

    title: str
    coupons: dict[str, dict[str, Any]]
    policy: ReturnPolicy
    currency: str
    rolled_back: RollbackOrder | None
    row: Row

    def minor(self, text: str) -> int:
        return int(Decimal(text).scaleb(minor_digits(self.currency)))

    def text(self, amount_minor: int | None) -> str:
        if amount_minor is None:
            return NOTHING
        digits = minor_digits(self.currency)
        return f"{Decimal(amount_minor).scaleb(-digits):.{digits}f}"

    def draft(self) -> OrderDraft:
        goods, _, amount = self.row["order"].partition("of ")
        lines = tuple(
            OrderLineDraft(
                source_id=found["product"],
                quantity=int(found["quantity"]),
                unit_price_minor=self.minor(found["price"]),
            )
            for found in LINE.finditer(goods)
        )
        draft = OrderDraft(source_id="order", lines=lines)
        return msgspec.structs.replace(draft, amount_minor=self.minor(amount)) if amount else draft


def examples() -> Iterator[Example]:
    _, *sections = read_worked_part("returns.md").split("\n### ")
    for section in sections:
        title, _, body = section.partition("\n")
        _, fenced, table = body.split("```", 2)
        coupons: dict[str, Any] = json.loads(fenced.removeprefix("json"))
        policy = msgspec.convert(coupons.pop("policy", {}), ReturnPolicy)
        currency = coupons.pop("currency", "CNY")
        undone = coupons.pop("rolled_back", None)
        mode = None if undone is None else RollbackOrder(undone)
        for row in read_table(table):
            yield Example(title, coupons, policy, currency, mode, row)


EXAMPLES = list(examples())


def test_the_page_has_its_tables() -> None:
    assert len(EXAMPLES) >= 38


@pytest.mark.parametrize(
    "example", EXAMPLES, ids=lambda one: f"{one.title} / {one.row['order']} / {one.row['return']}"
)
async def test_example(database: Database, example: Example) -> None:
    async with database.transaction() as tx:
        project = await create_project(
            tx, "Page", currency=example.currency, time_zone="UTC", language="en", now=NOW
        )
    async with database.transaction(project.project_id) as tx:
        made = await redeem_all(tx, example)
        done = [
            await take_back(tx, example, made, step) for step in example.row["return"].split("; ")
        ]
        assert await read_figures(tx, example, done) == {
            name: example.row[name] for name in FIGURES
        }
        assert await check_ledger(tx) == []


async def redeem_all(tx: Tx, example: Example) -> dict[str, str]:
    """Redeem the coupons one after the other on the order; returns their redemptions."""
    made: dict[str, str] = {}
    order: OrderDraft | str = example.draft()
    for code, offer in example.coupons.items():
        campaign = await open_campaign(
            tx, offer, name=code, budget_minor=BUDGET, expires_at=NOW + timedelta(days=1)
        )
        await set_return_policy(tx, campaign.id, example.policy, now=NOW)
        await add_code(tx, code, campaign_id=campaign.id)
        request = asking(code, order=order, customer=CustomerDraft(source_id="anna"))
        made[code] = (await redeem_now(tx, request)).redemptions[0].id
        if example.rolled_back is not None:
            change = StackingChange(rollback=example.rolled_back)
            await update_stacking_rules(tx, change, now=NOW)
            before = await get_order(tx, "order")
            undone = await roll_back(tx, made[code], now=NOW)
            assert isinstance(undone, RollBack)
            assert undone.order == before == await get_order(tx, "order")
        order = "order"
    return made


async def take_back(tx: Tx, example: Example, made: dict[str, str], step: str) -> OrderReturn:
    """Return what a step says; the preview has the same figures."""
    through, _, what = step.rpartition(": ")
    late = what.startswith("late ")
    match what.removeprefix("late ").split():
        case ["rest"]:
            request = ReturnRequest()
        case ["amount", amount]:
            request = ReturnRequest(amount_minor=example.minor(amount))
        case [product, units]:
            goods = GoodsBack(source_id=product, quantity=int(units))
            request = ReturnRequest(goods=(goods,))
        case _:
            raise AssertionError(step)
    target = OfRedemption(made[through]) if through else OfOrder("order")
    now = NOW + timedelta(days=2 if late else 0)
    shown = await preview_return(tx, target, request, now=now)
    done = await return_goods(tx, target, request, now=now)
    assert isinstance(done, OrderReturn)
    assert shown == msgspec.structs.replace(done, id="")
    return done


async def read_figures(tx: Tx, example: Example, done: list[OrderReturn]) -> Row:
    """The cells of the row, as they came out; every coupon's budget and use must agree."""
    order = await get_order(tx, "order")
    undone = example.rolled_back is not None
    back = undone or any(part.use_returned for one in done for part in one.parts)
    left = sum([await spent(tx, code) for code in example.coupons])
    given = 0 if undone else order.amount_minor - order.total_minor
    assert left == given - sum(one.given_back_minor + one.clawed_back_minor for one in done)
    uses = {await uses_left(tx, code) for code in example.coupons}
    assert uses == {int(back)}
    return {
        "given back": "; ".join(example.text(one.given_back_minor) for one in done),
        "clawed back": "; ".join(
            example.text(one.clawed_back_minor) if one.clawed_back_minor else "0" for one in done
        ),
        "refund": "; ".join(example.text(one.refund_minor) for one in done),
        "then": f"{order.status}, use {'back' if back else 'kept'}",
    }


async def spent(tx: Tx, code: str) -> int:
    """What of the budget is still given."""
    balance = await read_balance(tx, (await get_campaign(tx, code)).id, AccountKind.BUDGET)
    assert balance is not None
    return BUDGET - balance


async def uses_left(tx: Tx, code: str) -> int:
    """Uses left of a coupon."""
    balance = await read_balance(tx, (await get_voucher(tx, code)).id, AccountKind.USES)
    assert balance is not None
    return balance
