"""Trying a campaign on a cart before it runs: what comes off, or why nothing does."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath

from kaquan.campaigns import (
    Campaign,
    CampaignKind,
    get_campaign,
    list_promotion_tiers,
    list_vouchers_by_id,
)
from kaquan.checkout import (
    CheckoutRequest,
    Coupon,
    SimulatedOffer,
    Validation,
    simulate,
    simulate_campaign,
)
from kaquan.console.language import N_, translations
from kaquan.console.page import PageView
from kaquan.console.pages.argument_shapes import Shape
from kaquan.console.pages.argument_texts import NEEDED, NO_GOODS, Reader, Terms, row_count
from kaquan.console.pages.campaign_form import NOT_POSSIBLE, drop_row
from kaquan.console.render import page_of, render
from kaquan.console.sentences import say_sentence
from kaquan.console.session import page_snapshot
from kaquan.customers import (
    OrderDraft,
    OrderLineDraft,
    get_customer,
    list_locations,
    list_products_named,
    list_skus_named,
)
from kaquan.engine import Applied, explain
from kaquan.runtime import InvalidInput, NotFound, Tx, format_money, minor_digits

PATH = "/console/campaigns"
LINES = "lines"
MOST_LINES, MOST_LOCATIONS, MOST_TIERS = 20, 50, 30
NOBODY = N_("There is no customer “%(given)s”.")
LARGEST_QUANTITY = 10**6
MOST_MONEY = 10**12
_AT = Shape(key="at", kind="moment")

AnyRequest = Request[Any, Any, Any]


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the cart; ``reasons`` are sentences, for what took nothing off."""

    before_minor: int
    off_minor: int
    reasons: tuple[str, ...]
    lines: tuple[tuple[str, int], ...]


@get(f"{PATH}/{{campaign_id:str}}/try", include_in_schema=False)
async def show_trial(request: AnyRequest, campaign_id: FromPath[str]) -> Response[str]:
    """An empty cart."""
    return await _show(request, campaign_id, {f"{LINES}#": "1", f"{LINES}.0.quantity": "1"})


@post(f"{PATH}/{{campaign_id:str}}/try", include_in_schema=False)
async def try_campaign(request: AnyRequest, campaign_id: FromPath[str]) -> Response[str]:
    """Work the cart out; nothing is stored."""
    form = await request.form()
    given = {key: text.strip() for key, text in form.items() if isinstance(text, str)}
    verb, _, index = given.pop("step", "").partition(":")
    count = row_count(given, LINES)
    if verb == "add":
        given[f"{LINES}.{count}.quantity"] = "1"
        given[f"{LINES}#"] = str(min(count + 1, MOST_LINES))
    if verb == "drop" and index.isdecimal() and len(index) < 4:
        given = drop_row(given, LINES, int(index))
    return await _show(request, campaign_id, given, asked=not verb)


async def _show(
    request: AnyRequest, campaign_id: str, given: dict[str, str], *, asked: bool = False
) -> Response[str]:
    page = page_of(request)
    reader = Reader(given, Terms(currency=page.currency, zone=page.zone.key))
    trial: Trial | None = None
    async with page_snapshot(request) as tx:
        campaign = await get_campaign(tx, campaign_id)
        if asked:
            trial = await _try(tx, campaign, reader, page=page)
        places = (await list_locations(tx, limit=MOST_LOCATIONS)).items
    say = translations(page.language).gettext
    errors = {name: say_sentence(fault, say) for name, fault in reader.faults.items()}
    return render(
        request,
        "pages/campaign_try.html",
        status_code=HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK,
        campaign=campaign,
        given=given,
        errors=errors,
        count=row_count(given, LINES),
        places=[("", say("Anywhere")), *((one.id, one.name or one.id) for one in places)],
        trial=trial,
    )


