"""Lists as the dialect has them: ``page``, ``limit``, ``order`` and ``filters`` in, one envelope out.

Filters come as JSON in one parameter, ``filters={"name": {"conditions": {"$is": ["Tea"]}}}``, or
with a parameter for each value, ``filters[name][conditions][$is][0]=Tea``; the documents of the
dialect also put brackets around the first word. ``created_at[before]``, ``created_at[after]`` and
the same of ``updated_at`` are short ways to say the commonest.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, TypeAlias, cast

import msgspec
from litestar import Request
from litestar.di import NamedDependency
from litestar.params import QueryParameter, SkipValidation

from kaquan.customers import country_of, open_index
from kaquan.runtime import (
    Condition,
    FilterFields,
    InvalidInput,
    Tx,
    compile_filter,
    get_project,
)

LONGEST_PAGE, USUAL_PAGE = 100, 10
LAST_PAGE = 1_000
_LONGEST_FILTERS = 16_000
_DEEPEST = 6
_MOMENTS = ("created_at", "updated_at")
_BOUNDS = {"before": "$before", "after": "$after"}
_WRITTEN_TEXT = re.compile(r"""'([^'\\]*)'|"([^"\\]*)\"""")
_WRITTEN_LIST = re.compile(r"""\[('[^'\\]*'|"[^"\\]*")(, ('[^'\\]*'|"[^"\\]*"))*\]""")
_PART = re.compile(r"\[([^\[\]]*)\]")


Limit: TypeAlias = Annotated[int, QueryParameter(ge=1, le=LONGEST_PAGE)]
PageNumber: TypeAlias = Annotated[int, QueryParameter(ge=1, le=LAST_PAGE)]
Order: TypeAlias = Annotated[str | None, QueryParameter(max_length=64)]


