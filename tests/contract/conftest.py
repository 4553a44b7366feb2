"""The official client against a running server: processes, sockets and all."""

# The client's packages export by plain imports, which the type checker takes for private ones.
# pyright: reportPrivateImportUsage=false

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
import voucherify

from kaquan.runtime import Database, Project, utc_now
from kaquan.trust import (
    ClientAccessChange,
    IssuedKey,
    KeyKind,
    create_api_key,
    update_client_access,
)

_PATIENCE_S = 300


@pytest.fixture(scope="session")
def server(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """The address of ``kaquan serve`` on the tests' database; jobs are left to the tests."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("served")
    command = [sys.executable, "-m", "kaquan", "serve", "--no-worker", "--port", str(port)]
    kept = "KAQUAN_MASTER_KEY"
    outside = {k: v for k, v in os.environ.items() if k == kept or not k.startswith("KAQUAN_")}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--data-dir", str(folder)],
            env=outside | {"KAQUAN_DATABASE_URL": postgres_url, "KAQUAN_LOG_FORMAT": "json"},
            stderr=log,
            start_new_session=True,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_until_ready(process, address, folder / "log")
        yield address
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(_PATIENCE_S)


def _wait_until_ready(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            if httpx.get(f"{address}/readyz", timeout=_PATIENCE_S).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    pytest.fail(f"the server did not become ready: {log.read_text()}")


@pytest_asyncio.fixture(loop_scope="session")
async def key(database: Database, project: Project) -> IssuedKey:
    """A server key of the test's project."""
    async with database.transaction(project.project_id) as tx:
        return await create_api_key(tx, KeyKind.SERVER, name="contract", now=utc_now())


@pytest_asyncio.fixture(loop_scope="session")
async def other_keys(database: Database, project: Project) -> dict[str, str]:
    """A public key and a management key of the test's project, as headers."""
    async with database.transaction(project.project_id) as tx:
        public = await create_api_key(tx, KeyKind.CLIENT, name="contract", now=utc_now())
        managing = await create_api_key(tx, KeyKind.MANAGEMENT, name="contract", now=utc_now())
        change = ClientAccessChange(redeem=True)
        await update_client_access(tx, change, now=utc_now())
    return {
        "X-Client-Application-Id": public.app_id,
        "X-Client-Token": public.token,
        "X-Management-Id": managing.app_id,
        "X-Management-Token": managing.token,
    }


@pytest.fixture
def client(server: str, key: IssuedKey, other_keys: dict[str, str]) -> voucherify.ApiClient:
    """The official client, set up as its manual says, but for the host."""
    configuration = voucherify.Configuration(
        host=server, api_key={"X-App-Id": key.app_id, "X-App-Token": key.token} | other_keys
    )
    return voucherify.ApiClient(configuration)
