"""Goods beside a campaign's, and the days after it: known differences, and what cannot be said."""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from psycopg.types.json import Jsonb
from scipy import stats

from insight.metrics.conftest import NOW, Open
from insight.rows import add_campaign, add_customers, expose
from kaquan.insight import CannotSay, Estimate
from kaquan.insight.metrics import (
    NotTold,
    Spill,
    Spillover,
    find_promoted,
    lacks_holdout,
    read_spillover,
)
from kaquan.runtime import Database, InvalidInput, Project, Tx, new_id

DAY = timedelta(days=1)
START = NOW - 30 * DAY
OWN: dict[str, Any] = {
    "effect": {"code": "amount_off", "amount_minor": 100, "scope": {"product_ids": ["own"]}}
}
STATS: Any = stats


async def buy(tx: Tx, who: str, goods: dict[str, int], *, at: datetime) -> None:
    """An order of one piece of each of the goods at these prices."""
    prices = list(goods.values())
    await tx.execute(
        "insert into orders (id, customer_id, status, amount_minor, discount_minor,"
        " items_discount_minor, placed_at, created_at, line_product_ids, line_source_ids,"
        " line_quantities, line_unit_prices, line_amounts, line_discounts)"
        " values (%s, %s, 'PAID', %s, 0, 0, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            *(new_id("ord"), who, sum(prices), at, at, list(goods), list(goods)),
            *([1] * len(prices), prices, prices, [0] * len(prices)),
        ),
    )


async def shop(tx: Tx, offer: dict[str, Any], *, arms: tuple[str, ...]) -> tuple[str, np.ndarray]:
    """Eighty customers; the treated buy more of the own goods, less of the alike, later less."""
    for product, category in (("own", "tea"), ("alike", "tea"), ("far", "cups")):
        await tx.execute(
            "insert into product (id, attributes, created_at) values (%s, %s, now())",
            (product, Jsonb({"category": category})),
        )
    campaign = await add_campaign(tx, "Tea")
    await tx.execute("update campaign set offer = %s where id = %s", (Jsonb(offer), campaign))
    names = [f"s{number:02}" for number in range(80)]
    await add_customers(tx, *names, at=START)
    random = np.random.default_rng(3)
    spent = np.zeros((80, 4))
    for number, name in enumerate(names):
        arm = arms[number % len(arms)]
        treated = arm == "treatment"
        await expose(tx, campaign, name, arm=arm, at=START)
        own, alike, far, later = (int(one) for one in random.integers(500, 900, 4))
        row = own + 400 * treated, alike - 300 * treated, far + 10, later - 250 * treated
        spent[number] = row
        await buy(tx, name, dict(zip(("own", "alike", "far"), row, strict=False)), at=START + DAY)
        await buy(tx, name, {"far": row[3]}, at=START + 12 * DAY)
        await buy(tx, name, {"own": 99_999}, at=START - DAY)
        await buy(tx, name, {"own": 99_999}, at=START + 25 * DAY)
    return campaign, spent


async def told(
    database: Database, project: Project, opened: Open, campaign: str, *, days: int = 10
) -> Spillover:
    async with database.transaction(project.project_id) as tx:
        goods = await find_promoted(tx, campaign)
    with await opened() as engine:
        return read_spillover(engine, campaign, goods, days=days)


async def test_each_difference_is_welchs_of_the_customers_sums(
    database: Database, project: Project, opened: Open
) -> None:
    async with database.transaction(project.project_id) as tx:
        campaign, spent = await shop(tx, OWN, arms=("treatment", "holdout"))
    found = await told(database, project, opened, campaign)
    assert [one.spill for one in found.effects] == list(Spill)
    for column, one in enumerate(found.effects):
        assert (one.treated, one.held_out) == (40, 40)
        assert isinstance(one.finding, Estimate)
        ours, theirs = spent[0::2, column], spent[1::2, column]
        welch = STATS.ttest_ind(ours, theirs, equal_var=False)
        interval = welch.confidence_interval()
        assert one.finding.value == pytest.approx(ours.mean() - theirs.mean())
        assert (one.finding.low, one.finding.high) == pytest.approx((interval.low, interval.high))
    signs = [one.finding.value > 0 for one in found.effects if isinstance(one.finding, Estimate)]
    assert signs[:2] == [True, False]
    assert signs[3] is False
    # Nobody's twenty days are over twice.
    early = await told(database, project, opened, campaign, days=20)
    assert early.effects[0].treated == 40
    assert isinstance(early.effects[3].finding, CannotSay)
    with pytest.raises(InvalidInput):
        await told(database, project, opened, campaign, days=0)


@pytest.mark.parametrize(
    ("offer", "arms", "lacks"),
    [
        (OWN, ("treatment",), ["empty_holdout"] * 4),
        ({}, ("treatment", "holdout"), ["whole_order"] * 3 + [""]),
        (
            {"effect": {"scope": {"attributes": {"brand": ["x"]}}}},
            ("treatment", "holdout"),
            ["by_attribute"] * 3 + [""],
        ),
        (
            {"effect": {"scope": {"product_ids": ["unknown"]}}},
            ("treatment", "holdout"),
            ["no_variance", "no_categories", "", ""],
        ),
    ],
    ids=["no holdout", "whole order", "attributes", "unknown goods"],
)
async def test_what_cannot_be_said(
    database: Database,
    project: Project,
    opened: Open,
    *,
    offer: dict[str, Any],
    arms: tuple[str, ...],
    lacks: list[str],
) -> None:
    async with database.transaction(project.project_id) as tx:
        campaign, _ = await shop(tx, offer, arms=arms)
    found = await told(database, project, opened, campaign)
    said = [
        str(one.finding)
        if isinstance(one.finding, NotTold)
        else getattr(one.finding, "because", "")
        for one in found.effects
    ]
    assert said == lacks
    assert lacks_holdout(found) == (arms == ("treatment",))
