"""Races without protection: everybody looks before anybody acts, and no lock is in the way."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

import pytest

from campaigns.samples import draw_unprotected
from kaquan.checkout.store.found import Situation, Wanted
from kaquan.checkout.store.situation import read_situations
from kaquan.customers import Order, get_order
from kaquan.ledger import AccountKey, list_accounts
from kaquan.loyalty import get_reward, list_pending_points
from kaquan.loyalty.programmes import get_member
from kaquan.runtime import Tx


class Meeting:
    """Where so many wait for each other, and then perhaps for ``word`` from elsewhere; once."""

    def __init__(self, size: int, word: Callable[[], Awaitable[object]] | None = None) -> None:
        """Wait for ``size`` to come."""
        self._missing = size
        self._word = word
        self._open = asyncio.Event()

    async def wait(self) -> None:
        """Come to the meeting; who comes after it goes on at once."""
        self._missing -= 1
        if self._missing == 0:
            if self._word is not None:
                await self._word()
            self._open.set()
        await self._open.wait()


def unlock(monkeypatch: pytest.MonkeyPatch, all_have_looked: Meeting) -> None:
    """Take the locks away, and let all contenders look before one of them acts."""

    async def look(tx: Tx, keys: Sequence[AccountKey]) -> Any:
        found = await list_accounts(tx, keys)
        await all_have_looked.wait()
        return found

    async def look_up(tx: Tx, parent_id: str) -> Any:
        await all_have_looked.wait()
        return []

    async def lock_nothing(tx: Tx, reference: str) -> None:
        return

    async def look_at_order(tx: Tx, reference: str) -> Order:
        order = await get_order(tx, reference)
        await all_have_looked.wait()
        return order

    async def leave_order(tx: Tx, reference: str, *_: Any, **__: Any) -> Order:
        return await get_order(tx, reference)

    async def look_around(
        tx: Tx, wanted: Sequence[Wanted], *, locking: bool = False
    ) -> list[Situation]:
        return await read_situations(tx, wanted)

    async def let_guests_pass(tx: Tx, numbers: Any) -> None:
        return

    async def count_unlocked(tx: Tx, counts: Any) -> None:
        return

    _unlock_loyalty(monkeypatch, all_have_looked)

    async def draw(tx: Tx, campaign_id: str, count: int, *, now: datetime) -> Any:
        drawn = await draw_unprotected(tx, campaign_id, count, now=now)
        await all_have_looked.wait()
        return drawn

    monkeypatch.setattr("kaquan.campaigns.claim.draw_vouchers", draw)
    monkeypatch.setattr("kaquan.checkout.store.situation.lock_accounts", look)
    monkeypatch.setattr("kaquan.checkout.store.facts.lock_counted", count_unlocked)
    monkeypatch.setattr("kaquan.checkout.snapshot.lock_guests", let_guests_pass)
    monkeypatch.setattr("kaquan.checkout.snapshot.read_situations", look_around)
    monkeypatch.setattr("kaquan.checkout.rollback.lock_order", get_order)
    monkeypatch.setattr("kaquan.checkout.returns.lock_order", look_at_order)
    monkeypatch.setattr("kaquan.checkout.returns.lock_redemptions_of", lock_nothing)
    # Their late locks on the order would let all of them wait in a circle.
    monkeypatch.setattr("kaquan.checkout.returns.update_order", leave_order)
    monkeypatch.setattr("kaquan.checkout.rollback.apply_discounts", leave_order)
    monkeypatch.setattr("kaquan.checkout.rollback.lock_redemptions", lock_nothing)
    monkeypatch.setattr("kaquan.checkout.rollback.list_children", look_up)


def _unlock_loyalty(monkeypatch: pytest.MonkeyPatch, all_have_looked: Meeting) -> None:
    """Look up cards, rewards and what waits without keeping others from them."""
    seen: list[Tx] = []

    async def member(tx: Tx, *named: Any, lock: bool = False, **more: Any) -> Any:
        return await get_member(tx, *named, **more)

    async def reward(tx: Tx, *named: Any, lock: bool = False, **more: Any) -> Any:
        return await get_reward(tx, *named, **more)

    async def look_at_points(tx: Tx, keys: Sequence[AccountKey]) -> Any:
        found = await list_accounts(tx, keys)
        if tx not in seen:
            seen.append(tx)
            await all_have_looked.wait()
        return found

    async def look_at_waiting(tx: Tx, pending_id: str, *, voucher_id: str) -> Any:
        found = (await list_pending_points(tx, member_id=voucher_id, limit=1)).items
        await all_have_looked.wait()
        return found[0]

    monkeypatch.setattr("kaquan.loyalty.spend.get_member", member)
    monkeypatch.setattr("kaquan.loyalty.spend.get_reward", reward)
    monkeypatch.setattr("kaquan.loyalty.spend.lock_accounts", look_at_points)
    monkeypatch.setattr("kaquan.loyalty.pending.lock_pending", look_at_waiting)
