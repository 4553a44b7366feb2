"""Moving value between accounts: what each movement leaves behind, and what is refused."""

from datetime import UTC, datetime
from typing import NamedTuple

import pytest

from kaquan.ledger import (
    AccountKey,
    AccountKind,
    Cause,
    Movement,
    Overdrawn,
    OverReturned,
    check_ledger,
    count_ledger,
    give_back,
    issue,
    list_accounts,
    list_transfers,
    lock_accounts,
    post_transfers,
    take,
    tally,
    withdraw,
)
from kaquan.runtime import Tx
from ledger.returning import return_transfers

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
USES, USED = AccountKind.USES, AccountKind.USED
KEY = AccountKey("v_1", USES)


class Posting(NamedTuple):
    name: str
    batches: list[list[Movement]]
    owner: str
    kind: AccountKind
    balance: int
    granted: int


def _between(source: str, target: str, amount: int) -> Movement:
    return Movement(
        from_owner=source,
        to_owner=target,
        kind=USES,
        amount=amount,
        cause=Cause.REDEEM,
        cause_id="r_1",
    )


POSTINGS = [
    Posting("issue opens", [[issue("v_1", USES, 5, cause_id="v_1")]], "v_1", USES, 5, 5),
    Posting(
        "two issues of one batch add up",
        [[issue("v_1", USES, 5, cause_id="a"), issue("v_1", USES, 2, cause_id="b")]],
        "v_1",
        USES,
        7,
        7,
    ),
    Posting(
        "take",
        [[issue("v_1", USES, 5, cause_id="v_1")], [take("v_1", USES, 2, cause_id="r_1")]],
        "v_1",
        USES,
        3,
        5,
    ),
    Posting(
        "takes of one batch add up to all there is",
        [
            [issue("v_1", USES, 5, cause_id="v_1")],
            [take("v_1", USES, 2, cause_id="r_1"), take("v_1", USES, 3, cause_id="r_2")],
        ],
        "v_1",
        USES,
        0,
        5,
    ),
    Posting(
        "withdraw lowers the grant too",
        [[issue("v_1", USES, 5, cause_id="v_1")], [withdraw("v_1", USES, 4, cause_id="v_1")]],
        "v_1",
        USES,
        1,
        1,
    ),
    Posting("tally opens", [[tally("v_1", 3, cause_id="r_1")]], "v_1", USED, 3, 0),
    Posting(
        "what moves between accounts is no grant",
        [[issue("v_1", USES, 5, cause_id="v_1")], [_between("v_1", "v_2", 2)]],
        "v_2",
        USES,
        2,
        0,
    ),
]


@pytest.mark.parametrize("case", POSTINGS, ids=lambda case: case.name)
async def test_posting_moves_balance_and_grant(tx: Tx, case: Posting) -> None:
    for batch in case.batches:
        await post_transfers(tx, batch, now=NOW)
    key = AccountKey(case.owner, case.kind)
    account = (await list_accounts(tx, [key]))[key]
    assert (account.balance, account.granted, account.held) == (case.balance, case.granted, 0)
    assert await check_ledger(tx) == []


class Refusal(NamedTuple):
    name: str
    movements: list[Movement]


OVERDRAFTS = [
    Refusal("more than there is", [take("v_1", USES, 3, cause_id="r_1")]),
    Refusal(
        "two that fit one by one",
        [take("v_1", USES, 1, cause_id="r_1"), take("v_1", USES, 2, cause_id="r_2")],
    ),
    Refusal(
        "one bad movement spoils the batch",
        [take("v_1", USES, 1, cause_id="r_1"), take("v_2", USES, 1, cause_id="r_1")],
    ),
    Refusal("another kind of the same owner", [take("v_1", AccountKind.BUDGET, 1, cause_id="r_1")]),
    Refusal("withdrawing what was used", [withdraw("v_1", USES, 3, cause_id="v_1")]),
    Refusal("moving to a neighbour", [_between("v_1", "v_3", 3)]),
]


