"""Saved filters: lists of customers by a rule, which a person or everybody of a project keeps."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from kaquan.runtime import InvalidInput, Tx, new_id, words
from kaquan.segments.audience import check_definition
from kaquan.segments.model import SavedFilter
from kaquan.segments.operands import check_value_text
from kaquan.segments.store.saved import delete_filter_row, get_filter, insert_filter

LONGEST_NAME = 100
FOR_EVERYBODY = ""


async def save_filter(
    tx: Tx,
    name: str,
    definition: Mapping[str, Any],
    *,
    owner: str,
    columns: Sequence[str],
    sort: str,
    now: datetime,
) -> SavedFilter:
    """Keep a filter for ``owner`` (a person's id, or FOR_EVERYBODY) with what its list shows.

    Raises InvalidInput with the path to what cannot be accepted, and Duplicate for a taken name.
    """
    text = check_value_text(name, "name").strip()
    if not 1 <= len(text) <= LONGEST_NAME:
        message = words(
            "A filter's name has 1 to %(longest_name)s characters.", longest_name=LONGEST_NAME
        )
        raise InvalidInput(message, field="name")
    saved = SavedFilter(
        id=new_id("flt"),
        owner=owner,
        name=text,
        definition=await check_definition(tx, definition),
        columns=tuple(columns),
        sort=sort,
        created_at=now,
        updated_at=None,
    )
    await insert_filter(tx, saved)
    return saved


async def delete_filter(tx: Tx, filter_id: str, *, owner: str) -> None:
    """Forget a filter that a person sees. Raises NotFound."""
    saved = await get_filter(tx, filter_id, owner=owner)
    await delete_filter_row(tx, saved.id)
