"""Links to a voucher's wallet page: a name that proves itself, with nothing stored for it.

A token is base64url without padding of project number (4 bytes), voucher id (13 bytes: its 20
base-32 characters are 100 bits) and the first 16 bytes of an HMAC-SHA256 over both under the
project's key for wallets. Whoever has no link would have to guess 128 bits.
"""

import base64
import binascii
import hmac
import secrets

import msgspec

from kaquan.campaigns.model import Voucher
from kaquan.runtime import NotFound, Tx, get_project, set_project
from kaquan.trust import find_project_key, project_key

_PURPOSE = "wallet"
_DOMAIN = b"kaquan.wallet/1\x00"
_PREFIX = "v_"
_DIGITS = "0123456789abcdefghijklmnopqrstuv"
_PROJECT_BYTES, _VOUCHER_BYTES, _TAG_BYTES = 4, 13, 16
_NAME_BYTES = _PROJECT_BYTES + _VOUCHER_BYTES
_VOUCHER_DIGITS = 20
_TOKEN_LENGTH = 44
_LARGEST_PROJECT = 2**31 - 1


class WalletTicket(msgspec.Struct, frozen=True):
    """What a wallet link names: the project's number and the voucher."""

    project_id: int
    voucher_id: str


async def wallet_token(tx: Tx, voucher: Voucher) -> str:
    """Return the token (44 characters fit for a URL) that opens a voucher's wallet page."""
    project = await get_project(tx)
    name = _pack(WalletTicket(project.project_id, voucher.id))
    tag = _sign(await project_key(tx, _PURPOSE), name)
    return base64.urlsafe_b64encode(name + tag).decode("ascii")


async def open_wallet_token(tx: Tx, token: str) -> WalletTicket:
    """Return what a token names; ``tx`` was opened without a project and then has the token's.

    Raises NotFound, the same for every token that does not hold: malformed, forged, or of a
    project that does not exist.
    """
    raw = _decode(token)
    if raw is None:
        raise _unknown()
    name, tag = raw[:_NAME_BYTES], raw[_NAME_BYTES:]
    ticket = _unpack(name)
    if ticket is None:
        raise _unknown()
    await set_project(tx, ticket.project_id)
    # Without a key the work is the same, with one that nobody has.
    key = await find_project_key(tx, _PURPOSE) or secrets.token_bytes(32)
    if not hmac.compare_digest(tag, _sign(key, name)):
        raise _unknown()
    return ticket


def _sign(key: bytes, name: bytes) -> bytes:
    return hmac.digest(key, _DOMAIN + name, "sha256")[:_TAG_BYTES]


def _pack(ticket: WalletTicket) -> bytes:
    number = int(ticket.voucher_id.removeprefix(_PREFIX), 32)
    return ticket.project_id.to_bytes(_PROJECT_BYTES) + number.to_bytes(_VOUCHER_BYTES)


def _unpack(name: bytes) -> WalletTicket | None:
    project_id = int.from_bytes(name[:_PROJECT_BYTES])
    number = int.from_bytes(name[_PROJECT_BYTES:])
    if project_id > _LARGEST_PROJECT or number >> 5 * _VOUCHER_DIGITS:
        return None
    digits = [_DIGITS[number >> 5 * place & 31] for place in reversed(range(_VOUCHER_DIGITS))]
    return WalletTicket(project_id, _PREFIX + "".join(digits))


def _decode(token: str) -> bytes | None:
    """Read base64url strictly, so that one voucher has one token."""
    if len(token) != _TOKEN_LENGTH or not token.isascii():
        return None
    try:
        raw = base64.b64decode(token, altchars=b"-_", validate=True)
    except binascii.Error:
        return None
    return raw if len(raw) == _NAME_BYTES + _TAG_BYTES else None


def _unknown() -> NotFound:
    return NotFound("wallet link", "of this address")
