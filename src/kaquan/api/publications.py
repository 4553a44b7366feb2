"""``/v1/publications``: giving vouchers to customers."""

import re
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, Router
from litestar.params import FromQuery, JSONBody, QueryParameter
from msgspec import Meta

from kaquan.api.body import read_json, read_value
from kaquan.api.call import Call, CurrentCall
from kaquan.api.customers import (
    CustomerBody,
    CustomerView,
    SimpleCustomer,
    draft_customer,
    load_customer,
    view_simple_customer,
)
from kaquan.api.listing import CurrentPaging
from kaquan.api.once import IdempotencyKey, move_value, succeed
from kaquan.api.problems import AnyRequest, NotSupported
from kaquan.api.routes import reads, writes
from kaquan.api.values import Identifier, Metadata
from kaquan.api.vouchers import VoucherView, load_view
from kaquan.campaigns import (
    Publication,
    find_campaign,
    get_campaign,
    get_voucher,
    list_publications,
    publish_voucher,
)
from kaquan.customers import (
    Customer,
    find_customer,
    get_customer,
    upsert_customer,
)
from kaquan.runtime import Answer, InvalidInput, Tx

_BRACKETED = re.compile(r"(?P<member>campaign|customer|metadata)\[(?P<key>[^\[\]]{1,64})\]")


class CampaignChoice(msgspec.Struct, frozen=True, kw_only=True):
    """The campaign, by name or id, of which a voucher is given."""

    name: Identifier | None = None
    id: Identifier | None = None
    count: Annotated[int, Meta(ge=1, le=20)] = 1


class PublicationBody(msgspec.Struct, frozen=True, kw_only=True):
    """Who gets a voucher: of a campaign, or the one with this code."""

    customer: CustomerBody | None = None
    campaign: CampaignChoice | Identifier | None = None
    voucher: Identifier | None = None
    source_id: Identifier | None = None
    channel: Annotated[str, Meta(max_length=64)] | None = None
    metadata: Metadata | None = None


class PublicationView(msgspec.Struct, frozen=True, kw_only=True):
    """A publication as answered to whoever asked for it."""

    id: str
    created_at: datetime
    customer_id: str
    tracking_id: None = None
    metadata: Metadata
    channel: Literal["API"] = "API"
    source_id: str | None
    result: Literal["SUCCESS"] = "SUCCESS"
    customer: CustomerView
    voucher: VoucherView
    vouchers: list[str]
    vouchers_id: list[str]
    object: Literal["publication"] = "publication"


class PublishedVoucher(msgspec.Struct, frozen=True, kw_only=True):
    """A voucher inside of a publication."""

    code: str
    campaign: str | None
    is_referral_code: Literal[False] = False
    object: Literal["voucher"] = "voucher"


class PublicationItem(msgspec.Struct, frozen=True, kw_only=True):
    """A publication in a list."""

    id: str
    created_at: datetime
    customer_id: str
    tracking_id: None = None
    metadata: Metadata
    channel: str
    source_id: str | None
    result: Literal["SUCCESS"] = "SUCCESS"
    customer: SimpleCustomer | None
    voucher: PublishedVoucher
    vouchers_id: list[str]
    object: Literal["publication"] = "publication"


