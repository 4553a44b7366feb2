"""The ledger check finds every kind of damage: each is done here by the owner of the tables."""

from collections.abc import AsyncGenerator
from typing import LiteralString, NamedTuple

import pytest
from psycopg import AsyncConnection, sql

from kaquan.ledger import (
    AccountKey,
    AccountKind,
    Discrepancy,
    check_ledger,
    issue,
    post_transfers,
    take,
)
from kaquan.runtime import Database, Project, Tx
from ledger.holding import place_hold
from ledger.returning import return_transfers
from ledger.test_posting import NOW

BALANCE = "balance equals the sum of transfers"
GRANTED = "granted equals what was issued less what was withdrawn"
HELD = "held equals the sum of pending holds"
OVERDRAWN = "no account is overdrawn"
RETURNED = "what was returned of a transfer equals its reversals"
ZERO = "transfers between all accounts and the outside sum to zero"


@pytest.fixture
async def owner(database: Database, project: Project, postgres_url: str) -> AsyncGenerator[Tx]:
    """The tables' owner inside a transaction that is rolled back, triggers off.

    The project has an account of ten uses: three taken, one of these returned, two held.
    """
    async with database.transaction(project.project_id) as tx:
        await post_transfers(tx, [issue("v_1", AccountKind.USES, 10, cause_id="v_1")], now=NOW)
        await post_transfers(tx, [take("v_1", AccountKind.USES, 2, cause_id="r_1")], now=NOW)
        await post_transfers(tx, [take("v_1", AccountKind.USES, 1, cause_id="r_2")], now=NOW)
        await return_transfers(tx, "r_2", returned_by="rr_2", now=NOW)
        key = AccountKey("v_1", AccountKind.USES)
        await place_hold(tx, "lock_1", key, amount=2, cause_id="s_1", now=NOW)
    options = "-c search_path=kaquan"
    async with await AsyncConnection.connect(postgres_url, options=options) as connection:
        await connection.execute(
            "select set_config('kaquan.project_id', %s, true)", (str(project.project_id),)
        )
        for table in ("account", "transfer", "hold"):
            await connection.execute(
                sql.SQL("alter table {} disable trigger user").format(sql.Identifier(table))
            )
        await connection.execute("alter table account drop constraint account_not_overdrawn")
        await connection.execute("alter table transfer drop constraint transfer_not_returned_twice")
        await connection.execute("alter table hold drop constraint hold_project_id_owner_kind_fkey")
        yield connection
        await connection.rollback()


class Damage(NamedTuple):
    name: str
    statement: LiteralString
    found: dict[str, tuple[str, int, int]]


TRANSFER: LiteralString = (
    "insert into transfer (from_owner, to_owner, kind, amount, cause, cause_id, at) values"
)
DAMAGES = [
    Damage("nothing", "select 1", {}),
    Damage(
        "a balance raised",
        "update account set balance = balance + 1",
        {BALANCE: ("v_1 uses", 8, 9), ZERO: ("project", 8, 9)},
    ),
    Damage(
        "a balance below what is held",
        "update account set balance = 1",
        {BALANCE: ("v_1 uses", 8, 1), OVERDRAWN: ("v_1 uses", 0, -1), ZERO: ("project", 8, 1)},
    ),
    Damage(
        "a grant raised",
        "update account set granted = granted + 5",
        {GRANTED: ("v_1 uses", 10, 15)},
    ),
    Damage("a hold forgotten", "update account set held = 0", {HELD: ("v_1 uses", 2, 0)}),
    Damage("a hold ended behind its back", "delete from hold", {HELD: ("v_1 uses", 0, 2)}),
    Damage(
        "an account lost",
        "delete from account",
        {BALANCE: ("v_1 uses", 8, 0), ZERO: ("project", 8, 0)},
    ),
    Damage(
        "an account invented",
        "insert into account (project_id, owner, kind, balance, granted)"
        " values (current_project(), 'v_2', 'uses', 0, 0)",
        {BALANCE: ("v_2 uses", 0, 0)},
    ),
    Damage(
        "a transfer without effect",
        TRANSFER + " ('v_1', '@redeemed', 'uses', 1, 'redeem', 'r_3', now())",
        {BALANCE: ("v_1 uses", 7, 8), ZERO: ("project", 7, 8)},
    ),
    Damage(
        "a redemption lost",
        "delete from transfer where cause_id = 'r_1'",
        {BALANCE: ("v_1 uses", 10, 8), ZERO: ("project", 10, 8)},
    ),
    Damage(
        "a return forgotten",
        "update transfer set reversed = 0 where cause_id = 'r_2'",
        {RETURNED: ("transfer", 1, 0)},
    ),
    Damage(
        "a return counted twice",
        "update transfer set reversed = 2 where cause_id = 'r_2'",
        {RETURNED: ("transfer", 1, 2)},
    ),
]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.name)
async def test_damage_is_found(owner: Tx, damage: Damage) -> None:
    await owner.execute(damage.statement)
    await owner.execute("set local role kaquan_app")
    assert {_name(d): _figures(d) for d in await check_ledger(owner)} == damage.found


def _name(found: Discrepancy) -> str:
    return found.rule


def _figures(found: Discrepancy) -> tuple[str, int, int]:
    subject = "transfer" if found.subject.startswith("transfer ") else found.subject
    return subject, found.expected, found.found
