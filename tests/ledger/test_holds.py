"""Holds: what they keep from others, and how they end."""

from datetime import UTC, datetime, timedelta

import pytest

from kaquan.ledger import (
    AccountKey,
    AccountKind,
    Overdrawn,
    check_ledger,
    issue,
    list_accounts,
    post_transfers,
    release_expired_holds,
    take,
)
from kaquan.runtime import Duplicate, NotFound, Tx
from ledger.holding import place_hold, release_hold

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
KEY = AccountKey("v_1", AccountKind.USES)


async def _open(tx: Tx, uses: int) -> None:
    await post_transfers(tx, [issue("v_1", KEY.kind, uses, cause_id="v_1")], now=NOW)


async def _figures(tx: Tx) -> tuple[int, int, int]:
    account = (await list_accounts(tx, [KEY]))[KEY]
    return account.balance, account.held, account.available


async def test_a_hold_keeps_its_amount_from_everybody_else(tx: Tx) -> None:
    await _open(tx, 3)
    hold = await place_hold(tx, "lock_1", KEY, amount=2, cause_id="s_1", now=NOW)
    assert hold.expires_at == NOW + timedelta(minutes=15)
    assert await _figures(tx) == (3, 2, 1)
    with pytest.raises(Overdrawn):
        await place_hold(tx, "lock_2", KEY, amount=2, cause_id="s_2", now=NOW)
    with pytest.raises(Overdrawn):
        await post_transfers(tx, [take("v_1", KEY.kind, 2, cause_id="r_1")], now=NOW)
    await post_transfers(tx, [take("v_1", KEY.kind, 1, cause_id="r_1")], now=NOW)
    assert await _figures(tx) == (2, 2, 0)
    assert await check_ledger(tx) == []


async def test_a_hold_on_an_account_that_was_never_opened(tx: Tx) -> None:
    with pytest.raises(Overdrawn):
        await place_hold(tx, "lock_1", KEY, amount=1, cause_id="s_1", now=NOW)


async def test_a_hold_is_placed_once_under_its_name(tx: Tx) -> None:
    await _open(tx, 3)
    await place_hold(tx, "lock_1", KEY, amount=1, cause_id="s_1", now=NOW)
    with pytest.raises(Duplicate):
        await place_hold(tx, "lock_1", KEY, amount=1, cause_id="s_1", now=NOW)
    assert await _figures(tx) == (3, 1, 2)


async def test_a_hold_ends_once(tx: Tx) -> None:
    await _open(tx, 3)
    await place_hold(tx, "lock_1", KEY, amount=2, cause_id="s_1", now=NOW)
    await release_hold(tx, "lock_1")
    assert await _figures(tx) == (3, 0, 3)
    with pytest.raises(NotFound):
        await release_hold(tx, "lock_1")
    with pytest.raises(NotFound):
        await release_hold(tx, "lock_unknown")
    assert await check_ledger(tx) == []


@pytest.mark.parametrize(
    ("after", "freed", "held"),
    [
        pytest.param(timedelta(minutes=5) - timedelta(microseconds=1), 0, 3, id="just before"),
        pytest.param(timedelta(minutes=5), 1, 2, id="at the moment"),
        pytest.param(timedelta(days=1), 2, 0, id="long after"),
    ],
)
async def test_holds_expire_on_time(tx: Tx, after: timedelta, freed: int, held: int) -> None:
    await _open(tx, 4)
    short = timedelta(minutes=5)
    await place_hold(tx, "short", KEY, amount=1, cause_id="s_1", now=NOW, ttl=short)
    await place_hold(tx, "long", KEY, amount=2, cause_id="s_2", now=NOW, ttl=timedelta(hours=1))
    assert await release_expired_holds(tx, now=NOW + after) == freed
    assert await _figures(tx) == (4, held, 4 - held)
    assert await check_ledger(tx) == []


async def test_an_expired_hold_cannot_be_released(tx: Tx) -> None:
    await _open(tx, 1)
    await place_hold(tx, "lock_1", KEY, amount=1, cause_id="s_1", now=NOW)
    assert await release_expired_holds(tx, now=NOW + timedelta(minutes=15)) == 1
    with pytest.raises(NotFound):
        await release_hold(tx, "lock_1")


async def test_expiry_goes_in_portions(tx: Tx) -> None:
    await _open(tx, 5)
    for number in range(5):
        await place_hold(tx, f"lock_{number}", KEY, amount=1, cause_id="s", now=NOW)
    later = NOW + timedelta(hours=1)
    assert await release_expired_holds(tx, now=later, limit=3) == 3
    assert await release_expired_holds(tx, now=later, limit=3) == 2
    assert await _figures(tx) == (5, 0, 5)
