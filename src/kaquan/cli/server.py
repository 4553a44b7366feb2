"""The server process: database, web workers and job worker under one parent."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import structlog
from granian.constants import Interfaces
from granian.server import Server

from kaquan.cli.connect import database_url
from kaquan.cli.holder import held_folder, name_parent, wait_for_port
from kaquan.customers import erasure_log, replay_log
from kaquan.runtime import (
    Settings,
    configure_logs,
    open_database,
    read_master_keys,
    utc_now,
)

_STOP_PATIENCE_S = 20
_log = structlog.stdlib.get_logger("kaquan.server")


def run_server(
    settings: Settings, *, host: str, port: int, workers: int, with_worker: bool
) -> None:
    """Serve until interrupted. Raises FolderHeld or Unavailable when it cannot start."""
    configure_logs(settings)
    address = f"http://{'127.0.0.1' if host in {'0.0.0.0', '::'} else host}:{port}"  # noqa: S104
    with held_folder(settings.data_dir, address):
        wait_for_port(host, port)
        with database_url(settings) as url:
            _hand_down(settings, url, address)
            asyncio.run(_erase_again(url, settings))
            with _job_worker() if with_worker else _nothing():
                _log.info("serving", address=address, workers=workers)
                Server(
                    "kaquan.cli.serving:application",
                    factory=True,
                    address=host,
                    port=port,
                    interface=Interfaces.ASGI,
                    workers=workers,
                    websockets=False,
                    respawn_failed_workers=True,
                    workers_kill_timeout=_STOP_PATIENCE_S,
                    log_enabled=False,
                ).serve()
    _log.info("stopped")


async def _erase_again(url: str, settings: Settings) -> None:
    """Erase who was erased after the dump that the database may have been restored from."""
    master = read_master_keys(settings)
    async with open_database(url, pool_size=2, master=master) as database:
        log = erasure_log(settings)
        replayed = await replay_log(database, log, clock=utc_now)
    if replayed.erased:
        _log.warning("erased_again", erased=len(replayed.erased), undone=list(replayed.undone))


def _hand_down(settings: Settings, url: str, address: str) -> None:
    """Tell the child processes, through the environment, what this process found out."""
    name_parent()
    os.environ["KAQUAN_DATA_DIR"] = str(settings.data_dir)
    os.environ["KAQUAN_DATABASE_URL"] = url
    os.environ.setdefault("KAQUAN_PUBLIC_URL", settings.public_url or address)


@contextmanager
def _job_worker() -> Generator[None]:
    command = [sys.executable, "-m", "kaquan", "worker", "--with-parent"]
    # A session of its own: Ctrl-C reaches this process only, which then ends the child.
    process = subprocess.Popen(command, start_new_session=True, cwd=Path.cwd())  # noqa: S603
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def _nothing() -> Generator[None]:
    yield
