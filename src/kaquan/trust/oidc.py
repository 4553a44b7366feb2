"""Signing in by an OpenID Connect provider: authorization code flow with PKCE.

Sources: OpenID Connect Core 1.0 (section 3.1) and Discovery 1.0, RFC 7636, RFC 9700. An account at
the provider opens the door only to people who are here already: the first time by the address
that the provider has verified, from then on by its subject alone.
"""

import base64
import hashlib
import secrets
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import msgspec
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from kaquan.runtime import Database, KaquanError, NotFound, Unavailable
from kaquan.trust.model import SignedIn
from kaquan.trust.oidc_store import find_link, find_linked, upsert_link
from kaquan.trust.passwords import email_digest
from kaquan.trust.sessions import open_session
from kaquan.trust.store import list_sign_ins
from kaquan.trust.team_store import get_member

ALGORITHMS = ("RS256", "PS256", "ES256", "ES384", "EdDSA")
LEEWAY_S = 60
LONGEST_ANSWER = 1_000_000
_TIMEOUT_S = 10.0
_DISCOVERY = "/.well-known/openid-configuration"


class IdentityRefused(KaquanError):
    """What the provider says proves nothing here, or is of somebody who is not here."""

    key = "identity_refused"


class IdentityProvider(msgspec.Struct, frozen=True, kw_only=True):
    """An OpenID Connect provider at which this server is a confidential client.

    ``issuer`` is its address without the well-known path; ``name`` what people call it.
    """

    issuer: str
    client_id: str
    client_secret: str
    name: str


class Errand(msgspec.Struct, frozen=True, kw_only=True):
    """What a browser was sent to the provider with; its answer is taken from this browser only."""

    state: str
    nonce: str
    verifier: str
    next: str = "/"


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """A person as the provider knows them; ``email`` only if the provider has verified it."""

    issuer: str
    subject: str
    email: str | None


class _Endpoints(msgspec.Struct, frozen=True):
    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


class _Tokens(msgspec.Struct, frozen=True):
    id_token: str


