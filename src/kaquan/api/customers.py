"""``/v1/customers``."""

from datetime import date, datetime
from typing import Annotated, Literal

import msgspec
from litestar import Router
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import UNSET, UnsetType

from kaquan.api.call import CurrentCall
from kaquan.api.listing import CurrentPaging
from kaquan.api.routes import reads, removes, writes
from kaquan.api.values import Identifier, LongText, Metadata, ShortText
from kaquan.checkout import CustomerRedemptions, count_redemptions_of
from kaquan.customers import (
    Customer,
    CustomerDraft,
    CustomerSummary,
    delete_customer,
    get_customer,
    list_customer_summaries,
    list_customers,
    update_customer,
    upsert_customer,
)
from kaquan.runtime import Tx


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


class SummaryOrders(msgspec.Struct, frozen=True):
    """What a customer bought, in minor units."""

    total_amount: int
    total_count: int
    average_amount: int
    last_order_date: datetime | None


class SummaryRedemptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a customer's redemptions ended; ``total_redeemed`` is all of them.

    A stack counts once for each voucher. A rollback that is refused leaves nothing to count.
    """

    total_redeemed: int
    total_failed: int
    total_succeeded: int
    total_rolled_back: int
    total_rollback_failed: Literal[0] = 0
    total_rollback_succeeded: int


class Summary(msgspec.Struct, frozen=True):
    """A customer's purchases and redemptions added up."""

    orders: SummaryOrders
    redemptions: SummaryRedemptions


class CustomerView(msgspec.Struct, frozen=True, kw_only=True):
    """A customer as answered."""

    id: str
    source_id: str | None
    name: str | None
    description: str | None
    email: str | None
    phone: str | None
    birthday: date | None
    birthdate: date | None
    address: Metadata | None
    metadata: Metadata
    created_at: datetime
    updated_at: datetime | None
    summary: Summary
    object: Literal["customer"] = "customer"


class CustomerList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the customers."""

    customers: list[CustomerView]
    total: int
    has_more: bool
    object: Literal["list"] = "list"
    data_ref: Literal["customers"] = "customers"


class SimpleCustomer(msgspec.Struct, frozen=True, kw_only=True):
    """A customer inside of another object."""

    id: str
    name: str | None
    email: str | None
    source_id: str | None
    metadata: Metadata
    object: Literal["customer"] = "customer"


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


def view_customer(customer: Customer, summary: Summary) -> CustomerView:
    """Map a customer to the wire."""
    return CustomerView(
        id=customer.id,
        source_id=customer.source_id,
        name=customer.name,
        description=customer.description,
        email=customer.email,
        phone=customer.phone,
        birthday=customer.birth_date,
        birthdate=customer.birth_date,
        address=customer.address,
        metadata=customer.metadata,
        created_at=customer.created_at,
        updated_at=customer.updated_at,
        summary=summary,
    )


async def load_summaries(tx: Tx, customer_ids: list[str]) -> dict[str, Summary]:
    """Return what customers bought and redeemed, by their ids."""
    orders = await list_customer_summaries(tx, customer_ids)
    redemptions = await count_redemptions_of(tx, customer_ids)
    return {one: _view_summary(orders[one], redemptions[one]) for one in customer_ids}


def _view_summary(summary: CustomerSummary, redemptions: CustomerRedemptions) -> Summary:
    count = summary.order_count
    orders = SummaryOrders(
        total_amount=summary.spend_minor,
        total_count=count,
        average_amount=summary.spend_minor // count if count else 0,
        last_order_date=summary.last_order_at,
    )
    return Summary(
        orders,
        SummaryRedemptions(
            total_redeemed=redemptions.succeeded + redemptions.failed,
            total_failed=redemptions.failed,
            total_succeeded=redemptions.succeeded,
            total_rolled_back=redemptions.rolled_back,
            total_rollback_succeeded=redemptions.rolled_back,
        ),
    )


async def load_customer(tx: Tx, customer: Customer) -> CustomerView:
    """Map a customer to the wire with what they bought and redeemed."""
    return view_customer(customer, (await load_summaries(tx, [customer.id]))[customer.id])


def view_simple_customer(customer: Customer) -> SimpleCustomer:
    """Map a customer to its short form."""
    return SimpleCustomer(
        id=customer.id,
        name=customer.name,
        email=customer.email,
        source_id=customer.source_id,
        metadata=customer.metadata,
    )


@writes("POST", "/", "Create customer")
async def create_customer(data: JSONBody[CustomerBody], call: CurrentCall) -> CustomerView:
    """Create a customer, or change the one with this id or source id."""
    async with call.transaction() as tx:
        customer = await upsert_customer(tx, draft_customer(data), now=call.now)
        return await load_customer(tx, customer)


@reads("/{customer_id:str}", "Get customer")
async def read_customer(customer_id: FromPath[str], call: CurrentCall) -> CustomerView:
    """Get a customer by id or source id."""
    async with call.transaction() as tx:
        customer = await get_customer(tx, customer_id)
        return await load_customer(tx, customer)


@writes("PUT", "/{customer_id:str}", "Update customer")
async def change_customer(
    customer_id: FromPath[str], data: JSONBody[CustomerBody], call: CurrentCall
) -> CustomerView:
    """Change a customer by id or source id."""
    async with call.transaction() as tx:
        known = await get_customer(tx, customer_id)
        draft = draft_customer(data, customer_id=known.id)
        customer = await update_customer(tx, known.id, draft, now=call.now)
        return await load_customer(tx, customer)


@removes("/{customer_id:str}", "Delete customer")
async def remove_customer(customer_id: FromPath[str], call: CurrentCall) -> None:
    """Delete a customer by id or source id."""
    async with call.transaction() as tx:
        await delete_customer(tx, customer_id, now=call.now)


@reads("/", "List customers")
async def read_customers(
    call: CurrentCall,
    paging: CurrentPaging,
    email: Annotated[str | None, QueryParameter(max_length=255)] = None,
    name: Annotated[str | None, QueryParameter(max_length=255)] = None,
) -> CustomerList:
    """List customers, newest first unless ``order`` says otherwise.

    ``name`` is the beginning of a name, ``email`` a whole address.
    """
    async with call.transaction() as tx:
        found = await list_customers(
            tx,
            search=name,
            email=email,
            limit=paging.limit,
            page=paging.page,
            order=paging.order or "-created_at",
        )
        ids = [customer.id for customer in found.items]
        summaries = await load_summaries(tx, ids)
    return CustomerList(
        customers=[view_customer(one, summaries[one.id]) for one in found.items],
        total=found.total,
        has_more=paging.has_more(found.total),
    )


def customers_router() -> Router:
    """Routes of customers."""
    return Router(
        path="/customers",
        route_handlers=[
            create_customer,
            read_customer,
            change_customer,
            remove_customer,
            read_customers,
        ],
        tags=["Customers"],
    )
