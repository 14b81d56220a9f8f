"""The driver of any registry, against a real one."""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from pathlib import Path
from time import monotonic, sleep, time

import pytest
import requests
from pytest_httpserver import HTTPServer

from dogctl.errors import DogctlError
from dogctl.image import Digest, ImageRef
from dogctl.registries.base import IDENTITY_TOKEN, Login, Registry
from dogctl.registries.oci import OciRegistry
from dogctl.secrets import Secret
from tests.testbed.registries.content import INDEX, LIST, MANIFEST, SCHEMA2, Uploader
from tests.testbed.registries.faults import FaultyProxy, faulty
from tests.testbed.registries.registry import (
    PASSWORD,
    USERNAME,
    RunningRegistry,
    binary,
    registry,
)
from tests.testbed.registries.tokens import TokenServer, token_server

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]
NOBODY = Digest("sha256", "0" * 64)
LOGIN = Login(USERNAME, Secret(PASSWORD))


@pytest.fixture(scope="module", autouse=True)
def unpacked() -> None:
    """Before the sandbox of the first test."""
    binary()


@pytest.fixture(scope="module")
def locked() -> Iterator[RunningRegistry]:
    """Wants a password."""
    with registry(password=PASSWORD) as found:
        yield found


@pytest.fixture
def proxy(locked: RunningRegistry) -> Iterator[FaultyProxy]:
    with faulty(locked.host) as found:
        yield found


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A repository for one test."""
    return "team/" + re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")


@pytest.fixture
def image(locked: RunningRegistry, name: str) -> Digest:
    return Digest.parse(Uploader(locked, name).image("1.0", name))


class Pauses:
    """Remembers waits instead of waiting."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
def through(proxy: FaultyProxy, pauses: Pauses) -> OciRegistry:
    """The driver, with faults before the registry."""
    return OciRegistry(proxy.host, lambda: LOGIN, pause=pauses)


def ref(host: str, name: str, tag: str = "1.0") -> ImageRef:
    return ImageRef(host, name, tag)


@pytest.mark.parametrize("kind", [MANIFEST, SCHEMA2])
def test_a_tag_has_a_digest(locked: RunningRegistry, name: str, kind: str) -> None:
    digest = Uploader(locked, name).image("1.0", name, kind)
    driver: Registry = OciRegistry(locked.host, lambda: LOGIN)
    image = ref(locked.host, name)
    assert str(driver.resolve(image)) == digest
    assert str(driver.resolve(ImageRef(locked.host, name, None, Digest.parse(digest)))) == digest
    assert driver.resolve(image.tagged("2.0")) is None
    assert driver.resolve(ref(locked.host, "team/nothing")) is None
    assert driver.tags(image) == ("1.0",)


@pytest.mark.parametrize(("kind", "child"), [(INDEX, MANIFEST), (LIST, SCHEMA2)])
def test_an_index_is_tagged_as_a_whole(
    locked: RunningRegistry, name: str, kind: str, child: str
) -> None:
    up = Uploader(locked, name)
    children = {arch: up.image("", f"{name} {arch}", child) for arch in ("amd64", "arm64")}
    index = Digest.parse(up.index("sha-1", children, kind))
    driver = OciRegistry(locked.host, lambda: LOGIN)
    image = ref(locked.host, name, "sha-1")
    assert driver.resolve(image) == index
    assert driver.tag(image, index, ["1.0", "latest"]) == ("1.0", "latest")
    assert driver.resolve(image.tagged("latest")) == index
    assert driver.tag(image, index, ["1.0", "latest", "next"]) == ("next",)


def test_tags_are_put_on_a_digest_without_pushing(
    proxy: FaultyProxy, through: OciRegistry, name: str, image: Digest
) -> None:
    assert through.tag(ref(proxy.host, name), image, ["1.0.0", "stable"]) == ("1.0.0", "stable")
    assert proxy.count("PUT") == 2 + proxy.count("PUT", status=401)
    assert proxy.count("POST|PATCH") == 0
    before = len(proxy.seen)
    assert through.tag(ref(proxy.host, name), image, ["1.0.0"]) == ()
    assert [one.method for one in proxy.seen[before:]] == ["HEAD"]


