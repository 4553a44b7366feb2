"""Signatures of what sources post, verified over the raw body and compared in constant time."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, RSAKey

from kaquan.connectors.model import BadSignature, Source
from kaquan.runtime import InvalidInput

_ALGORITHM = "RS256"


class _Registry(jws.JWSRegistry):
    """As large a body as is taken at all; joserfc's own bound is meant for tokens."""

    max_payload_length = 8 * 1024 * 1024


def verify_signature(source: Source, headers: Mapping[str, str], body: bytes) -> None:
    """Raise BadSignature unless the body is signed as the source signs. Names are in lower case."""
    signing = source.signing
    given = headers.get(signing.header.lower(), "")
    if not given:
        message = f"The header {signing.header} is missing."
        raise BadSignature(message)
    if signing.scheme == "jws_rs256" and source.secret is None:
        _verify_jws(given, source.public_keys, body)
        return
    if source.secret is None:
        raise BadSignature("The source has no secret yet.")
    made = hmac.digest(source.secret.encode(), body, hashlib.sha256)
    written = base64.b64encode(made).decode() if signing.encoding == "base64" else made.hex()
    expected = (signing.prefix + written).encode()
    presented = given.strip().encode("utf-8", "replace")
    if not hmac.compare_digest(presented, expected):
        raise BadSignature("The signature is not the body's.")


def check_public_keys(text: str) -> str:
    """Return a JWKS (JSON) or an RSA public key in PEM as it came. Raises InvalidInput."""
    try:
        _read_keys(text)
    except (JoseError, ValueError, TypeError, KeyError, msgspec.DecodeError) as error:
        message = "This is neither a JWKS with RSA keys nor an RSA public key in PEM."
        raise InvalidInput(message, field="public_keys") from error
    return text


def _read_keys(text: str) -> KeySet:
    if text.lstrip().startswith("{"):
        given: Any = msgspec.json.decode(text)
        keys = KeySet.import_key_set(given)
    else:
        keys = KeySet([RSAKey.import_key(text)])
    if not keys.keys or any(not isinstance(key, RSAKey) or key.is_private for key in keys.keys):
        raise ValueError
    return keys


def _verify_jws(given: str, public_keys: str | None, body: bytes) -> None:
    """RFC 7515 with detached content (appendix F), and unencoded (RFC 7797) where it says so."""
    if public_keys is None:
        raise BadSignature("The source has no public key yet.")
    parts = given.strip().split(".")
    # Content inside of the signature could be any, whatever the body says.
    if len(parts) != 3 or parts[1]:
        raise BadSignature("The signature is no detached JWS.")
    registry = _Registry(algorithms=[_ALGORITHM])
    for key in _read_keys(public_keys).keys:
        try:
            jws.deserialize_compact(
                given.strip(), key, algorithms=[_ALGORITHM], registry=registry, payload=body
            )
        except (JoseError, ValueError):
            continue
        return
    raise BadSignature("The signature is not the body's, or by an unknown key.")
