"""``/v1/kaquan/imports``: files of any usual format, looked at, mapped, tried and imported."""

from datetime import datetime
from typing import Annotated, Any, BinaryIO, Literal, cast

import msgspec
from litestar import Request, Response, Router
from litestar.datastructures import UploadFile
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from kaquan.api.async_actions import AsyncActionView, load_action
from kaquan.api.call import Call, CurrentCall
from kaquan.api.downloads import answer_file
from kaquan.api.listing import CurrentPaging
from kaquan.api.problems import AnyRequest
from kaquan.api.routes import reads, removes, writes
from kaquan.api.uploads import AsyncActionId, receives_file
from kaquan.customers import (
    FIELDS,
    FileImport,
    FileShape,
    ImportProfile,
    Mapping,
    Preview,
    Subject,
    delete_profile,
    discard_import,
    get_file_import,
    keep_profile,
    list_file_imports,
    list_profiles,
    preview_import,
    receive_file,
    set_mapping,
    start_check,
    start_run,
)
from kaquan.runtime import InvalidInput, NotFound, Tx, get_action, get_file


class ImportView(msgspec.Struct, frozen=True, kw_only=True):
    """A file on its way in; ``check`` and ``run`` are the work on it, ``preview`` its first rows."""

    id: str
    subject: Subject
    file_name: str
    shape: FileShape
    mapping: Mapping
    preview: Preview | None
    check: AsyncActionView | None
    run: AsyncActionView | None
    created_at: datetime
    updated_at: datetime
    object: Literal["import"] = "import"


class ImportList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the imports."""

    data: list[ImportView]
    total: int
    has_more: bool
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


class MappingBody(msgspec.Struct, frozen=True, kw_only=True):
    """What the columns of a file mean; with ``save_as`` the mapping is kept under that name."""

    mapping: Mapping
    save_as: str | None = None


class ProfileBody(msgspec.Struct, frozen=True, kw_only=True):
    """A mapping to be kept."""

    mapping: Mapping


class ProfileList(msgspec.Struct, frozen=True, kw_only=True):
    """The mappings that are kept."""

    data: list[ImportProfile]
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


class FieldView(msgspec.Struct, frozen=True, kw_only=True):
    """What a column can mean."""

    name: str
    shape: str
    required: bool


class FieldList(msgspec.Struct, frozen=True, kw_only=True):
    """What the columns of a file about a subject can mean."""

    data: list[FieldView]
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


@receives_file("/", "Send file to import")
async def send_file(request: Request[Any, Any, Any], call: CurrentCall) -> ImportView:
    """Store a file (``file``), look at it, and propose what its columns mean.

    ``subject`` says what its rows are: customers, orders, products, locations or events. With
    ``profile`` the mapping kept under that name is used; ``sheet`` names one of a workbook.
    """
    form = await request.form()
    upload = form.get("file")
    if not isinstance(upload, UploadFile):
        raise InvalidInput("Send the file as 'file' of a multipart form.", field="file")
    try:
        async with call.transaction() as tx:
            found = await receive_file(
                tx,
                _subject(form.get("subject")),
                cast("BinaryIO", upload.file),
                file_name=upload.filename,
                profile=_text(form.get("profile")),
                sheet=_text(form.get("sheet")),
                now=call.now,
            )
            return await _view(tx, request, found, call)
    finally:
        await upload.close()


@reads("/", "List imports")
async def read_imports(
    request: AnyRequest,
    call: CurrentCall,
    paging: CurrentPaging,
    subject: FromQuery[Subject | None] = None,
) -> ImportList:
    """List files that were sent, the latest first, without their previews."""
    async with call.transaction() as tx:
        found = await list_file_imports(
            tx,
            subject=subject,
            limit=paging.limit,
            page=paging.page,
            order=paging.order or "-created_at",
        )
        data = [await _bare_view(tx, request, one) for one in found.items]
    return ImportList(data=data, total=found.total, has_more=paging.has_more(found.total))


@reads("/{import_id:str}", "Get import")
async def read_import(
    request: AnyRequest, import_id: FromPath[str], call: CurrentCall
) -> ImportView:
    """Get an import with its first rows under the present mapping, and how its work stands."""
    async with call.transaction() as tx:
        return await _view(tx, request, await get_file_import(tx, import_id), call)


@writes("PUT", "/{import_id:str}/mapping", "Map columns of import")
async def save_mapping(
    request: AnyRequest,
    import_id: FromPath[str],
    data: JSONBody[MappingBody],
    call: CurrentCall,
) -> ImportView:
    """Say what the columns mean; the answer shows the first rows that way."""
    async with call.transaction() as tx:
        found = await set_mapping(tx, import_id, data.mapping, now=call.now)
        if data.save_as is not None:
            await keep_profile(tx, found.subject, data.save_as, data.mapping, now=call.now)
        return await _view(tx, request, found, call)


@writes("POST", "/{import_id:str}/check", "Try import")
async def check_import(import_id: FromPath[str], call: CurrentCall) -> AsyncActionId:
    """Try the whole file and store nothing; the work's result has the first hundred problems."""
    async with call.transaction() as tx:
        return AsyncActionId((await start_check(tx, import_id, now=call.now)).id)


