"""Every test and page that docs/reference/domain.md names is there."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "domain.md"
NAMED = re.compile(r"`((?:tests|docs)/[^`]+)`")


def read_rows() -> list[str]:
    """The rows of all tables, without their heads."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.startswith("| ") and line != "| clause | shown by |"]


@cache
def list_tests(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, functions))


@cache
def list_anchors(path: Path) -> frozenset[str]:
    """The headings of a page, as links name them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return frozenset(re.sub(r"[^\w\- ]", "", one).lower().replace(" ", "-") for one in headings)


def is_there(name: str) -> bool:
    file, separator, part = name.partition("::" if name.startswith("tests/") else "#")
    path = ROOT / file
    if not path.is_file() or not separator:
        return False
    return part in (list_tests if name.startswith("tests/") else list_anchors)(path)


def test_every_clause_names_what_is_there() -> None:
    rows = read_rows()
    assert len(rows) >= 105
    assert [row for row in rows if not NAMED.search(row)] == []
    names = [name for row in rows for name in NAMED.findall(row)]
    assert [name for name in names if not is_there(name)] == []


def test_what_is_not_there_is_noticed() -> None:
    for name in (
        "tests/engine/test_domain_page.py::test_of_nothing",
        "tests/engine/test_nothing.py::test_of_nothing",
        "tests/engine/test_domain_page.py",
        "docs/reference/domain.md#nothing",
    ):
        assert not is_there(name)
