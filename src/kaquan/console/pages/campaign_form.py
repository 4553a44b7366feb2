"""The form of a campaign: its texts from what is stored, and a draft or a change from them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from kaquan.campaigns import (
    Activation,
    Campaign,
    CampaignChange,
    CampaignDraft,
    CampaignKind,
    CodeConfig,
    VoucherTemplate,
)
from kaquan.console.language import N_
from kaquan.console.pages.argument_shapes import (
    Shape,
    condition_shapes,
    effect_shapes,
    window_shapes,
)
from kaquan.console.pages.argument_texts import (
    NEEDED,
    NO_CHOICE,
    NO_DAY,
    Reader,
    Terms,
    plain_number,
    row_count,
    write_arguments,
)
from kaquan.console.pages.campaign_rules import RULES, ReadRules, read_rules, write_rules
from kaquan.console.pages.words_of_offers import FAULTS
from kaquan.engine import InvalidOffer, parse_condition, parse_effect, parse_window, start_of_day
from kaquan.runtime import minor_digits

LARGEST_CAP, LARGEST_COUNT, LONGEST_CODE = 10**6, 10**7, 40
BAD_PATTERN = N_("Each # becomes a random character; there is none in it.")
NOT_POSSIBLE = N_("This is not possible: %(why)s")
BAD_FORMULA = N_("This formula cannot be read: %(why)s")
NO_CLOCK = N_("Write the time as 09:30.")

FRESH: Mapping[str, str] = {
    "kind": CampaignKind.DISCOUNT_COUPONS.value,
    "effect": "amount_off",
    "holdout": "10",
    "quantity": "1",
    "length": "10",
    "mint": "yes",
    "join_once": "yes",
    "rules#": "0",
}
OF_OFFER = ("effect", "window", "rules")
_BALANCES = {
    CampaignKind.GIFT_VOUCHERS: ("stored_value",),
    CampaignKind.LOYALTY_PROGRAM: ("points_payment",),
}
_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):[0-5][0-9]", re.ASCII)


def effects_of(kind: CampaignKind) -> tuple[str, ...]:
    """The effects that a campaign of this kind can have."""
    held = {code for some in _BALANCES.values() for code in some}
    return _BALANCES.get(kind) or tuple(code for code in effect_shapes() if code not in held)


def kind_in(given: Mapping[str, str]) -> CampaignKind:
    """The kind that was chosen; coupons for what is none."""
    found = next((one for one in CampaignKind if one.value == given.get("kind")), None)
    return found or CampaignKind.DISCOUNT_COUPONS


def complete(given: Mapping[str, str], terms: Terms) -> dict[str, str]:
    """The texts with those of an effect that was chosen just now: rows and defaults it needs."""
    texts = dict(given)
    allowed = effects_of(kind_in(texts))
    if texts.get("effect") not in allowed:
        texts["effect"] = allowed[0]
    fresh = write_arguments(effect_shapes()[texts["effect"]], "effect", {}, terms)
    fresh |= write_arguments(window_shapes(), "window", {}, terms)
    for number in range(row_count(texts, RULES)):
        shapes = condition_shapes().get(texts.get(f"{RULES}.{number}", ""), ())
        fresh |= write_arguments(shapes, f"{RULES}.{number}", {}, terms)
    return _filled(texts, fresh)


def _filled(texts: dict[str, str], fresh: Mapping[str, str]) -> dict[str, str]:
    # Boxes that are not ticked are not sent: a row that is there already keeps them so.
    there = {name.removesuffix("#") for name in texts if name.endswith("#")}
    rows = {name.removesuffix("#") for name in fresh if name.endswith("#")} & there
    missing = {
        name: text
        for name, text in fresh.items()
        if not any(name.startswith(f"{row}.") for row in rows)
    }
    return missing | texts


def add_row(given: Mapping[str, str], name: str, terms: Terms) -> dict[str, str]:
    """The texts with another row of a list, as it begins."""
    count = row_count(given, name)
    texts = {**given, f"{name}#": str(count + 1)}
    place = f"{name}.{count}"
    if name == RULES:
        return texts | {f"{place}.join": "and"}
    shape = _find_rows(given, name)
    return texts if shape is None else texts | write_arguments(shape.fields, place, {}, terms)


def drop_row(given: Mapping[str, str], name: str, index: int) -> dict[str, str]:
    """The texts without one row of a list; those behind it move up."""
    texts: dict[str, str] = {}
    for key, text in given.items():
        found = re.fullmatch(rf"{re.escape(name)}\.(\d+)(.*)", key)
        number = int(found[1]) if found else -1
        if found is None or number < index:
            texts[key] = text
        elif number > index:
            texts[f"{name}.{number - 1}{found[2]}"] = text
    return texts | {f"{name}#": str(max(0, row_count(given, name) - 1))}


def _find_rows(given: Mapping[str, str], name: str) -> Shape | None:
    head, *path = name.split(".")
    if head == RULES and path:
        some = condition_shapes().get(given.get(f"{RULES}.{path[0]}", ""), ())
    else:
        some = effect_shapes().get(given.get("effect", ""), ()) if head == "effect" else ()
        some = window_shapes() if head == "window" else some
    found = None
    for key in (one for one in path if not one.isdecimal()):
        found = next((shape for shape in some if shape.key == key), None)
        some = () if found is None else found.fields
    return found


def write_offer(offer: Mapping[str, Any], terms: Terms) -> dict[str, str]:
    """The texts of an offer."""
    effect = offer["effect"]
    texts = {"effect": str(effect["code"])}
    texts |= write_arguments(effect_shapes()[effect["code"]], "effect", effect, terms)
    texts |= write_arguments(window_shapes(), "window", offer.get("window") or {}, terms)
    return texts | write_rules(offer.get("condition"), terms)


def write_campaign(campaign: Campaign, terms: Terms) -> dict[str, str]:
    """The texts of a campaign, its offer apart."""
    template, code = campaign.voucher_template, campaign.voucher_template.code
    digits = minor_digits(terms.currency)
    money_balance = digits if campaign.kind is CampaignKind.GIFT_VOUCHERS else 0
    given = {
        "name": campaign.name,
        "description": campaign.description,
        "kind": campaign.kind.value,
        "budget": _amount(campaign.budget_minor, digits),
        "cap": campaign.per_customer_cap,
        "redemptions": campaign.redemption_cap,
        "holdout": plain_number(campaign.holdout_bps, 2),
        "open_to_holdout": "yes" if campaign.open_to_holdout else "",
        "join_once": "yes" if campaign.join_once else "",
        "mint": "yes" if campaign.activation is Activation.AUTO_UPDATE else "",
        "quantity": template.quantity,
        "balance": _amount(template.balance or None, money_balance),
        "prefix": code.prefix,
        "length": code.length,
        "pattern": code.pattern,
        "check": "yes" if code.check else "",
        "public": "yes" if code.public else "",
    }
    texts = {name: str(value) for name, value in given.items() if value is not None}
    start = _write_moment(campaign.starts_at, terms, ends=False)
    end = _write_moment(campaign.expires_at, terms, ends=True)
    return texts | dict(
        zip(("starts", "starts_time", "ends", "ends_time"), start + end, strict=True)
    )


def read_offer(reader: Reader) -> dict[str, Any] | None:
    """The offer that the form means, as the engine's JSON; None where something is wrong."""
    before = len(reader.faults)
    shapes = effect_shapes().get(reader.text("effect"))
    if shapes is None or reader.text("effect") not in effects_of(kind_in(reader.given)):
        reader.fault("effect", NO_CHOICE)
        return None
    effect = {"code": reader.text("effect"), **reader.arguments(shapes, "effect")}
    window = reader.arguments(window_shapes(), "window")
    rules = read_rules(reader)
    if len(reader.faults) > before:
        return None
    for parse, data in (
        (parse_effect, effect),
        (parse_window, window),
        (parse_condition, rules.condition),
    ):
        try:
            parse(data)
        except InvalidOffer as error:
            note_fault(reader, error, rules)
    offer = {"effect": effect, "window": window, "condition": rules.condition}
    return None if len(reader.faults) > before else offer


