"""What a clerk enters at the till, and what is wrong with it in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from kaquan.checkout import CheckoutRequest, Redeemable
from kaquan.console import N_, Language, translations
from kaquan.customers import Location, OrderDraft, OrderLineDraft
from kaquan.runtime import minor_digits
from kaquan.storefront.amounts import AmountProblem, parse_amount
from kaquan.storefront.codes import read_code

CHANNEL = "till"

_AMOUNT_WORDS = {
    AmountProblem.MISSING: N_("Enter the amount of the purchase"),
    AmountProblem.NOT_A_NUMBER: N_("This is not an amount"),
    AmountProblem.TOO_PRECISE: N_("Too many decimals for this currency"),
    AmountProblem.AMBIGUOUS: N_("Write the amount without a mark between the thousands"),
    AmountProblem.NOT_POSITIVE: N_("The amount must be above zero"),
    AmountProblem.TOO_LARGE: N_("This amount is too large"),
}


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of the till as they were sent; amounts are still text, in major units."""

    code: str = ""
    amount: str = ""
    face_value: str = ""
    location_id: str = ""


class Purchase(msgspec.Struct, frozen=True, kw_only=True):
    """A coupon on a purchase, ready to be checked; amounts in minor units."""

    code: str
    amount_minor: int
    face_value_minor: int | None
    location_id: str | None


def read_entry(form: Mapping[str, object], locations: Sequence[Location]) -> Entry:
    """The till's fields in a form; a location that is not one of ours is none."""
    location_id = _text(form, "location")
    return Entry(
        code=read_code(_text(form, "code")),
        amount=_text(form, "amount").strip(),
        face_value=_text(form, "face_value").strip(),
        location_id=location_id if any(one.id == location_id for one in locations) else "",
    )


def read_purchase(entry: Entry, *, currency: str, language: Language) -> Purchase | dict[str, str]:
    """The purchase that was entered, or a sentence for each field that cannot be read."""
    say = translations(language).gettext
    amount = parse_amount(entry.amount, currency=currency)
    face_value = parse_amount(entry.face_value, currency=currency) if entry.face_value else None
    wrong: dict[str, str] = {}
    if not entry.code:
        wrong["code"] = say(N_("Scan or type the code of the coupon"))
    if isinstance(amount, AmountProblem):
        wrong["amount"] = say(_AMOUNT_WORDS[amount])
    if isinstance(face_value, AmountProblem):
        wrong["face_value"] = say(_AMOUNT_WORDS[face_value])
    if wrong or isinstance(amount, AmountProblem) or isinstance(face_value, AmountProblem):
        return wrong
    return Purchase(
        code=entry.code,
        amount_minor=amount,
        face_value_minor=face_value,
        location_id=entry.location_id or None,
    )


def checkout_request(
    purchase: Purchase,
    *,
    code: str,
    customer_id: str | None,
    redeemer_id: str,
    tracking_id: str | None = None,
) -> CheckoutRequest:
    """What the checkout is asked: one voucher, by its own spelling, on a purchase of its holder.

    The till knows no goods: the purchase is one line of nothing in particular, so that offers on
    any goods work on it and offers on certain goods do not.
    """
    return CheckoutRequest(
        redeemables=(Redeemable(id=code, face_value_minor=purchase.face_value_minor),),
        order=OrderDraft(lines=(OrderLineDraft(amount_minor=purchase.amount_minor),)),
        customer=customer_id,
        location_id=purchase.location_id,
        channel=CHANNEL,
        tracking_id=tracking_id,
        redeemer_id=redeemer_id,
    )


def decimals_of(currency: str) -> str:
    """How an amount of the currency looks while the field is empty: `0.00`, `0`, `0.000`."""
    digits = minor_digits(currency)
    return f"{0:.{digits}f}"


def _text(form: Mapping[str, object], name: str) -> str:
    value = form.get(name)
    return value if isinstance(value, str) else ""
