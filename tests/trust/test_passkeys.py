"""Passkeys, with an authenticator in software that makes real signatures (WebAuthn, level 2)."""

import base64
import hashlib
import json
import os
import struct
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from conftest import NOW
from kaquan.runtime import Database, NotFound, Project, new_id
from kaquan.trust import (
    PasskeyRefused,
    RelyingParty,
    Role,
    User,
    create_user,
    list_passkeys,
    offer_registration,
    offer_sign_in,
    register_passkey,
    remove_member,
    remove_passkey,
    session_user,
    sign_in_by_passkey,
)

SITE = RelyingParty("https://coupons.example")
PRESENT, VERIFIED, WITH_KEY = 1, 4, 64


def encode(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def cbor(value: Any) -> bytes:
    """The little of RFC 8949 that an attestation is made of."""
    match value:
        case int():
            return _head(0, value) if value >= 0 else _head(1, -1 - value)
        case bytes():
            return _head(2, len(value)) + value
        case str():
            return _head(3, len(value.encode())) + value.encode()
        case _:
            return _head(5, len(value)) + b"".join(cbor(k) + cbor(v) for k, v in value.items())


def _head(kind: int, number: int) -> bytes:
    if number < 24:
        return bytes([kind << 5 | number])
    if number < 256:
        return bytes([kind << 5 | 24, number])
    return bytes([kind << 5 | 25]) + struct.pack(">H", number)


class Authenticator:
    """Holds one P-256 key and does what it is asked, honestly unless told otherwise."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.credential_id = os.urandom(32)
        self.count = 0
        self.origin = SITE.origin
        self.rp_id = SITE.id
        self.flags = PRESENT | VERIFIED

    def register(self, options: str) -> bytes:
        numbers = self.key.public_key().public_numbers()
        cose = cbor({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)})
        data = self._data(self.flags | WITH_KEY)
        data += bytes(16) + struct.pack(">H", 32) + self.credential_id + cose
        attestation = cbor({"fmt": "none", "attStmt": {}, "authData": data})
        return self._answer(
            {
                "clientDataJSON": encode(self._said("webauthn.create", options)),
                "attestationObject": encode(attestation),
            }
        )

    def sign(self, options: str) -> bytes:
        self.count += 1
        said, data = self._said("webauthn.get", options), self._data(self.flags)
        signature = self.key.sign(data + hashlib.sha256(said).digest(), ec.ECDSA(hashes.SHA256()))
        return self._answer(
            {
                "clientDataJSON": encode(said),
                "authenticatorData": encode(data),
                "signature": encode(signature),
            }
        )

    def _data(self, flags: int) -> bytes:
        site = hashlib.sha256(self.rp_id.encode()).digest()
        return site + bytes([flags]) + struct.pack(">I", self.count)

    def _said(self, kind: str, options: str) -> bytes:
        challenge = json.loads(options)["challenge"]
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin}).encode()

    def _answer(self, response: dict[str, str]) -> bytes:
        own_id = encode(self.credential_id)
        answer = {"id": own_id, "rawId": own_id, "type": "public-key", "response": response}
        return json.dumps(answer).encode()


async def _person(database: Database, project: Project) -> User:
    async with database.transaction(project.project_id) as tx:
        made = await create_user(
            tx,
            f"{new_id('mail')}@example.com",
            password="correct horse battery",
            name="Lin",
            role=Role.ANALYST,
            now=NOW,
        )
    return msgspec.structs.replace(made, project_id=project.project_id)


async def _register(database: Database, person: User, device: Authenticator) -> None:
    async with database.transaction(person.project_id) as tx:
        options = await offer_registration(tx, person, SITE, now=NOW)
        answer = device.register(options)
        await register_passkey(tx, person, SITE, answer=answer, name="Phone", now=NOW)


async def test_a_passkey_opens_a_session(database: Database, project: Project) -> None:
    person, device = await _person(database, project), Authenticator()
    await _register(database, person, device)
    for _ in range(2):
        options = await offer_sign_in(database, SITE, now=NOW)
        session = await sign_in_by_passkey(database, SITE, answer=device.sign(options), now=NOW)
        assert (session.user.id, session.user.project_id) == (person.id, project.project_id)
        assert await session_user(database, session.token, now=NOW) is not None
    async with database.transaction(project.project_id) as tx:
        (kept,) = await list_passkeys(tx, person.id)
        assert (kept.sign_count, kept.last_used_at) == (2, NOW)


@pytest.mark.parametrize(
    "case",
    [
        "another site's page",
        "another site's key",
        "nobody verified",
        "another key",
        "a clone",
        "a replay",
        "too late",
        "never asked for",
        "of somebody removed",
        "forgotten",
        "unknown",
    ],
)
async def test_what_opens_nothing(database: Database, project: Project, case: str) -> None:
    person, device, at = await _person(database, project), Authenticator(), NOW
    if case != "unknown":
        await _register(database, person, device)
    options = await offer_sign_in(database, SITE, now=NOW)
    match case:
        case "another site's page":
            device.origin = "https://coupons.example.evil.example"
        case "another site's key":
            device.rp_id = "evil.example"
        case "nobody verified":
            device.flags = PRESENT
        case "another key":
            device.key = ec.generate_private_key(ec.SECP256R1())
        case "a clone":
            device.count = 7
            await sign_in_by_passkey(database, SITE, answer=device.sign(options), now=NOW)
            options, device.count = await offer_sign_in(database, SITE, now=NOW), 3
        case "too late":
            at = NOW + timedelta(minutes=5)
        case "never asked for":
            options = json.dumps({"challenge": encode(os.urandom(32))})
        case "of somebody removed":
            async with database.transaction(project.project_id) as tx:
                await remove_member(tx, person.id, removed_by=None)
        case "forgotten":
            async with database.transaction(project.project_id) as tx:
                await remove_passkey(tx, person.id, encode(device.credential_id))
        case _:
            pass
    answer = device.sign(options)
    if case == "a replay":
        await sign_in_by_passkey(database, SITE, answer=answer, now=NOW)
    with pytest.raises(PasskeyRefused):
        await sign_in_by_passkey(database, SITE, answer=answer, now=at)


@pytest.mark.parametrize(
    "case", ["another site's page", "nobody verified", "a replay", "somebody else's"]
)
async def test_what_is_not_registered(database: Database, project: Project, case: str) -> None:
    person, device = await _person(database, project), Authenticator()
    asked = person
    match case:
        case "another site's page":
            device.origin = "https://evil.example"
        case "nobody verified":
            device.flags = PRESENT
        case "somebody else's":
            asked = await _person(database, project)
        case _:
            pass
    async with database.transaction(project.project_id) as tx:
        answer = device.register(await offer_registration(tx, asked, SITE, now=NOW))
        if case == "a replay":
            await register_passkey(tx, person, SITE, answer=answer, name="", now=NOW)
        with pytest.raises(PasskeyRefused):
            await register_passkey(tx, person, SITE, answer=answer, name="", now=NOW)


@pytest.mark.parametrize(
    "answer", [b"", b"{}", b"\xff", b"[" * 50_000, b'{"id": "\\u0000", "response": {}}']
)
async def test_what_cannot_be_read(database: Database, project: Project, answer: bytes) -> None:
    assert project.project_id
    with pytest.raises(PasskeyRefused):
        await sign_in_by_passkey(database, SITE, answer=answer, now=NOW)


async def test_nobody_removes_anothers(database: Database, project: Project) -> None:
    person, device = await _person(database, project), Authenticator()
    await _register(database, person, device)
    async with database.transaction(project.project_id) as tx:
        with pytest.raises(NotFound):
            await remove_passkey(tx, "user_other", encode(device.credential_id))
