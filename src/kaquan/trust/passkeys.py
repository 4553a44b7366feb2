"""Passkeys (WebAuthn, level 2): signing in by an authenticator's signature, without a password.

The person is found by the credential, so the login asks for no name and tells nobody who is here.
User verification (fingerprint, face, PIN) is required, so a passkey stands for both factors.
"""

import base64
import binascii
import secrets
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import msgspec
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from kaquan.runtime import (
    Database,
    InvalidInput,
    KaquanError,
    NotFound,
    Tx,
    check_name,
    read_projects,
)
from kaquan.trust.model import SignedIn, User
from kaquan.trust.passkey_store import (
    Passkey,
    delete_passkey_row,
    find_passkey,
    insert_challenge,
    insert_passkey,
    list_passkeys,
    spend_challenge,
    update_passkey_used,
)
from kaquan.trust.sessions import open_session
from kaquan.trust.team_store import get_member

CHALLENGE_LASTS = timedelta(minutes=5)
MOST_PASSKEYS = 20
LONGEST_ANSWER = 20_000


class PasskeyRefused(KaquanError):
    """The authenticator's answer proves nothing here."""

    key = "passkey_refused"


class RelyingParty(msgspec.Struct, frozen=True):
    """The site that passkeys are bound to, by its address such as ``https://shop.example``."""

    origin: str
    name: str = "Kaquan"

    @property
    def id(self) -> str:
        """The host's name."""
        return urlsplit(self.origin).hostname or ""


class _Answer(msgspec.Struct):
    clientDataJSON: str  # noqa: N815 - WebAuthn's name


class _Credential(msgspec.Struct):
    id: str
    response: _Answer


class _ClientData(msgspec.Struct):
    challenge: str


async def offer_registration(tx: Tx, user: User, site: RelyingParty, *, now: datetime) -> str:
    """Return what the browser is to ask an authenticator for, as JSON. Raises InvalidInput."""
    known = await list_passkeys(tx, user.id)
    if len(known) >= MOST_PASSKEYS:
        message = f"A person has at most {MOST_PASSKEYS} passkeys."
        raise InvalidInput(message, field="passkey")
    challenge = secrets.token_bytes(32)
    await insert_challenge(
        tx, challenge, user_id=user.id, now=now, expires_at=now + CHALLENGE_LASTS
    )
    options = generate_registration_options(
        rp_id=site.id,
        rp_name=site.name,
        user_name=user.email,
        user_id=user.id.encode(),
        user_display_name=user.name or user.email,
        challenge=challenge,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=_bytes(one.id)) for one in known],
    )
    return options_to_json(options)


async def register_passkey(
    tx: Tx, user: User, site: RelyingParty, *, answer: bytes, name: str, now: datetime
) -> Passkey:
    """Keep the public key of an authenticator that answered. Raises PasskeyRefused, InvalidInput."""
    checked = check_name(name, "name")
    challenge = _read_challenge(answer)
    if not await spend_challenge(tx, challenge, user_id=user.id, now=now):
        raise PasskeyRefused("This was not asked for, or too long ago.")
    try:
        verified = verify_registration_response(
            credential=answer.decode(),
            expected_challenge=challenge,
            expected_rp_id=site.id,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise PasskeyRefused("The authenticator's answer does not hold.") from error
    passkey = Passkey(
        project_id=user.project_id,
        id=_text(verified.credential_id),
        user_id=user.id,
        name=checked or "Passkey",
        public_key=verified.credential_public_key,
        sign_count=verified.sign_count,
        created_at=now,
        last_used_at=None,
    )
    if any(one.id == passkey.id for one in await list_passkeys(tx, user.id)):
        raise PasskeyRefused("This passkey is known already.")
    await insert_passkey(tx, passkey)
    return passkey


async def remove_passkey(tx: Tx, user_id: str, credential_id: str) -> None:
    """Forget a person's passkey. Raises NotFound."""
    if not await delete_passkey_row(tx, user_id, credential_id):
        raise NotFound("passkey", credential_id)


async def offer_sign_in(database: Database, site: RelyingParty, *, now: datetime) -> str:
    """Return what the browser is to ask any authenticator for, as JSON."""
    challenge = secrets.token_bytes(32)
    async with database.transaction(await _meeting_place(database)) as tx:
        await insert_challenge(
            tx, challenge, user_id=None, now=now, expires_at=now + CHALLENGE_LASTS
        )
    options = generate_authentication_options(
        rp_id=site.id,
        challenge=challenge,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json(options)


async def sign_in_by_passkey(
    database: Database,
    site: RelyingParty,
    *,
    answer: bytes,
    user_agent: str = "",
    now: datetime,
) -> SignedIn:
    """Open a session for the person whose authenticator answered. Raises PasskeyRefused."""
    challenge = _read_challenge(answer)
    async with database.transaction(await _meeting_place(database)) as tx:
        if not await spend_challenge(tx, challenge, user_id=None, now=now):
            raise PasskeyRefused("This was not asked for, or too long ago.")
    credential_id = _read(answer).id
    async with database.transaction(lookup=credential_id) as tx:
        passkey = await find_passkey(tx, credential_id)
    if passkey is None:
        raise PasskeyRefused("This passkey is not known here.")
    try:
        verified = verify_authentication_response(
            credential=answer.decode(),
            expected_challenge=challenge,
            expected_rp_id=site.id,
            expected_origin=site.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise PasskeyRefused("The authenticator's answer does not hold.") from error
    async with database.transaction(passkey.project_id) as tx:
        try:
            user = await get_member(tx, passkey.user_id)
        except NotFound as error:
            raise PasskeyRefused("This passkey is not known here.") from error
        await update_passkey_used(tx, passkey.id, sign_count=verified.new_sign_count, now=now)
        return await open_session(tx, user, user_agent=user_agent, now=now)


async def _meeting_place(database: Database) -> int:
    """The project that challenges of strangers are kept in: the oldest."""
    projects = await read_projects(database)
    if not projects:
        raise PasskeyRefused("There is no project yet.")
    return projects[0].project_id


def _read(answer: bytes) -> _Credential:
    try:
        if len(answer) > LONGEST_ANSWER:
            raise PasskeyRefused("The authenticator's answer cannot be read.")
        credential = msgspec.json.decode(answer, type=_Credential)
        _bytes(credential.id)
    except (msgspec.MsgspecError, UnicodeError, binascii.Error, ValueError) as error:
        raise PasskeyRefused("The authenticator's answer cannot be read.") from error
    return credential


def _read_challenge(answer: bytes) -> bytes:
    try:
        data = _bytes(_read(answer).response.clientDataJSON)
        return _bytes(msgspec.json.decode(data, type=_ClientData).challenge)
    except (msgspec.MsgspecError, UnicodeError, binascii.Error, ValueError) as error:
        raise PasskeyRefused("The authenticator's answer cannot be read.") from error


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode("ascii")
