"""The pages of models: before the first one, what is lacking, and a card with what it says."""

import io
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from litestar.testing import AsyncTestClient
from python_calamine import CalamineWorkbook

from console.shop import Shop, open_shop
from console.site import Browser, enter, open_site, token_in
from kaquan.experiments import Experiment, ExperimentDraft, Variant, create_experiment
from kaquan.insight.models import (
    Bin,
    Card,
    Drift,
    DriftState,
    Figure,
    Lack,
    LackCode,
    ModelKind,
    ModelVersion,
    RunStatus,
    Shift,
    Spread,
    Trained,
    Verdict,
    VerdictCode,
    list_latest_runs,
)
from kaquan.insight.models.store import (
    insert_drift,
    insert_model,
    update_alive,
    update_run,
    update_scored,
)
from kaquan.runtime import Database, Project, Tx, utc_now
from kaquan.segments import record_predictions
from kaquan.trust import Role

DAY = datetime(2026, 2, 1, tzinfo=UTC)


def card_of(kind: ModelKind, subject: str | None = None) -> Card:
    """A card with something in each part of the page."""
    spread = Spread(name="orders_90", edges=(1.0,), shares=(0.5, 0.5, 0.0), rows=100, weight=1.0)
    uplift = kind is ModelKind.UPLIFT
    measure = "uplift_top" if uplift else "auc"
    return Card(
        kind=kind,
        horizon_days=30,
        seed=1,
        data_from=DAY - timedelta(days=300),
        data_until=DAY,
        holdout_from=DAY - timedelta(days=60),
        train_rows=1234,
        train_positives=500,
        test_rows=567,
        test_positives=200,
        features=("orders_90",),
        parameters={"rounds": 150.0, "outcome": "margin"},
        measures={measure: Figure(value=0.81, low=0.78, high=0.84)},
        baseline={} if uplift else {"auc": Figure(value=0.7, low=0.6, high=0.8)},
        gain=Figure(value=0.02, low=0.01, high=0.03),
        bins=tuple(Bin(rows=56, predicted=p, observed=p, low=0.0, high=1.0) for p in (0.2, 0.6)),
        spreads=(spread,),
        score_spread=spread,
        subject=subject,
        arm="five" if uplift else None,
        control="holdout" if uplift else None,
    )


@pytest_asyncio.fixture(loop_scope="session")
async def visited(database: Database, project: Project) -> AsyncGenerator[tuple[Browser, Shop]]:
    """A shop without any model, seen by its marketer."""
    shop = await open_shop(database, project, now=utc_now())
    async with AsyncTestClient(open_site(database), raise_server_exceptions=True) as browser:
        await enter(browser, database, shop, Role.MARKETER)
        yield browser, shop


async def _try_faces(tx: Tx, shop: Shop) -> Experiment:
    arms = tuple(Variant(name=name, weight_bps=5000) for name in ("five", "ten"))
    draft = ExperimentDraft(name="Faces", campaign_id=shop.campaign.id, arms=arms)
    return await create_experiment(tx, draft, now=DAY)


async def _store(database: Database, shop: Shop, kind: ModelKind) -> ModelVersion:
    verdict = VerdictCode.ORDER_UNKNOWN if kind is ModelKind.UPLIFT else VerdictCode.FIRST
    async with database.transaction(shop.project.project_id) as tx:
        subject = (await _try_faces(tx, shop)).id if kind is ModelKind.UPLIFT else None
        trained = Trained(card=card_of(kind, subject), artifact=b"{}")
        model = await insert_model(
            tx, trained, Verdict(code=verdict, candidate=0.31, baseline=0.33), now=DAY
        )
        if kind is not ModelKind.UPLIFT:
            await update_scored(tx, model.id, count=42, as_of=DAY)
            for number in range(2):
                await insert_drift(tx, model.id, _drift(DAY + timedelta(days=7 * number)))
    return model


def _drift(at: datetime) -> Drift:
    shift = Shift(name="score", index=0.31, by_chance=0.02, state=DriftState.SHIFTED)
    return Drift(
        state=DriftState.SHIFTED,
        checked_at=at,
        rows=100,
        shifts=(Shift(name="orders_90", index=0.12, by_chance=0.02, state=DriftState.WATCH),),
        scores=shift,
        outcomes=400,
        expected=120.4,
        observed=60.0,
        z=-5.0,
        outcome_state=DriftState.SHIFTED,
    )


async def test_from_nothing_to_a_request_and_what_it_lacks(
    database: Database, visited: tuple[Browser, Shop]
) -> None:
    browser, shop = visited
    browser.cookies.set("kq_lang", "en")
    page = await browser.get("/console/models")
    assert ("No model yet" in page.text, "Not trained yet" in page.text) == (True, True)
    form = {"csrf_token": token_in(page.text), "kind": "next_purchase"}
    asked = await browser.post("/console/models", data=form)
    assert "Being trained" in asked.text
    wrong = await browser.post("/console/models", data=form | {"kind": "crystal_ball"})
    assert (wrong.status_code, "This is no kind of model." in wrong.text) == (400, True)
    no_such = await browser.post("/console/models", data=form | {"kind": "uplift"})
    assert no_such.status_code == 400
    async with database.transaction(shop.project.project_id) as tx:
        run = (await list_latest_runs(tx))[0]
        lacks = (Lack(code=LackCode.CUSTOMERS, have=12, need=100),)
        await update_run(tx, run.id, status=RunStatus.REFUSED, lacks=lacks, now=DAY)
    refused = await browser.get("/console/models")
    assert "12 customers have a record; at least 100 are needed" in refused.text
    await browser.post("/console/models", data=form)
    async with database.transaction(shop.project.project_id) as tx:
        died = (await list_latest_runs(tx))[0]
        await update_alive(tx, died.id, until=utc_now() - timedelta(seconds=1))
    cut_off = (await browser.get("/console/models")).text
    assert ("Cut off: it died half-way" in cut_off, "Being trained" in cut_off) == (True, False)