def test_a_digest_that_is_not_there_gets_no_tag(locked: RunningRegistry, name: str) -> None:
    Uploader(locked, name).image("1.0", name)
    driver = OciRegistry(locked.host, lambda: LOGIN)
    assert refusal(lambda: driver.tag(ref(locked.host, name), NOBODY, ["2.0"])) == "no-such-image"


def refusal(ask: Callable[[], object]) -> str:
    """The code of the error."""
    with pytest.raises(DogctlError) as caught:
        ask()
    return caught.value.code


@pytest.mark.parametrize(
    ("login", "code"),
    [
        (None, "registry-not-logged-in"),
        (Login(USERNAME, Secret("another")), "registry-login-refused"),
    ],
)
def test_who_is_not_logged_in_is_told_so(
    locked: RunningRegistry, name: str, login: Login | None, code: str, image: Digest
) -> None:
    driver = OciRegistry(locked.host, lambda: login)
    with pytest.raises(DogctlError) as caught:
        driver.resolve(ref(locked.host, name))
    assert caught.value.code == code
    assert f"docker login {locked.host}" in str(caught.value.hint)
    assert refusal(lambda: driver.tag(ref(locked.host, name), image, ["2"])) == code


@pytest.mark.parametrize("method", ["HEAD", "GET", "PUT"])
def test_what_passes_is_waited_for(
    proxy: FaultyProxy,
    through: OciRegistry,
    pauses: Pauses,
    name: str,
    image: Digest,
    method: str,
) -> None:
    path = ".*/manifests/.*"
    proxy.fail(1, method=method, path=path, status=429, headers={"Retry-After": "7"})
    proxy.fail(1, method=method, path=path, status=503)
    proxy.fail(
        1,
        method=method,
        path=path,
        status=429,
        headers={"Retry-After": formatdate(time() + 30, usegmt=True)},
    )
    proxy.cut(1, method=method, path=path)
    proxy.cut(1, method=method, path=path, late=True)
    assert through.tag(ref(proxy.host, name), image, ["2.0"]) == ("2.0",)
    assert through.resolve(ref(proxy.host, name, "2.0")) == image
    assert pauses.seconds[0] == 7
    assert any(15 < seconds <= 31 for seconds in pauses.seconds)
    assert sum(pauses.seconds) < 60


@pytest.mark.parametrize(
    ("status", "headers", "code", "wait"),
    [
        (429, {"Retry-After": "21600"}, "registry-rate-limit", 21600),
        (429, {"X-Retry-After": "{moment}"}, "registry-rate-limit", 9000),
        (429, {"Retry-After": "1"}, "registry-rate-limit", 1),
        (429, {}, "registry-rate-limit", None),
        (502, {}, "registry-failed", None),
    ],
)
def test_what_does_not_pass_is_an_error_with_the_time_to_wait(
    proxy: FaultyProxy,
    through: OciRegistry,
    pauses: Pauses,
    name: str,
    status: int,
    headers: dict[str, str],
    code: str,
    wait: float | None,
) -> None:
    moment = int(time()) + 9000
    sent = {name: value.format(moment=moment) for name, value in headers.items()}
    proxy.fail(100, path=".*/manifests/.*", status=status, headers=sent)
    with pytest.raises(DogctlError) as caught:
        through.resolve(ref(proxy.host, name))
    assert caught.value.code == code
    if wait is not None:
        assert caught.value.data is not None
        assert caught.value.data["retry_after_seconds"] == pytest.approx(wait, abs=120)
    assert sum(pauses.seconds) < 60
    assert proxy.count("HEAD") == (1 if wait and wait > 120 else 6)


@pytest.mark.parametrize(("asked", "waited"), [(300, [300]), (901, [])])
def test_who_has_time_waits_longer(
    proxy: FaultyProxy,
    pauses: Pauses,
    name: str,
    image: Digest,
    asked: int,
    waited: list[float],
) -> None:
    patient = OciRegistry(proxy.host, lambda: LOGIN, pause=pauses, longest_wait=900)
    headers = {"Retry-After": str(asked)}
    proxy.fail(1, path=".*/manifests/.*", status=429, headers=headers)
    if waited:
        assert patient.resolve(ref(proxy.host, name)) == image
    else:
        assert refusal(lambda: patient.resolve(ref(proxy.host, name))) == "registry-rate-limit"
    assert pauses.seconds == waited


