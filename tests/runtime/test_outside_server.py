"""The suite's core on a PostgreSQL that is not ours: Debian's server, and a user that is no superuser.

What a managed database gives: the owner of the tables is bound by their policies too, and roles
may be created but nothing more.
"""

import os
import pwd
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import psycopg
import pytest

SERVERS = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
CORE = ("runtime", "trust", "ledger", "customers", "segments", "campaigns", "checkout")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not SERVERS, reason="Debian's PostgreSQL server is not installed"),
]


@pytest.fixture
def outside_url(tmp_path: Path) -> Generator[str]:
    """A fresh cluster of Debian's newest server, reached as an owner without superuser rights."""
    as_root = os.geteuid() == 0
    user = "postgres" if as_root else pwd.getpwuid(os.geteuid()).pw_name
    folder = tmp_path / "cluster"
    folder.mkdir(mode=0o700)
    for above in (tmp_path, *tmp_path.parents):
        if not above.stat().st_mode & 0o001:
            above.chmod(above.stat().st_mode | 0o011)
    if as_root:
        account = pwd.getpwnam(user)
        os.chown(folder, account.pw_uid, account.pw_gid)

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [str(SERVERS[-1].with_name(program)), *arguments],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            user=user if as_root else None,
            cwd="/",
        )

    run("initdb", "--auth=trust", "--username=admin", "--encoding=UTF8", "-D", str(folder))
    options = f"-c listen_addresses='' -c fsync=off -k {folder}"
    run("pg_ctl", "start", "-w", "-D", str(folder), "-l", str(folder / "log"), "-o", options)
    try:
        with psycopg.connect(
            f"postgresql://admin@/postgres?host={folder}", autocommit=True
        ) as connection:
            connection.execute("create role owner login createdb createrole")
        yield f"postgresql://owner@/postgres?host={folder}"
    finally:
        run("pg_ctl", "stop", "-m", "immediate", "-D", str(folder))


def test_the_core_passes_on_debians_server(outside_url: str, tmp_path: Path) -> None:
    folders = [str(Path(__file__).parent.parent / room) for room in CORE]
    options = ["-q", "--on-database", "-p", "no:cacheprovider"]
    options += [f"--basetemp={tmp_path / 'inner'}"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "-m", "not slow and not browser", *folders],
        env={k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
        | {"KAQUAN_TEST_DATABASE_URL": outside_url},
        cwd=Path(__file__).parent.parent.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert " passed" in done.stdout
