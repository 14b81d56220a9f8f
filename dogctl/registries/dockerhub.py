"""Docker Hub's own API, which knows more of a tag than the registry does.

Its images are those of any registry (oci.py); the two want different tokens.
https://docs.docker.com/reference/api/hub/latest/
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from requests.auth import AuthBase

from dogctl.errors import DogctlError
from dogctl.image import DOCKER_HUB, Digest, ImageRef
from dogctl.registries import refusals
from dogctl.registries.auth import Bearer, RenewedAuth
from dogctl.registries.base import Login, LoginSource
from dogctl.registries.http import Http, Pause
from dogctl.secrets import Secret

API = "https://hub.docker.com"
PAGE = 100  # the most it gives


@dataclass(frozen=True)
class HubTag:
    """A tag as Docker Hub tells of it; None is what it does not tell.

    Args:
        digest: of what was pushed, an index or a manifest.
        pushed: when.
        size: bytes, compressed, of all platforms.
    """

    name: str
    digest: Digest | None
    pushed: datetime | None
    size: int | None


class DockerHub:
    """Docker Hub's API.

    Args:
        login: asked for a user and a password or access token; None stays anonymous.
        api: where it is.
        pause: waits some seconds, and may raise to give up.
    """

    def __init__(
        self,
        login: LoginSource = lambda: None,
        *,
        api: str = API,
        pause: Pause = time.sleep,
    ) -> None:
        self._api = api
        self._http = Http(pause=pause)
        self._auth = _HubAuth(self._http, api, login)

    def tags(self, ref: ImageRef) -> Iterator[HubTag]:
        """The tags of the repository of `ref`, newest first, a page at a time.

        Docker Hub may stop after 1,000 of them without saying so, and its count lags behind, so
        what has to be complete is to be compared with `OciRegistry.tags`. Raises DogctlError.
        """
        namespace, _, repository = ref.repository.partition("/")
        path = f"/v2/namespaces/{namespace}/repositories/{repository}/tags?page_size={PAGE}"
        url: str | None = urljoin(self._api, path)
        while url is not None:
            page = self._ask(ref, url)
            yield from (_tag(entry) for entry in page["results"])
            url = page.get("next")

    def _ask(self, ref: ImageRef, url: str) -> dict[str, Any]:
        if urlsplit(url)[:2] != urlsplit(self._api)[:2]:
            raise DogctlError(
                "Docker Hub sends us to another host", code="registry-inconsistent", where=url
            )
        answer = self._http.send(ref, "GET", url, auth=self._auth)
        if answer.status_code == 404:
            raise refusals.failure(refusals.NO_REPOSITORY, ref)
        if not answer.ok:
            raise self._http.refusal(ref, answer, logged_in=self._auth.logged_in).error()
        page: dict[str, Any] = answer.json()
        return page


class _HubAuth(RenewedAuth):
    """A token of Docker Hub's API, which ends within minutes and is renewed."""

    def __init__(self, http: Http, api: str, login: LoginSource) -> None:
        super().__init__()
        self._http = http
        self._api = api
        self._login = login
        self.logged_in = False

    def authorisation(self, response: requests.Response) -> AuthBase | None:
        del response  # whatever was asked, the token is the same
        login = self._login()
        self.logged_in = login is not None
        return None if login is None else Bearer(self._token(login))

    def _token(self, login: Login) -> Secret:
        self._http.redactor.add(login.password)
        ref = ImageRef(DOCKER_HUB, "library/unknown")
        answer = self._http.send(
            ref,
            "POST",
            urljoin(self._api, "/v2/auth/token"),
            json={"identifier": login.username, "secret": login.password.reveal()},
            allow_redirects=False,  # they would take the password along
        )
        if answer.status_code != 200:
            raise self._http.refusal(ref, answer, logged_in=True).error()
        token = Secret(answer.json()["access_token"])
        self._http.redactor.add(token)
        return token


def _tag(entry: dict[str, Any]) -> HubTag:
    digest, pushed = entry.get("digest"), entry.get("tag_last_pushed")
    return HubTag(
        entry["name"],
        Digest.parse(digest) if digest else None,
        datetime.fromisoformat(pushed) if pushed else None,
        entry.get("full_size"),
    )
