"""``/v1/kaquan/stacking-rules``: our own addition, the project's rules in the dialect's names."""

from typing import Annotated, Any, Literal

import msgspec
from litestar import Router
from litestar.params import JSONBody
from msgspec import UNSET, Meta, UnsetType

from kaquan.api.call import Call, CurrentCall
from kaquan.api.routes import deletes, reads, writes
from kaquan.api.values import Identifier
from kaquan.campaigns import (
    StackingChange,
    get_stacking_rules,
    reset_stacking_rules,
    update_stacking_rules,
)
from kaquan.engine import (
    MOST_SENT,
    AmountBase,
    Application,
    Grouping,
    NoEffect,
    ProductUse,
    RollbackOrder,
    Rounding,
    Sorting,
    StackingRules,
)
from kaquan.runtime import InvalidInput

Limit = Annotated[int, Meta(ge=1, le=MOST_SENT)]
Categories = Annotated[tuple[Identifier, ...], Meta(max_length=1_000)]
Base = Literal["INITIAL_AMOUNT", "DISCOUNTED_AMOUNT"]
SortingName = Literal["REQUESTED_ORDER", "CATEGORY_HIERARCHY", "PRIORITY"]
GroupingName = Literal["JOINT_ALWAYS_LAST", "TOGETHER"]
RoundingName = Literal["HALF_EVEN", "HALF_UP", "DOWN"]

_BASES: dict[AmountBase, Base] = {
    AmountBase.INITIAL_AMOUNT: "INITIAL_AMOUNT",
    AmountBase.REMAINING: "DISCOUNTED_AMOUNT",
}
_GROUPINGS: dict[Grouping, GroupingName] = {
    Grouping.JOINT_LAST: "JOINT_ALWAYS_LAST",
    Grouping.TOGETHER: "TOGETHER",
}
_ROUNDINGS: dict[Rounding, RoundingName] = {
    Rounding.HALF_EVEN: "HALF_EVEN",
    Rounding.HALF_UP: "HALF_UP",
    Rounding.DOWN: "DOWN",
}

_NAMES = {
    "redeemables_limit": "max_sent",
    "applicable_redeemables_limit": "max_applied",
    "applicable_redeemables_per_category_limit": "max_per_category",
    "applicable_redeemables_category_limits": "category_limits",
    "applicable_exclusive_redeemables_limit": "max_exclusive",
    "applicable_exclusive_redeemables_per_category_limit": "max_exclusive_per_category",
    "exclusive_categories": "exclusive_categories",
    "joint_categories": "joint_categories",
    "redeemables_application_mode": "application",
    "redeemables_sorting_rule": "sorting",
    "grouped_redeemables_sorting_rule": "grouping",
    "redeemables_products_application_mode": "products",
    "redeemables_no_effect_rule": "no_effect",
    "no_effect_skip_categories": "no_effect_skip_categories",
    "no_effect_redeem_anyway_categories": "no_effect_redeem_categories",
    "discount_calculation_mode": "base",
    "initial_amount_mode_categories": "initial_base_categories",
    "discounted_amount_mode_categories": "remaining_base_categories",
    "by_lane": "by_lane",
    "discount_rounding": "rounding",
    "redeemables_rollback_order_mode": "rollback",
}
"""What the wire calls a rule, and what the engine calls it."""

_WIRE_NAMES = {ours: wire for wire, ours in _NAMES.items()}


class StackingRulesBody(msgspec.Struct, frozen=True, kw_only=True):
    """What to change of the rules: a member left out stays as it is."""

    redeemables_limit: Limit | UnsetType = UNSET
    applicable_redeemables_limit: Limit | UnsetType = UNSET
    applicable_redeemables_per_category_limit: Limit | UnsetType = UNSET
    applicable_redeemables_category_limits: dict[Identifier, Limit] | UnsetType = UNSET
    applicable_exclusive_redeemables_limit: Limit | UnsetType = UNSET
    applicable_exclusive_redeemables_per_category_limit: Limit | UnsetType = UNSET
    exclusive_categories: Categories | UnsetType = UNSET
    joint_categories: Categories | UnsetType = UNSET
    redeemables_application_mode: Literal["ALL", "PARTIAL"] | UnsetType = UNSET
    redeemables_sorting_rule: SortingName | UnsetType = UNSET
    grouped_redeemables_sorting_rule: GroupingName | UnsetType = UNSET
    redeemables_products_application_mode: Literal["STACK", "ONCE"] | UnsetType = UNSET
    redeemables_no_effect_rule: Literal["SKIP", "REDEEM_ANYWAY"] | UnsetType = UNSET
    no_effect_skip_categories: Categories | UnsetType = UNSET
    no_effect_redeem_anyway_categories: Categories | UnsetType = UNSET
    discount_calculation_mode: Base | UnsetType = UNSET
    initial_amount_mode_categories: Categories | UnsetType = UNSET
    discounted_amount_mode_categories: Categories | UnsetType = UNSET
    by_lane: bool | UnsetType = UNSET
    discount_rounding: RoundingName | UnsetType = UNSET
    redeemables_rollback_order_mode: Literal["WITH_ORDER", "WITHOUT_ORDER"] | UnsetType = UNSET


