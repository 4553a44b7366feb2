"""Imports: a file is sent, its columns are mapped, it is tried, imported, and its rejects fetched."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.params import FromPath
from litestar.response import Stream

from kaquan.console.language import N_, translations
from kaquan.console.page import PageView
from kaquan.console.pages.words_of_imports import (
    ENCODINGS,
    SEPARATORS,
    SUBJECTS,
    label_of,
)
from kaquan.console.render import page_of, redirect, render
from kaquan.console.sentences import say_error, say_sentence
from kaquan.console.session import (
    database_of,
    page_snapshot,
    page_transaction,
    person_of,
    project_of,
)
from kaquan.customers import (
    FIELDS,
    FileImport,
    Mapping,
    Preview,
    Subject,
    discard_import,
    get_file_import,
    keep_profile,
    list_file_imports,
    list_profiles,
    preview_import,
    read_sentence,
    receive_file,
    set_mapping,
    start_check,
    start_run,
    stream_rejects,
)
from kaquan.runtime import (
    ActionStatus,
    AsyncAction,
    InvalidInput,
    NotFound,
    Sentence,
    Tx,
    get_action,
)
from kaquan.trust import Ability

PATH = "/console/imports"
LARGEST_FILE = 512 * 1024 * 1024
_SHOWN = 25

AnyRequest = Request[Any, Any, Any]


class Work(msgspec.Struct, frozen=True):
    """A dry run or an import: how far it is and what came of it."""

    action: AsyncAction

    @property
    def running(self) -> bool:
        """Whether it is not done yet."""
        return self.action.status in (ActionStatus.PENDING, ActionStatus.RUNNING)

    @property
    def failed(self) -> bool:
        """Whether it could not come to its end."""
        return self.action.status is ActionStatus.FAILED

    @property
    def total(self) -> int:
        """About how many rows there are."""
        return max(1, self.action.total or 0, self.action.done)

    @property
    def result(self) -> dict[str, Any]:
        """The counts; none before the first rows are done."""
        return self.action.result or {}


class Row(msgspec.Struct, frozen=True):
    """An import in the list."""

    found: FileImport
    run: Work | None


@get(PATH, include_in_schema=False)
async def show_imports(request: AnyRequest) -> Response[str]:
    """The form that takes a file, and the files of before."""
    return await _show_list(request)


@post(PATH, include_in_schema=False, request_max_body_size=LARGEST_FILE)
async def send_import(request: AnyRequest) -> Response[str]:
    """Take a file and lead to what was found out about it."""
    form = await request.form()
    upload = form.get("file")
    subject = str(form.get("subject", ""))
    if not isinstance(upload, UploadFile) or not upload.filename or subject not in list(Subject):
        return await _show_list(request, refusal=_say(page_of(request), N_("Choose a file.")))
    try:
        async with page_transaction(request) as tx:
            found = await receive_file(
                tx,
                Subject(subject),
                cast("BinaryIO", upload.file),
                file_name=Path(upload.filename).name,
                profile=str(form.get("profile", "")).strip() or None,
                now=page_of(request).now,
            )
    except (InvalidInput, NotFound) as error:
        return await _show_list(request, refusal=say_error(error, page_of(request)))
    return redirect(f"{PATH}/{found.id}")


@get(PATH + "/{import_id:str}", include_in_schema=False)
async def show_import(request: AnyRequest, import_id: FromPath[str]) -> Response[str]:
    """One file: its columns before the import, its progress meanwhile, its result afterwards."""
    return await _show(request, import_id)


@post(PATH + "/{import_id:str}/mapping", include_in_schema=False)
async def save_mapping(request: AnyRequest, import_id: FromPath[str]) -> Response[str]:
    """Say what the columns mean and, if asked, try the file."""
    form = await request.form()
    page = page_of(request)
    name = str(form.get("save_as", "")).strip()
    try:
        async with page_transaction(request) as tx:
            known = await get_file_import(tx, import_id)
            mapping = _read_mapping(known, {key: str(value) for key, value in form.items()})
            await set_mapping(tx, import_id, mapping, now=page.now)
            if name:
                await keep_profile(tx, known.subject, name, mapping, now=page.now)
            if form.get("then") == "check":
                await start_check(tx, import_id, now=page.now)
    except InvalidInput as error:
        return await _show(request, import_id, refusal=say_error(error, page))
    return redirect(f"{PATH}/{import_id}")


@post(PATH + "/{import_id:str}/run", include_in_schema=False)
async def run_import(request: AnyRequest, import_id: FromPath[str]) -> Response[str]:
    """Have the file imported."""
    page = page_of(request)
    try:
        async with page_transaction(request) as tx:
            await start_run(tx, import_id, now=page.now)
    except InvalidInput as error:
        return await _show(request, import_id, refusal=say_error(error, page))
    return redirect(f"{PATH}/{import_id}")


@post(PATH + "/{import_id:str}/discard", include_in_schema=False)
async def drop_import(request: AnyRequest, import_id: FromPath[str]) -> Response[str]:
    """Forget a file that was not imported."""
    page = page_of(request)
    async with page_transaction(request) as tx:
        await discard_import(tx, import_id)
    return redirect(PATH, notice=_say(page, N_("The file is gone; nothing was imported.")))


@get(PATH + "/{import_id:str}/rejects", include_in_schema=False)
async def download_rejects(request: AnyRequest, import_id: FromPath[str]) -> Stream:
    """The refused rows as a CSV file, with the reasons in the reader's language."""
    async with page_snapshot(request) as tx:
        found = await get_file_import(tx, import_id)
        if found.run_action_id is None:
            raise NotFound("rejects of import", import_id)
        action = await get_action(tx, found.run_action_id)
    gettext = translations(page_of(request).language).gettext

    def say(field: str, reason: Sentence) -> str:
        label = gettext(label_of(found.subject, field)) if field else ""
        return _with_field(label, say_sentence(reason, gettext), gettext)

    stored, content = await stream_rejects(
        database_of(request), project_of(request).project_id, action, say=say
    )
    return Stream(
        content,
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{stored.name}"',
            "Cache-Control": "no-store",
        },
    )


