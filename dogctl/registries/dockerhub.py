"""Docker Hub's own API, which knows more of a tag than the registry does.

Its images are those of any registry (oci.py); the two want different tokens.
https://docs.docker.com/reference/api/hub/latest/
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import requests
from requests.auth import AuthBase

from dogctl.errors import DogctlError
from dogctl.image import DOCKER_HUB, ImageRef
from dogctl.registries import dockerhub_answers as answers
from dogctl.registries import refusals
from dogctl.registries.auth import Bearer, RenewedAuth
from dogctl.registries.base import Login, LoginSource
from dogctl.registries.dockerhub_answers import HubManifest, HubTag
from dogctl.registries.http import LONGEST_WAIT, Http, Pause
from dogctl.secrets import Secret

API = "https://hub.docker.com"
PAGE = 100  # the most it gives
# Its limits are so many requests a minute.
LIMITED_SECONDS = 60.0
# Answers of an address that is in no documentation: it cannot be had, or not with this login.
CANNOT = (401, 403, 404, 405, 410)
# Answers to whoever asks for pages beyond the last one that is given.
BEYOND = (400, 403, 404, 422)
# https://docs.docker.com/security/access-tokens/reference/
RIGHTS = 'let the login delete images: an access token needs the permission "Read, Write, Delete"'


class DockerHub:
    """Docker Hub's API. Any thread may use it; every method raises DogctlError.

    Args:
        login: asked for a user and a password or access token; None stays anonymous.
        api: where it is.
        pause: waits some seconds, and may raise to give up.
        longest_wait: for so many seconds it is left alone where it asks for it.
    """

    def __init__(
        self,
        login: LoginSource = lambda: None,
        *,
        api: str = API,
        pause: Pause = time.sleep,
        longest_wait: float = LONGEST_WAIT,
    ) -> None:
        self._api = api
        self._pause = pause
        self._http = Http(pause=pause, longest_wait=longest_wait)
        self._auth = _HubAuth(self._http, api, login)
        self._resume = 0.0

    def tags(self, ref: ImageRef) -> Iterator[HubTag]:
        """The tags of the repository of `ref`, newest first, a page at a time.

        Docker Hub may stop after 1,000 of them, with or without saying so, and its count lags
        behind, so what has to be complete is to be compared with `OciRegistry.tags`.
        """
        url: str | None = self._url(ref, f"tags?page_size={PAGE}")
        seen: set[str] = set()
        while url and url not in seen:
            page = self._read(ref, url, BEYOND if seen else (404,))
            if page is None and seen:
                return
            if page is None:
                raise refusals.failure(refusals.NO_REPOSITORY, ref)
            seen.add(url)
            for entry in answers.entries(ref, page, "results"):
                yield answers.tag(ref, entry)
            url = page.get("next")

    def tag(self, ref: ImageRef, name: str) -> HubTag | None:
        """One tag, also beyond the first 1,000; None if there is none of that name."""
        found = self._read(ref, self._url(ref, f"tags/{quote(name)}"))
        return answers.tag(ref, found) if found else None

    def immutable(self, ref: ImageRef) -> Callable[[str], bool]:
        """Tells of a tag whether nobody can delete it.

        A rule that matches a part of a tag counts, and one that cannot be read matches all.
        https://docs.docker.com/docker-hub/repos/manage/hub-images/immutable-tags/
        """
        found = self._read(ref, self._url(ref, ""))
        if found is None:
            raise refusals.failure(refusals.NO_REPOSITORY, ref)
        settings = found.get("immutable_tags_settings") or {}
        try:
            rules = [re.compile(rule) for rule in settings["rules"]] if settings["enabled"] else []
        except (re.error, KeyError, TypeError):
            return lambda _: bool(settings)
        return lambda tag: any(rule.search(tag) for rule in rules)

    def manifests(self, ref: ImageRef) -> tuple[HubManifest, ...] | None:
        """All manifests, those without a tag included; None if that cannot be told to its end.

        It is in no documentation: https://github.com/docker/roadmap/issues/795
        """
        found: list[HubManifest] = []
        keys: list[str] = []
        while True:
            after = f"&last_evaluated_key={quote(keys[-1], safe='')}" if keys else ""
            page = self._read(ref, self._url(ref, f"manifests?page_size={PAGE}{after}"), CANNOT)
            listed = answers.manifests(page) if page else None
            if listed is None:
                return None
            found += listed
            key = (page or {}).get("last_evaluated_key")
            if not key:
                return tuple(found)
            if not isinstance(key, str) or key in keys:
                return None  # for ever the same page is not all of them
            keys.append(key)

    def delete_tag(self, ref: ImageRef, name: str) -> bool:
        """Delete one tag and leave its manifest; False if there is none of that name.

        What it answers is not always what it does: 204 for tags that are there afterwards was
        seen. It is in no documentation any more, and what Docker's own hub-tool does.
        """
        path = f"/v2/repositories/{ref.repository}/tags/{quote(name)}/"
        answer = self._send(ref, "DELETE", urljoin(self._api, path))
        if answer.status_code == 404:
            return False
        try:
            self._answered(ref.tagged(name), answer)
        except DogctlError as error:
            if error.code == refusals.DENIED:
                error.hint = RIGHTS
            raise
        return True

    def _url(self, ref: ImageRef, path: str) -> str:
        namespace, _, repository = ref.repository.partition("/")
        base = f"/v2/namespaces/{namespace}/repositories/{repository}"
        return urljoin(self._api, f"{base}/{path}" if path else base)

    def _read(
        self, ref: ImageRef, url: str, missing: tuple[int, ...] = (404,)
    ) -> dict[str, Any] | None:
        """What is there; None for an answer with one of the statuses that say it is not."""
        if urlsplit(url)[:2] != urlsplit(self._api)[:2]:
            raise DogctlError(
                "Docker Hub sends us to another host", code="registry-inconsistent", where=url
            )
        answer = self._send(ref, "GET", url)
        if answer.status_code in missing:
            return None
        try:
            page = self._answered(ref, answer).json()
        except requests.exceptions.JSONDecodeError:
            page = None
        if not isinstance(page, dict):
            raise answers.unreadable(ref, url)
        return page

    def _send(self, ref: ImageRef, method: str, url: str) -> requests.Response:
        wait = self._resume - time.time()
        if wait > 0:
            self._pause(wait)
        answer = self._http.send(ref, method, url, auth=self._auth)
        if answer.headers.get("X-RateLimit-Remaining") == "0":
            # Nothing is left of this minute: to ask on would only be refused.
            reset = answer.headers.get("X-RateLimit-Reset", "")
            until = float(reset) if reset.isdecimal() else 0.0
            self._resume = min(until, time.time() + LIMITED_SECONDS)
        return answer

    def _answered(self, ref: ImageRef, answer: requests.Response) -> requests.Response:
        if answer.ok:
            return answer
        raise self._http.refusal(ref, answer, logged_in=self._auth.logged_in).error()


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
        try:
            token = Secret(answer.json()["access_token"])
        except (KeyError, TypeError, requests.exceptions.JSONDecodeError):
            raise answers.unreadable(ref, "a login") from None
        self._http.redactor.add(token)
        return token
