"""From the text of a cell to a value: each reader returns it or raises InvalidInput."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import phonenumbers

from kaquan.customers.checks import check_birth_date, check_email, check_phone
from kaquan.customers.cleaning import clean_email, clean_name, clean_phone, read_birth_date
from kaquan.customers.imports.files.column_readers import Reader
from kaquan.customers.model import OrderStatus
from kaquan.runtime import (
    MAX_MINOR,
    InvalidInput,
    Project,
    check_metadata,
    check_name,
    check_reference,
    check_text,
    check_time,
    minor_digits,
    words,
)

_PLAIN_NAME = "[\u4e00-\u9fffA-Za-z0-9.,'&()-]+(?: [\u4e00-\u9fffA-Za-z0-9.,'&()-]+)*"
_PLAIN_ID = r"[\w./:@+-]+"
_PLAIN_EMAIL = r"[\w.%+-]{1,64}@[a-z0-9-]+(?:\.[a-z0-9-]+)+"
_CHINESE_MOBILE = r"1(?:3\d|5[0-35-9]|8\d)\d{8}"
"""Their first digit and length set them apart from all that a prefix could be taken off."""

_PLAIN_MOMENT = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?"
    r"(?:[T ]*(\d{1,2})[:时](\d{1,2})(?:[:分](\d{1,2})(?:[.,]\d+)?)?秒?)?"
)
_EIGHT_DIGITS = re.compile(r"(\d{4})(\d{2})(\d{2})(?:[T ]?(\d{2}):?(\d{2}):?(\d{2}))?")
_SERIAL = re.compile(r"\d{5}(?:\.\d+)?")
_DAY_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 - Excel's days know no zone
_MONEY = re.compile(r"-?(?:\d+|\d{1,3}(?:[, \u00a0']\d{3})+)(?:\.\d+)?")
_USUAL_MONEY = re.compile(r"([0-9]{1,11})(?:\.([0-9]{1,3}))?")
_COMMA_MONEY = re.compile(r"-?(?:\d+|\d{1,3}(?:\.\d{3})+),\d{1,2}")
_SYMBOLS = re.compile(r"^(?:RMB|CNY|USD|EUR|GBP|HKD|JPY|[¥$€£])|(?:RMB|CNY|USD|EUR|元|円|€)$", re.I)
_STATUSES: Mapping[str, OrderStatus] = {
    **{status.value.lower(): status for status in OrderStatus},
    **dict.fromkeys(
        ("pending", "unpaid", "new", "open", "待付款", "待支付", "未支付", "未付款"),
        OrderStatus.CREATED,
    ),
    **dict.fromkeys(("payed", "已付款", "已支付", "待发货", "支付成功"), OrderStatus.PAID),
    **dict.fromkeys(
        (
            "complete",
            "completed",
            "done",
            "shipped",
            "delivered",
            "closed",
            "已完成",
            "交易成功",
            "已发货",
            "已收货",
            "完成",
            "交易完成",
        ),
        OrderStatus.FULFILLED,
    ),
    **dict.fromkeys(
        ("cancelled", "cancel", "void", "已取消", "取消", "交易关闭", "已关闭"),
        OrderStatus.CANCELED,
    ),
    **dict.fromkeys(
        ("refunded", "已退款", "已退货", "全部退款", "退货", "退款成功"), OrderStatus.RETURNED
    ),
    **dict.fromkeys(("partially_refunded", "部分退款", "部分退货"), OrderStatus.PARTIALLY_RETURNED),
}


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What cells are read by: the moment, the project's zone, country and currency, and amounts."""

    now: datetime
    zone: ZoneInfo
    country: str | None
    currency: str
    digits: int


def terms_of(project: Project, *, country: str | None, amounts: str, now: datetime) -> Terms:
    """Return the terms of a project; ``amounts`` as in Mapping."""
    return Terms(
        now=now,
        zone=project.zone,
        country=country,
        currency=project.currency,
        digits=minor_digits(project.currency) if amounts == "major" else 0,
    )


def readers(terms: Terms) -> dict[str, Reader]:
    """Return the reader of each shape of values."""
    lasting = partial(Reader, remembered=True, notes_changes=False)
    return {
        "reference": Reader(lambda text: check_reference(text, ""), plain=_PLAIN_ID),
        "name": Reader(lambda text: check_name(clean_name(text), "") or None, plain=_PLAIN_NAME),
        "email": Reader(lambda text: check_email(clean_email(text), ""), plain=_PLAIN_EMAIL),
        "phone": _phone_reader(terms.country),
        "birth": Reader(partial(read_birth, now=terms.now), remembered=True),
        "time": lasting(partial(read_moment, zone=terms.zone)),
        "text": Reader(lambda text: check_text(text, "")),
        "line": Reader(lambda text: check_text(clean_name(text), ""), plain=_PLAIN_NAME),
        "object": Reader(read_object),
        "lines": Reader(read_object_list),
        "money": lasting(partial(read_money, digits=terms.digits)),
        "count": lasting(read_count),
        "status": lasting(read_status),
        "currency": lasting(partial(read_currency, currency=terms.currency)),
    }


def _phone_reader(country: str | None) -> Reader:
    return Reader(
        lambda text: check_phone(clean_phone(text, country=country), ""),
        plain=rf"\+86{_CHINESE_MOBILE}",
        mended=_CHINESE_MOBILE if country == "CN" else None,
        lead="+86",
    )


