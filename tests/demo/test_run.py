"""The whole demo on a small grocer: figures, doing it twice, and going on after a stop."""

# The published types of pyarrow leave some parameters open.
# pyright: reportUnknownMemberType=false

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, LiteralString

import pyarrow.parquet as pq
import pytest
from rich.console import Console

from demo.conftest import HOUSEHOLDS
from kaquan.campaigns import find_campaign
from kaquan.cli.demo import DemoAccess, run_demo
from kaquan.cli.demo.comeback import NAME
from kaquan.cli.demo.dataset import find_dataset, open_dataset
from kaquan.cli.demo.model import DemoState
from kaquan.cli.demo.proof import read_proof
from kaquan.cli.demo.replay import REFUSED
from kaquan.cli.demo.store import find_state
from kaquan.customers import get_customer_summary, get_order
from kaquan.experiments import ExperimentStatus
from kaquan.ledger import check_ledger
from kaquan.runtime import Database, InvalidInput, Project, Tx, Unavailable, create_project, utc_now

ACCESS = DemoAccess(
    address="http://127.0.0.1:8123",
    email="demo@example.com",
    password="a password",
    app_id="app-id",
    app_token="app-token",
)


@pytest.fixture
async def shop(database: Database) -> Project:
    async with database.transaction() as tx:
        return await create_project(
            tx,
            "Complete Journey grocery",
            currency="USD",
            time_zone="America/New_York",
            language="en",
            now=utc_now(),
        )


async def run(
    database: Database, shop: Project, folder: Path | None, *, households: int | None = None
) -> str:
    """Run the demo and return what it printed."""
    console = Console(file=io.StringIO(), width=200, color_system=None)
    await run_demo(
        database,
        shop.project_id,
        households=households,
        access=ACCESS,
        console=console,
        folder=folder,
    )
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


async def state_of(tx: Tx) -> DemoState:
    state = await find_state(tx)
    assert state is not None
    return state


async def test_everything_is_there(database: Database, shop: Project, dataset_folder: Path) -> None:
    printed = await run(database, shop, dataset_folder)
    async with database.transaction(shop.project_id) as tx:
        state = await state_of(tx)
        campaign = await find_campaign(tx, NAME)
        order = await get_order(tx, "201")
        assert order.customer_id is not None
        summary = await get_customer_summary(tx, order.customer_id)
    assert state.steps["goods"].rows == 30
    assert state.steps["households"].rows == HOUSEHOLDS
    assert state.steps["mailings"].rows == 25
    assert state.steps["redemptions"].rows == 6
    figures = state.steps["redemptions"].figures
    assert (figures["redeemed"], figures["discount_minor"]) == (6, 100 + 100 + 35 + 35)
    assert not [name for name in figures if name.startswith("refused")]
    # The coupon came off in the imported order, and its replay took nothing off again.
    assert (order.amount_minor, order.total_minor) == (1300, 1200)
    assert summary.order_count > 1
    sent = state.steps["comeback"].figures
    assert sent["published"] + sent["held_out"] == state.steps["comeback"].rows > 0
    assert sent["messages"] == sent["published"]
    assert campaign is not None
    assert campaign.budget_minor
    for shown in (ACCESS.password, ACCESS.app_token, "/w/", "curl ", f"/campaigns/{campaign.id}"):
        assert shown in printed
    await check_that_the_simulated_can_be_told_from_the_real(database, shop, dataset_folder)
    await check_that_the_measured_campaign_is_read_beside_its_truth(database, shop, printed)
    await check_that_people_entered_twice_wait_for_review(database, shop)
    async with database.snapshot(shop.project_id) as tx:
        assert await check_ledger(tx) == []


