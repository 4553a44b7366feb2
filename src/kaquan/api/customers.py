"""``/v1/customers``."""

from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, Router
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import UNSET, UnsetType

from kaquan.api.attempt_keeping import gatherer_of
from kaquan.api.call import CurrentCall
from kaquan.api.customer_views import (
    CustomerView,
    load_customer,
    load_customers,
)
from kaquan.api.listing import (
    CurrentFilters,
    CurrentPaging,
    conditions_of,
    merge_filters,
    read_condition,
)
from kaquan.api.problems import AnyRequest
from kaquan.api.routes import reads, removes, writes
from kaquan.api.uploads import (
    AsyncActionId,
    import_csv,
    import_rows,
    read_row,
    receives_file,
    receives_rows,
)
from kaquan.api.values import (
    Identifier,
    LongText,
    Metadata,
    MomentText,
    ShortText,
    read_moment,
)
from kaquan.customers import (
    CUSTOMER_FILTERS,
    Customer,
    CustomerDraft,
    ImportKind,
    clean_draft,
    delete_customer,
    erase_customer,
    find_country,
    get_customer,
    list_customers,
    update_customer,
    upsert_customer,
)
from kaquan.runtime import InvalidInput, Tx, get_project
from kaquan.segments import evaluate_segment, get_segment

CLEANED = "X-Kaquan-Cleaned"
"""The header that names the fields that were stored otherwise than sent."""

_FRESH = timedelta(seconds=60)


class AddressBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """A postal address."""

    city: ShortText | None = None
    state: ShortText | None = None
    line_1: ShortText | None = None
    line_2: ShortText | None = None
    country: ShortText | None = None
    postal_code: ShortText | None = None