async def _try(tx: Tx, campaign: Campaign, reader: Reader, *, page: PageView) -> Trial | None:
    cart = await _cart(tx, reader)
    customer_id = await _customer(tx, reader)
    shipping = reader.number(
        "shipping", scale=minor_digits(page.currency), least=0, most=MOST_MONEY
    )
    at = page.now
    told = reader.arguments([_AT], "")
    if "at" in told:
        at = datetime.fromisoformat(told["at"])
    if reader.faults:
        return None
    order = OrderDraft(lines=tuple(cart), shipping_minor=shipping or 0)
    offers = await _offers(tx, campaign, page=page)
    checkout = CheckoutRequest(
        redeemables=(),
        order=order,
        customer=customer_id,
        location_id=reader.text("location") or None,
        channel=reader.text("channel") or "API",
        payment_method=reader.text("payment") or None,
    )
    try:
        validation = await simulate(tx, checkout, offers, now=at)
    except InvalidInput as error:
        return reader.fault(LINES, NOT_POSSIBLE, why=error.sentence)
    return _tell(validation, page)


async def _offers(tx: Tx, campaign: Campaign, *, page: PageView) -> dict[str, SimulatedOffer]:
    if campaign.kind is not CampaignKind.PROMOTION:
        offer = simulate_campaign(
            campaign, campaign.name, is_draft=False, whenever=False, now=page.now
        )
        return {campaign.name: offer}
    tiers = await list_promotion_tiers(
        tx, campaign_id=campaign.id, order="hierarchy", limit=MOST_TIERS
    )
    vouchers = await list_vouchers_by_id(tx, [tier.id for tier in tiers.items])
    return {one.id: SimulatedOffer(coupon=Coupon(one, campaign)) for one in vouchers}


async def _cart(tx: Tx, reader: Reader) -> list[OrderLineDraft]:
    digits = minor_digits(reader.terms.currency)
    rows = range(min(row_count(reader.given, LINES), MOST_LINES))
    named = [text for row in rows if (text := reader.text(f"{LINES}.{row}.goods"))]
    products = await list_products_named(tx, named) if named else []
    skus = await list_skus_named(tx, named) if named else []
    of_sku = {one.id: (one.product_id, one.id) for one in skus}
    of_sku |= {one.source_id: (one.product_id, one.id) for one in skus if one.source_id}
    known = {one.id: one.id for one in products}
    known |= {one.source_id: one.id for one in products if one.source_id}
    lines: list[OrderLineDraft] = []
    for row in rows:
        prefix = f"{LINES}.{row}"
        goods = reader.text(f"{prefix}.goods")
        quantity = reader.number(f"{prefix}.quantity", scale=0, least=1, most=LARGEST_QUANTITY)
        price = reader.number(f"{prefix}.price", scale=digits, least=0, most=MOST_MONEY)
        product_id, sku_id = of_sku.get(goods, (known.get(goods), None))
        if goods and product_id is None:
            reader.fault(f"{prefix}.goods", NO_GOODS, given=goods[:100])
        if not goods and price is None:
            reader.fault(f"{prefix}.price", NEEDED)
        line = OrderLineDraft(
            product_id=product_id,
            quantity=quantity or 1,
            unit_price_minor=price,
            details={} if sku_id is None else {"sku_id": sku_id},
        )
        lines.append(line)
    if not lines:
        reader.fault(LINES, NEEDED)
    return lines


async def _customer(tx: Tx, reader: Reader) -> str | None:
    told = reader.text("customer")
    if not told:
        return None
    try:
        return (await get_customer(tx, told)).id
    except NotFound:
        return reader.fault("customer", NOBODY, given=told[:100])


def _tell(validation: Validation, page: PageView) -> Trial:
    language = page.language.value

    def money(amount_minor: int) -> str:
        return format_money(amount_minor, currency=page.currency, language=page.language)

    applied = [one.result for one in validation.attempts if isinstance(one.result, Applied)]
    shared = [0] * max((len(one.allocation) for one in applied), default=0)
    for one in applied:
        for index, amount in enumerate(one.allocation):
            shared[index] += amount
    order = validation.order
    names = [] if order is None else [line.product_id or "" for line in order.lines]
    reasons = [
        explain(reason, language, money) for one in validation.attempts for reason in one.reasons
    ]
    return Trial(
        before_minor=validation.figures.amount_minor,
        off_minor=sum(one.total_discount_minor for one in applied) if validation.valid else 0,
        reasons=tuple(dict.fromkeys(reasons)),
        lines=tuple((names[i] if i < len(names) else "", off) for i, off in enumerate(shared)),
    )
