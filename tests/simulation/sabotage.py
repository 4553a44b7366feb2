"""Broken on purpose, one rule each: the simulation has to notice every one of them."""

from datetime import datetime

import msgspec

from kaquan.runtime import Tx, get_project, set_project
from ledger.returning import return_transfers
from simulation.reference.state import Campaign, Shop, View
from simulation.steps import (
    LockSession,
    Outcome,
    PlaceHold,
    Publish,
    Redeem,
    ReturnGoods,
    RollBack,
    Step,
)
from simulation.system import System


class TakesNothing(System):
    """Redeems without taking uses, budget or the person's count."""

    async def redeem(self, tx: Tx, step: Redeem, now: datetime) -> Outcome:
        outcome = await super().redeem(tx, step, now)
        for redemption in outcome.names.get("redemptions", []):
            await return_transfers(tx, redemption, returned_by="sabotage", now=now)
        return outcome


class ForgetsKeys(System):
    """Does again what was done under the same key."""

    async def perform(self, tx: Tx, step: Step, now: datetime) -> tuple[Outcome, bool]:
        return await self.act(tx, step, now), False


class JoinsAgain(System):
    """Gives another voucher to a customer who joins once."""

    async def publish(self, tx: Tx, step: Publish, now: datetime) -> Outcome:
        return await super().publish(tx, msgspec.structs.replace(step, join_once=False), now)


class ReservesNothing(System):
    """Says that it holds what it does not."""

    async def place_hold(self, tx: Tx, step: PlaceHold, now: datetime) -> Outcome:
        return Outcome(kind="held")


class GivesNothingBack(System):
    """Says that it rolled back, and keeps what the redemption took."""

    async def roll_back(self, tx: Tx, step: RollBack, now: datetime) -> Outcome:
        async with tx.transaction(force_rollback=True):
            return await super().roll_back(tx, step, now)


class LocksNothing(System):
    """Says that a session has reserved what it has not."""

    async def lock_session(self, tx: Tx, step: LockSession, now: datetime) -> Outcome:
        async with tx.transaction(force_rollback=True):
            return await super().lock_session(tx, step, now)


class KeepsWhatCameBack(System):
    """Says that goods came back, and keeps their discount."""

    async def return_goods(self, tx: Tx, step: ReturnGoods, now: datetime) -> Outcome:
        async with tx.transaction(force_rollback=True):
            return await super().return_goods(tx, step, now)


class CommitsHalfway(System):
    """Commits before the step is over, so that a crash leaves a part of it behind."""

    async def redeem(self, tx: Tx, step: Redeem, now: datetime) -> Outcome:
        outcome = await super().redeem(tx, step, now)
        project = await get_project(tx)
        await tx.commit()
        await set_project(tx, project.project_id)
        return outcome


class WithoutBudgets(Shop):
    """A reference in which budgets never run out."""

    def budget_left(self, campaign: Campaign, view: View | None = None) -> int | None:
        return None if campaign.budget_minor is None else 10**12


SYSTEMS: list[type[System]] = [
    TakesNothing,
    ForgetsKeys,
    JoinsAgain,
    ReservesNothing,
    GivesNothingBack,
    LocksNothing,
    KeepsWhatCameBack,
    CommitsHalfway,
]
