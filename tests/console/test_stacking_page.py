"""The page of the discount rules: set, refused and taken back by forms, in both languages."""

import re

import pytest

from console.site import Browser
from console.test_settings import office as office
from console.test_settings import owner as owner
from console.test_settings import post
from kaquan.campaigns import get_stacking_rules
from kaquan.engine import AmountBase, NoEffect, RollbackOrder, Rounding, StackingRules
from kaquan.runtime import Database, Project

PAGE = "/console/settings/discounts"
FORM = {
    "max_sent": "20",
    "max_applied": "3",
    "max_per_category": "2",
    "max_exclusive": "1",
    "max_exclusive_per_category": "1",
    "application": "partial",
    "sorting": "category_hierarchy",
    "grouping": "together",
    "products": "once",
    "no_effect": "skip",
    "base": "remaining",
    "rounding": "half_up",
    "rollback": "without_order",
    "by_lane": "yes",
}


async def read(database: Database, project: Project) -> StackingRules:
    async with database.transaction(project.project_id) as tx:
        return await get_stacking_rules(tx)


async def test_rules_and_categories_are_set_and_taken_back(
    office: Browser, database: Database, project: Project
) -> None:
    page = (await office.get(PAGE)).text
    assert "At most 5 of 30 codes apply to one order; half a cent rounds to even." in page
    assert "No categories" in page
    shown = await office.get(PAGE, headers={"accept-language": "zh"})
    assert "一次可送 30 张券，一单最多用 5 张" in shown.text
    for name in ("VIP", "Staff"):
        form = {"name": name, "hierarchy": "1"}
        assert (await post(office, PAGE, f"{PAGE}/categories", form))[0] == 303
    status, page = await post(office, PAGE, f"{PAGE}/categories", {"name": "VIP", "hierarchy": "1"})
    assert (status, "There is a category of this name." in page) == (422, True)
    vip, staff = dict.fromkeys(re.findall(r"role-(cat_\w+)", page))
    cells = {
        f"role-{vip}": "exclusive",
        f"limit-{vip}": "2",
        f"skip-{staff}": "redeem",
        f"base-{staff}": "initial",
    }
    status, page = await post(office, PAGE, PAGE, FORM | cells)
    assert (status, "At most 3 of 20 codes" in page, "half a cent rounds up" in page) == (
        303,
        True,
        True,
    )
    rules = await read(database, project)
    assert (rules.rounding, rules.exclusive_categories) == (Rounding.HALF_UP, (vip,))
    assert (rules.category_limits, rules.by_lane) == ({vip: 2}, True)
    assert (rules.no_effect, rules.no_effect_redeem_categories) == (NoEffect.SKIP, (staff,))
    assert rules.rollback is RollbackOrder.WITHOUT_ORDER
    assert (rules.base, rules.initial_base_categories) == (AmountBase.REMAINING, (staff,))
    status, page = await post(office, PAGE, f"{PAGE}/categories/{vip}/delete")
    assert (status, "still names this category" in page) == (422, True)
    assert (await post(office, PAGE, f"{PAGE}/reset"))[0] == 303
    assert await read(database, project) == StackingRules()
    assert (await post(office, PAGE, f"{PAGE}/categories/{vip}/delete"))[0] == 303
    assert (await post(office, PAGE, f"{PAGE}/categories/{vip}/delete"))[0] == 404


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("max_applied", "0", "A whole number from 1 to 30."),
        ("max_sent", "31", "A whole number from 1 to 30."),
        ("max_exclusive", "1.5", "A whole number from 1 to 30."),
        ("rounding", "up", "Choose one."),
        ("application", "", "Choose one."),
    ],
)
async def test_what_cannot_be_read_changes_nothing(
    office: Browser,
    database: Database,
    project: Project,
    *,
    field: str,
    value: str,
    says: str,
) -> None:
    status, page = await post(office, PAGE, PAGE, {**FORM, field: value})
    assert (status, says in page, f'href="#field-{field}"' in page) == (422, True, True)
    assert await read(database, project) == StackingRules()
