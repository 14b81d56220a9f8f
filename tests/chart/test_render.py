"""What helm makes of the chart, without a cluster."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chart.helm import RELEASE, Helm, RefusedError, Things, helm
from tests.chart.test_files import OVERLAYS
from tests.testbed.cluster.conformance import Conformance, conformance

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

DIGEST = f"sha256:{'ab' * 32}"
# Kinds of others, which the cluster of the tests does not have.
FOREIGN = ("ExternalSecret", "ManagedCertificate", "SecretStore", "ServiceMonitor")
EVERYTHING = {
    "image": {"digest": DIGEST, "pullPolicy": "Always", "pullSecrets": ["login"]},
    "command": ["python"],
    "args": ["-m", "webapp"],
    "env": {"COLLECTION": "stars"},
    "extraEnv": [{"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
    "database": {"wait": True, "args": ["--max-connections=50"], "storage": {"className": "ssd"}},
    "service": {
        "type": "LoadBalancer",
        "annotations": {"cloud.google.com/neg": '{"ingress": true}'},
        "loadBalancerSourceRanges": ["10.0.0.0/8"],
        "externalTrafficPolicy": "Local",
    },
    "ingress": {
        "enabled": True,
        "className": "nginx",
        "hosts": ["dogs.example.com", "www.dogs.example.com"],
        "tls": {"mode": "cert-manager", "issuer": "letsencrypt"},
    },
    "autoscaling": {
        "enabled": True,
        "memory": 80,
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": 60}},
    },
    "podAnnotations": {"team": "dogs"},
    "podLabels": {"team": "dogs"},
    "nodeSelector": {"kubernetes.io/arch": "amd64"},
    "tolerations": [{"key": "spot", "operator": "Exists"}],
    "priorityClassName": "high",
    "extraVolumes": [{"name": "more", "emptyDir": {}}],
    "extraVolumeMounts": [{"name": "more", "mountPath": "/more"}],
    "serviceAccount": {"workloadIdentity": "app@project.iam.gserviceaccount.com"},
    "networkPolicy": {"enabled": True, "from": [{"podSelector": {}}], "egress": []},
    "metrics": {"annotations": True, "serviceMonitor": {"enabled": True}},
    "disruptionBudget": {"minAvailable": "50%"},
}
PROXY = {"database": {"kind": "cloudsql", "cloudsql": {"instance": "project:region:name"}}}
SECRET_MANAGER = {
    "store": {"provider": {"gcpsm": {"projectID": "my-project"}}},
    "data": {"DB_PASSWORD": {"key": "dogs-db", "version": "latest"}},
}
VAULT = {
    "store": {"kind": "ClusterSecretStore", "name": "vault"},
    "dataFrom": [{"extract": {"key": "secret/dogs"}}],
}


@pytest.fixture(scope="module")
def chart() -> Helm:
    """Before the sandbox of the first test."""
    return helm()


@pytest.fixture(scope="module")
def chart4() -> Helm:
    return helm("helm4")


@pytest.fixture(scope="module")
def checker() -> Conformance:
    return conformance()


def app(things: Things, name: str = RELEASE) -> dict[str, Any]:
    """The pod of the Deployment."""
    template: dict[str, Any] = things["Deployment", name]["spec"]["template"]
    return template


def container(things: Things) -> dict[str, Any]:
    (found,) = app(things)["spec"]["containers"]
    assert isinstance(found, dict)
    return found


def config(things: Things) -> dict[str, str]:
    data: dict[str, str] = things["ConfigMap", RELEASE]["data"]
    return data


def merged(*values: dict[str, Any]) -> dict[str, Any]:
    """Values on top of each other."""
    result: dict[str, Any] = {}
    for each in values:
        for key, value in each.items():
            deeper = isinstance(value, dict) and isinstance(result.get(key), dict)
            result[key] = merged(result[key], value) if deeper else value
    return result


@pytest.mark.parametrize("overlay", [None, *OVERLAYS], ids=lambda path: getattr(path, "name", "-"))
def test_overlays_are_what_kubernetes_takes(
    chart: Helm, checker: Conformance, overlay: Path | None
) -> None:
    words = [f"--values={overlay}"] if overlay else []
    manifest = chart.render(None, *words)
    assert checker.complaints(manifest) == []
    assert_restricted(chart.things(None, *words))


@pytest.mark.parametrize(
    "values",
    [
        EVERYTHING,
        merged(EVERYTHING, PROXY),
        merged(EVERYTHING, {"ingress": {"tls": {"mode": "google"}}}),
        {"secrets": {"external": {"enabled": True, **SECRET_MANAGER}}},
        {"secrets": {"external": {"enabled": True, **VAULT}}},
        {"spread": {"enabled": False}, "shutdown": {"delaySeconds": 0}, "writablePaths": []},
        {"probes": {"liveness": {"path": ""}, "startup": None}, "resources": None},
        {"database": {"kind": "none"}, "secrets": {"generate": []}, "test": {"paths": ["/"]}},
    ],
)
def test_everything_else_is_too(chart: Helm, checker: Conformance, values: dict[str, Any]) -> None:
    assert checker.complaints(chart.render(values), skip=FOREIGN) == []
    assert_restricted(chart.things(values))


def assert_restricted(things: Things) -> None:
    """What the Pod Security Standard asks of every pod, and no file to write to."""
    for pod in pods(things):
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for each in [*pod.get("initContainers", []), *pod["containers"]]:
            assert each["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }


def pods(things: Things) -> Iterator[dict[str, Any]]:
    for (kind, _), thing in things.items():
        if kind == "Pod":
            yield thing["spec"]
        elif kind in ("Deployment", "StatefulSet"):
            yield thing["spec"]["template"]["spec"]


def test_helm_4_makes_the_same(chart: Helm, chart4: Helm) -> None:
    values = merged(EVERYTHING, {"secrets": {"values": {"DB_SECRET": "a", "SECRET_KEYS": "b"}}})
    values["database"] |= {"password": "c", "rootPassword": "d"}
    same_cluster = "--kube-version=1.34.0"
    assert chart4.things(values, same_cluster) == chart.things(values, same_cluster)


def test_everything_is_named_after_the_release(chart: Helm) -> None:
    assert {name for _, name in chart.things()} == {RELEASE, f"{RELEASE}-mysql", f"{RELEASE}-test"}
    assert {name for _, name in chart.things({"fullnameOverride": "other"})} == {
        "other",
        "other-mysql",
        "other-test",
    }


def test_an_image_is_known_by_its_digest(chart: Helm) -> None:
    image = {"repository": "docker.io/team/app", "tag": "1.4.0"}
    assert container(chart.things({"image": image}))["image"] == "docker.io/team/app:1.4.0"
    things = chart.things({"image": {**image, "digest": DIGEST}, "database": {"image": image}})
    assert container(things)["image"] == f"docker.io/team/app@{DIGEST}"
    assert app(things)["metadata"]["labels"]["app.kubernetes.io/version"] == "1.4.0"
    (test,) = things["Pod", f"{RELEASE}-test"]["spec"]["containers"]
    assert test["image"] == f"docker.io/team/app@{DIGEST}"
    (mysql,) = things["StatefulSet", f"{RELEASE}-mysql"]["spec"]["template"]["spec"]["containers"]
    assert mysql["image"] == "docker.io/team/app:1.4.0"


def test_a_long_version_fits_a_label(chart: Helm) -> None:
    labels = app(chart.things({"image": {"tag": f"1.4.0-{'x' * 56}.-{'y' * 40}"}}))["metadata"]
    assert labels["labels"]["app.kubernetes.io/version"] == f"1.4.0-{'x' * 56}"


def test_a_new_version_restarts_no_database(chart: Helm) -> None:
    kept = {"database": {"password": "a", "rootPassword": "b"}}
    old, new = (chart.things(merged(kept, {"image": {"tag": tag}})) for tag in ("1.0.0", "2.0.0"))
    assert app(old) != app(new)
    name = ("StatefulSet", f"{RELEASE}-mysql")
    assert old[name] == new[name]
    assert (
        old["Deployment", RELEASE]["spec"]["selector"]
        == new["Deployment", RELEASE]["spec"]["selector"]
    )


def test_the_autoscaler_decides_how_many(chart: Helm) -> None:
    assert chart.things({"replicas": 3})["Deployment", RELEASE]["spec"]["replicas"] == 3
    things = chart.things({"replicas": 3, "autoscaling": {"enabled": True}})
    assert "replicas" not in things["Deployment", RELEASE]["spec"]
    (metric,) = things["HorizontalPodAutoscaler", RELEASE]["spec"]["metrics"]
    assert metric["resource"]["name"] == "cpu"


def test_a_release_takes_no_pod_away_before_it_has_another(chart: Helm) -> None:
    strategy = chart.things()["Deployment", RELEASE]["spec"]["strategy"]["rollingUpdate"]
    assert strategy == {"maxSurge": 1, "maxUnavailable": 0}


@pytest.mark.parametrize(
    ("version", "hook"),
    [
        ("1.34.1", {"sleep": {"seconds": 5}}),
        ("1.30.1-gke.100", {"sleep": {"seconds": 5}}),
        ("1.29.9", {"exec": {"command": ["sleep", "5"]}}),
    ],
)
def test_an_ending_pod_goes_on_serving(chart: Helm, version: str, hook: dict[str, Any]) -> None:
    things = chart.things(None, f"--kube-version={version}")
    assert container(things)["lifecycle"] == {"preStop": hook}


def test_the_database_of_its_own(chart: Helm) -> None:
    things = chart.things({"database": {"user": "max"}})
    assert config(things) == {
        "DATABASE_URL": "",
        "DB_ENGINE": "mysql",
        "DB_HOST": f"{RELEASE}-mysql",
        "DB_NAME": "dogs",
        "DB_PORT": "3306",
        "DB_USER": "max",
        "FLASK_PORT": "5000",
    }
    (password,) = container(things)["env"]
    assert password["valueFrom"]["secretKeyRef"] == {"name": f"{RELEASE}-mysql", "key": "password"}


def test_an_outside_database(chart: Helm) -> None:
    place = {"kind": "external", "engine": "postgresql", "host": "db.example.com", "password": "pw"}
    things = chart.things({"database": place})
    assert (config(things)["DB_HOST"], config(things)["DB_PORT"]) == ("db.example.com", "5432")
    assert secret(things)["DB_PASSWORD"] == "pw"
    assert not [kind for kind, _ in things if kind == "StatefulSet"]


def test_an_outside_database_that_only_a_secret_knows(chart: Helm) -> None:
    url = {"secrets": {"values": {"DATABASE_URL": "mysql://a:b@c/d"}}}
    things = chart.things(merged(url, {"database": {"kind": "external"}}))
    # The Secret comes after the ConfigMap, and wins.
    assert [*map(next, map(iter, container(things)["envFrom"]))] == ["configMapRef", "secretRef"]
    assert config(things) == {"DATABASE_URL": "", "FLASK_PORT": "5000"}


def test_no_database(chart: Helm) -> None:
    assert config(chart.things({"database": {"kind": "none"}})) == {"FLASK_PORT": "5000"}


def test_cloud_sql_behind_a_native_sidecar(chart: Helm) -> None:
    things = chart.things(merged(PROXY, {"database": {"engine": "postgresql"}}))
    assert (config(things)["DB_HOST"], config(things)["DB_PORT"]) == ("127.0.0.1", "5432")
    (proxy,) = app(things)["spec"]["initContainers"]
    assert proxy["restartPolicy"] == "Always"
    assert proxy["args"][-1] == "project:region:name"
    assert "--port=5432" in proxy["args"]
    assert "volumeMounts" not in proxy


def test_cloud_sql_with_a_key(chart: Helm) -> None:
    things = chart.things(merged(PROXY, {"database": {"cloudsql": {"keySecret": "key"}}}))
    (proxy,) = app(things)["spec"]["initContainers"]
    assert "--credentials-file=/run/secrets/cloudsql/credentials.json" in proxy["args"]
    assert {"name": "cloudsql-key", "secret": {"secretName": "key"}} in app(things)["spec"][
        "volumes"
    ]


def test_variables_are_texts_and_null_takes_one_away(chart: Helm) -> None:
    env = {"WEB_CONCURRENCY": 4, "GIF_MAX_BYTES": 5_000_000, "VISIT_TIMEOUT": 0.5, "ON": True}
    found = config(chart.things({"env": {**env, "DB_PORT": None}}))
    assert found["GIF_MAX_BYTES"] == "5000000"
    assert (found["WEB_CONCURRENCY"], found["VISIT_TIMEOUT"], found["ON"]) == ("4", "0.5", "true")
    assert "DB_PORT" not in found


def test_checksums_are_those_of_the_data(chart: Helm) -> None:
    """What was generated is the same everywhere, and nobody needs Helm to compare."""
    things = chart.things(
        {"env": {"URL": "http://a/?b=1&c=<2>"}, "secrets": {"values": {"X": "y"}}}
    )
    notes = app(things)["metadata"]["annotations"]
    assert notes["checksum/secrets"] == checksum(things["Secret", RELEASE])
    assert notes["checksum/database"] == checksum(things["Secret", f"{RELEASE}-mysql"])
    assert notes["checksum/config"] == checksum(things["ConfigMap", RELEASE])


def checksum(thing: dict[str, Any]) -> str:
    text = json.dumps(thing["data"], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def secret(things: Things, name: str = RELEASE) -> dict[str, str]:
    data = things["Secret", name]["data"]
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def test_secrets_are_generated_or_given(chart: Helm) -> None:
    one, other = (secret(chart.things({"secrets": {"values": {"DB_SECRET": "x"}}})) for _ in "12")
    assert one["DB_SECRET"] == other["DB_SECRET"] == "x"
    assert len(one["SECRET_KEYS"]) == 48
    assert one["SECRET_KEYS"] != other["SECRET_KEYS"]
    kept = chart.things()["Secret", f"{RELEASE}-mysql"]
    assert kept["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert kept["data"].keys() == {"password", "root-password"}


def test_a_secret_of_ones_own(chart: Helm) -> None:
    things = chart.things(
        {"secrets": {"existing": "mine"}, "database": {"existingSecret": "also-mine"}}
    )
    assert not [kind for kind, _ in things if kind == "Secret"]
    assert {"secretRef": {"name": "mine"}} in container(things)["envFrom"]
    (password,) = container(things)["env"]
    assert password["valueFrom"]["secretKeyRef"]["name"] == "also-mine"


def test_secrets_from_google_secret_manager(chart: Helm) -> None:
    things = chart.things({"secrets": {"external": {"enabled": True, **SECRET_MANAGER}}})
    assert ("Secret", RELEASE) not in things
    spec = things["ExternalSecret", RELEASE]["spec"]
    assert spec["target"]["name"] == RELEASE
    assert spec["secretStoreRef"] == {"kind": "SecretStore", "name": RELEASE}
    (entry,) = spec["data"]
    assert entry == {
        "secretKey": "DB_PASSWORD",
        "remoteRef": {"key": "dogs-db", "version": "latest"},
    }
    provider = things["SecretStore", RELEASE]["spec"]["provider"]
    assert provider == {"gcpsm": {"projectID": "my-project"}}


def test_secrets_from_vault(chart: Helm) -> None:
    things = chart.things({"secrets": {"external": {"enabled": True, **VAULT}}})
    spec = things["ExternalSecret", RELEASE]["spec"]
    assert spec["secretStoreRef"] == {"kind": "ClusterSecretStore", "name": "vault"}
    assert spec["dataFrom"] == [{"extract": {"key": "secret/dogs"}}]


def test_certificates(chart: Helm) -> None:
    things = chart.things(EVERYTHING)
    ingress = things["Ingress", RELEASE]
    assert ingress["metadata"]["annotations"] == {"cert-manager.io/cluster-issuer": "letsencrypt"}
    (tls,) = ingress["spec"]["tls"]
    assert tls == {"secretName": f"{RELEASE}-tls", "hosts": EVERYTHING["ingress"]["hosts"]}
    things = chart.things(merged(EVERYTHING, {"ingress": {"tls": {"mode": "google"}}}))
    assert "tls" not in things["Ingress", RELEASE]["spec"]
    domains = things["ManagedCertificate", RELEASE]["spec"]["domains"]
    assert domains == EVERYTHING["ingress"]["hosts"]


def test_the_overlay_of_the_swiss_api(chart: Helm) -> None:
    things = chart.things(None, f"--values={overlay('swiss')}")
    assert things["Deployment", RELEASE]["spec"]["replicas"] == 3
    (port,) = things["Service", RELEASE]["spec"]["ports"]
    assert (things["Service", RELEASE]["spec"]["type"], port["port"]) == ("LoadBalancer", 80)
    (exposed,) = container(things)["ports"]
    assert exposed == {"name": port["targetPort"], "containerPort": 5000}
    figures = {"periodSeconds": 10, "failureThreshold": 3, "timeoutSeconds": 3}
    will, ready = ({"path": path, "port": "http"} for path in ("/will", "/ready"))
    assert container(things)["livenessProbe"] == {
        "httpGet": will,
        "initialDelaySeconds": 0,
        **figures,
    }
    assert container(things)["readinessProbe"] == {
        "httpGet": ready,
        "initialDelaySeconds": 30,
        **figures,
    }


def test_the_overlay_for_minikube(chart: Helm) -> None:
    things = chart.things(None, f"--values={overlay('minikube')}")
    assert things["Service", RELEASE]["spec"]["type"] == "NodePort"
    assert things["HorizontalPodAutoscaler", RELEASE]["spec"]["minReplicas"] == 2
    assert things["PodDisruptionBudget", RELEASE]["spec"]["minAvailable"] == 1
    assert secret(things).keys() == {"DB_SECRET", "SECRET_KEYS"}
    for probe in ("livenessProbe", "readinessProbe"):
        assert container(things)[probe]["httpGet"]["path"] == "/healthz"


def overlay(name: str) -> Path:
    return next(path for path in OVERLAYS if path.name == f"values-{name}.yaml")


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"image": {"tagg": "1"}}, "additional properties 'tagg' not allowed"),
        ({"replicas": "three"}, "at '/replicas': got string, want integer"),
        ({"image": {"digest": "abc"}}, "'abc' does not match pattern"),
        ({"service": {"type": "Balancer"}}, "value must be one of 'ClusterIP', 'NodePort'"),
        ({"env": {"a b": "c"}}, "'a b' does not match pattern"),
        ({"env": {"DB_PASSWORD": "x"}}, "give secrets.values.DB_PASSWORD"),
        ({"env": {"DATABASE_URL": "mysql://a:b@c/d"}}, "give secrets.values.DATABASE_URL"),
        ({"env": {"FLASK_PORT": 80}}, "give port instead"),
        ({"database": {"engine": "postgresql"}}, "the chart runs mysql or mariadb"),
        ({"database": {"user": "root"}}, "the app needs a user of its own"),
        ({"database": {"kind": "external"}}, "database.host: where the external database is"),
        ({"database": {"kind": "cloudsql"}}, "database.cloudsql.instance"),
        ({"secrets": {"existing": "a", "external": {"enabled": True}}}, "only one of them"),
        ({"secrets": {"external": {"enabled": True}}}, "there is nothing to fetch"),
        ({"secrets": {"existing": "a", "values": {"B": "c"}}}, "these would go nowhere"),
        ({"ingress": {"enabled": True, "tls": {"mode": "google"}}}, "ingress.hosts"),
        ({"service": {"nodePort": 30000}}, "ClusterIP has none"),
        ({"autoscaling": {"enabled": True, "minReplicas": 9}}, "is more than maxReplicas"),
        ({"shutdown": {"gracePeriodSeconds": 5}}, "has to be more than delaySeconds"),
    ],
)
def test_wrong_values_are_told(chart: Helm, values: dict[str, Any], complaint: str) -> None:
    with pytest.raises(RefusedError) as refused:
        chart.render(values)
    assert complaint in str(refused.value)


def test_everything_that_does_not_fit_is_told_at_once(chart: Helm) -> None:
    values = {"env": {"FLASK_PORT": 80}, "service": {"nodePort": 30000}}
    with pytest.raises(RefusedError, match=r"(?s)env\.FLASK_PORT.*service\.nodePort"):
        chart.render(values)


def test_an_old_cluster_is_told(chart: Helm) -> None:
    with pytest.raises(RefusedError, match="which needs Kubernetes"):
        chart.render(PROXY, "--kube-version=1.28.0")
    with pytest.raises(RefusedError, match="incompatible with Kubernetes"):
        chart.render(None, "--kube-version=1.26.0")


def test_any_charts_global_values_are_taken(chart: Helm) -> None:
    assert chart.things({"global": {"team": "dogs"}}).keys() == chart.things().keys()


def test_helm_has_nothing_to_complain_of(chart: Helm) -> None:
    for path in OVERLAYS:
        assert "0 chart(s) failed" in chart.lint(f"--values={path}")
