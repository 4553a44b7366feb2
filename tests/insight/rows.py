"""Rows that reports are made of, with the times and amounts that a test needs."""

from datetime import datetime
from typing import Any

import msgspec
from psycopg.types.json import Jsonb

from kaquan.runtime import Tx, new_id


class Sale(msgspec.Struct, frozen=True, kw_only=True):
    """An order as a report sees it."""

    customer_id: str | None
    at: datetime
    amount: int
    discount: int = 0
    items_discount: int = 0
    status: str = "PAID"


async def add_campaign(tx: Tx, name: str = "Spring", **columns: Any) -> str:
    """Add a campaign; ``columns`` are those of the table that matter to the test."""
    campaign_id = new_id("camp")
    row: dict[str, Any] = {"metadata": {}, "starts_at": None, "expires_at": None, "active": True}
    row |= columns
    await tx.execute(
        "insert into campaign (id, name, kind, offer, active, starts_at, expires_at, metadata,"
        " created_at) values (%s, %s, 'DISCOUNT_COUPONS', '{}', %s, %s, %s, %s, now())",
        (
            *(campaign_id, name, row["active"], row["starts_at"], row["expires_at"]),
            Jsonb(row["metadata"]),
        ),
    )
    return campaign_id


async def add_customers(tx: Tx, *names: str, at: datetime) -> None:
    """Add customers whose ids are their names."""
    for name in names:
        await tx.execute("insert into customer (id, created_at) values (%s, %s)", (name, at))


async def add_sale(tx: Tx, sale: Sale) -> str:
    """Add an order; returns its id."""
    order_id = new_id("ord")
    await tx.execute(
        "insert into orders (id, customer_id, status, amount_minor, discount_minor,"
        " items_discount_minor, placed_at, created_at) values (%s, %s, %s, %s, %s, %s, %s, %s)",
        (
            *(order_id, sale.customer_id, sale.status, sale.amount, sale.discount),
            *(sale.items_discount, sale.at, sale.at),
        ),
    )
    return order_id


async def expose(tx: Tx, campaign_id: str, customer_id: str, *, arm: str, at: datetime) -> None:
    """Record an assignment."""
    await tx.execute(
        "insert into exposure (campaign_id, customer_id, arm, propensity, assigned_at)"
        " values (%s, %s, %s, 0.5, %s)",
        (campaign_id, customer_id, arm, at),
    )


async def publish(tx: Tx, campaign_id: str, customer_id: str, *, at: datetime) -> str:
    """Add a voucher and give it to a customer; returns its id."""
    voucher_id = new_id("v")
    await tx.execute(
        "insert into voucher (id, code, campaign_id, holder_id, created_at)"
        " values (%s, %s, %s, %s, %s)",
        (voucher_id, voucher_id.upper(), campaign_id, customer_id, at),
    )
    await tx.execute(
        "insert into publication (id, campaign_id, voucher_id, customer_id, channel, created_at)"
        " values (%s, %s, %s, %s, 'email', %s)",
        (new_id("pub"), campaign_id, voucher_id, customer_id, at),
    )
    return voucher_id


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the register of redemptions and rollbacks."""

    campaign_id: str | None
    voucher_id: str | None
    at: datetime
    order_id: str | None = None
    kind: str = "redemption"
    failed: bool = False
    parent_id: str | None = None
    reverses_id: str | None = None
    discount: int = 0
    items_discount: int = 0


async def add_attempt(tx: Tx, attempt: Attempt) -> str:
    """Add an attempt; returns its id."""
    attempt_id = new_id("r")
    await tx.execute(
        "insert into redemption (id, kind, result, parent_id, reverses_id, voucher_id,"
        " campaign_id, order_id, channel, discount_minor, items_discount_minor, failure_code,"
        " created_at) values (%s, %s, %s, %s, %s, %s, %s, %s, 'API', %s, %s, %s, %s)",
        (
            *(attempt_id, attempt.kind, "FAILURE" if attempt.failed else "SUCCESS"),
            *(attempt.parent_id, attempt.reverses_id, attempt.voucher_id, attempt.campaign_id),
            *(attempt.order_id, attempt.discount, attempt.items_discount),
            *("refused" if attempt.failed else None, attempt.at),
        ),
    )
    return attempt_id
