"""``/management/v1/projects/{projectId}/metadata-schemas`` and ``…/custom-event-schemas``."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import Router
from litestar.params import FromPath, JSONBody

from kaquan.api.call import CurrentCall
from kaquan.api.management_key import get_named_project
from kaquan.api.metadata_schemas import SchemaView, view_schema
from kaquan.api.routes import reads, removes, writes
from kaquan.api.values import Identifier
from kaquan.runtime import (
    Duplicate,
    MetadataSchema,
    Property,
    SchemaScope,
    delete_schema,
    find_schema,
    get_schema,
    list_schemas,
    put_schema,
)

_Properties = dict[str, Property]


class NewSchemaBody(msgspec.Struct, frozen=True, kw_only=True):
    """What the metadata of a kind of object looks like."""

    related_object: Identifier
    properties: _Properties = {}
    allow_defined_only: bool = False


class SchemaChangeBody(msgspec.Struct, frozen=True, kw_only=True):
    """What to change of a schema: definitions named are replaced, others stay."""

    properties: _Properties | None = None
    allow_defined_only: bool | None = None


class SchemaDataList(msgspec.Struct, frozen=True, kw_only=True):
    """All schemas."""

    data: list[SchemaView]
    total: int
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


class EventDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an event besides its name."""

    properties: _Properties = {}


class NewEventBody(msgspec.Struct, frozen=True, kw_only=True):
    """A custom event."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    schema: EventDefinition | None = None


class EventChangeBody(msgspec.Struct, frozen=True, kw_only=True):
    """What to change of an event's schema."""

    schema: EventDefinition | None = None


class EventSchemaView(msgspec.Struct, frozen=True, kw_only=True):
    """A custom event's schema as answered."""

    id: str
    name: str
    schema: dict[str, Any]
    created_at: datetime
    updated_at: datetime | None
    object: Literal["custom-event-schema"] = "custom-event-schema"


class EventSchemaList(msgspec.Struct, frozen=True, kw_only=True):
    """All custom events' schemas."""

    data: list[EventSchemaView]
    total: int
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


def view_event_schema(schema: MetadataSchema) -> EventSchemaView:
    """Map a custom event's schema to the wire."""
    shown = view_schema(schema)
    return EventSchemaView(
        id=schema.id,
        name=schema.subject,
        schema={"properties": shown.properties},
        created_at=schema.created_at,
        updated_at=schema.updated_at,
    )


def _read_properties(definition: EventDefinition | None) -> _Properties:
    return {} if definition is None else definition.properties


@reads("/metadata-schemas", "List metadata schemas")
async def read_schemas(project_id: FromPath[str], call: CurrentCall) -> SchemaDataList:
    """List the schemas of all kinds of objects and of nested ones."""
    async with call.transaction() as tx:
        await get_named_project(tx, project_id)
        found = [one for one in await list_schemas(tx) if one.scope is not SchemaScope.EVENT]
    return SchemaDataList(data=list(map(view_schema, found)), total=len(found))


@writes("POST", "/metadata-schemas", "Create metadata schema")
async def create_schema(
    project_id: FromPath[str], data: JSONBody[NewSchemaBody], call: CurrentCall
) -> SchemaView:
    """Define what the metadata of a kind of object looks like; other names are nested objects."""
    async with call.transaction() as tx:
        await get_named_project(tx, project_id)
        if await find_schema(tx, data.related_object) is not None:
            message = f"There is a schema of '{data.related_object}' already."
            raise Duplicate(message)
        schema = await put_schema(
            tx,
            data.related_object,
            data.properties,
            allow_defined_only=data.allow_defined_only,
            now=call.now,
        )
    return view_schema(schema)


@reads("/metadata-schemas/{schema_id:str}", "Get metadata schema")
async def read_schema(
    project_id: FromPath[str], schema_id: FromPath[str], call: CurrentCall
) -> SchemaView:
    """Get a schema by its id, or by the name of what it is of."""
    async with call.transaction() as tx:
        await get_named_project(tx, project_id)
        return view_schema(await get_schema(tx, schema_id))


