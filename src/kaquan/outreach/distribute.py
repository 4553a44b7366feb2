"""Sending a campaign to a segment, a chunk of customers at a time.

Everybody in the audience is assigned an arm and that is recorded before anything is published;
the treated get a voucher; those of them who consented and have an address get a message. A chunk
is one transaction that also moves the distribution's place forward, so a distribution that was
killed goes on after the last whole chunk, and the database refuses a second message to a
customer in the same distribution.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from kaquan.campaigns import (
    Campaign,
    Publication,
    Voucher,
    effective_offer,
    effective_window,
    get_campaign,
    get_voucher,
    publish_to_customers,
    wallet_token,
)
from kaquan.customers import Customer, list_contactable, list_customers
from kaquan.experiments import Arm, assign_arm, record_exposures
from kaquan.outreach.envelope import find_address, write_headers
from kaquan.outreach.links import (
    UnsubscribeSigner,
    unsubscribe_signer,
    unsubscribe_url,
    wallet_url,
)
from kaquan.outreach.model import (
    MARKETING,
    CampaignFacts,
    CouponFacts,
    CustomerFacts,
    Distribution,
    DistributionStatus,
    Mailing,
    Message,
    MessageFacts,
    MessageStatus,
    RenderedMessage,
    ShopFacts,
)
from kaquan.outreach.offer_sentence import last_day, offer_sentence
from kaquan.outreach.render import render_message
from kaquan.outreach.store import insert_messages, lock_distribution, update_distribution
from kaquan.runtime import InvalidInput, Project, Tx, get_project, new_id
from kaquan.segments import evaluate_segment, list_member_ids

CHUNK = 500


class _Sending(msgspec.Struct, frozen=True, kw_only=True):
    """What all messages of a distribution have in common."""

    distribution: Distribution
    campaign: Campaign
    project: Project
    mailing: Mailing
    signer: UnsubscribeSigner
    now: datetime


async def advance_distribution(
    tx: Tx, distribution_id: str, *, mailing: Mailing, now: datetime, chunk: int = CHUNK
) -> Distribution:
    """Handle the next ``chunk`` customers of the audience; returns where the distribution stands.

    The audience is the segment as it is evaluated at the first chunk. A distribution that is
    done or failed is left alone. Raises what publishing raises, such as an empty pool of codes.
    """
    distribution = await lock_distribution(tx, distribution_id)
    if distribution.status in (DistributionStatus.DONE, DistributionStatus.FAILED):
        return distribution
    if distribution.status is DistributionStatus.PENDING:
        await evaluate_segment(tx, distribution.segment_id, now=now)
    members = await list_member_ids(
        tx, distribution.segment_id, after=distribution.done_up_to, limit=chunk
    )
    sending = _Sending(
        distribution=distribution,
        campaign=await get_campaign(tx, distribution.campaign_id),
        project=await get_project(tx),
        mailing=mailing,
        signer=await unsubscribe_signer(tx),
        now=now,
    )
    treated = await _assign(tx, sending, members)
    published = await _publish(tx, sending, treated)
    messages = await _write_messages(tx, sending, published)
    if messages:
        await insert_messages(tx, messages)
    after = msgspec.structs.replace(
        distribution,
        status=DistributionStatus.RUNNING if len(members) == chunk else DistributionStatus.DONE,
        audience=distribution.audience + len(members),
        held_out=distribution.held_out + len(members) - len(treated),
        published=distribution.published + len(published),
        unreachable=distribution.unreachable + len(published) - len(messages),
        done_up_to=members[-1] if members else distribution.done_up_to,
        updated_at=now,
    )
    await update_distribution(tx, after)
    return after


async def _assign(tx: Tx, sending: _Sending, members: Sequence[str]) -> list[str]:
    """Record an arm for every member and return those who are treated.

    Whoever was assigned by an earlier distribution of the campaign keeps that arm.
    """
    campaign = sending.campaign
    assigned = [
        (member, assign_arm(campaign.id, member, holdout_bps=campaign.holdout_bps))
        for member in members
    ]
    standing = await record_exposures(tx, campaign.id, assigned, now=sending.now)
    return [member for member in members if standing[member].arm is Arm.TREATMENT]


async def _publish(tx: Tx, sending: _Sending, treated: Sequence[str]) -> dict[str, Publication]:
    if not treated:
        return {}
    publications = await publish_to_customers(
        tx,
        sending.campaign.id,
        treated,
        channel=sending.distribution.channel,
        now=sending.now,
    )
    return {publication.customer_id: publication for publication in publications}


async def _write_messages(
    tx: Tx, sending: _Sending, published: dict[str, Publication]
) -> list[Message]:
    """Write the messages to those who may and can be reached; nobody else is named."""
    willing = await list_contactable(
        tx, list(published), channel=sending.distribution.channel, purpose=MARKETING
    )
    if not willing:
        return []
    customers = await list_customers(tx, ids=sorted(willing), limit=len(willing))
    messages: list[Message] = []
    for customer in customers.items:
        address = find_address(customer.email)
        if address is not None:
            voucher = await get_voucher(tx, published[customer.id].voucher_id)
            token = await wallet_token(tx, voucher)
            messages.append(
                _write_message(sending, customer, voucher=voucher, token=token, address=address)
            )
    return messages


def _write_message(
    sending: _Sending, customer: Customer, *, voucher: Voucher, token: str, address: str
) -> Message:
    distribution, mailing = sending.distribution, sending.mailing
    message_id = new_id("msg")
    leave = unsubscribe_url(
        mailing.base_url, sending.signer.sign(customer.id, channel=distribution.channel)
    )
    error: str | None = None
    status = MessageStatus.QUEUED if mailing.deliver else MessageStatus.KEPT
    facts = _facts(sending, customer, voucher=voucher, token=token, leave=leave)
    try:
        rendered = render_message(distribution.template, facts)
    except InvalidInput as fault:
        rendered = RenderedMessage(subject="", html="", plain="")
        status, error = MessageStatus.FAILED, f"{fault.field}: {fault.message}"
    return Message(
        id=message_id,
        distribution_id=distribution.id,
        campaign_id=sending.campaign.id,
        customer_id=customer.id,
        voucher_id=voucher.id,
        channel=distribution.channel,
        address=address,
        subject=rendered.subject,
        html=rendered.html,
        plain=rendered.plain,
        headers=write_headers(
            message_id=message_id, sender=mailing.sender, unsubscribe_url=leave, now=sending.now
        ),
        status=status,
        attempts=0,
        due_at=sending.now if status is MessageStatus.QUEUED else None,
        error=error,
        created_at=sending.now,
        sent_at=None,
    )


def _facts(
    sending: _Sending, customer: Customer, *, voucher: Voucher, token: str, leave: str
) -> MessageFacts:
    campaign, project = sending.campaign, sending.project
    language = sending.distribution.template.language
    offer = effective_offer(voucher, campaign)
    expires_at = effective_window(voucher, campaign).expires_at
    return MessageFacts(
        customer=CustomerFacts(
            name=customer.name or "",
            source_id=customer.source_id or "",
            metadata=customer.metadata,
        ),
        coupon=CouponFacts(
            value=offer_sentence(offer, language=language, currency=project.currency),
            code=voucher.code,
            expires_on=last_day(expires_at, zone=project.zone, language=language),
            wallet_url=wallet_url(sending.mailing.base_url, token),
        ),
        campaign=CampaignFacts(name=campaign.name, description=campaign.description or ""),
        shop=ShopFacts(name=project.name),
        unsubscribe_url=leave,
    )
