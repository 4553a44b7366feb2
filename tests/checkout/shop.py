"""A shop to check out in: campaigns, vouchers, customers and carts in a line each."""

from datetime import UTC, datetime
from typing import Any

from kaquan.campaigns import (
    Campaign,
    CampaignDraft,
    Voucher,
    VoucherDraft,
    add_voucher,
    create_campaign,
)
from kaquan.checkout import CheckoutRequest, Redeemable, Redeemed, Refused, redeem
from kaquan.customers import Customer, CustomerDraft, OrderDraft, OrderLineDraft, upsert_customer
from kaquan.ledger import AccountKey, AccountKind, check_ledger, count_ledger, list_accounts
from kaquan.runtime import Tx

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def amount_off(amount_minor: int, **more: Any) -> dict[str, Any]:
    """The offer of an amount off the order, or with ``target="items"`` off its lines."""
    return {"effect": {"code": "amount_off", "amount_minor": amount_minor, **more}}


def percent_off(rate_bps: int, **more: Any) -> dict[str, Any]:
    """The offer of a percentage off."""
    return {"effect": {"code": "percent_off", "rate_bps": rate_bps, **more}}


def on_condition(offer: dict[str, Any], **condition: Any) -> dict[str, Any]:
    """The offer under one condition."""
    return {**offer, "condition": condition}


async def open_campaign(tx: Tx, offer: dict[str, Any], **fields: Any) -> Campaign:
    """A campaign with that offer, named after it unless named."""
    fields = {"name": f"Campaign {offer}", "open_to_holdout": True} | fields
    return await create_campaign(tx, CampaignDraft(offer=offer, **fields), now=NOW)


async def add_code(tx: Tx, code: str, **fields: Any) -> Voucher:
    """A voucher of a campaign (``campaign_id``) or with its own ``offer``."""
    return await add_voucher(tx, VoucherDraft(code=code, **fields), now=NOW)


async def enter_customer(tx: Tx, source_id: str) -> Customer:
    """A customer under the merchant's id."""
    return await upsert_customer(tx, CustomerDraft(source_id=source_id), now=NOW)


def cart(*amounts_minor: int, **fields: Any) -> OrderDraft:
    """An order with a line of one piece for each amount."""
    lines = tuple(
        OrderLineDraft(source_id=f"sku_{position}", unit_price_minor=amount)
        for position, amount in enumerate(amounts_minor)
    )
    return OrderDraft(lines=lines, **fields)


def asking(*codes: str, order: OrderDraft | str | None = None, **fields: Any) -> CheckoutRequest:
    """A request for these codes on a cart of 100.00 unless told otherwise."""
    return CheckoutRequest(
        redeemables=tuple(Redeemable(id=code) for code in codes),
        order=cart(10_000) if order is None else order,
        **fields,
    )


async def read_balance(tx: Tx, owner: str, kind: AccountKind) -> int | None:
    """The account's balance; None when it was never opened."""
    key = AccountKey(owner, kind)
    account = (await list_accounts(tx, [key])).get(key)
    return None if account is None else account.balance


async def redeem_now(tx: Tx, request: CheckoutRequest, **more: Any) -> Redeemed:
    """Redeem and insist on success; the ledger must be whole afterwards."""
    outcome = await redeem(tx, request, now=NOW, **more)
    assert isinstance(outcome, Redeemed), outcome.validation.attempts
    assert await check_ledger(tx) == []
    return outcome


async def refuse_now(tx: Tx, request: CheckoutRequest) -> Refused:
    """Redeem and insist on a refusal that moved nothing."""
    before = await count_ledger(tx)
    outcome = await redeem(tx, request, now=NOW)
    assert isinstance(outcome, Refused)
    assert await count_ledger(tx) == before
    return outcome
