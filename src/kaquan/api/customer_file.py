"""``/v1/kaquan/customers/{id}/…``: our own additions to the customer's file.

Portrait, timeline, notes, identities, one person's data; and what cleaning would make of a draft.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, Router
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import UNSET, UnsetType

from kaquan.api.call import CurrentCall
from kaquan.api.customers import CustomerBody, draft_customer
from kaquan.api.listing import CurrentPaging, read_limit, read_unordered_paging
from kaquan.api.merges import MergeView, view_merge
from kaquan.api.routes import reads, removes, writes
from kaquan.api.values import Identifier, LongText, ShortText
from kaquan.customers import (
    Change,
    Identity,
    IdentityKind,
    Note,
    Portrait,
    TimelineEntry,
    add_note,
    claim_identity,
    clean_draft,
    country_of,
    customer_timeline,
    delete_note,
    export_person,
    get_customer,
    list_aliases,
    list_identities,
    list_notes,
    prove_identity,
    read_portrait,
    remove_identity,
)
from kaquan.runtime import get_project

_PERSON = "/{customer_id:str}"


class PortraitView(Portrait, frozen=True, kw_only=True):
    """A customer's portrait; see the schema of its parts."""

    customer_id: str
    object: Literal["customer_portrait"] = "customer_portrait"


