"""Runs every table of docs/algorithms; the totals there were worked out by hand."""

import re

import pytest

from engine.worked_page import (
    GOODS,
    NOTHING,
    Example,
    read_examples,
    read_page,
    read_table,
    read_worked_part,
)
from kaquan.engine import CONDITIONS, EFFECTS, ReasonCode

PAGES = ("discounts.md", "limits.md", "validity.md")
EXAMPLES = [(page, example) for page in PAGES for example in read_examples(page)]


@pytest.mark.parametrize(
    "example",
    [
        pytest.param(one, id=f"{page} / {one.title} / {' / '.join(one.row.values())}")
        for page, one in EXAMPLES
    ],
)
def test_example(example: Example) -> None:
    assert example.run() == example.answers


def test_pages_cover_every_effect_and_condition_and_are_not_cut_short() -> None:
    shown = {
        code for page in PAGES for code in re.findall(r'"code": "(\w+)"', read_worked_part(page))
    }
    assert shown == {part.code for part in (*EFFECTS.describe(), *CONDITIONS.describe())}
    assert len(EXAMPLES) >= 220


def test_goods_on_the_page_are_those_of_the_examples() -> None:
    intro, *_ = read_worked_part("discounts.md").split("\n### ")
    rows = read_table(intro)
    assert {row.pop("product"): row for row in rows} == GOODS


def test_reasons_on_the_page_are_those_of_the_code() -> None:
    _, _, section = read_page("discounts.md").partition("\n## Reasons")
    assert read_table(section) == [
        {
            "reason": code.value,
            "about": code.family.value,
            "meaning": code.description,
            "parameters": ", ".join(code.params) or NOTHING,
        }
        for code in ReasonCode
    ]
