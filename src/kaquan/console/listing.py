"""A list page's request and its answer: search, filters, order and place, all in the address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

import msgspec

from kaquan.console.language import N_

Row = TypeVar("Row")

SEARCH_MAX = 200
CURSOR_MAX = 500


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One column; `label` is a catalogue key, `numeric` columns stand right-aligned."""

    key: str
    label: str
    sortable: bool = False
    numeric: bool = False


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One value of a filter with its catalogue key."""

    value: str
    label: str


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """A filter as a drop-down; its name is the address's parameter."""

    name: str
    label: str
    choices: tuple[Choice, ...]


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows the list has in all; `exact` is False for an estimate."""

    value: int
    exact: bool = True


class ListQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What the reader asked of a list; only values that the list offers get in."""

    search: str = ""
    sort: str = ""
    descending: bool = False
    cursor: str = ""
    filters: Mapping[str, str] = msgspec.field(default_factory=dict[str, str])


class ListShape(msgspec.Struct, frozen=True, kw_only=True):
    """What a list offers: its columns, filters, search and the order it starts with.

    `default_sort` is a column's key, with `-` in front for descending.
    """

    columns: tuple[Column, ...]
    filters: tuple[Filter, ...] = ()
    search_label: str = N_("Search")
    searchable: bool = True
    default_sort: str = ""

    def read(self, query: Sequence[tuple[str, str]]) -> ListQuery:
        """The request in an address; what the list does not offer is left out, never an error."""
        given = dict(query)
        sortable = {column.key for column in self.columns if column.sortable}
        sort = given.get("sort", "")
        if sort.removeprefix("-") not in sortable:
            sort = self.default_sort
        return ListQuery(
            search=given.get("q", "").strip()[:SEARCH_MAX] if self.searchable else "",
            sort=sort.removeprefix("-"),
            descending=sort.startswith("-"),
            cursor=given.get("cursor", "")[:CURSOR_MAX],
            filters=self._known_filters(given),
        )

    def _known_filters(self, given: Mapping[str, str]) -> dict[str, str]:
        return {
            offered.name: given[offered.name]
            for offered in self.filters
            if given.get(offered.name) in {choice.value for choice in offered.choices}
        }


class Listing(msgspec.Struct, Generic[Row], frozen=True, kw_only=True):
    """One page of a list, ready to be shown.

    `next_cursor` is None on the last page. The way back is the browser's, and a link to the start.
    """

    shape: ListShape
    query: ListQuery
    rows: Sequence[Row]
    count: Count
    next_cursor: str | None = None

    @property
    def narrowed(self) -> bool:
        """Whether search or filters hide something, so that 'nothing found' differs from 'empty'."""
        return bool(self.query.search or self.query.filters)

    @property
    def chips(self) -> list[tuple[Filter, Choice]]:
        """The filters that are on."""
        return [
            (offered, choice)
            for offered in self.shape.filters
            for choice in offered.choices
            if self.query.filters.get(offered.name) == choice.value
        ]

    def sort_towards(self, column: Column) -> str:
        """The `sort` parameter that a click on this column's head asks for."""
        ascending_now = self.query.sort == column.key and not self.query.descending
        return f"-{column.key}" if ascending_now else column.key
