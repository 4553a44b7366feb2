"""``/v1/qualifications``: what a customer could use on an order."""

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Annotated, Any, Literal

import msgspec
from litestar import Router
from litestar.params import JSONBody
from msgspec import UNSET, Meta, UnsetType

from kaquan.api.attempt_keeping import keep_attempt
from kaquan.api.baskets import view_closing
from kaquan.api.call import CurrentCall
from kaquan.api.categories import CategoryView
from kaquan.api.customers import CustomerBody
from kaquan.api.discounts import view_discount
from kaquan.api.dry_run import CurrentDryRun, tell_time
from kaquan.api.gifts import CreditsView, PointsView
from kaquan.api.orders import OrderBody, OrderView, view_order
from kaquan.api.problems import AnyRequest
from kaquan.api.qualification_filters import FiltersBody, read_filters
from kaquan.api.routes import Dry, writes
from kaquan.api.said import NOTHING_SAID, Said, load_said
from kaquan.api.session_views import SessionBody
from kaquan.api.stacking_rules import StackingRulesView, view_stacking_rules
from kaquan.api.validation_rules import AssignmentList
from kaquan.api.validations import (
    CheckoutBody,
    ResultView,
    ScopeList,
    read_checkout,
)
from kaquan.api.values import Identifier, Metadata, read_moment
from kaquan.campaigns import get_promotion_stack
from kaquan.checkout import (
    Coupon,
    Option,
    Place,
    Qualification,
    QualificationRequest,
    QualificationSorting,
    Qualified,
    Scenario,
    qualify,
)
from kaquan.customers import Order
from kaquan.engine import PointsPayment, StoredValue
from kaquan.runtime import InvalidInput, Tx, get_project

USUAL_LIMIT, LARGEST_LIMIT = 5, 50
_QUARTER = 15
_MOST_MARKED = 1_300


class QualificationOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How much to return, what of it, in which order."""

    limit: Annotated[int, Meta(ge=1, le=LARGEST_LIMIT)] = USUAL_LIMIT
    starting_after: Annotated[str, Meta(max_length=40)] | None = None
    filters: FiltersBody | None = None
    expand: list[Literal["redeemable", "category", "validation_rules"]] = []
    sorting_rule: QualificationSorting = QualificationSorting.DEFAULT


class QualificationBody(msgspec.Struct, frozen=True, kw_only=True):
    """An order and a customer, either of which may be missing."""

    customer: CustomerBody | None = None
    order: OrderBody | None = None
    tracking_id: Identifier | None = None
    scenario: Scenario = Scenario.ALL
    options: QualificationOptions | None = None
    session: SessionBody | None = None
    metadata: Metadata | None = None


class QualifiedView(msgspec.Struct, frozen=True, kw_only=True):
    """Something that can be used; ``order`` is the order with it alone."""

    id: str
    object: Literal["voucher", "campaign", "promotion_tier", "promotion_stack"]
    created_at: datetime
    result: ResultView
    order: OrderView | UnsetType = UNSET
    applicable_to: ScopeList
    inapplicable_to: ScopeList
    metadata: Metadata | UnsetType = UNSET
    name: str | UnsetType = UNSET
    banner: str | UnsetType = UNSET
    campaign_name: str | UnsetType = UNSET
    campaign_id: str | UnsetType = UNSET
    categories: list[CategoryView] | UnsetType = UNSET
    validation_rules_assignments: AssignmentList | UnsetType = UNSET


class QualifiedList(msgspec.Struct, frozen=True, kw_only=True):
    """What qualifies; ``total`` counts this page."""

    data: list[QualifiedView]
    total: int
    has_more: bool
    more_starting_after: datetime | UnsetType = UNSET
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


class QualificationView(msgspec.Struct, frozen=True, kw_only=True):
    """What a customer could use."""

    redeemables: QualifiedList
    tracking_id: str | UnsetType = UNSET
    order: OrderView | UnsetType = UNSET
    stacking_rules: StackingRulesView


async def read_qualification(tx: Tx, body: QualificationBody) -> QualificationRequest:
    """Map what is asked. Raises InvalidInput."""
    options = body.options or QualificationOptions()
    about = CheckoutBody(
        order=body.order,
        customer=body.customer,
        tracking_id=body.tracking_id,
        session=body.session,
        metadata=body.metadata,
    )
    return QualificationRequest(
        about=await read_checkout(tx, about),
        scenario=body.scenario,
        sorting=options.sorting_rule,
        limit=options.limit,
        after=await _read_place(tx, options.starting_after),
        matches=read_filters(options.filters),
    )


def mark_place(place: Place) -> datetime:
    """Write a place as a time, which is all that the dialect has for it.

    Vouchers made together share their time, so a time alone cannot say how many of them were
    seen. The count goes into the offset from UTC, as minutes that no real zone has: the moment
    stays the same, and a client that sends a creation time instead means what it says. Beyond
    1,300 of one moment the rest of that moment is passed over.
    """
    if not 0 < place.seen <= _MOST_MARKED:
        return place.at
    minutes = place.seen + (place.seen - 1) // (_QUARTER - 1)
    return place.at.astimezone(timezone(timedelta(minutes=minutes)))


def find_place(moment: datetime) -> Place:
    """Read what ``mark_place`` wrote; any other time is the place before it."""
    offset = moment.utcoffset() or timedelta()
    minutes, rest = divmod(offset, timedelta(minutes=1))
    if rest or minutes <= 0 or minutes % _QUARTER == 0:
        return Place(moment)
    return Place(moment, minutes - minutes // _QUARTER)


async def _read_place(tx: Tx, text: str | None) -> Place | None:
    # The vendor's own guide sends the text "null".
    if text in {None, "", "null"}:
        return None
    assert text is not None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        message = "'options.starting_after' must be a time in ISO 8601."
        raise InvalidInput(message, field="options.starting_after") from error
    if moment.tzinfo is None:
        zone = (await get_project(tx)).zone
        moment = read_moment(text, zone, field="options.starting_after")
    return find_place(moment)


async def load_qualification(
    tx: Tx, found: Qualification, body: QualificationBody
) -> QualificationView:
    """Map what qualifies to the wire, with what ``expand`` asks for of it."""
    expand = frozenset((body.options or QualificationOptions()).expand)
    options = [one.option for one in found.found]
    said = {}
    if expand & {"category", "validation_rules"}:
        categories = {_owner_of(one): await _list_categories(tx, one) for one in options}
        said = await load_said(tx, categories)
    place = found.next_place
    return QualificationView(
        redeemables=QualifiedList(
            data=[_view_qualified(one, said, expand=expand) for one in found.found],
            total=len(found.found),
            has_more=found.more,
            more_starting_after=UNSET if place is None else mark_place(place),
        ),
        tracking_id=body.tracking_id or UNSET,
        order=UNSET if found.order is None else _view_order(found.order),
        stacking_rules=view_stacking_rules(found.rules),
    )


def _view_order(order: Order) -> OrderView:
    return msgspec.structs.replace(
        view_order(order),
        id=order.id or None,
        created_at=order.placed_at if order.id else UNSET,
        updated_at=order.updated_at if order.id else UNSET,
    )


def _owner_of(option: Option) -> str:
    """The id under which things are said of an option."""
    if option.object == "promotion_stack":
        return option.key
    voucher, campaign = option.coupon.voucher, option.coupon.campaign
    return campaign.id if option.object == "campaign" and campaign is not None else voucher.id


async def _list_categories(tx: Tx, option: Option) -> tuple[str, ...]:
    """Return the ids of an option's categories: its own, else its campaign's."""
    if option.object == "promotion_stack":
        stack = await get_promotion_stack(tx, option.key)
        return () if stack.category_id is None else (stack.category_id,)
    voucher, campaign = option.coupon.voucher, option.coupon.campaign
    return voucher.category_ids or (() if campaign is None else campaign.category_ids)


def _view_qualified(
    qualified: Qualified, said: Mapping[str, Said], *, expand: frozenset[str]
) -> QualifiedView:
    option = qualified.option
    view = QualifiedView(
        id=option.key,
        object=option.object,
        created_at=option.created_at,
        result=_view_result(qualified),
        order=view_closing(qualified.validation),
        applicable_to=ScopeList(),
        inapplicable_to=ScopeList(),
    )
    if "redeemable" in expand:
        view = msgspec.structs.replace(view, **_describe(option))
    own = said.get(_owner_of(option), NOTHING_SAID)
    if "category" in expand:
        view = msgspec.structs.replace(view, categories=own.categories)
    if "validation_rules" in expand:
        view = msgspec.structs.replace(view, validation_rules_assignments=own.assignments)
    return view


def _describe(option: Option) -> dict[str, Any]:
    voucher, campaign = option.coupon.voucher, option.coupon.campaign
    if option.object == "campaign":
        assert campaign is not None
        return {"metadata": campaign.metadata, "name": campaign.name}
    is_stack = option.object == "promotion_stack"
    names: dict[str, Any] = {
        "metadata": {} if is_stack else voucher.metadata,
        "name": option.name or UNSET,
        "banner": option.banner or UNSET,
    }
    if campaign is not None:
        names |= {"campaign_name": campaign.name, "campaign_id": campaign.id}
    return names


def _view_result(qualified: Qualified) -> ResultView:
    if qualified.option.object == "promotion_stack":
        # Several discounts: the order has their figures.
        return ResultView()
    candidate = qualified.validation.inputs.candidates[0]
    match candidate.offer.effect:
        case StoredValue():
            paid = CreditsView(balance=candidate.balance or 0, credits=qualified.discount_minor)
            return ResultView(gift=paid)
        case PointsPayment():
            return ResultView(loyalty_card=PointsView(points=qualified.balance_taken))
        case _:
            return ResultView(discount=view_discount(_offer_of(qualified.option.coupon)) or UNSET)


def _offer_of(coupon: Coupon) -> dict[str, Any]:
    if coupon.voucher.offer is not None:
        return coupon.voucher.offer
    assert coupon.campaign is not None, "a voucher without an offer has its campaign's"
    return coupon.campaign.offer


@writes("POST", "/", "Check eligibility", dry=Dry.ON_REQUEST)
async def check_eligibility(
    request: AnyRequest, data: JSONBody[QualificationBody], call: CurrentCall, dry: CurrentDryRun
) -> QualificationView:
    """List what the customer could use on the order, each by itself; nothing is written.

    Limits per customer and per campaign, and rules about the amount before discounts, are not
    looked at: a validation says whether something can be redeemed.
    """
    async with call.transaction() as tx:
        now = await tell_time(tx, dry.moment, now=call.now)
        found = await qualify(tx, await read_qualification(tx, data), now=now)
        view = await load_qualification(tx, found, data)
    if not dry.asked:
        for tried in found.tried:
            keep_attempt(request, call, tried)
    return view


def qualifications_router() -> Router:
    """Routes of qualifications."""
    return Router(
        path="/qualifications", route_handlers=[check_eligibility], tags=["Qualifications"]
    )