class Paging(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of a list, in which order; ``page`` counts from 1."""

    limit: int = USUAL_PAGE
    page: int = 1
    order: str | None = None

    def has_more(self, total: int) -> bool:
        """Say whether items follow this part of a list of ``total``."""
        return self.page * self.limit < total


def read_paging(limit: Limit = USUAL_PAGE, page: PageNumber = 1, order: Order = None) -> Paging:
    """Collect a list's query parameters (a dependency)."""
    return Paging(limit=limit, page=page, order=order)


def read_unordered_paging(limit: Limit = USUAL_PAGE, page: PageNumber = 1) -> Paging:
    """Collect the query parameters of a list that has an order of its own."""
    return Paging(limit=limit, page=page)


def read_cursor_paging(limit: Limit = USUAL_PAGE, order: Order = None) -> Paging:
    """Collect the query parameters of a list that goes on after an item and has no pages."""
    return Paging(limit=limit, order=order)


def read_limit(limit: Limit = USUAL_PAGE) -> Paging:
    """Collect the query parameters of a list that has neither pages nor another order."""
    return Paging(limit=limit)


def read_filters(
    request: Request[Any, Any, Any],
    filter_text: Annotated[
        str | None,
        QueryParameter(
            name="filters",
            max_length=_LONGEST_FILTERS,
            description="A filter as JSON; or a parameter for each value, as"
            " filters[name][conditions][$is][0]=Tea; also created_at[before], created_at[after],"
            " updated_at[before] and updated_at[after]",
        ),
    ] = None,
) -> dict[str, Any]:
    """Collect a list's filter (a dependency); empty when there is none. Raises InvalidInput."""
    found: dict[str, Any] = {}
    bounds: dict[str, dict[str, str]] = {}
    for name, value in request.query_params.multi_items():
        parts = _split(name)
        if parts is not None and parts[0] == "filters" and len(parts) > 1:
            written = _read_written(value)
            for index, one in enumerate(written):
                place = parts[1:] if len(written) == 1 else [*parts[1:], str(index)]
                _place(found, place, one, name)
        elif parts is not None and len(parts) == 2 and parts[0] in _MOMENTS:
            if parts[1] not in _BOUNDS:
                message = f"'{name[:80]}' must be before or after."
                raise InvalidInput(message, field=parts[0], key="invalid_query_params")
            bounds[parts[0]] = bounds.get(parts[0], {}) | {_BOUNDS[parts[1]]: value}
    if filter_text:
        try:
            found |= _without_nulls(msgspec.json.decode(filter_text, type=dict[str, Any]))
        except msgspec.MsgspecError as error:
            message = "'filters' must be a JSON object."
            raise InvalidInput(message, field="filters", key="invalid_query_params") from error
    return merge_filters(
        found, {name: {"conditions": conditions} for name, conditions in bounds.items()}
    )


CurrentPaging: TypeAlias = NamedDependency[SkipValidation[Paging]]
CurrentFilters: TypeAlias = NamedDependency[SkipValidation[dict[str, Any]]]


async def read_condition(
    tx: Tx, given: Mapping[str, Any], fields: FilterFields, *, now: datetime
) -> Condition | None:
    """Return the condition that a filter means, None for an empty one. Raises InvalidInput."""
    if not given:
        return None
    project = await get_project(tx)
    index = await open_index(tx, country=country_of(project))
    return compile_filter(given, fields, now=now, zone=project.zone, digest=index.of)


def conditions_of(**given: tuple[str, object]) -> dict[str, Any]:
    """Return a filter of the values that are there: ``name=(operator, value)`` for each field.

    Two underscores in a name stand for a dot; a value of None is left out.
    """
    found: dict[str, Any] = {}
    for name, (operator, value) in given.items():
        if value is not None:
            text = value.isoformat() if isinstance(value, datetime) else value
            field = name.replace("__", ".")
            found.setdefault(field, {"conditions": {}})["conditions"][operator] = text
    return found


def period_filter(start: str | None, end: str | None) -> dict[str, Any]:
    """Return a filter by the moment of creation; what is left out is no bound."""
    bounds = {
        operator: value
        for operator, value in (("$after", start), ("$before", end))
        if value is not None
    }
    return {"created_at": {"conditions": bounds}} if bounds else {}


def merge_filters(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Return one filter of two whose fields' conditions must all hold."""
    merged = dict(first)
    for name, field in second.items():
        known = merged.get(name)
        if isinstance(known, dict) and isinstance(field, dict):
            inner = cast("dict[str, dict[str, Any]]", known).get("conditions", {})
            outer = cast("dict[str, dict[str, Any]]", field).get("conditions", {})
            merged[name] = {"conditions": {**inner, **outer}}
        else:
            merged[name] = field
    return merged


def _read_written(value: str) -> list[str]:
    """The values that a parameter stands for.

    The official Python client writes a list as Python does, and what was left empty as ``None``.
    """
    if value == "None":
        return []
    if not _WRITTEN_LIST.fullmatch(value):
        return [value]
    return [text or other for text, other in _WRITTEN_TEXT.findall(value)]


def _without_nulls(given: dict[str, Any]) -> dict[str, Any]:
    """What was said: the official clients also send every member that they left empty."""
    return {
        name: _without_nulls(cast("dict[str, Any]", value)) if isinstance(value, dict) else value
        for name, value in given.items()
        if value is not None
    }


def _split(name: str) -> list[str] | None:
    """Return the words of ``a[b][c]`` or ``[a][b][c]``; None for any other name."""
    head, bracket, _ = name.partition("[")
    words = _PART.findall(name[len(head) :]) if bracket else []
    if not words:
        return None
    return [head, *words] if head else words


def _place(found: dict[str, Any], parts: list[str], value: str, name: str) -> None:
    if len(parts) > _DEEPEST:
        message = f"'{name[:80]}' is nested too deeply."
        raise InvalidInput(message, field="filters", key="invalid_query_params")
    place = found
    for part in parts[:-1]:
        inner = place.setdefault(part, {})
        if not isinstance(inner, dict):
            message = f"'{name[:80]}' contradicts another parameter."
            raise InvalidInput(message, field="filters", key="invalid_query_params")
        place = cast("dict[str, Any]", inner)
    # A list may come as places ([0], [1]), as [] or as the same name several times.
    last = parts[-1]
    if last == "" or last in place:
        last = str(len(place))
    place[last] = value