async def check_that_the_simulated_can_be_told_from_the_real(
    database: Database, shop: Project, dataset_folder: Path
) -> None:
    async with database.transaction(shop.project_id) as tx:
        figures = (await state_of(tx)).steps["answers"].figures
        new = await read_row(
            tx,
            "select count(*), coalesce(sum(amount_minor), 0),"
            " count(*) filter (where metadata -> 'simulated' = 'true'"
            "  and placed_at >= '2017-10-02 04:00+00' and placed_at < '2017-10-16 04:00+00')"
            " from orders where source_id like 'simulated-%'",
        )
        used = await read_row(
            tx,
            "select count(*), count(*) filter (where (metadata -> 'bought_anyway')::boolean),"
            " coalesce(sum(discount_minor), 0), count(*) filter (where result = 'SUCCESS'"
            "  and metadata -> 'simulated' = 'true' and created_at >= '2017-10-02 04:00+00'"
            "  and created_at < '2017-10-16 04:00+00')"
            " from redemption where tracking_id like 'autumn-%'",
        )
        cursor = await tx.execute(
            "select source_id, total_minor"
            "  + coalesce((metadata ->> 'simulated_discount_minor')::bigint, 0) from orders"
            " where source_id not like 'simulated-%'"
        )
        # With the marked discount put back, every real order is as the till had it.
        assert dict(await cursor.fetchall()) == paid_at_the_till(dataset_folder)
        marked = await read_row(
            tx, "select count(*) from orders where metadata ? 'simulated_discount_minor'"
        )
    extra, anyway = figures["extra_orders"], figures["bought_anyway"]
    assert new == (extra, figures["extra_minor"], extra)
    assert used == (extra + anyway, anyway, figures["discount_minor"], extra + anyway)
    assert figures["redeemed"] == extra + anyway > 0
    assert marked == (anyway,)


async def check_that_the_measured_campaign_is_read_beside_its_truth(
    database: Database, shop: Project, printed: str
) -> None:
    async with database.snapshot(shop.project_id) as tx:
        proof = await read_proof(tx, now=utc_now())
        held_out = await read_row(
            tx,
            "select count(*) from redemption r join exposure e using (customer_id, campaign_id)"
            " where e.arm = 'holdout'",
        )
    assert held_out == (0,)
    assert proof.results.experiment.status is ExperimentStatus.STOPPED
    assert sum(size.assigned for size in proof.results.sizes) == proof.facts.audience > 0
    # Both log the same holdout, and the rehearsal was over before a coupon was out.
    drawn = {size.arm: size.assigned for size in proof.rehearsal.sizes}
    assert drawn["holdout"] == next(
        size.assigned for size in proof.results.sizes if size.arm == "holdout"
    )
    assert proof.rehearsal.reading.means.keys() == {"holdout", "group A", "group B"}
    # With forty households it says that nothing can be said.
    assert "no conclusion is to be drawn" in printed
    assert "Nothing can be recommended" in printed
    assert "无法给出建议" in printed


async def check_that_people_entered_twice_wait_for_review(
    database: Database, shop: Project
) -> None:
    async with database.transaction(shop.project_id) as tx:
        step = (await state_of(tx)).steps["doubles"]
        beside = await read_row(
            tx,
            "select count(*), count(*) filter (where metadata ->> 'made_up' = 'second_record')"
            " from customer where metadata ? 'made_up'",
        )
        bought = await read_row(
            tx,
            "select count(*) from orders o join customer c on c.id = o.customer_id"
            " where c.metadata ? 'made_up'",
        )
        queue = await read_row(
            tx,
            "select count(*), count(*) filter (where state <> 'open') from customer_duplicate",
        )
    assert beside == (step.rows, step.figures["second_records"])
    assert bought == (0,)
    assert queue == (step.figures["proposed"], 0)


async def test_the_second_run_doubles_nothing(
    database: Database, shop: Project, dataset_folder: Path
) -> None:
    await run(database, shop, dataset_folder)
    async with database.transaction(shop.project_id) as tx:
        before = await count_rows(tx)
    printed = await run(database, shop, None)
    async with database.transaction(shop.project_id) as tx:
        assert await count_rows(tx) == before
    assert "Redemptions" not in printed.split("What")[0]


