"""Requests that are redeemed in one batch: each as if those before it had gone before it alone."""

import random
import sys
from collections.abc import Sequence
from typing import Any

import pytest
from psycopg import errors as postgres

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
    read_balance,
)
from kaquan.campaigns import CampaignChange, update_campaign, voucher_usage
from kaquan.checkout import (
    Asked,
    CheckoutRequest,
    Redeemed,
    Refused,
    redeem_together,
)
from kaquan.checkout.record import Deed, record_deeds
from kaquan.customers import CustomerDraft, find_customer
from kaquan.ledger import Account, AccountKey, AccountKind, check_ledger, count_ledger
from kaquan.runtime import (
    Apart,
    Database,
    InvalidInput,
    KaquanError,
    NotFound,
    Project,
    Tx,
    create_project,
)

Outcome = Redeemed | Refused | KaquanError


async def together(tx: Tx, *requests: CheckoutRequest) -> list[Outcome]:
    """Redeem in one batch; the ledger must be whole afterwards."""
    outcomes = await redeem_together(tx, [Asked(request=one, now=NOW) for one in requests])
    assert await check_ledger(tx) == []
    return outcomes


def tell(outcome: Outcome) -> str:
    """An outcome in a word: what came off, or why not."""
    match outcome:
        case Redeemed():
            return str(outcome.validation.decision.total_discount_minor)
        case Refused():
            return outcome.reason.code.value
        case _:
            return type(outcome).__name__


async def test_one_after_the_other_until_the_uses_are_up(tx: Tx) -> None:
    voucher = await add_code(tx, "HOT", offer=amount_off(100), quantity=3)
    outcomes = await together(tx, *(asking("HOT") for _ in range(5)))
    assert list(map(tell, outcomes)) == ["100"] * 3 + ["uses_exhausted"] * 2
    assert await read_balance(tx, voucher.id, AccountKind.USES) == 0


async def test_a_budget_is_spent_in_the_order_of_coming(tx: Tx) -> None:
    campaign = await open_campaign(tx, percent_off(1000), budget_minor=2_500)
    for code in "ABCD":
        await add_code(tx, code, campaign_id=campaign.id)
    amounts = {"A": 10_000, "B": 12_000, "C": 10_000, "D": 3_000}
    outcomes = await together(
        tx, *(asking(code, order=cart(amount)) for code, amount in amounts.items())
    )
    assert list(map(tell, outcomes)) == ["1000", "1200", "budget_exhausted", "300"]
    assert await read_balance(tx, campaign.id, AccountKind.BUDGET) == 0


@pytest.mark.parametrize("quantity", [9, None])
async def test_each_answer_counts_up_to_itself(tx: Tx, quantity: int | None) -> None:
    voucher = await add_code(tx, "HOT", offer=amount_off(100), quantity=quantity)
    await together(tx, asking("HOT"))
    outcomes = await together(tx, *(asking("HOT") for _ in range(3)))
    used = [one.usages[voucher.id].used for one in outcomes if isinstance(one, Redeemed)]
    assert used == [2, 3, 4]
    assert (await voucher_usage(tx, [voucher]))[voucher.id].used == 4


async def test_a_person_is_in_a_batch_once_whatever_they_are_called(tx: Tx) -> None:
    campaign = await open_campaign(tx, amount_off(100), per_customer_cap=1)
    for code in "ABCD":
        await add_code(tx, code, campaign_id=campaign.id)
    anna = await enter_customer(tx, "anna")
    outcomes = await together(
        tx,
        asking("A", customer=anna.id),
        asking("B", customer="anna"),
        asking("C", customer=CustomerDraft(source_id="anna", name="Anna")),
        asking("D", customer=CustomerDraft(source_id="bo")),
    )
    assert list(map(tell, outcomes)) == ["100", "Apart", "Apart", "100"]
    assert isinstance(outcomes[1], Apart)
    found = await find_customer(tx, "anna")
    assert found is not None
    assert found.name is None, "what a request that was put off says is not stored"


async def test_two_who_enter_the_same_person(tx: Tx) -> None:
    for code in "AB":
        await add_code(tx, code, offer=amount_off(100))
    new = CustomerDraft(source_id="new")
    outcomes = await together(tx, asking("A", customer=new), asking("B", customer=new))
    assert list(map(tell, outcomes)) == ["100", "Apart"]


async def test_an_order_is_in_a_batch_once(tx: Tx) -> None:
    for code in "ABC":
        await add_code(tx, code, offer=amount_off(100))
    outcomes = await together(
        tx,
        asking("A", order=cart(1_000, source_id="o-1")),
        asking("B", order=cart(1_000, source_id="o-1")),
        asking("C", order=cart(1_000, source_id="o-2")),
    )
    assert list(map(tell, outcomes)) == ["100", "Apart", "100"]


async def test_what_counts_other_people_is_decided_alone(tx: Tx) -> None:
    rule = on_condition(amount_off(100), code="redemption_count", of="campaign", at_most=1)
    campaign = await open_campaign(tx, rule)
    for code in "AB":
        await add_code(tx, code, campaign_id=campaign.id)
    assert list(map(tell, await together(tx, asking("A"), asking("B")))) == ["Apart", "Apart"]
    assert list(map(tell, await together(tx, asking("A")))) == ["100"]


