"""What a customer could use: every code and campaign within reach, each decided by itself.

As the dialect does, limits per customer and per campaign and rules about the amount before
discounts are not looked at: whether something can be redeemed is for a validation to say.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

import msgspec
from msgspec import structs

from kaquan.campaigns import Campaign, Voucher
from kaquan.checkout.decision import decide_inputs, gather_inputs
from kaquan.checkout.model import CheckoutRequest, Coupon, Inputs, Redeemable, Validation
from kaquan.checkout.orders import check_open
from kaquan.checkout.scenarios import (
    Scenario,
    concerns_goods,
    is_about_goods,
    leave_out,
    tolerates_no_effect,
)
from kaquan.checkout.snapshot import Snapshot, take_snapshot
from kaquan.checkout.store.candidates import Offered, list_campaigns_by_id, list_offered
from kaquan.checkout.tried import AttemptKind, Tried, TriedCode, list_reasons, name_people
from kaquan.checkout.validate import conclude
from kaquan.customers import Customer, Order
from kaquan.engine import (
    Application,
    Applied,
    Candidate,
    CandidateResult,
    Offer,
    ReasonCode,
    ReasonFamily,
    StackingRules,
)
from kaquan.runtime import InvalidInput, Project, Tx, check_metadata, check_name

MOST_RETURNED = 50
MOST_LOOKED_AT = 1_000
MOST_KEPT = 100
"""Of one qualification so many attempts are kept, those that were looked at first."""

_PORTION = 200
_LATER = timedelta(days=1)


class QualificationSorting(StrEnum):
    """What comes first: the newest, the largest discount, or the smallest."""

    DEFAULT = "DEFAULT"
    BEST_DEAL = "BEST_DEAL"
    LEAST_DEAL = "LEAST_DEAL"


class Place(msgspec.Struct, frozen=True):
    """A place in what is listed by time: after ``seen`` of those created at ``at``, or before it."""

    at: datetime
    seen: int = 0


class QualificationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What could be used on ``about``'s order by its customer; its redeemables are left empty.

    ``matches`` filters what is looked at. ``after`` is where the last page ended; with a sorting
    by deals the first 1,000 after it are compared.
    """

    about: CheckoutRequest
    scenario: Scenario = Scenario.ALL
    sorting: QualificationSorting = QualificationSorting.DEFAULT
    limit: int = 5
    after: Place | None = None
    matches: Callable[["Option"], bool] | None = None


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """Something that might be used; a campaign stands for a voucher that it could give."""

    object: Literal["voucher", "campaign"]
    key: str
    created_at: datetime
    coupon: Coupon
    offer: Offer


class Qualified(msgspec.Struct, frozen=True, kw_only=True):
    """Something that can be used; ``validation`` is of it alone, on the order as it is.

    Where the scenario lists offers that give nothing yet, its decision may be a refusal.
    """

    option: Option
    validation: Validation

    @property
    def discount_minor(self) -> int:
        """What it takes off the order, in minor units."""
        result = self.validation.attempts[0].result
        return result.total_discount_minor if isinstance(result, Applied) else 0

    @property
    def balance_taken(self) -> int:
        """What it takes of a card's balance, in the balance's units."""
        result = self.validation.attempts[0].result
        return result.balance_taken if isinstance(result, Applied) else 0


class Qualification(msgspec.Struct, frozen=True, kw_only=True):
    """What qualifies, the next place if there may be more, and what is kept of the attempt."""

    found: tuple[Qualified, ...]
    more: bool
    next_place: Place | None
    customer: Customer | None
    order: Order | None
    project: Project
    rules: StackingRules
    tried: Tried


class _Looked(msgspec.Struct, frozen=True):
    """One option as it was decided, and the place right after it."""

    option: Option
    validation: Validation
    qualifies: bool
    place: Place


