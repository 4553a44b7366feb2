"""``/v1/kaquan/distributions``: our own addition, sending a campaign to a segment by e-mail."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, Router
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from kaquan.api.call import CurrentCall
from kaquan.api.listing import CurrentPaging
from kaquan.api.once import IdempotencyKey, move_value, succeed
from kaquan.api.problems import AnyRequest
from kaquan.api.routes import reads, writes
from kaquan.api.values import Identifier
from kaquan.outreach import (
    DISTRIBUTION_ORDERS,
    Distribution,
    DistributionStatus,
    EmailTemplate,
    Language,
    MessageCounts,
    count_distributions,
    count_messages,
    default_template,
    get_distribution,
    list_distributions,
    resume_distribution,
    start_distribution,
)
from kaquan.runtime import Answer, InvalidInput, Tx

PATH = "/kaquan/distributions"


class TemplateBody(msgspec.Struct, frozen=True, kw_only=True):
    """Subject (Jinja2) and body (MJML with Jinja2); what is left out is that of our own template."""

    language: Language = "en"
    subject: str | None = None
    mjml: str | None = None


class DistributionBody(msgspec.Struct, frozen=True, kw_only=True):
    """What to send to whom; campaign and segment are named by id or name."""

    campaign_id: Identifier
    segment_id: Identifier
    template: TemplateBody = TemplateBody()


class DistributionView(msgspec.Struct, frozen=True, kw_only=True):
    """A distribution and how far it has got; ``error`` says why it failed.

    Of the ``audience`` handled so far, ``held_out`` got nothing on purpose and ``published`` hold
    a voucher; ``unreachable`` of these got no message, for want of consent or of an address.
    """

    id: str
    campaign_id: str
    segment_id: str
    channel: str
    template: EmailTemplate
    status: DistributionStatus
    audience: int
    held_out: int
    published: int
    unreachable: int
    error: str | None
    created_at: datetime
    updated_at: datetime | None
    object: Literal["distribution"] = "distribution"


class DistributionDetail(DistributionView, frozen=True, kw_only=True):
    """A distribution with how many of its messages are in each state."""

    messages: MessageCounts


class DistributionList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the distributions."""

    data: list[DistributionView]
    total: int
    has_more: bool
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


def _fields_of(distribution: Distribution) -> dict[str, Any]:
    return {
        name: getattr(distribution, name)
        for name in DistributionView.__struct_fields__
        if name != "object"
    }


async def _view_detail(tx: Tx, distribution: Distribution) -> DistributionDetail:
    counts = await count_messages(tx, distribution.id)
    return DistributionDetail(**_fields_of(distribution), messages=counts)


@writes("POST", PATH, "Start distribution")
async def begin_distribution(
    request: AnyRequest,
    data: JSONBody[DistributionBody],
    call: CurrentCall,
    key: IdempotencyKey = None,
) -> Response[DistributionDetail]:
    """Send a campaign to a segment by e-mail, in the background.

    Everybody in the segment who is not held out gets a voucher of the campaign, or keeps the one
    they have; those of them who agreed to marketing by e-mail get the message.
    """
    template = _read_template(data.template)

    async def produce(tx: Tx) -> Answer:
        started = await start_distribution(
            tx, data.campaign_id, data.segment_id, template=template, now=call.now
        )
        return succeed(await _view_detail(tx, started))

    return await move_value(request, call, key, produce=produce)


def _read_template(given: TemplateBody) -> EmailTemplate:
    ours = default_template(given.language)
    return EmailTemplate(
        subject=ours.subject if given.subject is None else given.subject,
        mjml=ours.mjml if given.mjml is None else given.mjml,
        language=given.language,
    )


@reads(PATH, "List distributions")
async def read_distributions(
    call: CurrentCall,
    paging: CurrentPaging,
    status: FromQuery[DistributionStatus | None] = None,
    campaign_id: Annotated[str | None, QueryParameter(max_length=255)] = None,
) -> DistributionList:
    """List distributions, the newest first unless ``order`` says otherwise."""
    order = paging.order or "-created_at"
    if order not in DISTRIBUTION_ORDERS:
        message = f"'order' is one of {', '.join(DISTRIBUTION_ORDERS)}."
        raise InvalidInput(message, field="order", key="invalid_query_params")
    async with call.transaction() as tx:
        found = await list_distributions(
            tx,
            campaign_id=campaign_id,
            status=status,
            order=order,
            limit=paging.limit,
            page=paging.page,
        )
        total = await count_distributions(tx, campaign_id=campaign_id, status=status)
    return DistributionList(
        data=[DistributionView(**_fields_of(one)) for one in found],
        total=total,
        has_more=paging.has_more(total),
    )


@reads(PATH + "/{distribution_id:str}", "Get distribution")
async def read_distribution(
    distribution_id: FromPath[str], call: CurrentCall
) -> DistributionDetail:
    """Get a distribution with how many of its messages are in each state."""
    async with call.transaction() as tx:
        return await _view_detail(tx, await get_distribution(tx, distribution_id))


@writes("POST", PATH + "/{distribution_id:str}/resume", "Resume distribution")
async def carry_on_distribution(
    distribution_id: FromPath[str], call: CurrentCall
) -> DistributionDetail:
    """Let a distribution that failed go on where it stopped; any other is left as it is."""
    async with call.transaction() as tx:
        return await _view_detail(tx, await resume_distribution(tx, distribution_id, now=call.now))


def distributions_router() -> Router:
    """Routes of distributions."""
    return Router(
        path="/",
        route_handlers=[
            begin_distribution,
            read_distributions,
            read_distribution,
            carry_on_distribution,
        ],
        tags=["Distributions"],
    )