@writes("POST", "/{import_id:str}/run", "Run import")
async def run_import(import_id: FromPath[str], call: CurrentCall) -> AsyncActionId:
    """Import the file; what is refused stands in the work's result and in its report."""
    async with call.transaction() as tx:
        return AsyncActionId((await start_run(tx, import_id, now=call.now)).id)


@reads("/{import_id:str}/rejects", "Download rejects of import", file="text/plain")
async def read_rejects(import_id: FromPath[str], call: CurrentCall) -> Response[Any]:
    """Get the refused rows as CSV in the file's own columns, with line and reason."""
    async with call.transaction() as tx:
        found = await get_file_import(tx, import_id)
        if found.run_action_id is None:
            raise NotFound("rejects of import", import_id)
        action = await get_action(tx, found.run_action_id)
        stored = await get_file(tx, action.request["report_id"])
    return answer_file(call.database, call.caller.project_id, stored)


@removes("/{import_id:str}", "Discard import")
async def remove_import(import_id: FromPath[str], call: CurrentCall) -> None:
    """Forget a file that was not imported."""
    async with call.transaction() as tx:
        await discard_import(tx, import_id)


@reads("/fields/{subject:str}", "List fields of imports")
async def read_fields(subject: FromPath[Subject]) -> FieldList:
    """List what columns can mean."""
    return FieldList(
        data=[
            FieldView(name=one.name, shape=one.shape, required=one.required)
            for one in FIELDS[subject]
        ]
    )


@reads("/", "List import profiles")
async def read_profiles(
    call: CurrentCall, subject: Annotated[Subject | None, QueryParameter()] = None
) -> ProfileList:
    """List the mappings that are kept."""
    async with call.transaction() as tx:
        return ProfileList(data=await list_profiles(tx, subject))


@writes("PUT", "/{subject:str}/{name:str}", "Keep import profile")
async def save_profile(
    subject: FromPath[Subject],
    name: FromPath[str],
    data: JSONBody[ProfileBody],
    call: CurrentCall,
) -> ProfileList:
    """Keep a mapping under a name, in place of the one that had it."""
    async with call.transaction() as tx:
        await keep_profile(tx, subject, name, data.mapping, now=call.now)
        kept = await list_profiles(tx, subject)
    return ProfileList(data=[one for one in kept if one.name == name.strip()])


@removes("/{subject:str}/{name:str}", "Delete import profile")
async def remove_profile(
    subject: FromPath[Subject], name: FromPath[str], call: CurrentCall
) -> None:
    """Forget a mapping."""
    async with call.transaction() as tx:
        await delete_profile(tx, subject, name)


async def _view(tx: Tx, request: AnyRequest, found: FileImport, call: Call) -> ImportView:
    try:
        preview = await preview_import(tx, found, now=call.now)
    except NotFound:
        preview = None
    return msgspec.structs.replace(await _bare_view(tx, request, found), preview=preview)


async def _bare_view(tx: Tx, request: AnyRequest, found: FileImport) -> ImportView:
    check, run = [
        None
        if action_id is None
        else await load_action(tx, request, await get_action(tx, action_id))
        for action_id in (found.check_action_id, found.run_action_id)
    ]
    return ImportView(
        id=found.id,
        subject=found.subject,
        file_name=found.file_name,
        shape=found.shape,
        mapping=found.mapping,
        preview=None,
        check=check,
        run=run,
        created_at=found.created_at,
        updated_at=found.updated_at,
    )


def _subject(given: object) -> Subject:
    if not isinstance(given, str) or given not in list(Subject):
        message = f"'subject' must be one of {', '.join(Subject)}."
        raise InvalidInput(message, field="subject")
    return Subject(given)


def _text(given: object) -> str | None:
    return given.strip() or None if isinstance(given, str) else None


def imports_routers() -> list[Router]:
    """Routes of imports and of the mappings that are kept for them."""
    return [
        Router(
            path="/kaquan/imports",
            route_handlers=[
                send_file,
                read_imports,
                read_fields,
                read_import,
                save_mapping,
                check_import,
                run_import,
                read_rejects,
                remove_import,
            ],
            tags=["Imports"],
        ),
        Router(
            path="/kaquan/import-profiles",
            route_handlers=[read_profiles, save_profile, remove_profile],
            tags=["Imports"],
        ),
    ]
