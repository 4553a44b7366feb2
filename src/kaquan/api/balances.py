"""``/v1/vouchers/{code}/balance`` and ``…/transactions``: what moves on gift and points cards."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from litestar import Response, Router
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import UNSET, Meta, UnsetType

from kaquan.api.call import CurrentCall
from kaquan.api.listing import CurrentPaging, read_cursor_paging
from kaquan.api.once import IdempotencyKey, move_value, succeed
from kaquan.api.problems import AnyRequest
from kaquan.api.routes import reads, writes
from kaquan.api.values import Identifier, ShortText
from kaquan.campaigns import BalanceTransaction, adjust_balance, list_balance_transactions
from kaquan.engine import MAX_MINOR
from kaquan.ledger import AccountKind, Cause
from kaquan.runtime import Answer, Tx

CardType = Literal["gift_voucher", "loyalty_card"]
_TYPES: dict[AccountKind, CardType] = {
    AccountKind.VALUE: "gift_voucher",
    AccountKind.POINTS: "loyalty_card",
}
_UNITS = {AccountKind.VALUE: "CREDITS", AccountKind.POINTS: "POINTS"}
_MOVES = {
    Cause.ISSUE: "ADDITION",
    Cause.WITHDRAW: "REMOVAL",
    Cause.REDEEM: "REDEMPTION",
    Cause.RETURN: "REFUND",
    Cause.EXPIRE: "EXPIRATION",
}


class BalanceBody(msgspec.Struct, frozen=True, kw_only=True):
    """What to add to a card, or to take off it when negative: minor units, or points."""

    amount: Annotated[int, Meta(ge=-MAX_MINOR, le=MAX_MINOR)]
    source_id: Identifier | None = None
    reason: ShortText | None = None


class RelatedVoucher(msgspec.Struct, frozen=True):
    """The voucher whose balance moved."""

    id: str
    type: Literal["voucher"] = "voucher"


class BalanceView(msgspec.Struct, frozen=True, kw_only=True):
    """A movement: its amount (or points), what had come in by then, and what was left."""

    amount: int | UnsetType = UNSET
    points: int | UnsetType = UNSET
    total: int
    balance: int
    type: CardType
    operation_type: Literal["MANUAL", "AUTOMATIC"]
    related_object: RelatedVoucher
    object: Literal["balance"] = "balance"


class ReferenceView(msgspec.Struct, frozen=True):
    """The redemption or the rollback that moved a balance."""

    id: str


class OrderReference(msgspec.Struct, frozen=True):
    """The order that was paid."""

    id: str
    source_id: str | None


class TransactionDetails(msgspec.Struct, frozen=True, kw_only=True):
    """What a transaction was about."""

    balance: BalanceView
    order: OrderReference | UnsetType = UNSET
    redemption: ReferenceView | UnsetType = UNSET
    rollback: ReferenceView | UnsetType = UNSET


class TransactionView(msgspec.Struct, frozen=True, kw_only=True):
    """One movement on a card's balance."""

    id: str
    source_id: str | None
    voucher_id: str
    campaign_id: str | None
    type: str
    source: str | None
    reason: str | None
    related_transaction_id: None = None
    created_at: datetime
    details: TransactionDetails


class TransactionList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a card's movements; the next part starts after ``more_starting_after``."""

    data: list[TransactionView]
    has_more: bool
    more_starting_after: str | UnsetType = UNSET
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


def view_transaction(moved: BalanceTransaction) -> TransactionView:
    """Map a movement to the wire."""
    by_hand = moved.cause in (Cause.ISSUE, Cause.WITHDRAW)
    reference = ReferenceView(moved.cause_id)
    is_gift = moved.kind is AccountKind.VALUE
    return TransactionView(
        id=moved.id,
        source_id=moved.source_id,
        voucher_id=moved.voucher_id,
        campaign_id=moved.campaign_id,
        type=f"{_UNITS[moved.kind]}_{_MOVES[moved.cause]}",
        source="API" if by_hand else None,
        reason=moved.reason,
        created_at=moved.at,
        details=TransactionDetails(
            balance=BalanceView(
                amount=moved.amount if is_gift else UNSET,
                points=UNSET if is_gift else moved.amount,
                total=moved.added,
                balance=moved.left,
                type=_TYPES[moved.kind],
                operation_type="MANUAL" if by_hand else "AUTOMATIC",
                related_object=RelatedVoucher(moved.voucher_id),
            ),
            order=UNSET
            if moved.order_id is None
            else OrderReference(moved.order_id, moved.order_source_id),
            redemption=reference if moved.cause is Cause.REDEEM else UNSET,
            rollback=reference if moved.cause is Cause.RETURN else UNSET,
        ),
    )


@writes("POST", "/{code:str}/balance", "Adjust voucher balance")
async def change_balance(
    request: AnyRequest,
    code: FromPath[str],
    data: JSONBody[BalanceBody],
    call: CurrentCall,
    key: IdempotencyKey = None,
) -> Response[BalanceView]:
    """Add to a card's balance, or take off it; one ``source_id`` does so once."""

    async def produce(tx: Tx) -> Answer:
        change = await adjust_balance(
            tx, code, data.amount, source_id=data.source_id, reason=data.reason, now=call.now
        )
        view = BalanceView(
            amount=change.amount,
            total=change.added,
            balance=change.left,
            type=_TYPES[change.kind],
            operation_type="MANUAL",
            related_object=RelatedVoucher(change.voucher_id),
        )
        return succeed(view)

    return await move_value(request, call, key, produce=produce)


@reads("/{code:str}/transactions", "List voucher transactions", paging=read_cursor_paging)
async def read_transactions(
    code: FromPath[str],
    call: CurrentCall,
    paging: CurrentPaging,
    starting_after_id: Annotated[str | None, QueryParameter(max_length=64)] = None,
) -> TransactionList:
    """List what moved on a card's balance, newest first unless ``order`` says otherwise."""
    async with call.transaction() as tx:
        found = await list_balance_transactions(
            tx,
            code,
            order=paging.order or "-created_at",
            page=paging.page,
            cursor=starting_after_id,
            limit=paging.limit,
        )
    return TransactionList(
        data=[view_transaction(one) for one in found.items],
        has_more=found.next_cursor is not None,
        more_starting_after=found.next_cursor or UNSET,
    )


def balances_router() -> Router:
    """Routes of balances."""
    return Router(
        path="/vouchers", route_handlers=[change_balance, read_transactions], tags=["Vouchers"]
    )
