"""Limits per person of guests: by phone, e-mail address or card, and by none of them in the clear."""

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
    redeem_now,
    refuse_now,
)
from kaquan.campaigns import CampaignChange, update_campaign
from kaquan.checkout import (
    AttemptFilter,
    CheckoutRequest,
    Redeemed,
    Session,
    list_kept_attempts,
    redeem,
    redeem_together,
    rerun_attempt,
    roll_back,
    validate,
)
from kaquan.checkout.snapshot import Asked
from kaquan.customers import CustomerDraft, create_order, erase_customer
from kaquan.engine import Rejected
from kaquan.ledger import AccountKind
from kaquan.runtime import Apart, Tx

EMAIL = {"guest_email": "Bo@Example.com"}
PHONE = {"guest_phone": "138 0013 8000"}
CARD = {"card_fingerprint": "fp_91"}
EXHAUSTED, UNKNOWN = ["customer_uses_exhausted"], ["customer_required"]


class Case(NamedTuple):
    """A guest who redeemed once, and one who comes after; ``refused`` says why, if so."""

    name: str
    first: dict[str, Any]
    then: dict[str, Any]
    refused: list[str]


def noting(**metadata: str) -> dict[str, Any]:
    return {"metadata": metadata}


def ordering(**metadata: str) -> dict[str, Any]:
    return {"order": cart(10_000, metadata=metadata)}


def telling(**fields: Any) -> dict[str, Any]:
    return {"customer": CustomerDraft(**fields)}


CASES = [
    Case("the same address", noting(**EMAIL), noting(**EMAIL), EXHAUSTED),
    Case("in other letters", noting(**EMAIL), noting(guest_email=" bo@example.com"), EXHAUSTED),
    Case("another address", noting(**EMAIL), noting(guest_email="al@example.com"), []),
    Case("the same phone", noting(**PHONE), noting(guest_phone="+8613800138000"), EXHAUSTED),
    Case("the same card", noting(**CARD), noting(card_fingerprint="fp_91 "), EXHAUSTED),
    Case("another card", noting(**CARD), noting(card_fingerprint="FP_91"), []),
    Case("noted of the order", noting(**EMAIL), ordering(**EMAIL), EXHAUSTED),
    Case("told as a customer", noting(**EMAIL), telling(email="bo@example.com"), EXHAUSTED),
    Case("a customer without id", telling(phone="13800138000"), noting(**PHONE), EXHAUSTED),
    Case("one of two is known", noting(**EMAIL), noting(**(CARD | EMAIL)), EXHAUSTED),
    Case("both were told", noting(**(CARD | EMAIL)), noting(**CARD), EXHAUSTED),
    Case("what is one is not the other", noting(guest_email="x"), noting(guest_phone="x"), []),
    Case("nothing is told", noting(**EMAIL), {}, UNKNOWN),
    Case("nothing that can be read", noting(**EMAIL), noting(guest_email=" "), UNKNOWN),
    Case("a customer with an id", noting(**EMAIL), {"customer": "anna", **noting(**EMAIL)}, []),
]


async def open_shop(tx: Tx, **limit: Any) -> str:
    """A campaign that one person may use once, with three codes; returns its id."""
    rule = on_condition(amount_off(100), **limit) if limit else amount_off(100)
    campaign = await open_campaign(tx, rule, per_customer_cap=None if limit else 1)
    for code in ("A", "B", "C"):
        await add_code(tx, code, campaign_id=campaign.id, quantity=2)
    await enter_customer(tx, "anna")
    return campaign.id


async def why_not(tx: Tx, request: CheckoutRequest) -> list[str]:
    (attempt,) = (await validate(tx, request, now=NOW)).attempts
    result = attempt.result
    return [one.code.value for one in result.reasons] if isinstance(result, Rejected) else []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_cap_counts_what_is_known(tx: Tx, case: Case) -> None:
    await open_shop(tx)
    await redeem_now(tx, asking("A", **case.first))
    request = asking("B", **case.then)
    assert await why_not(tx, request) == case.refused
    if case.refused:
        await refuse_now(tx, request)
    else:
        await redeem_now(tx, request)


