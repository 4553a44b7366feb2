"""``/v1/metadata-schemas`` to read, and our own ``/v1/kaquan/metadata-schemas`` to define them."""

from datetime import datetime
from typing import Any, Literal

import msgspec
from litestar import Router
from litestar.params import FromPath, JSONBody

from kaquan.api.call import CurrentCall
from kaquan.api.routes import reads, removes, writes
from kaquan.runtime import (
    MetadataSchema,
    Property,
    SchemaScope,
    delete_schema,
    get_schema,
    list_schemas,
    put_schema,
)


class SchemaBody(msgspec.Struct, frozen=True, kw_only=True):
    """What metadata looks like; by default keys that are not defined pass unchecked."""

    properties: dict[str, Property]
    allow_defined_only: bool = False


class SchemaView(msgspec.Struct, frozen=True, kw_only=True):
    """A schema as answered."""

    id: str
    related_object: str
    properties: dict[str, dict[str, Any]]
    allow_defined_only: bool
    created_at: datetime
    updated_at: datetime | None
    object: Literal["metadata_schema"] = "metadata_schema"


class SchemaList(msgspec.Struct, frozen=True, kw_only=True):
    """All schemas."""

    schemas: list[SchemaView]
    total: int
    object: Literal["list"] = "list"
    data_ref: Literal["schemas"] = "schemas"


def view_schema(schema: MetadataSchema) -> SchemaView:
    """Map a schema to the wire."""
    return SchemaView(
        id=schema.id,
        related_object=schema.subject,
        properties={name: _view_property(one) for name, one in schema.properties.items()},
        allow_defined_only=schema.allow_defined_only,
        created_at=schema.created_at,
        updated_at=schema.updated_at,
    )


def _view_property(definition: Property) -> dict[str, Any]:
    usual = {"array": False, "optional": True, "objectType": None}
    return usual | msgspec.to_builtins(definition)


@reads("/metadata-schemas", "List metadata schemas")
async def read_schemas(call: CurrentCall) -> SchemaList:
    """List the schemas of all kinds of objects and of nested ones."""
    async with call.transaction() as tx:
        found = [one for one in await list_schemas(tx) if one.scope is not SchemaScope.EVENT]
    return SchemaList(schemas=list(map(view_schema, found)), total=len(found))


@reads("/metadata-schemas/{resource:str}", "Get metadata schema")
async def read_schema(resource: FromPath[str], call: CurrentCall) -> SchemaView:
    """Get the schema of a kind of object, or of a nested object by its name."""
    async with call.transaction() as tx:
        return view_schema(await get_schema(tx, resource))


@writes("PUT", "/kaquan/metadata-schemas/{resource:str}", "Define metadata schema")
async def define_schema(
    resource: FromPath[str], data: JSONBody[SchemaBody], call: CurrentCall
) -> SchemaView:
    """Define or replace the schema of a kind of object; other names are nested objects."""
    async with call.transaction() as tx:
        schema = await put_schema(
            tx,
            resource,
            data.properties,
            allow_defined_only=data.allow_defined_only,
            now=call.now,
        )
    return view_schema(schema)


@removes("/kaquan/metadata-schemas/{resource:str}", "Delete metadata schema")
async def remove_schema(resource: FromPath[str], call: CurrentCall) -> None:
    """Drop a schema; what was stored under it stays."""
    async with call.transaction() as tx:
        await delete_schema(tx, resource)


@writes("PUT", "/kaquan/event-schemas/{event:str}", "Define event schema")
async def define_event_schema(
    event: FromPath[str], data: JSONBody[SchemaBody], call: CurrentCall
) -> SchemaView:
    """Define or replace what the metadata of a custom event looks like."""
    async with call.transaction() as tx:
        schema = await put_schema(
            tx,
            event,
            data.properties,
            scope=SchemaScope.EVENT,
            allow_defined_only=data.allow_defined_only,
            now=call.now,
        )
    return view_schema(schema)


@removes("/kaquan/event-schemas/{event:str}", "Delete event schema")
async def remove_event_schema(event: FromPath[str], call: CurrentCall) -> None:
    """Drop the schema of a custom event."""
    async with call.transaction() as tx:
        await delete_schema(tx, event, scope=SchemaScope.EVENT)


def metadata_schemas_router() -> Router:
    """Routes of metadata schemas."""
    return Router(
        path="/",
        route_handlers=[
            read_schemas,
            read_schema,
            define_schema,
            remove_schema,
            define_event_schema,
            remove_event_schema,
        ],
        tags=["Metadata schemas"],
    )
