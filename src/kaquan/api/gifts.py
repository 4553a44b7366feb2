"""Gift cards and cards of points on the wire: what is on them, and what to pay from them."""

from datetime import date
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from kaquan.api.problems import NotSupported
from kaquan.api.values import Minor
from kaquan.campaigns import Balance
from kaquan.engine import MAX_MINOR
from kaquan.ledger import AccountKind
from kaquan.loyalty import CardOutlook
from kaquan.runtime import InvalidInput

GIFT_OFFER: dict[str, Any] = {"effect": {"code": "stored_value"}}

GIFT_VOUCHER = "GIFT_VOUCHER"
VoucherType = Literal["DISCOUNT_VOUCHER", "GIFT_VOUCHER", "LOYALTY_CARD"]
_TYPES: dict[AccountKind | None, VoucherType] = {
    None: "DISCOUNT_VOUCHER",
    AccountKind.VALUE: "GIFT_VOUCHER",
    AccountKind.POINTS: "LOYALTY_CARD",
}


class GiftBody(msgspec.Struct, frozen=True, kw_only=True):
    """What a new gift card holds, in minor units."""

    amount: Minor
    effect: Literal["APPLY_TO_ORDER", "APPLY_TO_ITEMS"] = "APPLY_TO_ORDER"


class GiftView(msgspec.Struct, frozen=True, kw_only=True):
    """A gift card's balance: ``amount`` came in, ``subtracted_amount`` was taken off by hand."""

    amount: int
    subtracted_amount: int
    balance: int
    effect: Literal["APPLY_TO_ORDER"] = "APPLY_TO_ORDER"


class LoyaltyCardView(msgspec.Struct, frozen=True, kw_only=True):
    """A card's points: ``points`` came in, ``subtracted_points`` were taken off by hand.

    ``pending_points`` come later; the next points that expire can be spent until the end of
    ``next_expiration_date``.
    """

    points: int
    subtracted_points: int
    expired_points: int
    balance: int
    pending_points: int | UnsetType = UNSET
    next_expiration_date: date | UnsetType | None = UNSET
    next_expiration_points: int | UnsetType | None = UNSET


class CreditsBody(msgspec.Struct, frozen=True, kw_only=True):
    """What to pay from a gift card, in minor units."""

    credits: Annotated[int, Meta(ge=1, le=MAX_MINOR)]


class CreditsView(msgspec.Struct, frozen=True, kw_only=True):
    """What a gift card holds, and what it pays."""

    balance: int
    credits: int


class PointsView(msgspec.Struct, frozen=True, kw_only=True):
    """What a card of points pays, in points."""

    points: int


def type_of(kind: AccountKind | None) -> VoucherType:
    """Return the dialect's type of a voucher that pays from such a balance, or from none."""
    return _TYPES[kind]


def read_gift(
    gift: GiftBody | None,
    kind: VoucherType | None,
    offer: dict[str, Any] | None,
    *,
    field: str,
    offer_field: str,
) -> tuple[dict[str, Any] | None, int | None]:
    """Return the offer of a gift card and its balance, or those of another voucher as they are.

    Raises InvalidInput for a gift card that also takes something off, and for a type that the
    rest of the body contradicts; NotSupported for cards of points and credits on items.
    """
    if kind == "LOYALTY_CARD":
        message = "Loyalty cards are issued by a campaign with an offer of points."
        raise NotSupported(message, field=f"{field}type")
    if gift is None:
        if kind == GIFT_VOUCHER and offer is None:
            message = "A gift card needs 'gift.amount'."
            raise InvalidInput(message, field=f"{field}gift", key="invalid_voucher")
        return offer, None
    if kind == "DISCOUNT_VOUCHER":
        message = "A discount voucher has no 'gift'."
        raise InvalidInput(message, field=f"{field}gift", key="invalid_voucher")
    if gift.effect != "APPLY_TO_ORDER":
        message = "Gift cards pay for the order as a whole; for some goods, give 'kaquan.offer'."
        raise NotSupported(message, field=f"{field}gift.effect")
    if offer is None:
        return GIFT_OFFER, gift.amount
    if offer["effect"].get("code") != "stored_value":
        message = "A gift card pays; it takes nothing off besides."
        raise InvalidInput(message, field=offer_field, key="invalid_voucher")
    return offer, gift.amount


def view_gift(balance: Balance | None) -> GiftView | None:
    """Map what is on a gift card."""
    if balance is None or balance.kind is not AccountKind.VALUE:
        return None
    return GiftView(amount=balance.added, subtracted_amount=balance.removed, balance=balance.left)


def view_loyalty_card(
    balance: Balance | None, outlook: CardOutlook | None = None
) -> LoyaltyCardView | None:
    """Map what is on a card of points, and what is going to happen on it if that is known."""
    if balance is None or balance.kind is not AccountKind.POINTS:
        return None
    return LoyaltyCardView(
        points=balance.added,
        subtracted_points=balance.removed,
        expired_points=balance.expired,
        balance=balance.left,
        pending_points=UNSET if outlook is None else outlook.pending,
        next_expiration_date=UNSET if outlook is None else outlook.next_expiry,
        next_expiration_points=UNSET if outlook is None else outlook.next_expiring,
    )
