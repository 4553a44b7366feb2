"""Running the command line as a user does: in processes of its own, or within this one."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import httpx
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from kaquan.cli import main

_PATIENCE_S = 300


class CommandLine:
    """The ``kaquan`` program on one data folder."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        kept = "KAQUAN_MASTER_KEY"
        outside = {k: v for k, v in os.environ.items() if k == kept or not k.startswith("KAQUAN_")}
        self.environment = outside | {"PYTHONWARNINGS": "error", "KAQUAN_LOG_FORMAT": "json"}

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "kaquan", *arguments],
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
        )

    def run_here(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command on this data folder to its end."""
        return self.run(*arguments, "--data-dir", str(self.data_dir))

    def init(self) -> dict[str, Any]:
        """Set up the folder and return what ``init --json`` printed."""
        done = self.run_here("init", "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    @contextmanager
    def serving(self, port: int) -> Generator[subprocess.Popen[str]]:
        """Serve on ``port`` while the block lasts, from when it answers."""
        command = [sys.executable, "-m", "kaquan", "serve", "--port", str(port)]
        process = subprocess.Popen(
            [*command, "--data-dir", str(self.data_dir)],
            env=self.environment,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            _wait_until_ready(process, port)
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            process.communicate(timeout=_PATIENCE_S)


class CalledLine(CommandLine):
    """The program called within this process: the same from its arguments to its exit code.

    Nothing is started for a command, neither Python nor, with ``database_url``, a PostgreSQL.
    """

    def __init__(self, data_dir: Path, database_url: str | None = None) -> None:
        super().__init__(data_dir)
        if database_url is not None:
            self.environment["KAQUAN_DATABASE_URL"] = database_url

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        said, faults, code = StringIO(), StringIO(), 0
        with (
            patch.dict(os.environ, self.environment | environment, clear=True),
            patch.object(sys, "argv", ["kaquan", *arguments]),
            redirect_stdout(said),
            redirect_stderr(faults),
        ):
            try:
                main()
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else int(end.code is not None)
        return subprocess.CompletedProcess(arguments, code, said.getvalue(), faults.getvalue())


def _wait_until_ready(process: subprocess.Popen[str], port: int) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()[1]
        try:
            if httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=_PATIENCE_S).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    pytest.fail("the server did not become ready")


@pytest.fixture
def command_line(tmp_path: Path) -> CommandLine:
    """The program on an empty data folder."""
    return CommandLine(tmp_path / "data")


@pytest.fixture
def called_line(tmp_path: Path) -> CalledLine:
    """The program within this process, on an empty data folder."""
    return CalledLine(tmp_path / "data")


@pytest.fixture
def shop_line(tmp_path: Path, postgres_url: str) -> Generator[CalledLine]:
    """The program within this process, on a database of its own without a project."""
    name = f"shop_{uuid4().hex}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        yield CalledLine(tmp_path / "data", make_conninfo(postgres_url, dbname=name))
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