async def qualify(
    tx: Tx,
    request: QualificationRequest,
    *,
    now: datetime,
    rules: StackingRules | None = None,
) -> Qualification:
    """Find what the customer could use, each by itself; nothing is written.

    At most 1,000 options are looked at in one go, the newest first; ``more`` then says so. Raises
    InvalidInput, and NotFound for a customer, order or location that is named and does not exist.
    """
    _check(request)
    snapshot = await _take(tx, request, [], besides={}, now=now)
    customer, rules = snapshot.customer, rules or snapshot.rules
    looked: list[_Looked] = []
    exhausted = request.scenario is Scenario.PROMOTION_STACKS
    place = request.after or Place(now + _LATER)
    seen = 0
    while not (exhausted or seen >= MOST_LOOKED_AT or _has_enough(request, looked)):
        portion = await _list_portion(tx, request, customer, place=place, now=now)
        exhausted = len(portion) < _PORTION
        seen += len(portion)
        offered = list(_mark_places(portion, place))
        if offered:
            looked += await _look_at(tx, request, offered, customer=customer, now=now, rules=rules)
            place = offered[-1][1]
    return _conclude(request, snapshot, looked, exhausted=exhausted, reached=place, rules=rules)


def _mark_places(portion: Sequence[Offered], start: Place) -> Iterator[tuple[Offered, Place]]:
    """Pair each with the place right after it."""
    place = start
    for one in portion:
        same = one.created_at == place.at
        place = Place(one.created_at, place.seen + 1 if same else 1)
        yield one, place


def sketch_voucher(campaign: Campaign, customer: Customer | None, *, now: datetime) -> Voucher:
    """A voucher as the campaign would give it now, its code being the campaign's id."""
    return Voucher(
        id=f"{campaign.id}/next",
        code=campaign.id,
        campaign_id=campaign.id,
        campaign_name=campaign.name,
        holder_id=None if customer is None else customer.id,
        offer=None,
        quantity=None,
        active=True,
        starts_at=None,
        expires_at=None,
        published_at=now,
        category=campaign.voucher_template.category,
        additional_info=campaign.voucher_template.additional_info,
        metadata=campaign.voucher_template.metadata,
        created_at=campaign.created_at,
        updated_at=None,
    )


def _check(request: QualificationRequest) -> None:
    if not 1 <= request.limit <= MOST_RETURNED:
        message = f"From 1 to {MOST_RETURNED} redeemables can be asked for at once."
        raise InvalidInput(message, field="options.limit")
    check_name(request.about.channel, "channel")
    check_name(request.about.tracking_id, "tracking_id")
    check_metadata(request.about.metadata, "metadata")


def _has_enough(request: QualificationRequest, looked: Sequence[_Looked]) -> bool:
    if request.sorting is not QualificationSorting.DEFAULT:
        return False
    return sum(one.qualifies for one in looked) > request.limit


async def _take(
    tx: Tx,
    request: QualificationRequest,
    keys: Sequence[str],
    *,
    besides: Mapping[str, Coupon],
    now: datetime,
) -> Snapshot:
    about = structs.replace(request.about, redeemables=tuple(Redeemable(id=key) for key in keys))
    snapshot = await take_snapshot(tx, about, now=now, locking=False, besides=besides)
    check_open(snapshot)
    return snapshot


async def _list_portion(
    tx: Tx, request: QualificationRequest, customer: Customer | None, *, place: Place, now: datetime
) -> list[Offered]:
    until = place.at if place.seen else place.at - timedelta(microseconds=1)
    offered = await list_offered(
        tx,
        customer_id=None if customer is None else customer.id,
        wallet_only=request.scenario is Scenario.CUSTOMER_WALLET,
        until=until,
        reach=_PORTION + place.seen,
        now=now,
    )
    return offered[place.seen :]


async def _look_at(
    tx: Tx,
    request: QualificationRequest,
    offered: Sequence[tuple[Offered, Place]],
    *,
    customer: Customer | None,
    now: datetime,
    rules: StackingRules,
) -> list[_Looked]:
    """Decide each of a portion that passes the filter."""
    campaign_ids = [one.id for one, _ in offered if one.object == "campaign"]
    besides = {
        campaign.id: Coupon(sketch_voucher(campaign, customer, now=now), campaign)
        for campaign in await list_campaigns_by_id(tx, campaign_ids)
    }
    keys = [one.key for one, _ in offered]
    snapshot = await _take(tx, request, keys, besides=besides, now=now)
    inputs = gather_inputs(snapshot, structs.replace(rules, application=Application.PARTIAL))
    candidates = {candidate.key: candidate for candidate in inputs.candidates}
    looked: list[_Looked] = []
    for one, place in offered:
        if one.key not in candidates:
            continue
        coupon = snapshot.coupons[one.key]
        option = Option(
            object=one.object,
            key=one.key,
            created_at=one.created_at,
            coupon=coupon,
            offer=candidates[one.key].offer,
        )
        if request.matches is None or request.matches(option):
            own = structs.replace(
                inputs,
                sent=(one.key,),
                candidates=(
                    _relax(candidates[one.key], option, snapshot, scenario=request.scenario),
                ),
                rules=rules if snapshot.order is not None else inputs.rules,
            )
            validation, qualifies = _decide_alone(option, snapshot, own, scenario=request.scenario)
            looked.append(_Looked(option, validation, qualifies, place))
    return looked


