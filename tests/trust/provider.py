"""An OpenID Connect provider on loopback that signs real tokens, and lies when it is told to."""

import base64
import hashlib
import json
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

CLIENT_ID, CLIENT_SECRET = "kaquan", "the-clients-own-secret-of-some-length"


class Provider:
    """One account that signs in at once; ``claims`` are said instead of the true ones."""

    def __init__(self) -> None:
        self.issuer = ""
        self.account: dict[str, Any] = {}
        self.claims: dict[str, Any] = {}
        self.key = RSAKey.generate_key(2048, {"kid": "first"}, private=True)
        self.signing_key: RSAKey | OctKey = self.key
        self.algorithm = "RS256"
        self.now = 0
        self._codes: dict[str, dict[str, str]] = {}

    def change_key(self) -> None:
        """Sign with another key from now on, and publish that one only."""
        self.key = RSAKey.generate_key(2048, {"kid": secrets.token_hex(4)}, private=True)
        self.signing_key = self.key

    def describe(self) -> dict[str, Any]:
        """The discovery document."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }

    def keys(self) -> dict[str, Any]:
        """The published keys."""
        return {"keys": [self.key.as_dict(private=False)]}

    def authorize(self, asked: dict[str, str]) -> str:
        """The address that the browser is sent back to."""
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def trade(self, form: dict[str, str], credentials: str) -> dict[str, Any] | None:
        """The tokens for a code, once, if client, address and verifier fit."""
        asked = self._codes.pop(form.get("code", ""), None)
        own = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            asked is None
            or credentials != f"Basic {own}"
            or asked["redirect_uri"] != form.get("redirect_uri")
            or asked["code_challenge"] != challenge
        ):
            return None
        claims = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": self.now,
            "exp": self.now + 300,
            "nonce": asked["nonce"],
            **self.account,
            **self.claims,
        }
        header = {"alg": self.algorithm, "kid": self.signing_key.as_dict().get("kid", "first")}
        token = jwt.encode(
            header,
            {name: value for name, value in claims.items() if value is not None},
            self.signing_key,
            algorithms=[self.algorithm],
        )
        return {"access_token": "unused", "token_type": "Bearer", "id_token": token}


@contextmanager
def run_provider() -> Generator[Provider]:
    """Serve a provider while the block lasts."""
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path)
            if path.path == "/authorize":
                asked = {name: values[0] for name, values in parse_qs(path.query).items()}
                self.send_response(302)
                self.send_header("Location", provider.authorize(asked))
                self.end_headers()
            elif path.path == "/keys":
                self._say(200, provider.keys())
            else:
                self._say(200, provider.describe())

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(text).items()}
            tokens = provider.trade(form, self.headers.get("Authorization", ""))
            self._say(200 if tokens else 400, tokens or {"error": "invalid_grant"})

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            return

        def _say(self, status: int, body: dict[str, Any]) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.issuer = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