@pytest.mark.parametrize(
    ("rule", "refused"),
    [
        ({"code": "per_customer_count", "at_most": 1}, "customer_count_reached"),
        ({"code": "redemption_count", "of": "customer", "at_most": 1}, "redemption_count_reached"),
        (
            {"code": "redemption_count", "of": "customer", "period": "day", "at_most": 1},
            "redemption_count_reached",
        ),
    ],
    ids=["per customer", "ever", "a day"],
)
async def test_rules_about_counts_too(tx: Tx, rule: dict[str, Any], refused: str) -> None:
    await open_shop(tx, **rule)
    await add_code(tx, "ALONE", offer=on_condition(amount_off(100), **rule), quantity=2)
    for code, again in (("A", "B"), ("ALONE", "ALONE")):
        both = asking(code, metadata=EMAIL | CARD)
        assert await why_not(tx, asking(code)) == UNKNOWN
        await redeem_now(tx, both)
        for one in (EMAIL, CARD, EMAIL | {"card_fingerprint": "other"}):
            assert await why_not(tx, asking(again, metadata=one)) == [refused]
        assert await why_not(tx, asking(again, metadata=PHONE)) == []


async def test_a_rollback_a_raised_cap_and_a_hold(tx: Tx) -> None:
    campaign_id = await open_shop(tx)
    first = asking("A", metadata=EMAIL)
    done = await redeem_now(tx, first)
    again = asking("B", metadata=EMAIL | CARD)
    assert await why_not(tx, again) == EXHAUSTED
    await roll_back(tx, done.redemptions[0].id, now=NOW)
    held = asking("B", metadata=EMAIL, session=Session(key="till-1"))
    assert (await validate(tx, held, now=NOW)).valid
    assert await why_not(tx, again) == EXHAUSTED
    await redeem_now(tx, held)
    assert await why_not(tx, again) == EXHAUSTED
    await update_campaign(tx, campaign_id, CampaignChange(per_customer_cap=2), now=NOW)
    await redeem_now(tx, again)
    assert await why_not(tx, asking("C", metadata=CARD)) == []
    assert await why_not(tx, asking("C", metadata=EMAIL)) == EXHAUSTED


async def test_a_cap_that_was_set_later_counts_what_was_before(tx: Tx) -> None:
    campaign_id = await open_shop(tx, code="minimum_spend", amount_minor=1)
    await redeem_now(tx, asking("A", metadata=PHONE))
    await update_campaign(tx, campaign_id, CampaignChange(per_customer_cap=1), now=NOW)
    assert await why_not(tx, asking("B", metadata=PHONE)) == EXHAUSTED


async def test_nothing_is_kept_in_the_clear_and_an_erased_person_leaves_nothing(tx: Tx) -> None:
    await open_shop(tx)
    done = await redeem_now(tx, asking("A", customer=CustomerDraft(email="bo@example.com")))
    assert done.customer is not None
    names = await read_guests(tx)
    cursor = await tx.execute(
        "select owner from account where kind = %s", (AccountKind.CUSTOMER_USES,)
    )
    owners = [owner for (owner,) in await cursor.fetchall()]
    assert [owner.partition("/")[2] for owner in owners] == names
    assert not any("bo@" in text or "example" in text for text in owners)
    await erase_customer(tx, done.customer.id, now=NOW)
    assert await read_guests(tx) == []


async def test_of_a_batch_one_guest_is_decided_alone(tx: Tx) -> None:
    await open_shop(tx)
    asked = [
        Asked(request=asking("A", metadata=EMAIL), now=NOW),
        Asked(request=asking("B", metadata=EMAIL | CARD), now=NOW),
        Asked(request=asking("C", metadata=PHONE), now=NOW),
    ]
    kinds = [type(outcome) for outcome in await redeem_together(tx, asked)]
    assert kinds == [Redeemed, Apart, Redeemed]


async def test_a_guests_redemption_decided_again_is_the_same(tx: Tx) -> None:
    await open_shop(tx)
    order = await create_order(tx, cart(10_000), now=NOW)
    request = asking("A", order=order.id, metadata=EMAIL)
    assert isinstance(await redeem(tx, request, now=NOW), Redeemed)
    (attempt,) = (await list_kept_attempts(tx, AttemptFilter())).page.items
    again = await rerun_attempt(tx, attempt.id)
    assert (again.same, again.differences) == (True, ())


async def read_guests(tx: Tx) -> list[str]:
    cursor = await tx.execute("select guest from guest_redemption order by guest")
    return [guest for (guest,) in await cursor.fetchall()]