class OidcClient:
    """Talks to one provider; what it says of itself is asked for once and kept."""

    def __init__(self, provider: IdentityProvider) -> None:
        """Prepare; nothing is asked yet."""
        self.provider = provider
        self._endpoints: _Endpoints | None = None
        self._keys: KeySet | None = None

    async def begin(self, *, redirect_uri: str, next_path: str) -> tuple[str, Errand]:
        """Return the address to send the browser to, and what is to be kept for its return.

        Raises Unavailable when the provider does not answer.
        """
        endpoints = await self._discover()
        errand = Errand(
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
            next=next_path,
        )
        challenge = hashlib.sha256(errand.verifier.encode()).digest()
        asked = {
            "response_type": "code",
            "client_id": self.provider.client_id,
            "redirect_uri": redirect_uri,
            "scope": "openid email profile",
            "state": errand.state,
            "nonce": errand.nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        address = endpoints.authorization_endpoint
        return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(asked)}", errand

    async def finish(
        self, errand: Errand, *, state: str, code: str, redirect_uri: str, now: datetime
    ) -> Identity:
        """Trade the code that the browser brought back for the person's identity.

        Raises IdentityRefused for an answer that does not belong to ``errand`` or whose token does
        not hold, and Unavailable when the provider does not answer.
        """
        if not secrets.compare_digest(state.encode(), errand.state.encode()):
            raise IdentityRefused("This answer belongs to another request.")
        endpoints = await self._discover()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": errand.verifier,
        }
        answer = await self._ask("POST", endpoints.token_endpoint, form=form)
        if answer.status_code != HTTPStatus.OK:
            raise IdentityRefused("The provider does not accept the code.")
        try:
            token = msgspec.json.decode(answer.content, type=_Tokens).id_token
        except msgspec.MsgspecError as error:
            raise IdentityRefused("The provider's answer has no ID token.") from error
        claims = await self._verify(token, nonce=errand.nonce, now=now)
        email = claims.get("email")
        verified = claims.get("email_verified") is True and isinstance(email, str)
        return Identity(
            issuer=self.provider.issuer,
            subject=claims["sub"],
            email=email if verified else None,
        )

    async def _verify(self, token: str, *, nonce: str, now: datetime) -> dict[str, Any]:
        """Return the claims of a token that was signed by the provider, for us, for this errand."""
        registry = jwt.JWTClaimsRegistry(
            now=int(now.timestamp()),
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self.provider.issuer},
            aud={"essential": True, "value": self.provider.client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            claims = (await self._decode(token)).claims
            registry.validate(claims)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise IdentityRefused("The provider's ID token does not hold.") from error
        party = claims.get("azp", self.provider.client_id)
        if not isinstance(claims["sub"], str) or party != self.provider.client_id:
            raise IdentityRefused("The provider's ID token is not for this server.")
        return claims

    async def _decode(self, token: str) -> jwt.Token:
        known = self._keys is not None
        try:
            return jwt.decode(token, await self._read_keys(), algorithms=ALGORITHMS)
        except InvalidKeyIdError:
            if not known:
                raise
        # The provider may have changed its keys since they were read.
        self._keys = None
        return jwt.decode(token, await self._read_keys(), algorithms=ALGORITHMS)

    async def _discover(self) -> _Endpoints:
        if self._endpoints is None:
            answer = await self._ask("GET", self.provider.issuer.rstrip("/") + _DISCOVERY)
            try:
                found = msgspec.json.decode(answer.content, type=_Endpoints)
            except msgspec.MsgspecError as error:
                raise Unavailable("The identity provider does not describe itself.") from error
            if found.issuer != self.provider.issuer:
                raise Unavailable("The identity provider calls itself by another address.")
            self._endpoints = found
        return self._endpoints

    async def _read_keys(self) -> KeySet:
        if self._keys is None:
            answer = await self._ask("GET", (await self._discover()).jwks_uri)
            try:
                self._keys = KeySet.import_key_set(msgspec.json.decode(answer.content))
            except (msgspec.MsgspecError, JoseError, ValueError, KeyError, TypeError) as error:
                raise Unavailable("The identity provider's keys cannot be read.") from error
        return self._keys

    async def _ask(
        self, method: str, address: str, *, form: dict[str, str] | None = None
    ) -> httpx.Response:
        own = (self.provider.client_id, self.provider.client_secret)
        try:
            async with httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=False) as client:
                answer = await client.request(
                    method, address, data=form, auth=own if form is not None else None
                )
        except httpx.HTTPError as error:
            raise Unavailable("The identity provider does not answer.") from error
        if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise Unavailable("The identity provider has a fault.")
        if len(answer.content) > LONGEST_ANSWER:
            raise Unavailable("The identity provider says too much.")
        return answer


async def sign_in_by_identity(
    database: Database, identity: Identity, *, user_agent: str = "", now: datetime
) -> SignedIn:
    """Open a session for the person whom an identity is linked to.

    An identity that is not linked yet is linked to the person with its verified address. Raises
    IdentityRefused when there is none, or that person is linked to another account already.
    """
    digest = hashlib.sha256(f"{identity.issuer}\n{identity.subject}".encode()).hexdigest()
    async with database.transaction(lookup=digest) as tx:
        linked = await find_linked(tx, digest)
    project_id, user_id = linked or await _find_by_address(database, identity)
    async with database.transaction(project_id) as tx:
        try:
            person = await get_member(tx, user_id)
        except NotFound as error:
            raise IdentityRefused("This account is not known here.") from error
        if linked is None and await find_link(tx, person.id, identity.issuer) is not None:
            raise IdentityRefused("This person signs in by another account.")
        await upsert_link(tx, digest, person.id, issuer=identity.issuer, now=now)
        return await open_session(tx, person, user_agent=user_agent, now=now)


async def _find_by_address(database: Database, identity: Identity) -> tuple[int, str]:
    if identity.email is None:
        raise IdentityRefused("The provider has not verified this account's e-mail address.")
    digest = email_digest(identity.email)
    async with database.transaction(lookup=digest) as tx:
        people = await list_sign_ins(tx, digest)
    if not people:
        raise IdentityRefused("This account is not known here.")
    person, _ = people[0]
    return person.project_id, person.id
