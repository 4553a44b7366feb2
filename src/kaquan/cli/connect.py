"""Reaching the database from a command: the configured one, or the embedded one, started if need be."""

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

from kaquan.runtime import (
    Database,
    Settings,
    embedded_postgres,
    list_masters_in_use,
    migrate,
    open_database,
    prepare_master_keys,
    read_master_keys,
)


@contextmanager
def migrated_database(settings: Settings) -> Generator[str]:
    """Yield the URL of a migrated database; an embedded server runs while the block lasts."""
    if settings.database_url is not None:
        url = settings.database_url.get_secret_value()
        migrate(url)
        yield url
        return
    with embedded_postgres(settings.data_dir) as url:
        migrate(url)
        yield url


@contextmanager
def database_url(settings: Settings) -> Generator[str]:
    """Yield the URL of a migrated database that the master key at hand fits.

    Raises MasterKeyMissing or MasterKeyWrong; for a database without any project a key is made.
    """
    with migrated_database(settings) as url:
        prepare_master_keys(settings, list_masters_in_use(url))
        yield url


@asynccontextmanager
async def connected(settings: Settings) -> AsyncGenerator[Database]:
    """Yield an open database in the application's role."""
    with database_url(settings) as url:
        size, master = settings.database_pool_size, read_master_keys(settings)
        async with open_database(url, pool_size=size, master=master) as database:
            yield database
