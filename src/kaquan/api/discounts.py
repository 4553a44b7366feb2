"""The dialect's discount object, to and from the engine's offers."""

from decimal import Decimal
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from kaquan.api.problems import NotSupported
from kaquan.engine import (
    MAX_MINOR,
    AmountOff,
    Effect,
    InvalidOffer,
    PercentOff,
    PrintedValue,
    ThresholdOff,
    parse_offer,
)
from kaquan.runtime import InvalidInput

BPS_PER_PERCENT = 100

_TARGETS = {
    None: "order",
    "APPLY_TO_ORDER": "order",
    "APPLY_TO_ITEMS": "items",
}
_EFFECTS = {"order": "APPLY_TO_ORDER", "items": "APPLY_TO_ITEMS"}


class DiscountBody(msgspec.Struct, frozen=True, kw_only=True):
    """What a voucher takes off: an amount in minor units, or a percentage."""

    type: Literal["AMOUNT", "PERCENT", "UNIT", "FIXED"]
    amount_off: float | None = None
    percent_off: float | None = None
    amount_limit: float | None = None
    aggregated_amount_limit: int | None = None
    effect: str | None = None
    amount_off_formula: str | None = None
    percent_off_formula: str | None = None


class DiscountView(msgspec.Struct, frozen=True, kw_only=True):
    """A discount as answered.

    The dialect has no word for offers with thresholds or printed values: they show as an AMOUNT
    that ``is_dynamic``, the first step's or the largest; ``kaquan.offer`` beside it has it all.
    """

    type: Literal["AMOUNT", "PERCENT"]
    effect: str
    amount_off: int | UnsetType = UNSET
    percent_off: float | UnsetType = UNSET
    amount_limit: int | UnsetType = UNSET
    aggregated_amount_limit: int | UnsetType = UNSET
    is_dynamic: bool | UnsetType = UNSET


class OfferExtension(msgspec.Struct, frozen=True, kw_only=True):
    """Our own member ``kaquan`` of a voucher: an offer in full."""

    offer: dict[str, Any] | UnsetType = UNSET


def read_offer(
    discount: DiscountBody | UnsetType | None,
    own: dict[str, Any] | UnsetType,
    *,
    field: str,
) -> dict[str, Any] | None:
    """Return the offer that a body states by a discount or by ``kaquan.offer``, or None.

    Raises InvalidInput when it states two, or one that is none; NotSupported for discounts that
    cannot be given yet. ``field`` is the path of the discount.
    """
    if isinstance(discount, DiscountBody):
        if own is not UNSET:
            message = f"Give either '{field}' or 'kaquan.offer', not both."
            raise InvalidInput(message, field="kaquan.offer")
        return {"effect": _effect_data(discount, field)}
    if isinstance(own, UnsetType):
        return None
    try:
        parse_offer({"id": "offer", **own})
    except InvalidOffer as error:
        path = f"kaquan.offer.{error.path}" if error.path else "kaquan.offer"
        raise InvalidInput(str(error), field=path, key="invalid_offer") from error
    return own


def _effect_data(discount: DiscountBody, field: str) -> dict[str, Any]:
    if discount.type in {"UNIT", "FIXED"}:
        message = f"Discounts of type {discount.type} are not supported yet."
        raise NotSupported(message, field=f"{field}.type")
    for name in ("amount_off_formula", "percent_off_formula"):
        if getattr(discount, name) is not None:
            raise NotSupported("Formulas are not supported yet.", field=f"{field}.{name}")
    target = _TARGETS.get(discount.effect)
    if target is None:
        message = f"The effect '{discount.effect}' is not supported yet."
        raise NotSupported(message, field=f"{field}.effect")
    if discount.type == "AMOUNT":
        amount = _whole(discount.amount_off, f"{field}.amount_off")
        return {"code": "amount_off", "amount_minor": amount, "target": target}
    return _percent_data(discount, target, field)


def _percent_data(discount: DiscountBody, target: str, field: str) -> dict[str, Any]:
    data: dict[str, Any] = {
        "code": "percent_off",
        "rate_bps": _basis_points(discount.percent_off, f"{field}.percent_off"),
        "target": target,
    }
    if discount.amount_limit is not None:
        data["cap_minor"] = _whole(discount.amount_limit, f"{field}.amount_limit")
    if discount.aggregated_amount_limit is not None:
        path = f"{field}.aggregated_amount_limit"
        data["total_cap_minor"] = _whole(discount.aggregated_amount_limit, path)
    return data


def _whole(value: float | None, field: str) -> int:
    if value is None or value != value // 1 or not 1 <= value <= MAX_MINOR:
        message = f"'{field}' must be a whole number of minor units of at least 1."
        raise InvalidInput(message, field=field)
    return int(value)


def _basis_points(value: float | None, field: str) -> int:
    points = None if value is None else Decimal(str(value)) * BPS_PER_PERCENT
    if points is None or points != points.to_integral_value() or not 1 <= points <= 10_000:
        message = f"'{field}' must be above 0 and at most 100, with at most two decimals."
        raise InvalidInput(message, field=field)
    return int(points)


def view_discount(offer: dict[str, Any]) -> DiscountView:
    """Map a stored offer to the dialect's discount."""
    return _view_effect(parse_offer({"id": "offer", **offer}).effect)


def _view_effect(effect: Effect) -> DiscountView:
    match effect:
        case PercentOff():
            percent, rest = divmod(effect.rate_bps, BPS_PER_PERCENT)
            return DiscountView(
                type="PERCENT",
                percent_off=effect.rate_bps / BPS_PER_PERCENT if rest else percent,
                amount_limit=UNSET if effect.cap_minor is None else effect.cap_minor,
                aggregated_amount_limit=UNSET
                if effect.total_cap_minor is None
                else effect.total_cap_minor,
                effect=_EFFECTS[effect.target],
            )
        case AmountOff():
            return DiscountView(
                type="AMOUNT", amount_off=effect.amount_minor, effect=_EFFECTS[effect.target]
            )
        case ThresholdOff():
            first = effect.tiers[0].off_minor
            return DiscountView(
                type="AMOUNT", amount_off=first, effect="APPLY_TO_ORDER", is_dynamic=True
            )
        case PrintedValue():
            return DiscountView(
                type="AMOUNT",
                amount_off=effect.max_minor,
                effect="APPLY_TO_ITEMS",
                is_dynamic=True,
            )
        case _:
            message = f"the dialect has no words for the effect {effect.code}"
            raise AssertionError(message)