class TimelineView(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a timeline, newest first; ``more_before`` leads to what is older."""

    data: list[TimelineEntry]
    total: int
    has_more: bool
    more_before: str | UnsetType = UNSET
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


class NoteBody(msgspec.Struct, frozen=True, kw_only=True):
    """What to write down, and who says it (default: the key)."""

    text: LongText
    written_by: ShortText | None = None


class NoteList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a customer's notes, newest first."""

    data: list[Note]
    total: int
    has_more: bool
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


class IdentityBody(msgspec.Struct, frozen=True, kw_only=True):
    """By what a customer is known. With ``proof`` (how it was proven) it is theirs alone."""

    kind: IdentityKind
    value: Identifier
    proof: ShortText | None = None
    source: ShortText = "api"


class IdentityList(msgspec.Struct, frozen=True, kw_only=True):
    """By what a customer is known: identities, and ids that named people merged into them.

    ``merge`` is there when a proof joined two people.
    """

    customer_id: str
    data: list[Identity]
    former_ids: list[str]
    merge: MergeView | UnsetType = UNSET
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


class CleaningView(msgspec.Struct, frozen=True, kw_only=True):
    """What cleaning would change of a customer's draft; nothing is stored."""

    changes: list[Change]
    object: Literal["cleaning"] = "cleaning"


@writes("POST", "/cleaning", "Try cleaning")
async def try_cleaning(data: JSONBody[CustomerBody], call: CurrentCall) -> CleaningView:
    """Say what would be changed of a customer's name, e-mail address, phone and address."""
    async with call.transaction() as tx:
        country = country_of(await get_project(tx))
    return CleaningView(changes=list(clean_draft(draft_customer(data), country=country).changes))


@reads(f"{_PERSON}/portrait", "Get customer's portrait")
async def read_customer_portrait(customer_id: FromPath[str], call: CurrentCall) -> PortraitView:
    """Get value tier, lifecycle stage, favourites, price sensitivity and reach of a customer."""
    async with call.transaction() as tx:
        customer = await get_customer(tx, customer_id)
        portrait = await read_portrait(tx, customer.id, now=call.now)
    return PortraitView(**msgspec.structs.asdict(portrait), customer_id=customer.id)


@reads(f"{_PERSON}/timeline", "Get customer's timeline", paging=read_limit)
async def read_customer_timeline(
    customer_id: FromPath[str],
    call: CurrentCall,
    paging: CurrentPaging,
    before: Annotated[str | None, QueryParameter(max_length=200)] = None,
) -> TimelineView:
    """List what happened to a customer, newest first; ``before`` is a page's ``more_before``."""
    async with call.transaction() as tx:
        customer = await get_customer(tx, customer_id)
        found = await customer_timeline(tx, customer.id, limit=paging.limit, before=before)
    return TimelineView(
        data=found.items,
        total=found.total,
        has_more=found.next_cursor is not None,
        more_before=found.next_cursor or UNSET,
    )


@reads(f"{_PERSON}/notes", "List customer's notes", paging=read_unordered_paging)
async def read_notes(
    customer_id: FromPath[str], call: CurrentCall, paging: CurrentPaging
) -> NoteList:
    """List what was written down about a customer."""
    async with call.transaction() as tx:
        customer = await get_customer(tx, customer_id)
        found = await list_notes(tx, customer.id, limit=paging.limit, page=paging.page)
    return NoteList(data=found.items, total=found.total, has_more=found.next_cursor is not None)


@writes("POST", f"{_PERSON}/notes", "Add note to customer")
async def write_note(
    customer_id: FromPath[str], data: JSONBody[NoteBody], call: CurrentCall
) -> Note:
    """Write something down about a customer."""
    by = data.written_by or call.caller.actor
    async with call.transaction() as tx:
        return await add_note(tx, customer_id, data.text, by=by, now=call.now)


@removes(_PERSON + "/notes/{note_id:str}", "Delete note of customer")
async def remove_note(
    customer_id: FromPath[str], note_id: FromPath[str], call: CurrentCall
) -> None:
    """Delete a note."""
    async with call.transaction() as tx:
        await delete_note(tx, customer_id, note_id)


@reads(f"{_PERSON}/identities", "List customer's identities")
async def read_identities(customer_id: FromPath[str], call: CurrentCall) -> IdentityList:
    """List by what a customer is known, proven ones first."""
    async with call.transaction() as tx:
        customer = await get_customer(tx, customer_id)
        return IdentityList(
            customer_id=customer.id,
            data=await list_identities(tx, customer.id),
            former_ids=await list_aliases(tx, customer.id),
        )


@writes("POST", f"{_PERSON}/identities", "Add identity to customer")
async def add_identity(
    customer_id: FromPath[str], data: JSONBody[IdentityBody], call: CurrentCall
) -> IdentityList:
    """Note by what a customer is known. Proven to be two people's, it makes them one."""
    merge: MergeView | UnsetType = UNSET
    async with call.transaction() as tx:
        if data.proof is None:
            await claim_identity(
                tx, customer_id, data.kind, data.value, source=data.source, now=call.now
            )
        else:
            proven = await prove_identity(
                tx,
                customer_id,
                data.kind,
                data.value,
                proof=data.proof,
                source=data.source,
                by=call.caller.actor,
                now=call.now,
            )
            merge = UNSET if proven.merge is None else view_merge(proven.merge)
        customer = await get_customer(tx, customer_id)
        return IdentityList(
            customer_id=customer.id,
            data=await list_identities(tx, customer.id),
            former_ids=await list_aliases(tx, customer.id),
            merge=merge,
        )


@removes(_PERSON + "/identities/{kind:str}/{value:str}", "Delete identity of customer")
async def forget_identity(
    customer_id: FromPath[str],
    kind: FromPath[IdentityKind],
    value: FromPath[str],
    call: CurrentCall,
) -> None:
    """Forget that a customer is known by this."""
    async with call.transaction() as tx:
        await remove_identity(tx, customer_id, kind, value)


@reads(f"{_PERSON}/data", "Export one person's data", file="application/zip")
async def read_person_data(customer_id: FromPath[str], call: CurrentCall) -> Response[bytes]:
    """Get all that is stored about a customer: a ZIP file with JSON and a CSV file a subject."""
    async with call.transaction() as tx:
        packed = await export_person(tx, customer_id, now=call.now)
    return Response(packed, media_type="application/zip", headers=_attached(call.now))


def _attached(now: datetime) -> dict[str, Any]:
    name = f"person-{now:%Y%m%d-%H%M%S}.zip"
    return {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}


def customer_file_router() -> Router:
    """Routes of the customer's file."""
    return Router(
        path="/kaquan/customers",
        route_handlers=[
            try_cleaning,
            read_customer_portrait,
            read_customer_timeline,
            read_notes,
            write_note,
            remove_note,
            read_identities,
            add_identity,
            forget_identity,
            read_person_data,
        ],
        tags=["Customers"],
    )
