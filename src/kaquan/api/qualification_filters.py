"""The dialect's filters of qualifications: which redeemables are looked at at all."""

from collections.abc import Callable
from typing import Any, Literal

import msgspec

from kaquan.checkout import Option
from kaquan.engine import Offer, PointsPayment, StoredValue


class ConditionBody(msgspec.Struct, frozen=True, kw_only=True):
    """What a member must be; several of them all hold.

    The last two only have to be there, with any value; the official client sends null for absent.
    """

    is_: list[str] | None = msgspec.field(default=None, name="$is")
    is_not: list[str] | None = msgspec.field(default=None, name="$is_not")
    in_: list[str] | None = msgspec.field(default=None, name="$in")
    not_in: list[str] | None = msgspec.field(default=None, name="$not_in")
    has_value: Any = msgspec.field(default=None, name="$has_value")
    is_unknown: Any = msgspec.field(default=None, name="$is_unknown")


class FilterBody(msgspec.Struct, frozen=True, kw_only=True):
    """A filter on one member."""

    conditions: ConditionBody | None = None


class FiltersBody(msgspec.Struct, frozen=True, kw_only=True):
    """Filters, of which all have to match, or with the junction ``or`` one."""

    junction: Literal["and", "or", "AND", "OR"] = "and"
    category_id: FilterBody | None = None
    campaign_id: FilterBody | None = None
    campaign_type: FilterBody | None = None
    resource_id: FilterBody | None = None
    resource_type: FilterBody | None = None
    voucher_type: FilterBody | None = None
    code: FilterBody | None = None
    holder_role: FilterBody | None = None


def read_filters(body: FiltersBody | None) -> Callable[[Option], bool] | None:
    """Return the test that the filters describe; None when there is none."""
    if body is None:
        return None
    filters: list[tuple[str, ConditionBody]] = []
    for name in body.__struct_fields__:
        value = getattr(body, name)
        if isinstance(value, FilterBody) and value.conditions is not None:
            filters.append((name, value.conditions))
    if not filters:
        return None
    combine = any if body.junction.lower() == "or" else all

    def matches(option: Option) -> bool:
        members = _members_of(option)
        return combine(_meets(members[name], condition) for name, condition in filters)

    return matches


def _members_of(option: Option) -> dict[str, frozenset[str]]:
    """What can be filtered by; a member without a value is empty."""
    voucher, campaign = option.coupon.voucher, option.coupon.campaign
    is_voucher = option.object == "voucher"
    return {
        "category_id": frozenset(
            voucher.category_ids or (() if campaign is None else campaign.category_ids)
        ),
        "campaign_id": _one(None if campaign is None else campaign.id),
        "campaign_type": _one(None if campaign is None else campaign.kind.value),
        "resource_id": frozenset({voucher.id, option.key} if is_voucher else {option.key}),
        "resource_type": frozenset({option.object}),
        "voucher_type": _one(_voucher_type(option.offer) if is_voucher else None),
        "code": _one(voucher.code if is_voucher else None),
        "holder_role": _one("OWNER" if is_voucher and voucher.holder_id else None),
    }


def _voucher_type(offer: Offer) -> str:
    match offer.effect:
        case StoredValue():
            return "GIFT_VOUCHER"
        case PointsPayment():
            return "LOYALTY_CARD"
        case _:
            return "DISCOUNT_VOUCHER"


def _one(value: str | None) -> frozenset[str]:
    return frozenset() if value is None else frozenset({value})


def _meets(values: frozenset[str], condition: ConditionBody) -> bool:
    wanted = [one for one in (condition.is_, condition.in_) if one is not None]
    unwanted = [one for one in (condition.is_not, condition.not_in) if one is not None]
    return (
        all(not values.isdisjoint(one) for one in wanted)
        and all(values.isdisjoint(one) for one in unwanted)
        and (condition.has_value is None or bool(values))
        and (condition.is_unknown is None or not values)
    )