async def test_a_run_that_was_cut_short_goes_on(
    database: Database, shop: Project, dataset_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = await run(database, shop, dataset_folder)
    async with database.transaction(shop.project_id) as tx:
        before = await count_rows(tx)
        # As if the process had died before it could note that these steps were finished.
        await tx.execute(
            "update project set settings = jsonb_set(settings, '{demo,steps}', '{}')"
            " where project_id = current_project()"
        )
    again = await run(database, shop, dataset_folder)
    async with database.transaction(shop.project_id) as tx:
        assert await count_rows(tx) == before
    assert findings(again) == findings(whole)


async def test_redemptions_cut_short_go_on_where_they_stopped(
    database: Database, shop: Project, dataset_folder: Path
) -> None:
    file = dataset_folder / "coupon_redemptions.parquet"
    whole = pq.read_table(file)
    pq.write_table(whole.slice(0, 2), file)
    await run(database, shop, dataset_folder)
    pq.write_table(whole, file)
    async with database.transaction(shop.project_id) as tx:
        assert (await state_of(tx)).steps["redemptions"].rows == 2
        await tx.execute(
            "update project set settings = settings #- '{demo,steps,redemptions}'"
            " where project_id = current_project()"
        )
    await run(database, shop, dataset_folder)
    async with database.transaction(shop.project_id) as tx:
        assert (await state_of(tx)).steps["redemptions"].figures["redeemed"] == 6
        cursor = await tx.execute(
            "select count(*) from redemption where tracking_id like 'complete-journey/%'"
        )
        assert await cursor.fetchone() == (6,)


async def test_a_use_whose_value_is_not_to_be_found_is_booked_with_nothing_off(
    database: Database, shop: Project, dataset_folder: Path
) -> None:
    await run(database, shop, dataset_folder)
    async with database.transaction(shop.project_id) as tx:
        cursor = await tx.execute(
            "select h.source_id, r.result, r.created_at from redemption r"
            " join customer h on h.id = r.customer_id"
            " where r.discount_minor + r.items_discount_minor = 0 order by 1"
        )
        assert await cursor.fetchall() == [
            ("household-5", "SUCCESS", datetime(2017, 3, 8, 17, 0, tzinfo=UTC)),
            ("household-6", "SUCCESS", datetime(2017, 3, 9, 17, 0, tzinfo=UTC)),
        ]


@pytest.mark.slow
async def test_the_real_data_of_fifty_households(database: Database, shop: Project) -> None:
    try:
        folder = find_dataset()
    except Unavailable:
        pytest.skip("the demo's purchase data is not installed")
    await run(database, shop, folder, households=50)
    async with database.snapshot(shop.project_id) as tx:
        assert await check_ledger(tx) == []
        steps = (await state_of(tx)).steps
    assert steps["households"].rows == 50
    assert steps["goods"].rows == 92_337
    assert (steps["baskets"].figures["orders"], steps["baskets"].rows) == (3_640, 23_230)
    assert steps["mailings"].figures["campaigns"] == 27
    figures = steps["redemptions"].figures
    refused = sum(count for name, count in figures.items() if name.startswith(REFUSED))
    assert figures["redeemed"] + refused == steps["redemptions"].rows == 25


async def test_a_few_households(database: Database, shop: Project, dataset_folder: Path) -> None:
    await run(database, shop, dataset_folder, households=10)
    async with database.transaction(shop.project_id) as tx:
        assert (await state_of(tx)).steps["households"].rows == 10
    with pytest.raises(InvalidInput, match="has the demo with 10 households"):
        await run(database, shop, dataset_folder, households=20)
    await run(database, shop, dataset_folder)


async def test_one_household_is_a_demo_too(
    database: Database, shop: Project, dataset_folder: Path
) -> None:
    printed = await run(database, shop, dataset_folder, households=1)
    assert "Orders" in printed


async def test_somebodys_own_project_is_left_alone(
    database: Database, project: Project, dataset_folder: Path
) -> None:
    with pytest.raises(InvalidInput, match="Give the demo its own folder"):
        await run(database, project, dataset_folder)


def paid_at_the_till(folder: Path) -> dict[str, int]:
    with open_dataset(folder, households=None) as dataset:
        orders = dataset.orders().to_pylist()
        lines = dataset.order_lines().to_pylist()
    paid = {one["source_id"]: one["amount_minor"] - one["discount_minor"] for one in orders}
    for line in lines:
        paid[line["order_source_id"]] -= line["discount_minor"]
    return paid


async def read_row(tx: Tx, query: LiteralString) -> tuple[Any, ...]:
    row = await (await tx.execute(query)).fetchone()
    assert row is not None
    return row


async def count_rows(tx: Tx) -> tuple[int, ...]:
    cursor = await tx.execute(
        "select (select count(*) from customer), (select count(*) from consent),"
        " (select count(*) from product), (select count(*) from orders),"
        " (select count(*) from campaign), (select count(*) from voucher),"
        " (select count(*) from publication), (select count(*) from redemption),"
        " (select count(*) from transfer), (select count(*) from segment),"
        " (select count(*) from exposure), (select count(*) from message),"
        " (select count(*) from experiment), (select count(*) from experiment_exposure),"
        " (select count(*) from customer_duplicate)"
    )
    row = await cursor.fetchone()
    assert row is not None
    return row


def findings(printed: str) -> str:
    """What is printed between the table, which has times, and the links, which have ids."""
    return printed.partition("Orders ")[2].partition("Things to try")[0]
