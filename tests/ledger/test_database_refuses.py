"""The database keeps the books, not the code: what the application's role cannot do at all."""

from typing import LiteralString, NamedTuple

import psycopg
import pytest
from psycopg import errors

from kaquan.ledger import (
    AccountKey,
    AccountKind,
    check_ledger,
    issue,
    list_accounts,
    take,
)
from kaquan.ledger import post_transfers as post
from kaquan.runtime import Database, Project, Tx
from ledger.holding import place_hold
from ledger.test_posting import NOW

KEY = AccountKey("v_1", AccountKind.USES)


@pytest.fixture
async def opened(tx: Tx) -> Tx:
    """An account of two uses, one of them taken, with a hold on the other."""
    await post(tx, [issue("v_1", KEY.kind, 2, cause_id="v_1")], now=NOW)
    await post(tx, [take("v_1", KEY.kind, 1, cause_id="r_1")], now=NOW)
    await place_hold(tx, "lock_1", KEY, amount=1, cause_id="s_1", now=NOW)
    return tx


class Attempt(NamedTuple):
    name: str
    statement: LiteralString
    refusal: type[psycopg.Error]


DENIED = errors.InsufficientPrivilege
INSERT: LiteralString = (
    "insert into transfer (from_owner, to_owner, kind, amount, cause, cause_id, reverses, at)"
)
ATTEMPTS = [
    Attempt("raise a balance", "update account set balance = balance + 1", DENIED),
    Attempt("raise a grant", "update account set granted = granted + 1", DENIED),
    Attempt("forget what is held", "update account set held = 0", DENIED),
    Attempt("rename an account", "update account set owner = 'v_2'", DENIED),
    Attempt("rename it to itself", "update account set owner = owner", DENIED),
    Attempt(
        "open an account",
        "insert into account (project_id, owner, kind, balance, granted)"
        " values (current_project(), 'v_9', 'uses', 9, 9)",
        DENIED,
    ),
    Attempt("close an account", "delete from account", DENIED),
    Attempt("rewrite a transfer", "update transfer set amount = 9", DENIED),
    Attempt("forget a return", "update transfer set reversed = 0", DENIED),
    Attempt("delete a transfer", "delete from transfer", DENIED),
    Attempt("empty the ledger", "truncate transfer", DENIED),
    Attempt("resize a hold", "update hold set amount = 9", DENIED),
    Attempt("revive a hold", "update hold set state = 'pending'", errors.CheckViolation),
    Attempt("delete a hold", "delete from hold", DENIED),
    Attempt("switch the triggers off", "alter table transfer disable trigger all", DENIED),
    Attempt("play the replica", "set session_replication_role = replica", DENIED),
    Attempt(
        "move nothing",
        INSERT + " values ('@issued', 'v_1', 'uses', 0, 'issue', 'x', null, now())",
        errors.CheckViolation,
    ),
    Attempt(
        "move a negative amount",
        INSERT + " values ('@issued', 'v_1', 'uses', -1, 'issue', 'x', null, now())",
        errors.CheckViolation,
    ),
    Attempt(
        "pay oneself",
        INSERT + " values ('v_1', 'v_1', 'uses', 1, 'redeem', 'x', null, now())",
        errors.CheckViolation,
    ),
    Attempt(
        "move between outsides",
        INSERT + " values ('@issued', '@redeemed', 'uses', 1, 'issue', 'x', null, now())",
        errors.CheckViolation,
    ),
    Attempt(
        "invent an outside",
        INSERT + " values ('@printer', 'v_1', 'uses', 1, 'redeem', 'x', null, now())",
        errors.CheckViolation,
    ),
    Attempt(
        "issue under another name",
        INSERT + " values ('@issued', 'v_1', 'uses', 1, 'redeem', 'x', null, now())",
        errors.CheckViolation,
    ),
    Attempt(
        "return without naming what",
        INSERT + " values ('@redeemed', 'v_1', 'uses', 1, 'return', 'x', null, now())",
        errors.CheckViolation,
    ),
    Attempt(
        "return to somebody else",
        INSERT + " select to_owner, 'v_2', kind, 1, 'return', 'x', id, now()"
        " from transfer where cause = 'redeem'",
        errors.CheckViolation,
    ),
    Attempt(
        "return what does not exist",
        INSERT + " values ('@redeemed', 'v_1', 'uses', 1, 'return', 'x', 0, now())",
        errors.ForeignKeyViolation,
    ),
    Attempt(
        "an unknown kind",
        INSERT + " values ('@issued', 'v_1', 'wishes', 1, 'issue', 'x', null, now())",
        errors.CheckViolation,
    ),
    Attempt(
        "set what was returned on arrival",
        "insert into transfer"
        " (from_owner, to_owner, kind, amount, reversed, cause, cause_id, at)"
        " values ('@issued', 'v_1', 'uses', 5, 5, 'issue', 'x', now())",
        DENIED,
    ),
    Attempt(
        "hold nothing",
        "insert into hold (id, owner, kind, amount, cause_id, expires_at, created_at)"
        " values ('lock_2', 'v_1', 'uses', 0, 'x', now(), now())",
        errors.CheckViolation,
    ),
]


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=lambda attempt: attempt.name)
async def test_the_applications_role_cannot(opened: Tx, attempt: Attempt) -> None:
    with pytest.raises(attempt.refusal):
        async with opened.transaction():
            await opened.execute(attempt.statement)
    assert (await list_accounts(opened, [KEY]))[KEY].balance == 1
    assert await check_ledger(opened) == []


async def test_another_project_neither_sees_nor_moves_it(
    database: Database, project: Project, opened: Tx
) -> None:
    await opened.commit()
    async with database.transaction(project.project_id + 1_000_000) as stranger:
        assert await list_accounts(stranger, [KEY]) == {}
        with pytest.raises(DENIED):
            async with stranger.transaction():
                await stranger.execute(
                    "insert into transfer"
                    " (project_id, from_owner, to_owner, kind, amount, cause, cause_id, at)"
                    " values (%s, '@issued', 'v_1', 'uses', 1, 'issue', 'x', now())",
                    (project.project_id,),
                )
