"""The dialect's discount object, to and from the engine's offers."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from kaquan.api.problems import NotSupported
from kaquan.api.values import Identifier
from kaquan.customers import find_product
from kaquan.engine import (
    MAX_MINOR,
    AmountOff,
    Effect,
    FixedPrice,
    FreeUnits,
    InvalidFormula,
    InvalidOffer,
    Lane,
    PercentOff,
    PointsPayment,
    PrintedValue,
    StoredValue,
    ThresholdOff,
    check_scope,
    parse_formula,
    parse_offer,
)
from kaquan.runtime import InvalidInput, Tx

BPS_PER_PERCENT = 100

Value = TypeVar("Value", int, str)

_TARGETS: dict[str | None, dict[str, Any]] = {
    None: {"target": "order"},
    "APPLY_TO_ORDER": {"target": "order"},
    "APPLY_TO_ITEMS": {"target": "items"},
}
_GIVINGS: dict[str | None, dict[str, Any]] = {
    "APPLY_TO_ITEMS_BY_QUANTITY": {"target": "items", "giving": "per_unit"},
    "APPLY_TO_ITEMS_PROPORTIONALLY": {"target": "items", "giving": "by_amount"},
    "APPLY_TO_ITEMS_PROPORTIONALLY_BY_QUANTITY": {"target": "items", "giving": "by_quantity"},
}
"""An amount, unlike a rate, can also be given by the unit or be spread."""

_IN_BPS = (f"{BPS_PER_PERCENT} * (", ")")
"""What makes basis points of a formula that counts in percent."""

_EFFECTS = {"order": "APPLY_TO_ORDER", "items": "APPLY_TO_ITEMS"}
_GIVEN = {
    "per_line": "APPLY_TO_ITEMS",
    **{data["giving"]: str(effect) for effect, data in _GIVINGS.items()},
}
_ADDINGS = {"ADD_NEW_ITEMS": "new", "ADD_MISSING_ITEMS": "missing"}
_ADDED = {adding: effect for effect, adding in _ADDINGS.items()}


class UnitBody(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of goods of several that are given for free."""

    unit_off: float | None = None
    unit_type: Identifier | None = None
    effect: str | None = None
    unit_off_formula: str | None = None


class DiscountBody(msgspec.Struct, frozen=True, kw_only=True):
    """What a voucher does: takes off an amount or a percentage, gives units, or fixes a price."""

    type: Literal["AMOUNT", "PERCENT", "UNIT", "FIXED"]
    amount_off: float | None = None
    percent_off: float | None = None
    amount_limit: float | None = None
    aggregated_amount_limit: int | None = None
    unit_off: float | None = None
    unit_type: Identifier | None = None
    units: list[UnitBody] | None = None
    fixed_amount: float | None = None
    effect: str | None = None
    amount_off_formula: str | None = None
    percent_off_formula: str | None = None
    unit_off_formula: str | None = None
    fixed_amount_formula: str | None = None