async def _show_list(request: AnyRequest, *, refusal: str = "") -> Response[str]:
    cursor = dict(page_of(request).query).get("cursor")
    async with page_snapshot(request) as tx:
        found = await list_file_imports(tx, limit=_SHOWN, cursor=cursor)
        rows = [Row(one, await _work(tx, one.run_action_id)) for one in found.items]
        profiles = await list_profiles(tx)
    return render(
        request,
        "pages/imports.html",
        status_code=400 if refusal else 200,
        rows=rows,
        next_cursor=found.next_cursor,
        profiles=sorted({one.name for one in profiles}),
        subjects=SUBJECTS,
        refusal=refusal,
        manages=person_of(request).may(Ability.MANAGE),
    )


async def _show(request: AnyRequest, import_id: str, *, refusal: str = "") -> Response[str]:
    page = page_of(request)
    async with page_snapshot(request) as tx:
        found = await get_file_import(tx, import_id)
        check = await _work(tx, found.check_action_id)
        run = await _work(tx, found.run_action_id)
        preview = None if run is not None else await preview_import(tx, found, now=page.now)
    gettext = translations(page.language).gettext

    def label(field: str) -> str:
        return gettext(label_of(found.subject, field)) if field else ""

    def reason(kept: dict[str, Any]) -> str:
        return say_sentence(read_sentence(kept), gettext)

    def said(field: str, kept: dict[str, Any]) -> str:
        return _with_field(label(field), reason(kept), gettext)

    return render(
        request,
        "pages/import.html",
        status_code=400 if refusal else 200,
        found=found,
        check=check,
        run=run,
        preview=preview,
        columns=[] if preview is None else _columns(found, preview),
        choices=[(one.name, label_of(found.subject, one.name)) for one in FIELDS[found.subject]],
        label=label,
        reason=reason,
        said=said,
        missing=" · ".join(
            gettext(label_of(found.subject, name)) for name in (preview.missing if preview else [])
        ),
        subjects=SUBJECTS,
        encodings=ENCODINGS,
        separators=SEPARATORS,
        refusal=refusal,
        manages=person_of(request).may(Ability.MANAGE),
    )


def _with_field(label: str, reason: str, gettext: Callable[[str], str]) -> str:
    if not label:
        return reason
    return gettext(N_("%(field)s: %(reason)s")) % {"field": label, "reason": reason}


class _Column(msgspec.Struct, frozen=True):
    """A column of the file: its name, what it means, an example, and whether that is in doubt."""

    name: str
    meaning: str
    example: str
    doubt: str


def _columns(found: FileImport, preview: Preview) -> list[_Column]:
    meanings = {column: field for field, column in found.mapping.fields.items()}
    meanings |= {
        column: "+" for column in found.mapping.metadata.values() if column not in meanings
    }
    return [
        _Column(
            name,
            meanings.get(name, ""),
            next((cell for row in preview.rows if (cell := row[name])), ""),
            preview.doubts.get(name, ""),
        )
        for name in found.shape.columns
    ]


def _read_mapping(known: FileImport, form: dict[str, str]) -> Mapping:
    """Return the mapping of the form: a choice a column, counted from 0."""
    fields: dict[str, str] = {}
    metadata = {
        key: column
        for key, column in known.mapping.metadata.items()
        if form.get(f"column-{known.shape.columns.index(column)}") == "+"
    }
    for place, column in enumerate(known.shape.columns):
        meaning = form.get(f"column-{place}", "")
        if meaning == "+" and column not in metadata.values():
            metadata[column[:60]] = column
        elif meaning and meaning != "+":
            if meaning in fields:
                message = "Two columns have the same meaning; choose one of them."
                raise InvalidInput(message, field=f"column-{place}")
            fields[meaning] = column
    constants = {key: value for key, value in known.mapping.constants.items() if key not in fields}
    return Mapping(
        fields=fields,
        constants=constants,
        metadata=metadata,
        amounts="minor" if form.get("amounts") == "minor" else "major",
        enter_customers=form.get("enter_customers") == "yes",
    )


async def _work(tx: Tx, action_id: str | None) -> Work | None:
    return None if action_id is None else Work(await get_action(tx, action_id))


def _say(page: PageView, words: str) -> str:
    return translations(page.language).gettext(words)
