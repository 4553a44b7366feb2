"""What a project says about several coupons on one order: its rules, and its categories."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import psycopg
from msgspec import UNSET, UnsetType

from kaquan.campaigns.checks import check_title
from kaquan.campaigns.errors import InUse
from kaquan.campaigns.model import CampaignCategory, CategoryChange, CategoryDraft
from kaquan.campaigns.store.stacking import (
    count_uses_of,
    delete_category_row,
    delete_rules,
    find_category,
    insert_category,
    list_category_rows,
    lock_rules,
    read_rules,
    update_category_row,
    write_rules,
)
from kaquan.engine import (
    AmountBase,
    Application,
    Grouping,
    InvalidRules,
    NoEffect,
    ProductUse,
    RollbackOrder,
    Rounding,
    Sorting,
    StackingRules,
)
from kaquan.runtime import Duplicate, InvalidInput, NotFound, Tx, check_whole_number, new_id

HIGHEST_HIERARCHY = 10**6
_CATEGORY_LISTS = (
    "exclusive_categories",
    "joint_categories",
    "no_effect_skip_categories",
    "no_effect_redeem_categories",
    "initial_base_categories",
    "remaining_base_categories",
)


class StackingChange(msgspec.Struct, frozen=True, kw_only=True):
    """What to change of the rules (see the engine's StackingRules); what is UNSET stays."""

    max_sent: int | UnsetType = UNSET
    max_applied: int | UnsetType = UNSET
    max_per_category: int | UnsetType = UNSET
    category_limits: dict[str, int] | UnsetType = UNSET
    max_exclusive: int | UnsetType = UNSET
    max_exclusive_per_category: int | UnsetType = UNSET
    exclusive_categories: tuple[str, ...] | UnsetType = UNSET
    joint_categories: tuple[str, ...] | UnsetType = UNSET
    application: Application | UnsetType = UNSET
    sorting: Sorting | UnsetType = UNSET
    grouping: Grouping | UnsetType = UNSET
    by_lane: bool | UnsetType = UNSET
    products: ProductUse | UnsetType = UNSET
    no_effect: NoEffect | UnsetType = UNSET
    no_effect_skip_categories: tuple[str, ...] | UnsetType = UNSET
    no_effect_redeem_categories: tuple[str, ...] | UnsetType = UNSET
    base: AmountBase | UnsetType = UNSET
    initial_base_categories: tuple[str, ...] | UnsetType = UNSET
    remaining_base_categories: tuple[str, ...] | UnsetType = UNSET
    rounding: Rounding | UnsetType = UNSET
    rollback: RollbackOrder | UnsetType = UNSET


async def get_stacking_rules(tx: Tx) -> StackingRules:
    """Return the project's rules; the engine's defaults where it set none."""
    return parse_stacking_rules(await read_rules(tx))


async def update_stacking_rules(tx: Tx, change: StackingChange, *, now: datetime) -> StackingRules:
    """Change what is named of the rules; the next checkout goes by them.

    Raises InvalidInput (invalid_stacking_rules) naming the field: a limit outside of 1 to 30, a
    category that does not exist, one in two lists that contradict each other.
    """
    given = {
        name: value
        for name in change.__struct_fields__
        if (value := getattr(change, name)) is not UNSET
    }
    known = parse_stacking_rules(await lock_rules(tx))
    fields = {name: getattr(known, name) for name in known.__struct_fields__} | given
    try:
        rules = StackingRules(**fields)
    except InvalidRules as error:
        raise _invalid(str(error), error.field) from error
    await _check_known(tx, rules)
    await write_rules(tx, msgspec.to_builtins(rules), now=now)
    return rules


async def reset_stacking_rules(tx: Tx) -> StackingRules:
    """Go back to the defaults, and return them."""
    await delete_rules(tx)
    return StackingRules()


def parse_stacking_rules(data: Mapping[str, Any]) -> StackingRules:
    """Read rules as they are stored."""
    return msgspec.convert(data, StackingRules)


async def create_category(tx: Tx, draft: CategoryDraft, *, now: datetime) -> CampaignCategory:
    """Create a category. Raises InvalidInput, and Duplicate when the name is taken."""
    category = _checked(
        CampaignCategory(
            id=new_id("cat"),
            name=draft.name,
            hierarchy=draft.hierarchy,
            created_at=now,
            updated_at=None,
        )
    )
    if not await insert_category(tx, category):
        raise _name_taken(category)
    return category


async def get_category(tx: Tx, id_or_name: str, *, lock: bool = False) -> CampaignCategory:
    """Return a category by its id or its name. Raises NotFound."""
    category = await find_category(tx, id_or_name, lock=lock)
    if category is None:
        raise NotFound("category", id_or_name)
    return category


async def update_category(
    tx: Tx, id_or_name: str, change: CategoryChange, *, now: datetime
) -> CampaignCategory:
    """Change a category. Raises NotFound, InvalidInput, and Duplicate for a taken name."""
    known = await get_category(tx, id_or_name, lock=True)
    category = _checked(
        msgspec.structs.replace(
            known,
            name=known.name if isinstance(change.name, UnsetType) else change.name,
            hierarchy=known.hierarchy
            if isinstance(change.hierarchy, UnsetType)
            else change.hierarchy,
            updated_at=now,
        )
    )
    try:
        async with tx.transaction():
            await update_category_row(tx, category)
    except psycopg.errors.UniqueViolation as error:
        raise _name_taken(category) from error
    return category


async def delete_category(tx: Tx, id_or_name: str) -> None:
    """Delete a category that no campaign and no rule names. Raises NotFound, and InUse."""
    category = await get_category(tx, id_or_name, lock=True)
    rules = parse_stacking_rules(await lock_rules(tx))
    named = category.id in set(_list_categories(rules).values())
    if named or await count_uses_of(tx, category.id):
        user = "the stacking rules" if named else "a campaign, a voucher or a stack"
        message = f"The category '{category.name}' is named by {user}."
        raise InUse(message, object_id=category.id)
    await delete_category_row(tx, category.id)


async def check_categories(tx: Tx, category_ids: Sequence[str]) -> None:
    """Raise InvalidInput for a category that does not exist or is named twice."""
    if not category_ids:
        return
    known = {category.id for category in await list_category_rows(tx, lock=True)}
    seen: set[str] = set()
    for index, category_id in enumerate(category_ids):
        if category_id not in known or category_id in seen:
            fault = "is named twice" if category_id in seen else "does not exist"
            message = f"The category '{category_id[:64]}' {fault}."
            raise InvalidInput(message, field=f"category_ids[{index}]")
        seen.add(category_id)


async def _check_known(tx: Tx, rules: StackingRules) -> None:
    named = _list_categories(rules)
    if not named:
        return
    known = {category.id for category in await list_category_rows(tx, lock=True)}
    for field, category_id in named.items():
        if category_id not in known:
            message = f"There is no category '{category_id[:64]}'."
            raise _invalid(message, field)


def _list_categories(rules: StackingRules) -> dict[str, str]:
    """Every category that the rules name, by the path to it."""
    named = {
        f"{name}[{index}]": category_id
        for name in _CATEGORY_LISTS
        for index, category_id in enumerate(getattr(rules, name))
    }
    return named | {f"category_limits.{one}": one for one in rules.category_limits}


def _checked(category: CampaignCategory) -> CampaignCategory:
    check_whole_number(category.hierarchy, "hierarchy", least=0, most=HIGHEST_HIERARCHY)
    return msgspec.structs.replace(category, name=check_title(category.name))


def _name_taken(category: CampaignCategory) -> Duplicate:
    return Duplicate(f"There is a category named '{category.name}' already.", field="name")


def _invalid(message: str, field: str) -> InvalidInput:
    return InvalidInput(message, field=field, key="invalid_stacking_rules")