class UnitView(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of goods of several that are given for free, as answered."""

    unit_off: int
    unit_off_formula: str | UnsetType = UNSET
    unit_type: str
    effect: str


class DiscountView(msgspec.Struct, frozen=True, kw_only=True):
    """A discount as answered; one with a formula ``is_dynamic``, and its number the fallback.

    The dialect has no word for many offers (thresholds, printed values, the nth item, …): they
    show as an AMOUNT that ``is_dynamic``, the first step's or the largest where there is one;
    ``kaquan.offer`` beside it has it all.
    """

    type: Literal["AMOUNT", "PERCENT", "UNIT", "FIXED"]
    effect: str
    amount_off: int | UnsetType = UNSET
    percent_off: float | UnsetType = UNSET
    amount_limit: int | UnsetType = UNSET
    aggregated_amount_limit: int | UnsetType = UNSET
    unit_off: int | UnsetType = UNSET
    unit_type: str | UnsetType = UNSET
    units: list[UnitView] | UnsetType = UNSET
    fixed_amount: int | UnsetType = UNSET
    amount_off_formula: str | UnsetType = UNSET
    percent_off_formula: str | UnsetType = UNSET
    unit_off_formula: str | UnsetType = UNSET
    fixed_amount_formula: str | UnsetType = UNSET
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


async def find_goods(tx: Tx, offer: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the offer with our ids of the products that it gives; those of the merchant's are ours.

    What the catalogue does not know stays as it is: it may be entered later.
    """
    if offer is None or offer["effect"].get("code") != FreeUnits.code:
        return offer
    units: list[dict[str, Any]] = []
    for unit in offer["effect"]["units"]:
        named = unit.get("product_id")
        product = None if named is None else await find_product(tx, named)
        units.append(unit if product is None else {**unit, "product_id": product.id})
    return {**offer, "effect": {**offer["effect"], "units": units}}


def _effect_data(discount: DiscountBody, field: str) -> dict[str, Any]:
    match discount.type:
        case "UNIT":
            return _units_data(discount, field)
        case "FIXED":
            price = _whole(discount.fixed_amount, f"{field}.fixed_amount", least=0)
            target = _find_target(discount, _TARGETS, field)
            formula = _formula(
                discount.fixed_amount_formula,
                f"{field}.fixed_amount_formula",
                per_line=target["target"] == "items",
            )
            return {
                "code": "fixed_price",
                "price_minor": price,
                **target,
                **({} if formula is None else {"price_formula": formula}),
            }
        case "AMOUNT":
            amount = _whole(discount.amount_off, f"{field}.amount_off")
            target = _find_target(discount, _TARGETS | _GIVINGS, field)
            limit = discount.aggregated_amount_limit
            if limit is not None:
                path = f"{field}.aggregated_amount_limit"
                target = {**target, "total_cap_minor": _whole(limit, path)}
            formula = _formula(
                discount.amount_off_formula,
                f"{field}.amount_off_formula",
                per_line=discount.effect in ("APPLY_TO_ITEMS", "APPLY_TO_ITEMS_BY_QUANTITY"),
            )
            if formula is not None:
                target = {**target, "amount_formula": formula}
            return {"code": "amount_off", "amount_minor": amount, **target}
        case "PERCENT":
            return _percent_data(discount, _find_target(discount, _TARGETS, field), field)


def _find_target(
    discount: DiscountBody, known: Mapping[str | None, dict[str, Any]], field: str
) -> dict[str, Any]:
    target = known.get(discount.effect)
    if target is None:
        message = f"The effect '{discount.effect}' is not supported for {discount.type} yet."
        raise NotSupported(message, field=f"{field}.effect")
    return target


def _units_data(discount: DiscountBody, field: str) -> dict[str, Any]:
    if discount.effect != "ADD_MANY_ITEMS":
        unit = UnitBody(
            unit_off=discount.unit_off,
            unit_type=discount.unit_type,
            effect=discount.effect,
            unit_off_formula=discount.unit_off_formula,
        )
        return {"code": "free_units", "units": [_unit_data(unit, field)]}
    if not discount.units:
        message = f"'{field}.units' must name at least one kind of goods."
        raise InvalidInput(message, field=f"{field}.units")
    units = [
        _unit_data(unit, f"{field}.units[{index}]") for index, unit in enumerate(discount.units)
    ]
    return {"code": "free_units", "units": units}


def _unit_data(unit: UnitBody, field: str) -> dict[str, Any]:
    if unit.unit_type is None:
        message = f"'{field}.unit_type' must be the id of a product."
        raise InvalidInput(message, field=f"{field}.unit_type")
    adding = _ADDINGS.get(unit.effect or "ADD_NEW_ITEMS")
    if adding is None:
        message = f"The effect '{unit.effect}' is not supported for UNIT yet."
        raise NotSupported(message, field=f"{field}.effect")
    quantity = _whole(unit.unit_off, f"{field}.unit_off")
    data = {"product_id": unit.unit_type, "quantity": quantity, "adding": adding}
    formula = _formula(unit.unit_off_formula, f"{field}.unit_off_formula")
    return data if formula is None else {**data, "quantity_formula": formula}


def _percent_data(discount: DiscountBody, target: dict[str, Any], field: str) -> dict[str, Any]:
    data: dict[str, Any] = {
        "code": "percent_off",
        "rate_bps": _basis_points(discount.percent_off, f"{field}.percent_off"),
        **target,
    }
    if discount.amount_limit is not None:
        data["cap_minor"] = _whole(discount.amount_limit, f"{field}.amount_limit")
    if discount.aggregated_amount_limit is not None:
        path = f"{field}.aggregated_amount_limit"
        data["total_cap_minor"] = _whole(discount.aggregated_amount_limit, path)
    path = f"{field}.percent_off_formula"
    per_line = target["target"] == "items"
    formula = _formula(discount.percent_off_formula, path, per_line=per_line)
    if formula is not None:
        data["rate_formula"] = _formula(
            f"{_IN_BPS[0]}{formula}{_IN_BPS[1]}", path, per_line=per_line
        )
    return data


def _formula(text: str | None, field: str, *, per_line: bool = False) -> str | None:
    """Return a formula as it is; its number is in the units of the field that it is for."""
    if text is None:
        return None
    try:
        check_scope(text, per_line=per_line)
    except InvalidFormula as error:
        message = f"'{field}' is no formula: {error}."
        raise InvalidInput(message, field=field, key=error.key) from error
    return text


def _whole(value: float | None, field: str, *, least: int = 1) -> int:
    if value is None or value != value // 1 or not least <= value <= MAX_MINOR:
        message = f"'{field}' must be a whole number of at least {least}."
        raise InvalidInput(message, field=field)
    return int(value)


def _basis_points(value: float | None, field: str) -> int:
    points = None if value is None else Decimal(str(value)) * BPS_PER_PERCENT
    if points is None or points != points.to_integral_value() or not 1 <= points <= 10_000:
        message = f"'{field}' must be above 0 and at most 100, with at most two decimals."
        raise InvalidInput(message, field=field)
    return int(points)


def view_discount(offer: dict[str, Any]) -> DiscountView | None:
    """Map a stored offer to the dialect's discount; None for gift cards and points, which pay."""
    return _view_effect(parse_offer({"id": "offer", **offer}).effect)


def _view_effect(effect: Effect) -> DiscountView | None:
    match effect:
        case PercentOff():
            percent, rest = divmod(effect.rate_bps, BPS_PER_PERCENT)
            return DiscountView(
                type="PERCENT",
                percent_off=effect.rate_bps / BPS_PER_PERCENT if rest else percent,
                amount_limit=_unless_none(effect.cap_minor),
                aggregated_amount_limit=_unless_none(effect.total_cap_minor),
                effect=_EFFECTS[effect.target],
                percent_off_formula=_percent_formula(effect.rate_formula),
                is_dynamic=effect.rate_formula is not None or UNSET,
            )
        case AmountOff():
            given = _GIVEN[effect.giving] if effect.target == "items" else "APPLY_TO_ORDER"
            return DiscountView(
                type="AMOUNT",
                amount_off=effect.amount_minor,
                aggregated_amount_limit=_unless_none(effect.total_cap_minor),
                effect=given,
                amount_off_formula=_unless_none(effect.amount_formula),
                is_dynamic=effect.amount_formula is not None or UNSET,
            )
        case FixedPrice():
            return DiscountView(
                type="FIXED",
                fixed_amount=effect.price_minor,
                effect=_EFFECTS[effect.target],
                fixed_amount_formula=_unless_none(effect.price_formula),
                is_dynamic=effect.price_formula is not None or UNSET,
            )
        case FreeUnits():
            return _view_units(effect)
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
        case StoredValue() | PointsPayment():
            return None
        case _:
            items = effect.lane is Lane.ITEM
            return DiscountView(
                type="AMOUNT",
                effect="APPLY_TO_ITEMS" if items else "APPLY_TO_ORDER",
                is_dynamic=True,
            )


def _view_units(effect: FreeUnits) -> DiscountView:
    units = [
        UnitView(
            unit_off=unit.quantity,
            unit_off_formula=_unless_none(unit.quantity_formula),
            unit_type=unit.sku_id or unit.product_id or "",
            effect=_ADDED[unit.adding],
        )
        for unit in effect.units
    ]
    dynamic = any(unit.quantity_formula is not None for unit in effect.units) or UNSET
    if len(units) > 1:
        return DiscountView(type="UNIT", effect="ADD_MANY_ITEMS", units=units, is_dynamic=dynamic)
    return DiscountView(
        type="UNIT",
        effect=units[0].effect,
        unit_off=units[0].unit_off,
        unit_off_formula=units[0].unit_off_formula,
        unit_type=units[0].unit_type,
        is_dynamic=dynamic,
    )


def _percent_formula(formula: str | None) -> str | UnsetType:
    if formula is None:
        return UNSET
    before, after = _IN_BPS
    if formula.startswith(before) and formula.endswith(after):
        inner = formula[len(before) : -len(after)]
        try:
            parse_formula(inner)
        except InvalidFormula:
            pass
        else:
            return inner
    return f"({formula}) / {BPS_PER_PERCENT}"


def _unless_none(value: Value | None) -> Value | UnsetType:
    return UNSET if value is None else value
