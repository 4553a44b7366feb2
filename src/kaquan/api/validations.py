"""``/v1/validations``: what redeeming would come to."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec
from litestar import Router
from litestar.params import JSONBody
from msgspec import UNSET, Meta, UnsetType

from kaquan.api.baskets import view_closing, view_steps
from kaquan.api.call import CurrentCall
from kaquan.api.customers import CustomerBody, draft_customer
from kaquan.api.discounts import DiscountView, view_discount
from kaquan.api.orders import OrderBody, OrderView, draft_order
from kaquan.api.problems import AnyRequest, NotSupported
from kaquan.api.refusals import ErrorView, key_of, message_of, view_error
from kaquan.api.request_id import request_id_of
from kaquan.api.routes import writes
from kaquan.api.values import Identifier, Metadata, Minor
from kaquan.checkout import Attempt, CheckoutRequest, Coupon, Redeemable, Validation, validate
from kaquan.customers import CustomerDraft
from kaquan.engine import Application, Applied, Rejected, StackingRules
from kaquan.runtime import Project, Tx, new_id

_UNSTACKED_ORDER = OrderBody()


class RedeemableExtension(msgspec.Struct, frozen=True, kw_only=True):
    """Our own member ``kaquan``: the value printed on a manufacturer's coupon."""

    face_value_minor: Minor | None = None


