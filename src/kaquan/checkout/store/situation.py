"""What one decision is made on: read in one statement, then its limits locked in one round trip."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString

import msgspec

from kaquan.campaigns import Campaign, Voucher
from kaquan.checkout.model import Coupon
from kaquan.checkout.store.register import NET
from kaquan.customers import (
    COUNTED_STATUSES,
    Customer,
    Location,
    Order,
    Product,
    read_order_row,
)
from kaquan.ledger import Account, AccountKey, list_accounts, lock_accounts
from kaquan.runtime import NotFound, Project, Tx

_SITUATION: LiteralString = """
    with named_order as materialized (
        select * from orders where id = %(order_id)s or source_id = %(order_source_id)s
         order by id = %(order_id)s desc nulls last limit 1
    )
    select to_jsonb(p),
           (select jsonb_agg(jsonb_build_array(
                       to_jsonb(v) || jsonb_build_object(
                           'campaign_name', c.name, 'metadata', coalesce(v.metadata, '{}')),
                       to_jsonb(c)))
              from voucher v left join campaign c on c.id = v.campaign_id
             where v.code = any(%(codes)s)),
           (select to_jsonb(o) from named_order o),
           (select to_jsonb(c) from customer c
             where c.erased_at is null
               and (c.source_id = %(customer_source_id)s
                    or c.id = case when %(customer_of_order)s
                                   then (select o.customer_id from named_order o)
                                   else %(customer_id)s end)
             order by c.id = %(customer_id)s desc nulls last limit 1),
           (select jsonb_agg(to_jsonb(g)) from product g,
                   coalesce(%(products)s::text[],
                            (select o.line_product_ids from named_order o)) as wanted
             where g.id = any(wanted) or g.source_id = any(wanted)),
           (select to_jsonb(l) from location l
             where l.id = %(location)s or l.source_id = %(location)s
             order by l.id = %(location)s desc limit 1)
      from project p where p.project_id = current_project()
"""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What to read. Of an order or customer our id goes before the merchant's.

    With ``customer_of_order`` the customer is the stored order's. ``products`` are our ids or
    the merchant's; None stands for those of the stored order's lines.
    """

    codes: Sequence[str]
    order_id: str | None = None
    order_source_id: str | None = None
    customer_id: str | None = None
    customer_source_id: str | None = None
    customer_of_order: bool = False
    products: Sequence[str] | None = None
    location: str | None = None


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """What was found, nothing of it locked; ``coupons`` are by code and lack unknown codes."""

    project: Project
    coupons: dict[str, Coupon]
    order: Order | None
    customer: Customer | None
    products: tuple[Product, ...]
    location: Location | None


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What is left, and what the customer did so far; ``redemptions`` are by campaign."""

    accounts: dict[AccountKey, Account] = {}
    redemptions: dict[str, int] = {}
    order_count: int = 0


async def read_situation(tx: Tx, wanted: Wanted) -> Situation:
    """Read everything that a request names, in one statement. Raises NotFound without a project."""
    cursor = await tx.execute(_SITUATION, _parameters(wanted))
    row = await cursor.fetchone()
    if row is None:
        raise NotFound("project", "of this request")
    project, coupons, order, customer, products, location = row
    pairs = msgspec.convert(coupons or [], list[tuple[Voucher, Campaign | None]])
    return Situation(
        project=msgspec.convert(project, Project),
        coupons={voucher.code: Coupon(voucher, campaign) for voucher, campaign in pairs},
        order=None if order is None else read_order_row(order),
        customer=msgspec.convert(customer, Customer | None),
        products=msgspec.convert(products or [], tuple[Product, ...]),
        location=msgspec.convert(location, Location | None),
    )


async def read_limits(
    tx: Tx,
    keys: Sequence[AccountKey],
    *,
    customer_id: str | None,
    campaign_ids: Sequence[str],
    orders_before: tuple[datetime, str] | None,
    locking: bool,
) -> Limits:
    """Read the accounts and the customer's earlier redemptions in these campaigns.

    With ``orders_before``, a moment and an order's id, the customer's purchases up to that moment
    are counted too, that order aside. With ``locking`` the customer is locked and then the
    accounts, in the order of their keys. All goes in one round trip: each statement sees what was
    committed while the one before it waited.
    """
    redemptions = orders = None
    async with tx.pipeline():
        if customer_id is not None:
            if locking:
                await lock_customer(tx, customer_id)
            if campaign_ids:
                redemptions = await tx.execute(
                    "select r.campaign_id, count(*) from redemption r"
                    f" where r.customer_id = %s and r.campaign_id = any(%s) and {NET}"
                    " group by 1",
                    (customer_id, campaign_ids),
                )
            if orders_before is not None:
                orders = await tx.execute(
                    "select count(*) from orders where customer_id = %s and placed_at <= %s"
                    " and id <> %s and status = any(%s)",
                    (customer_id, *orders_before, list(COUNTED_STATUSES)),
                )
        accounts = await (lock_accounts if locking else list_accounts)(tx, keys) if keys else {}
        return Limits(
            accounts=accounts,
            redemptions={} if redemptions is None else dict(await redemptions.fetchall()),
            order_count=0 if orders is None else (await orders.fetchall())[0][0],
        )


async def lock_customer(tx: Tx, customer_id: str) -> None:
    """Let the customer's redemptions and rollbacks happen one after the other."""
    await tx.execute("select from customer where id = %s for no key update", (customer_id,))


def _parameters(wanted: Wanted) -> dict[str, Any]:
    return {name: getattr(wanted, name) for name in wanted.__struct_fields__}
