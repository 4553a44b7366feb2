"""Nouns that every room shares: the project, a page of a list, long work's progress."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar
from zoneinfo import ZoneInfo

import msgspec

Item = TypeVar("Item")


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """One tenant. ``project_id`` is the database's number for it, ``id`` the name on the wire."""

    project_id: int
    id: str
    name: str
    currency: str
    time_zone: str
    language: str
    sandbox: bool
    settings: dict[str, Any]
    created_at: datetime

    @property
    def zone(self) -> ZoneInfo:
        """The project's time zone, in which its dates begin and end."""
        return ZoneInfo(self.time_zone)


class Page(msgspec.Struct, Generic[Item], frozen=True):
    """A part of a list: the items, how many there are in all, and where the next part starts."""

    items: list[Item]
    total: int
    next_cursor: str | None = None


class ActionStatus(StrEnum):
    """Where a piece of long work stands."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class AsyncAction(msgspec.Struct, frozen=True, kw_only=True):
    """Long work and its progress: ``done`` of ``total`` units (total unknown: None)."""

    id: str
    kind: str
    status: ActionStatus
    done: int
    total: int | None
    request: dict[str, Any]
    result: dict[str, Any] | None
    created_at: datetime
    updated_at: datetime
