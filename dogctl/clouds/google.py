"""Who we are to Google: the key in the settings, or what this machine has.

https://cloud.google.com/docs/authentication/application-default-credentials
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from dogctl.errors import DogctlError
from dogctl.secrets import Secret

CLOUD = "https://www.googleapis.com/auth/cloud-platform"
# Without it, Kubernetes knows us by a number, and no role that names us is ours.
EMAIL = "https://www.googleapis.com/auth/userinfo.email"
BAD_KEY = "google-bad-key"
REFUSED = "google-login-refused"
NO_LOGIN = "google-no-login"
LOG_IN = "gcloud auth application-default login"
# The machines of Google hand the same token out until it has not much longer.
ASK_AGAIN = timedelta(seconds=60)
# For one answer to the question for a token; google-auth would wait for two minutes.
SECONDS = 10.0


@dataclass
class Account:
    """An account, and the token it has now. Any thread may use it.

    Args:
        credentials: as google-auth has them.
        whose: what it is called in errors.
    """

    credentials: Any = field(repr=False)
    whose: str
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    _asked: datetime | None = field(default=None, init=False, repr=False)

    @property
    def email(self) -> str | None:
        """Its address, if that is known."""
        found: str | None = getattr(self.credentials, "service_account_email", None)
        return found if found and "@" in found else None

    def token(self, seconds: float = 0) -> Secret:
        """A token, good for so many seconds where Google gives such. Raises DogctlError."""
        with self._lock:
            if not self._lasts(timedelta(seconds=seconds)):
                self._refresh()
            return Secret(self.credentials.token)

    def forget(self) -> None:
        """Ask for another token the next time: this one was refused."""
        with self._lock:
            self.credentials.token, self._asked = None, None

    def _lasts(self, needed: timedelta) -> bool:
        if not self.credentials.token or self._asked is None:
            return False
        now = datetime.now(UTC).replace(tzinfo=None)  # as google-auth keeps it
        expiry = self.credentials.expiry
        return expiry is None or now + needed < expiry or now - self._asked < ASK_AGAIN

    def _refresh(self) -> None:
        from google.auth.exceptions import GoogleAuthError
        from google.auth.transport.requests import Request

        try:
            self.credentials.refresh(partial(Request(), timeout=SECONDS))
        except GoogleAuthError as error:
            raise DogctlError(
                f"Google gives no access token for {self.whose}: {reason(error)}",
                code=REFUSED,
                hint=LOG_IN,
            ) from None
        self._asked = datetime.now(UTC).replace(tzinfo=None)


def account(key: Secret | None, scopes: Sequence[str]) -> Account:
    """The account of the key, or else the machine's. Raises DogctlError: there is neither."""
    found = with_key(key, scopes) if key else default_account(scopes)
    if found is None:
        raise DogctlError(
            "nobody is logged in to Google Cloud here",
            code=NO_LOGIN,
            where="GCP_CREDENTIALS",
            hint=f"set it to the JSON key of a service account, or type: {LOG_IN}",
        )
    return found


def with_key(key: Secret, scopes: Sequence[str] = (CLOUD,)) -> Account:
    """The service account whose key (JSON) this is. Raises DogctlError."""
    from google.auth.exceptions import GoogleAuthError
    from google.oauth2.service_account import Credentials

    try:
        found = Credentials.from_service_account_info(json.loads(key.reveal()), scopes=scopes)
    except (ValueError, TypeError, AttributeError, GoogleAuthError):
        # The cause may quote the key.
        raise DogctlError(
            "this is no key of a service account",
            code=BAD_KEY,
            where="GCP_CREDENTIALS",
            hint="set it to the JSON that Google gave when the key was created",
        ) from None
    return Account(found, "the service account in GCP_CREDENTIALS")


def default_account(scopes: Sequence[str] = (CLOUD,)) -> Account | None:
    """The application-default credentials; None if there are none.

    They are a file or, on Google's machines, the machine's own.
    """
    import google.auth
    from google.auth.exceptions import DefaultCredentialsError

    try:
        found, _ = google.auth.default(scopes=scopes)
    except DefaultCredentialsError:
        return None
    return Account(found, "the application-default credentials")


def reason(error: Exception) -> str:
    """Why, in Google's words: the first argument is for people, the second the whole answer."""
    said = str(error.args[0]) if error.args else ""
    return said.splitlines()[0] if said else type(error).__name__
