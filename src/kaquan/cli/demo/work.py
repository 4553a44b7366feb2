"""What a step of the demo works with, and how it says how far it is."""

from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

import msgspec

from kaquan.cli.demo.dataset import Dataset
from kaquan.cli.demo.model import DemoAccess, Figures
from kaquan.runtime import Database, Tx


class Progress(Protocol):
    """A step's bar."""

    def reach(self, done: int, total: int) -> None:
        """Say that so many of all rows are done."""
        ...


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """The database and the data. ``now`` is the present: the data's own times are of 2017."""

    database: Database
    project_id: int
    dataset: Dataset
    access: DemoAccess
    now: datetime

    def transaction(self) -> AbstractAsyncContextManager[Tx]:
        """Open a transaction of the demo's project."""
        return self.database.transaction(self.project_id)


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What a step did: rows, and other figures worth telling (amounts in minor units)."""

    rows: int
    figures: Figures = {}
