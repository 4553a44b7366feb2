"""``kaquan personal``: erasing again after a restore, and rotating the project's key."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest_asyncio
from typer.testing import CliRunner

from kaquan.cli.app import cli
from kaquan.customers import Customer, CustomerDraft, merge_customers, upsert_customer
from kaquan.runtime import Database, Project

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest_asyncio.fixture(loop_scope="session")
async def people(database: Database, project: Project) -> list[Customer]:
    """Anna, and Ben, of whom Bea is a part."""
    async with database.transaction(project.project_id) as tx:
        drafts = [CustomerDraft(source_id=one, name=one.title()) for one in ("anna", "ben", "bea")]
        entered = [await upsert_customer(tx, draft, now=NOW) for draft in drafts]
        await merge_customers(tx, "ben", "bea", by="Test", reason="same", now=NOW)
    return entered


def test_keys_are_rotated_and_erasures_replayed(
    postgres_url: str, project: Project, people: list[Customer], tmp_path: Path
) -> None:
    runner = CliRunner(env={"KAQUAN_DATABASE_URL": postgres_url})
    named = ["--project", project.id]
    rotated = runner.invoke(cli, ["personal", "rotate", *named])
    assert (rotated.exit_code, "wrapped anew: 3." in rotated.output) == (0, True)
    retired = runner.invoke(cli, ["personal", "retire", *named])
    assert retired.output == "Keys destroyed: none.\n"
    log = tmp_path / "erasures.jsonl"
    anna, _, bea = (one.id for one in people)
    for customer, told in (
        (anna, "Erased again: 1.\n"),
        (bea, "Erased again: 1.\nMerges undone first: mrg_"),
    ):
        line = {"project": project.id, "customer": customer, "thorough": True, "at": str(NOW)}
        log.write_text(json.dumps(line) + "\n")
        replayed = runner.invoke(cli, ["personal", "replay", "--log", str(log)])
        assert told in replayed.output
        assert replayed.exit_code == 0
