"""The home page's figures: weeks in the project's zone, what runs now, the last seven days."""

from datetime import UTC, date, datetime, timedelta

from insight.rows import (
    Attempt,
    Sale,
    add_attempt,
    add_campaign,
    add_customers,
    add_sale,
    publish,
)
from kaquan.insight import Recent, Week, dashboard, headline
from kaquan.runtime import Database, Tx, create_project

# A Wednesday; the projects of tests are in Shanghai, eight hours ahead.
NOW = datetime(2026, 3, 18, 4, 0, tzinfo=UTC)


async def test_an_empty_project_says_so(tx: Tx) -> None:
    figures = await dashboard(tx, now=NOW, weeks=3)
    assert (figures.totals.customers, figures.totals.orders, figures.live) == (0, 0, [])
    assert [week.revenue_minor for week in figures.weeks] == [0, 0, 0]
    assert headline(figures, "en").startswith("No orders yet.")
    assert headline(figures, "zh").startswith("还没有订单。")


async def test_weeks_begin_on_the_projects_monday(tx: Tx) -> None:
    sales = [
        Sale(customer_id=None, at=datetime(2026, 3, 1, 15, 59, tzinfo=UTC), amount=1),
        Sale(customer_id=None, at=datetime(2026, 3, 1, 16, 0, tzinfo=UTC), amount=10),
        Sale(customer_id=None, at=datetime(2026, 3, 8, 15, 59, tzinfo=UTC), amount=100),
        Sale(customer_id=None, at=datetime(2026, 3, 15, 16, 0, tzinfo=UTC), amount=1_000),
        Sale(customer_id=None, at=NOW, amount=9_000, discount=500, items_discount=500),
        Sale(customer_id=None, at=NOW, amount=7_777, status="CANCELED"),
        Sale(customer_id=None, at=NOW + timedelta(seconds=1), amount=7_777),
    ]
    for sale in sales:
        await add_sale(tx, sale)
    figures = await dashboard(tx, now=NOW, weeks=3)
    assert figures.weeks == [
        Week(starts_on=date(2026, 3, 2), orders=2, revenue_minor=110, complete=True),
        Week(starts_on=date(2026, 3, 9), orders=0, revenue_minor=0, complete=True),
        Week(starts_on=date(2026, 3, 16), orders=2, revenue_minor=9_000, complete=False),
    ]
    assert (figures.totals.orders, figures.totals.revenue_minor) == (5, 9_111)
    assert figures.totals.last_order_at == NOW


async def test_imported_history_shows_its_own_weeks(tx: Tx) -> None:
    past = datetime(2017, 12, 30, 17, 0, tzinfo=UTC)
    await add_sale(tx, Sale(customer_id=None, at=past, amount=500))
    figures = await dashboard(tx, now=NOW, weeks=2)
    assert [week.starts_on for week in figures.weeks] == [date(2017, 12, 18), date(2017, 12, 25)]
    assert figures.weeks[1].revenue_minor == 500
    english = "No orders in the last 7 days; the latest was on 31 December 2017."
    assert headline(figures, "en") == english
    assert headline(figures, "zh") == "近 7 天没有订单，最近一单在 2017年12月31日。"


async def test_weeks_keep_their_length_where_clocks_change(database: Database) -> None:
    async with database.transaction() as tx:
        await create_project(
            tx, "Berlin", currency="EUR", time_zone="Europe/Berlin", language="en", now=NOW
        )
        # Summer time began on Sunday 29 March: the week ends at 22:00 UTC instead of 23:00.
        for hour, amount in ((21, 1), (22, 10)):
            at = datetime(2026, 3, 29, hour, 30, tzinfo=UTC)
            await add_sale(tx, Sale(customer_id=None, at=at, amount=amount))
        figures = await dashboard(tx, now=datetime(2026, 3, 31, tzinfo=UTC), weeks=2)
    assert [(week.starts_on, week.revenue_minor) for week in figures.weeks] == [
        (date(2026, 3, 23), 1),
        (date(2026, 3, 30), 10),
    ]


async def test_live_campaigns_and_the_last_seven_days(tx: Tx) -> None:
    day = timedelta(days=1)
    live = await add_campaign(tx, "live", starts_at=NOW - day, expires_at=NOW + day)
    for name, columns in {
        "switched off": {"active": False},
        "not begun": {"starts_at": NOW + day},
        "over": {"expires_at": NOW},
    }.items():
        await add_campaign(tx, name, **columns)
    await add_customers(tx, "ann", "bea", at=NOW - 30 * day)
    older = await publish(tx, live, "ann", at=NOW - 8 * day)
    newer = await publish(tx, live, "bea", at=NOW - 6 * day)
    for voucher in (older, newer):
        await add_attempt(tx, Attempt(campaign_id=live, voucher_id=voucher, at=NOW - day))
    undone = await add_attempt(tx, Attempt(campaign_id=live, voucher_id=newer, at=NOW - day))
    await add_attempt(
        tx,
        Attempt(campaign_id=live, voucher_id=newer, at=NOW, kind="rollback", reverses_id=undone),
    )
    await add_sale(tx, Sale(customer_id="ann", at=NOW - day, amount=12_000))
    await add_sale(tx, Sale(customer_id="ann", at=NOW - 7 * day, amount=10_000))
    figures = await dashboard(tx, now=NOW)
    assert [(c.name, c.published, c.redeemed) for c in figures.live] == [("live", 2, 2)]
    assert figures.totals.customers == 2
    assert figures.recent == Recent(
        published=1, redeemed=2, revenue_minor=12_000, previous_revenue_minor=10_000
    )
    assert headline(figures, "en") == (
        "Last 7 days: 1 published, 2 redeemed, revenue ¥120.00, 20.0% more than the 7 days before."
    )
    assert headline(figures, "zh") == (
        "近 7 天发放 1 张，核销 2 张，销售额 ¥120.00，比前 7 天多 20.0%。"
    )
