"""Movements on cards as answered: what moved, and what it came from."""

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from kaquan.api.balances import (
    ReferenceView,
    TransactionDetails,
    TransactionView,
    view_transaction,
)
from kaquan.loyalty import CardTransaction


class NamedReference(msgspec.Struct, frozen=True):
    """Something by id and name."""

    id: str
    name: str | UnsetType = UNSET


class CardReference(msgspec.Struct, frozen=True):
    """Another card."""

    id: str
    code: str | None
    object: Literal["voucher"] = "voucher"


class MovementDetails(TransactionDetails, frozen=True, kw_only=True):
    """What a movement was about."""

    event: ReferenceView | UnsetType = UNSET
    earning_rule: ReferenceView | UnsetType = UNSET
    holder_loyalty_tier: ReferenceView | UnsetType = UNSET
    reward: NamedReference | UnsetType = UNSET
    source_voucher: CardReference | UnsetType = UNSET
    destination_voucher: CardReference | UnsetType = UNSET


class MovementView(TransactionView, frozen=True, kw_only=True):
    """One movement on a card."""

    details: MovementDetails


class MovementList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the movements; the next part starts after ``more_starting_after``."""

    data: list[MovementView]
    has_more: bool
    more_starting_after: str | UnsetType = UNSET
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


def view_movement(moved: CardTransaction) -> MovementView:
    """Map a movement to the wire, with what it came from."""
    plain = view_transaction(moved)
    details = plain.details
    other: dict[str, Any] = {}
    if moved.counterpart_id is not None:
        other["destination_voucher" if moved.amount < 0 else "source_voucher"] = CardReference(
            moved.counterpart_id, moved.counterpart_code
        )
    rule, tier, event = moved.earning_rule_id, moved.loyalty_tier_id, moved.event_id
    earned = rule is not None
    return MovementView(
        id=plain.id,
        source_id=plain.source_id,
        voucher_id=plain.voucher_id,
        campaign_id=plain.campaign_id,
        type=_type_of(moved, plain.type),
        source=None if earned else plain.source,
        reason=plain.reason,
        created_at=plain.created_at,
        details=MovementDetails(
            balance=msgspec.structs.replace(details.balance, operation_type="AUTOMATIC")
            if earned
            else details.balance,
            order=details.order,
            redemption=details.redemption,
            rollback=details.rollback,
            event=UNSET if event is None else ReferenceView(event),
            earning_rule=UNSET if rule is None else ReferenceView(rule),
            holder_loyalty_tier=UNSET if tier is None else ReferenceView(tier),
            reward=UNSET
            if moved.reward_id is None
            else NamedReference(moved.reward_id, moved.reward_name or UNSET),
            **other,
        ),
    )


def _type_of(moved: CardTransaction, plain: str) -> str:
    if moved.counterpart_id is not None:
        return "POINTS_TRANSFER_OUT" if moved.amount < 0 else "POINTS_TRANSFER_IN"
    if moved.waited:
        return "PENDING_POINTS_ACTIVATION"
    if moved.earning_rule_id is not None and moved.amount > 0:
        return "POINTS_ACCRUAL"
    return plain
