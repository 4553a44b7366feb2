"""Subscribers, a clock to turn, and things that happen."""

from datetime import datetime, timedelta
from typing import Any

from checkout.shop import NOW
from kaquan.customers import CustomerDraft, upsert_customer
from kaquan.runtime import Database, Project, Tx
from kaquan.webhooks import (
    Delivery,
    Dispatcher,
    DomainEvent,
    Endpoint,
    EndpointDraft,
    create_endpoint,
    get_endpoint,
    list_events,
    list_log,
    number_events,
)

AMOUNT_OFF: dict[str, Any] = {"effect": {"code": "amount_off", "amount_minor": 500}}
NOWHERE = "http://127.0.0.1:9/"


class Clock:
    """A clock that stands until it is turned."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def turn(self, by: timedelta) -> None:
        """Let time pass."""
        self.now += by


async def subscribe(
    tx: Tx, *events: str, url: str = NOWHERE, now: datetime = NOW, **more: Any
) -> Endpoint:
    """An endpoint for these events, or for all."""
    draft = EndpointDraft(url=url, events=events, **more)
    return await create_endpoint(tx, draft, private_allowed=True, now=now)


async def enter(tx: Tx, *names: str) -> list[str]:
    """Customers by these names, one after the other; returns their ids."""
    drafts = [CustomerDraft(source_id=name, name=name.title()) for name in names]
    return [(await upsert_customer(tx, draft, now=NOW)).id for draft in drafts]


async def number(tx: Tx) -> list[DomainEvent]:
    """Number whatever happened and return all events."""
    while await number_events(tx, now=NOW, limit=3):
        pass
    return await list_events(tx, after=0, limit=10_000)


async def log_of(database: Database, project: Project, endpoint: Endpoint) -> list[Delivery]:
    """An endpoint's messages, the oldest first."""
    async with database.transaction(project.project_id) as tx:
        return (await list_log(tx, endpoint.id, order="position", limit=1_000)).items


async def reread(database: Database, project: Project, endpoint: Endpoint) -> Endpoint:
    """An endpoint as it is stored."""
    async with database.transaction(project.project_id) as tx:
        return await get_endpoint(tx, endpoint.id)


def open_dispatcher(database: Database, clock: Clock, **more: Any) -> Dispatcher:
    """A dispatcher that may send to the loopback."""
    return Dispatcher(database, private_allowed=True, clock=clock, **more)


async def listen(
    database: Database, project: Project, url: str, *events: str, **more: Any
) -> Endpoint:
    """An endpoint on the receiver."""
    async with database.transaction(project.project_id) as tx:
        return await subscribe(tx, *events, url=url, **more)


async def happen(database: Database, project: Project, *names: str) -> None:
    """Customers enter, each in a transaction."""
    for name in names:
        async with database.transaction(project.project_id) as tx:
            await enter(tx, name)
