"""Commands that run to their end."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

import kaquan
from cli.conftest import CalledLine, CommandLine


@pytest.mark.slow
def test_init_shows_secrets_once_and_the_doctor_finds_it_sound(command_line: CommandLine) -> None:
    first = command_line.init()
    assert first["created"] is True
    secrets = {name for name in first if name.endswith(("_token", "_password", "_id"))}
    assert {"app_id", "app_token", "client_token", "management_id", "admin_password"} <= secrets
    assert all(first[name] for name in secrets)
    second = command_line.init()
    assert (second["created"], second["project_id"]) == (False, first["project_id"])
    assert all(second[name] is None for name in secrets - {"project_id"})
    done = command_line.run_here("doctor")
    assert done.returncode == 0, done.stdout
    assert "PostgreSQL 18" in done.stdout


def test_ledger_check_is_clean_on_a_new_project_and_finds_a_forged_balance(
    shop_line: CalledLine,
) -> None:
    shop_line.init()
    clean = shop_line.run_here("ledger", "check")
    assert (clean.returncode, "clean" in clean.stdout) == (0, True)
    with psycopg.connect(shop_line.environment["KAQUAN_DATABASE_URL"]) as connection:
        connection.execute(
            "insert into kaquan.account (project_id, owner, kind, balance, granted)"
            " select project_id, 'v_forged', 'uses', 7, 7 from kaquan.project"
        )
    found = shop_line.run_here("ledger", "check")
    assert found.returncode == 1
    assert "v_forged uses: expected 0, found 7" in found.stderr


@pytest.mark.parametrize(
    ("variable", "value", "key"),
    [
        ("KAQUAN_SMTP_PORT", "many", "invalid_payload"),
        ("KAQUAN_LOG_LEVEL", "loud", "invalid_payload"),
        ("KAQUAN_CONFIG", "/nowhere/kaquan.toml", "invalid_payload"),
        ("KAQUAN_DATABASE_URL", "postgresql://127.0.0.1:1/none", "unavailable"),
    ],
)
def test_a_setting_that_cannot_work_is_one_readable_line(
    called_line: CalledLine, *, variable: str, value: str, key: str
) -> None:
    done = called_line.run("migrate", **{variable: value})
    assert done.returncode == 1
    assert done.stderr.startswith("kaquan: ")
    assert f"[{key}]" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_setting_comes_from_the_environment_before_the_file(called_line: CalledLine) -> None:
    file = called_line.data_dir.parent / "kaquan.toml"
    file.write_text('smtp_port = 2525\nmail_from = "shop@example.com"\n')
    done = called_line.run(
        "settings", KAQUAN_CONFIG=str(file), KAQUAN_SMTP_PORT="2626", COLUMNS="200"
    )
    assert done.returncode == 0, done.stderr
    lines = {line.split()[0]: line for line in done.stdout.splitlines() if line.strip()}
    assert "2626" in lines["KAQUAN_SMTP_PORT"]
    assert "shop@example.com" in lines["KAQUAN_MAIL_FROM"]


def test_a_secret_setting_is_not_printed(called_line: CalledLine) -> None:
    done = called_line.run("settings", KAQUAN_SMTP_PASSWORD="hush-hush", COLUMNS="200")
    assert done.returncode == 0
    assert "hush-hush" not in done.stdout


def test_a_data_folder_that_cannot_be_made_is_a_readable_line(called_line: CalledLine) -> None:
    called_line.data_dir.write_text("a file stands here")
    done = called_line.run_here("init")
    assert done.returncode == 1
    assert done.stderr.startswith("kaquan: The data folder")


@pytest.mark.slow
def test_the_worker_knows_every_task_that_a_room_defers() -> None:
    names = "sorted(n for n in {**job_queue.tasks, **upkeep_queue.tasks} if 'builtin' not in n)"
    program = (
        "import kaquan.cli.job_worker; from kaquan.runtime import job_queue, upkeep_queue;"
        f" print({names})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    sources = Path(kaquan.__file__).parent.rglob("*.py")
    declared = {
        name
        for path in sources
        for name in re.findall(
            r'@(?:job_queue\.task\(\s*name=|upkeep(?:_of_projects)?\()"([a-z_]+\.[a-z_]+)"',
            path.read_text(),
        )
    }
    assert len(declared) >= 3
    assert set(ast.literal_eval(done.stdout)) == declared


HEAVY = [
    *("alembic", "duckdb", "ibis", "jinja2", "joserfc", "lightgbm", "litestar", "numpy", "pandas"),
    *("pyarrow", "scipy", "sklearn", "splink", "sqlalchemy", "sqlglot", "webauthn"),
]


def test_a_command_loads_no_heavy_library_that_it_does_not_use() -> None:
    program = (
        "import sys, kaquan.cli; print([name for name in sys.argv[1:] if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *HEAVY, "typer"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ast.literal_eval(done.stdout) == ["typer"]


@pytest.mark.slow
def test_a_full_disk_is_a_readable_line_and_nothing_is_half_written(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=30m", "tmpfs", str(small)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("a small disk can only be mounted by root")
    try:
        done = CommandLine(small / "data").run_here("init", "--json")
        assert done.returncode == 1
        assert done.stdout == ""
        assert done.stderr.startswith("kaquan: The embedded PostgreSQL failed (initdb)")
        assert "No space left on device" in done.stderr
        assert "Traceback" not in done.stderr
        assert not list((small / "data" / "postgres").iterdir())
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)