async def test_the_arms_of_an_experiment_are_chosen(
    database: Database, visited: tuple[Browser, Shop]
) -> None:
    browser, shop = visited
    browser.cookies.set("kq_lang", "en")
    async with database.transaction(shop.project.project_id) as tx:
        tried = await _try_faces(tx, shop)
    page = await browser.get("/console/models", params={"experiment": tried.id})
    assert '<option value="ten">' in page.text
    form = {"csrf_token": token_in(page.text), "kind": "uplift", "experiment": tried.id}
    wrong = await browser.post("/console/models", data=form | {"arm": "ten", "control": "ten"})
    assert (wrong.status_code, "cannot be compared with itself" in wrong.text) == (400, True)
    assert '<option value="ten">' in wrong.text
    asked = await browser.post("/console/models", data=form | {"arm": "ten", "control": "five"})
    assert "“ten” against “five”" in asked.text
    again = await browser.post("/console/models", data=form | {"arm": "ten"})
    assert "“ten” against “Those who got nothing”" in again.text


@pytest.mark.parametrize(
    ("language", "kind", "words"),
    [
        ("en", ModelKind.NEXT_PURCHASE, ["Order (AUC)", "81.0%", "78.0% to 84.0%", "Moved away"]),
        ("en", ModelKind.NEXT_PURCHASE, ["120 were to come true; 60 did", "Orders in 90 days"]),
        ("zh", ModelKind.NEXT_PURCHASE, ["排序能力", "78.0% 至 84.0%", "已偏离", "不适合"]),
        (
            "en",
            ModelKind.UPLIFT,
            ["so it scores nobody", "Uplift · Faces (“five” against “holdout”)"],
        ),
        ("zh", ModelKind.UPLIFT, ["最受影响的 30%", "故不给客户打分", "“five”对比“对照组”"]),
    ],
)
async def test_a_card_says_what_is_known(
    database: Database,
    visited: tuple[Browser, Shop],
    *,
    language: str,
    kind: ModelKind,
    words: list[str],
) -> None:
    browser, shop = visited
    model = await _store(database, shop, kind)
    browser.cookies.set("kq_lang", language)
    text = (await browser.get(f"/console/models/{model.id}")).text
    assert [word for word in words if word not in text] == []
    sheet = f"model-{kind}-1"
    file = await browser.get(f"/console/models/{model.id}?download={sheet}.csv")
    assert '"measure"' in file.text
    book = await browser.get(f"/console/models/{model.id}?download={sheet}.xlsx")
    assert book.content[:2] == b"PK"
    assert (await browser.get("/console/models/model_none")).status_code == 404


async def test_scores_are_shown_as_distributions_and_on_the_customer(
    database: Database, visited: tuple[Browser, Shop]
) -> None:
    browser, shop = visited
    await _store(database, shop, ModelKind.NEXT_PURCHASE)
    async with database.transaction(shop.project.project_id) as tx:
        cursor = await tx.execute("select id from customer order by id")
        ids = [row[0] for row in await cursor.fetchall()]
        scores = {one: (place + 1) / 10 for place, one in enumerate(ids)}
        await record_predictions(tx, "next_purchase", scores, as_of=DAY)
        await record_predictions(tx, "clv_value", dict.fromkeys(ids, 12_345), as_of=DAY)
    browser.cookies.set("kq_lang", "en")
    page = (await browser.get("/console/models")).text
    assert ("distribution-next_purchase" in page, "42 customers scored" in page) == (True, True)
    customer = (await browser.get(f"/console/customers/{ids[0]}")).text
    assert "Buys within 30 days" in customer
    assert "10.0%, as of 1 Feb 2026" in customer
    assert "¥123.45" in customer
    file = await browser.get("/console/models/scores", params={"format": "csv"})
    head, first = file.text.removeprefix("\ufeff").splitlines()[:2]
    assert head == (
        "customer_id,source_id,score.clv_value,score.clv_value as of,"
        "score.next_purchase,score.next_purchase as of"
    )
    at = DAY.isoformat()
    assert first == f"{ids[0]},C-1,12345,{at},0.1,{at}"
    book = await browser.get("/console/models/scores", params={"format": "xlsx"})
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(book.content)).get_sheet_by_index(0)
    rows = sheet.to_python()
    assert rows[0] == head.split(",")
    assert rows[1] == [ids[0], "C-1", 12345.0, at, 0.1, at]
    assert len(rows) == len(ids) + 1
