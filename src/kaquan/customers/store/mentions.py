"""SQL of what may mention a person without naming them in a column of its own."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, LiteralString

from psycopg import sql
from psycopg.types.json import Jsonb

from kaquan.runtime import Tx

_IN_USE: LiteralString = (
    "(select a.request ->> 'file_id' from async_action a where a.status in ('pending', 'running')"
    " and a.request ? 'file_id' union all"
    " select unnest(array[i.file_id, i.sample_id]) from file_import i join async_action a"
    "   on a.id in (i.check_action_id, i.run_action_id) where a.status in ('pending', 'running'))"
)
_WRITTEN: Mapping[str, tuple[LiteralString, ...]] = {
    "segment": ("definition", "metadata"),
    "saved_filter": ("definition",),
    "export": ("parameters",),
    "async_action": ("request", "result"),
}
"""What people and programs wrote down, by table: JSON in which a person's values may be named."""


async def list_resting_files(tx: Tx) -> list[str]:
    """Return the files that no import is just reading."""
    cursor = await tx.execute(
        "select f.id from stored_file f where not exists"
        f" (select from {_IN_USE} as used (id) where used.id = f.id) order by f.id"
    )
    return [row[0] for row in await cursor.fetchall()]


async def stream_parts(tx: Tx, file_id: str) -> AsyncGenerator[bytes]:
    """Yield a file's parts in their order."""
    part = 1
    while True:
        cursor = await tx.execute(
            "select content from stored_file_part where file_id = %s and part = %s",
            (file_id, part),
        )
        row = await cursor.fetchone()
        if row is None:
            return
        yield row[0]
        part += 1


async def delete_files(tx: Tx, file_ids: Sequence[str]) -> None:
    """Remove files, and the imports that wait with them."""
    given = list(file_ids)
    await tx.execute(
        "with gone as (delete from file_import where file_id = any(%(ids)s)"
        "   or sample_id = any(%(ids)s) returning file_id, sample_id)"
        " delete from stored_file f where f.id = any(%(ids)s)"
        "   or exists (select from gone where f.id in (gone.file_id, gone.sample_id))",
        {"ids": given},
    )


async def stream_unclaimed_posts(tx: Tx) -> AsyncGenerator[tuple[str, bytes]]:
    """Yield posts (receipts by id, with their bodies) of which it is not known whom they tell of."""
    async with tx.cursor(name="posts") as cursor:
        await cursor.execute(
            "select id, body from source_receipt where customer_id is null and body <> ''"
        )
        async for row in cursor:
            yield row[0], row[1]


async def empty_posts(tx: Tx, receipt_ids: Sequence[str]) -> None:
    """Empty what was posted, and what was said to be wrong with it."""
    await tx.execute(
        "update source_receipt set body = '', error = left(error, 0) where id = any(%s)",
        (list(receipt_ids),),
    )


async def stream_guest_attempts(tx: Tx) -> AsyncGenerator[tuple[str, str]]:
    """Yield tries of people who were not named by an id, with what they were decided on."""
    async with tx.cursor(name="tries") as cursor:
        await cursor.execute(
            "select id, concat_ws(' ', inputs, trace) from attempt"
            " where customer_id is null and customer_source_id is null"
        )
        async for row in cursor:
            yield row[0], row[1]


async def delete_attempts(tx: Tx, attempt_ids: Sequence[str]) -> None:
    """Forget tries."""
    await tx.execute("delete from attempt where id = any(%s)", (list(attempt_ids),))


async def list_written(tx: Tx) -> list[tuple[str, str, dict[str, Any]]]:
    """Return what people and programs wrote down: table, id, and the JSON by column."""
    found: list[tuple[str, str, dict[str, Any]]] = []
    for table, columns in _WRITTEN.items():
        cursor = await tx.execute(
            sql.SQL("select id, {} from {}").format(
                sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier(table)
            )
        )
        found += [
            (str(table), str(row[0]), dict(zip(map(str, columns), row[1:], strict=True)))
            for row in await cursor.fetchall()
        ]
    return found


async def update_written(tx: Tx, table: str, id_: str, values: Mapping[str, Any]) -> None:
    """Store changed JSON of something that ``list_written`` returned."""
    settings = [sql.SQL("{} = %s").format(sql.Identifier(column)) for column in values]
    await tx.execute(
        sql.SQL("update {} set {} where id = %s").format(
            sql.Identifier(table), sql.SQL(", ").join(settings)
        ),
        [*(None if value is None else Jsonb(value) for value in values.values()), id_],
    )
