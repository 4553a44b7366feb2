"""Carrying out messages of the tracking API, many together."""

from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import TypeAlias

from msgspec import structs

from kaquan.checkout import Contended
from kaquan.connectors.apply import apply_order, apply_refund
from kaquan.connectors.store.visits import add_views, lock_carts, write_carts
from kaquan.connectors.tracking.commerce import (
    REFUND_EVENT,
    CartChange,
    change_cart,
    find_view,
    is_order,
    read_cart_change,
    read_order,
    read_refund,
)
from kaquan.connectors.tracking.message import Message, MessageType
from kaquan.connectors.tracking.people import People
from kaquan.customers import EventDraft, record_events
from kaquan.runtime import InvalidInput, KaquanError, Tx, get_project, minor_digits

TrackResult: TypeAlias = bool | KaquanError
"""True for a message that was carried out, False for a repeated one, or why it was not."""

_PEOPLE = frozenset({MessageType.IDENTIFY, MessageType.ALIAS})


def may_share(message: Message) -> bool:
    """Say whether a message can be carried out in a pipeline (``Database.batch``) with others.

    What joins people or changes orders needs a transaction that waits for each answer.
    """
    joins = message.type is MessageType.ALIAS or (
        message.type is MessageType.IDENTIFY and message.anonymous_id is not None
    )
    return not joins and not is_order(message)


async def receive_messages(
    tx: Tx, messages: Sequence[Message], *, by: str, now: datetime
) -> list[TrackResult]:
    """Carry out messages in the order of their times; one that is refused leaves the others be.

    Events are stored once a message id. ``by`` is who is put down for merges. Raises Contended.
    """
    firsts: dict[str, Message] = {}
    for one in messages:
        firsts.setdefault(one.id, one)
    ordered = sorted(firsts.values(), key=attrgetter("at", "id"))
    people = People(tx, by=by, now=now)
    await people.enter(ordered)
    results: dict[str, TrackResult] = dict(people.errors)
    ordered = [one for one in ordered if one.id not in results]
    plain = [one for one in ordered if one.type not in _PEOPLE and not is_order(one)]
    carts: list[tuple[str, CartChange]] = []
    done = await _store_events(tx, plain, people, carts, now=now)
    views = [
        (people.find(one), product, one.at)
        for one, result in zip(plain, done, strict=True)
        if result is True and (product := find_view(one)) is not None
    ]
    results.update(zip((one.id for one in plain), done, strict=True))
    for one in ordered:
        if one.type in _PEOPLE:
            results[one.id] = True
        elif is_order(one):
            results[one.id] = await _apply(tx, one, people.find(one), now=now)
            change = read_cart_change(one)
            if results[one.id] is True and change is not None:
                carts.append((people.find(one), change))
    if views:
        await add_views(tx, views)
    if carts:
        await _change_carts(tx, carts)
    return [results[one.id] if firsts[one.id] is one else False for one in messages]


async def _store_events(
    tx: Tx,
    messages: Sequence[Message],
    people: People,
    carts: list[tuple[str, CartChange]],
    *,
    now: datetime,
) -> list[TrackResult]:
    """Store events in one statement; what they do to carts is added to ``carts``."""
    results: list[TrackResult | None] = []
    changes: list[CartChange | None] = []
    for one in messages:
        try:
            changes.append(read_cart_change(one))
            results.append(None)
        except InvalidInput as error:
            changes.append(None)
            results.append(error)
    good = [one for one, result in zip(messages, results, strict=True) if result is None]
    drafts = [_draft(one, people.find(one)) for one in good]
    stored = iter(await record_events(tx, drafts, now=now) if drafts else [])
    final: list[TrackResult] = []
    for one, change, result in zip(messages, changes, results, strict=True):
        if result is not None:
            final.append(result)
            continue
        event = next(stored)
        if isinstance(event, InvalidInput):
            final.append(_of_properties(event))
            continue
        final.append(event is not None)
        if event is not None and change is not None:
            carts.append((people.find(one), change))
    return final


def _draft(message: Message, customer_id: str) -> EventDraft:
    return EventDraft(
        customer_id=customer_id,
        name=message.event,
        metadata=message.values,
        source_id=message.id,
        at=message.at,
    )


async def _apply(tx: Tx, message: Message, customer_id: str, *, now: datetime) -> TrackResult:
    """Store an event with what it says of an order: both or neither."""
    digits = minor_digits((await get_project(tx)).currency)
    try:
        async with tx.transaction():
            (event,) = await record_events(tx, [_draft(message, customer_id)], now=now)
            if event is None:
                return False
            if isinstance(event, InvalidInput):
                raise event
            if message.event == REFUND_EVENT:
                await apply_refund(tx, read_refund(message, digits=digits), now=now)
            else:
                told = read_order(message, customer_id=customer_id, digits=digits)
                await apply_order(tx, told, now=now)
    except Contended:
        raise
    except InvalidInput as error:
        return _of_properties(error)
    except KaquanError as error:
        return error
    return True


_NAMES = {"items": "products", "amount": "total", "source_id": "order_id"}


def _of_properties(error: InvalidInput) -> InvalidInput:
    """The error with the path that the sender knows."""
    if error.field.startswith("properties") or error.field in ("event", "at", "source_id"):
        return error
    head, _, rest = error.field.removeprefix("metadata.").partition("[")
    path = f"properties.{_NAMES.get(head, head)}" + (f"[{rest}" if rest else "")
    if error.field == "metadata":
        path = "properties"
    return InvalidInput(error.message, field=path, key=error.key)


async def _change_carts(tx: Tx, changes: Sequence[tuple[str, CartChange]]) -> None:
    ordered = sorted(changes, key=lambda pair: pair[1].at)
    keys = {(customer_id, change.cart) for customer_id, change in ordered}
    carts = await lock_carts(tx, sorted(keys), at=ordered[0][1].at)
    for customer_id, change in ordered:
        cart = carts[customer_id, change.cart]
        if cart.reset_at is not None and change.at < cart.reset_at:
            continue
        carts[customer_id, change.cart] = structs.replace(
            cart,
            items=change_cart(cart.items, change),
            reset_at=change.at if change.whole else cart.reset_at,
            changed_at=max(cart.changed_at, change.at),
        )
    await write_carts(tx, list(carts.values()))
