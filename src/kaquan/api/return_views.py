"""Returns on the wire: what comes back, and what was given back for it."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from kaquan.api.values import Count, Identifier, Metadata, Minor, ShortText
from kaquan.checkout import (
    GoodsBack,
    OrderReturn,
    ReturnRefusal,
    ReturnRefused,
    ReturnRequest,
)

SENTENCES = {
    ReturnRefusal.NOT_A_REDEMPTION: "This is not a redemption that can be returned.",
    ReturnRefusal.CHILD: "This is a part of a redemption; return its parent.",
    ReturnRefusal.ROLLED_BACK: "This redemption was rolled back before.",
    ReturnRefusal.ORDER_STATUS: "Only what was paid, and not canceled, can be returned.",
    ReturnRefusal.ALL_RETURNED: "All of this was returned before.",
    ReturnRefusal.TOO_MUCH: "This is more than is left to return.",
}


class ReturnedItemBody(msgspec.Struct, frozen=True, kw_only=True):
    """Units of one line: by its position, counted from 0, or by its product or source id."""

    line: Annotated[int, Meta(ge=0)] | None = None
    product_id: Identifier | None = None
    source_id: Identifier | None = None
    quantity: Count


class ReturnBody(msgspec.Struct, frozen=True, kw_only=True):
    """What comes back: ``items``, goods worth ``amount`` before discounts, or else all the rest."""

    items: Annotated[list[ReturnedItemBody], Meta(min_length=1, max_length=500)] | None = None
    amount: Minor | None = None
    reason: ShortText | None = None
    metadata: Metadata | None = None


class ReturnedItemView(msgspec.Struct, frozen=True, kw_only=True):
    """What came back of one line: units, and what they cost before discounts."""

    line: int
    quantity: int
    amount: int


class ReturnPartView(msgspec.Struct, frozen=True, kw_only=True):
    """What one redemption gave back, in minor units."""

    redemption_id: str
    given_back_amount: int
    clawed_back_amount: int
    use_returned: bool


class ReturnView(msgspec.Struct, frozen=True, kw_only=True):
    """Goods that came back, in minor units; a preview has no id.

    ``refund_amount`` is left out where other redemptions of the order were left alone.
    """

    id: str | UnsetType = UNSET
    order_id: str | None
    redemption_id: str | None
    items: list[ReturnedItemView]
    amount: int
    given_back_amount: int
    clawed_back_amount: int
    refund_amount: int | UnsetType = UNSET
    completes: bool
    redemptions: list[ReturnPartView]
    reason: str | None
    metadata: Metadata
    created_at: datetime
    object: Literal["return", "return_preview"]


class ReturnList(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the returns."""

    returns: list[ReturnView]
    total: int
    object: Literal["list"] = "list"
    data_ref: Literal["returns"] = "returns"


def read_return(body: ReturnBody) -> ReturnRequest:
    """Map what comes back."""
    goods = None
    if body.items is not None:
        goods = tuple(
            GoodsBack(
                line=item.line,
                product_id=item.product_id,
                source_id=item.source_id,
                quantity=item.quantity,
            )
            for item in body.items
        )
    return ReturnRequest(
        goods=goods,
        amount_minor=body.amount,
        reason=body.reason,
        metadata=body.metadata or {},
    )


def view_return(done: OrderReturn) -> ReturnView:
    """Map what came back to the wire."""
    return ReturnView(
        id=done.id or UNSET,
        order_id=done.order_id,
        redemption_id=done.redemption_id,
        items=[
            ReturnedItemView(line=line, quantity=quantity, amount=amount)
            for line, (quantity, amount) in enumerate(
                zip(done.line_quantities, done.line_gross[:-1], strict=True)
            )
            if quantity or amount
        ],
        amount=done.gross_minor,
        given_back_amount=done.given_back_minor,
        clawed_back_amount=done.clawed_back_minor,
        refund_amount=UNSET if done.refund_minor is None else done.refund_minor,
        completes=done.completes,
        redemptions=[
            ReturnPartView(
                redemption_id=part.redemption_id,
                given_back_amount=sum(part.given_back),
                clawed_back_amount=sum(part.clawed_back),
                use_returned=part.use_returned,
            )
            for part in done.parts
        ],
        reason=done.reason,
        metadata=done.metadata,
        created_at=done.created_at,
        object="return" if done.id else "return_preview",
    )


def sentence_of(refused: ReturnRefused) -> str:
    """Say why nothing was returned."""
    return SENTENCES[refused.refusal]
