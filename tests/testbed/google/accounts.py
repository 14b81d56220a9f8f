"""Service accounts, and the tokens that they get.

https://developers.google.com/identity/protocols/oauth2/service-account#httprest
https://google.aip.dev/auth/4111 (tokens that an account signs itself)
"""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
Answer = tuple[int, Any]


@dataclass(frozen=True)
class Account:
    """A service account with one key."""

    email: str
    project: str
    private: rsa.RSAPrivateKey = field(
        default_factory=lambda: rsa.generate_private_key(65537, 2048), repr=False
    )

    @cached_property
    def pem(self) -> str:
        """The private key, as key files have it."""
        return self.private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()

    def key(self, token_uri: str) -> str:
        """The content of a key file."""
        return json.dumps(
            {
                "type": "service_account",
                "project_id": self.project,
                "private_key_id": "1",
                "private_key": self.pem,
                "client_email": self.email,
                "client_id": "1",
                "token_uri": token_uri,
                "universe_domain": "googleapis.com",
            }
        )

    def signed(self, token: str) -> dict[str, Any] | None:
        """What a token says that the account signed itself and that is still good, or None."""
        try:
            return dict(
                jwt.decode(
                    token,
                    self.private.public_key(),
                    algorithms=["RS256"],
                    issuer=self.email,
                    options={"verify_aud": False},
                )
            )
        except jwt.PyJWTError:
            return None


@dataclass
class Accounts:
    """All accounts of a project.

    `lifetime` is how long the next tokens are good, in seconds, and `given` says who got them, in
    order; tests change and read both at will.
    """

    project: str
    lifetime: float = 3599.0
    given: list[str] = field(default_factory=list)
    _known: dict[str, Account] = field(default_factory=dict, repr=False)
    _tokens: dict[str, tuple[str, float]] = field(default_factory=dict, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def create(self, name: str) -> Account:
        """A new account."""
        email = f"{name}@{self.project}.iam.gserviceaccount.com"
        return self._known.setdefault(email, Account(email, self.project))

    def delete(self, account: Account) -> None:
        """From now on nobody knows it; its tokens are good until they end, as with Google."""
        self._known.pop(account.email, None)

    def revoke(self) -> None:
        """All tokens so far are good no longer."""
        with self._lock:
            self._tokens.clear()

    def give(self, email: str) -> dict[str, Any]:
        """A new access token for an account, with how many seconds it lasts."""
        with self._lock:
            # Never one of another test: the API server may still remember that.
            token = f"ya29.canary-{secrets.token_hex(16)}"
            self._tokens[token] = (email, time.monotonic() + self.lifetime)
            self.given.append(email)
        return {"access_token": token, "expires_in": int(self.lifetime), "token_type": "Bearer"}

    def exchange(self, form: dict[str, list[str]]) -> Answer:
        """An access token for an assertion that an account signed."""
        (assertion,) = form.get("assertion", [""])
        account = self._signer(assertion)
        if form.get("grant_type") != [GRANT] or account is None:
            complaint = "Invalid JWT Signature."
            return 400, {"error": "invalid_grant", "error_description": complaint}
        return 200, self.give(account.email)

    def owner(self, token: str) -> str | None:
        """Whose access token it is; None for one that is not good, or no longer."""
        with self._lock:
            email, end = self._tokens.get(token, (None, 0.0))
        return email if time.monotonic() < end else None

    def caller(self, authorization: str) -> str | None:
        """Who asks an API: with an access token, or with one that the account signed itself."""
        token = authorization.removeprefix("Bearer ")
        account = self._signer(token)
        return account.email if account else self.owner(token)

    def _signer(self, token: str) -> Account | None:
        found = (account for account in self._known.values() if account.signed(token))
        return next(found, None)
