"""``/v1/categories``."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from litestar import Router
from litestar.params import FromPath, JSONBody
from msgspec import UNSET, Meta, UnsetType

from kaquan.api.call import CurrentCall
from kaquan.api.routes import reads, removes, writes
from kaquan.api.values import Identifier
from kaquan.campaigns import (
    CampaignCategory,
    CategoryChange,
    CategoryDraft,
    create_category,
    delete_category,
    find_category,
    get_category,
    list_categories,
    update_category,
)
from kaquan.runtime import InvalidInput, Tx

_MOST = 1_000

Hierarchy = Annotated[int, Meta(ge=0, le=1_000_000)]


class NewCategoryBody(msgspec.Struct, frozen=True, kw_only=True):
    """A category to be created; the lower ``hierarchy`` is worked out first."""

    name: Identifier
    hierarchy: Hierarchy = 0


class CategoryBody(msgspec.Struct, frozen=True, kw_only=True):
    """What to change of a category."""

    name: Identifier | UnsetType = UNSET
    hierarchy: Hierarchy | UnsetType = UNSET


class CategoryView(msgspec.Struct, frozen=True, kw_only=True):
    """A category as answered."""

    id: str
    name: str
    hierarchy: int
    created_at: datetime
    updated_at: datetime | UnsetType = UNSET
    object: Literal["category"] = "category"


class CategoryList(msgspec.Struct, frozen=True, kw_only=True):
    """All categories."""

    data: list[CategoryView]
    total: int
    object: Literal["list"] = "list"
    data_ref: Literal["data"] = "data"


def view_category(category: CampaignCategory) -> CategoryView:
    """Map a category to the wire."""
    return CategoryView(
        id=category.id,
        name=category.name,
        hierarchy=category.hierarchy,
        created_at=category.created_at,
        updated_at=category.updated_at or UNSET,
    )


async def load_categories(tx: Tx) -> dict[str, CategoryView]:
    """Return every category by id, as answered."""
    found = await list_categories(tx, limit=_MOST)
    return {one.id: view_category(one) for one in found.items}


def pick_categories(ids: Iterable[str], known: dict[str, CategoryView]) -> list[CategoryView]:
    """Return those of these categories that exist."""
    return [known[one] for one in ids if one in known]


async def read_category_id(
    tx: Tx, category_id: str | UnsetType | None, name: str | UnsetType | None = UNSET
) -> tuple[str, ...] | UnsetType:
    """Read which category something is in: by id or, where it is one's, by name.

    UNSET says nothing, and no category is an empty tuple. Raises InvalidInput for an unknown id; a
    name that is no category's is just a word.
    """
    if isinstance(category_id, str):
        known = await find_category(tx, category_id)
        if known is None:
            message = f"There is no category '{category_id[:64]}'."
            raise InvalidInput(message, field="category_id")
        return (known.id,)
    if isinstance(name, str):
        known = await find_category(tx, name)
        return () if known is None else (known.id,)
    return UNSET if category_id is UNSET else ()


@writes("POST", "/", "Create category")
async def make_category(data: JSONBody[NewCategoryBody], call: CurrentCall) -> CategoryView:
    """Create a category."""
    draft = CategoryDraft(name=data.name, hierarchy=data.hierarchy)
    async with call.transaction() as tx:
        return view_category(await create_category(tx, draft, now=call.now))


@reads("/{category_id:str}", "Get category")
async def read_category(category_id: FromPath[str], call: CurrentCall) -> CategoryView:
    """Get a category by id or name."""
    async with call.transaction() as tx:
        return view_category(await get_category(tx, category_id))


@writes("PUT", "/{category_id:str}", "Update category")
async def change_category(
    category_id: FromPath[str], data: JSONBody[CategoryBody], call: CurrentCall
) -> CategoryView:
    """Change a category."""
    change = CategoryChange(name=data.name, hierarchy=data.hierarchy)
    async with call.transaction() as tx:
        return view_category(await update_category(tx, category_id, change, now=call.now))


@removes("/{category_id:str}", "Delete category")
async def remove_category(category_id: FromPath[str], call: CurrentCall) -> None:
    """Delete a category that nothing names."""
    async with call.transaction() as tx:
        await delete_category(tx, category_id)


@reads("/", "List categories")
async def read_categories(call: CurrentCall) -> CategoryList:
    """List all categories, the lowest hierarchy first."""
    async with call.transaction() as tx:
        found = await list_categories(tx, limit=_MOST)
    return CategoryList(data=list(map(view_category, found.items)), total=found.total)


def categories_router() -> Router:
    """Routes of categories."""
    return Router(
        path="/categories",
        route_handlers=[
            make_category,
            read_category,
            change_category,
            remove_category,
            read_categories,
        ],
        tags=["Categories"],
    )
