"""Sealing what is personal: AES-256-GCM under a data key a person, and look-up by keyed digests.

A data key is kept wrapped by the project's key; destroying it destroys what it sealed. The nonce of a
sealed text is a keyed digest of the text and its place (a synthetic nonce, as in RFC 8452): the same
text in the same place is sealed the same way, so a statement can tell whether anything changed.
docs/decisions/2026-11-22-personal-data.md.
"""

import hashlib
import os
import time
from binascii import a2b_base64, b2a_base64
from collections.abc import Mapping, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kaquan.runtime import Tx, project_memory
from kaquan.trust.vault_store import list_vault_keys

MOST_CACHED = 20_000
"""Data keys, and tokens, that a process remembers of a project."""

_KEY_BYTES = 32
_NONCE_BYTES = 12
_INDEX_BYTES = 16
_TOKEN_BYTES = 8
_BLOCK_BYTES = 64
VAULT_MEMORY = "vault"
"""Where a project's vault stands in the process's memory, with when it was read."""

_REMEMBERED_S = 600


class CannotUnseal(Exception):
    """What was sealed was changed, moved to another place, or its key is gone."""


class DataKey:
    """One person's key: 32 bytes that encrypt and 32 that make nonces."""

    __slots__ = ("_aead", "_nonces")

    def __init__(self, secret: bytes) -> None:
        """Make a key of 64 bytes."""
        self._aead = AESGCM(secret[:_KEY_BYTES])
        self._nonces = secret[_KEY_BYTES:]

    def seal(self, text: str, place: str) -> str:
        """Return a text encrypted for its place (table, column and row)."""
        data, bound = text.encode(), place.encode()
        nonce = hashlib.blake2b(
            b"%d:%b%b" % (len(bound), bound, data), key=self._nonces, digest_size=_NONCE_BYTES
        ).digest()
        sealed = nonce + self._aead.encrypt(nonce, data, bound)
        return b2a_base64(sealed, newline=False).decode()

    def unseal(self, sealed: str, place: str) -> str:
        """Return the text; raises CannotUnseal for anything but what was sealed for this place."""
        try:
            raw = a2b_base64(sealed)
            return self._aead.decrypt(
                raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], place.encode()
            ).decode()
        except (InvalidTag, ValueError) as error:
            message = f"What stands in {place} cannot be read with its key."
            raise CannotUnseal(message) from error


class Vault:
    """A project's keys: by number those that wrap data keys, the highest in use, and the index's."""

    def __init__(self, wrapping: Mapping[int, bytes], index: bytes) -> None:
        """Make a vault of keys of 32 bytes each."""
        self._wrapping = {number: AESGCM(key) for number, key in wrapping.items()}
        self.current = max(wrapping)
        self._opened: dict[tuple[str, str], DataKey] = {}
        self._tokens: dict[tuple[str, str], int] = {}
        padded = index.ljust(_BLOCK_BYTES, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in padded))

    def knows(self, wrapped: str) -> bool:
        """Whether the key that wrapped a data key is one of these."""
        return int(wrapped.partition(".")[0]) in self._wrapping

    def make_keys(self, owners: Sequence[str]) -> list[tuple[str, DataKey]]:
        """Return a fresh data key for each person (their ids), wrapped and as it is."""
        size = 2 * _KEY_BYTES
        secrets = os.urandom(size * len(owners))
        made: list[tuple[str, DataKey]] = []
        for place, owner in enumerate(owners):
            secret = secrets[size * place : size * (place + 1)]
            made.append((self._wrap(secret, owner), DataKey(secret)))
        return made

    def open(self, wrapped: str, owner: str) -> DataKey:
        """Return a person's data key. Raises CannotUnseal for another's, or a changed one."""
        known = self._opened.get((wrapped, owner))
        if known is None:
            known = DataKey(self._unwrap(wrapped, owner))
            if len(self._opened) >= MOST_CACHED:
                self._opened.clear()
            self._opened[wrapped, owner] = known
        return known

    def rewrap(self, wrapped: str, owner: str) -> str:
        """Return a data key wrapped by the key in use."""
        return self._wrap(self._unwrap(wrapped, owner), owner)

    def blind(self, kind: str, text: str) -> str:
        """Return by what a value is looked up: HMAC-SHA256 of it and its kind, cut to 128 bits."""
        return b2a_base64(self._digest(kind, text)[:_INDEX_BYTES], newline=False)[:-2].decode()

    def token(self, kind: str, text: str) -> int:
        """Return HMAC-SHA256 of a value and its kind, cut to a 64-bit signed number.

        For values of which there are few, such as first letters: they are remembered.
        """
        known = self._tokens.get((kind, text))
        if known is None:
            digest = self._digest(kind, text)[:_TOKEN_BYTES]
            known = int.from_bytes(digest, "big", signed=True)
            if len(self._tokens) >= MOST_CACHED:
                self._tokens.clear()
            self._tokens[kind, text] = known
        return known

    def _digest(self, kind: str, text: str) -> bytes:
        """HMAC as RFC 2104 defines it, its two padded keys hashed only once."""
        inner = self._inner.copy()
        inner.update(f"{kind}\0{text}".encode())
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()

    def _wrap(self, secret: bytes, owner: str) -> str:
        nonce = os.urandom(_NONCE_BYTES)
        sealed = nonce + self._wrapping[self.current].encrypt(nonce, secret, owner.encode())
        return f"{self.current}.{b2a_base64(sealed, newline=False).decode()}"

    def _unwrap(self, wrapped: str, owner: str) -> bytes:
        number, _, text = wrapped.partition(".")
        try:
            raw = a2b_base64(text)
            return self._wrapping[int(number)].decrypt(
                raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], owner.encode()
            )
        except (InvalidTag, KeyError, ValueError) as error:
            message = f"The data key of {owner} cannot be read with the project's key."
            raise CannotUnseal(message) from error


async def open_vault(tx: Tx, *, afresh: bool = False) -> Vault:
    """Return the project's vault, from the process's memory unless it is wanted ``afresh``."""
    memory = project_memory(tx)
    known: tuple[Vault, float] | None = memory.get(VAULT_MEMORY)
    # A rotation destroys old keys an hour later; nobody may go on wrapping with one of them.
    if known is not None and not afresh and time.monotonic() - known[1] < _REMEMBERED_S:
        return known[0]
    wrapping, index = await list_vault_keys(tx)
    vault = Vault(wrapping, index)
    memory[VAULT_MEMORY] = vault, time.monotonic()
    return vault


async def open_vault_for(tx: Tx, wrapped: Sequence[str | None]) -> Vault:
    """Return the project's vault with the keys that wrapped these data keys."""
    vault = await open_vault(tx)
    if all(vault.knows(one) for one in wrapped if one is not None):
        return vault
    return await open_vault(tx, afresh=True)