def note_fault(reader: Reader, error: InvalidOffer, rules: ReadRules) -> None:
    """Note what the engine refuses, at the field that it is about."""
    name = error.path
    for place, prefix in sorted(rules.places.items(), key=lambda pair: -len(pair[0])):
        if name == place or name.startswith(f"{place}."):
            name = prefix + name.removeprefix(place)
            break
    name = re.sub(r"\[(\d+)\]", r".\1", name)
    if name.startswith("condition"):
        name = "rules_json"
    why = str(error).removeprefix(f"{error.path}: ")
    known = FAULTS.get(why)
    if known is not None:
        reader.fault(name, known)
    else:
        formula = error.key.startswith("formula_")
        reader.fault(name, BAD_FORMULA if formula else NOT_POSSIBLE, why=why)


def read_settings(reader: Reader, known: Campaign | None) -> dict[str, Any]:
    """The fields of a draft besides its offer; of what was not touched the stored value stays."""
    kind = kind_in(reader.given) if known is None else known.kind
    if not reader.text("name"):
        reader.fault("name", NEEDED)
    digits = minor_digits(reader.terms.currency)
    holdout = reader.number("holdout", scale=2, least=0, most=10_000)
    fields: dict[str, Any] = {
        "name": reader.text("name"),
        "description": reader.text("description") or None,
        "budget_minor": reader.number("budget", scale=digits, least=0, most=None),
        "per_customer_cap": reader.number("cap", scale=0, least=1, most=LARGEST_CAP),
        "redemption_cap": reader.number("redemptions", scale=0, least=1, most=10**9),
        "holdout_bps": holdout or 0,
        "open_to_holdout": reader.text("open_to_holdout") == "yes",
        "starts_at": _moment(reader, "starts", ends=False),
        "expires_at": _moment(reader, "ends", ends=True),
    }
    if kind is not CampaignKind.PROMOTION:
        minting = reader.text("mint") == "yes"
        fields |= {
            "join_once": reader.text("join_once") == "yes",
            "activation": Activation.AUTO_UPDATE if minting else Activation.STATIC,
            "voucher_template": _template(reader, kind, known),
        }
    if known is not None:
        fields |= _untouched_period(reader, known)
    if fields["starts_at"] and fields["expires_at"] and fields["expires_at"] <= fields["starts_at"]:
        reader.fault("ends", N_("The start must come before the end."))
    return fields


