"""Giving vouchers to customers: one of a campaign's pool, or one that is named.

- Naming a campaign gives the customer a voucher of its pool; when the pool is empty an
  AUTO_UPDATE campaign makes one more, a STATIC one refuses.
- With ``join_once`` (by default the campaign's own setting) a customer who has one already gets
  that one again.
- The same ``source_id`` gives the same publication again, however often and however
  concurrently it is asked for. Under another customer, or for another code, it is refused.
- Naming a code gives that very voucher. It has one holder: giving it to the holder again gives
  the same publication, anybody else is refused.

Two that ask for the same at the same moment are told apart by unique indexes, not by locks
held across the work.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from kaquan.campaigns.checks import intersect, keeps_back
from kaquan.campaigns.claim import Claim, claim_vouchers, held_out
from kaquan.campaigns.errors import NothingToPublish, PublishedToAnother, SourceIdTaken
from kaquan.campaigns.issue import mint_vouchers
from kaquan.campaigns.model import Activation, Campaign, Publication, Voucher
from kaquan.campaigns.store.campaigns import get_campaign
from kaquan.campaigns.store.publications import (
    NewPublication,
    find_by_source,
    find_by_voucher,
    insert_publications,
    list_first_publications,
    list_published_at_once,
)
from kaquan.campaigns.store.vouchers import assign_holders, draw_vouchers, get_voucher
from kaquan.campaigns.vouchers import voucher_usage
from kaquan.customers import get_customer
from kaquan.experiments import admit_customer
from kaquan.runtime import (
    InvalidInput,
    KaquanError,
    Tx,
    check_by_schema,
    check_metadata,
    check_reference,
    new_ids,
)

MOST_AT_ONCE = 10_000


class _Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What the publications of one call have in common."""

    channel: str
    metadata: dict[str, Any]
    once: bool
    source_id: str | None
    paid: bool = False
    now: datetime


async def publish_voucher(
    tx: Tx,
    *,
    campaign_id: str | None = None,
    voucher_code: str | None = None,
    customer_id: str,
    source_id: str | None = None,
    join_once: bool | None = None,
    channel: str,
    metadata: dict[str, Any] | None = None,
    paid: bool = False,
    now: datetime,
) -> Publication:
    """Give a customer a voucher of a campaign, or the voucher with this code.

    What was ``paid`` for, as with points, no holdout keeps back. Raises NotFound for campaign,
    voucher or customer; NothingToPublish when there is none that may be given; ClaimRefused by the
    campaign's rule; HeldOut, after which the transaction should commit; PublishedToAnother when the code has another holder;
    SourceIdTaken when ``source_id`` names another publication; InvalidInput.
    """
    if (campaign_id is None) == (voucher_code is None):
        message = "Name either the campaign or the code of the voucher."
        raise InvalidInput(message, field="campaign", key="invalid_publish_params")
    check_reference(channel, "channel")
    check_reference(source_id, "source_id")
    customer = await get_customer(tx, customer_id)
    terms = _Terms(
        channel=channel,
        metadata=check_metadata(metadata or {}, "metadata"),
        once=bool(join_once),
        source_id=source_id,
        paid=paid,
        now=now,
    )
    await check_by_schema(tx, "publication", terms.metadata, new=True)
    if voucher_code is not None:
        return await _publish_code(tx, voucher_code, customer.id, terms)
    assert campaign_id is not None
    claim = Claim(
        campaign=campaign_id,
        customer_id=customer.id,
        source_id=source_id,
        join_once=join_once,
        channel=channel,
        metadata=terms.metadata,
        paid=paid,
        at=now,
    )
    (given,) = await _claim(tx, [claim])
    return given


async def _claim(tx: Tx, claims: Sequence[Claim]) -> list[Publication]:
    """Make claims of one customer; raises the first error."""
    given: list[Publication] = []
    for one in await claim_vouchers(tx, claims):
        if isinstance(one, KaquanError):
            raise one
        given.append(one)
    return given


async def publish_more(
    tx: Tx, first: Publication, *, count: int, now: datetime
) -> list[Publication]:
    """Give as many vouchers of a campaign as ``count`` says together with a first one.

    Where the first was given before, under the same source_id, what was given with it is told
    again. Raises NothingToPublish when the pool of a STATIC campaign does not hold enough, and
    ClaimRefused when the campaign's rule is against as many.
    """
    given = await list_published_at_once(tx, first)
    if first.campaign_id is None or first.created_at != now or len(given) >= count:
        return given
    claim = Claim(
        campaign=first.campaign_id,
        customer_id=first.customer_id,
        join_once=False,
        channel=first.channel,
        metadata=first.metadata,
        at=now,
    )
    return given + await _claim(tx, [claim] * (count - len(given)))


async def publish_to_customers(
    tx: Tx,
    campaign_id: str,
    customer_ids: Sequence[str],
    *,
    channel: str,
    join_once: bool | None = None,
    now: datetime,
) -> list[Publication]:
    """Give each customer (up to 10,000) a voucher of the campaign, in a handful of statements.

    The customers must exist. Returns a publication for each, in the order given; with
    ``join_once`` those who have a voucher already keep it. Raises NotFound, InvalidInput, and
    NothingToPublish when the pool of a STATIC campaign does not hold enough: then nobody gets
    one.
    """
    wanted = list(dict.fromkeys(customer_ids))
    if len(wanted) > MOST_AT_ONCE:
        message = f"At most {MOST_AT_ONCE} customers at once."
        raise InvalidInput(message, field="customer_ids")
    check_reference(channel, "channel")
    campaign = await get_campaign(tx, campaign_id)
    once = campaign.join_once if join_once is None else join_once
    terms = _Terms(channel=channel, metadata={}, once=once, source_id=None, now=now)
    given = await _publish_of_pool(tx, campaign, wanted, terms)
    return [given[customer_id] for customer_id in wanted]


