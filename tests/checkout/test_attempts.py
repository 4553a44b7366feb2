"""What is kept of attempts: every trace, why not, how far away, and the same again."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import pytest

from checkout.shop import (
    NOW,
    add_code,
    amount_off,
    asking,
    cart,
    enter_customer,
    on_condition,
    open_campaign,
    percent_off,
    redeem_now,
)
from kaquan.campaigns import (
    CampaignChange,
    StackingChange,
    update_campaign,
    update_stacking_rules,
)
from kaquan.checkout import (
    AttemptFilter,
    AttemptGatherer,
    AttemptKind,
    AttemptOutcome,
    CheckoutRequest,
    InputsGone,
    KeptAttempt,
    Refused,
    forget_attempts,
    get_kept_attempt,
    list_kept_attempts,
    redeem,
    rerun_attempt,
    roll_back,
    tried_validation,
    validate,
)
from kaquan.customers import CustomerDraft, create_order, erase_customer, merge_customers
from kaquan.engine import Application, Rounding, StackingRules
from kaquan.runtime import Database, InvalidInput, NotFound, Project, Tx

DAY = timedelta(days=1)
DEAR = on_condition(amount_off(100), code="minimum_spend", amount_minor=12_350)


@pytest.fixture
def gatherer(database: Database) -> AttemptGatherer:
    """A process's memory of attempts; ``flush`` writes it."""
    return AttemptGatherer(database)


async def try_out(
    database: Database,
    project: Project,
    gatherer: AttemptGatherer,
    request: CheckoutRequest,
    **more: Any,
) -> None:
    """Validate and keep the attempt."""
    at = more.setdefault("now", NOW)
    async with database.transaction(project.project_id) as tx:
        validation = await validate(tx, request, **more)
    gatherer.keep(project.project_id, tried_validation(request, validation, at=at))
    await gatherer.flush()


async def list_all(tx: Tx, **wanted: Any) -> Sequence[KeptAttempt]:
    """The attempts, the oldest first."""
    found = await list_kept_attempts(tx, AttemptFilter(**wanted), sort="created_at")
    return found.page.items


async def test_a_refused_validation_keeps_why_and_how_far(
    database: Database, project: Project, gatherer: AttemptGatherer
) -> None:
    async with database.transaction(project.project_id) as tx:
        campaign = await open_campaign(tx, DEAR)
        await add_code(tx, "CODE", campaign_id=campaign.id)
        customer = await enter_customer(tx, "anna")
        order = await create_order(tx, cart(10_000, source_id="bill 1"), now=NOW)
    request = asking("CODE", order=order.id, customer=customer.id)
    await try_out(database, project, gatherer, request)
    async with database.transaction(project.project_id) as tx:
        (kept,) = await list_all(tx)
    assert (kept.kind, kept.outcome) == (AttemptKind.VALIDATION, AttemptOutcome.REFUSED)
    assert (kept.code, kept.campaign_id) == ("CODE", campaign.id)
    assert (kept.customer_id, kept.order_id) == (customer.id, order.id)
    assert (kept.order_source_id, kept.created_at) == ("bill 1", NOW)
    (reason,) = kept.reasons
    assert (reason.code.value, reason.params["missing_minor"]) == ("minimum_spend_not_met", 2_350)
    assert kept.trace is not None
    assert [check.code for check in kept.trace.candidates[0].checks if not check.passed] == [
        "minimum_spend"
    ]


async def test_what_is_gathered_of_somebody_erased_is_not_written(
    database: Database, project: Project, gatherer: AttemptGatherer
) -> None:
    """Of whom was merged into another meanwhile, it is written under that one's id."""
    async with database.transaction(project.project_id) as tx:
        await add_code(tx, "CODE", offer=amount_off(100), quantity=None)
        ids = {name: (await enter_customer(tx, name)).id for name in ("anna", "ben", "bo", "cy")}
    for name in ids:
        request = asking("CODE", customer=CustomerDraft(source_id=name))
        async with database.transaction(project.project_id) as tx:
            validation = await validate(tx, request, now=NOW)
        gatherer.keep(project.project_id, tried_validation(request, validation, at=NOW))
    async with database.transaction(project.project_id) as tx:
        await merge_customers(tx, ids["ben"], ids["bo"], by="test", reason="same", now=NOW)
    async with database.transaction(project.project_id) as tx:
        await erase_customer(tx, "anna", now=NOW)
    await gatherer.flush()
    async with database.transaction(project.project_id) as tx:
        kept = [one.customer_id for one in await list_all(tx)]
    assert sorted(kept, key=str) == sorted([ids["ben"], ids["ben"], ids["cy"]])