async def test_mistakes_are_values_and_change_nothing(tx: Tx) -> None:
    for code in "ABC":
        await add_code(tx, code, offer=amount_off(100))
    before = await count_ledger(tx)
    outcomes = await together(
        tx,
        asking("A", order="no such order", customer=CustomerDraft(source_id="x")),
        asking("B", location_id="nowhere", customer=CustomerDraft(source_id="y")),
        asking(),
        asking("nobody knows this"),
    )
    assert [type(one) for one in outcomes] == [NotFound, NotFound, InvalidInput, Refused]
    assert await count_ledger(tx) == before
    assert [await find_customer(tx, name) for name in "xy"] == [None, None]
    outcomes = await together(tx, asking("A", order="no such order"), asking("C"))
    assert list(map(tell, outcomes)) == ["NotFound", "100"]


async def test_a_definition_changed_meanwhile_is_never_used(
    database: Database, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with database.transaction(project.project_id) as tx:
        campaign = await open_campaign(tx, amount_off(100))
        await add_code(tx, "A", campaign_id=campaign.id)

    async def record_later(tx: Tx, deeds: Sequence[Deed], **more: Any) -> dict[AccountKey, Account]:
        async with database.transaction(project.project_id) as other:
            await update_campaign(other, campaign.id, CampaignChange(active=False), now=NOW)
        return await record_deeds(tx, deeds, **more)

    monkeypatch.setattr(sys.modules[redeem_together.__module__], "record_deeds", record_later)
    with pytest.raises(postgres.SerializationFailure):
        async with database.transaction(project.project_id) as tx:
            await together(tx, asking("A"))
    monkeypatch.undo()
    async with database.transaction(project.project_id) as tx:
        assert list(map(tell, await together(tx, asking("A")))) == ["inactive"]


async def _open_shop(tx: Tx) -> None:
    """Budgets, caps, stocks and rules that a few dozen requests run into."""
    tight = await open_campaign(
        tx, amount_off(300), name="tight", budget_minor=2_000, per_customer_cap=2
    )
    shared = await open_campaign(tx, percent_off(1000), name="shared", budget_minor=5_000)
    rule = on_condition(amount_off(50), code="per_customer_count", at_most=2)
    polite = await open_campaign(tx, rule, name="polite")
    await add_code(tx, "TIGHT", campaign_id=tight.id, quantity=9)
    await add_code(tx, "SHARED", campaign_id=shared.id, quantity=None)
    await add_code(tx, "POLITE", campaign_id=polite.id, quantity=30)
    await add_code(tx, "FEW", offer=amount_off(70), quantity=4)
    minimum = on_condition(amount_off(500), code="minimum_spend", amount_minor=5_000)
    await add_code(tx, "RICH", offer=minimum, quantity=5)
    await add_code(tx, "OFF", offer=amount_off(1), active=False)


def _draw_requests(chance: random.Random, count: int) -> list[CheckoutRequest]:
    codes = ["TIGHT", "SHARED", "POLITE", "FEW", "RICH"]
    faults = ["OFF", "UNKNOWN"]
    return [
        asking(
            *chance.sample(codes, chance.choice([1, 1, 2, 3])),
            *(faults if chance.random() < 0.1 else ()),
            order=cart(*(chance.randint(1, 6_000) for _ in range(chance.randint(1, 3)))),
            # Everybody comes once: two requests of one person are not decided together.
            customer=None if chance.random() < 0.1 else CustomerDraft(source_id=f"c-{number}"),
        )
        for number in range(count)
    ]


async def _read_state(tx: Tx) -> list[tuple[Any, ...]]:
    cursor = await tx.execute(
        "select coalesce(v.code, c.name, split_part(a.owner, '/', 1)) as owner, a.kind, a.balance"
        "  from account a left join voucher v on v.id = a.owner"
        "       left join campaign c on c.id = split_part(a.owner, '/', 1)"
        " where a.kind <> 'customer_uses'"
        " union all"
        " select coalesce(v.code, '-'), r.result || ' ' || coalesce(r.failure_code, ''), count(*)"
        "   from redemption r left join voucher v on v.id = r.voucher_id group by 1, 2"
        " union all select 'orders', status, sum(total_minor)::bigint from orders group by 2"
        " union all select 'summaries', '', sum(spend_minor)::bigint from customer_summary"
        " order by 1, 2"
    )
    return await cursor.fetchall()


@pytest.mark.parametrize("seed", range(4))
async def test_a_batch_comes_to_what_one_by_one_comes_to(database: Database, seed: int) -> None:
    requests = _draw_requests(random.Random(seed), 40)
    states: list[list[tuple[Any, ...]]] = []
    told: list[list[str]] = []
    for size in (1, 40, 7):
        async with database.transaction() as tx:
            project = await create_project(
                tx, f"{size}", currency="CNY", time_zone="UTC", language="en", now=NOW
            )
        async with database.transaction(project.project_id) as tx:
            await _open_shop(tx)
        outcomes: list[str] = []
        for start in range(0, len(requests), size):
            async with database.transaction(project.project_id) as tx:
                outcomes += map(tell, await together(tx, *requests[start : start + size]))
        told.append(outcomes)
        async with database.transaction(project.project_id) as tx:
            states.append(await _read_state(tx))
    assert told[0] == told[1] == told[2]
    assert states[0] == states[1] == states[2]
    assert {"uses_exhausted", "budget_exhausted"} & set(told[0]), "limits were met"
