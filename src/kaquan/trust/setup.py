"""The first minute: keys and an administrator for a new project."""

import secrets
from datetime import datetime

import msgspec

from kaquan.runtime import Tx
from kaquan.trust.keys import create_api_key
from kaquan.trust.model import IssuedKey, KeyKind, Role, User
from kaquan.trust.people import create_user


class FirstCredentials(msgspec.Struct, frozen=True, kw_only=True):
    """Everything secret that a new project starts with; none of it can be shown again."""

    server: IssuedKey
    client: IssuedKey
    management: IssuedKey
    admin: User
    admin_password: str


async def create_first_credentials(tx: Tx, admin_email: str, *, now: datetime) -> FirstCredentials:
    """Create one key of each kind and an owner with a random password."""
    password = secrets.token_urlsafe(12)
    return FirstCredentials(
        server=await create_api_key(tx, KeyKind.SERVER, name="First server key", now=now),
        client=await create_api_key(tx, KeyKind.CLIENT, name="First client key", now=now),
        management=await create_api_key(
            tx, KeyKind.MANAGEMENT, name="First management key", now=now
        ),
        admin=await create_user(
            tx, admin_email, password=password, name="Admin", role=Role.OWNER, now=now
        ),
        admin_password=password,
    )
