"""Numbering: what waits in the outbox becomes an event with its objects, and messages of it.

The outbox is written by triggers in the transactions that change things; ids there are drawn
before the commit, so they can show up late. Numbers are given out afterwards, by one numberer a
project at a time, to what is committed: no reader of positions can miss a late one.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from kaquan.runtime import Tx
from kaquan.webhooks.catalogue import TYPES_BY_NAME
from kaquan.webhooks.model import DomainEvent, Happening
from kaquan.webhooks.store.deliveries import insert_deliveries
from kaquan.webhooks.store.endpoints import list_endpoints
from kaquan.webhooks.store.events import insert_events, lock_feed, take_happenings
from kaquan.webhooks.store.objects import load_objects

CHUNK = 500

_Objects = Mapping[str, Mapping[str, dict[str, Any]]]
_REFERENCES = {
    "voucher": "voucher_id",
    "campaign": "campaign_id",
    "order": "order_id",
    "validation_rule": "rule_id",
}
_FIGURES = ("amount", "count")


async def number_events(tx: Tx, *, now: datetime, limit: int = CHUNK) -> int:
    """Number what happened and make a message of it for each active endpoint that asked for it.

    Returns how many events were numbered: 0 when none wait or another numberer is at it, and
    ``limit`` when more may wait.
    """
    last = await lock_feed(tx)
    if last is None:
        return 0
    happened = await take_happenings(tx, limit=limit)
    if not happened:
        return 0
    described = await _describe(tx, happened)
    events = [
        DomainEvent(
            position=last + number,
            type=one.type,
            version=TYPES_BY_NAME[one.type].version,
            entity_id=one.entity_id,
            customer_id=one.customer_id,
            data=data,
            at=one.at,
        )
        for number, (one, data) in enumerate(zip(happened, described, strict=True), start=1)
    ]
    await insert_events(tx, events)
    endpoints = [one for one in (await list_endpoints(tx)).items if one.active]
    told = [(event, one) for event in events for one in endpoints if one.wants(event.type)]
    await insert_deliveries(tx, told, now=now)
    return len(events)


async def _describe(tx: Tx, happened: Sequence[Happening]) -> list[dict[str, Any]]:
    """Return each event's data: the objects as they are now, and what only the event knows."""
    subjects = await _load_subjects(tx, happened)
    wanted: dict[str, set[str]] = {}
    for one, subject in zip(happened, subjects, strict=True):
        for member in TYPES_BY_NAME[one.type].members[1:]:
            reference = _reference(one, subject, member)
            if reference is not None:
                wanted.setdefault(member, set()).add(reference)
    related = {kind: await load_objects(tx, kind, ids) for kind, ids in wanted.items()}
    return [
        _compose(one, subject, related) for one, subject in zip(happened, subjects, strict=True)
    ]


async def _load_subjects(tx: Tx, happened: Sequence[Happening]) -> list[dict[str, Any]]:
    ids: dict[str, set[str]] = {}
    for one in happened:
        ids.setdefault(TYPES_BY_NAME[one.type].subject, set()).add(one.entity_id)
    found: _Objects = {kind: await load_objects(tx, kind, names) for kind, names in ids.items()}
    return [_subject(one, found) for one in happened]


def _subject(one: Happening, found: _Objects) -> dict[str, Any]:
    """The object that an event happened to; of one that is gone, what was noted when it went."""
    kind = TYPES_BY_NAME[one.type].subject
    facts = one.facts or {}
    if "object" in facts:
        return {name: value for name, value in facts.items() if value is not None}
    return found[kind].get(one.entity_id) or _stump(kind, one.entity_id)


def _reference(one: Happening, subject: Mapping[str, Any], member: str) -> str | None:
    if member == "customer":
        return one.customer_id
    name = _REFERENCES.get(member)
    return None if name is None else subject.get(name)


def _compose(one: Happening, subject: dict[str, Any], related: _Objects) -> dict[str, Any]:
    kind = TYPES_BY_NAME[one.type]
    data: dict[str, Any] = {kind.subject: subject}
    for member in kind.members[1:]:
        if member in _FIGURES:
            data[member] = (one.facts or {}).get(member)
            continue
        reference = _reference(one, subject, member)
        known = None if reference is None else related[member].get(reference)
        data[member] = known or (None if reference is None else _stump(member, reference))
    return data


def _stump(kind: str, object_id: str) -> dict[str, Any]:
    return {"id": object_id, "object": kind}
