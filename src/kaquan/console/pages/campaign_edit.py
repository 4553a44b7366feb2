"""Designing a campaign: its form, redrawn while it is filled in, stored as a draft, changed."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath

from kaquan.campaigns import (
    Campaign,
    CampaignKind,
    GrantBelowUse,
    OwnerKind,
    PromotionTier,
    TierChange,
    TierDraft,
    create_campaign,
    create_tier,
    find_terms,
    get_campaign,
    list_promotion_tiers,
    request_vouchers,
    set_terms,
    update_campaign,
    update_tier,
)
from kaquan.console.language import N_, translations
from kaquan.console.page import PageView
from kaquan.console.pages.argument_fields import Drawing
from kaquan.console.pages.argument_shapes import (
    LISTED,
    NAMED,
    condition_shapes,
    effect_shapes,
    summaries,
    window_shapes,
)
from kaquan.console.pages.argument_texts import Reader, Terms, row_count, split_list
from kaquan.console.pages.campaign_form import (
    FRESH,
    LARGEST_COUNT,
    NOT_POSSIBLE,
    add_row,
    change_of,
    complete,
    draft_of,
    drop_row,
    effects_of,
    kind_in,
    offer_texts,
    read_offer,
    read_settings,
    write_campaign,
    write_offer,
)
from kaquan.console.pages.campaign_rules import RULES
from kaquan.console.pages.campaign_sentence import tell_campaign
from kaquan.console.pages.campaign_work import GUESSABLE
from kaquan.console.pages.words_of_offers import CONDITIONS, EFFECTS, KINDS
from kaquan.console.render import page_of, redirect, render
from kaquan.console.sentences import say_sentence
from kaquan.console.session import page_snapshot, page_transaction
from kaquan.customers import list_locations, list_products_named, list_skus_named
from kaquan.runtime import Duplicate, InvalidInput, Tx
from kaquan.segments import list_segments

PATH = "/console/campaigns"
MOST_FIELDS, MOST_LOCATIONS, MOST_TIERS = 3_000, 50, 50

TAKEN = N_("There is a campaign of this name already.")
BELOW_USE = N_("%(used)s of this is used or reserved already; the limit cannot be lower.")
_FIELDS = {
    "expires_at": "ends",
    "starts_at": "starts",
    "budget_minor": "budget",
    "per_customer_cap": "cap",
    "redemption_cap": "redemptions",
    "holdout_bps": "holdout",
    "voucher_template.balance": "balance",
    "code_config.charset": "length",
    "code_config": "length",
}

AnyRequest = Request[Any, Any, Any]


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """What the form changes: a campaign, its offer as it was stated, and a promotion's tier."""

    campaign: Campaign
    offer: dict[str, Any] | None
    tier: PromotionTier | None = None
    tiers: tuple[PromotionTier, ...] = ()


@get(f"{PATH}/new", include_in_schema=False)
async def show_new_campaign(request: AnyRequest) -> Response[str]:
    """The empty form."""
    return await _show(request, dict(FRESH))


@post(f"{PATH}/new", include_in_schema=False)
async def add_campaign(request: AnyRequest) -> Response[str]:
    """Store a draft with its codes asked for, or redraw the form."""
    page, given = page_of(request), await _read(request)
    if given.get("step"):
        return await _show(request, given)
    async with page_snapshot(request) as tx:
        reader = Reader(given, await _terms(tx, page, given))
    fields, offer = read_settings(reader, None), read_offer(reader)
    kind = kind_in(given)
    wanted = None
    if kind is not CampaignKind.PROMOTION:
        wanted = reader.number("count", scale=0, least=1, most=LARGEST_COUNT)
    if reader.faults or offer is None:
        return await _refuse(request, reader)
    try:
        async with page_transaction(request) as tx:
            made = await create_campaign(tx, draft_of(fields, kind, offer), now=page.now)
            if kind is CampaignKind.PROMOTION:
                await create_tier(tx, made.id, TierDraft(name=made.name, offer=offer), now=page.now)
            if wanted is not None:
                await request_vouchers(tx, made.id, wanted, now=page.now)
    except (InvalidInput, Duplicate, GrantBelowUse) as error:
        _note(reader, error)
        return await _refuse(request, reader)
    notice = N_("The draft is stored. Try it on a cart, then let it run.")
    return redirect(f"{PATH}/{made.id}", notice=_say(page, notice))


@get(f"{PATH}/{{campaign_id:str}}/edit", include_in_schema=False)
async def show_campaign_form(request: AnyRequest, campaign_id: FromPath[str]) -> Response[str]:
    """The form with what a campaign has."""
    page = page_of(request)
    async with page_snapshot(request) as tx:
        stored = await _load(tx, campaign_id, page)
        terms = await _terms(tx, page, {}, stored)
    return await _show(request, _texts(stored, terms), stored=stored)


