"""The form that asks for a plan: what was typed, as a draft, and which field a refusal belongs to."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from kaquan.console.language import N_
from kaquan.insight import PlanDraft, SegmentCap
from kaquan.runtime import InvalidInput, minor_digits

CAPS = 2
"""Segments that the form can cap."""
FIELDS = (
    "name", "experiment", "segment", "budget", "floor", "person_cap", "person_days",
    "contact_limit", "contact_days", "contacts",
    *(f"cap{number}_{part}" for number in range(1, CAPS + 1)
      for part in ("segment", "budget", "contacts")),
)  # fmt: skip
FRESH = dict.fromkeys(FIELDS, "") | {"floor": "1", "person_days": "30", "contact_days": "30"}
USUAL_FLOOR_BPS = 100
LIMITS = tuple(name for name in FIELDS[4:] if not FRESH[name])
"""The fields that are empty unless somebody sets a limit."""
ROOMS_WORDS = (
    N_("A plan learns from an experiment of a campaign."),
    N_("A name may not be empty."),
    N_("One customer may not cost more than all together: the cap is above the budget."),
    N_("A segment's cap limits its budget, its contacts, or both."),
    N_("A segment may not have more than everybody together."),
    N_("This segment is capped twice."),
)
"""What the plans' room says of a draft."""
_RANGES = {
    "floor": N_("From 0.1% up to an equal share for every arm."),
    "person_days": N_("A whole number of days from 1 to 365."),
    "contact_days": N_("A whole number of days from 1 to 365."),
}
_TOO_SMALL = N_("This must be a number above zero.")
_NAMES = {
    "learnt_from": "experiment",
    "segment_id": "segment",
    "budget_minor": "budget",
    "floor_bps": "floor",
    "person_cap_minor": "person_cap",
}


def read_plan(given: dict[str, str], *, currency: str) -> PlanDraft:
    """The draft that was typed. Raises InvalidInput that names the form's field."""
    return PlanDraft(
        name=given["name"],
        learnt_from=given["experiment"],
        segment_id=given["segment"],
        budget_minor=_money(given, "budget", currency),
        floor_bps=_percent(given, "floor"),
        person_cap_minor=_money(given, "person_cap", currency),
        person_days=_whole(given, "person_days") or 30,
        contact_limit=_whole(given, "contact_limit"),
        contact_days=_whole(given, "contact_days") or 30,
        contacts=_whole(given, "contacts"),
        segment_caps=tuple(_caps(given, currency)),
    )


def field_of(error: InvalidInput, given: dict[str, str]) -> str:
    """The form's field that a refusal of the draft is about."""
    if not error.field.startswith("segment_caps"):
        return _NAMES.get(error.field, error.field)
    place, _, part = error.field.removeprefix("segment_caps").partition("].")
    numbers = [number for number in range(1, CAPS + 1) if given[f"cap{number}_segment"]]
    place = place.strip("[]")
    number = numbers[int(place)] if place.isdecimal() and int(place) < len(numbers) else 1
    parts = {"budget_minor": "budget", "contacts": "contacts"}
    return f"cap{number}_{parts.get(part, 'segment')}"


def words_of(error: InvalidInput, field: str) -> str | None:
    """A key of the catalogue that says more of a number out of range than its bounds do."""
    if not error.message.startswith("This must be a whole number from"):
        return None
    return _RANGES.get(field, _TOO_SMALL)


def _caps(given: dict[str, str], currency: str) -> list[SegmentCap]:
    found: list[SegmentCap] = []
    for number in range(1, CAPS + 1):
        name = f"cap{number}"
        cap = SegmentCap(
            segment_id=given[f"{name}_segment"],
            budget_minor=_money(given, f"{name}_budget", currency),
            contacts=_whole(given, f"{name}_contacts"),
        )
        if cap.segment_id:
            found.append(cap)
        elif cap.budget_minor is not None or cap.contacts is not None:
            raise InvalidInput(N_("Choose the segment that this limit is for."),
                               field=f"{name}_segment")  # fmt: skip
    return found


def _money(given: dict[str, str], name: str, currency: str) -> int | None:
    minor = _number(given, name, digits=minor_digits(currency))
    if minor is not None and minor >= 0:
        return minor
    if not given[name]:
        return None
    raise InvalidInput(N_("This must be an amount of money."), field=name)


def _percent(given: dict[str, str], name: str) -> int:
    found = _number(given, name, digits=2) if given[name] else USUAL_FLOOR_BPS
    if found is None:
        raise InvalidInput(N_("This must be a share in percent."), field=name)
    return found


def _whole(given: dict[str, str], name: str) -> int | None:
    found = _number(given, name, digits=0)
    if found is None and given[name]:
        raise InvalidInput(N_("This must be a whole number."), field=name)
    return found


def _number(given: dict[str, str], name: str, *, digits: int) -> int | None:
    """What was typed in units of 10 to the minus ``digits``; None for what is no such number."""
    try:
        found = Decimal(given[name]) * 10**digits
    except InvalidOperation:
        return None
    whole = found.is_finite() and abs(found) < 10**15 and found == int(found)
    return int(found) if whole else None
