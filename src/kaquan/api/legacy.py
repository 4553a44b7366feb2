"""The dialect's older routes: one voucher or tier at a time, carried out by today's routes."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Literal, cast

import msgspec
from litestar import Response, Router
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, UnsetType

from kaquan.api.call import CurrentCall
from kaquan.api.customers import CustomerBody
from kaquan.api.discounts import DiscountView
from kaquan.api.dry_run import CurrentDryRun
from kaquan.api.gifts import CreditsBody, CreditsView, PointsView
from kaquan.api.once import IdempotencyKey
from kaquan.api.orders import OrderBody, OrderView
from kaquan.api.problems import AnyRequest
from kaquan.api.qualification_filters import ConditionBody, FilterBody, FiltersBody
from kaquan.api.qualifications import (
    QualificationBody,
    QualificationOptions,
    QualifiedView,
    check_eligibility,
)
from kaquan.api.redemptions import redeem_redeemables
from kaquan.api.refusals import ErrorView
from kaquan.api.routes import Dry, writes
from kaquan.api.session_views import SessionBody, SessionView
from kaquan.api.validations import (
    CheckoutBody,
    CheckoutExtension,
    OptionsBody,
    RedeemableBody,
    RedeemableView,
    ScopeList,
    ValidationView,
    validate_redeemables,
)
from kaquan.api.values import Identifier, Metadata

_TIERS = QualificationOptions(
    limit=50,
    expand=["redeemable"],
    filters=FiltersBody(resource_type=FilterBody(conditions=ConditionBody(is_=["promotion_tier"]))),
)


class OneBody(msgspec.Struct, frozen=True, kw_only=True):
    """An order and a customer, for the voucher or tier that the address names."""

    customer: CustomerBody | None = None
    order: OrderBody | None = None
    gift: CreditsBody | None = None
    reward: dict[str, Any] | None = None
    session: SessionBody | None = None
    tracking_id: Identifier | None = None
    metadata: Metadata | None = None
    options: OptionsBody | None = None
    kaquan: CheckoutExtension | None = None


class OneValidation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether the one voucher applies, and what it comes to or why it does not."""

    valid: bool
    code: str
    discount: DiscountView | UnsetType = UNSET
    gift: CreditsView | UnsetType = UNSET
    loyalty: PointsView | UnsetType = UNSET
    order: OrderView | UnsetType = UNSET
    applicable_to: ScopeList | UnsetType = UNSET
    inapplicable_to: ScopeList | UnsetType = UNSET
    campaign: str | UnsetType = UNSET
    campaign_id: str | UnsetType = UNSET
    metadata: Metadata = {}
    session: SessionView | UnsetType = UNSET
    tracking_id: str | UnsetType = UNSET
    key: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    error: ErrorView | UnsetType = UNSET


class OnePromotion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A tier that applies, with the order after it alone."""

    id: str
    name: str | UnsetType = UNSET
    banner: str | UnsetType = UNSET
    campaign: dict[str, str] | UnsetType = UNSET
    discount: DiscountView | UnsetType = UNSET
    discount_amount: int = 0
    order: OrderView | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET
    object: Literal["promotion_tier"] = "promotion_tier"


class PromotionsValidation(msgspec.Struct, frozen=True, kw_only=True):
    """The tiers that apply to an order; ``valid`` when there is one."""

    valid: bool
    promotions: list[OnePromotion]
    tracking_id: str | UnsetType = UNSET
    order: OrderView | UnsetType = UNSET


def ask_for_one(
    kind: Literal["voucher", "promotion_tier"], name: str, body: OneBody
) -> CheckoutBody:
    """Return today's request for one voucher or tier."""
    own = RedeemableBody(object=kind, id=name, gift=body.gift, reward=body.reward)
    return CheckoutBody(
        redeemables=[own],
        order=body.order,
        customer=body.customer,
        session=body.session,
        tracking_id=body.tracking_id,
        metadata=body.metadata,
        options=body.options,
        kaquan=body.kaquan,
    )


