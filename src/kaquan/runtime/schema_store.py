"""SQL of metadata schemas, and checking by them what is about to be written."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType
from psycopg.types.json import Jsonb

from kaquan.runtime.checks import check_reference
from kaquan.runtime.database import Tx, struct_row
from kaquan.runtime.errors import InvalidInput, NotFound
from kaquan.runtime.ids import new_id
from kaquan.runtime.schemas import (
    MOST_PROPERTIES,
    STANDARD_SUBJECTS,
    MetadataSchema,
    Property,
    SchemaChecker,
    SchemaScope,
    check_definition,
)


async def put_schema(
    tx: Tx,
    subject: str,
    properties: Mapping[str, Property],
    *,
    scope: SchemaScope | None = None,
    allow_defined_only: bool = False,
    now: datetime,
) -> MetadataSchema:
    """Define or replace the schema of a subject; what is stored already is not looked at again.

    A subject that is no standard one is a nested object unless ``scope`` says otherwise. Raises
    InvalidInput for a name, a property or a number of them that cannot be.
    """
    check_reference(subject, "related_object")
    if scope is None:
        scope = SchemaScope.STANDARD if subject in STANDARD_SUBJECTS else SchemaScope.NESTED
    if len(properties) > MOST_PROPERTIES:
        message = f"A schema has at most {MOST_PROPERTIES} definitions."
        raise InvalidInput(message, field="properties")
    for name, definition in properties.items():
        check_reference(name, "properties")
        check_definition(definition, f"properties.{name}")
    stored = {name: msgspec.to_builtins(one) for name, one in properties.items()}
    await tx.execute(
        "insert into metadata_schema (id, scope, subject, properties, allow_defined_only,"
        " created_at) values (%(id)s, %(scope)s, %(subject)s, %(properties)s, %(only)s, %(now)s)"
        " on conflict (project_id, scope, subject) do update set properties = excluded.properties,"
        " allow_defined_only = excluded.allow_defined_only, updated_at = excluded.created_at",
        {
            "id": new_id("ms"),
            "scope": scope,
            "subject": subject,
            "properties": Jsonb(stored),
            "only": allow_defined_only,
            "now": now,
        },
    )
    return await get_schema(tx, subject, scope=scope)


async def find_schema(
    tx: Tx, subject: str, *, scope: SchemaScope | None = None
) -> MetadataSchema | None:
    """Return the schema of a subject (its name or the schema's id), or None.

    Custom events' schemas are found only when ``scope`` says so.
    """
    wanted = (SchemaScope.STANDARD, SchemaScope.NESTED) if scope is None else (scope,)
    for one in await list_schemas(tx):
        if one.scope in wanted and subject in (one.subject, one.id):
            return one
    return None


async def get_schema(tx: Tx, subject: str, *, scope: SchemaScope | None = None) -> MetadataSchema:
    """Return the schema of a subject (its name or the schema's id); raises NotFound."""
    schema = await find_schema(tx, subject, scope=scope)
    if schema is None:
        raise NotFound("metadata schema", subject)
    return schema


async def list_schemas(tx: Tx) -> list[MetadataSchema]:
    """Return every schema of the project, by scope and subject."""
    async with tx.cursor(row_factory=struct_row(MetadataSchema)) as cursor:
        await cursor.execute(
            "select id, scope, subject, properties, allow_defined_only, created_at, updated_at"
            " from metadata_schema order by scope desc, subject"
        )
        return await cursor.fetchall()


async def delete_schema(tx: Tx, subject: str, *, scope: SchemaScope | None = None) -> None:
    """Drop a schema; what was stored under it stays. Raises NotFound."""
    schema = await get_schema(tx, subject, scope=scope)
    await tx.execute("delete from metadata_schema where id = %s", (schema.id,))


async def check_by_schema(
    tx: Tx,
    subject: str,
    metadata: Mapping[str, Any] | UnsetType,
    *,
    new: bool,
    scope: SchemaScope = SchemaScope.STANDARD,
    field: str = "metadata",
) -> None:
    """Raise InvalidInput where metadata that is being written breaks the project's schema.

    Of something ``new`` every required key must be there; of a change only what is given counts,
    and null may not take a required key away.
    """
    if metadata is UNSET and not new:
        return
    checker = await load_checker(tx)
    checker.check(subject, {} if metadata is UNSET else metadata, new=new, scope=scope, field=field)


async def load_checker(tx: Tx) -> SchemaChecker:
    """Read the project's schemas once, to check many things with them."""
    return SchemaChecker({(one.scope, one.subject): one for one in await list_schemas(tx)})
