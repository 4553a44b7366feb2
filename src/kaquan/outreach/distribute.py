"""Sending a campaign to a segment, a chunk of customers at a time.

Everybody in the audience is assigned an arm and that is recorded before anything is published;
the treated get a voucher; those of them who consented and have an address get a message. A chunk
is one transaction that also moves the distribution's place forward, so a distribution that was
killed goes on after the last whole chunk, and the database refuses a second message to a
customer in the same distribution.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from kaquan.campaigns import (
    Campaign,
    Publication,
    Voucher,
    VoucherChange,
    effective_offer,
    effective_window,
    get_campaign,
    get_voucher,
    publish_to_customers,
    update_voucher,
    wallet_token,
)
from kaquan.customers import Customer, list_contactable, list_customers
from kaquan.experiments import (
    Arm,
    Assignment,
    Experiment,
    Overrides,
    assign_arm,
    find_running,
    place_customers,
    place_in_global_holdout,
    record_exposures,
)
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
    experiment: Experiment | None
    global_holdout: Experiment | None
    project: Project
    mailing: Mailing
    signer: UnsubscribeSigner
    now: datetime


async def advance_distribution(
    tx: Tx, distribution_id: str, *, mailing: Mailing, now: datetime, chunk: int = CHUNK
) -> Distribution:
    """Handle the next ``chunk`` customers of the audience; returns where the distribution stands.

    The audience is the segment, evaluated at the first chunk; of a live one, whoever is in it when
    their chunk comes. A distribution that is done or failed is left alone. Raises what publishing raises, such as an empty pool of codes.
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
        experiment=await find_running(tx, distribution.campaign_id),
        global_holdout=await find_running(tx, None),
        project=await get_project(tx),
        mailing=mailing,
        signer=await unsubscribe_signer(tx),
        now=now,
    )
    treated = await _assign(tx, sending, members)
    published = await _publish(tx, sending, treated)
    # Whose arm goes to the wallet alone was never to be reached.
    written_to = {
        customer_id: publication
        for customer_id, publication in published.items()
        if treated[customer_id].channel != "wallet"
    }
    messages = await _write_messages(tx, sending, written_to, treated)
    if messages:
        await insert_messages(tx, messages)
    after = replace(
        distribution,
        status=DistributionStatus.RUNNING if len(members) == chunk else DistributionStatus.DONE,
        audience=distribution.audience + len(members),
        held_out=distribution.held_out + len(members) - len(treated),
        published=distribution.published + len(published),
        unreachable=distribution.unreachable + len(written_to) - len(messages),
        done_up_to=members[-1] if members else distribution.done_up_to,
        updated_at=now,
    )
    await update_distribution(tx, after)
    return after


async def _assign(tx: Tx, sending: _Sending, members: Sequence[str]) -> dict[str, Overrides]:
    """Record an arm for every member; return those who get something, and what is special of it.

    Whoever was assigned by an earlier distribution of the campaign keeps that arm. The global
    holdout is not logged as the campaign's: nothing ever reached these customers, so beside them
    a campaign would be credited with what all the others did.
    """
    campaign, reached = sending.campaign, members
    if sending.global_holdout is not None:
        kept_out = await place_in_global_holdout(
            tx, sending.global_holdout, members, now=sending.now
        )
        reached = [member for member in members if member not in kept_out]
    assigned = [
        (member, assign_arm(campaign.id, member, holdout_bps=campaign.holdout_bps))
        for member in reached
    ]
    standing = await record_exposures(tx, campaign.id, assigned, now=sending.now)
    chosen = await _place(tx, sending, standing)
    return {
        member: chosen.get(member, Overrides())
        for member in reached
        if standing[member].arm is Arm.TREATMENT and not chosen.get(member, Overrides()).nothing
    }


async def _place(
    tx: Tx, sending: _Sending, standing: dict[str, Assignment]
) -> dict[str, Overrides]:
    """Put customers into the arms of the campaign's experiment, if one runs."""
    experiment = sending.experiment
    if experiment is None:
        return {}
    placed = await place_customers(tx, experiment, standing, now=sending.now)
    variants = {customer_id: experiment.variant(one.arm) for customer_id, one in placed.items()}
    return {
        customer_id: variant.overrides
        for customer_id, variant in variants.items()
        if variant is not None
    }


async def _publish(
    tx: Tx, sending: _Sending, treated: dict[str, Overrides]
) -> dict[str, Publication]:
    if not treated:
        return {}
    publications = await publish_to_customers(
        tx,
        sending.campaign.id,
        list(treated),
        channel=sending.distribution.channel,
        now=sending.now,
    )
    for publication in publications:
        # What somebody holds since an earlier sending stays as it was given.
        if publication.created_at == sending.now:
            await _shape_voucher(tx, sending, publication, treated[publication.customer_id])
    return {publication.customer_id: publication for publication in publications}


async def _shape_voucher(
    tx: Tx, sending: _Sending, publication: Publication, arm: Overrides
) -> None:
    """Give a fresh voucher the offer and the validity of its arm."""
    if arm.offer is None and arm.valid_days is None:
        return
    change = VoucherChange()
    if arm.offer is not None:
        change = replace(change, offer=arm.offer)
    if arm.valid_days is not None:
        until = sending.now + timedelta(days=arm.valid_days)
        ends = sending.campaign.expires_at
        change = replace(change, expires_at=until if ends is None else min(until, ends))
    await update_voucher(tx, publication.voucher_id, change, now=sending.now)


async def _write_messages(
    tx: Tx,
    sending: _Sending,
    published: dict[str, Publication],
    treated: dict[str, Overrides],
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
            mine = _vary(sending, treated[customer.id])
            message = _write_message(mine, customer, voucher=voucher, token=token, address=address)
            delay = treated[customer.id].send_after_hours
            if delay and message.due_at is not None:
                message = replace(message, due_at=message.due_at + timedelta(hours=delay))
            messages.append(message)
    return messages


def _vary(sending: _Sending, arm: Overrides) -> _Sending:
    """The sending with the arm's own words."""
    template = sending.distribution.template
    template = replace(
        template,
        subject=arm.subject if arm.subject is not None else template.subject,
        mjml=arm.mjml if arm.mjml is not None else template.mjml,
    )
    return replace(sending, distribution=replace(sending.distribution, template=template))


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