class StackingRulesView(msgspec.Struct, frozen=True, kw_only=True):
    """The rules for redeemables; PRIORITY, ``by_lane`` and ``discount_rounding`` are our own."""

    redeemables_limit: int
    applicable_redeemables_limit: int
    applicable_redeemables_per_category_limit: int
    applicable_redeemables_category_limits: dict[str, int]
    applicable_exclusive_redeemables_limit: int
    applicable_exclusive_redeemables_per_category_limit: int
    exclusive_categories: list[str]
    joint_categories: list[str]
    redeemables_application_mode: str
    redeemables_sorting_rule: str
    grouped_redeemables_sorting_rule: GroupingName
    redeemables_products_application_mode: str
    redeemables_no_effect_rule: str
    no_effect_skip_categories: list[str]
    no_effect_redeem_anyway_categories: list[str]
    discount_calculation_mode: Base
    initial_amount_mode_categories: list[str]
    discounted_amount_mode_categories: list[str]
    by_lane: bool
    discount_rounding: RoundingName
    redeemables_rollback_order_mode: str


def view_stacking_rules(rules: StackingRules) -> StackingRulesView:
    """Map the stacking rules to the wire."""
    return StackingRulesView(
        redeemables_limit=rules.max_sent,
        applicable_redeemables_limit=rules.max_applied,
        applicable_redeemables_per_category_limit=rules.max_per_category,
        applicable_redeemables_category_limits=dict(rules.category_limits),
        applicable_exclusive_redeemables_limit=rules.max_exclusive,
        applicable_exclusive_redeemables_per_category_limit=rules.max_exclusive_per_category,
        exclusive_categories=list(rules.exclusive_categories),
        joint_categories=list(rules.joint_categories),
        redeemables_application_mode=rules.application.name,
        redeemables_sorting_rule=rules.sorting.name,
        grouped_redeemables_sorting_rule=_GROUPINGS[rules.grouping],
        redeemables_products_application_mode=rules.products.name,
        redeemables_no_effect_rule=rules.no_effect.name,
        no_effect_skip_categories=list(rules.no_effect_skip_categories),
        no_effect_redeem_anyway_categories=list(rules.no_effect_redeem_categories),
        discount_calculation_mode=_BASES[rules.base],
        initial_amount_mode_categories=list(rules.initial_base_categories),
        discounted_amount_mode_categories=list(rules.remaining_base_categories),
        by_lane=rules.by_lane,
        discount_rounding=_ROUNDINGS[rules.rounding],
        redeemables_rollback_order_mode=rules.rollback.name,
    )


def read_stacking_change(body: StackingRulesBody) -> StackingChange:
    """Map what a caller says of the rules."""
    tables: dict[str, dict[str, Any]] = {
        "application": {one.name: one for one in Application},
        "sorting": {one.name: one for one in Sorting},
        "products": {one.name: one for one in ProductUse},
        "no_effect": {one.name: one for one in NoEffect},
        "rollback": {one.name: one for one in RollbackOrder},
        "base": {name: base for base, name in _BASES.items()},
        "rounding": {name: rounding for rounding, name in _ROUNDINGS.items()},
        "grouping": {name: grouping for grouping, name in _GROUPINGS.items()},
    }
    fields: dict[str, Any] = {}
    for wire, ours in _NAMES.items():
        value = getattr(body, wire)
        if not isinstance(value, UnsetType):
            fields[ours] = tables[ours][value] if ours in tables else value
    return StackingChange(**fields)


@reads("/", "Get the project's stacking rules")
async def read_rules(call: CurrentCall) -> StackingRulesView:
    """Get the rules by which several redeemables go together on one order."""
    async with call.transaction() as tx:
        return view_stacking_rules(await get_stacking_rules(tx))


@writes("PUT", "/", "Update the project's stacking rules")
async def change_rules(data: JSONBody[StackingRulesBody], call: CurrentCall) -> StackingRulesView:
    """Change what is named of the rules; the next request goes by them."""
    return view_stacking_rules(await apply_change(call, data))


async def apply_change(call: Call, body: StackingRulesBody) -> StackingRules:
    """Change what is named of the rules. Raises InvalidInput with the wire's name of the field."""
    change = read_stacking_change(body)
    async with call.transaction() as tx:
        try:
            return await update_stacking_rules(tx, change, now=call.now)
        except InvalidInput as error:
            head, dot, rest = error.field.partition(".")
            name, bracket, index = head.partition("[")
            field = f"{_WIRE_NAMES.get(name, name)}{bracket}{index}{dot}{rest}"
            raise InvalidInput(error.message, field=field, key=error.key) from error


@deletes("/", "Reset the project's stacking rules")
async def forget_rules(call: CurrentCall) -> StackingRulesView:
    """Go back to the rules that every project starts with."""
    async with call.transaction() as tx:
        return view_stacking_rules(await reset_stacking_rules(tx))


def stacking_rules_router() -> Router:
    """Routes of the stacking rules."""
    return Router(
        path="/kaquan/stacking-rules",
        route_handlers=[read_rules, change_rules, forget_rules],
        tags=["Stacking rules"],
    )
