"""What was said of campaigns, vouchers and tiers besides their offers: rules, time, categories."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from kaquan.api.categories import CategoryView, load_categories, pick_categories
from kaquan.api.periods import PeriodBody, SaidView, read_said, view_said
from kaquan.api.validation_rules import AssignmentList, view_assignments
from kaquan.campaigns import (
    OwnerKind,
    find_terms,
    list_assignments_of,
    list_terms,
    set_rules,
    set_terms,
)
from kaquan.runtime import Tx

NO_ASSIGNMENTS = AssignmentList(data=[], total=0)


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What was said of one object; ``offer`` is as it was said, None where it is as it stands."""

    offer: dict[str, Any] | None = None
    words: SaidView = SaidView()
    assignments: AssignmentList = NO_ASSIGNMENTS
    categories: list[CategoryView] = []
    flags: dict[str, Any] = {}


NOTHING_SAID = Said()


async def load_said(tx: Tx, categories: Mapping[str, Sequence[str]]) -> dict[str, Said]:
    """Return what was said of objects, given the ids of their categories by their own."""
    if not categories:
        return {}
    terms = await list_terms(tx, list(categories))
    assignments = await list_assignments_of(tx, list(terms)) if terms else {}
    known = await load_categories(tx) if any(categories.values()) else {}
    return {
        owner_id: Said(
            offer=terms[owner_id].offer if owner_id in terms else None,
            words=view_said(terms[owner_id].said if owner_id in terms else {}),
            assignments=view_assignments(assignments.get(owner_id, [])),
            categories=pick_categories(ids, known),
            flags=terms[owner_id].said if owner_id in terms else {},
        )
        for owner_id, ids in categories.items()
    }


async def keep_said(
    tx: Tx,
    kind: OwnerKind,
    owner_id: str,
    body: PeriodBody,
    *,
    offer: dict[str, Any] | UnsetType | None = UNSET,
    flags: dict[str, Any] | None = None,
    now: datetime,
) -> None:
    """Keep what a body says about rules and time, and make the offer anew from all of it.

    ``offer`` is what the body stated and the object was given already; UNSET when it did not.
    ``flags`` are words about anything else, to be kept with those about time.
    """
    known = await find_terms(tx, owner_id)
    said = read_said(body, {} if known is None else known.said) | (flags or {})
    await set_terms(tx, kind, owner_id, offer=offer, said=said, now=now)
    if body.validation_rules is not UNSET:
        await set_rules(tx, kind, owner_id, body.validation_rules or [], now=now)
