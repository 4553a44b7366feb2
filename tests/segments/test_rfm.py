"""RFM: quintiles with ties, as of a moment, and the bands."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kaquan.customers import CustomerDraft, OrderDraft, OrderStatus, create_order, upsert_customer
from kaquan.runtime import Database, Project, Tx, create_project
from kaquan.segments import (
    ATTRIBUTES,
    BAND_GRID,
    RFM_BANDS,
    find_score,
    list_band_figures,
    score_rfm,
)

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PAGE = Path(__file__).parents[2] / "docs" / "algorithms" / "rfm.md"


async def _buys(tx: Tx, who: str, days_ago: int, amount: int, **more: OrderStatus) -> str:
    customer = await upsert_customer(tx, CustomerDraft(source_id=who), now=NOW)
    draft = OrderDraft(
        customer_id=customer.id,
        amount_minor=amount,
        status=more.get("status", OrderStatus.PAID),
        placed_at=NOW - timedelta(days=days_ago),
    )
    await create_order(tx, draft, now=NOW)
    return customer.id


async def test_quintiles_of_ten_different_customers(tx: Tx) -> None:
    ids = [await _buys(tx, f"c{n}", days_ago=n, amount=1000 + n) for n in range(10)]
    assert await score_rfm(tx, as_of=NOW) == 10
    for number, customer_id in enumerate(ids):
        score = await find_score(tx, customer_id)
        assert score is not None
        assert score.recency_days == number
        assert score.recency_score == 5 - number // 2
        assert score.monetary_score == 1 + number // 2
        assert score.frequency_score == 1
        # The value score is the mean of frequency and monetary score, a half rounded up.
        value = (score.frequency_score + score.monetary_score + 1) // 2
        assert score.band == BAND_GRID[score.recency_score][value - 1]


async def test_equal_figures_get_equal_scores(tx: Tx) -> None:
    same = [await _buys(tx, f"c{n}", days_ago=50, amount=700) for n in range(7)]
    best = await _buys(tx, "best", days_ago=1, amount=9000)
    await _buys(tx, "best", days_ago=2, amount=1)
    await score_rfm(tx, as_of=NOW)
    scores = [await find_score(tx, customer_id) for customer_id in same]
    assert {(s.recency_score, s.frequency_score, s.monetary_score) for s in scores if s} == {
        (1, 1, 1)
    }
    top = await find_score(tx, best)
    assert top is not None
    assert (top.recency_score, top.frequency_score, top.monetary_score) == (5, 5, 5)
    assert (top.recency_days, top.frequency, top.monetary_minor) == (1, 2, 9001)
    bands = {band.band: band.count for band in await list_band_figures(tx)}
    assert bands == {"lost": 7, "champions": 1}


async def test_scores_are_as_of_a_moment_and_replace_earlier_ones(tx: Tx) -> None:
    early = await _buys(tx, "early", days_ago=100, amount=1)
    late = await _buys(tx, "late", days_ago=10, amount=1)
    canceled = await _buys(tx, "canceled", 5, 1, status=OrderStatus.CANCELED)
    assert await score_rfm(tx, as_of=NOW) == 2
    assert await score_rfm(tx, as_of=NOW - timedelta(days=50)) == 1
    score = await find_score(tx, early)
    assert score is not None
    assert score.recency_days == 50
    assert await find_score(tx, late) is None
    assert await find_score(tx, canceled) is None
    assert await score_rfm(tx, as_of=NOW - timedelta(days=500)) == 0


async def test_a_project_is_scored_by_itself(database: Database, project: Project) -> None:
    async with database.transaction(project.project_id) as tx:
        mine = await _buys(tx, "c", days_ago=1, amount=1)
        await score_rfm(tx, as_of=NOW)
    async with database.transaction() as other:
        await create_project(
            other, "Other", currency="CNY", time_zone="UTC", language="en", now=NOW
        )
        assert await score_rfm(other, as_of=NOW) == 0
        assert await find_score(other, mine) is None
    async with database.transaction(project.project_id) as tx:
        assert await find_score(tx, mine) is not None


def test_the_bands_cover_every_score_and_are_named() -> None:
    grid = {band for row in BAND_GRID.values() for band in row}
    assert grid == {band.code for band in RFM_BANDS} == set(ATTRIBUTES["rfm.band"].choices)
    assert set(BAND_GRID) == {1, 2, 3, 4, 5}
    assert all(b.label_zh and b.label_en and b.advice_zh and b.advice_en for b in RFM_BANDS)


def _documented_grid() -> list[tuple[int, int, str]]:
    """Read the rule table of the documentation: recency, value score, band."""
    rows = re.findall(r"^\| \*\*(\d)\*\* \|(.+)\|$", PAGE.read_text(), re.MULTILINE)
    return [
        (int(recency), value, band.strip())
        for recency, cells in rows
        for value, band in enumerate(cells.split("|"), start=1)
    ]


@pytest.mark.parametrize(("recency", "value", "band"), _documented_grid())
def test_the_documented_table_holds(recency: int, value: int, band: str) -> None:
    assert BAND_GRID[recency][value - 1] == band


def test_the_documented_table_is_whole() -> None:
    assert len(_documented_grid()) == 25