def test_a_pause_may_give_up(proxy: FaultyProxy, name: str) -> None:
    def stop(_seconds: float) -> None:
        raise KeyboardInterrupt

    proxy.fail(9, status=429, headers={"Retry-After": "60"})
    with pytest.raises(KeyboardInterrupt):
        OciRegistry(proxy.host, lambda: LOGIN, pause=stop).resolve(ref(proxy.host, name))


def test_an_immutable_tag_that_was_put_by_a_lost_answer_is_no_failure(
    proxy: FaultyProxy, through: OciRegistry, name: str, image: Digest
) -> None:
    through.resolve(ref(proxy.host, name))  # from here on no request is sent twice for the login
    proxy.cut(1, method="PUT", late=True)
    proxy.fail(1, method="PUT", status=400, body=AMAZON)
    assert through.tag(ref(proxy.host, name), image, ["2.0"]) == ("2.0",)


# As the clouds answer; see the sources in refusals.py.
AMAZON = (
    b'{"errors":[{"code":"TAG_INVALID","message":"The image tag \'2.0\' already exists in the'
    b" 'app' repository and cannot be overwritten because the tag is immutable.\"}]}"
)
GOOGLE = (
    b'{"errors":[{"code":"MANIFEST_INVALID","message":"cannot update tag 2.0. The repository has'
    b' enabled tag immutability"}]}'
)
HARBOR = (
    b'{"errors":[{"code":"PRECONDITION","message":"Failed to process request due to \'app:2.0\''
    b' configured as immutable."}]}'
)
MISSING = b'{"errors":[{"code":"NAME_UNKNOWN","message":"Repository \\"app\\" not found"}]}'
DENIED = (
    b'{"errors":[{"code":"DENIED","message":"Permission'
    b' \\"artifactregistry.repositories.uploadArtifacts\\" denied on resource"}]}'
)
QUOTA = b'{"errors":[{"code":"DENIED","message":"adding 1 GiB would exceed the quota"}]}'


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, AMAZON, "tag-immutable"),
        (400, GOOGLE, "tag-immutable"),
        (412, HARBOR, "tag-immutable"),
        (404, MISSING, "no-such-repository"),
        (403, DENIED, "registry-denied"),
        (403, QUOTA, "registry-quota"),
        (400, b"<html>", "registry-refused"),
        (401, b"{}", "registry-login-refused"),
    ],
)
def test_every_refusal_has_a_cause(
    proxy: FaultyProxy,
    through: OciRegistry,
    name: str,
    image: Digest,
    status: int,
    body: bytes,
    code: str,
) -> None:
    proxy.fail(9, method="PUT", status=status, body=body)
    assert refusal(lambda: through.tag(ref(proxy.host, name), image, ["2.0"])) == code


def test_a_certificate_of_nobody_is_not_trusted(name: str, pauses: Pauses) -> None:
    with registry(password=PASSWORD, tls=True) as secure:
        digest = Uploader(secure, name).image("1.0", name)
        image = ref(secure.host, name)
        trusting = OciRegistry(secure.host, lambda: LOGIN, ca=secure.ca)
        assert str(trusting.resolve(image)) == digest
        stranger = OciRegistry(secure.host, lambda: LOGIN, pause=pauses)
        assert refusal(lambda: stranger.resolve(image)) == "untrusted-certificate"
        assert pauses.seconds == []
        assert PASSWORD not in secure.log.read_text()


