"""Every metric against figures worked out by hand, and against the ledger."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest
from psycopg.types.json import Jsonb

from insight.metrics.conftest import MARCH, NOW, Ask, Open
from insight.rows import Attempt, Sale, add_attempt, add_campaign, add_customers, add_sale, publish
from kaquan.insight.metrics import (
    METRICS,
    Dimension,
    Grain,
    Part,
    Question,
    Scope,
    Silence,
    answer_funnel,
    answer_metrics,
    list_cohort_customers,
    list_figure_rows,
    retention_cohorts,
)
from kaquan.ledger import AccountKind, issue, post_transfers, take
from kaquan.runtime import Database, InvalidInput, Project, Tx

DAY = timedelta(days=1)


async def _shop(tx: Tx) -> dict[str, str]:
    """Ann buys twice, first with a coupon; Bob once without, Cat gets a coupon that expires."""
    await add_customers(tx, "ann", "bob", "cat", at=NOW - 9 * DAY)
    spring = await add_campaign(tx, "Spring")
    ann = await publish(tx, spring, "ann", at=NOW - 4 * DAY)
    cat = await publish(tx, spring, "cat", at=NOW - 4 * DAY)
    await tx.execute("update voucher set expires_at = %s where id = %s", (NOW - DAY, cat))
    sale = Sale(customer_id="ann", at=NOW - 2 * DAY, amount=10_000, discount=1_000)
    order = await add_sale(tx, sale)
    used = Attempt(
        campaign_id=spring, voucher_id=ann, order_id=order, at=NOW - 2 * DAY, discount=1_000
    )
    await add_attempt(tx, used)
    await add_attempt(tx, msgspec.structs.replace(used, failed=True, order_id=None, discount=0))
    await add_sale(tx, Sale(customer_id="ann", at=NOW - DAY, amount=4_000))
    await add_sale(tx, Sale(customer_id="bob", at=NOW, amount=3_000))
    await add_sale(tx, Sale(customer_id=None, at=NOW, amount=2_000))
    await add_sale(tx, Sale(customer_id="bob", at=NOW, amount=9_999, status="CANCELED"))
    return {"spring": spring, "order": order, "ann": ann}


async def test_each_figure_of_a_small_shop(database: Database, project: Project, ask: Ask) -> None:
    async with database.transaction(project.project_id) as tx:
        await _shop(tx)
        await tx.execute("update project set settings = %s", (Jsonb({"margin_rate_bps": 4000}),))
    found = {key: one.point.value for key, one in (await ask(*METRICS)).items()}
    assert found == {
        "issued": 2,
        "published": 2,
        "delivered": 0,
        "opened": None,
        "claimed": 0,
        "redeemed": 1,
        "returned": 0,
        "usage_rate": Decimal("0.5"),
        "time_to_redeem": Decimal(2),
        "breakage": Decimal(1),
        "discount": 1_000,
        "budget_spent": 0,
        "liability": 0,
        "orders": 4,
        "revenue": 18_000,
        # 19,000 before discounts at 40 %, less 1,000.
        "margin": 6_600,
        "order_value": 4_500,
        "coupon_orders": 1,
        "coupon_revenue": 9_000,
        "order_value_with": 9_000,
        "order_value_without": 3_000,
        # 10,000 at 40 % less 1,000, over 1,000.
        "return_on_discount": Decimal(3),
        "new_customers": 3,
        "buyers": 2,
        "repeat_rate": Decimal("0.333333"),
        "new_buyers": 2,
        "acquisition_cost": 1_000,
        # Ann 9,000 and 4,000, Bob 3,000.
        "customer_value": 8_000,
        "units_sold": 0,
        "goods_revenue": 0,
        "goods_discount": 0,
        "refused": 1,
        "tries": 0,
        "held_out": 0,
    }


async def test_each_figure_is_traced_to_its_rows(
    database: Database, project: Project, opened: Open
) -> None:
    """As many rows as were counted, page by page, and counts are the numbers of rows."""
    async with database.transaction(project.project_id) as tx:
        await _shop(tx)
    counts = ("issued", "redeemed", "orders", "coupon_orders", "new_customers", "refused")
    with await opened() as engine:
        found = answer_metrics(engine, list(METRICS.values()), MARCH)
        for metric in METRICS.values():
            parts: list[Part] = ["top"] if metric.bottom is None else ["top", "bottom"]
            for part in parts:
                whole = list_figure_rows(engine, metric, MARCH, part=part, limit=100)
                assert len(whole.rows) == whole.total, (metric.id, part)
                second = list_figure_rows(engine, metric, MARCH, part=part, limit=1, page=2)
                assert second.rows == whole.rows[1:2], (metric.id, part)
                assert second.total == whole.total
        for name in counts:
            shown = list_figure_rows(engine, METRICS[name], MARCH, limit=100)
            assert shown.total == found[name].point.value, name
        revenue = list_figure_rows(engine, METRICS["revenue"], MARCH, limit=100)
        assert sum(row["total_minor"] for row in revenue.rows) == 18_000
        days = [row["at"] for row in revenue.rows]
        assert days == sorted(days, reverse=True)
        redeemed = list_figure_rows(engine, METRICS["redeemed"], MARCH, limit=100)
        assert list(redeemed.names.values()) == ["Spring"]
        with pytest.raises(InvalidInput) as refused:
            list_figure_rows(engine, METRICS["orders"], MARCH, part="bottom", limit=1)
        assert refused.value.field == "part"


async def test_what_cannot_be_said_says_why(database: Database, project: Project, ask: Ask) -> None:
    async with database.transaction(project.project_id) as tx:
        await _shop(tx)
    april = Question(since=date(2026, 4, 1), until=date(2026, 4, 30))
    answers = await ask("margin", "opened", "orders", "order_value", "usage_rate", question=april)
    said = {key: (one.point.value, one.point.silence) for key, one in answers.items()}
    assert said == {
        "margin": (None, Silence.NO_MARGIN),
        "opened": (None, Silence.NOT_RECORDED),
        "orders": (0, Silence.EMPTY),
        "order_value": (None, Silence.EMPTY),
        "usage_rate": (None, Silence.EMPTY),
    }


async def test_no_metric_says_anything_of_a_time_without_facts(
    database: Database, project: Project, ask: Ask
) -> None:
    """A sum is zero and says that nothing happened; a share, or what needs more, is no number."""
    async with database.transaction(project.project_id) as tx:
        await _shop(tx)
    before = Question(since=date(2025, 1, 1), until=date(2025, 1, 3))
    daily = msgspec.structs.replace(before, grain=Grain.DAY)
    for question, buckets in ((before, 1), (daily, 3)):
        answers = await ask(*METRICS, question=question)
        for key, answer in answers.items():
            assert len(answer.points) == buckets, key
            for point in answer.points:
                may_be = (0,) if METRICS[key].bottom is None else ()
                assert point.value is None or point.value in may_be, (key, point)
                assert point.silence is not None or METRICS[key].running, (key, point)


async def test_the_figures_are_the_ledgers(database: Database, project: Project, ask: Ask) -> None:
    async with database.transaction(project.project_id) as tx:
        spring = await add_campaign(tx, "Spring")
        granted = [
            issue("v_1", AccountKind.VALUE, 5_000, cause_id="v_1"),
            issue("v_2", AccountKind.VALUE, 700, cause_id="v_2"),
            issue(spring, AccountKind.BUDGET, 90_000, cause_id=spring),
        ]
        await post_transfers(tx, granted, now=NOW - 2 * DAY)
        spent = [
            take("v_1", AccountKind.VALUE, 1_200, cause_id="r_1"),
            take(spring, AccountKind.BUDGET, 1_200, cause_id="r_1"),
        ]
        await post_transfers(tx, spent, now=NOW)
    grained = msgspec.structs.replace(MARCH, since=date(2026, 3, 15), grain=Grain.DAY)
    answers = await ask("liability", "budget_spent")
    series = [one.value for one in (await ask("liability", question=grained))["liability"].points]
    assert series[:5] == [0, 5_700, 5_700, 4_500, 4_500], "15 to 19 March"
    async with database.transaction(project.project_id) as tx:
        cursor = await tx.execute(
            "select sum(balance) filter (where kind = 'value'),"
            " sum(granted - balance) filter (where kind = 'budget') from account"
        )
        balances = await cursor.fetchone()
    assert (answers["liability"].point.value, answers["budget_spent"].point.value) == balances
    assert balances == (4_500, 1_200)


@pytest.mark.parametrize(
    ("grain", "buckets"),
    [
        (Grain.HOUR, {"2026-03-16T12": 9_000, "2026-03-17T12": 4_000, "2026-03-18T12": 5_000}),
        (Grain.DAY, {"2026-03-16": 9_000, "2026-03-17": 4_000, "2026-03-18": 5_000}),
        (Grain.WEEK, {"2026-03-16": 18_000}),
        (Grain.MONTH, {"2026-03-01": 18_000}),
    ],
)
async def test_series_are_of_the_projects_calendar(
    database: Database, project: Project, ask: Ask, grain: Grain, buckets: dict[str, int]
) -> None:
    async with database.transaction(project.project_id) as tx:
        await _shop(tx)
    question = msgspec.structs.replace(MARCH, grain=grain)
    points = (await ask("revenue", question=question))["revenue"].points
    assert {one.bucket: one.value for one in points if one.value} == buckets
    assert [one.bucket for one in points] == question.buckets()


async def test_figures_told_apart_and_filtered(
    database: Database, project: Project, ask: Ask
) -> None:
    async with database.transaction(project.project_id) as tx:
        shop = await _shop(tx)
        await tx.execute(
            "insert into segment (id, name, kind, definition, created_at)"
            " values ('seg', 'Bobs', 'static', '{}', now())"
        )
        await tx.execute(
            "insert into segment_member (segment_id, customer_id, since) values ('seg','bob',now())"
        )
    by = msgspec.structs.replace(MARCH, by=Dimension.CAMPAIGN)
    (point,) = (await ask("discount", question=by))["discount"].points
    assert (point.key, point.label, point.value) == (shop["spring"], "Spring", 1_000)
    scoped = {
        "campaign": (Scope(campaign_id=shop["spring"]), 9_000),
        "another campaign": (Scope(campaign_id="camp_other"), 0),
        "channel": (Scope(channel="API"), 9_000),
        "segment": (Scope(segment_id="seg"), 3_000),
    }
    for name, (scope, revenue) in scoped.items():
        question = msgspec.structs.replace(MARCH, scope=scope)
        assert (await ask("revenue", question=question))["revenue"].point.value == revenue, name


@pytest.mark.parametrize(
    ("metric", "changes", "field"),
    [
        ("new_customers", {"scope": Scope(campaign_id="camp")}, "campaign_id"),
        ("issued", {"by": Dimension.PRODUCT}, "by"),
    ],
)
async def test_what_a_metric_does_not_know_is_refused(
    ask: Ask, metric: str, changes: dict[str, object], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await ask(metric, question=msgspec.structs.replace(MARCH, **changes))
    assert refused.value.field == field


def test_windows_that_make_no_sense_are_refused() -> None:
    with pytest.raises(InvalidInput, match="ends before"):
        Question(since=date(2026, 2, 1), until=date(2026, 1, 1))
    with pytest.raises(InvalidInput, match="coarser"):
        Question(since=date(2020, 1, 1), until=date(2026, 1, 1), grain=Grain.HOUR)


async def test_cohorts_and_funnel(database: Database, project: Project, opened: Open) -> None:
    async with database.transaction(project.project_id) as tx:
        await add_customers(tx, "ann", "bob", at=NOW)
        for who, month in (("ann", 1), ("ann", 1), ("ann", 3), ("bob", 1), ("bob", 2)):
            at = datetime(2026, month, 10, tzinfo=UTC)
            await add_sale(tx, Sale(customer_id=who, at=at, amount=1))
    window = Question(since=date(2026, 1, 1), until=date(2026, 3, 31))
    with await opened() as engine:
        assert retention_cohorts(engine, window) == [("2026-01", [2, 1, 1])]
        cells = [
            [
                (row["customer_id"], row["orders"], row["total_minor"])
                for row in list_cohort_customers(
                    engine, date(2026, 1, 1), later=later, limit=10
                ).rows
            ]
            for later in range(4)
        ]
        assert cells == [[("ann", 2, 2), ("bob", 1, 1)], [("bob", 1, 1)], [("ann", 1, 1)], []]
        steps = [one.metric.id for one in answer_funnel(engine, window)]
        assert steps[:2] == ["issued", "published"]
        products = msgspec.structs.replace(window, by=Dimension.CATEGORY)
        assert answer_metrics(engine, [METRICS["units_sold"]], products)["units_sold"].points == []
