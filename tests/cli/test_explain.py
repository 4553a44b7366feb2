"""``kaquan explain``: plain sentences, how far away, and an exit code for scripts."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from typer.testing import CliRunner, Result

from kaquan.campaigns import VoucherDraft, add_voucher, publish_voucher
from kaquan.cli.app import cli
from kaquan.customers import CustomerDraft, upsert_customer
from kaquan.runtime import Database, KaquanError, Project

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ORDER = {"items": [{"source_id": "tea", "price": 10_000}]}
TEN_OFF = {"effect": {"code": "amount_off", "amount_minor": 1_000}}
DEAR = TEN_OFF | {"condition": {"code": "minimum_spend", "amount_minor": 12_350}}
LATER = datetime(2100, 1, 1, tzinfo=UTC)


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def stock(database: Database, project: Project) -> None:
    """Three coupons that Anna holds."""
    async with database.transaction(project.project_id) as tx:
        await upsert_customer(tx, CustomerDraft(source_id="anna"), now=NOW)
        for code, offer, start in (
            ("TEN", TEN_OFF, None),
            ("DEAR", DEAR, None),
            ("LATER", TEN_OFF, LATER),
        ):
            draft = VoucherDraft(code=code, offer=offer, starts_at=start)
            await add_voucher(tx, draft, now=NOW)
            await publish_voucher(
                tx, voucher_code=code, customer_id="anna", channel="test", now=NOW
            )


def ask(url: str, project: str, order: Path, *options: str) -> Result:
    """Run the command on the tests' database."""
    place = ("--order", str(order), "--project", project)
    runner = CliRunner(env={"KAQUAN_DATABASE_URL": url})
    return runner.invoke(cli, ["explain", *place, *options])


@pytest.fixture
def order(tmp_path: Path) -> Path:
    """The file of an order of 100.00."""
    file = tmp_path / "order.json"
    file.write_text(json.dumps(ORDER))
    return file


CASES: list[tuple[list[str], int, list[str]]] = [
    (["TEN"], 0, ["It works: ¥10.00 off, ¥90.00 to pay"]),
    (["DEAR"], 1, ["It does not work:", "- ¥23.50 more to go"]),
    (["DEAR", "--language", "zh"], 1, ["不可用：", "- 还差 ¥23.50 可用"]),
    (["LATER"], 1, ["It does not work:", "- This coupon can be used from 1 January 2100 08:00"]),
    (["LATER", "--at", "2100-01-01T00:00:00Z"], 0, ["It works: ¥10.00 off, ¥90.00 to pay"]),
    (["NOBODY"], 1, ["It does not work:", "- There is no coupon NOBODY"]),
]


@pytest.mark.parametrize(("options", "code", "lines"), CASES)
def test_one_sentence_a_reason(
    postgres_url: str,
    project: Project,
    order: Path,
    *,
    options: list[str],
    code: int,
    lines: list[str],
) -> None:
    done = ask(postgres_url, project.id, order, *options, "--customer", "anna")
    assert done.stdout.splitlines() == lines
    assert done.exit_code == code


def test_the_best_combination_and_why_not_the_others(
    postgres_url: str, project: Project, order: Path
) -> None:
    options = ["DEAR", "--customer", "anna", "--best"]
    lines = ask(postgres_url, project.id, order, *options).stdout.splitlines()
    assert lines[2] == "Best combination: TEN, ¥10.00 off"
    assert "- Left out DEAR: ¥23.50 more to go" in lines
    told: dict[str, Any] = json.loads(
        ask(postgres_url, project.id, order, *options, "--json").stdout
    )
    assert (told["valid"], told["best"]["codes"], told["best"]["exact"]) == (False, ["TEN"], True)
    assert told["reasons"][0]["distance"] == {"what": "missing_minor", "value": 2_350}
    assert set(told["best"]["left_out"]) == {"DEAR", "LATER"}


@pytest.mark.parametrize(
    ("content", "options", "key", "told"),
    [
        ("{", [], "invalid_payload", "not valid JSON"),
        ('{"items": [{"price": -1}]}', [], "invalid_payload", "items[0].price"),
        ('{"amount": 1}', ["--at", "soon"], "invalid_payload", "--at"),
        ('{"amount": 1}', ["--customer", "nobody"], "not_found", "nobody"),
        ('{"amount": 1}', ["--project", "other"], "not_found", "other"),
    ],
)
def test_a_wrong_question_is_answered_with_what_is_wrong(
    postgres_url: str,
    project: Project,
    order: Path,
    *,
    content: str,
    options: list[str],
    key: str,
    told: str,
) -> None:
    order.write_text(content)
    done = ask(postgres_url, project.id, order, "TEN", *options)
    assert isinstance(done.exception, KaquanError)
    assert (done.exception.key, done.stdout) == (key, "")
    assert told in done.exception.message