@writes("PUT", "/metadata-schemas/{schema_id:str}", "Update metadata schema")
async def change_schema(
    project_id: FromPath[str],
    schema_id: FromPath[str],
    data: JSONBody[SchemaChangeBody],
    call: CurrentCall,
) -> SchemaView:
    """Define more of a schema, or anew; definitions that are not named stay."""
    only = data.allow_defined_only
    async with call.transaction() as tx:
        await get_named_project(tx, project_id)
        known = await get_schema(tx, schema_id)
        schema = await put_schema(
            tx,
            known.subject,
            known.properties | (data.properties or {}),
            scope=known.scope,
            allow_defined_only=known.allow_defined_only if only is None else only,
            now=call.now,
        )
    return view_schema(schema)


@removes("/metadata-schemas/{schema_id:str}", "Delete metadata schema")
async def remove_schema(
    project_id: FromPath[str], schema_id: FromPath[str], call: CurrentCall
) -> None:
    """Drop a schema; what was stored under it stays."""
    async with call.transaction() as tx:
        await get_named_project(tx, project_id)
        await delete_schema(tx, schema_id)


@reads("/custom-event-schemas", "List custom event schemas")
async def read_event_schemas(project_id: FromPath[str], call: CurrentCall) -> EventSchemaList:
    """List the schemas of all custom events."""
    async with call.transaction() as tx:
        await get_named_project(tx, project_id)
        found = [one for one in await list_schemas(tx) if one.scope is SchemaScope.EVENT]
    return EventSchemaList(data=list(map(view_event_schema, found)), total=len(found))


@writes("POST", "/custom-event-schemas", "Create custom event schema")
async def create_event_schema(
    project_id: FromPath[str], data: JSONBody[NewEventBody], call: CurrentCall
) -> EventSchemaView:
    """Define what the metadata of a custom event looks like."""
    event = SchemaScope.EVENT
    async with call.transaction() as tx:
        await get_named_project(tx, project_id)
        if await find_schema(tx, data.name, scope=event) is not None:
            message = f"There is a schema of '{data.name}' already."
            raise Duplicate(message)
        properties = _read_properties(data.schema)
        schema = await put_schema(tx, data.name, properties, scope=event, now=call.now)
    return view_event_schema(schema)


@reads("/custom-event-schemas/{schema_id:str}", "Get custom event schema")
async def read_event_schema(
    project_id: FromPath[str], schema_id: FromPath[str], call: CurrentCall
) -> EventSchemaView:
    """Get a custom event's schema by its id or the event's name."""
    async with call.transaction() as tx:
        await get_named_project(tx, project_id)
        return view_event_schema(await get_schema(tx, schema_id, scope=SchemaScope.EVENT))


@writes("PUT", "/custom-event-schemas/{schema_id:str}", "Update custom event schema")
async def change_event_schema(
    project_id: FromPath[str],
    schema_id: FromPath[str],
    data: JSONBody[EventChangeBody],
    call: CurrentCall,
) -> EventSchemaView:
    """Define more of an event, or anew; definitions that are not named stay."""
    event = SchemaScope.EVENT
    async with call.transaction() as tx:
        await get_named_project(tx, project_id)
        known = await get_schema(tx, schema_id, scope=event)
        properties = known.properties | _read_properties(data.schema)
        schema = await put_schema(tx, known.subject, properties, scope=event, now=call.now)
    return view_event_schema(schema)


@removes("/custom-event-schemas/{schema_id:str}", "Delete custom event schema")
async def remove_event_schema(
    project_id: FromPath[str], schema_id: FromPath[str], call: CurrentCall
) -> None:
    """Drop a custom event's schema; what was recorded under it stays."""
    async with call.transaction() as tx:
        await get_named_project(tx, project_id)
        await delete_schema(tx, schema_id, scope=SchemaScope.EVENT)


def management_schemas_router() -> Router:
    """Routes of schemas."""
    return Router(
        path="/projects/{project_id:str}",
        route_handlers=[
            read_schemas,
            create_schema,
            read_schema,
            change_schema,
            remove_schema,
            read_event_schemas,
            create_event_schema,
            read_event_schema,
            change_event_schema,
            remove_event_schema,
        ],
        tags=["Management"],
    )