@post(f"{PATH}/{{campaign_id:str}}/edit", include_in_schema=False)
async def save_campaign(request: AnyRequest, campaign_id: FromPath[str]) -> Response[str]:
    """Change a campaign, or redraw the form."""
    page, given = page_of(request), await _read(request)
    async with page_snapshot(request) as tx:
        stored = await _load(tx, campaign_id, page)
        reader = Reader(given, await _terms(tx, page, given, stored))
    given["kind"] = stored.campaign.kind.value
    if given.get("step"):
        return await _show(request, given, stored=stored)
    fields, offer = read_settings(reader, stored.campaign), read_offer(reader)
    if reader.faults or offer is None:
        return await _refuse(request, reader, stored=stored)
    if offer_texts(given) == offer_texts(complete(_texts(stored, reader.terms), reader.terms)):
        offer = None
    try:
        async with page_transaction(request) as tx:
            await _save(tx, stored, fields, offer, page=page)
    except (InvalidInput, Duplicate, GrantBelowUse) as error:
        _note(reader, error, stored=stored, fields=fields)
        return await _refuse(request, reader, stored=stored)
    return redirect(f"{PATH}/{stored.campaign.id}", notice=_say(page, N_("Saved.")))


@post(f"{PATH}/sentence", include_in_schema=False)
async def tell_offer(request: AnyRequest) -> Response[str]:
    """What the form means, in a sentence; or that something is missing yet."""
    page, given = page_of(request), await _read(request)
    async with page_snapshot(request) as tx:
        reader = Reader(given, await _terms(tx, page, given))
        names = {one.id: one.name for one in await list_segments(tx)}
    offer = read_offer(reader)
    told = "" if offer is None else tell_campaign(offer, page=page, segments=names)
    return render(request, "pages/campaign_sentence.html", told=told)


async def _save(
    tx: Tx,
    stored: Stored,
    fields: Mapping[str, Any],
    offer: dict[str, Any] | None,
    *,
    page: PageView,
) -> None:
    known, now = stored.campaign, page.now
    promotes = known.kind is CampaignKind.PROMOTION
    change = change_of(fields, known, None if promotes else offer)
    after = await update_campaign(tx, known.id, change, now=now)
    stated = msgspec.UNSET if promotes or offer is None else after.offer
    await set_terms(tx, OwnerKind.CAMPAIGN, known.id, offer=stated, now=now)
    if not promotes or offer is None:
        return
    if stored.tier is None:
        await create_tier(tx, known.id, TierDraft(name=after.name, offer=offer), now=now)
        return
    tier = await update_tier(tx, stored.tier.id, TierChange(offer=offer), now=now)
    kind = OwnerKind.PROMOTION_TIER
    await set_terms(tx, kind, tier.id, offer=tier.offer, now=now)


async def _load(tx: Tx, campaign_id: str, page: PageView) -> Stored:
    campaign = await get_campaign(tx, campaign_id)
    if campaign.kind is not CampaignKind.PROMOTION:
        terms = await find_terms(tx, campaign.id)
        stated = None if terms is None else terms.offer
        return Stored(campaign=campaign, offer=stated or campaign.offer)
    found = await list_promotion_tiers(
        tx, campaign_id=campaign.id, order="hierarchy", limit=MOST_TIERS
    )
    if not found.items:
        return Stored(campaign=campaign, offer=None)
    wanted = dict(page.query).get("tier")
    tier = next((one for one in found.items if one.id == wanted), found.items[0])
    terms = await find_terms(tx, tier.id)
    stated = None if terms is None else terms.offer
    tiers = tuple(found.items)
    return Stored(campaign=campaign, offer=stated or tier.offer, tier=tier, tiers=tiers)


def _texts(stored: Stored, terms: Terms) -> dict[str, str]:
    texts = write_campaign(stored.campaign, terms)
    if stored.offer is None:
        return texts | {"effect": FRESH["effect"], "rules#": "0"}
    return texts | write_offer(stored.offer, terms)


async def _terms(
    tx: Tx, page: PageView, given: Mapping[str, str], stored: Stored | None = None
) -> Terms:
    bare = Terms(currency=page.currency, zone=page.zone.key)
    kept = set[str]()
    if stored is not None and stored.offer is not None:
        kept = _references(write_offer(stored.offer, bare))
    wanted = sorted(_references(given) | kept)
    if not wanted:
        return bare
    found = [*await list_products_named(tx, wanted), *await list_skus_named(tx, wanted)]
    own = {one.source_id: one.id for one in found if one.source_id}
    return msgspec.structs.replace(
        bare,
        goods={one: one for one in kept} | own | {one.id: one.id for one in found},
        goods_names={one.id: one.source_id or one.id for one in found},
    )


