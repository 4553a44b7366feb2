"""Passwords: Argon2id with the parameters of RFC 9106's second recommendation, and sign-in names."""

import hashlib
import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from kaquan.runtime import InvalidInput

SHORTEST_PASSWORD, LONGEST_PASSWORD = 10, 1024

_hasher = PasswordHasher()


def hash_password(password: str) -> str:
    """Return the Argon2id hash of a password that is long enough. Raises InvalidInput."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        message = f"A password needs at least {SHORTEST_PASSWORD} characters."
        if len(password) > LONGEST_PASSWORD:
            message = f"A password has at most {LONGEST_PASSWORD} characters."
            raise InvalidInput(message, field="password", key="password_too_long")
        raise InvalidInput(message, field="password", key="password_too_short")
    try:
        return _hasher.hash(password)
    except UnicodeEncodeError as error:
        raise InvalidInput("This is not valid Unicode text.", field="password") from error


def password_matches(password_hash: str, password: str) -> bool:
    """Say whether the hash is of this password."""
    if len(password) > LONGEST_PASSWORD:
        return False
    try:
        return _hasher.verify(password_hash, password)
    except (Argon2Error, InvalidHashError, UnicodeEncodeError):
        return False


def needs_rehash(password_hash: str) -> bool:
    """Say whether a hash was made with other parameters than today's."""
    return _hasher.check_needs_rehash(password_hash)


@cache
def nobodys_hash() -> str:
    """Checked when nobody has the name, so that a wrong name takes as long as a wrong password."""
    return _hasher.hash(secrets.token_urlsafe(16))


def email_digest(email: str) -> str:
    """Return the digest under which a sign-in name is found, however it is capitalised."""
    return hashlib.sha256(email.strip().casefold().encode("utf-8", "surrogatepass")).hexdigest()


def token_digest(token: str) -> str:
    """Return the digest under which a secret that opens something is stored."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def check_email(email: str) -> str:
    """Return an address that mail can be sent to, as far as its form tells. Raises InvalidInput."""
    local, _, domain = email.partition("@")
    fits = email.isprintable() and email == email.strip() and len(email) <= 254
    if not (fits and local and domain) or "@" in domain or any(c.isspace() for c in email):
        raise InvalidInput("This is not an e-mail address.", field="email")
    return email
