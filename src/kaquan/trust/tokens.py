"""Access tokens: OAuth 2.0's client credentials grant (RFC 6749, section 4.4) over API keys."""

import secrets
from datetime import datetime, timedelta

import msgspec

from kaquan.runtime import Database, InvalidInput, KaquanError, Tx, set_project
from kaquan.trust.keys import LAST_USED_EVERY
from kaquan.trust.model import Caller
from kaquan.trust.passwords import token_digest
from kaquan.trust.store import update_key_used
from kaquan.trust.token_store import (
    StoredToken,
    count_live_tokens,
    delete_token,
    find_bearer,
    find_bearer_project,
    find_token,
    insert_token,
)

TOKEN_LIFE = timedelta(minutes=15)
MOST_TOKENS = 1_000
"""The dialect's limit of live tokens of a project."""

_TOKEN_BYTES = 32

SERVER_SCOPES = frozenset(
    [
        "api",
        "assets",
        "async-actions",
        "campaigns",
        "categories",
        "consents",
        "customers",
        "events",
        "exports",
        "locations",
        "loyalties",
        "metadata-schemas",
        "orders",
        "product-collections",
        "products",
        "promotions",
        "publications",
        "qualifications",
        "redemptions",
        "referrals",
        "rewards",
        "segments",
        "skus",
        "task-results",
        "templates",
        "trash-bin",
        "validation-rules-assignments",
        "validation-rules",
        "validations",
        "vouchers",
    ]
)
CLIENT_SCOPES = frozenset(
    [
        "client_api",
        "client_consents",
        "client_customers",
        "client_events",
        "client_promotions",
        "client_publish",
        "client_qualifications",
        "client_redeem",
        "client_redemptions",
        "client_validate",
        "client_validations",
        "client_vouchers",
    ]
)


class TooManyTokens(KaquanError):
    """The project has as many live tokens as it may."""

    key = "too_many_tokens"


class IssuedToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token as shown once, at its creation; only its digest is stored."""

    token: str
    scopes: tuple[str, ...]
    expires_at: datetime


async def create_access_token(
    tx: Tx, key_id: str, *, scopes: tuple[str, ...], now: datetime
) -> IssuedToken:
    """Create a token (256 random bits) that may do of the key's what ``scopes`` name, 15 minutes.

    Raises InvalidInput (invalid_scope) for no scope or an unknown one, TooManyTokens beyond 1,000
    live ones.
    """
    unknown = [one for one in scopes if one not in SERVER_SCOPES | CLIENT_SCOPES]
    if unknown or not scopes:
        message = f"'{unknown[0][:60]}' is not a scope." if unknown else "Name a scope."
        raise InvalidInput(message, field="scope", key="invalid_scope")
    if await count_live_tokens(tx, now=now) >= MOST_TOKENS:
        message = f"A project has at most {MOST_TOKENS} live tokens; revoke some, or wait."
        raise TooManyTokens(message)
    issued = IssuedToken(
        token=secrets.token_urlsafe(_TOKEN_BYTES),
        scopes=tuple(dict.fromkeys(scopes)),
        expires_at=now + TOKEN_LIFE,
    )
    await insert_token(
        tx,
        token_digest(issued.token),
        key_id,
        scopes=issued.scopes,
        now=now,
        expires_at=issued.expires_at,
    )
    return issued


async def find_access_token(tx: Tx, token: str, *, now: datetime) -> StoredToken | None:
    """Return what a token of the project stands for, or None when it does not work."""
    return await find_token(tx, token_digest(token), now=now)


async def revoke_access_token(tx: Tx, token: str) -> None:
    """Make a token of the project useless; one that is unknown is so already (RFC 7009)."""
    await delete_token(tx, token_digest(token))


async def authenticate_bearer(database: Database, token: str, *, now: datetime) -> Caller | None:
    """Return who shows this token alone: an access token, or the token of an API key.

    None for one that is unknown, expired or revoked. It is found by its digest, so how long that
    takes tells nothing about the token.
    """
    digest = token_digest(token)
    async with database.transaction(lookup=digest) as tx:
        project_id = await find_bearer_project(tx, digest)
        if project_id is None:
            return None
        await set_project(tx, project_id)
        found = await find_bearer(tx, digest, now=now)
        if found is None:
            return None
        if found.last_used_at is None or now - found.last_used_at > LAST_USED_EVERY:
            await update_key_used(tx, found.key_id, now=now)
    return Caller(
        project_id=found.project_id,
        key_id=found.key_id,
        kind=found.kind,
        scope=found.scope,
        scopes=found.scopes,
        requests_per_minute=found.requests_per_minute,
    )
