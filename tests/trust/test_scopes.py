"""What a key may do: its scope is stored, and without one it is the widest of its kind."""

from datetime import UTC, datetime

import psycopg
import pytest

from kaquan.runtime import Database, Project
from kaquan.trust import KeyKind, KeyScope, authenticate_key, create_api_key

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "asked", "scope"),
    [
        (KeyKind.SERVER, None, KeyScope.SERVER),
        (KeyKind.CLIENT, None, KeyScope.CLIENT),
        (KeyKind.MANAGEMENT, None, KeyScope.SERVER),
        (KeyKind.SERVER, KeyScope.READ_ONLY, KeyScope.READ_ONLY),
        (KeyKind.SERVER, KeyScope.DRY_RUN, KeyScope.DRY_RUN),
    ],
)
async def test_a_caller_has_the_scope_of_the_key(
    database: Database,
    project: Project,
    *,
    kind: KeyKind,
    asked: KeyScope | None,
    scope: KeyScope,
) -> None:
    async with database.transaction(project.project_id) as tx:
        key = await create_api_key(tx, kind, name="test", scope=asked, now=NOW)
    caller = await authenticate_key(database, key.app_id, key.token, now=NOW)
    assert caller is not None
    assert (key.scope, caller.scope) == (scope, scope)


async def test_the_database_knows_the_scopes(database: Database, project: Project) -> None:
    async with database.transaction(project.project_id) as tx:
        key = await create_api_key(tx, KeyKind.SERVER, name="test", now=NOW)
    with pytest.raises(psycopg.errors.CheckViolation):
        async with database.transaction(project.project_id) as tx:
            await tx.execute("update api_key set scope = 'all' where id = %s", (key.key_id,))