class RedeemableBody(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to be redeemed: a voucher by its code."""

    object: Literal["voucher", "promotion_tier", "promotion_stack"]
    id: Identifier
    gift: dict[str, Any] | None = None
    reward: dict[str, Any] | None = None
    kaquan: RedeemableExtension | None = None


class OptionsBody(msgspec.Struct, frozen=True):
    """What an answer should show besides; accepted, and always shown here."""

    expand: list[str] = []


class CheckoutExtension(msgspec.Struct, frozen=True, kw_only=True):
    """Our own member ``kaquan``: where, and through what, the checkout takes place."""

    location_id: Identifier | None = None
    channel: Annotated[str, Meta(min_length=1, max_length=64)] | None = None


class CheckoutBody(msgspec.Struct, frozen=True, kw_only=True):
    """Redeemables on an order, for a customer."""

    redeemables: list[RedeemableBody] = []
    order: OrderBody | None = None
    customer: CustomerBody | None = None
    session: dict[str, Any] | None = None
    tracking_id: Identifier | None = None
    metadata: Metadata | None = None
    options: OptionsBody | None = None
    kaquan: CheckoutExtension | None = None


class ScopeList(msgspec.Struct, frozen=True):
    """The goods that an offer names; an offer on the order names none."""

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
    error: ErrorView | UnsetType = UNSET
    details: DetailsView | UnsetType = UNSET


class RedeemableView(msgspec.Struct, frozen=True, kw_only=True):
    """A redeemable as decided; ``order`` is the order after it."""

    status: Literal["APPLICABLE", "INAPPLICABLE", "SKIPPED"]
    id: str
    object: Literal["voucher"] = "voucher"
    order: OrderView | UnsetType = UNSET
    applicable_to: ScopeList | UnsetType = UNSET
    inapplicable_to: ScopeList | UnsetType = UNSET
    result: ResultView
    metadata: Metadata = {}
    campaign_name: str | UnsetType = UNSET
    campaign_id: str | UnsetType = UNSET


class StackingRulesView(msgspec.Struct, frozen=True, kw_only=True):
    """The rules under which redeemables went together."""

    redeemables_limit: int
    applicable_redeemables_limit: int
    applicable_redeemables_per_category_limit: int = 1
    applicable_redeemables_category_limits: dict[str, int] = {}
    applicable_exclusive_redeemables_limit: int = 1
    applicable_exclusive_redeemables_per_category_limit: int = 1
    exclusive_categories: list[str] = []
    joint_categories: list[str] = []
    redeemables_application_mode: Literal["ALL", "PARTIAL"]
    redeemables_sorting_rule: Literal["REQUESTED_ORDER"] = "REQUESTED_ORDER"
    redeemables_products_application_mode: Literal["STACK"] = "STACK"
    redeemables_no_effect_rule: Literal["SKIP"] = "SKIP"
    no_effect_skip_categories: list[str] = []
    no_effect_redeem_anyway_categories: list[str] = []
    redeemables_rollback_order_mode: Literal["WITH_ORDER"] = "WITH_ORDER"


class ValidationView(msgspec.Struct, frozen=True, kw_only=True):
    """What redeeming would come to."""

    id: str
    valid: bool
    redeemables: list[RedeemableView]
    inapplicable_redeemables: list[RedeemableView] | UnsetType = UNSET
    skipped_redeemables: list[RedeemableView] | UnsetType = UNSET
    order: OrderView | UnsetType = UNSET
    tracking_id: str | UnsetType = UNSET
    stacking_rules: StackingRulesView


async def read_checkout(tx: Tx, body: CheckoutBody) -> CheckoutRequest:
    """Map a request to redeem. Raises NotSupported for what cannot be redeemed yet."""
    if body.session:
        raise NotSupported("Locking sessions are not supported yet.", field="session")
    extension = body.kaquan or CheckoutExtension()
    order = body.order or _UNSTACKED_ORDER
    own_place = None if order.kaquan is None else order.kaquan.location_id
    return CheckoutRequest(
        redeemables=tuple(_read_redeemables(body.redeemables)),
        order=None if body.order is None else await draft_order(tx, body.order, field="order."),
        customer=_read_customer(body),
        location_id=extension.location_id or own_place,
        channel=extension.channel or "API",
        tracking_id=body.tracking_id,
        metadata=body.metadata or {},
    )


def _read_redeemables(given: list[RedeemableBody]) -> Iterator[Redeemable]:
    for index, one in enumerate(given):
        path = f"redeemables[{index}]"
        if one.object != "voucher":
            message = f"Redeemables of type {one.object} are not supported yet."
            raise NotSupported(message, field=f"{path}.object")
        for name in ("gift", "reward"):
            if getattr(one, name):
                message = f"'{name}' is not supported yet."
                raise NotSupported(message, field=f"{path}.{name}")
        face_value = None if one.kaquan is None else one.kaquan.face_value_minor
        yield Redeemable(id=one.id, face_value_minor=face_value)


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
        order=order,
        applicable_to=ScopeList(),
        inapplicable_to=ScopeList(),
        result=ResultView(discount=view_discount(_offer_of(coupon))),
        metadata=coupon.voucher.metadata,
        campaign_name=coupon.campaign.name if coupon.campaign else UNSET,
        campaign_id=coupon.campaign.id if coupon.campaign else UNSET,
    )


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
        result=shown,
        metadata=coupon.voucher.metadata if coupon else {},
        campaign_name=campaign.name if campaign else UNSET,
        campaign_id=campaign.id if campaign else UNSET,
    )


def view_stacking_rules(rules: StackingRules) -> StackingRulesView:
    """Map the stacking rules to the wire."""
    return StackingRulesView(
        redeemables_limit=rules.max_sent,
        applicable_redeemables_limit=rules.max_applied,
        redeemables_application_mode="ALL" if rules.application is Application.ALL else "PARTIAL",
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


@writes("POST", "/", "Validate stackable discounts")
async def validate_redeemables(
    request: AnyRequest, data: JSONBody[CheckoutBody], call: CurrentCall
) -> ValidationView:
    """Work out what redeeming these vouchers would come to; nothing is written."""
    async with call.transaction() as tx:
        checkout = await read_checkout(tx, data)
        validation = await validate(tx, checkout, now=call.now)
        return view_validation(
            validation,
            request_id=request_id_of(request.scope),
            tracking_id=data.tracking_id,
            rules=StackingRules(),
        )


def validations_router() -> Router:
    """Routes of validations."""
    return Router(path="/validations", route_handlers=[validate_redeemables], tags=["Validations"])
