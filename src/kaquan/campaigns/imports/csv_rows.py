"""A row of a CSV file of vouchers: the dialect's columns, all others being metadata."""

import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import UNSET, UnsetType

from kaquan.campaigns.imports.model import VoucherRow
from kaquan.campaigns.model import VoucherDraft
from kaquan.runtime import MAX_MINOR, InvalidInput

_DATE_LENGTH = 10
_WORD = re.compile(r"[^a-z]")
_KINDS = {
    "discountvoucher": "discount",
    "discount": "discount",
    "giftvoucher": "gift",
    "gift": "gift",
}
_NUMBERS = re.compile(r"-?\d{1,15}(\.\d{1,6})?")
_COLUMNS = frozenset(
    {
        "code",
        "vouchertype",
        "value",
        "discounttype",
        "startdate",
        "expirationdate",
        "redemptionlimit",
        "category",
        "additionalinfo",
        "active",
    }
)


def read_voucher_row(
    values: Mapping[str, Any], *, campaign_id: str | None, zone: ZoneInfo
) -> VoucherRow:
    """Read a row by its column names, whatever their case and blanks. Raises InvalidInput.

    A voucher outside of campaigns needs its type and value: an amount in major units, a
    percentage, or what a gift card holds.
    """
    known = {_WORD.sub("", name.lower()): str(value).strip() for name, value in values.items()}
    code = known.get("code", "")
    if not code:
        raise InvalidInput("The code is missing.", field="Code")
    offer, balance = _read_offer(known, in_campaign=campaign_id is not None)
    draft = VoucherDraft(
        campaign_id=campaign_id,
        offer=offer,
        quantity=_read_limit(known.get("redemptionlimit", "")),
        balance=balance,
        active=known.get("active", "").lower() not in {"false", "0", "no"},
        starts_at=_read_moment(known.get("startdate", ""), zone, "Start Date"),
        expires_at=_read_moment(known.get("expirationdate", ""), zone, "Expiration Date", end=True),
        category=known.get("category") or None,
        additional_info=known.get("additionalinfo") or None,
        metadata={
            name: _read_word(str(value).strip())
            for name, value in values.items()
            if _WORD.sub("", name.lower()) not in _COLUMNS and str(value).strip()
        },
    )
    return VoucherRow(code=code, draft=draft)


def _read_offer(
    known: Mapping[str, str], *, in_campaign: bool
) -> tuple[dict[str, Any] | None, int | None]:
    if not known.get("value") and in_campaign:
        return None, None
    kind = _KINDS.get(_WORD.sub("", known.get("vouchertype", "discount").lower()))
    if kind is None:
        raise InvalidInput("The type is DISCOUNT_VOUCHER or GIFT_VOUCHER.", field="Voucher Type")
    if kind == "gift":
        amount = _read_amount(known.get("value", ""), scale=100)
        return (None if in_campaign else {"effect": {"code": "stored_value"}}), amount
    match known.get("discounttype", "AMOUNT").upper():
        case "AMOUNT" | "":
            amount = _read_amount(known.get("value", ""), scale=100)
            return {"effect": {"code": "amount_off", "amount_minor": amount}}, None
        case "PERCENT":
            rate = _read_amount(known.get("value", ""), scale=100, most=10_000)
            return {"effect": {"code": "percent_off", "rate_bps": rate}}, None
        case other:
            message = f"Discounts of type {other[:20]} are not read from files."
            raise InvalidInput(message, field="Discount Type")


def _read_amount(text: str, *, scale: int, most: int = MAX_MINOR) -> int:
    try:
        number = Decimal(text) * scale
        whole = int(number)
        if not number.is_finite() or number != whole or not 1 <= whole <= most:
            raise ValueError
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise InvalidInput("This is no amount above 0.", field="Value") from error
    return whole


def _read_limit(text: str) -> int | UnsetType | None:
    if not text:
        return UNSET
    if text.lower() in {"null", "unlimited"}:
        return None
    if not text.isdecimal() or len(text) > 9:
        raise InvalidInput("This is no number of uses.", field="Redemption Limit")
    return int(text)


def _read_moment(text: str, zone: ZoneInfo, field: str, *, end: bool = False) -> datetime | None:
    if not text:
        return None
    try:
        if len(text) == _DATE_LENGTH:
            day = date.fromisoformat(text) + timedelta(days=1 if end else 0)
            return datetime.combine(day, time.min, tzinfo=zone).astimezone(ZoneInfo("UTC"))
        moment = datetime.fromisoformat(text)
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
        return aware.astimezone(ZoneInfo("UTC"))
    except (ValueError, OverflowError) as error:
        raise InvalidInput("This is no date in ISO 8601.", field=field) from error


def _read_word(text: str) -> Any:
    if text.lower() in {"true", "false"}:
        return text.lower() == "true"
    if _NUMBERS.fullmatch(text) and not (text.startswith("0") and text not in {"0"}):
        return float(text) if "." in text else int(text)
    return text
