"""A list's request in the address, and the links that lead on from it."""

import pytest

from kaquan.console import Column, Count, Filter, Language, Listing, ListQuery, ListShape, Theme
from kaquan.console.listing import Choice
from kaquan.console.page import PageView

SHAPE = ListShape(
    columns=(
        Column(key="name", label="Name", sortable=True),
        Column(key="spent", label="Spent", sortable=True, numeric=True),
        Column(key="note", label="Note"),
    ),
    filters=(Filter(name="status", label="Status", choices=(Choice(value="live", label="Live"),)),),
    default_sort="-spent",
)


@pytest.mark.parametrize(
    ("address", "read"),
    [
        ([], ListQuery(sort="spent", descending=True)),
        ([("sort", "name")], ListQuery(sort="name")),
        ([("sort", "-name")], ListQuery(sort="name", descending=True)),
        ([("sort", "note")], ListQuery(sort="spent", descending=True)),
        ([("sort", "1; drop")], ListQuery(sort="spent", descending=True)),
        (
            [("q", "  Li "), ("cursor", "abc")],
            ListQuery(search="Li", sort="spent", descending=True, cursor="abc"),
        ),
        (
            [("status", "live")],
            ListQuery(sort="spent", descending=True, filters={"status": "live"}),
        ),
        ([("status", "dead"), ("x", "y")], ListQuery(sort="spent", descending=True)),
        ([("q", "a" * 999)], ListQuery(search="a" * 200, sort="spent", descending=True)),
    ],
)
def test_reading_an_address(address: list[tuple[str, str]], read: ListQuery) -> None:
    assert SHAPE.read(address) == read


@pytest.mark.parametrize(
    ("query", "column", "towards"),
    [
        (ListQuery(sort="name"), "name", "-name"),
        (ListQuery(sort="name", descending=True), "name", "name"),
        (ListQuery(sort="name"), "spent", "spent"),
    ],
)
def test_a_click_on_a_column(query: ListQuery, column: str, towards: str) -> None:
    listing = Listing[str](shape=SHAPE, query=query, rows=[], count=Count(value=0))
    head = next(each for each in SHAPE.columns if each.key == column)
    assert listing.sort_towards(head) == towards


@pytest.mark.parametrize(
    ("changes", "address"),
    [
        ({}, "/c?q=a%26b&status=live&cursor=9"),
        ({"sort": "name"}, "/c?q=a%26b&status=live&sort=name"),
        ({"q": None}, "/c?status=live"),
        ({"cursor": "12"}, "/c?q=a%26b&status=live&cursor=12"),
        ({"cursor": "", "q": "", "status": ""}, "/c"),
    ],
)
def test_links_keep_the_rest_of_the_address(changes: dict[str, str | None], address: str) -> None:
    query = (("q", "a&b"), ("status", "live"), ("cursor", "9"))
    page = PageView(language=Language.EN, theme=Theme.AUTO, path="/c", query=query)
    assert page.link(**changes) == address


def test_taking_a_chip_away_leads_back_to_the_start() -> None:
    query = (("q", "a"), ("status", "live"), ("cursor", "9"))
    page = PageView(language=Language.EN, theme=Theme.AUTO, path="/c", query=query)
    assert page.link_without("status", "live") == "/c?q=a"
