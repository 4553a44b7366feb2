"""Holding everything that is stored against what the reference remembers."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from kaquan.campaigns import (
    list_campaigns,
    list_publications,
    list_vouchers,
    voucher_usage,
)
from kaquan.checkout import RedemptionKind, RedemptionResult, list_redemptions
from kaquan.customers import get_customer, list_customer_summaries, list_orders
from kaquan.ledger import AccountKey, AccountKind, check_ledger, list_accounts
from kaquan.runtime import Page, Tx
from simulation.reference.checkout import totals_of
from simulation.reference.state import Shop

PAGE = 500

Item = TypeVar("Item")


async def find_differences(tx: Tx, shop: Shop) -> list[str]:
    """Return a line for each thing that is stored otherwise than it should be."""
    compared: dict[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {
        "campaign": (await _campaigns(tx, shop), _expected_campaigns(shop)),
        "voucher": (await _vouchers(tx), _expected_vouchers(shop)),
        "publications": (await _publications(tx), _expected_publications(shop)),
        "order": (await _orders(tx), _expected_orders(shop)),
        "redemption": (await _redemptions(tx), _expected_redemptions(shop)),
        "customer": (await _customers(tx, shop), _expected_customers(shop)),
        "account": (await _held(tx, shop), _expected_held(shop)),
    }
    lines = [
        f"{what} {name}: stored {found.get(name)}, should be {expected.get(name)}"
        for what, (found, expected) in compared.items()
        for name in sorted({*found, *expected})
        if found.get(name) != expected.get(name)
    ]
    return lines + [f"the ledger is not whole: {wrong}" for wrong in await check_ledger(tx)]


async def _pages(fetch: Callable[[str | None], Awaitable[Page[Item]]]) -> AsyncGenerator[Item]:
    cursor = None
    while True:
        page = await fetch(cursor)
        for item in page.items:
            yield item
        cursor = page.next_cursor
        if cursor is None:
            return


async def _campaigns(tx: Tx, shop: Shop) -> dict[str, Any]:
    keys = [AccountKey(campaign, AccountKind.BUDGET) for campaign in shop.campaigns]
    accounts = await list_accounts(tx, keys)
    left = {key.owner: account.available for key, account in accounts.items()}
    found: dict[str, Any] = {}
    number = 1
    while len((page := await list_campaigns(tx, page=number, limit=PAGE)).items):
        for one in page.items:
            budget = None if one.budget_minor is None else left.get(one.id, 0)
            found[one.id] = [one.active, one.budget_minor, one.per_customer_cap, budget]
        number += 1
    return found


def _expected_campaigns(shop: Shop) -> dict[str, Any]:
    return {
        one.id: [one.active, one.budget_minor, one.per_customer_cap, shop.budget_left(one)]
        for one in shop.campaigns.values()
    }


async def _vouchers(tx: Tx) -> dict[str, Any]:
    listed = _pages(lambda cursor: list_vouchers(tx, order="created_at", cursor=cursor, limit=PAGE))
    vouchers = [voucher async for voucher in listed]
    usage = await voucher_usage(tx, vouchers)
    return {
        one.code: [one.active, one.quantity, one.holder_id, usage[one.id].left, usage[one.id].used]
        for one in vouchers
    }


def _expected_vouchers(shop: Shop) -> dict[str, Any]:
    return {
        one.code: [one.active, one.quantity, one.holder, shop.uses_left(one), one.used]
        for one in shop.vouchers.values()
    }


async def _publications(tx: Tx) -> dict[str, Any]:
    listed = _pages(lambda cursor: list_publications(tx, cursor=cursor, limit=PAGE))
    found: dict[str, Any] = {}
    async for one in listed:
        found.setdefault(one.code, []).append([one.campaign_id, one.customer_id, one.source_id])
    return found


def _expected_publications(shop: Shop) -> dict[str, Any]:
    expected: dict[str, Any] = {}
    for one in shop.publications:
        row = [one.campaign, one.customer, one.source_id]
        expected.setdefault(one.voucher.code, []).append(row)
    return expected


async def _orders(tx: Tx) -> dict[str, Any]:
    listed = _pages(lambda cursor: list_orders(tx, cursor=cursor, limit=100))
    return {
        one.id: [
            one.source_id,
            one.customer_id,
            one.status.value,
            one.amount_minor,
            one.discount_minor,
            one.items_discount_minor,
            one.total_minor,
        ]
        async for one in listed
    }


def _expected_orders(shop: Shop) -> dict[str, Any]:
    return {
        one.id: [
            one.source_id,
            one.customer,
            one.status,
            one.amount,
            one.discount,
            one.items_discount,
            one.total,
        ]
        for one in shop.orders.values()
    }


async def _redemptions(tx: Tx) -> dict[str, Any]:
    listed = _pages(
        lambda cursor: list_redemptions(
            tx,
            kind=RedemptionKind.REDEMPTION,
            result=RedemptionResult.SUCCESS,
            cursor=cursor,
            limit=PAGE,
        )
    )
    found: dict[str, Any] = {
        one.id: [
            one.voucher_code,
            one.customer_id,
            one.order_id,
            one.discount_minor,
            one.items_discount_minor,
            one.rolled_back,
            one.returned_minor,
            one.use_returned,
        ]
        async for one in listed
    }
    failed = await list_redemptions(tx, result=RedemptionResult.FAILURE, limit=1)
    undone = await list_redemptions(tx, kind=RedemptionKind.ROLLBACK, limit=1)
    return found | {"failed": failed.total, "rollbacks": undone.total}


def _expected_redemptions(shop: Shop) -> dict[str, Any]:
    expected: dict[str, Any] = {
        one.id: [
            None if one.voucher is None else one.voucher.code,
            one.customer,
            one.order.id,
            one.discount,
            one.items_discount,
            one.rolled_back,
            sum(shop.redemptions[c].returned for c in one.children) or one.returned,
            one.use_returned,
        ]
        for one in shop.redemptions.values()
    }
    return expected | {"failed": shop.failures, "rollbacks": len(shop.rollbacks)}


async def _customers(tx: Tx, shop: Shop) -> dict[str, Any]:
    found: dict[str, Any] = {}
    buyers = _buyers(shop)
    for start in range(0, len(buyers), PAGE):
        summaries = await list_customer_summaries(tx, buyers[start : start + PAGE])
        for customer, summary in summaries.items():
            one = await get_customer(tx, customer)
            found[customer] = [one.source_id, one.name, summary.order_count, summary.spend_minor]
    return found


def _expected_customers(shop: Shop) -> dict[str, Any]:
    totals = totals_of(shop)
    return {
        customer: [
            shop.customers[customer].source_id,
            shop.customers[customer].name,
            *totals.get(customer, [0, 0]),
        ]
        for customer in _buyers(shop)
    }


def _buyers(shop: Shop) -> Sequence[str]:
    named = {order.customer for order in shop.orders.values() if order.customer is not None}
    return sorted(customer for customer in named if shop.is_known(customer))


async def _held(tx: Tx, shop: Shop) -> dict[str, Any]:
    keys = sorted(AccountKey(owner, AccountKind(kind)) for owner, kind in shop.reserved)
    accounts = await list_accounts(tx, keys)
    return {f"{key.kind} {key.owner}": account.held for key, account in accounts.items()}


def _expected_held(shop: Shop) -> dict[str, Any]:
    return {f"{kind} {owner}": amount for (owner, kind), amount in shop.reserved.items()}
