"""What a customer could use: every code and campaign within reach, each decided by itself.

As the dialect does, limits per customer and per campaign and rules about the amount before
discounts are not looked at: whether something can be redeemed is for a validation to say.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
from msgspec import structs

from kaquan.campaigns import Campaign, Voucher
from kaquan.checkout.decision import decide_inputs, gather_inputs
from kaquan.checkout.model import Coupon, Inputs, Redeemable, Validation
from kaquan.checkout.orders import check_open
from kaquan.checkout.qualification_model import (
    Option,
    Place,
    Qualification,
    QualificationRequest,
    QualificationSorting,
    Qualified,
    total_discount,
)
from kaquan.checkout.scenarios import (
    Scenario,
    concerns_goods,
    is_about_goods,
    leave_out,
    tolerates_no_effect,
)
from kaquan.checkout.snapshot import Snapshot, take_snapshot
from kaquan.checkout.store.candidates import (
    ALL_BUT_STACKS,
    Offered,
    Source,
    list_campaigns_by_id,
    list_offered,
)
from kaquan.checkout.tried import AttemptKind, Tried, TriedCode, list_reasons, name_people
from kaquan.checkout.validate import conclude
from kaquan.customers import Customer
from kaquan.engine import (
    Application,
    Applied,
    Candidate,
    CandidateResult,
    ReasonCode,
    ReasonFamily,
    StackingRules,
)
from kaquan.runtime import InvalidInput, Tx, check_metadata, check_name

MOST_RETURNED = 50
MOST_LOOKED_AT = 1_000
MOST_KEPT = 100
"""Of one qualification so many attempts are kept, those that were looked at first."""

_SOURCES = {
    Scenario.ALL: ALL_BUT_STACKS | {Source.STACKS},
    Scenario.CUSTOMER_WALLET: {Source.WALLET},
    Scenario.PROMOTION_STACKS: {Source.STACKS},
}
_PORTION = 200
_LATER = timedelta(days=1)


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
    exhausted = False
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
    redeemables: Sequence[Redeemable],
    *,
    besides: Mapping[str, Coupon],
    now: datetime,
) -> Snapshot:
    about = structs.replace(request.about, redeemables=tuple(redeemables))
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
        sources=_SOURCES.get(request.scenario, ALL_BUT_STACKS),
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
    asked = {part.id: part for one, _ in offered for part in _list_parts(one)}
    snapshot = await _take(tx, request, tuple(asked.values()), besides=besides, now=now)
    inputs = gather_inputs(snapshot, structs.replace(rules, application=Application.PARTIAL))
    candidates = {candidate.key: candidate for candidate in inputs.candidates}
    looked: list[_Looked] = []
    for one, place in offered:
        keys = [part.id for part in _list_parts(one)]
        if not candidates.keys() >= set(keys):
            continue
        option = Option(
            object=one.object,
            key=one.key,
            created_at=one.created_at,
            parts=tuple((snapshot.coupons[key], candidates[key].offer) for key in keys),
            name=one.name,
            banner=one.banner,
        )
        if request.matches is None or request.matches(option):
            own = structs.replace(
                inputs,
                sent=tuple(keys),
                candidates=tuple(
                    _relax(candidates[key], option, snapshot, scenario=request.scenario)
                    for key in keys
                ),
                rules=_rules_of(option, rules) if snapshot.order is not None else inputs.rules,
            )
            validation, qualifies = _decide_alone(option, snapshot, own, scenario=request.scenario)
            looked.append(_Looked(option, validation, qualifies, place))
    return looked


def _list_parts(offered: Offered) -> tuple[Redeemable, ...]:
    """What has to be redeemed for it: the tiers of a stack, else the thing itself."""
    if offered.object == "promotion_stack":
        return tuple(Redeemable(id=one, object="promotion_tier") for one in offered.tier_ids)
    is_tier = offered.object == "promotion_tier"
    return (Redeemable(id=offered.key, object="promotion_tier" if is_tier else "voucher"),)


def _rules_of(option: Option, rules: StackingRules) -> StackingRules:
    """A stack is used as a whole or not at all."""
    is_stack = option.object == "promotion_stack"
    return structs.replace(rules, application=Application.ALL) if is_stack else rules


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
    sent = {one.id: one for one in snapshot.request.redeemables}
    asked = structs.replace(snapshot.request, redeemables=tuple(sent[key] for key in inputs.sent))
    alone = structs.replace(snapshot, request=asked)
    validation = conclude(alone, inputs, decide_inputs(inputs), rules=inputs.rules)
    qualifies = all(_passes(attempt.result, scenario) for attempt in validation.attempts)
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
        found.sort(key=lambda one: total_discount(one.validation) * (-1 if best_first else 1))
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
        tried=tuple(_list_tried(request, snapshot, looked[:MOST_KEPT])),
    )


def _list_tried(
    request: QualificationRequest, snapshot: Snapshot, looked: Sequence[_Looked]
) -> Iterator[Tried]:
    """What is kept: single things together, for each was decided by itself, and each stack."""
    single = [one for one in looked if one.option.object != "promotion_stack"]
    if single or not looked:
        yield _tried(request, snapshot, single, alone=True)
    for one in looked:
        if one.option.object == "promotion_stack":
            yield _tried(request, snapshot, [one], alone=False)


def _tried(
    request: QualificationRequest, snapshot: Snapshot, looked: Sequence[_Looked], *, alone: bool
) -> Tried:
    inputs = gather_inputs(snapshot, snapshot.rules)
    if looked:
        decided = [one.validation.inputs for one in looked]
        inputs = structs.replace(
            decided[0],
            sent=tuple(code for own in decided for code in own.sent),
            candidates=tuple(one for own in decided for one in own.candidates),
        )
    return Tried(
        kind=AttemptKind.QUALIFICATION,
        at=snapshot.now,
        channel=request.about.channel,
        inputs=inputs,
        codes=tuple(
            TriedCode(
                object="campaign" if one.option.object == "campaign" else attempt.redeemable.object,
                code=attempt.redeemable.id,
                coupon=attempt.coupon,
                result=attempt.result,
                trace=one.validation.decision.trace,
            )
            for one in looked
            for attempt in one.validation.attempts
        ),
        alone=alone,
        met=tuple({pair: arm for one in looked for pair, arm in one.validation.met}.items()),
        **name_people(request.about, snapshot.customer, snapshot.order),
    )