def read_birth(text: str, *, now: datetime) -> date | None:
    """Read a date of birth; None for one that says 'unknown' by zeros."""
    born = read_birth_date(text, field="")
    checked = check_birth_date(born, "", now=now)
    return checked if isinstance(checked, date) else None


def read_moment(text: str, *, zone: ZoneInfo) -> datetime:
    """Read a moment as UTC; one without an offset is of the zone, a date begins its day there.

    ISO 8601, year-month-day with the usual marks or none, Excel's number of the day, and seconds
    or milliseconds since 1970 are understood.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = _read_other_moment(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    try:
        return check_time(moment.astimezone(UTC), "")
    except OverflowError as error:
        raise InvalidInput("A time lies between the years 1900 and 3000.", field="") from error


def _read_other_moment(text: str) -> datetime:
    plain = unicodedata.normalize("NFKC", text).strip()
    if re.fullmatch(r"1\d{9}|1\d{12}", plain):
        seconds = int(plain) if len(plain) == 10 else int(plain) / 1000
        return datetime.fromtimestamp(seconds, UTC)
    if _SERIAL.fullmatch(plain):
        days = _DAY_ZERO + timedelta(days=float(plain))
        return (days + timedelta(microseconds=500)).replace(microsecond=0)
    parts = _PLAIN_MOMENT.fullmatch(plain) or _EIGHT_DIGITS.fullmatch(plain)
    if parts is None:
        message = "This must be a time such as 2026-05-31 18:30."
        raise InvalidInput(message, field="")
    year, month, day, hour, minute, second = (int(part or 0) for part in parts.groups())
    try:
        moment = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - as above
    except ValueError as error:
        raise InvalidInput("There is no such day or hour.", field="") from error
    return moment


def read_money(text: str, *, digits: int) -> int:
    """Read an amount as minor units: ``digits`` decimals at most, thousands parted or not.

    Raises InvalidInput for one below zero: money that went back belongs in a return.
    """
    usual = _USUAL_MONEY.fullmatch(text)
    if usual is not None and len(usual[2] or "") <= digits:
        return int(usual[1] + (usual[2] or "").ljust(digits, "0"))
    plain = _SYMBOLS.sub("", unicodedata.normalize("NFKC", text).strip()).strip()
    plain = plain.replace("¥", "").replace("\u2212", "-").strip()
    if _MONEY.fullmatch(plain):
        plain = re.sub("[, \u00a0']", "", plain)
    elif _COMMA_MONEY.fullmatch(plain):
        plain = plain.replace(".", "").replace(",", ".")
    else:
        msg = words("'%(said)s' is not an amount of money.", said=text[:30])
        raise InvalidInput(msg, field="")
    whole, _, part = plain.partition(".")
    part = part.rstrip("0")
    if len(part) > digits:
        msg = (
            words(
                "'%(said)s' has too many decimals; at most %(most)s fit.",
                said=text[:30],
                most=digits,
            )
            if digits
            else words("'%(said)s' has decimals; whole minor units fit.", said=text[:30])
        )
        raise InvalidInput(msg, field="")
    value = int(whole + part.ljust(digits, "0")) if len(whole) <= 18 else MAX_MINOR + 1
    if value < 0 or plain.startswith("-"):
        if value == 0:
            return 0
        msg = words("'%(said)s' is below zero; amounts are not.", said=text[:30])
        raise InvalidInput(msg, field="")
    if value > MAX_MINOR:
        msg = words("The amount is larger than %(most)s minor units.", most=MAX_MINOR)
        raise InvalidInput(msg, field="")
    return value


def read_count(text: str) -> int:
    """Read how many pieces: a whole number from 1 on."""
    plain = text.removesuffix(".0").removesuffix(".00").replace(",", "")
    if not plain.isascii() or not plain.isdecimal() or len(plain) > 15 or int(plain) < 1:
        msg = words("'%(said)s' is not a number of pieces (1, 2, 3, …).", said=text[:30])
        raise InvalidInput(msg, field="")
    return int(plain)


def read_status(text: str) -> OrderStatus:
    """Read where an order is in its life, in the words of shops in zh and en."""
    found = _STATUSES.get(text.lower().replace(" ", "_"))
    if found is None:
        known = ", ".join(OrderStatus)
        msg = words(
            "'%(said)s' is no status of orders; there are %(known)s.", said=text[:30], known=known
        )
        raise InvalidInput(msg, field="")
    return found


def read_currency(text: str, *, currency: str) -> str:
    """Read a currency, which must be the project's."""
    if text.upper() not in (currency, {"CNY": "RMB"}.get(currency)):
        message = words(
            "This project's currency is %(currency)s, not '%(said)s'.",
            currency=currency,
            said=text[:10],
        )
        raise InvalidInput(message, field="")
    return currency


def read_object(text: str) -> dict[str, Any]:
    """Read a JSON object."""
    try:
        return check_metadata(msgspec.json.decode(text, type=dict[str, Any]), "")
    except msgspec.MsgspecError as error:
        raise InvalidInput("This must be a JSON object.", field="") from error


def read_object_list(text: str) -> list[dict[str, Any]]:
    """Read a JSON list of objects."""
    try:
        return msgspec.json.decode(text, type=list[dict[str, Any]])
    except msgspec.MsgspecError as error:
        raise InvalidInput("This must be a JSON list of objects.", field="") from error


def is_possible_phone(text: str, country: str | None) -> bool:
    """Say whether a text is a phone number that can exist."""
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text, country))
    except phonenumbers.NumberParseException:
        return False
