"""A customer on the wire, with what they bought and redeemed."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Literal

import msgspec

from kaquan.api.values import Metadata
from kaquan.checkout import (
    CustomerRedemptions,
    ReferralTies,
    count_redemptions_of,
    list_referral_ties,
)
from kaquan.customers import Customer, CustomerSummary, list_customer_summaries
from kaquan.loyalty import list_points_of
from kaquan.runtime import Tx


class SummaryOrders(msgspec.Struct, frozen=True):
    """What a customer bought, in minor units."""

    total_amount: int
    total_count: int
    average_amount: int
    last_order_amount: int
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


class ProgrammePoints(msgspec.Struct, frozen=True, kw_only=True):
    """Points of a customer in one programme."""

    points: int
    referred_customers: Literal[0] = 0


class LoyaltyView(msgspec.Struct, frozen=True, kw_only=True):
    """Points of a customer, in all and by the name of the programme; whom they brought along."""

    points: int
    referred_customers: int = 0
    campaigns: dict[str, ProgrammePoints]


class ReferralSourceView(msgspec.Struct, frozen=True, kw_only=True):
    """Who brought a customer along, in which programme, with which redemption."""

    campaign_id: str
    referrer_id: str
    related_object_id: str
    date: datetime
    related_object_type: Literal["redemption"] = "redemption"


class ReferralsView(msgspec.Struct, frozen=True, kw_only=True):
    """By what a customer was brought along."""

    total: int = 0
    campaigns: list[ReferralSourceView] = []


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
    loyalty: LoyaltyView
    referrals: ReferralsView = msgspec.field(default_factory=ReferralsView)
    system_metadata: Metadata = {}
    object: Literal["customer"] = "customer"


class SimpleCustomer(msgspec.Struct, frozen=True, kw_only=True):
    """A customer inside of another object."""

    id: str
    name: str | None
    email: str | None
    source_id: str | None
    metadata: Metadata
    object: Literal["customer"] = "customer"


def _view_sources(ties: ReferralTies) -> ReferralsView:
    return ReferralsView(
        total=len(ties.sources),
        campaigns=[
            ReferralSourceView(
                campaign_id=one.campaign_id,
                referrer_id=one.referrer_id,
                related_object_id=one.redemption_id,
                date=one.at,
            )
            for one in ties.sources
        ],
    )


def _view_customer(
    customer: Customer, summary: Summary, points: Mapping[str, int], *, ties: ReferralTies
) -> CustomerView:
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
        loyalty=LoyaltyView(
            points=sum(points.values()),
            referred_customers=ties.brought,
            campaigns={name: ProgrammePoints(points=own) for name, own in points.items()},
        ),
        referrals=_view_sources(ties),
    )


async def load_customers(tx: Tx, customers: Iterable[Customer]) -> dict[str, CustomerView]:
    """Map customers to the wire with what they bought, redeemed and earned; by their ids."""
    known = {customer.id: customer for customer in customers}
    orders = await list_customer_summaries(tx, list(known))
    redemptions = await count_redemptions_of(tx, list(known))
    points = await list_points_of(tx, list(known))
    ties = await list_referral_ties(tx, list(known))
    return {
        id_: _view_customer(
            customer,
            _view_summary(orders[id_], redemptions[id_]),
            points.get(id_, {}),
            ties=ties[id_],
        )
        for id_, customer in known.items()
    }


def _view_summary(summary: CustomerSummary, redemptions: CustomerRedemptions) -> Summary:
    count = summary.order_count
    orders = SummaryOrders(
        total_amount=summary.spend_minor,
        total_count=count,
        average_amount=summary.spend_minor // count if count else 0,
        last_order_amount=summary.last_order_minor,
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
    """Map a customer to the wire with what they bought, redeemed and earned."""
    return (await load_customers(tx, [customer]))[customer.id]


def view_simple_customer(customer: Customer) -> SimpleCustomer:
    """Map a customer to its short form."""
    return SimpleCustomer(
        id=customer.id,
        name=customer.name,
        email=customer.email,
        source_id=customer.source_id,
        metadata=customer.metadata,
    )