@pytest.mark.parametrize("known", [True, False], ids=["known", "not yet entered"])
async def test_an_erased_customer_leaves_no_attempts(
    database: Database, project: Project, gatherer: AttemptGatherer, *, known: bool
) -> None:
    """The inputs of an attempt hold what was known and said of its customer."""
    async with database.transaction(project.project_id) as tx:
        vip = {
            "code": "customer_attribute",
            "name": "level",
            "operator": "none_of",
            "values": ["none"],
        }
        await add_code(tx, "CODE", offer={**amount_off(100), "condition": vip}, quantity=None)
        if known:
            await enter_customer(tx, "anna")
        await enter_customer(tx, "ben")
    for name in ("anna", "ben"):
        draft = CustomerDraft(source_id=name, metadata={"level": f"gold of {name}"})
        await try_out(database, project, gatherer, asking("CODE", customer=draft))
    kept_text = "select string_agg(to_jsonb(a)::text, ' ') from attempt a"
    async with database.transaction(project.project_id) as tx:
        before = await (await tx.execute(kept_text)).fetchone()
        assert before is not None
        assert "gold of anna" in before[0]
        await enter_customer(tx, "anna")
        await erase_customer(tx, "anna", now=NOW)
        after = await (await tx.execute(kept_text)).fetchone()
        assert after is not None
        assert "gold of anna" not in after[0]
        assert "gold of ben" in after[0]


async def test_redemptions_are_listed_from_their_register(
    database: Database, project: Project, gatherer: AttemptGatherer
) -> None:
    async with database.transaction(project.project_id) as tx:
        await add_code(tx, "CODE", offer=amount_off(1_000), quantity=1)
        done = await redeem_now(tx, asking("CODE"))
        again = await redeem(tx, asking("CODE"), now=NOW + DAY)
        await roll_back(tx, done.redemptions[0].id, now=NOW + DAY)
        first, second = await list_all(tx)
        assert isinstance(again, Refused)
        counted = await tx.execute("select count(*) from attempt")
        assert await counted.fetchone() == (0,)
    assert (first.outcome, first.discount_minor) == (AttemptOutcome.APPLIED, 1_000)
    assert (second.outcome, second.discount_minor) == (AttemptOutcome.REFUSED, 0)
    assert [reason.code.value for reason in second.reasons] == ["uses_exhausted"]
    assert {first.kind, second.kind} == {AttemptKind.REDEMPTION}
    assert again.failures[0].id == second.id


class Filter(NamedTuple):
    name: str
    wanted: dict[str, Any]
    codes: list[str]


FILTERS = [
    Filter("everything", {}, ["A", "B", "A", "B"]),
    Filter("a code", {"code": "A"}, ["A", "A"]),
    Filter("no such code", {"code": "C"}, []),
    Filter("redemptions", {"kind": AttemptKind.REDEMPTION}, ["A"]),
    Filter("validations", {"kind": AttemptKind.VALIDATION}, ["A", "B", "B"]),
    Filter("what applied", {"outcome": AttemptOutcome.APPLIED}, ["A", "A"]),
    Filter("what was refused", {"outcome": AttemptOutcome.REFUSED}, ["B", "B"]),
    Filter("passed over", {"outcome": AttemptOutcome.SKIPPED}, []),
    Filter("somebody unknown then", {"customer_source_id": "new"}, ["B"]),
    Filter("an order unknown then", {"order_source_id": "bill 7"}, ["B"]),
    Filter("from a day on", {"since": NOW + DAY}, ["A", "B"]),
    Filter("up to a day", {"until": NOW + DAY}, ["A", "B"]),
]


@pytest.mark.parametrize("case", FILTERS, ids=lambda case: case.name)
async def test_filters(
    database: Database, project: Project, gatherer: AttemptGatherer, case: Filter
) -> None:
    async with database.transaction(project.project_id) as tx:
        await add_code(tx, "A", offer=amount_off(100), quantity=None)
        await add_code(tx, "B", offer=DEAR)
    partial = StackingRules(application=Application.PARTIAL)
    await try_out(database, project, gatherer, asking("A", "B"), rules=partial)
    async with database.transaction(project.project_id) as tx:
        await redeem(tx, asking("A"), now=NOW + DAY)
    new = asking("B", customer=CustomerDraft(source_id="new"), order=cart(1, source_id="bill 7"))
    await try_out(database, project, gatherer, new, now=NOW + 2 * DAY)
    async with database.transaction(project.project_id) as tx:
        assert [one.code for one in await list_all(tx, **case.wanted)] == case.codes


