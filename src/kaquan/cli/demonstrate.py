"""``kaquan demo``: the demo's project, its sign-in, and the run itself."""

import asyncio
import secrets

from rich.console import Console

from kaquan.cli.connect import connected
from kaquan.cli.demo import DemoAccess, check_fitting, run_demo
from kaquan.cli.first_steps import set_up
from kaquan.runtime import Database, Settings, utc_now
from kaquan.trust import KeyKind, replace_api_key, reset_password

_ADMIN = "demo@example.com"


def demonstrate(settings: Settings, *, host: str, port: int, households: int | None) -> None:
    """Fill the database with the demo's data unless it is there, and say what was done."""
    address = settings.public_url or f"http://{host}:{port}"
    asyncio.run(_demonstrate(settings, address, households))


async def _demonstrate(settings: Settings, address: str, households: int | None) -> None:
    async with connected(settings) as database:
        setup = await set_up(
            database,
            name="Complete Journey grocery",
            currency="USD",
            time_zone="America/New_York",
            language="en",
            admin_email=_ADMIN,
        )
        await check_fitting(database, setup.project.project_id, households=households)
        access = await _fresh_access(database, setup.project.project_id, address)
        await run_demo(
            database,
            setup.project.project_id,
            households=households,
            access=access,
            console=Console(),
        )


async def _fresh_access(database: Database, project_id: int, address: str) -> DemoAccess:
    """Give the demo's administrator a new password and the demo a new key.

    Secrets are stored as digests only, so a second run could not show the first one's.
    """
    password = secrets.token_urlsafe(9)
    async with database.transaction(project_id) as tx:
        await reset_password(tx, _ADMIN, password)
        key = await replace_api_key(tx, KeyKind.SERVER, name="demo", now=utc_now())
    return DemoAccess(
        address=address,
        email=_ADMIN,
        password=password,
        app_id=key.app_id,
        app_token=key.token,
    )
