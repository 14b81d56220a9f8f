"""The clouds' registries of the test bed: their rules, and that both APIs of one tell the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import requests

from tests.testbed.registries.content import ACCEPT, Uploader
from tests.testbed.registries.google_registry import google_registry
from tests.testbed.registries.hub import Repository, hub
from tests.testbed.registries.hub_registry import hub_registry
from tests.testbed.registries.registry import PASSWORD, USERNAME, RunningRegistry, binary, registry
from tests.testbed.registries.ruled import Ruled
from tests.testbed.registries.tunnel import tunnel

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]
PUSHED = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture(scope="module", autouse=True)
def unpacked() -> None:
    """Before the sandbox of the first test."""
    binary()


@pytest.fixture(scope="module")
def storage() -> Iterator[RunningRegistry]:
    with registry() as found:
        yield found


def opened(rules: Ruled, scope: str) -> requests.Session:
    """Logged in for a scope."""
    asked = requests.get(
        f"http://{rules.host}/token", {"scope": scope}, auth=(rules.user, PASSWORD.encode())
    )
    found = requests.Session()
    found.headers.update({"Authorization": f"Bearer {asked.json()['token']}", "Accept": ACCEPT})
    return found


def test_docker_hub_tells_the_same_in_both_ways(storage: RunningRegistry) -> None:
    uploader = Uploader(storage, "team/both")
    child = uploader.image("", "child")
    index = uploader.index("1.0", {"arm64": child})
    with hub() as api, hub_registry(storage) as rules:
        stored = rules.repository("team/both")
        stored.pushed["1.0"] = PUSHED
        api.repositories["team/both"] = Repository(stored)
        login = {"identifier": USERNAME, "secret": PASSWORD}
        token = requests.post(f"{api.url}/v2/auth/token", json=login).json()["access_token"]
        bearer = {"Authorization": f"Bearer {token}"}
        inside = f"{api.url}/v2/namespaces/team/repositories/both"
        tag = requests.get(f"{inside}/tags/1.0", headers=bearer).json()
        assert (tag["digest"], tag["tag_last_pushed"]) == (index, "2026-11-01T00:00:00.000000Z")
        listed = requests.get(f"{inside}/manifests", headers=bearer).json()["manifests"]
        # The trap: the child of a tagged index has no tag.
        assert {each["manifest_digest"]: each["tags"] for each in listed} == {
            index: ["1.0"],
            child: [],
        }
        address = f"http://{rules.host}/v2/team/both/manifests"
        refused = requests.delete(f"{address}/{index}")
        assert refused.headers["WWW-Authenticate"].endswith('scope="repository:team/both:delete"')
        with opened(rules, "repository:team/both:delete,pull") as session:
            statuses = [session.delete(f"{address}/{each}").status_code for each in (index, child)]
            assert statuses == [403, 403]
            url = f"{api.url}/v2/repositories/team/both/tags/1.0/"
            assert requests.delete(url, headers=bearer).status_code == 204
            assert session.get(f"{address}/1.0").status_code == 404
            assert session.delete(f"{address}/{child}").status_code == 403
            # It takes its child along.
            assert session.delete(f"{address}/{index}").status_code == 202
            assert session.head(f"{address}/{child}").status_code == 404
            assert session.delete(f"{address}/{child}").status_code == 404
        assert requests.get(f"{inside}/manifests", headers=bearer).json() == {"manifests": []}


def test_a_token_is_good_for_what_it_was_asked_for_and_so_often(storage: RunningRegistry) -> None:
    Uploader(storage, "team/scopes").image("1", "scopes")
    with hub_registry(storage) as rules:
        rules.uses = 2
        with opened(rules, "repository:team/scopes:pull") as session:
            address = f"http://{rules.host}/v2/team/scopes"
            assert session.delete(f"{address}/manifests/1").status_code == 401
            assert session.get(f"{address}/tags/list").json()["tags"] == ["1"]
            assert session.get(f"{address}/tags/list").status_code == 401


def test_google_refuses_what_is_referred_to(storage: RunningRegistry) -> None:
    uploader = Uploader(storage, "dogs/images/app")
    child = uploader.image("", "google child")
    index = uploader.index("1.0", {"arm64": child})
    with google_registry(storage) as rules:
        address = f"http://{rules.host}/v2/dogs/images/app"
        with opened(rules, "repository:dogs/images/app:delete,pull") as session:

            def refusal(name: str) -> str:
                answer = session.delete(f"{address}/manifests/{name}")
                return "" if answer.ok else str(answer.json()["errors"][0]["code"])

            assert set(session.get(f"{address}/tags/list").json()["manifest"]) == {index, child}
            assert refusal(index) == "GOOGLE_MANIFEST_DANGLING_TAG"
            assert refusal(child) == "GOOGLE_MANIFEST_DANGLING_PARENT_IMAGE"
            rules.immutable = True
            assert refusal("1.0") == "MANIFEST_INVALID"
            rules.immutable = False
            assert [refusal(name) for name in ("1.0", index, child)] == ["", "", ""]
            assert refusal(child) == "MANIFEST_UNKNOWN"


def test_a_tunnel_leads_to_known_hosts_only(storage: RunningRegistry) -> None:
    with hub_registry(storage) as rules, tunnel({"registry.test": rules.handler}) as environ:
        options = {
            "proxies": {"https": environ["HTTPS_PROXY"]},
            "verify": environ["REQUESTS_CA_BUNDLE"],
            "timeout": 20,
        }
        assert requests.get("https://registry.test/v2/", **options).status_code == 401  # type: ignore[arg-type]
        with pytest.raises(requests.exceptions.ProxyError):
            requests.get("https://elsewhere.test/v2/", **options)  # type: ignore[arg-type]
