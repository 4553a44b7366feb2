"""A server on a data folder that is killed and started again; only its own processes are."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import httpx
import psutil

from kaquan.runtime import running_address

READY_TIMEOUT_S = 120
POLL_S = 0.05
LOSSY = """
# Commits are acknowledged before they are on disk, and are written as late as can be.
synchronous_commit = off
wal_writer_delay = 10s
wal_writer_flush_after = 2GB
wal_buffers = 128MB
"""


class CrashServer:
    """``kaquan serve`` on ``data_dir`` with its embedded PostgreSQL."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        self._pgdata = data_dir / "postgres"
        # What it complains about while its database is being killed is of no interest.
        self._log = data_dir / "server.log"

    def make_lossy(self) -> None:
        """Switch durability off: from the next start on, a crash loses what was acknowledged."""
        target = self._pgdata / "local.conf"
        target.write_text(LOSSY)
        target.chmod(0o644)

    def start(self) -> None:
        """Serve, and return when the server answers."""
        command = [sys.executable, "-m", "kaquan", "serve", "--workers", "2"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--data-dir", str(self.data_dir), "--port", str(self.port)],
                env=self._environment(),
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + READY_TIMEOUT_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                message = f"the server ended: {self._log.read_text()[-2000:]}"
                raise RuntimeError(message)
            try:
                if httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=5).is_success:
                    return
            except httpx.TransportError:
                time.sleep(POLL_S)
        message = "the server did not become ready"
        raise RuntimeError(message)

    def kill_server(self) -> None:
        """Kill the server with its web and job workers, all at once."""
        assert self._process is not None
        if self._process.poll() is None:
            parent = psutil.Process(self._process.pid)
            _kill([parent, *parent.children(recursive=True)])
        self._process.wait()

    def kill_database(self) -> None:
        """Kill every process of the folder's PostgreSQL, all at once."""
        number = (self._pgdata / "postmaster.pid").read_text().split(maxsplit=1)[0]
        postmaster = psutil.Process(int(number))
        assert Path(postmaster.cwd()) == self._pgdata, "not the PostgreSQL of this folder"
        _kill([postmaster, *postmaster.children(recursive=True)])

    def stop(self) -> None:
        """End the server properly, which stops its database too."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        self._process.wait(60)

    def clear_away(self) -> None:
        """Leave nothing running, however the run ended."""
        if self._process is not None:
            self.kill_server()
        if running_address(self.data_dir) is not None:
            self.kill_database()

    def database_address(self) -> str:
        """The URL of the running database, for looking at what is stored."""
        address = running_address(self.data_dir)
        assert address is not None
        return address

    def check_ledger(self) -> bool:
        """Say whether ``kaquan ledger check`` finds everything in order."""
        command = [sys.executable, "-m", "kaquan", "ledger", "check"]
        done = subprocess.run(
            [*command, "--data-dir", str(self.data_dir)],
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        sys.stderr.write(done.stderr)
        return done.returncode == 0

    def _environment(self) -> dict[str, str]:
        kept = "KAQUAN_MASTER_KEY"
        outside = {k: v for k, v in os.environ.items() if k == kept or not k.startswith("KAQUAN_")}
        return outside | {"KAQUAN_LOG_LEVEL": "error"}


def _kill(processes: Iterable[psutil.Process]) -> None:
    doomed = list(processes)
    for process in doomed:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(doomed, timeout=30)