def _relax(
    candidate: Candidate, option: Option, snapshot: Snapshot, *, scenario: Scenario
) -> Candidate:
    """The candidate without the limits and rules that a qualification does not look at."""
    relaxed = structs.replace(
        candidate,
        offer=structs.replace(
            candidate.offer, condition=leave_out(candidate.offer.condition, scenario)
        ),
        campaign_uses_left=None,
        customer_uses_left=None,
        budget_left_minor=None,
    )
    if option.object != "campaign" or option.coupon.campaign is None:
        return relaxed
    return structs.replace(
        relaxed,
        holder_id=snapshot.customer_facts.id,
        claimed_at=snapshot.now,
        balance=option.coupon.campaign.voucher_template.balance,
    )


def _decide_alone(
    option: Option, snapshot: Snapshot, inputs: Inputs, *, scenario: Scenario
) -> tuple[Validation, bool]:
    """Decide one option, and say whether it qualifies."""
    asked = structs.replace(snapshot.request, redeemables=(Redeemable(id=option.key),))
    alone = structs.replace(snapshot, request=asked)
    validation = conclude(alone, inputs, decide_inputs(inputs), rules=inputs.rules)
    qualifies = _passes(validation.attempts[0].result, scenario)
    if is_about_goods(scenario):
        qualifies = qualifies and concerns_goods(option.offer, inputs.cart, scenario)
    return validation, qualifies


def _passes(result: CandidateResult, scenario: Scenario) -> bool:
    if isinstance(result, Applied):
        return True
    if not tolerates_no_effect(scenario):
        return False
    codes = {reason.code for reason in list_reasons(result)}
    return all(c is ReasonCode.NO_EFFECT or c.family is ReasonFamily.EFFECT for c in codes)


def _conclude(
    request: QualificationRequest,
    snapshot: Snapshot,
    looked: Sequence[_Looked],
    *,
    exhausted: bool,
    reached: Place,
    rules: StackingRules,
) -> Qualification:
    found = [one for one in looked if one.qualifies]
    by_deal = request.sorting is not QualificationSorting.DEFAULT
    if by_deal:
        # Sorting is stable: of equal deals the newer stays first.
        best_first = request.sorting is QualificationSorting.BEST_DEAL
        found.sort(key=lambda one: _discount(one) * (-1 if best_first else 1))
    page = found[: request.limit]
    full = len(found) > request.limit
    next_place = reached
    if full:
        next_place = page[-1].place
    more = full or not exhausted
    return Qualification(
        found=tuple(Qualified(option=one.option, validation=one.validation) for one in page),
        more=more,
        next_place=next_place if more and not by_deal else None,
        customer=snapshot.customer,
        order=snapshot.order,
        project=snapshot.project,
        rules=rules,
        tried=_tried(request, snapshot, looked[:MOST_KEPT]),
    )


def _discount(one: _Looked) -> int:
    result = one.validation.attempts[0].result
    return result.total_discount_minor if isinstance(result, Applied) else 0


def _tried(request: QualificationRequest, snapshot: Snapshot, looked: Sequence[_Looked]) -> Tried:
    inputs = gather_inputs(snapshot, snapshot.rules)
    if looked:
        inputs = structs.replace(
            looked[0].validation.inputs,
            sent=tuple(one.option.key for one in looked),
            candidates=tuple(one.validation.inputs.candidates[0] for one in looked),
        )
    return Tried(
        kind=AttemptKind.QUALIFICATION,
        at=snapshot.now,
        channel=request.about.channel,
        inputs=inputs,
        codes=tuple(
            TriedCode(
                object=one.option.object,
                code=one.option.key,
                coupon=one.option.coupon,
                result=one.validation.attempts[0].result,
                trace=one.validation.decision.trace,
            )
            for one in looked
        ),
        alone=True,
        **name_people(request.about, snapshot.customer, snapshot.order),
    )