async def test_pages_by_number_and_by_cursor_are_the_same(
    database: Database, project: Project, gatherer: AttemptGatherer
) -> None:
    async with database.transaction(project.project_id) as tx:
        await add_code(tx, "A", offer=amount_off(100), quantity=None)
    for days in range(3):
        await try_out(database, project, gatherer, asking("A"), now=NOW + days * DAY)
    async with database.transaction(project.project_id) as tx:
        await redeem(tx, asking("A"), now=NOW + DAY)
        everything = AttemptFilter()
        numbered = [
            one.id
            for page in (1, 2)
            for one in (await list_kept_attempts(tx, everything, limit=2, page=page)).page.items
        ]
        first = (await list_kept_attempts(tx, everything, limit=2)).page
        second = (await list_kept_attempts(tx, everything, limit=2, cursor=first.next_cursor)).page
        assert [one.id for one in (*first.items, *second.items)] == numbered
        assert (len(set(numbered)), first.total, second.next_cursor) == (4, 4, None)
        wrongs: list[dict[str, Any]] = [
            {"limit": 0},
            {"page": 0},
            {"sort": "code"},
            {"page": 10**6},
        ]
        for wrong in wrongs:
            with pytest.raises(InvalidInput):
                await list_kept_attempts(tx, everything, **wrong)
        with pytest.raises(NotFound):
            await list_kept_attempts(tx, everything, cursor="att_nowhere")


async def test_decided_again_on_kept_inputs_it_is_the_same_whatever_changed(
    database: Database, project: Project, gatherer: AttemptGatherer
) -> None:
    async with database.transaction(project.project_id) as tx:
        campaign = await open_campaign(tx, percent_off(1_000), per_customer_cap=2)
        await add_code(tx, "A", campaign_id=campaign.id, quantity=1)
        await add_code(tx, "B", offer=DEAR)
        await enter_customer(tx, "anna")
    partial = StackingRules(application=Application.PARTIAL)
    request = asking("A", "B", "nobody", customer="anna")
    await try_out(database, project, gatherer, request, rules=partial)
    async with database.transaction(project.project_id) as tx:
        await redeem(tx, asking("A", customer="anna"), now=NOW)
        change = CampaignChange(offer=amount_off(1), active=False)
        await update_campaign(tx, campaign.id, change, now=NOW)
        for attempt in await list_all(tx, kind=AttemptKind.VALIDATION):
            again = await rerun_attempt(tx, attempt.id)
            assert (again.same, again.kept, again.differences) == (True, True, ())
            assert again.trace == attempt.trace


async def test_a_redemption_decided_again_tells_what_changed(tx: Tx) -> None:
    campaign = await open_campaign(tx, percent_off(1_000), per_customer_cap=1, budget_minor=5_000)
    for code in ("A", "B"):
        await add_code(tx, code, campaign_id=campaign.id)
    await add_code(tx, "C", offer=amount_off(500), quantity=1)
    await enter_customer(tx, "anna")
    done = await redeem_now(tx, asking("A", "C", customer="anna", order=cart(6_000, 4_001)))
    again = [await rerun_attempt(tx, one.id) for one in done.redemptions]
    assert [(one.same, one.kept) for one in again] == [(True, False), (True, False)]
    await update_campaign(tx, campaign.id, CampaignChange(offer=percent_off(2_000)), now=NOW)
    changed = await rerun_attempt(tx, again[0].attempt.id)
    assert (changed.same, changed.discount_minor) == (False, 2_000)
    assert set(changed.differences) == {"discount", "allocation"}


async def test_decided_again_fractions_round_as_they_did_then(
    database: Database, project: Project, gatherer: AttemptGatherer
) -> None:
    async with database.transaction(project.project_id) as tx:
        await add_code(tx, "A", offer=percent_off(1_500), quantity=2)
        await update_stacking_rules(tx, StackingChange(rounding=Rounding.HALF_UP), now=NOW)
    request = asking("A", order=cart(30, 0))
    await try_out(database, project, gatherer, request)
    async with database.transaction(project.project_id) as tx:
        done = await redeem_now(tx, request)
        await update_stacking_rules(tx, StackingChange(rounding=Rounding.DOWN), now=NOW)
        for attempt in await list_all(tx):
            again = await rerun_attempt(tx, attempt.id)
            assert (again.same, again.discount_minor) == (True, 5)
        assert [one.discount_minor for one in done.redemptions] == [5]
        later = await redeem_now(tx, request)
        assert [one.discount_minor for one in later.redemptions] == [4]