def _untouched_period(reader: Reader, known: Campaign) -> dict[str, datetime | None]:
    # The form shows minutes: what was stored with seconds stays as it is until it is changed.
    written, kept = write_campaign(known, reader.terms), dict[str, datetime | None]()
    for name, field in (("starts", "starts_at"), ("ends", "expires_at")):
        names = (name, f"{name}_time")
        if all(reader.text(one) == written[one] for one in names):
            kept[field] = getattr(known, field)
    return kept


def draft_of(fields: Mapping[str, Any], kind: CampaignKind, offer: dict[str, Any]) -> CampaignDraft:
    """A campaign that is switched off until somebody activates it."""
    promotes = kind is CampaignKind.PROMOTION
    return CampaignDraft(**fields, kind=kind, offer={} if promotes else offer, active=False)


def change_of(
    fields: Mapping[str, Any], known: Campaign, offer: dict[str, Any] | None
) -> CampaignChange:
    """What differs from the campaign; ``offer`` None leaves that."""
    changed = {name: value for name, value in fields.items() if value != getattr(known, name)}
    if offer is not None:
        changed["offer"] = offer
    return CampaignChange(**changed)


def offer_texts(texts: Mapping[str, str]) -> dict[str, str]:
    """Those texts that mean the offer, to see whether it was touched."""
    return {
        name: text.strip()
        for name, text in texts.items()
        if name.startswith(OF_OFFER) and text.strip()
    }


def _template(reader: Reader, kind: CampaignKind, known: Campaign | None) -> VoucherTemplate:
    before = VoucherTemplate() if known is None else known.voucher_template
    pattern = reader.text("pattern") or None
    if pattern is not None and "#" not in pattern:
        reader.fault("pattern", BAD_PATTERN)
    digits = minor_digits(reader.terms.currency) if kind is CampaignKind.GIFT_VOUCHERS else 0
    holds = kind in _BALANCES
    balance = reader.number("balance", scale=digits, least=0, most=None) if holds else None
    length = reader.number("length", scale=0, least=1, most=LONGEST_CODE)
    code: CodeConfig = msgspec.structs.replace(
        before.code,
        prefix=reader.text("prefix"),
        length=None if pattern else length,
        pattern=pattern,
        check=reader.text("check") == "yes",
        public=reader.text("public") == "yes",
    )
    return msgspec.structs.replace(
        before,
        code=code,
        quantity=reader.number("quantity", scale=0, least=1, most=10**9),
        balance=balance or 0,
    )


def _moment(reader: Reader, name: str, *, ends: bool) -> datetime | None:
    """The start of a day or the end of it, on the project's clocks, or the time that was typed."""
    text, clock = reader.text(name), reader.text(f"{name}_time")
    if not text:
        return reader.fault(name, NEEDED) if clock else None
    zone = reader.terms.zone
    try:
        day = date.fromisoformat(text)
        if not clock:
            return start_of_day(day + timedelta(days=1) if ends else day, zone)
        if not _CLOCK.fullmatch(clock):
            return reader.fault(f"{name}_time", NO_CLOCK)
        at = datetime.combine(day, time.fromisoformat(clock.zfill(5)), tzinfo=ZoneInfo(zone))
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        return reader.fault(name, NO_DAY)


def _write_moment(moment: datetime | None, terms: Terms, *, ends: bool) -> tuple[str, str]:
    if moment is None:
        return "", ""
    local = moment.astimezone(ZoneInfo(terms.zone))
    if local.time() != time(0):
        return f"{local:%Y-%m-%d}", f"{local:%H:%M}"
    return f"{(local - timedelta(days=1) if ends else local):%Y-%m-%d}", ""


def _amount(value: int | None, digits: int) -> str | None:
    return None if value is None else plain_number(value, digits)
