"""The real Cloud SQL Auth Proxy leads to a real database, if the stand-in of the API lets it."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pymysql
import pytest

from tests.eventually import eventually
from tests.testbed.cluster.cluster import Cluster, cluster
from tests.testbed.databases import PASSWORD, USER, MariaDb, Postgresql, mariadb, postgresql
from tests.testbed.engine import own_engine
from tests.testbed.google.accounts import Account
from tests.testbed.google.auth_proxy import api, push_proxy, sidecar
from tests.testbed.google.serving import POD_URL, URL, Google, google
from tests.testbed.google.sql import PORT, SqlInstance, cloud_sql
from tests.testbed.ports import free_port
from tests.testbed.web import RECIPE, pod_spec, thing

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

ASK = """
import os, pymysql
connection = pymysql.connect(
    host="127.0.0.1", port=3306, user="dog", password=os.environb[b"PASSWORD"], database="dogs1"
)
with connection, connection.cursor() as cursor:
    cursor.execute("SELECT number + 1 FROM visits")
    print(cursor.fetchone()[0])
"""


@pytest.fixture(scope="module")
def running() -> Iterator[Cluster]:
    with own_engine() as engine, cluster(engine) as found:
        yield found


@pytest.fixture(scope="module")
def proxy_image(running: Cluster, tmp_path_factory: pytest.TempPathFactory) -> str:
    return push_proxy(running, tmp_path_factory.mktemp("proxy"))


@pytest.fixture(scope="module")
def app_image(running: Cluster, tmp_path_factory: pytest.TempPathFactory) -> str:
    """One with a client for the database."""
    folder = tmp_path_factory.mktemp("app")
    shutil.copytree(Path(pymysql.__file__).parent, folder / "pymysql")
    (folder / "Dockerfile").write_text(
        f"{RECIPE}\nCOPY pymysql /opt/pymysql\nENV PYTHONPATH=/opt\n"
    )
    name = f"{running.engine.registry}/team/asker:1.0.0"
    running.run("docker", "build", "--tag", name, str(folder))
    running.run("docker", "push", name)
    return name


@pytest.fixture(scope="module")
def database() -> Iterator[MariaDb]:
    with mariadb() as server:
        server.create()
        with pymysql.connect(
            host="127.0.0.1",
            port=server.port,
            user=USER,
            password=PASSWORD.encode(),
            database="dogs1",
        ) as connection:
            with connection.cursor() as cursor:
                cursor.execute("CREATE TABLE visits (number INT)")
                cursor.execute("INSERT INTO visits VALUES (41)")
            connection.commit()
        yield server


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgresql]:
    with postgresql() as server:
        yield server


@pytest.fixture
def cloud(running: Cluster) -> Iterator[Google]:
    with google(running) as found:
        yield found


@pytest.fixture
def instance(cloud: Google, database: MariaDb) -> Iterator[SqlInstance]:
    with cloud_sql(cloud, "dogs", "MYSQL_8_4", database.port) as found:
        yield found


@pytest.fixture
def app(cloud: Google) -> Account:
    return cloud.account("app", role="view")


def test_a_pod_reaches_the_database_with_a_key(
    cloud: Google, instance: SqlInstance, app: Account, proxy_image: str, app_image: str
) -> None:
    secret = thing("v1", "Secret", name="key")
    key = {"stringData": {"key.json": cloud.key(app, for_pods=True)}}
    proxy = sidecar(
        proxy_image,
        "--credentials-file=/secrets/key.json",
        instance.connection_name,
        volumeMounts=[{"name": "key", "mountPath": "/secrets"}],
    )
    cloud.cluster.apply(secret | key)
    volume = {"name": "key", "secret": {"secretName": "key"}}
    with pod(cloud.cluster, proxy, app_image, volumes=[volume]) as ask:
        assert ask() == "42\n"
    assert instance.signed
    assert instance.connections
    assert {caller for _, caller in cloud.asked} == {app.email}


def test_a_pod_reaches_the_database_as_the_account_of_its_machine(
    cloud: Google, instance: SqlInstance, app: Account, proxy_image: str, app_image: str
) -> None:
    cloud.machine = app
    host = POD_URL.removeprefix("http://")
    variable = {"name": "GCE_METADATA_HOST", "value": host}
    proxy = sidecar(proxy_image, instance.connection_name, env=[variable])
    with pod(cloud.cluster, proxy, app_image) as ask:
        assert ask() == "42\n"
    assert app.email in cloud.accounts.given


@contextmanager
def pod(cluster: Cluster, proxy: dict[str, object], image: str, **spec: object) -> Iterator[Ask]:
    """A pod with the proxy; answers with what asks the database from the app's container."""
    variable = {"name": "PASSWORD", "value": PASSWORD}
    made = pod_spec(image, env=[variable]) | {"initContainers": [proxy]} | spec
    cluster.apply(thing("v1", "Pod", name="app") | {"spec": made})
    try:
        cluster.kubectl("wait", "--for=condition=Ready", "pod/app", "--timeout=120s")
        yield Ask(cluster)
    finally:
        cluster.kubectl("delete", "pod", "app")


class Ask:
    """Asks the database from a pod."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def __call__(self) -> str:
        words = ("exec", "app", "--container=web", "--", "python", "-c", ASK)
        return self.cluster.kubectl(*words)


@contextmanager
def proxied(cloud: Google, port: int, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """The proxy itself, on a port of the cluster's loopback."""
    command = [cloud.cluster.parts["cloud-sql-proxy"], api(URL), f"--port={port}", *words]
    with cloud.cluster.network(), subprocess.Popen(command) as process:
        try:
            yield process
        finally:
            process.kill()


def test_postgresql_with_a_token(cloud: Google, postgres: Postgresql, app: Account) -> None:
    url = postgres.create()
    port = free_port()
    token = cloud.accounts.give(app.email)["access_token"]
    with (
        cloud_sql(cloud, "cats", "POSTGRES_17", postgres.port) as instance,
        proxied(cloud, port, f"--token={token}", instance.connection_name),
    ):
        eventually(lambda: listens(port))
        name = url.rpartition("/")[2]
        with psycopg.connect(
            host="127.0.0.1", port=port, user=USER, password=PASSWORD, dbname=name
        ) as connection:
            assert connection.execute("SELECT 41 + 1").fetchone() == (42,)
        assert instance.connections


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=10).close()
    except OSError:
        return False
    return True


def test_nobody_comes_without_a_certificate(cloud: Google, instance: SqlInstance) -> None:
    context = ssl.create_default_context(cadata=instance.server.certificate)
    context.check_hostname = False
    with cloud.cluster.network():
        connection = socket.create_connection(("127.0.0.1", PORT), timeout=60)
    said = b""
    with connection, suppress(OSError), context.wrap_socket(connection) as secured:
        said = secured.recv(1)
    # This database speaks first, to those who reach it.
    assert said == b""
    assert instance.connections == 0


def test_somebody_who_may_not_connect(
    cloud: Google, instance: SqlInstance, app: Account, tmp_path: Path
) -> None:
    instance.strangers.add(app.email)
    key = tmp_path / "key.json"
    key.write_text(cloud.key(app))
    words = (f"--credentials-file={key}", "--run-connection-test", instance.connection_name)
    with proxied(cloud, free_port(), *words) as process:
        assert process.wait(timeout=90) == 1
    assert not instance.signed
    assert app.email in {caller for _, caller in cloud.asked}
