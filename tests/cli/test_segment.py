"""``kaquan segment``: definitions from files, members on every engine, explanations."""

import json
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import CommandLine
from kaquan.customers import CustomerDraft, upsert_customer
from kaquan.runtime import (
    PROJECT_DIRECTORY,
    embedded_postgres,
    list_projects,
    open_database,
    utc_now,
)


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
def test_checking_a_file(tmp_path: Path, definition: Any, code: int, said: str) -> None:
    done = CommandLine(tmp_path).run("segment", "check", write(tmp_path, definition))
    assert done.returncode == code
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_the_schema_is_printed(tmp_path: Path) -> None:
    done = CommandLine(tmp_path).run("segment", "schema")
    assert json.loads(done.stdout)["title"] == "Segment definition"


@pytest.mark.slow
async def test_members_and_explanations(tmp_path: Path) -> None:
    line = CommandLine(tmp_path / "data")
    line.init()
    with embedded_postgres(line.data_dir) as url:
        async with open_database(url) as database:
            async with database.transaction(lookup=PROJECT_DIRECTORY) as tx:
                project = (await list_projects(tx))[0]
            async with database.transaction(project.project_id) as tx:
                for source_id, level in [("b", "gold"), ("a", "gold"), ("c", "silver")]:
                    draft = CustomerDraft(source_id=source_id, metadata={"level": level})
                    await upsert_customer(tx, draft, now=utc_now())
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