async def _publish_of_pool(
    tx: Tx, campaign: Campaign, customer_ids: Sequence[str], terms: _Terms
) -> dict[str, Publication]:
    """Give each customer a voucher of the pool; returns publications by customer."""
    known = await list_first_publications(tx, campaign.id, customer_ids) if terms.once else {}
    waiting = [customer_id for customer_id in customer_ids if customer_id not in known]
    if not waiting:
        return known
    _check_campaign(campaign, terms.now)
    vouchers = await _take_vouchers(tx, campaign, len(waiting), now=terms.now)
    ids = new_ids("pub", len(waiting))
    given = [
        Publication(
            id=publication_id,
            campaign_id=campaign.id,
            voucher_id=voucher_id,
            code=code,
            customer_id=customer_id,
            source_id=terms.source_id,
            channel=terms.channel,
            metadata=terms.metadata,
            created_at=terms.now,
        )
        for publication_id, customer_id, (voucher_id, code) in zip(
            ids, waiting, vouchers, strict=True
        )
    ]
    stored = await _store(tx, given, terms)
    late = [publication.customer_id for publication in given if publication.id not in stored]
    mine = {
        publication.customer_id: publication for publication in given if publication.id in stored
    }
    # What another transaction gave these meanwhile is theirs; the vouchers meant for them were
    # never assigned, and so are still in the pool.
    theirs = await list_first_publications(tx, campaign.id, late) if late else {}
    return known | mine | theirs


async def _publish_code(tx: Tx, code: str, customer_id: str, terms: _Terms) -> Publication:
    voucher = await get_voucher(tx, code, lock=True)
    scope = voucher.campaign_id or voucher.id
    known = await _find_by_source(tx, scope, customer_id, terms)
    if known is not None:
        if known.voucher_id != voucher.id:
            raise _source_taken(terms)
        return known
    if voucher.holder_id not in (None, customer_id):
        message = f"The voucher '{voucher.code}' was given to somebody else."
        raise PublishedToAnother(message, object_id=voucher.code)
    earlier = await find_by_voucher(tx, voucher.id)
    if earlier is not None:
        return earlier
    await _check_voucher(tx, voucher, customer_id, terms)
    publication = Publication(
        id=new_ids("pub", 1)[0],
        campaign_id=voucher.campaign_id,
        voucher_id=voucher.id,
        code=voucher.code,
        customer_id=customer_id,
        source_id=terms.source_id,
        channel=terms.channel,
        metadata=terms.metadata,
        created_at=terms.now,
    )
    named = msgspec.structs.replace(terms, once=False)
    if not await _store(tx, [publication], named):
        # Only a source_id can be in the way: it was used for another voucher just now.
        raise _source_taken(terms)
    return publication


async def _store(tx: Tx, given: Sequence[Publication], terms: _Terms) -> set[str]:
    """Store publications and make their customers the holders; returns the ids stored."""
    stored = await insert_publications(tx, [NewPublication(p, terms.once) for p in given])
    held = [(p.voucher_id, p.customer_id) for p in given if p.id in stored]
    await assign_holders(tx, held, now=terms.now)
    return stored


async def _take_vouchers(
    tx: Tx, campaign: Campaign, count: int, *, now: datetime
) -> list[tuple[str, str]]:
    """Draw vouchers of the pool and make the missing ones, if the campaign may."""
    drawn = await draw_vouchers(tx, campaign.id, count, now=now)
    missing = count - len(drawn)
    if not missing:
        return drawn
    if campaign.activation is Activation.STATIC:
        message = f"The campaign '{campaign.name}' has {len(drawn)} vouchers left to give."
        raise NothingToPublish(message, left=len(drawn), wanted=count)
    return drawn + await mint_vouchers(tx, campaign, missing, now=now)


async def _find_by_source(
    tx: Tx, scope_id: str, customer_id: str, terms: _Terms
) -> Publication | None:
    if terms.source_id is None:
        return None
    known = await find_by_source(tx, scope_id, terms.source_id)
    if known is not None and known.customer_id != customer_id:
        raise _source_taken(terms)
    return known


async def _check_voucher(tx: Tx, voucher: Voucher, customer_id: str, terms: _Terms) -> None:
    window, now, campaign = voucher.window, terms.now, None
    if voucher.campaign_id is not None:
        campaign = await get_campaign(tx, voucher.campaign_id)
        _check_campaign(campaign, now)
        window = intersect(window, campaign.window)
    usage = (await voucher_usage(tx, [voucher]))[voucher.id]
    if not voucher.active or window.has_ended(now) or usage.left == 0:
        message = f"The voucher '{voucher.code}' is disabled, expired or used up."
        raise NothingToPublish(message, object_id=voucher.code)
    if campaign is None or terms.paid or not keeps_back(campaign):
        return
    share = campaign.holdout_bps
    if not await admit_customer(tx, campaign.id, customer_id, holdout_bps=share, now=now):
        raise held_out(campaign)


def _check_campaign(campaign: Campaign, now: datetime) -> None:
    if not campaign.active or campaign.window.has_ended(now):
        message = f"The campaign '{campaign.name}' is disabled or over."
        raise NothingToPublish(message, object_id=campaign.id)


def _source_taken(terms: _Terms) -> SourceIdTaken:
    message = f"The source_id '{terms.source_id}' names another publication."
    return SourceIdTaken(message, field="source_id")