def test_a_proxy_has_no_business_on_this_machine(
    locked: RunningRegistry, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine goes there directly as well."""
    for variable in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert OciRegistry(locked.host, lambda: LOGIN).resolve(ref(locked.host, name)) is None


def test_nobody_there(pauses: Pauses, name: str) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        driver = OciRegistry(host, lambda: LOGIN, pause=pauses)
        with pytest.raises(DogctlError, match="cannot be reached") as caught:
            driver.resolve(ref(host, name))
    assert caught.value.code == "registry-unreachable"
    assert "refused" in caught.value.detail[0]


@pytest.fixture(scope="module")
def tokens() -> Iterator[TokenServer]:
    with token_server(USERNAME, PASSWORD) as found:
        yield found


@pytest.fixture(scope="module")
def tokened(tokens: TokenServer) -> Iterator[RunningRegistry]:
    """Wants tokens."""
    with registry(token=tokens.settings) as found:
        yield found


@pytest.fixture
def tokened_image(
    tokens: TokenServer, tokened: RunningRegistry, name: str
) -> Iterator[tuple[ImageRef, Digest]]:
    """An image behind tokens, and a server as it was before."""
    tokens.given.clear()
    uploader = Uploader(tokened, name)
    uploader.session.auth = None
    uploader.session.headers["Authorization"] = (
        f"Bearer {tokens.token(f'repository:{name}:pull,push')}"
    )
    yield ref(tokened.host, name), Digest.parse(uploader.image("1.0", name))
    tokens.lifetime = 300.0
    tokens.denied.clear()


@pytest.mark.parametrize(
    "login", [LOGIN, Login(IDENTITY_TOKEN, Secret("canary-refresh-token"))], ids=["basic", "oauth"]
)
def test_tokens_are_asked_for_once(
    tokens: TokenServer, tokened_image: tuple[ImageRef, Digest], login: Login
) -> None:
    image, digest = tokened_image
    tokens.given.clear()
    driver = OciRegistry(image.registry, lambda: login)
    for _ in range(3):
        assert driver.resolve(image) == digest
    assert len(tokens.given) == 1
    assert driver.tag(image, digest, ["2.0"]) == ("2.0",)
    assert driver.tag(image, digest, ["3.0"]) == ("3.0",)
    assert len(tokens.given) == 2
    assert tokens.given[1].endswith((":pull,push", ":push,pull"))


def test_who_reads_and_deletes_by_turns_has_one_token_for_both(
    tokens: TokenServer, tokened_image: tuple[ImageRef, Digest]
) -> None:
    image, digest = tokened_image
    tokens.given.clear()
    driver = OciRegistry(image.registry, lambda: LOGIN)
    for _ in range(3):
        assert driver.resolve(image) == digest
        assert not driver.delete(image, NOBODY)
    assert tokens.given == [
        f"repository:{image.repository}:{actions}" for actions in ("pull", "delete,pull")
    ]


def test_a_crowd_asks_for_one_token(
    tokens: TokenServer, tokened_image: tuple[ImageRef, Digest]
) -> None:
    image, digest = tokened_image
    tokens.given.clear()
    driver = OciRegistry(image.registry, lambda: LOGIN)
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: driver.resolve(image), range(16))) == {digest}
    assert len(tokens.given) == 1


def test_an_expired_token_is_renewed(
    tokens: TokenServer, tokened_image: tuple[ImageRef, Digest]
) -> None:
    image, digest = tokened_image
    tokens.given.clear()
    driver = OciRegistry(image.registry, lambda: LOGIN)
    tokens.lifetime = 6.0
    assert driver.resolve(image) == digest
    short = tokens.token(f"repository:{image.repository}:pull")
    address = f"http://{image.registry}/v2/{image.repository}/manifests/1.0"
    deadline = monotonic() + 30
    while requests.head(address, headers={"Authorization": f"Bearer {short}"}).status_code != 401:
        assert monotonic() < deadline
        sleep(0.1)
    tokens.lifetime = 300.0
    assert driver.resolve(image) == digest
    assert len(tokens.given) == 3


@pytest.mark.parametrize(
    ("login", "code"),
    [
        (LOGIN, "registry-denied"),
        (None, "registry-not-logged-in"),
        (Login(USERNAME, Secret("another")), "registry-login-refused"),
    ],
)
def test_a_token_for_nothing(
    tokens: TokenServer, tokened_image: tuple[ImageRef, Digest], login: Login | None, code: str
) -> None:
    image, digest = tokened_image
    tokens.denied.add(image.repository)
    driver = OciRegistry(image.registry, lambda: login)
    assert refusal(lambda: driver.resolve(image)) == code
    assert refusal(lambda: driver.tag(image, digest, ["2.0"])) == code


def test_a_login_goes_to_no_address_without_encryption(httpserver: HTTPServer) -> None:
    challenge = 'Bearer realm="http://tokens.example/token",service="x"'
    httpserver.expect_request("/v2/a/b/manifests/1").respond_with_data(
        "", 401, {"WWW-Authenticate": challenge}
    )
    host = f"127.0.0.1:{httpserver.port}"
    driver = OciRegistry(host, lambda: LOGIN)
    assert refusal(lambda: driver.resolve(ref(host, "a/b", "1"))) == "registry-unsafe-login"


def test_a_login_does_not_follow_a_redirection(httpserver: HTTPServer) -> None:
    with faulty(f"127.0.0.1:{httpserver.port}") as other:
        httpserver.expect_request("/v2/a/b/manifests/1").respond_with_data(
            "", 307, {"Location": f"http://{other.host}/elsewhere"}
        )
        httpserver.expect_request("/elsewhere").respond_with_data(
            "", 401, {"WWW-Authenticate": "Basic realm=x"}
        )
        host = f"127.0.0.1:{httpserver.port}"
        driver = OciRegistry(host, lambda: LOGIN)
        refusal(lambda: driver.resolve(ref(host, "a/b", "1")))
        assert other.count("HEAD|GET", "/elsewhere") == 2
    assert not any("Authorization" in request.headers for request, _ in httpserver.log)


def test_a_registry_that_states_no_digest_is_asked_for_the_bytes(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/v2/a/b/manifests/1").respond_with_data("{}")
    host = f"127.0.0.1:{httpserver.port}"
    digest = OciRegistry(host).resolve(ref(host, "a/b", "1"))
    assert str(digest).startswith("sha256:44136fa355b3678a")


def test_a_registry_that_lies_is_caught(httpserver: HTTPServer) -> None:
    httpserver.expect_request(f"/v2/a/b/manifests/{NOBODY}").respond_with_data("{}")
    httpserver.expect_request("/v2/a/b/manifests/1").respond_with_data("", 404)
    host = f"127.0.0.1:{httpserver.port}"
    driver = OciRegistry(host)
    ask = refusal(lambda: driver.tag(ref(host, "a/b", "1"), NOBODY, ["1"]))
    assert ask == "registry-inconsistent"


def test_tags_come_in_pages_and_from_nowhere_else(httpserver: HTTPServer) -> None:
    path = "/v2/a/b/tags/list"
    link = {"Link": f'<{path}?last=2>; rel="next"'}
    httpserver.expect_ordered_request(path).respond_with_json({"tags": ["1", "2"]}, headers=link)
    httpserver.expect_ordered_request(path, query_string="last=2").respond_with_json(
        {"tags": ["3"]}, headers={"Link": '<https://elsewhere.example/v2/>; rel="next"'}
    )
    host = f"127.0.0.1:{httpserver.port}"
    driver = OciRegistry(host)
    assert refusal(lambda: driver.tags(ref(host, "a/b"))) == "registry-inconsistent"


def test_no_secret_is_in_any_log_or_error(
    locked: RunningRegistry,
    proxy: FaultyProxy,
    through: OciRegistry,
    name: str,
    image: Digest,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    caplog.set_level(logging.DEBUG)
    through.resolve(ref(proxy.host, name))
    echo = f'{{"errors":[{{"code":"DENIED","message":"no {PASSWORD}"}}]}}'.encode()
    proxy.fail(9, method="PUT", status=403, body=echo)
    with pytest.raises(DogctlError) as caught:
        through.tag(ref(proxy.host, name), image, ["2.0"])
    assert caught.value.detail == ("DENIED: no ***",)
    assert PASSWORD not in caplog.text + locked.log.read_text() + repr(LOGIN) + repr(through)
    assert not list(tmp_path.iterdir())