@pytest.mark.parametrize("case", OVERDRAFTS, ids=lambda case: case.name)
async def test_overdraft_moves_nothing_and_spares_the_transaction(tx: Tx, case: Refusal) -> None:
    await post_transfers(tx, [issue("v_1", USES, 2, cause_id="v_1")], now=NOW)
    with pytest.raises(Overdrawn):
        await post_transfers(tx, case.movements, now=NOW)
    assert (await list_accounts(tx, [KEY]))[KEY].balance == 2
    assert await count_ledger(tx) == (1, 1)
    assert await check_ledger(tx) == []


async def test_posting_nothing_does_nothing(tx: Tx) -> None:
    await post_transfers(tx, [], now=NOW)
    assert await count_ledger(tx) == (0, 0)


async def test_locking_returns_only_what_exists_in_order(tx: Tx) -> None:
    owners = ["v_b", "v_a", "campaign/z", "V_c"]
    await post_transfers(tx, [issue(o, USES, 1, cause_id=o) for o in owners], now=NOW)
    keys = [AccountKey(owner, USES) for owner in (*owners, "v_unknown")]
    locked = await lock_accounts(tx, keys)
    assert [key.owner for key in locked] == ["V_c", "campaign/z", "v_a", "v_b"]
    assert list(locked) == sorted(locked)


class TestReturns:
    """A return runs opposite to a transfer and never exceeds it."""

    async def _redeem(self, tx: Tx) -> None:
        await post_transfers(
            tx,
            [
                issue("v_1", USES, 2, cause_id="v_1"),
                issue("camp_1", AccountKind.BUDGET, 1000, cause_id="camp_1"),
            ],
            now=NOW,
        )
        await post_transfers(
            tx,
            [
                take("v_1", USES, 1, cause_id="r_1"),
                take("camp_1", AccountKind.BUDGET, 250, cause_id="r_1"),
                tally("v_2", 1, cause_id="r_1"),
            ],
            now=NOW,
        )

    async def test_everything_of_a_cause_comes_back_once(self, tx: Tx) -> None:
        await self._redeem(tx)
        returned = await return_transfers(tx, "r_1", returned_by="rr_1", now=NOW)
        assert sorted((t.kind, t.amount) for t in returned) == [
            ("budget", 250),
            ("used", 1),
            ("uses", 1),
        ]
        budget, used = AccountKey("camp_1", AccountKind.BUDGET), AccountKey("v_2", USED)
        accounts = await list_accounts(tx, [KEY, budget, used])
        assert {key.owner: a.balance for key, a in accounts.items()} == {
            "v_1": 2,
            "camp_1": 1000,
            "v_2": 0,
        }
        with pytest.raises(OverReturned):
            await return_transfers(tx, "r_1", returned_by="rr_2", now=NOW)
        assert await list_transfers(tx, "rr_2") == []
        assert await check_ledger(tx) == []

    async def test_a_part_comes_back_and_then_only_the_rest(self, tx: Tx) -> None:
        await self._redeem(tx)
        (budget,) = [t for t in await list_transfers(tx, "r_1") if t.kind is AccountKind.BUDGET]
        await post_transfers(tx, [give_back(budget, 100, cause_id="rr_1")], now=NOW)
        with pytest.raises(OverReturned):
            await post_transfers(tx, [give_back(budget, 151, cause_id="rr_2")], now=NOW)
        rest = await return_transfers(tx, "r_1", returned_by="rr_3", now=NOW)
        assert {t.kind: t.amount - t.reversed for t in rest}[AccountKind.BUDGET] == 150
        assert await check_ledger(tx) == []

    async def test_nothing_to_return(self, tx: Tx) -> None:
        with pytest.raises(OverReturned):
            await return_transfers(tx, "r_never", returned_by="rr_1", now=NOW)
