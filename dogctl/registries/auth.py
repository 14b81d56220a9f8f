"""Logging in to registries by their challenges.

https://distribution.github.io/distribution/spec/auth/token/
"""

from __future__ import annotations

import re
from collections import defaultdict
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase, HTTPBasicAuth
from requests.utils import parse_dict_header

from dogctl.errors import DogctlError
from dogctl.image import ImageRef
from dogctl.registries.base import IDENTITY_TOKEN, Login, LoginSource
from dogctl.registries.hosts import is_loopback
from dogctl.registries.http import Http
from dogctl.secrets import Secret

# The repository in a URL: one token is good for one repository.
_REPOSITORY = re.compile(r"/v2/(.+)/(?:manifests|tags|blobs|referrers)/")


class Bearer(AuthBase):
    """A token in a header."""

    def __init__(self, token: Secret) -> None:
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.token.reveal()}"
        return request


class RenewedAuth(AuthBase):
    """Sends what was accepted the last time; on a 401 it gets a new one and sends once more.

    Any thread may use it: a crowd whose token has expired gets one new one.
    """

    def __init__(self) -> None:
        self._known: dict[str, AuthBase] = {}
        self._renewing = Lock()

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        origin = urlsplit(request.url or "")[:2]

        def renew(response: requests.Response, **options: Any) -> requests.Response:
            # A redirection may lead elsewhere, and no login is for there.
            wanted = response.status_code == 401 and urlsplit(response.url)[:2] == origin
            return self._renew(response, **options) if wanted else response

        request.register_hook("response", renew)
        known = self._known.get(self.realm(request))
        return known(request) if known else request

    def realm(self, request: requests.PreparedRequest) -> str:
        """What an authorisation is good for; everything, unless a subclass knows better."""
        del request
        return ""

    def authorisation(self, response: requests.Response) -> AuthBase | None:
        """A new authorisation, for a request that was answered 401; None if there is none."""
        raise NotImplementedError

    def _renew(self, response: requests.Response, **options: Any) -> requests.Response:
        _ = response.content  # read to its end, so that the connection is free for others
        realm = self.realm(response.request)
        with self._renewing:
            newer = self._newer(realm, response.request)
            renewed = newer or self.authorisation(response)
            if renewed is None:
                return response
            self._known[realm] = renewed
        answer = self._again(response, renewed, **options)
        # What another thread has got may be good for less than this.
        return self._renew(answer, **options) if newer and answer.status_code == 401 else answer

    def _newer(self, realm: str, request: requests.PreparedRequest) -> AuthBase | None:
        """What another thread has got since this was sent."""
        known = self._known.get(realm)
        if known is None:
            return None
        sent, now = (each.headers.get("Authorization") for each in (request, known(request.copy())))
        return known if sent != now else None

    def _again(
        self, response: requests.Response, renewed: AuthBase, **options: Any
    ) -> requests.Response:
        again = renewed(response.request.copy())
        # The way of requests' own HTTPDigestAuth.
        answer: requests.Response = response.connection.send(again, **options)
        answer.history.append(response)
        answer.request = again
        return answer


class ChallengeAuth(RenewedAuth):
    """Basic, or a bearer token from where the registry sends us, renewed when it has expired."""

    def __init__(self, http: Http, registry: str, login: LoginSource) -> None:
        super().__init__()
        self._http = http
        self._registry = registry
        self._login = login
        self._actions: defaultdict[str, set[str]] = defaultdict(set)
        self.logged_in = False

    def realm(self, request: requests.PreparedRequest) -> str:
        found = _REPOSITORY.search(request.url or "")
        return found[1] if found else ""

    def authorisation(self, response: requests.Response) -> AuthBase | None:
        scheme, _, rest = response.headers.get("WWW-Authenticate", "").partition(" ")
        login = self._login()
        self.logged_in = login is not None
        if login is not None:
            self._http.redactor.add(login.password)
        ref = ImageRef(self._registry, self.realm(response.request) or "library/unknown")
        match scheme.lower():
            case "basic" if login is not None:
                return _basic(login.username, login.password)
            case "bearer":
                return self._token(ref, login, parse_dict_header(rest), response.url)
        return None

    def _token(
        self, ref: ImageRef, login: Login | None, challenge: dict[str, str], url: str
    ) -> AuthBase | None:
        realm = challenge.get("realm", "")
        asked = {name: challenge[name] for name in ("service", "scope") if challenge.get(name)}
        what, _, actions = asked.get("scope", "").rpartition(":")
        # All that was wanted so far, or who reads and deletes by turns needs a token each time.
        wanted = {*actions.split(","), *self._actions[what]}
        if what:
            asked["scope"] = f"{what}:{','.join(sorted(wanted))}"
        if not _is_safe(realm, url):
            raise DogctlError(
                f"{self._registry} sends logins to an address without encryption",
                code="registry-unsafe-login",
                where=realm,
            )
        if login is None:
            answer = self._http.send(ref, "GET", realm, params=asked)
        elif login.username == IDENTITY_TOKEN:
            # https://distribution.github.io/distribution/spec/auth/oauth/
            grant = {"grant_type": "refresh_token", "refresh_token": login.password.reveal()}
            form = {**asked, **grant, "client_id": "dogctl"}
            answer = self._http.send(ref, "POST", realm, data=form, allow_redirects=False)
        else:
            basic = _basic(login.username, login.password)
            answer = self._http.send(ref, "GET", realm, params=asked, auth=basic)
        if answer.status_code != 200:
            raise self._http.refusal(ref, answer, logged_in=login is not None).error()
        self._actions[what] = wanted
        return self._bearer(answer)

    def _bearer(self, answer: requests.Response) -> AuthBase | None:
        try:
            tokens = answer.json()
            token = Secret(tokens.get("token") or tokens["access_token"])
        except (KeyError, AttributeError, requests.exceptions.JSONDecodeError):
            return None
        self._http.redactor.add(token)
        return Bearer(token)


def _basic(username: str, password: Secret) -> HTTPBasicAuth:
    # As bytes, or requests would take them for Latin-1.
    return HTTPBasicAuth(username.encode(), password.reveal().encode())


def _is_safe(realm: str, url: str) -> bool:
    """Whether a password may go there: encrypted, or on this machine as the registry itself is."""
    there, here = urlsplit(realm), urlsplit(url)
    if there.scheme == "https":
        return True
    local = is_loopback(there.hostname or "") and is_loopback(here.hostname or "")
    return there.scheme == "http" and local
