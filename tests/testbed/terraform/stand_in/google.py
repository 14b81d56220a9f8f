"""hashicorp/google, whose resources are in the test bed's stand-in of Google Cloud.

Where that is, the real provider's own variable says: GOOGLE_CONTAINER_CUSTOM_ENDPOINT.
https://registry.terraform.io/providers/hashicorp/google/6.50.0/docs/guides/provider_reference
"""

from __future__ import annotations

import http.client
import json
import os
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from tf.types import Unknown

from tests.testbed.terraform.stand_in import google_facts as facts
from tests.testbed.terraform.stand_in.credentials import (
    NoCredentials,
    access_token,
    authorization,
)
from tests.testbed.terraform.stand_in.driver import Refused, State, Value

ENDPOINT = "GOOGLE_CONTAINER_CUSTOM_ENDPOINT"
PROJECTS = ("GOOGLE_PROJECT", "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT")
REGIONS = ("GOOGLE_REGION", "GCLOUD_REGION", "CLOUDSDK_COMPUTE_REGION")
# What is worth another try, and how long to wait for it.
AGAIN = (429, 500, 502, 503)
TRIES = 3
WAIT_SECONDS = 0.3
SECONDS = 600
BUCKET = "google_storage_bucket"


class Google:
    """A provider with the settings of its block."""

    sensitive = facts.SENSITIVE

    def __init__(self) -> None:
        self._config: State = {}

    def configure(self, config: State) -> None:
        """Take the settings; variables say the rest."""
        self._config = {
            **config,
            "project": config.get("project") or from_environ(PROJECTS),
            "region": config.get("region") or from_environ(REGIONS),
        }

    def defaults(self, kind: str) -> Mapping[str, Value]:
        """Those of the provider."""
        return facts.DEFAULTS.get(kind, {})

    def computed(self, _kind: str) -> tuple[str, ...]:
        """Names that Google gives where nobody else does."""
        return ("id", "project", "location", "region", "address", "master_version", "node_version")

    def force_new(self, kind: str) -> tuple[str, ...]:
        """What cannot be changed in place."""
        return facts.FORCE_NEW.get(kind, ())

    def plan(self, kind: str, _prior: State | None, planned: State, config: State) -> State:
        """With the project, the region and all labels."""
        whole = dict(planned)
        for name in ("project", "region"):
            if name in whole and whole[name] is None:
                whole[name] = self._config.get(name)
        if kind in facts.WHERE and whole.get("location") is None:
            whole["location"] = self._config.get("zone") or self._config.get("region")
        own = facts.LABELS.get(kind, "labels")
        if "effective_labels" in whole:
            # Nobody else gives labels: those that a configuration has no longer are gone.
            whole[own] = config.get(own)
            whole["terraform_labels"] = whole["effective_labels"] = self._labels(whole[own])
        return whole

    def create(self, kind: str, planned: State) -> State:
        """Make it."""
        return self._change("create", kind, planned)

    def update(self, kind: str, _prior: State, planned: State) -> State:
        """Change it."""
        return self._change("update", kind, planned)

    def delete(self, kind: str, prior: State) -> None:
        """Remove it, unless it is protected or to be left alone."""
        if kind in facts.PROTECTION and prior.get("deletion_protection"):
            raise Refused(facts.PROTECTION[kind])
        if prior.get("deletion_policy") == "ABANDON":
            return
        try:
            self._ask("delete", kind, prior)
        except Refused as refused:
            # The provider looks into a bucket before it asks.
            if kind == BUCKET and "is not empty" in str(refused):
                raise Refused(facts.NOT_EMPTY.format(prior["name"])) from refused
            raise

    def read(self, kind: str, state: State) -> State | None:
        """As it is now. Google does not tell what it was told in confidence."""
        found = self._ask("read", kind, state).get("state")
        return None if found is None else {**state, **found}

    def data(self, kind: str, config: State) -> State:
        """What a data source says."""
        asked = {**config, "project": config.get("project") or self._config.get("project")}
        found: State = self._ask("data", kind, asked)["state"]
        if kind == "google_client_config":
            token = access_token(self._config)
            zone = {"region": self._config.get("region"), "zone": self._config.get("zone")}
            return {**found, **zone, "access_token": token}
        return found

    def _labels(self, own: Value) -> Value:
        if own is Unknown:
            return own
        shared = self._config.get("default_labels") or {}
        attribution = self._config.get("add_terraform_attribution_label")
        return {
            **({} if attribution is False else facts.ATTRIBUTION),
            **shared,
            **(own or {}),
        }

    def _change(self, verb: str, kind: str, planned: State) -> State:
        answer = self._ask(verb, kind, planned)
        if "operation" in answer:
            # Made, and not well: Terraform keeps it, as tainted.
            left = answer.get("left")
            words = facts.WAITING.get(kind, "") + answer["operation"]["error"]
            raise Refused(words, left={**planned, **left} if left else None)
        return {**planned, **answer["state"]}

    def _ask(self, verb: str, kind: str, state: State) -> State:
        """The answer of the cloud. Raises Refused in the words of the real provider."""
        said = "" if verb == "data" else facts.before(kind, verb, str(state.get("name")))
        try:
            known = authorization(self._config)
        except NoCredentials as missing:
            raise Refused(str(missing)) from missing
        for left in reversed(range(TRIES)):
            try:
                code, body = post(f"/terraform/{kind}/{verb}", {"state": state}, known)
            except (OSError, http.client.HTTPException) as cut:
                raise Refused(f"{said}{complaint(kind, state, cut)}") from cut
            if code < 400:
                return body
            if not left or code not in AGAIN:
                break
            time.sleep(WAIT_SECONDS)
        raise Refused(said + quoted(code, body))


def post(path: str, body: Any, known: str) -> tuple[int, Any]:
    """Ask the stand-in of Google Cloud. Raises OSError and HTTPException."""
    endpoint = os.environ.get(ENDPOINT)
    if endpoint is None:
        raise OSError(
            f"this machine has no way to Google: {ENDPOINT} leads to none of the test bed"
        )
    connection = http.client.HTTPConnection(urlsplit(endpoint).netloc, timeout=SECONDS)
    try:
        headers = {"Authorization": known, "Content-Type": "application/json"}
        connection.request("POST", path, json.dumps(body, default=str), headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"{}")
    finally:
        connection.close()


def complaint(kind: str, state: State, cut: Exception) -> str:
    """What Go says where there is no answer."""
    api = kind.removeprefix("google_").partition("_")[0]
    url = f"https://{api}.googleapis.com/v1/projects/{state.get('project')}?alt=json"
    words = "EOF" if isinstance(cut, http.client.RemoteDisconnected) else str(cut)
    return f'Post "{url}": {words}'


def quoted(code: int, body: Any) -> str:
    """An answer that is an error, as Google's library for Go writes it.

    https://pkg.go.dev/google.golang.org/api/googleapi#Error
    """
    said = body.get("error", {})
    text = f"googleapi: Error {code}: {said.get('message', '')}"
    if details := said.get("details"):
        text += f"\nDetails:\n{json.dumps(details, indent=2)}\n"
    errors = said.get("errors", [])
    if len(errors) == 1:
        text += f", {errors[0]['reason']}"
    return text.strip()


def from_environ(names: tuple[str, ...]) -> str | None:
    """The first of these variables that is set."""
    return next(filter(None, map(os.environ.get, names)), None)


def driver() -> Google:
    """The driver of this provider."""
    return Google()
