"""``/v1/kaquan/streams``: all objects of a kind at once, as lines of JSON, with no file between."""

from typing import Annotated

from litestar import Router
from litestar.params import FromPath, QueryParameter
from litestar.response import Stream

from kaquan.api.call import CurrentCall
from kaquan.api.listing import CurrentFilters
from kaquan.api.routes import reads
from kaquan.api.values import Identifier
from kaquan.insight import ExportedObject, ExportParameters, check_stream, stream_objects

LINES = "application/x-ndjson"


@reads("/kaquan/streams/{exported_object:str}", "Stream objects", file=LINES)
async def stream_all(
    exported_object: FromPath[ExportedObject],
    call: CurrentCall,
    filters: CurrentFilters,
    order: Annotated[str | None, QueryParameter(max_length=100)] = None,
    fields: Annotated[list[Identifier] | None, QueryParameter(max_items=300)] = None,
) -> Stream:
    """Get all objects of a kind, a JSON object a line, as they stand at this moment.

    ``order``, ``fields`` and ``filters`` are those of exports. The answer begins at once and is
    read from a cursor, so it can be of any length.
    """
    given = ExportParameters(order=order, fields=fields, filters=filters or None)
    async with call.transaction() as tx:
        checked = await check_stream(tx, exported_object, given, now=call.now)
    lines = stream_objects(
        call.database, call.caller.project_id, exported_object, checked, now=call.now
    )
    return Stream(lines, media_type=LINES)


def streams_router() -> Router:
    """Routes of streams."""
    return Router(path="/", route_handlers=[stream_all], tags=["Exports"])