def _references(texts: Mapping[str, str]) -> set[str]:
    names = LISTED | NAMED
    some = (text for name, text in texts.items() if name.rpartition(".")[2] in names)
    return {one for text in some for one in split_list(text)}


async def _read(request: AnyRequest) -> dict[str, str]:
    form = await request.form()
    texts = [(key, value) for key, value in form.multi_items() if isinstance(value, str)]
    given: dict[str, str] = {}
    for key, value in texts[:MOST_FIELDS]:
        text = value.replace("\r\n", "\n").strip()
        # Boxes that share a name are the entries of one list.
        known = given.get(key)
        given[key] = text if known in (None, text) else f"{known}\n{text}"
    given.pop("csrf_token", None)
    return given


def _stepped(given: dict[str, str], terms: Terms) -> dict[str, str]:
    step = given.pop("step", "")
    verb, _, name = step.partition(":")
    if verb == "add":
        return add_row(given, name, terms)
    list_name, _, index = name.rpartition(".")
    if verb == "drop" and index.isdecimal() and len(index) < 4:
        return drop_row(given, list_name, int(index))
    return given


def _note(
    reader: Reader,
    error: InvalidInput | Duplicate | GrantBelowUse,
    *,
    stored: Stored | None = None,
    fields: Mapping[str, Any] | None = None,
) -> None:
    if isinstance(error, GrantBelowUse):
        limits = (("budget", "budget_minor"), ("redemptions", "redemption_cap"))
        lowered = [
            name
            for name, field in limits
            if stored and fields and fields[field] == error.details["wanted"]
        ]
        reader.fault(lowered[0] if lowered else "cap", BELOW_USE, used=error.details["used"])
    elif isinstance(error, Duplicate):
        reader.fault("name", TAKEN)
    else:
        plain = error.field.removeprefix("code_config.").removeprefix("voucher_template.")
        name = _FIELDS.get(error.field, plain)
        if error.key == "code_space_too_small":
            reader.fault(name, GUESSABLE)
        else:
            reader.fault(name, NOT_POSSIBLE, why=error.sentence)


async def _refuse(
    request: AnyRequest, reader: Reader, *, stored: Stored | None = None
) -> Response[str]:
    gettext = translations(page_of(request).language).gettext
    errors = {name: say_sentence(fault, gettext) for name, fault in reader.faults.items()}
    return await _show(request, dict(reader.given), errors=errors, stored=stored)


async def _show(
    request: AnyRequest,
    given: dict[str, str],
    *,
    errors: dict[str, str] | None = None,
    stored: Stored | None = None,
) -> Response[str]:
    page = page_of(request)
    async with page_snapshot(request) as tx:
        terms = await _terms(tx, page, given, stored)
        segments = await list_segments(tx)
        places = (await list_locations(tx, limit=MOST_LOCATIONS)).items
    texts = complete(_stepped(given, terms), terms)
    say = translations(page.language).gettext
    known = {
        "segment_id": [(one.id, one.name) for one in segments],
        "location_ids": [(one.id, one.name or one.id) for one in places],
    }
    drawing = Drawing(texts, errors or {}, say=say, known=known)
    offer = read_offer(Reader(texts, terms))
    names = {one.id: one.name for one in segments}
    return render(
        request,
        "pages/campaign_form.html",
        status_code=HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK,
        given=texts,
        errors=errors or {},
        stored=stored,
        send_to=f"{page.path}?tier={stored.tier.id}" if stored and stored.tier else page.path,
        kind=kind_in(texts),
        kinds=[(one.value, say(word)) for one, word in KINDS.items()],
        effects=_codes(effects_of(kind_in(texts)), EFFECTS, page),
        effect=drawing.fields(effect_shapes()[texts["effect"]], "effect", texts["effect"]),
        window=drawing.fields(window_shapes(), "window", "window"),
        rules=_rules(texts, drawing),
        conditions=[("", say("Choose")), *_codes(tuple(condition_shapes()), CONDITIONS, page)],
        told="" if offer is None else tell_campaign(offer, page=page, segments=names),
    )


def _rules(texts: Mapping[str, str], drawing: Drawing) -> list[Any]:
    rules: list[Any] = []
    for number in range(row_count(texts, RULES)):
        code = texts.get(f"{RULES}.{number}", "")
        shapes = condition_shapes().get(code, ())
        rules.append(drawing.fields(shapes, f"{RULES}.{number}", code))
    return rules


def _codes(
    codes: tuple[str, ...], known: Mapping[str, str], page: PageView
) -> list[tuple[str, str]]:
    """Those that have words in the order of the words, then those of plugins by their summary."""
    order = [code for code in known if code in codes]
    order += [code for code in codes if code not in known]
    return [
        (code, _say(page, known[code]) if code in known else summaries()[code]) for code in order
    ]


def _say(page: PageView, text: str) -> str:
    return translations(page.language).gettext(text)