class PublicationList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the publications."""

    publications: list[PublicationItem]
    total: int
    object: Literal["list"] = "list"
    data_ref: Literal["publications"] = "publications"


async def publish(
    tx: Tx, body: PublicationBody, *, call: Call, join_once: bool | None
) -> PublicationView:
    """Give a voucher to the customer, who is entered or changed first."""
    if body.customer is None:
        message = "Name the customer who gets the voucher."
        raise InvalidInput(message, field="customer", key="missing_customer")
    campaign = body.campaign
    if isinstance(campaign, str):
        campaign = CampaignChoice(name=campaign)
    if campaign is not None and campaign.count > 1:
        raise NotSupported("One voucher a publication, for now.", field="campaign.count")
    customer = await _enter_customer(tx, body.customer, call=call)
    named = None if campaign is None else campaign.id or campaign.name
    publication = await publish_voucher(
        tx,
        campaign_id=None if named is None else (await get_campaign(tx, named)).id,
        voucher_code=body.voucher,
        customer_id=customer.id,
        source_id=body.source_id,
        join_once=join_once,
        channel=body.channel or "API",
        metadata=body.metadata,
        now=call.now,
    )
    return await _load_view(tx, publication, customer)


async def _enter_customer(tx: Tx, body: CustomerBody, *, call: Call) -> Customer:
    if body.id is None and not isinstance(body.source_id, str):
        message = "Name the customer by 'id' or 'source_id'."
        raise InvalidInput(message, field="customer.source_id", key="invalid_customer")
    return await upsert_customer(tx, draft_customer(body), now=call.now)


async def _load_view(tx: Tx, publication: Publication, customer: Customer) -> PublicationView:
    voucher = await get_voucher(tx, publication.voucher_id)
    return PublicationView(
        id=publication.id,
        created_at=publication.created_at,
        customer_id=publication.customer_id,
        metadata=publication.metadata,
        source_id=publication.source_id,
        customer=await load_customer(tx, customer),
        voucher=await load_view(tx, voucher),
        vouchers=[voucher.code],
        vouchers_id=[voucher.id],
    )


def read_query(request: AnyRequest) -> PublicationBody:
    """Read a publication from an address: members as JSON text, or as ``campaign[name]=…``."""
    members: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        bracketed = _BRACKETED.fullmatch(name)
        if bracketed is not None:
            inner = members.setdefault(bracketed["member"], {})
            if isinstance(inner, dict):
                inner[bracketed["key"]] = value
        elif name in {"campaign", "customer", "metadata"}:
            is_json = value.startswith("{")
            members[name] = read_json(value.encode(), dict[str, Any]) if is_json else value
        elif name in {"voucher", "source_id", "channel"}:
            members[name] = value
    return read_value(members, PublicationBody)


@writes("POST", "/", "Create publication")
async def create_publication(
    request: AnyRequest,
    data: JSONBody[PublicationBody],
    call: CurrentCall,
    join_once: FromQuery[bool | None] = None,
    key: IdempotencyKey = None,
) -> Response[PublicationView]:
    """Give a voucher to a customer.

    With ``join_once`` a customer who has one of the campaign gets the same again; the same
    ``source_id`` of the same customer always answers the same publication.
    """

    async def produce(tx: Tx) -> Answer:
        return succeed(await publish(tx, data, call=call, join_once=join_once))

    return await move_value(request, call, key, produce=produce)


@reads("/create", "Create publication by GET")
async def create_publication_by_get(
    request: AnyRequest, call: CurrentCall, join_once: FromQuery[bool | None] = None
) -> PublicationView:
    """Give a voucher to a customer, as POST does, everything told in the address."""
    body = read_query(request)
    async with call.transaction() as tx:
        return await publish(tx, body, call=call, join_once=join_once)


@reads("/", "List publications")
async def read_publications(
    call: CurrentCall,
    paging: CurrentPaging,
    campaign: Annotated[str | None, QueryParameter(max_length=255)] = None,
    customer: Annotated[str | None, QueryParameter(max_length=255)] = None,
    voucher: Annotated[str | None, QueryParameter(max_length=255)] = None,
    source_id: Annotated[str | None, QueryParameter(max_length=255)] = None,
) -> PublicationList:
    """List publications of a campaign, a customer, a voucher or a source id; newest first."""
    async with call.transaction() as tx:
        found = await list_publications(
            tx,
            campaign_id=None if campaign is None else (await get_campaign(tx, campaign)).id,
            customer_id=None if customer is None else (await get_customer(tx, customer)).id,
            voucher_id=None if voucher is None else (await get_voucher(tx, voucher)).id,
            source_id=source_id,
            limit=paging.limit,
            page=paging.page,
            order=paging.order or "-created_at",
        )
        items = await _load_items(tx, found.items)
    return PublicationList(publications=items, total=found.total)


async def _load_items(tx: Tx, publications: list[Publication]) -> list[PublicationItem]:
    names: dict[str | None, str | None] = {None: None}
    customers: dict[str, SimpleCustomer | None] = {}
    for one in publications:
        if one.campaign_id is not None and one.campaign_id not in names:
            campaign = await find_campaign(tx, one.campaign_id)
            names[one.campaign_id] = None if campaign is None else campaign.name
        if one.customer_id not in customers:
            customer = await find_customer(tx, one.customer_id)
            customers[one.customer_id] = (
                None if customer is None else view_simple_customer(customer)
            )
    return [
        PublicationItem(
            id=one.id,
            created_at=one.created_at,
            customer_id=one.customer_id,
            metadata=one.metadata,
            channel=one.channel,
            source_id=one.source_id,
            customer=customers[one.customer_id],
            voucher=PublishedVoucher(code=one.code, campaign=names[one.campaign_id]),
            vouchers_id=[one.voucher_id],
        )
        for one in publications
    ]


def publications_router() -> Router:
    """Routes of publications."""
    return Router(
        path="/publications",
        route_handlers=[create_publication, create_publication_by_get, read_publications],
        tags=["Publications"],
    )
