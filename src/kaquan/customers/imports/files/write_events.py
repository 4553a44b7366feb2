"""Storing events. Each has an id of its own or one made of what it says, so that none comes twice."""

import hashlib
from datetime import datetime
from typing import Any

import msgspec

from kaquan.customers.events import record_events
from kaquan.customers.imports.files.model import Mapping, Problem, Repeat, Written
from kaquan.customers.imports.files.prepare import Prepared
from kaquan.customers.imports.files.write_orders import find_people
from kaquan.customers.model import EventDraft
from kaquan.runtime import InvalidInput, Tx, words


async def write_events_of_file(
    tx: Tx, mapping: Mapping, prepared: Prepared, *, now: datetime
) -> Written:
    """Store a chunk of events; one whose id is known already is left as it is."""
    problems = dict(prepared.problems)
    values = prepared.values
    count = len(prepared.chunk.lines)
    places = [place for place in range(count) if place not in problems]
    named = {values["customer"][place] for place in places}
    people = await find_people(tx, named, enter=mapping.enter_customers, now=now)
    drafts: list[EventDraft] = []
    kept: list[int] = []
    repeats: list[Repeat] = []
    seen: set[str] = set()
    for place in places:
        reference = values["customer"][place]
        customer_id = people[reference]
        if customer_id is None:
            reason = words("There is no customer '%(said)s'.", said=reference)
            problems[place] = Problem(place=place, field="customer", reason=reason)
            continue
        draft = _draft(prepared, place, customer_id)
        assert draft.source_id is not None
        if draft.source_id in seen:
            line = prepared.chunk.lines[place]
            repeats.append(Repeat(line=line, source_id=draft.source_id))
            continue
        seen.add(draft.source_id)
        drafts.append(draft)
        kept.append(place)
    outcomes = await record_events(tx, drafts, now=now) if drafts else []
    for place, outcome in zip(kept, outcomes, strict=True):
        if isinstance(outcome, InvalidInput):
            field = outcome.field or "metadata"
            problems[place] = Problem(place=place, field=field, reason=outcome.sentence)
    added = sum(one is not None and not isinstance(one, InvalidInput) for one in outcomes)
    return Written(
        passed=count,
        added=added,
        unchanged=sum(one is None for one in outcomes),
        problems=sorted(problems.values(), key=lambda one: one.place),
        repeats=repeats,
        cleaned=prepared.cleaned,
    )


def _draft(prepared: Prepared, place: int, customer_id: str) -> EventDraft:
    values = prepared.values
    metadata = {} if prepared.metadata is None else prepared.metadata[place]
    name, at = values["name"][place], values["at"][place]
    source_id = values["source_id"][place] if "source_id" in values else None
    if source_id is None:
        source_id = _id_of(values["customer"][place], name, at, metadata)
    return EventDraft(
        customer_id=customer_id, name=name, metadata=metadata, source_id=source_id, at=at
    )


def _id_of(customer: str, name: str, at: datetime, metadata: dict[str, Any]) -> str:
    said = msgspec.json.encode([customer, name, at, metadata], order="deterministic")
    return f"import:{hashlib.blake2b(said, digest_size=16).hexdigest()}"
