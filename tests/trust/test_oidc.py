"""Signing in by an OpenID Connect provider: who gets in, and what is not believed."""

from collections.abc import Generator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
import pytest
from joserfc.jwk import OctKey, RSAKey

from conftest import NOW
from kaquan.runtime import Database, Project, Unavailable, new_id
from kaquan.trust import (
    Errand,
    IdentityProvider,
    IdentityRefused,
    OidcClient,
    Role,
    SignedIn,
    User,
    create_user,
    remove_member,
    session_user,
    sign_in_by_identity,
)
from trust.provider import CLIENT_ID, CLIENT_SECRET, Provider, run_provider

RETURN = "https://shop.example/login/oidc/return"


@pytest.fixture(scope="module")
def served() -> Generator[Provider]:
    """A provider for all tests of this file."""
    with run_provider() as provider:
        yield provider


@pytest.fixture
def provider(served: Provider) -> Provider:
    """A provider that tells the truth about a new account."""
    served.account = {"sub": new_id("sub")}
    served.claims = {}
    served.algorithm, served.signing_key = "RS256", served.key
    served.now = int(NOW.timestamp())
    return served


@pytest.fixture
async def person(database: Database, project: Project) -> User:
    """Somebody of the project."""
    async with database.transaction(project.project_id) as tx:
        made = await create_user(
            tx,
            f"{new_id('mail')}@example.com",
            password="correct horse battery",
            name="Lin",
            role=Role.MARKETER,
            now=NOW,
        )
    return msgspec.structs.replace(made, project_id=project.project_id)


def _client(provider: Provider, **changes: Any) -> OidcClient:
    known = {
        "issuer": provider.issuer,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "name": "Example",
    }
    return OidcClient(IdentityProvider(**{**known, **changes}))


async def _ask(client: OidcClient) -> tuple[Errand, dict[str, str]]:
    """Let a browser go to the provider; returns what it brings back."""
    address, errand = await client.begin(redirect_uri=RETURN, next_path="/console")
    async with httpx.AsyncClient() as browser:
        answer = await browser.get(address)
    back = parse_qs(urlsplit(answer.headers["Location"]).query)
    return errand, {name: values[0] for name, values in back.items()}


async def _sign_in(database: Database, client: OidcClient) -> SignedIn:
    errand, back = await _ask(client)
    identity = await client.finish(errand, **back, redirect_uri=RETURN, now=NOW)
    return await sign_in_by_identity(database, identity, now=NOW)


def _claim(provider: Provider, person: User, *, verified: object = True) -> None:
    provider.account |= {"email": person.email.upper(), "email_verified": verified}


async def test_a_verified_address_opens_the_door_and_then_the_subject_does(
    database: Database, provider: Provider, person: User
) -> None:
    _claim(provider, person)
    first = await _sign_in(database, _client(provider))
    assert first.user.id == person.id
    shown = await session_user(database, first.token, now=NOW)
    assert shown is not None
    assert shown.id == person.id
    # The provider has another address by now, or none: it is the same account.
    provider.account = {"sub": provider.account["sub"]}
    again = await _sign_in(database, _client(provider))
    assert again.user.id == person.id


@pytest.mark.parametrize("verified", [False, "true", None])
async def test_an_address_that_is_not_verified_proves_nothing(
    database: Database, provider: Provider, person: User, verified: object
) -> None:
    _claim(provider, person, verified=verified)
    with pytest.raises(IdentityRefused, match="not verified"):
        await _sign_in(database, _client(provider))


async def test_strangers_stay_outside(database: Database, provider: Provider) -> None:
    provider.account |= {"email": f"{new_id('mail')}@example.com", "email_verified": True}
    with pytest.raises(IdentityRefused, match="not known"):
        await _sign_in(database, _client(provider))


async def test_an_address_that_was_given_to_somebody_else_opens_nothing(
    database: Database, provider: Provider, person: User
) -> None:
    _claim(provider, person)
    await _sign_in(database, _client(provider))
    provider.account["sub"] = new_id("sub")
    with pytest.raises(IdentityRefused, match="another account"):
        await _sign_in(database, _client(provider))


async def test_who_was_removed_stays_outside(
    database: Database, provider: Provider, person: User
) -> None:
    _claim(provider, person)
    await _sign_in(database, _client(provider))
    async with database.transaction(person.project_id) as tx:
        await remove_member(tx, person.id, removed_by=None)
    with pytest.raises(IdentityRefused, match="not known"):
        await _sign_in(database, _client(provider))


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("iss", "https://elsewhere.example"),
        ("aud", "another-client"),
        ("nonce", "of-another-errand"),
        ("nonce", None),
        ("exp", int(NOW.timestamp()) - 3600),
        ("exp", None),
        ("iat", int(NOW.timestamp()) + 3600),
        ("sub", None),
        ("sub", 12),
        ("azp", "another-client"),
    ],
)
async def test_a_token_with_a_wrong_claim_is_refused(
    database: Database, provider: Provider, person: User, claim: str, value: object
) -> None:
    _claim(provider, person)
    provider.claims = {claim: value}
    with pytest.raises(IdentityRefused, match="ID token"):
        await _sign_in(database, _client(provider))


@pytest.mark.parametrize("forgery", ["another key", "the client's secret as a key"])
async def test_a_token_that_the_provider_did_not_sign_is_refused(
    database: Database, provider: Provider, person: User, forgery: str
) -> None:
    _claim(provider, person)
    if forgery == "another key":
        provider.signing_key = RSAKey.generate_key(2048, {"kid": "first"}, private=True)
    else:
        provider.algorithm = "HS256"
        provider.signing_key = OctKey.import_key(CLIENT_SECRET, {"kid": "first"})
    with pytest.raises(IdentityRefused, match="does not hold"):
        await _sign_in(database, _client(provider))


async def test_new_keys_of_the_provider_are_found(
    database: Database, provider: Provider, person: User
) -> None:
    _claim(provider, person)
    client = _client(provider)
    await _sign_in(database, client)
    provider.change_key()
    assert (await _sign_in(database, client)).user.id == person.id


@pytest.mark.parametrize("spoiled", ["state", "code", "verifier"])
async def test_an_answer_of_another_errand_is_refused(provider: Provider, spoiled: str) -> None:
    client = _client(provider)
    errand, back = await _ask(client)
    if spoiled == "verifier":
        errand = msgspec.structs.replace(errand, verifier="x" * 64)
    else:
        back[spoiled] = "made-up"
    with pytest.raises(IdentityRefused):
        await client.finish(errand, **back, redirect_uri=RETURN, now=NOW)


async def test_a_code_is_good_once(provider: Provider) -> None:
    client = _client(provider)
    errand, back = await _ask(client)
    await client.finish(errand, **back, redirect_uri=RETURN, now=NOW)
    with pytest.raises(IdentityRefused, match="code"):
        await client.finish(errand, **back, redirect_uri=RETURN, now=NOW)


async def test_a_provider_of_another_name_or_none_is_unavailable(provider: Provider) -> None:
    wrong_name = _client(provider, issuer=f"{provider.issuer}/")
    with pytest.raises(Unavailable, match="another address"):
        await wrong_name.begin(redirect_uri=RETURN, next_path="/")
    with pytest.raises(Unavailable, match="does not answer"):
        await _client(provider, issuer="http://127.0.0.1:1").begin(
            redirect_uri=RETURN, next_path="/"
        )
