"""API keys: only the right pair of a live key opens a project."""

from datetime import timedelta

import psycopg
import pytest

from conftest import NOW
from kaquan.runtime import Database, Project
from kaquan.trust import (
    IssuedKey,
    KeyKind,
    RecentKeys,
    authenticate_key,
    create_api_key,
    project_key,
    replace_api_key,
)
from kaquan.trust.keys import MOST_REMEMBERED
from kaquan.trust.store import find_key


async def _key(database: Database, project: Project) -> IssuedKey:
    async with database.transaction(project.project_id) as tx:
        return await create_api_key(tx, KeyKind.SERVER, name="till", now=NOW)


@pytest.mark.parametrize(
    ("case", "app_id", "token", "opens"),
    [
        ("the pair as issued", "{app_id}", "{token}", True),
        ("a longer token", "{app_id}", "{token}!", False),
        ("an empty token", "{app_id}", "", False),
        ("an unknown application", "nobody", "{token}", False),
        ("no application", "", "{token}", False),
        ("a NUL in the application", "{app_id}\x00", "{token}", False),
        ("a lone surrogate in the token", "{app_id}", "\udc80", False),
    ],
)
async def test_who_gets_in(
    database: Database, project: Project, *, case: str, app_id: str, token: str, opens: bool
) -> None:
    key = await _key(database, project)
    pair = (text.format(app_id=key.app_id, token=key.token) for text in (app_id, token))
    caller = await authenticate_key(database, *pair, now=NOW)
    assert (caller is not None) is opens, case
    if caller is not None:
        assert (caller.project_id, caller.kind) == (project.project_id, KeyKind.SERVER)


async def test_a_revoked_key_opens_nothing(database: Database, project: Project) -> None:
    key = await _key(database, project)
    async with database.transaction(project.project_id) as tx:
        await tx.execute("update api_key set revoked_at = %s where id = %s", (NOW, key.key_id))
    assert await authenticate_key(database, key.app_id, key.token, now=NOW) is None


async def test_replacing_a_key_revokes_the_one_before(database: Database, project: Project) -> None:
    async with database.transaction(project.project_id) as tx:
        old = await replace_api_key(tx, KeyKind.SERVER, name="demo", now=NOW)
    async with database.transaction(project.project_id) as tx:
        new = await replace_api_key(tx, KeyKind.SERVER, name="demo", now=NOW)
    assert await authenticate_key(database, old.app_id, old.token, now=NOW) is None
    assert await authenticate_key(database, new.app_id, new.token, now=NOW) is not None


async def test_the_token_is_nowhere_in_the_database(database: Database, project: Project) -> None:
    key = await _key(database, project)
    async with database.transaction(project.project_id) as tx:
        cursor = await tx.execute("select api_key::text from api_key where id = %s", (key.key_id,))
        row = await cursor.fetchone()
    assert row is not None
    assert key.app_id in row[0]
    assert key.token not in row[0]


async def test_last_use_is_remembered_by_the_minute(database: Database, project: Project) -> None:
    key = await _key(database, project)
    seen: list[object] = []
    for later in (0, 30, 90):
        at = NOW + timedelta(seconds=later)
        assert await authenticate_key(database, key.app_id, key.token, now=at)
        async with database.transaction(project.project_id) as tx:
            cursor = await tx.execute("select last_used_at from api_key")
            row = await cursor.fetchone()
            assert row is not None
            seen.append(row[0])
    assert seen == [NOW, NOW, NOW + timedelta(seconds=90)]


class TestRecentKeys:
    """What a process remembers of keys: for 5 seconds, a bounded number, and only real ones."""

    @pytest.mark.parametrize(
        ("later_s", "opens"), [(0, True), (4.9, True), (5, False), (-0.1, False)]
    )
    async def test_a_revoked_key_stops_within_five_seconds(
        self, database: Database, project: Project, *, later_s: float, opens: bool
    ) -> None:
        key, recent = await _key(database, project), RecentKeys()
        assert await authenticate_key(database, key.app_id, key.token, now=NOW, recent=recent)
        async with database.transaction(project.project_id) as tx:
            ago = NOW - timedelta(seconds=1)
            await tx.execute("update api_key set revoked_at = %s", (ago,))
        at = NOW + timedelta(seconds=later_s)
        caller = await authenticate_key(database, key.app_id, key.token, now=at, recent=recent)
        assert (caller is not None) is opens

    async def test_use_does_not_keep_a_revoked_key_alive(
        self, database: Database, project: Project
    ) -> None:
        key, recent = await _key(database, project), RecentKeys()
        callers: list[bool] = []
        for later_s in (0, 3, 6):
            at = NOW + timedelta(seconds=later_s)
            caller = await authenticate_key(database, key.app_id, key.token, now=at, recent=recent)
            callers.append(caller is not None)
            async with database.transaction(project.project_id) as tx:
                await tx.execute("update api_key set revoked_at = %s", (NOW,))
        assert callers == [True, True, False]

    async def test_a_remembered_key_still_wants_its_token(
        self, database: Database, project: Project
    ) -> None:
        key, recent = await _key(database, project), RecentKeys()
        for token, opens in ((key.token, True), (f"{key.token}!", False), (key.token, True)):
            caller = await authenticate_key(database, key.app_id, token, now=NOW, recent=recent)
            assert (caller is not None) is opens

    async def test_a_key_that_did_not_exist_works_once_it_does(
        self, database: Database, project: Project
    ) -> None:
        recent = RecentKeys()
        assert not await authenticate_key(database, "soon", "x", now=NOW, recent=recent)
        key = await _key(database, project)
        async with database.transaction(project.project_id) as tx:
            await tx.execute("update api_key set app_id = 'soon' where id = %s", (key.key_id,))
        assert await authenticate_key(database, "soon", key.token, now=NOW, recent=recent)

    async def test_the_key_read_longest_ago_makes_room(
        self, database: Database, project: Project
    ) -> None:
        issued, recent = await _key(database, project), RecentKeys()
        async with database.transaction(lookup=issued.app_id) as tx:
            key = await find_key(tx, issued.app_id)
        assert key is not None
        for number in range(MOST_REMEMBERED + 1):
            recent.remember(f"app {number}", key, read_at=NOW)
        assert recent.find("app 0", now=NOW) is None
        assert recent.find("app 1", now=NOW) == key

    async def test_a_busy_key_asks_the_database_once(
        self, database: Database, project: Project
    ) -> None:
        key, recent = await _key(database, project), RecentKeys()
        assert await authenticate_key(database, key.app_id, key.token, now=NOW, recent=recent)
        away = Database("postgresql://nobody@127.0.0.1:1/none")
        assert await authenticate_key(away, key.app_id, key.token, now=NOW, recent=recent)


async def test_looking_up_one_key_reveals_no_other_row(
    database: Database, project: Project
) -> None:
    key = await _key(database, project)
    await _key(database, project)
    async with database.transaction(lookup=key.app_id) as tx:
        cursor = await tx.execute("select app_id from api_key")
        assert await cursor.fetchall() == [(key.app_id,)]
        cursor = await tx.execute("select count(*) from customer")
        assert await cursor.fetchone() == (0,)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        async with database.transaction(lookup=key.app_id) as tx:
            await create_api_key(tx, KeyKind.SERVER, name="forged", now=NOW)


async def test_a_project_key_is_made_once_and_is_the_projects_own(
    database: Database, project: Project
) -> None:
    async with database.transaction(project.project_id) as tx:
        first = await project_key(tx, "wallet")
        assert await project_key(tx, "wallet") == first
        assert await project_key(tx, "unsubscribe") != first
    assert len(first) == 32
