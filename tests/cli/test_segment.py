"""``kaquan segment``: definitions from files, members on every engine, explanations."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import CalledLine
from kaquan.customers import CustomerDraft, upsert_customer
from kaquan.runtime import open_database, read_projects, utc_now


def write(folder: Path, definition: Any) -> str:
    file = folder / "definition.json"
    file.write_text(definition if isinstance(definition, str) else json.dumps(definition))
    return str(file)


@pytest.mark.parametrize(
    ("definition", "code", "said"),
    [
        ({"attribute": "age", "operator": "at_least", "value": 18}, 0, "valid"),
        ({"any": [{"attribute": "agge", "operator": "is", "value": 1}]}, 1, "definition.any[0]"),
        ("{", 1, "not JSON"),
        ("[]", 1, "JSON object"),
        ("[" * 100_000, 1, "not JSON"),
    ],
)
def test_checking_a_file(
    called_line: CalledLine, tmp_path: Path, definition: Any, code: int, said: str
) -> None:
    done = called_line.run("segment", "check", write(tmp_path, definition))
    assert done.returncode == code
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_the_schema_is_printed(called_line: CalledLine) -> None:
    done = called_line.run("segment", "schema")
    assert json.loads(done.stdout)["title"] == "Segment definition"


async def _enter(url: str) -> None:
    async with open_database(url) as database:
        (project,) = await read_projects(database)
        async with database.transaction(project.project_id) as tx:
            for source_id, level in [("b", "gold"), ("a", "gold"), ("c", "silver")]:
                draft = CustomerDraft(source_id=source_id, metadata={"level": level})
                await upsert_customer(tx, draft, now=utc_now())


def test_members_and_explanations(shop_line: CalledLine, tmp_path: Path) -> None:
    line = shop_line
    line.init()
    asyncio.run(_enter(line.environment["KAQUAN_DATABASE_URL"]))
    file = write(tmp_path, {"attribute": "metadata.level", "operator": "is", "value": "gold"})
    for engine in ("postgres", "duckdb", "reference"):
        done = line.run_here("segment", "members", "--definition", file, "--engine", engine)
        assert (done.stdout, done.returncode) == ("a\nb\n", 0), done.stderr
    late = line.run_here("segment", "members", "--definition", file, "--at", "2026-01-01")
    assert "--at" in late.stderr
    other = line.run_here("segment", "members", "--definition", file, "--engine", "mysql")
    assert "there are postgres, duckdb, spark, reference" in other.stderr.replace("\n", " ")
    told = line.run_here("segment", "explain", file, "--customer", "c")
    assert told.stdout == '✗ Custom field level is “gold”  ["silver"]\n'
