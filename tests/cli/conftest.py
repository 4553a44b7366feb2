"""Running the command line as a user does: in processes of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

_PATIENCE_S = 60


class CommandLine:
    """The ``kaquan`` program on one data folder."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        outside = {k: v for k, v in os.environ.items() if not k.startswith("KAQUAN_")}
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


def _wait_until_ready(process: subprocess.Popen[str], port: int) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()[1]
        try:
            if httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    pytest.fail("the server did not become ready")


@pytest.fixture
def command_line(tmp_path: Path) -> CommandLine:
    """The program on an empty data folder."""
    return CommandLine(tmp_path / "data")


@pytest.fixture
def port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