async def test_a_refused_redemption_of_a_new_order_cannot_be_decided_again(tx: Tx) -> None:
    await add_code(tx, "B", offer=DEAR)
    await redeem(tx, asking("B"), now=NOW)
    (attempt,) = await list_all(tx)
    with pytest.raises(InputsGone):
        await rerun_attempt(tx, attempt.id)


async def test_old_attempts_and_their_offers_are_forgotten(
    database: Database, project: Project, gatherer: AttemptGatherer
) -> None:
    async with database.transaction(project.project_id) as tx:
        await add_code(tx, "A", offer=amount_off(100), quantity=None)
        await add_code(tx, "B", offer=DEAR)
    await try_out(database, project, gatherer, asking("A"), now=NOW)
    await try_out(database, project, gatherer, asking("B"), now=NOW + 20 * DAY)
    async with database.transaction(project.project_id) as tx:
        old, recent = await list_all(tx)
        for days, forgotten in ((32, 0), (30, 1), (30, 0)):
            assert await forget_attempts(tx, days=days, now=NOW + 32 * DAY) == forgotten
        assert [one.id for one in await list_all(tx)] == [recent.id]
        assert (await rerun_attempt(tx, recent.id)).same
        counted = await tx.execute("select count(*) from decided_offer")
        assert await counted.fetchone() == (1,)
        with pytest.raises(NotFound):
            await get_kept_attempt(tx, old.id)


async def test_an_offer_in_use_every_day_is_not_forgotten(
    database: Database, project: Project, gatherer: AttemptGatherer
) -> None:
    async with database.transaction(project.project_id) as tx:
        await add_code(tx, "A", offer=amount_off(100), quantity=None)
    for days in (0, 40):
        await try_out(database, project, gatherer, asking("A"), now=NOW + days * DAY)
    async with database.transaction(project.project_id) as tx:
        await forget_attempts(tx, days=30, now=NOW + 41 * DAY)
        (recent,) = await list_all(tx)
        assert (await rerun_attempt(tx, recent.id)).same


async def test_what_does_not_fit_is_counted(database: Database, project: Project) -> None:
    async with database.transaction(project.project_id) as tx:
        await add_code(tx, "A", offer=amount_off(100), quantity=None)
        validation = await validate(tx, asking("A"), now=NOW)
    tried = tried_validation(asking("A"), validation, at=NOW)
    small = AttemptGatherer(database, most_waiting=2)
    for _ in range(5):
        small.keep(project.project_id, tried)
    assert small.dropped == 3
    await small.close()
    switched_off = AttemptGatherer(database, most_waiting=0)
    switched_off.keep(project.project_id, tried)
    await switched_off.close()
    assert switched_off.dropped == 0
    async with database.transaction(project.project_id) as tx:
        assert len(await list_all(tx)) == 2


async def test_what_the_database_refuses_is_counted(database: Database, project: Project) -> None:
    gatherer = AttemptGatherer(database)
    async with database.transaction(project.project_id) as tx:
        await add_code(tx, "A", offer=amount_off(100), quantity=None)
        validation = await validate(tx, asking("A", channel="till"), now=NOW)
    request = asking("A", channel="a NUL \x00 cannot be stored")
    gatherer.keep(project.project_id, tried_validation(request, validation, at=NOW))
    gatherer.keep(project.project_id, tried_validation(asking("A"), validation, at=NOW))
    await gatherer.close()
    assert gatherer.dropped == 2


async def test_projects_do_not_see_each_others(
    database: Database, project: Project, gatherer: AttemptGatherer
) -> None:
    async with database.transaction(project.project_id) as tx:
        await add_code(tx, "A", offer=amount_off(100))
    await try_out(database, project, gatherer, asking("A"))
    async with database.transaction(project.project_id) as tx:
        (own,) = await list_all(tx)
    async with database.transaction(project.project_id + 1) as tx:
        assert await list_all(tx) == []
        with pytest.raises(NotFound):
            await get_kept_attempt(tx, own.id)
