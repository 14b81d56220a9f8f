"""What tells whether a manifest is one, without a cluster."""

from __future__ import annotations

import pytest

from tests.testbed.cluster.conformance import Conformance, conformance

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: web
          imagePullPolicy: Always
          resources: {limits: {cpu: 1, memory: 1Gi}}
          livenessProbe: {httpGet: {port: http, path: /}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {ports: [{port: 80, targetPort: 8000}]}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec: {maxReplicas: 3, scaleTargetRef: {kind: Deployment, name: web}}
"""
MONITOR = "{apiVersion: monitoring.coreos.com/v1, kind: ServiceMonitor, metadata: {name: web}}"


@pytest.fixture(scope="module")
def checker() -> Conformance:
    """Before the sandbox of the first test."""
    return conformance()


def test_a_good_manifest(checker: Conformance) -> None:
    assert checker.complaints(MANIFEST) == []


@pytest.mark.parametrize(
    ("good", "bad", "complaint"),
    [
        ("replicas: 2", "replicas: two", "at '/spec/replicas': got string, want integer"),
        ("replicas: 2", "replica: 2", "additional properties 'replica' not allowed"),
        ("Always", "Often", "must be one of 'Always', 'IfNotPresent', 'Never'"),
        ("maxReplicas: 3, ", "", "missing property 'maxReplicas'"),
        ("{app: web}", "{app: web, app: dog}", 'key "app" already set'),
        ("autoscaling/v2", "autoscaling/v1beta1", "could not find schema"),
        ("path: /", "path: null", "got null, want string"),
    ],
)
def test_a_mistake(checker: Conformance, good: str, bad: str, complaint: str) -> None:
    (found,) = checker.complaints(MANIFEST.replace(good, bad, 1))
    assert complaint in found


def test_a_kind_that_is_not_of_kubernetes_itself(checker: Conformance) -> None:
    manifest = f"{MANIFEST}\n---\n{MONITOR}"
    assert checker.complaints(manifest, skip=["ServiceMonitor"]) == []
    (found,) = checker.complaints(manifest)
    assert found == "ServiceMonitor web: could not find schema for ServiceMonitor"


def test_nothing_is_no_manifest(checker: Conformance) -> None:
    with pytest.raises(ValueError, match="no document"):
        checker.complaints("---\n")
