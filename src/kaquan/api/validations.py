"""``/v1/validations``: what redeeming would come to."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import Router
from litestar.params import JSONBody
from msgspec import UNSET, Meta, UnsetType

from kaquan.api.attempt_keeping import keep_attempt
from kaquan.api.baskets import view_closing, view_steps
from kaquan.api.call import Call, CurrentCall
from kaquan.api.customers import CustomerBody, draft_customer
from kaquan.api.discounts import DiscountView, view_discount
from kaquan.api.dry_run import CurrentDryRun, tell_time
from kaquan.api.gifts import CreditsBody, CreditsView, PointsView
from kaquan.api.orders import OrderBody, OrderView, draft_order
from kaquan.api.problems import AnyRequest, NotSupported
from kaquan.api.refusals import ErrorView, key_of, message_of, view_error
from kaquan.api.request_id import request_id_of
from kaquan.api.routes import Dry, writes
from kaquan.api.session_views import SessionBody, SessionView, read_session, view_session
from kaquan.api.stacking_rules import StackingRulesView, view_stacking_rules
from kaquan.api.values import Count, Identifier, Metadata, Minor
from kaquan.campaigns import get_promotion_stack
from kaquan.checkout import (
    Asked,
    Attempt,
    Batcher,
    CheckoutRequest,
    Coupon,
    Redeemable,
    Validation,
    tried_validation,
    try_again,
    validate,
    validate_together,
)
from kaquan.customers import CustomerDraft
from kaquan.engine import Application, Applied, Rejected, StackingRules
from kaquan.ledger import AccountKey, AccountKind
from kaquan.runtime import InvalidInput, KaquanError, Project, Tx, new_id

_UNSTACKED_ORDER = OrderBody()


class RedeemableExtension(msgspec.Struct, frozen=True, kw_only=True):
    """Our own member ``kaquan``: the value printed on a manufacturer's coupon.

    ``points`` are to be paid from a card of points.
    """

    face_value_minor: Minor | None = None
    points: Count | None = None


class RedeemableBody(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to be redeemed: a voucher by its code, or a promotion's tier or stack by its id."""

    object: Literal["voucher", "promotion_tier", "promotion_stack"]
    id: Identifier
    gift: CreditsBody | None = None
    reward: dict[str, Any] | None = None
    kaquan: RedeemableExtension | None = None


class OptionsBody(msgspec.Struct, frozen=True):
    """What an answer should show besides; accepted, and always shown here."""

    expand: list[str] = []


class CheckoutExtension(msgspec.Struct, frozen=True, kw_only=True):
    """Our own member ``kaquan``: where, through what and how paid the checkout takes place."""

    location_id: Identifier | None = None
    payment_method: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    channel: Annotated[str, Meta(min_length=1, max_length=64)] | None = None


class CheckoutBody(msgspec.Struct, frozen=True, kw_only=True):
    """Redeemables on an order, for a customer."""

    redeemables: list[RedeemableBody] = []
    order: OrderBody | None = None
    customer: CustomerBody | None = None
    session: SessionBody | None = None
    tracking_id: Identifier | None = None
    metadata: Metadata | None = None
    options: OptionsBody | None = None
    kaquan: CheckoutExtension | None = None


class ScopeList(msgspec.Struct, frozen=True):
    """Goods that an offer is for; answers name none of them yet, and so show an empty list."""

    data: list[Any] = []
    total: int = 0
    data_ref: Literal["data"] = "data"
    object: Literal["list"] = "list"


class DetailsView(msgspec.Struct, frozen=True):
    """Why a redeemable does not take part, in short."""

    key: str
    message: str


