"""Publishing over HTTP: those who fetch vouchers of campaigns at once share a transaction."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from kaquan.api.call import Call
from kaquan.api.customer_views import CustomerView, load_customers
from kaquan.api.customers import CustomerBody, draft_customer
from kaquan.api.once import refuse, succeed
from kaquan.api.problems import problem_of
from kaquan.api.values import Identifier, Metadata
from kaquan.api.voucher_views import VoucherView, load_views
from kaquan.campaigns import (
    Claim,
    HeldOut,
    Publication,
    claim_vouchers,
    get_campaign,
    list_vouchers_by_id,
    publish_more,
    publish_voucher,
)
from kaquan.customers import Customer, enter_customers
from kaquan.runtime import (
    Answer,
    InvalidInput,
    KaquanError,
    OnceKey,
    SchemaChecker,
    Tx,
    check_metadata,
    check_reference,
    find_first_answers,
    load_checker,
    remember_answers,
)


class CampaignChoice(msgspec.Struct, frozen=True, kw_only=True):
    """The campaign, by name or id, of which a voucher is given."""

    name: Identifier | None = None
    id: Identifier | None = None
    count: Annotated[int, Meta(ge=1, le=50)] = 1


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


class PublishWork(msgspec.Struct, frozen=True, kw_only=True):
    """One request for a voucher; with ``once`` it is answered from memory when it comes again."""

    body: PublicationBody
    call: Call
    join_once: bool | None = None
    once: OnceKey | None = None

    @property
    def names(self) -> frozenset[str]:
        """Whom it concerns alone: two requests that share a name wait for each other."""
        return frozenset(_list_names(self))

    @property
    def is_claim(self) -> bool:
        """Whether it asks for one voucher of a campaign, as many do in a rush."""
        campaign = self.body.campaign
        if isinstance(campaign, CampaignChoice):
            return campaign.count == 1 and self.body.voucher is None
        return campaign is not None and self.body.voucher is None


class _Given(msgspec.Struct, frozen=True):
    """What a customer got at once, in order."""

    publications: Sequence[Publication]
    customer: Customer


async def answer_publications(tx: Tx, works: Sequence[PublishWork]) -> list[Answer | Exception]:
    """Make the claims of a batch and map what was given; errors are values in their places."""
    results = await _recall(tx, works)
    checker = await load_checker(tx)
    asked: dict[int, PublishWork] = {}
    for number, work in enumerate(works):
        if number not in results:
            try:
                _check(work, checker)
                asked[number] = work
            except KaquanError as error:
                results[number] = error
    given = await _claim(tx, asked, results)
    views = await _load_views(tx, list(given.values()))
    fresh: list[tuple[OnceKey, Answer]] = []
    for number, view in zip(given, views, strict=True):
        answer = results[number] = succeed(view)
        once = works[number].once
        if once is not None:
            fresh.append((once, answer))
    await remember_answers(tx, fresh, now=works[0].call.now)
    return [results[number] for number in range(len(works))]


async def _recall(tx: Tx, works: Sequence[PublishWork]) -> dict[int, Answer | Exception]:
    """What was answered before, and keys that cannot be used."""
    keyed = [(number, work.once) for number, work in enumerate(works) if work.once is not None]
    found = await find_first_answers(tx, [once for _, once in keyed], now=works[0].call.now)
    return {
        number: known for (number, _), known in zip(keyed, found, strict=True) if known is not None
    }


async def _claim(
    tx: Tx, asked: dict[int, PublishWork], results: dict[int, Answer | Exception]
) -> dict[int, _Given]:
    """Enter the customers and let them claim; errors go into ``results``."""
    if not asked:
        return {}
    now = max(work.call.now for work in asked.values())
    drafts = [draft_customer(_named_customer(work.body)) for work in asked.values()]
    customers = dict(zip(asked, await enter_customers(tx, drafts, now=now), strict=True))
    results |= {n: one for n, one in customers.items() if isinstance(one, KaquanError)}
    known = {n: one for n, one in customers.items() if isinstance(one, Customer)}
    claims = [_read_claim(asked[number], customer) for number, customer in known.items()]
    made = await claim_vouchers(tx, claims)
    given: dict[int, _Given] = {}
    for number, one in zip(known, made, strict=True):
        if isinstance(one, HeldOut):
            results[number] = _keep_refusal(one, asked[number].call)
        elif isinstance(one, KaquanError):
            results[number] = one
        else:
            given[number] = _Given([one], known[number])
    return given


def _check(work: PublishWork, checker: SchemaChecker) -> None:
    body = work.body
    _named_customer(body)
    check_reference(body.channel, "channel")
    metadata = check_metadata(body.metadata or {}, "metadata")
    checker.check("publication", metadata, new=True)


def _read_claim(work: PublishWork, customer: Customer) -> Claim:
    body, campaign = work.body, work.body.campaign
    named = campaign if isinstance(campaign, str) else campaign and (campaign.id or campaign.name)
    return Claim(
        campaign=named or "",
        customer_id=customer.id,
        source_id=body.source_id,
        join_once=work.join_once,
        channel=body.channel or "API",
        metadata=body.metadata or {},
        at=work.call.now,
    )


def _list_names(work: PublishWork) -> Iterator[str]:
    customer = work.body.customer
    if work.once is not None:
        yield f"key {work.once.key}"
    if work.body.source_id is not None:
        yield f"source {work.body.source_id}"
    if customer is not None:
        references = (customer.id, customer.source_id)
        yield from (f"customer {one}" for one in references if isinstance(one, str))


async def answer_publication(
    tx: Tx, body: PublicationBody, *, call: Call, join_once: bool | None
) -> Answer:
    """Publish; that a holdout keeps the customer out is an answer."""
    try:
        return succeed(await publish(tx, body, call=call, join_once=join_once))
    except HeldOut as error:
        return _keep_refusal(error, call)


def _keep_refusal(error: HeldOut, call: Call) -> Answer:
    """An answer, and no error, so that what was logged of the customer is kept."""
    status = HTTPStatus.BAD_REQUEST
    return refuse(problem_of(status, error.key, error.message, request_id=call.request_id))


async def publish(
    tx: Tx, body: PublicationBody, *, call: Call, join_once: bool | None
) -> PublicationView:
    """Give the customer, who is entered or changed first, a voucher, several, or the one named."""
    campaign = body.campaign
    if isinstance(campaign, str):
        campaign = CampaignChoice(name=campaign)
    count = 1 if campaign is None else campaign.count
    if count > 1 and join_once:
        message = "With join_once a customer has one voucher of a campaign."
        raise InvalidInput(message, field="campaign.count", key="invalid_publish_params")
    draft = draft_customer(_named_customer(body))
    (customer,) = await enter_customers(tx, [draft], now=call.now)
    if isinstance(customer, KaquanError):
        raise customer
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
    given = [publication]
    if count > 1:
        given = await publish_more(tx, publication, count=count, now=call.now)
    (view,) = await _load_views(tx, [_Given(given, customer)])
    return view


def _named_customer(body: PublicationBody) -> CustomerBody:
    if body.customer is None:
        message = "Name the customer who gets the voucher."
        raise InvalidInput(message, field="customer", key="missing_customer")
    if body.customer.id is None and not isinstance(body.customer.source_id, str):
        message = "Name the customer by 'id' or 'source_id'."
        raise InvalidInput(message, field="customer.source_id", key="invalid_customer")
    return body.customer


async def _load_views(tx: Tx, given: Sequence[_Given]) -> list[PublicationView]:
    """Map what each customer got at once, under the id of the first publication."""
    if not given:
        return []
    ids = sorted({one.publications[0].voucher_id for one in given})
    found = await list_vouchers_by_id(tx, ids)
    vouchers = {view.id: view for view in await load_views(tx, found)}
    customers = await load_customers(tx, (one.customer for one in given))
    return [
        PublicationView(
            id=one.publications[0].id,
            created_at=one.publications[0].created_at,
            customer_id=one.publications[0].customer_id,
            metadata=one.publications[0].metadata,
            source_id=one.publications[0].source_id,
            customer=customers[one.customer.id],
            voucher=vouchers[one.publications[0].voucher_id],
            vouchers=[publication.code for publication in one.publications],
            vouchers_id=[publication.voucher_id for publication in one.publications],
        )
        for one in given
    ]
