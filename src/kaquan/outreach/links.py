"""Addresses in messages, and the signed token behind a link to unsubscribe.

The token names project, channel and customer and carries 160 bits of an HMAC-SHA256 under the
project's key for this purpose. Nothing is stored for it, so links in old messages keep working;
it opens nothing but the withdrawal of consent.
"""

import base64
import binascii
import hmac
import secrets

import msgspec

from kaquan.runtime import NotFound, Tx, get_project, set_project
from kaquan.trust import find_project_key, project_key

UNSUBSCRIBE_PATH = "/u/"
WALLET_PATH = "/w/"
_PURPOSE = "unsubscribe"
_DOMAIN = b"kaquan.unsubscribe/1\x00"
_TAG_BYTES = 20
_LONGEST_TOKEN = 400
_LARGEST_PROJECT = 2**31 - 1


class UnsubscribeLink(msgspec.Struct, frozen=True):
    """Who no longer wants what: the meaning of a token."""

    project_id: int
    channel: str
    customer_id: str


class UnsubscribeSigner(msgspec.Struct, frozen=True):
    """Makes the tokens of one project."""

    project_id: int
    key: bytes

    def sign(self, customer_id: str, *, channel: str) -> str:
        """Return the token with which the customer withdraws from the channel."""
        body = "\n".join((str(self.project_id), channel, customer_id)).encode()
        tag = hmac.digest(self.key, _DOMAIN + body, "sha256")[:_TAG_BYTES]
        return base64.urlsafe_b64encode(tag + body).rstrip(b"=").decode("ascii")


async def unsubscribe_signer(tx: Tx) -> UnsubscribeSigner:
    """Return the signer of the transaction's project."""
    project = await get_project(tx)
    return UnsubscribeSigner(project.project_id, await project_key(tx, _PURPOSE))


async def open_unsubscribe_token(tx: Tx, token: str) -> UnsubscribeLink:
    """Return what a token names; ``tx`` was opened without a project and then has the token's.

    Raises NotFound, the same for every token that does not hold: malformed, forged, or of a
    project that does not exist.
    """
    link = _read(token)
    if link is None:
        raise _unknown()
    await set_project(tx, link.project_id)
    # Without a key the work is the same, with one that nobody has.
    key = await find_project_key(tx, _PURPOSE) or secrets.token_bytes(32)
    genuine = UnsubscribeSigner(link.project_id, key).sign(link.customer_id, channel=link.channel)
    if not hmac.compare_digest(genuine, token):
        raise _unknown()
    return link


def unsubscribe_url(base_url: str, token: str) -> str:
    """Return the address that withdraws by POST, and asks first by GET."""
    return base_url.rstrip("/") + UNSUBSCRIBE_PATH + token


def wallet_url(base_url: str, token: str) -> str:
    """Return the address of a coupon's page for its holder."""
    return base_url.rstrip("/") + WALLET_PATH + token


def _read(token: str) -> UnsubscribeLink | None:
    """What a token claims, whoever wrote it."""
    if len(token) > _LONGEST_TOKEN or not token.isascii():
        return None
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        project, channel, customer_id = raw[_TAG_BYTES:].decode().split("\n", 2)
    except (binascii.Error, ValueError):
        return None
    if not (project.isascii() and project.isdigit()) or int(project) > _LARGEST_PROJECT:
        return None
    return UnsubscribeLink(int(project), channel, customer_id)


def _unknown() -> NotFound:
    return NotFound("unsubscribe link", "of this address")