def view_one(code: str, view: ValidationView) -> OneValidation:
    """Map an answer about one voucher to its older shape; an unknown code is not valid."""
    one: RedeemableView = (*view.redeemables, *(view.inapplicable_redeemables or ()))[0]
    common: dict[str, Any] = {
        "code": code,
        "campaign": one.campaign_name,
        "campaign_id": one.campaign_id,
        "metadata": one.metadata,
        "tracking_id": view.tracking_id,
    }
    if not view.valid:
        error = one.result.error
        told: dict[str, Any] = {}
        if isinstance(error, ErrorView):
            told = {"key": error.key, "reason": error.message, "error": error}
        return OneValidation(valid=False, **common, **told)
    return OneValidation(
        valid=True,
        **common,
        discount=one.result.discount,
        gift=one.result.gift,
        loyalty=one.result.loyalty_card,
        order=view.order,
        applicable_to=one.applicable_to,
        inapplicable_to=one.inapplicable_to,
        session=view.session,
    )


def show_one(answer: Response[Any]) -> Response[Any]:
    """Take the one redemption out of today's answer; a refusal stays as it is."""
    if answer.status_code != HTTPStatus.OK:
        return answer
    whole: dict[str, Any] = msgspec.json.decode(cast("bytes", answer.content))
    (only,) = cast("list[dict[str, Any]]", whole["redemptions"])
    if "order" in whole:
        only["order"] = whole["order"]
    return Response(only, status_code=answer.status_code, headers=dict(answer.headers))


def view_promotion(one: QualifiedView) -> OnePromotion:
    """Map a tier that applies to its older shape."""
    order = one.order
    off = UNSET if isinstance(order, UnsetType) else order.total_discount_amount
    campaign: Mapping[str, Any] = {"id": one.campaign_id, "name": one.campaign_name}
    return OnePromotion(
        id=one.id,
        name=one.name,
        banner=one.banner,
        campaign={key: value for key, value in campaign.items() if isinstance(value, str)},
        discount=one.result.discount,
        discount_amount=off or 0,
        order=order,
        metadata=one.metadata,
    )


@writes("POST", "/vouchers/{code:str}/validate", "Validate voucher", dry=Dry.ON_REQUEST)
async def validate_voucher(
    request: AnyRequest,
    code: FromPath[str],
    data: JSONBody[OneBody],
    call: CurrentCall,
    dry: CurrentDryRun,
) -> OneValidation:
    """Work out what redeeming one voucher would come to (the older form of validations)."""
    body = ask_for_one("voucher", code, data)
    return view_one(code, await validate_redeemables.fn(request, body, call, dry))


@writes("POST", "/vouchers/{code:str}/redemption", "Redeem voucher", dry=Dry.ON_REQUEST)
async def redeem_voucher(
    request: AnyRequest,
    code: FromPath[str],
    data: JSONBody[OneBody],
    call: CurrentCall,
    dry: CurrentDryRun,
    key: IdempotencyKey = None,
) -> Response[Any]:
    """Redeem one voucher (the older form of redemptions)."""
    body = ask_for_one("voucher", code, data)
    return show_one(await redeem_redeemables.fn(request, body, call, dry, key))


@writes(
    "POST",
    "/promotions/tiers/{tier_id:str}/redemption",
    "Redeem promotion tier",
    dry=Dry.ON_REQUEST,
)
async def redeem_tier(
    request: AnyRequest,
    tier_id: FromPath[str],
    data: JSONBody[OneBody],
    call: CurrentCall,
    dry: CurrentDryRun,
    key: IdempotencyKey = None,
) -> Response[Any]:
    """Redeem one tier of a promotion (the older form of redemptions)."""
    body = ask_for_one("promotion_tier", tier_id, data)
    return show_one(await redeem_redeemables.fn(request, body, call, dry, key))


@writes("POST", "/promotions/validation", "Validate promotions", dry=Dry.ON_REQUEST)
async def validate_promotions(
    request: AnyRequest, data: JSONBody[OneBody], call: CurrentCall, dry: CurrentDryRun
) -> PromotionsValidation:
    """List the tiers that apply to an order (the older form of qualifications)."""
    asked = QualificationBody(
        customer=data.customer,
        order=data.order,
        tracking_id=data.tracking_id,
        metadata=data.metadata,
        session=data.session,
        options=_TIERS,
    )
    view = await check_eligibility.fn(request, asked, call, dry)
    return PromotionsValidation(
        valid=bool(view.redeemables.data),
        promotions=list(map(view_promotion, view.redeemables.data)),
        tracking_id=view.tracking_id,
        order=view.order,
    )


def legacy_router() -> Router:
    """The older routes of the dialect."""
    return Router(
        path="/",
        route_handlers=[validate_voucher, redeem_voucher, redeem_tier, validate_promotions],
        tags=["Older routes"],
    )
