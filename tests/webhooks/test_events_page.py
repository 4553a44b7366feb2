"""docs/reference/events.md is written from the catalogue; run with KAQUAN_WRITE_EVENTS=1."""

import os
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from kaquan.runtime import Tx
from kaquan.webhooks import EVENT_TYPES, MEMBERS, PAUSES
from kaquan.webhooks.payloads import OrderItemData

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "events.md"
WRITE = "KAQUAN_WRITE_EVENTS"
INTRODUCTION = Path(__file__).with_name("events_introduction.md")
NAMES = {"str": "text", "int": "integer", "bool": "boolean", "datetime": "time", "dict": "object"}


def test_the_page_is_as_the_code_says() -> None:
    page = write_page()
    if os.environ.get(WRITE):
        PAGE.write_text(page)
    assert PAGE.read_text() == page, f"run the test with {WRITE}=1"


def test_names_are_unique_and_members_described() -> None:
    names = [one.name for one in EVENT_TYPES]
    assert len(names) == len(set(names))
    for one in EVENT_TYPES:
        assert set(one.members) <= set(MEMBERS) | {"amount", "count"}


async def test_no_trigger_says_what_the_catalogue_lacks(tx: Tx) -> None:
    """Every name in the triggers' texts begins a name of the catalogue."""
    cursor = await tx.execute(
        r"select distinct m[1] from pg_proc p,"
        r" regexp_matches(p.prosrc, '''([a-z_]+\.[a-z_.]+)''', 'g') as m"
        r" where p.proname like 'tell%' and p.pronamespace = 'kaquan'::regnamespace"
    )
    said = [row[0] for row in await cursor.fetchall()]
    assert len(said) > 15
    for name in said:
        assert any(one.name.startswith(name) for one in EVENT_TYPES), name


def write_page() -> str:
    """The page as it is committed."""
    lines = [
        INTRODUCTION.read_text().replace("{pauses}", _pauses()).rstrip(),
        "",
        "## Events",
        "",
        "| event | version | when | members of `data` |",
        "|---|---|---|---|",
    ]
    for one in EVENT_TYPES:
        members = ", ".join(f"`{member}`" for member in one.members)
        lines.append(f"| `{one.name}` | {one.version} | {one.meaning} | {members} |")
    lines += ["", "## Members", "", "`amount` and `count` are integers.", ""]
    for name, kind in [*MEMBERS.items(), ("item of an order", OrderItemData)]:
        lines += [f"### {name}", "", " ".join((kind.__doc__ or "").split()), ""]
        lines += ["| member | type |", "|---|---|", *_members(kind), ""]
    return "\n".join(lines).rstrip() + "\n"


def _pauses() -> str:
    def write(seconds: float) -> str:
        for unit, size in (("h", 3_600), ("min", 60)):
            if seconds >= size:
                return f"{seconds / size:g} {unit}"
        return f"{seconds:g} s"

    return ", ".join(write(pause.total_seconds()) for pause in PAUSES)


def _members(kind: type[msgspec.Struct]) -> Iterator[str]:
    hints = get_type_hints(kind)
    for field in kind.__struct_fields__:
        yield f"| `{field}` | {_name(hints[field])} |"


def _name(hint: Any) -> str:
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(_name(part) for part in parts)
    if origin is Literal:
        return ", ".join(f"`{part}`" for part in parts)
    if origin is tuple:
        return f"list of {_name(parts[0])}"
    if hint is type(None):
        return "null"
    plain = (origin or hint).__name__
    return NAMES.get(plain, "object")
