"""Settings, discounts: how several offers go together on one order, and how amounts round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from litestar import Request, Response, get, post
from litestar.params import FromPath

from kaquan.campaigns import (
    CampaignCategory,
    CategoryDraft,
    InUse,
    StackingChange,
    create_category,
    delete_category,
    get_stacking_rules,
    list_categories,
    reset_stacking_rules,
    update_stacking_rules,
)
from kaquan.console.language import N_, translations
from kaquan.console.pages.words_of_stacking import BASES, CHOICES, LIMITS, ROLES, ROUNDINGS, SKIPS
from kaquan.console.render import page_of, redirect, render
from kaquan.console.session import page_transaction, read_form
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
from kaquan.runtime import Duplicate, InvalidInput, Tx, utc_now

STACKING_PATH = "/console/settings/discounts"
_AT_ONCE = 100

AnyRequest = Request[Any, Any, Any]
_COLUMNS = ("role", "limit", "skip", "base")
_LISTS = {
    "role": {"exclusive": "exclusive_categories", "joint": "joint_categories"},
    "skip": {"skip": "no_effect_skip_categories", "redeem": "no_effect_redeem_categories"},
    "base": {"initial": "initial_base_categories", "remaining": "remaining_base_categories"},
}
"""Which list of the rules a category is in, by the column of its row and what was chosen."""


@get(STACKING_PATH, include_in_schema=False)
async def show_stacking(request: AnyRequest) -> Response[str]:
    """The project's rules."""
    return await _show(request)


@post(STACKING_PATH, include_in_schema=False)
async def save_stacking(request: AnyRequest) -> Response[str]:
    """Change the rules; the next checkout goes by them."""
    async with page_transaction(request) as tx:
        categories = await _list_all(tx)
    cells = [f"{column}-{one.id}" for one in categories for column in _COLUMNS]
    given = await read_form(request, *LIMITS, *CHOICES, "by_lane", *cells)
    errors = _find_faults(request, given, categories)
    if errors:
        return await _show(request, given=given, errors=errors)
    async with page_transaction(request) as tx:
        await update_stacking_rules(tx, _read_change(given, categories), now=utc_now())
    return redirect(STACKING_PATH, notice=_say(request, N_("Saved.")))


@post(f"{STACKING_PATH}/reset", include_in_schema=False)
async def reset_stacking(request: AnyRequest) -> Response[str]:
    """Go back to the rules that every project starts with."""
    async with page_transaction(request) as tx:
        await reset_stacking_rules(tx)
    return redirect(STACKING_PATH, notice=_say(request, N_("The rules are as at the start.")))


@post(f"{STACKING_PATH}/categories", include_in_schema=False)
async def add_category(request: AnyRequest) -> Response[str]:
    """Create a category."""
    fields = await read_form(request, "name", "hierarchy")
    number = fields["hierarchy"]
    draft = CategoryDraft(name=fields["name"], hierarchy=_read_whole(number))
    try:
        async with page_transaction(request) as tx:
            await create_category(tx, draft, now=utc_now())
    except Duplicate:
        message = N_("There is a category of this name.")
        return await _show(request, fresh=fields, errors={"name": _say(request, message)})
    except InvalidInput as error:
        says = {"hierarchy": N_("A whole number from 0 to 1,000,000."), "name": N_("Name it.")}
        message = says.get(error.field, error.message)
        return await _show(request, fresh=fields, errors={error.field: _say(request, message)})
    return redirect(STACKING_PATH, notice=_say(request, N_("Saved.")))


@post(f"{STACKING_PATH}/categories/{{category_id:str}}/delete", include_in_schema=False)
async def remove_category(request: AnyRequest, category_id: FromPath[str]) -> Response[str]:
    """Delete a category that nothing names."""
    try:
        async with page_transaction(request) as tx:
            await delete_category(tx, category_id)
    except InUse:
        message = N_("A campaign, a voucher or a rule still names this category.")
        return await _show(request, errors={f"role-{category_id}": _say(request, message)})
    return redirect(STACKING_PATH, notice=_say(request, N_("The category is deleted.")))


