"""What a campaign or a voucher must be like; whatever fails names its field."""

from datetime import datetime, timedelta
from typing import Any, cast

import msgspec

from kaquan.campaigns.codes import GuessingRisk, code_space
from kaquan.campaigns.model import Campaign, CampaignKind, VoucherTemplate, Window
from kaquan.engine import InvalidOffer, offer_to_data, parse_offer
from kaquan.runtime import (
    InvalidInput,
    check_metadata,
    check_name,
    check_text,
    check_time,
    check_whole_number,
)

LARGEST_QUANTITY = 10**9
LARGEST_CAP = 10**6
LONGEST_CATEGORY = 255
LARGEST_OFFER_BYTES = 4 * 1024 * 1024
"""An offer may name tens of thousands of products."""

A_DAY = timedelta(days=1)


def keeps_back(campaign: Campaign) -> bool:
    """Whether holdouts bind whoever asks for the campaign; joining a programme is no experiment."""
    return not campaign.open_to_holdout and campaign.kind is not CampaignKind.LOYALTY_PROGRAM


def check_title(name: str) -> str:
    """Return a name that is not empty, without surrounding blanks."""
    title = check_name(name, "name")
    if not title:
        raise InvalidInput("A name may not be empty.", field="name")
    return title


def check_offer(data: object, owner_id: str) -> dict[str, Any]:
    """Return the engine's JSON of an offer in full; without an id it gets its owner's."""
    if isinstance(data, dict):
        data = {"id": owner_id, **cast("dict[str, Any]", data)}
    try:
        offer = parse_offer(data)
    except InvalidOffer as error:
        field = f"offer.{error.path}" if error.path else "offer"
        raise InvalidInput(str(error), field=field, key="invalid_offer") from error
    return check_metadata(offer_to_data(offer), "offer", largest=LARGEST_OFFER_BYTES)


def check_window(window: Window) -> None:
    """Refuse times without a zone and a window that ends before it starts."""
    for moment, field in ((window.starts_at, "starts_at"), (window.expires_at, "expires_at")):
        if moment is not None:
            check_time(moment, field)
    if window.is_empty:
        raise InvalidInput("The start must come before the end.", field="expires_at")


def check_quantity(quantity: int | None) -> int | None:
    """Return how often a voucher may be used: a whole number, or None for without limit."""
    if quantity is None:
        return None
    return check_whole_number(quantity, "quantity", least=0, most=LARGEST_QUANTITY)


def check_template(template: VoucherTemplate) -> VoucherTemplate:
    """Return what vouchers are made from, its parts checked."""
    code_space(template.code)
    return msgspec.structs.replace(
        template,
        quantity=check_quantity(template.quantity),
        balance=check_whole_number(template.balance, "balance", least=0),
        category=check_text(template.category, "category", longest=LONGEST_CATEGORY),
        additional_info=check_text(template.additional_info, "additional_info"),
        metadata=check_metadata(template.metadata, "voucher_template.metadata"),
    )


def intersect(first: Window, second: Window) -> Window:
    """Return the moments that lie in both windows."""
    starts = [moment for moment in (first.starts_at, second.starts_at) if moment is not None]
    ends = [moment for moment in (first.expires_at, second.expires_at) if moment is not None]
    return Window(max(starts, default=None), min(ends, default=None))


def guessing_risk(window: Window, now: datetime) -> GuessingRisk:
    """Return the risk of codes made ``now``: until the window ends, at least a day, or a year."""
    if window.expires_at is None:
        return GuessingRisk()
    return GuessingRisk(valid_for=max(window.expires_at - now, A_DAY))
