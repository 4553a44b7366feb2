"""``kaquan keys``: a key is made by itself, told about, put anew, and missed when it is gone."""

import os
import socket
from collections.abc import Generator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from typer.testing import CliRunner, Result

from kaquan.cli.app import cli
from kaquan.runtime import KaquanError, MasterKeyMissing, MasterKeyWrong


@pytest.fixture
def runner(postgres_url: str, tmp_path: Path) -> Generator[CliRunner]:
    """The command line on an empty database outside of the data folder."""
    drop = "drop database if exists test_keys with (force)"
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(drop)
        server.execute("create database test_keys")
        yield CliRunner(
            env={
                "KAQUAN_DATABASE_URL": make_conninfo(postgres_url, dbname="test_keys"),
                "KAQUAN_DATA_DIR": str(tmp_path),
                "KAQUAN_MASTER_KEY": None,
            }
        )
        server.execute(drop)


@pytest.mark.slow
def test_the_master_keys_life(runner: CliRunner, tmp_path: Path) -> None:
    file = tmp_path / "master.key"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])

    def run(*arguments: str, **environment: str) -> Result:
        return runner.invoke(cli, arguments, env=environment)

    assert run("init").exit_code == 0
    first = file.read_text()
    shown = run("keys", "show").output
    assert f"Kept in {file}." in shown
    name = shown.splitlines()[1].partition(":")[0]
    assert f"{name}: in use; wraps 2 keys" in shown

    rotated = run("keys", "rotate").output
    assert "keys wrapped anew: 2." in rotated
    assert f"{name}: only unwraps; wraps 0 keys" in run("keys", "show").output
    assert file.read_text().splitlines()[1:] == [first.strip()]
    assert run("keys", "retire").output == f"Taken out: {name}.\n"
    second = file.read_text()
    file.chmod(0o644)
    assert "others on this machine may read it" in _doctor(run("doctor"))

    for text, error, told in (
        (first, MasterKeyWrong, f"at hand is {name}"),
        (None, MasterKeyMissing, "master.key is missing"),
    ):
        file.unlink()
        if text is not None:
            file.write_text(text)
        for command in (("serve", "--port", port), ("init",)):
            refused = run(*command).exception
            assert isinstance(refused, error), command
            assert told in str(refused)
        assert "".join(told.split()) in "".join(run("doctor").output.split())
        assert file.exists() is (text is not None)
        file.write_text(second)

    # From the environment it is put anew by whoever sets it.
    file.unlink()
    refused = run("keys", "rotate", KAQUAN_MASTER_KEY=second).exception
    assert isinstance(refused, KaquanError)
    assert "comes from the environment" in refused.message
    third = run("keys", "generate").output
    assert "wrapped anew: 2." in run("keys", "rotate", KAQUAN_MASTER_KEY=third + second).output
    assert "wraps 2 keys" in run("keys", "show", KAQUAN_MASTER_KEY=third).output
    assert os.environ.get("KAQUAN_MASTER_KEY")


def _doctor(told: Result) -> str:
    return " ".join(told.output.split())