async def _show(
    request: AnyRequest,
    *,
    given: Mapping[str, str] | None = None,
    fresh: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> Response[str]:
    async with page_transaction(request) as tx:
        rules = await get_stacking_rules(tx)
        categories = await _list_all(tx)
    say = translations(page_of(request).language).gettext
    return render(
        request,
        "pages/stacking.html",
        status_code=HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK,
        rules=rules,
        rounding=ROUNDINGS[rules.rounding],
        changed=rules != StackingRules(),
        categories=categories,
        given=given or _write_rules(rules, categories),
        fresh=fresh or {"name": "", "hierarchy": str(len(categories))},
        errors=errors or {},
        limits=LIMITS,
        choices={
            name: (_say(request, label), [(value, say(text)) for value, text in words.items()])
            for name, (label, words) in CHOICES.items()
        },
        roles=ROLES,
        skips=SKIPS,
        bases=BASES,
    )


async def _list_all(tx: Tx) -> Sequence[CampaignCategory]:
    found: list[CampaignCategory] = []
    while True:
        page = await list_categories(tx, page=len(found) // _AT_ONCE + 1, limit=_AT_ONCE)
        found += page.items
        if len(page.items) < _AT_ONCE:
            return found


def _find_faults(
    request: AnyRequest, given: Mapping[str, str], categories: Sequence[CampaignCategory]
) -> dict[str, str]:
    """A sentence for each field that cannot be read."""
    wrong = {name: N_("A whole number from 1 to 30.") for name in LIMITS}
    wrong = {name: text for name, text in wrong.items() if not _is_limit(given[name])}
    for one in categories:
        cell = f"limit-{one.id}"
        if given[cell] and not _is_limit(given[cell]):
            wrong[cell] = N_("A whole number from 1 to 30, or nothing.")
    for name, (_, words) in CHOICES.items():
        if given[name] not in words:
            wrong[name] = N_("Choose one.")
    return {name: _say(request, text) for name, text in wrong.items()}


def _read_change(
    given: Mapping[str, str], categories: Sequence[CampaignCategory]
) -> StackingChange:
    limits = {one.id: given[f"limit-{one.id}"] for one in categories}
    named: dict[str, Any] = {
        rule: tuple(one.id for one in categories if given[f"{column}-{one.id}"] == choice)
        for column, lists in _LISTS.items()
        for choice, rule in lists.items()
    }
    return StackingChange(
        **{name: int(given[name]) for name in LIMITS},
        category_limits={category: int(limit) for category, limit in limits.items() if limit},
        application=Application(given["application"]),
        sorting=Sorting(given["sorting"]),
        grouping=Grouping(given["grouping"]),
        products=ProductUse(given["products"]),
        no_effect=NoEffect(given["no_effect"]),
        base=AmountBase(given["base"]),
        rounding=Rounding(given["rounding"]),
        rollback=RollbackOrder(given["rollback"]),
        by_lane=given["by_lane"] == "yes",
        **named,
    )


def _write_rules(rules: StackingRules, categories: Sequence[CampaignCategory]) -> dict[str, str]:
    """The form's fields as the rules stand."""
    fields = {name: str(getattr(rules, name)) for name in (*LIMITS, *CHOICES)}
    fields["by_lane"] = "yes" if rules.by_lane else ""
    for one in categories:
        fields[f"limit-{one.id}"] = str(rules.category_limits.get(one.id, ""))
        for column, lists in _LISTS.items():
            chosen = (word for word, rule in lists.items() if one.id in getattr(rules, rule))
            fields[f"{column}-{one.id}"] = next(chosen, "")
    return fields


def _is_limit(text: str) -> bool:
    return 1 <= _read_whole(text) <= MOST_SENT


def _read_whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else -1


def _say(request: AnyRequest, text: str) -> str:
    return translations(page_of(request).language).gettext(text)
