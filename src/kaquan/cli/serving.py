"""What each web worker runs."""

from litestar import Litestar

from kaquan.api import create_app
from kaquan.cli.holder import end_with_parent
from kaquan.console import console_routers, docs_script, render_error
from kaquan.runtime import (
    Database,
    calm_collector,
    configure_logs,
    load_settings,
    read_master_keys,
)
from kaquan.storefront import storefront_routers


def application() -> Litestar:
    """Build the application of one web worker from the settings in its environment."""
    end_with_parent()
    settings = load_settings()
    configure_logs(settings)
    assert settings.database_url is not None, "the server process hands the address down"
    database = Database(
        settings.database_url.get_secret_value(),
        pool_size=settings.database_pool_size,
        master=read_master_keys(settings),
    )
    application = create_app(
        database=database,
        settings=settings,
        handlers=[*console_routers(), *storefront_routers()],
        docs_script=docs_script(),
        show_error=render_error,
    )
    application.on_startup.append(database.open)
    application.on_shutdown.append(database.close)
    calm_collector()
    return application
