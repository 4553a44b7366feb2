"""Balances of gift cards and points cards: what is on them, adding and removing by hand."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from kaquan.campaigns.errors import BalanceExceeded
from kaquan.campaigns.kinds import voucher_balance_kind
from kaquan.campaigns.model import Balance, BalanceChange, BalanceTransaction, Campaign, Voucher
from kaquan.campaigns.store.balances import (
    find_adjustment,
    find_transaction,
    insert_adjustment,
    list_balance_rows,
    list_transaction_rows,
)
from kaquan.campaigns.store.campaigns import get_campaign
from kaquan.campaigns.store.listing import page_offset, sort_clause
from kaquan.campaigns.store.vouchers import get_voucher
from kaquan.engine import MAX_MINOR
from kaquan.ledger import (
    AccountKey,
    AccountKind,
    issue,
    lock_accounts,
    post_transfers,
    withdraw,
)
from kaquan.runtime import (
    Duplicate,
    InvalidInput,
    Page,
    Tx,
    check_reference,
    check_text,
    check_whole_number,
    new_id,
)

LONGEST_REASON = 1_000


async def adjust_balance(
    tx: Tx,
    code_or_id: str,
    amount: int,
    *,
    source_id: str | None = None,
    reason: str | None = None,
    by_user_id: str | None = None,
    now: datetime,
) -> BalanceChange:
    """Add ``amount`` (minor units, or points) to a card, or take it off when it is negative.

    The same ``source_id`` on the same card is one adjustment: asked for again, it is told again
    and moves nothing. Raises NotFound, InvalidInput for an amount of nothing or beyond 2^53-1 and
    for a voucher without a balance, Duplicate for a ``source_id`` that moved another amount, and
    BalanceExceeded when more is to be taken off than is free.
    """
    check_whole_number(abs(amount), "amount", least=1)
    check_reference(source_id, "source_id")
    note = check_text(reason, "reason", longest=LONGEST_REASON)
    voucher = await get_voucher(tx, code_or_id, lock=True)
    kind = await _require_balance(tx, voucher)
    if source_id is not None:
        known = await find_adjustment(tx, voucher.id, source_id)
        if known is not None:
            return await _tell_again(tx, voucher, kind, known, amount=amount)
    change_id = new_id("adj")
    await _move(tx, AccountKey(voucher.id, kind), amount, cause_id=change_id, now=now)
    balance = (await list_balance_rows(tx, [voucher.id], kind))[0]
    change = BalanceChange(
        id=change_id,
        voucher_id=voucher.id,
        kind=kind,
        amount=amount,
        left=balance.left,
        added=balance.added,
    )
    await insert_adjustment(
        tx, change, source_id=source_id, reason=note, by_user_id=by_user_id, now=now
    )
    return change


async def list_balance_transactions(
    tx: Tx,
    code_or_id: str,
    *,
    order: str = "-created_at",
    page: int = 1,
    cursor: str | None = None,
    limit: int = 20,
) -> Page[BalanceTransaction]:
    """Return a page of all movements on a card's balance, and their exact number.

    ``order`` is created_at or -created_at. A page starts at its number or, at any depth, after
    the transaction with the id ``cursor``. Raises NotFound, and InvalidInput for a voucher
    without a balance.
    """
    _, descending = sort_clause(order, {"created_at": "id", "id": "id"})
    offset = page_offset(page, limit)
    voucher = await get_voucher(tx, code_or_id)
    kind = await _require_balance(tx, voucher)
    return await list_transaction_rows(
        tx,
        voucher.id,
        kind,
        descending=descending,
        cursor=cursor,
        offset=offset,
        limit=limit,
    )


async def voucher_balances(
    tx: Tx, vouchers: Sequence[Voucher], campaigns: Mapping[str, Campaign]
) -> dict[str, Balance]:
    """Return, by voucher id, the balances of those vouchers that pay from one.

    ``campaigns`` are by id: those of all vouchers without an offer of their own.
    """
    kinds = {one.id: kind for one in vouchers if (kind := _find_kind(one, campaigns)) is not None}
    balances = {
        voucher_id: Balance(voucher_id=voucher_id, kind=kind, added=0, removed=0, left=0, held=0)
        for voucher_id, kind in kinds.items()
    }
    for kind in sorted(set(kinds.values())):
        wanted = [voucher_id for voucher_id, own in kinds.items() if own is kind]
        for row in await list_balance_rows(tx, wanted, kind):
            balances[row.voucher_id] = row
    return balances


async def _tell_again(
    tx: Tx, voucher: Voucher, kind: AccountKind, adjustment_id: str, *, amount: int
) -> BalanceChange:
    done = await find_transaction(tx, voucher.id, kind, cause_id=adjustment_id)
    assert done is not None, "an adjustment and its transfer are stored together"
    if done.amount != amount:
        message = f"The source_id '{done.source_id}' moved {done.amount} on this card."
        raise Duplicate(message, field="source_id")
    return BalanceChange(
        id=adjustment_id,
        voucher_id=voucher.id,
        kind=kind,
        amount=amount,
        left=done.left,
        added=done.added,
    )


async def _move(tx: Tx, key: AccountKey, amount: int, *, cause_id: str, now: datetime) -> None:
    account = (await lock_accounts(tx, [key])).get(key)
    available = 0 if account is None else account.available
    balance = 0 if account is None else account.balance
    if amount < 0 and -amount > available:
        message = f"{available} of this balance can be taken off, not {-amount}."
        raise BalanceExceeded(message, field="amount", available=available)
    if balance + amount > MAX_MINOR:
        raise InvalidInput("A balance cannot exceed 2^53-1.", field="amount")
    move = issue if amount > 0 else withdraw
    movement = move(key.owner, key.kind, abs(amount), cause_id=cause_id)
    await post_transfers(tx, [movement], now=now)


async def _require_balance(tx: Tx, voucher: Voucher) -> AccountKind:
    campaign = None if voucher.campaign_id is None else await get_campaign(tx, voucher.campaign_id)
    kind = voucher_balance_kind(voucher.offer, campaign)
    if kind is None:
        message = f"The voucher '{voucher.code}' is neither a gift card nor a card of points."
        raise InvalidInput(message, field="code", key="invalid_voucher")
    return kind


def _find_kind(voucher: Voucher, campaigns: Mapping[str, Campaign]) -> AccountKind | None:
    return voucher_balance_kind(voucher.offer, campaigns.get(voucher.campaign_id or ""))