class ResultView(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided about a redeemable."""

    discount: DiscountView | UnsetType = UNSET
    gift: CreditsView | UnsetType = UNSET
    loyalty_card: PointsView | UnsetType = UNSET
    error: ErrorView | UnsetType = UNSET
    details: DetailsView | UnsetType = UNSET


class RedeemableView(msgspec.Struct, frozen=True, kw_only=True):
    """A redeemable as decided; ``order`` is the order after it."""

    status: Literal["APPLICABLE", "INAPPLICABLE", "SKIPPED"]
    id: str
    object: Literal["voucher", "promotion_tier"] = "voucher"
    order: OrderView | UnsetType = UNSET
    applicable_to: ScopeList | UnsetType = UNSET
    inapplicable_to: ScopeList | UnsetType = UNSET
    result: ResultView
    metadata: Metadata = {}
    campaign_name: str | UnsetType = UNSET
    campaign_id: str | UnsetType = UNSET


class ValidationView(msgspec.Struct, frozen=True, kw_only=True):
    """What redeeming would come to."""

    id: str
    valid: bool
    redeemables: list[RedeemableView]
    inapplicable_redeemables: list[RedeemableView] | UnsetType = UNSET
    skipped_redeemables: list[RedeemableView] | UnsetType = UNSET
    order: OrderView | UnsetType = UNSET
    tracking_id: str | UnsetType = UNSET
    session: SessionView | UnsetType = UNSET
    stacking_rules: StackingRulesView


async def read_checkout(
    tx: Tx, body: CheckoutBody, *, redeemer_id: str | None = None
) -> CheckoutRequest:
    """Map a request to redeem; ``redeemer_id`` is the key that asks. Raises NotSupported for what cannot be redeemed yet."""
    extension = body.kaquan or CheckoutExtension()
    order = body.order or _UNSTACKED_ORDER
    own_place = None if order.kaquan is None else order.kaquan.location_id
    return CheckoutRequest(
        redeemables=tuple(_read_redeemables(await spread_stacks(tx, body.redeemables))),
        order=None if body.order is None else await draft_order(tx, body.order, field="order."),
        customer=_read_customer(body),
        location_id=extension.location_id or own_place,
        channel=extension.channel or "API",
        payment_method=extension.payment_method,
        redeemer_id=redeemer_id,
        tracking_id=body.tracking_id,
        metadata=body.metadata or {},
        session=read_session(body.session),
    )


async def spread_stacks(tx: Tx, given: list[RedeemableBody]) -> list[RedeemableBody]:
    """Put the tiers of a promotion stack in its place; it stands alone in a request.

    Raises InvalidInput for a stack that came with company, and NotFound.
    """
    stacks = [one for one in given if one.object == "promotion_stack"]
    if not stacks:
        return given
    if len(given) > 1:
        message = "A promotion stack cannot be combined with other redeemables."
        raise InvalidInput(message, field="redeemables", key="invalid_redeemables")
    stack = await get_promotion_stack(tx, stacks[0].id)
    return [RedeemableBody(object="promotion_tier", id=tier_id) for tier_id in stack.tier_ids]


def _read_redeemables(given: list[RedeemableBody]) -> Iterator[Redeemable]:
    for index, one in enumerate(given):
        path = f"redeemables[{index}]"
        if one.reward:
            raise NotSupported("'reward' is not supported yet.", field=f"{path}.reward")
        own = one.kaquan or RedeemableExtension()
        yield Redeemable(
            id=one.id,
            object="voucher" if one.object == "voucher" else "promotion_tier",
            face_value_minor=own.face_value_minor,
            credits=own.points if one.gift is None else one.gift.credits,
        )


def _read_customer(body: CheckoutBody) -> CustomerDraft | str | None:
    given = body.customer or (None if body.order is None else body.order.customer)
    if given is not None:
        return draft_customer(given)
    return None if body.order is None else body.order.customer_id


def view_applicable(
    attempt: Attempt, coupon: Coupon, *, order: OrderView | UnsetType
) -> RedeemableView:
    """Map a redeemable that applies, with the order after it."""
    return RedeemableView(
        status="APPLICABLE",
        id=attempt.redeemable.id,
        object=attempt.redeemable.object,
        order=order,
        applicable_to=ScopeList(),
        inapplicable_to=ScopeList(),
        result=_view_result(attempt, coupon),
        metadata=coupon.voucher.metadata,
        campaign_name=coupon.campaign.name if coupon.campaign else UNSET,
        campaign_id=coupon.campaign.id if coupon.campaign else UNSET,
    )


def _view_result(attempt: Attempt, coupon: Coupon) -> ResultView:
    applied = attempt.result
    assert isinstance(applied, Applied)
    match attempt.pays_from:
        case None:
            return ResultView(discount=view_discount(_offer_of(coupon)) or UNSET)
        case AccountKey(kind=AccountKind.VALUE):
            paid = applied.balance_taken
            return ResultView(gift=CreditsView(balance=attempt.balance or 0, credits=paid))
        case _:
            return ResultView(loyalty_card=PointsView(points=applied.balance_taken))


def _offer_of(coupon: Coupon) -> dict[str, Any]:
    if coupon.voucher.offer is not None:
        return coupon.voucher.offer
    assert coupon.campaign is not None, "a voucher without an offer has its campaign's"
    return coupon.campaign.offer


def view_refused(attempt: Attempt, *, project: Project, request_id: str) -> RedeemableView:
    """Map a redeemable that does not apply, or is skipped because of others."""
    result = attempt.result
    coupon = attempt.coupon
    campaign = coupon.campaign if coupon else None
    if isinstance(result, Rejected):
        error = view_error(
            result.reason,
            result.reasons,
            voucher_code=attempt.redeemable.id,
            project=project,
            request_id=request_id,
            kind=attempt.redeemable.object,
        )
        status: Literal["INAPPLICABLE", "SKIPPED"] = "INAPPLICABLE"
        shown = ResultView(error=error, details=DetailsView(error.key, error.message))
    else:
        key = key_of(attempt.reasons[0].code)
        status = "SKIPPED"
        shown = ResultView(details=DetailsView(key, message_of(key)))
    return RedeemableView(
        status=status,
        id=attempt.redeemable.id,
        object=attempt.redeemable.object,
        result=shown,
        metadata=coupon.voucher.metadata if coupon else {},
        campaign_name=campaign.name if campaign else UNSET,
        campaign_id=campaign.id if campaign else UNSET,
    )


def view_validation(
    validation: Validation,
    *,
    request_id: str,
    tracking_id: str | None,
    rules: StackingRules,
) -> ValidationView:
    """Map a validation: with ALL the culprit stands among the redeemables too."""
    steps = view_steps(validation)
    shown: list[RedeemableView] = []
    refused: list[RedeemableView] = []
    for attempt in validation.attempts:
        if isinstance(attempt.result, Applied):
            assert attempt.coupon is not None, "only a known voucher can apply"
            step = steps.get(attempt.redeemable.id, UNSET)
            shown.append(view_applicable(attempt, attempt.coupon, order=step))
        else:
            refused.append(view_refused(attempt, project=validation.project, request_id=request_id))
    inapplicable = [one for one in refused if one.status == "INAPPLICABLE"]
    skipped = [one for one in refused if one.status == "SKIPPED"]
    if rules.application is Application.ALL:
        shown += inapplicable
    return ValidationView(
        id=new_id("valid"),
        valid=validation.valid,
        redeemables=shown,
        inapplicable_redeemables=inapplicable or UNSET,
        skipped_redeemables=skipped or UNSET,
        order=view_closing(validation) if validation.valid else UNSET,
        tracking_id=tracking_id or UNSET,
        stacking_rules=view_stacking_rules(rules),
    )


class ValidateWork(msgspec.Struct, frozen=True):
    """One request to validate that reserves nothing."""

    body: CheckoutBody
    call: Call


class Validated(msgspec.Struct, frozen=True):
    """What was asked, what redeeming it would come to, and at what time."""

    checkout: CheckoutRequest
    validation: Validation
    at: datetime


async def answer_validations(tx: Tx, works: Sequence[ValidateWork]) -> list[Validated | Exception]:
    """Validate what came together; what a request is wrong about is an exception in its place."""
    asked: dict[int, Asked] = {}
    results: dict[int, Validated | Exception] = {}
    for number, work in enumerate(works):
        call = work.call
        try:
            checkout = await read_checkout(tx, work.body, redeemer_id=call.caller.key_id)
            asked[number] = Asked(request=checkout, now=call.now)
        except KaquanError as error:
            results[number] = error
    found = await validate_together(tx, list(asked.values()))
    for (number, one), validation in zip(asked.items(), found, strict=True):
        if isinstance(validation, KaquanError):
            results[number] = validation
        else:
            results[number] = Validated(one.request, validation, one.now)
    return [results[number] for number in range(len(works))]


@writes("POST", "/", "Validate stackable discounts", dry=Dry.ON_REQUEST)
async def validate_redeemables(
    request: AnyRequest, data: JSONBody[CheckoutBody], call: CurrentCall, dry: CurrentDryRun
) -> ValidationView:
    """Work out what redeeming these vouchers would come to; a ``session`` reserves it.

    With ``dry_run`` it may be at another time, no session is locked, and no attempt is kept.
    """

    async def attempt() -> Validated:
        async with call.transaction() as tx:
            now = await tell_time(tx, dry.moment, now=call.now)
            checkout = await read_checkout(tx, data, redeemer_id=call.caller.key_id)
            validation = await validate(tx, checkout, now=now)
            if dry.asked:
                await tx.rollback()
            return Validated(checkout, validation, now)

    if dry.asked or data.session:
        done = await try_again(attempt)
    else:
        batcher: Batcher[ValidateWork, Validated] = request.app.state.validations
        done = await batcher.submit(call.caller.project_id, ValidateWork(data, call))
    checkout, validation = done.checkout, done.validation
    view = view_validation(
        validation,
        request_id=request_id_of(request.scope),
        tracking_id=data.tracking_id,
        rules=validation.rules,
    )
    if validation.valid:
        view = msgspec.structs.replace(view, session=view_session(checkout.session))
    if not dry.asked:
        keep_attempt(request, call, tried_validation(checkout, validation, at=done.at))
    return view


def validations_router() -> Router:
    """Routes of validations."""
    return Router(path="/validations", route_handlers=[validate_redeemables], tags=["Validations"])