class CustomerBody(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller says about a customer: a member left out stays, null empties it."""

    id: Identifier | None = None
    source_id: Identifier | UnsetType | None = UNSET
    name: ShortText | UnsetType | None = UNSET
    description: LongText | UnsetType | None = UNSET
    email: ShortText | UnsetType | None = UNSET
    phone: ShortText | UnsetType | None = UNSET
    birthday: date | UnsetType | None = UNSET
    birthdate: date | UnsetType | None = UNSET
    address: AddressBody | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class CustomerList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the customers."""

    customers: list[CustomerView]
    total: int
    has_more: bool
    object: Literal["list"] = "list"
    data_ref: Literal["customers"] = "customers"


def draft_customer(body: CustomerBody, *, customer_id: str | None = None) -> CustomerDraft:
    """Map what a caller says; the id in the path wins over the one in the body."""
    return CustomerDraft(
        id=customer_id or body.id,
        source_id=body.source_id,
        name=body.name,
        description=body.description,
        email=body.email,
        phone=body.phone,
        birth_date=body.birthday if body.birthdate is UNSET else body.birthdate,
        address=body.address
        if body.address is UNSET or body.address is None
        else msgspec.to_builtins(body.address),
        metadata={} if body.metadata is None else body.metadata,
    )


@writes("POST", "/", "Create customer")
async def create_customer(
    data: JSONBody[CustomerBody], call: CurrentCall
) -> Response[CustomerView]:
    """Create a customer, or change the one with this id or source id."""
    draft = draft_customer(data)
    async with call.transaction() as tx:
        customer = await upsert_customer(tx, draft, now=call.now)
        return await _answer(tx, customer, draft)


@reads("/{customer_id:str}", "Get customer")
async def read_customer(customer_id: FromPath[str], call: CurrentCall) -> CustomerView:
    """Get a customer by id or source id."""
    async with call.transaction() as tx:
        customer = await get_customer(tx, customer_id)
        return await load_customer(tx, customer)


@writes("PUT", "/{customer_id:str}", "Update customer")
async def change_customer(
    customer_id: FromPath[str], data: JSONBody[CustomerBody], call: CurrentCall
) -> Response[CustomerView]:
    """Change a customer by id or source id."""
    async with call.transaction() as tx:
        known = await get_customer(tx, customer_id)
        draft = draft_customer(data, customer_id=known.id)
        customer = await update_customer(tx, known.id, draft, now=call.now)
        return await _answer(tx, customer, draft)


async def _answer(tx: Tx, customer: Customer, draft: CustomerDraft) -> Response[CustomerView]:
    """Answer a customer; a header names the fields that cleaning changed, with its rules."""
    changes = clean_draft(draft, country=await find_country(tx, draft)).changes
    told = ", ".join(f"{one.field}={one.rule}" for one in changes if one.field.isascii())
    headers = {CLEANED: told} if told else None
    return Response(await load_customer(tx, customer), headers=headers)


@removes("/{customer_id:str}", "Delete customer")
async def remove_customer(customer_id: FromPath[str], call: CurrentCall) -> None:
    """Delete a customer by id or source id."""
    async with call.transaction() as tx:
        await delete_customer(tx, customer_id, now=call.now)


class DeletionCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How many records of each kind an erasure emptied or deleted."""

    events: int
    customer_events: int
    daily_events: int
    segments: int
    orders: int
    order_events: int
    customer: int


class DeletionView(msgspec.Struct, frozen=True, kw_only=True):
    """The proof of an erasure."""

    id: str
    created_at: datetime
    related_object_id: str
    data_json: DeletionCounts
    related_object: Literal["customer"] = "customer"
    status: Literal["DONE"] = "DONE"
    object: Literal["customer_permanent_deletion"] = "customer_permanent_deletion"


@writes("POST", "/{customer_id:str}/permanent-deletion", "Delete customer permanently")
async def forget_customer(
    request: AnyRequest, customer_id: FromPath[str], call: CurrentCall
) -> DeletionView:
    """Erase a customer and whatever is personal in all that was recorded about them."""
    # What this process gathered of somebody under the merchant's id only is found once written.
    await gatherer_of(request).flush()
    async with call.transaction() as tx:
        deletion = await erase_customer(tx, customer_id, now=call.now)
    return DeletionView(
        id=deletion.id,
        created_at=deletion.created_at,
        related_object_id=deletion.customer_id,
        data_json=msgspec.convert(deletion.counts, DeletionCounts),
    )


class MetadataUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """The same metadata for many."""

    source_ids: Annotated[list[Identifier], msgspec.Meta(min_length=1)]
    metadata: Metadata


@receives_rows("/bulk/async", "Update customers in bulk")
async def change_customers(
    data: JSONBody[list[dict[str, Any]]], call: CurrentCall
) -> AsyncActionId:
    """Change many customers, each as one alone; who is not known yet is entered."""
    async with call.transaction() as tx:
        rows = (_row_of(given) for given in data)
        return await import_rows(tx, call, ImportKind.CUSTOMERS_BULK, rows)


@receives_rows("/metadata/async", "Update customers' metadata in bulk")
async def change_customers_metadata(
    data: JSONBody[MetadataUpdate], call: CurrentCall
) -> AsyncActionId:
    """Set the same metadata for many customers; who is not known yet is entered."""
    drafts = (
        CustomerDraft(source_id=source_id, metadata=data.metadata)
        for source_id in dict.fromkeys(data.source_ids)
    )
    async with call.transaction() as tx:
        return await import_rows(tx, call, ImportKind.CUSTOMERS_METADATA, drafts)


@receives_file("/importCSV", "Import customers from a CSV file")
async def import_customers(request: AnyRequest, call: CurrentCall) -> AsyncActionId:
    """Enter or change the customers of a file; columns without a meaning become metadata."""
    return await import_csv(request, call, ImportKind.CUSTOMERS_CSV)


def _row_of(given: dict[str, Any]) -> CustomerDraft | dict[str, Any]:
    body = read_row(given, CustomerBody)
    if isinstance(body, str):
        return {"source_id": given.get("source_id"), "reason": body}
    if not isinstance(body.source_id, str):
        return {"source_id": None, "reason": "source_id: This may not be missing."}
    return draft_customer(body)


@reads("/", "List customers")
async def read_customers(
    call: CurrentCall,
    paging: CurrentPaging,
    filters: CurrentFilters,
    email: Annotated[str | None, QueryParameter(max_length=255)] = None,
    city: Annotated[str | None, QueryParameter(max_length=255)] = None,
    name: Annotated[str | None, QueryParameter(max_length=255)] = None,
    segment_id: Annotated[str | None, QueryParameter(max_length=255)] = None,
    starting_after: FromQuery[MomentText | None] = None,
) -> CustomerList:
    """List customers, newest first unless ``order`` says otherwise.

    ``name`` is the beginnings of words of a name, ``email`` a whole address; sealed fields (name,
    email, phone, address.postal_code) are filtered by whole values, and nothing is in their order.
    ``starting_after`` goes on behind a moment of creation, or of the last change when ordered by
    ``updated_at``.
    """
    order = paging.order or "-created_at"
    given = merge_filters(filters, conditions_of(address__city=("$is", city)))
    async with call.transaction() as tx:
        condition = await read_condition(tx, given, CUSTOMER_FILTERS, now=call.now)
        found = await list_customers(
            tx,
            search=name,
            email=email,
            segment_id=await _counted(tx, segment_id, now=call.now),
            condition=condition,
            after=await _read_place(tx, starting_after, order),
            limit=paging.limit,
            page=paging.page,
            order=order,
        )
        views = await load_customers(tx, found.items)
    return CustomerList(
        customers=list(views.values()),
        total=found.total,
        has_more=found.next_cursor is not None,
    )


async def _counted(tx: Tx, segment_id: str | None, *, now: datetime) -> str | None:
    """Return the id of a segment whose members are those of a moment ago at most."""
    if segment_id is None:
        return None
    segment = await get_segment(tx, segment_id)
    if segment.evaluated_at is None or now - segment.evaluated_at > _FRESH:
        await evaluate_segment(tx, segment.id, now=now)
    return segment.id


async def _read_place(tx: Tx, text: str | None, order: str) -> datetime | None:
    if text is None:
        return None
    if order.removeprefix("-") not in ("created_at", "updated_at"):
        message = "'starting_after' goes with the orders by created_at and updated_at."
        raise InvalidInput(message, field="starting_after", key="invalid_query_params")
    return read_moment(text, (await get_project(tx)).zone, field="starting_after")


def customers_router() -> Router:
    """Routes of customers."""
    return Router(
        path="/customers",
        route_handlers=[
            create_customer,
            read_customer,
            change_customer,
            remove_customer,
            forget_customer,
            change_customers,
            change_customers_metadata,
            import_customers,
            read_customers,
        ],
        tags=["Customers"],
    )
