"""Cleaning what is said about a person, in one place for the API, imports and the console.

Nothing is guessed: what cannot be understood stays as it was sent, for the checks to judge.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import partial
from typing import Any

import msgspec
import phonenumbers
from babel.core import get_global

from kaquan.customers.model import CustomerDraft
from kaquan.runtime import InvalidInput, Project, Tx, get_project

# Ends of lines are no blanks: a name with one is refused, as it may be somebody's trick.
_BLANKS = re.compile("[ \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+")
# Marks that are seen by nobody, but for those that join the parts of an emoji or of a word.
_INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_PARTS_OF_DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[T ].*)?")
_EIGHT_DIGITS = re.compile(r"(\d{4})(\d{2})(\d{2})")
_SERIAL = re.compile(r"(\d{1,5})(?:\.0+)?")
_DAY_ZERO = date(1899, 12, 30)
_FIRST_TRUE_SERIAL = 61
"""Excel has a 29 February 1900, which was not; its day numbers are right from the day after."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What cleaning changed: the field, what was said, what is stored, and by which rule."""

    field: str
    said: str
    stored: str | None
    rule: str


class Cleaned(msgspec.Struct, frozen=True):
    """A draft as it is stored, and what was changed of it."""

    draft: CustomerDraft
    changes: tuple[Change, ...] = ()


def country_of(project: Project) -> str | None:
    """The country whose phone numbers need no prefix: the project's setting, else its zone's."""
    set_country = project.settings.get("country")
    if isinstance(set_country, str):
        return set_country.upper()
    territories: Mapping[str, str] = get_global("zone_territories")
    return territories.get(project.time_zone)


async def find_country(tx: Tx, draft: CustomerDraft) -> str | None:
    """Return the country that a draft's phone number needs to be understood, if it needs one."""
    phone = draft.phone
    if not isinstance(phone, str) or phone.strip().startswith("+"):
        return None
    return country_of(await get_project(tx))


def clean_draft(draft: CustomerDraft, *, country: str | None) -> Cleaned:
    """Clean name, e-mail address, phone number and address of a draft; ``country`` as in ISO 3166."""
    values: dict[str, Any] = {}
    changes: list[Change] = []
    cleaners: dict[str, tuple[Callable[[str], str], str]] = {
        "name": (clean_name, "blanks_and_marks"),
        "email": (clean_email, "email_host_in_small_letters"),
        "phone": (partial(clean_phone, country=country), "e164"),
    }
    for field, (clean, rule) in cleaners.items():
        said = getattr(draft, field)
        if isinstance(said, str) and (stored := clean(said)) != said:
            values[field] = stored
            changes.append(Change(field=field, said=said, stored=stored, rule=rule))
    if isinstance(draft.address, dict):
        address = {name: _clean_part(part) for name, part in draft.address.items()}
        values["address"] = address
        changes += [
            Change(
                field=f"address.{name}", said=part, stored=address[name], rule="blanks_and_marks"
            )
            for name, part in draft.address.items()
            if isinstance(part, str) and address[name] != part
        ]
    if not changes:
        return Cleaned(draft)
    return Cleaned(msgspec.structs.replace(draft, **values), tuple(changes))


def clean_name(text: str) -> str:
    """Return a name in Unicode's composed form (NFC), without invisible marks and double blanks."""
    return _BLANKS.sub(" ", _INVISIBLE.sub("", unicodedata.normalize("NFC", text))).strip(" ")


def clean_email(text: str) -> str:
    """Return an e-mail address with its host in small letters; before the @ letters keep their case.

    RFC 5321, section 2.4: only the host is free of case. Full-width letters (NFKC), ``mailto:``
    and blanks around it are taken off.
    """
    plain = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).strip()
    if plain[:7].lower() == "mailto:":
        plain = plain[7:]
    user, at, host = plain.rpartition("@")
    return f"{user}{at}{host.lower()}" if at else plain


def clean_phone(text: str, *, country: str | None) -> str:
    """Return a phone number as E.164 (+8613800138000) if it is one that can exist.

    A number without a country's prefix is read as one of ``country``. Others are returned as they
    are, trimmed: the dialect takes them, and a merchant's own habits are not ours to judge.
    """
    plain = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).strip()
    try:
        number = phonenumbers.parse(plain, country)
    except phonenumbers.NumberParseException:
        return plain
    # An extension has no place in E.164, and without it another phone rings.
    if number.extension or not phonenumbers.is_valid_number(number):
        return plain
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def read_birth_date(text: str, *, field: str) -> date | None:
    """Read a date of birth from a cell; None for one that says 'unknown' by zeros.

    Dates are year, month, day, with ``-``, ``/``, ``.`` or 年月日 between them or nothing, or
    Excel's number of the day (45000). Raises InvalidInput for anything else, and for a day without
    its year, which nothing can be reckoned with.
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    parts = _PARTS_OF_DATE.fullmatch(plain) or _EIGHT_DIGITS.fullmatch(plain)
    if parts is not None:
        year, month, day = (int(part) for part in parts.groups())
        if (year, month, day) == (0, 0, 0) or (month, day) == (0, 0):
            return None
        if year == 0:
            raise InvalidInput("This birthday has no year.", field=field)
        try:
            return date(year, month, day)
        except ValueError as error:
            raise InvalidInput("There is no such day.", field=field) from error
    serial = _SERIAL.fullmatch(plain)
    if serial is not None and int(serial[1]) == 0:
        return None
    if serial is not None and int(serial[1]) >= _FIRST_TRUE_SERIAL:
        return _DAY_ZERO + timedelta(days=int(serial[1]))
    raise InvalidInput("This must be a date such as 1990-05-31.", field=field)


def match_email(address: str) -> str:
    """Return what of an e-mail address tells people apart: letters small, no tag behind ``+``.

    Google takes no notice of dots before the @; addresses of its two hosts lose them.
    """
    user, _, host = clean_email(address).lower().rpartition("@")
    user = user.partition("+")[0]
    if host in ("gmail.com", "googlemail.com"):
        user, host = user.replace(".", ""), "gmail.com"
    return f"{user}@{host}"


def _clean_part(part: Any) -> Any:
    return clean_name(part) if isinstance(part, str) else part
