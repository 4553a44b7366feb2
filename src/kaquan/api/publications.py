"""``/v1/publications``: giving vouchers to customers."""

import re
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, Router
from litestar.params import FromQuery, JSONBody, QueryParameter

from kaquan.api.body import read_json, read_value
from kaquan.api.call import Call, CurrentCall
from kaquan.api.customer_views import (
    SimpleCustomer,
    view_simple_customer,
)
from kaquan.api.dry_run import CurrentDryRun, answer_dry
from kaquan.api.listing import (
    CurrentFilters,
    CurrentPaging,
    conditions_of,
    merge_filters,
    read_condition,
)
from kaquan.api.once import IdempotencyKey, move_value, name_once, respond
from kaquan.api.problems import AnyRequest
from kaquan.api.publishing import (
    PublicationBody,
    PublicationView,
    PublishWork,
    answer_publication,
    publish,
)
from kaquan.api.routes import Dry, reads, writes
from kaquan.api.values import Metadata
from kaquan.campaigns import (
    PUBLICATION_FILTERS,
    Campaign,
    CampaignKind,
    HeldOut,
    Publication,
    find_campaign,
    get_campaign,
    get_voucher,
    list_publications,
)
from kaquan.checkout import Batcher
from kaquan.customers import (
    find_customer,
    get_customer,
)
from kaquan.runtime import Answer, Tx

_BRACKETED = re.compile(r"(?P<member>campaign|customer|metadata)\[(?P<key>[^\[\]]{1,64})\]")


_VOUCHER_TYPES = {
    "discount": "DISCOUNT_VOUCHER",
    "gift": "GIFT_VOUCHER",
    "loyalty": "LOYALTY_CARD",
}


class PublishedVoucher(msgspec.Struct, frozen=True, kw_only=True):
    """A voucher inside of a publication."""

    code: str
    campaign: str | None
    is_referral_code: bool = False
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


@writes("POST", "/", "Create publication", dry=Dry.ON_REQUEST)
async def create_publication(
    request: AnyRequest,
    data: JSONBody[PublicationBody],
    call: CurrentCall,
    dry: CurrentDryRun,
    join_once: FromQuery[bool | None] = None,
    key: IdempotencyKey = None,
) -> Response[PublicationView]:
    """Give a voucher to a customer.

    With ``join_once`` a customer who has one of the campaign gets the same again; the same
    ``source_id`` of the same customer always answers the same publication. With ``dry_run`` the
    answer is the same and nothing is changed, nor remembered for the key.
    """

    async def produce(tx: Tx, then: Call) -> Answer:
        return await answer_publication(tx, data, call=then, join_once=join_once)

    if dry.asked:
        return await answer_dry(call, dry, produce)
    once = await name_once(request, key)
    work = PublishWork(body=data, call=call, join_once=join_once, once=once)
    if not work.is_claim:
        return await move_value(request, call, key, produce=lambda tx: produce(tx, call))
    batcher: Batcher[PublishWork, Answer] = request.app.state.publications
    return respond(await batcher.submit(call.caller.project_id, work, names=work.names))


@reads("/create", "Create publication by GET", changes=True)
async def create_publication_by_get(
    request: AnyRequest, call: CurrentCall, join_once: FromQuery[bool | None] = None
) -> PublicationView:
    """Give a voucher to a customer, as POST does, everything told in the address."""
    body = read_query(request)
    async with call.transaction() as tx:
        try:
            return await publish(tx, body, call=call, join_once=join_once)
        except HeldOut as error:
            held_out = error
    raise held_out


@reads("/", "List publications")
async def read_publications(
    call: CurrentCall,
    paging: CurrentPaging,
    filters: CurrentFilters,
    campaign: Annotated[str | None, QueryParameter(max_length=255)] = None,
    customer: Annotated[str | None, QueryParameter(max_length=255)] = None,
    voucher: Annotated[str | None, QueryParameter(max_length=255)] = None,
    source_id: Annotated[str | None, QueryParameter(max_length=255)] = None,
    result: FromQuery[Literal["SUCCESS", "FAILURE"] | None] = None,
    voucher_type: FromQuery[Literal["discount", "loyalty", "gift"] | None] = None,
    is_referral_code: FromQuery[bool | None] = None,
) -> PublicationList:
    """List publications of a campaign, a customer, a voucher or a source id; newest first.

    What could not be given leaves no publication, so all that are listed succeeded.
    """
    named = conditions_of(
        result=("$is", result),
        voucher_type=("$is", None if voucher_type is None else _VOUCHER_TYPES[voucher_type]),
        is_referral_code=("$is", None if is_referral_code is None else str(is_referral_code)),
    )
    async with call.transaction() as tx:
        condition = await read_condition(
            tx, merge_filters(filters, named), PUBLICATION_FILTERS, now=call.now
        )
        found = await list_publications(
            tx,
            campaign_id=None if campaign is None else (await get_campaign(tx, campaign)).id,
            customer_id=None if customer is None else (await get_customer(tx, customer)).id,
            voucher_id=None if voucher is None else (await get_voucher(tx, voucher)).id,
            source_id=source_id,
            condition=condition,
            limit=paging.limit,
            page=paging.page,
            order=paging.order or "-created_at",
        )
        items = await _load_items(tx, found.items)
    return PublicationList(publications=items, total=found.total)


async def _load_items(tx: Tx, publications: list[Publication]) -> list[PublicationItem]:
    campaigns: dict[str | None, Campaign | None] = {None: None}
    customers: dict[str, SimpleCustomer | None] = {}
    for one in publications:
        if one.campaign_id is not None and one.campaign_id not in campaigns:
            campaigns[one.campaign_id] = await find_campaign(tx, one.campaign_id)
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
            voucher=_view_voucher(one.code, campaigns[one.campaign_id]),
            vouchers_id=[one.voucher_id],
        )
        for one in publications
    ]


def _view_voucher(code: str, campaign: Campaign | None) -> PublishedVoucher:
    if campaign is None:
        return PublishedVoucher(code=code, campaign=None)
    refers = campaign.kind is CampaignKind.REFERRAL_PROGRAM
    return PublishedVoucher(code=code, campaign=campaign.name, is_referral_code=refers)


def publications_router() -> Router:
    """Routes of publications."""
    return Router(
        path="/publications",
        route_handlers=[create_publication, create_publication_by_get, read_publications],
        tags=["Publications"],
    )
