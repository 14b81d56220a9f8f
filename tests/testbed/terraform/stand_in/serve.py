"""A server that Terraform takes for a provider: the handshake and the certificates.

https://github.com/hashicorp/go-plugin/blob/main/docs/guide-plugin-write-non-go.md
"""

from __future__ import annotations

import base64
import os
import signal
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tf.gen import grpc_controller_pb2 as controller_pb
from tf.gen import grpc_controller_pb2_grpc as controller_grpc
from tf.gen import grpc_stdio_pb2_grpc as stdio_grpc
from tf.gen import tfplugin_pb2_grpc as plugin_grpc

# Of the handshake, and of the plugin protocol.
VERSIONS = ("1", "6")
DAY = timedelta(days=1)
# As many resources as Terraform works on at once, and some questions.
THREADS = 16
LOOK_SECONDS = 0.5
GRACE_SECONDS = 60


class Controller(controller_grpc.GRPCControllerServicer):  # type: ignore[misc]
    """Knows when Terraform needs the provider no more."""

    def __init__(self) -> None:
        self.done = threading.Event()

    def Shutdown(self, _request: Any, _context: Any) -> Any:  # noqa: N802  (gRPC's names)
        """The end."""
        self.done.set()
        return controller_pb.Empty()


class Output(stdio_grpc.GRPCStdioServicer):  # type: ignore[misc]
    """What the provider prints: nothing."""

    def StreamStdio(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        """An empty stream."""
        return iter(())


def serve(provider: Any) -> None:
    """Be that provider until Terraform ends it; a ^C is for Terraform alone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    controller = Controller()
    server = grpc.server(ThreadPoolExecutor(THREADS))
    plugin_grpc.add_ProviderServicer_to_server(provider, server)
    controller_grpc.add_GRPCControllerServicer_to_server(controller, server)
    stdio_grpc.add_GRPCStdioServicer_to_server(Output(), server)
    certificate, credentials = identity()
    with tempfile.TemporaryDirectory(prefix="provider-") as folder:
        socket = f"{folder}/socket"
        server.add_secure_port(f"unix://{socket}", credentials)
        server.start()
        shown = base64.b64encode(certificate).decode().rstrip("=")
        print("|".join([*VERSIONS, "unix", socket, "grpc", shown]), flush=True)
        wait(controller)
        # What has begun at a cloud goes on there, too.
        server.stop(GRACE_SECONDS).wait()


def wait(controller: Controller) -> None:
    """Until Terraform needs the provider no more, or is no more."""
    parent = os.getppid()
    while not controller.done.wait(LOOK_SECONDS):
        if os.getppid() != parent:
            return


def identity() -> tuple[bytes, grpc.ServerCredentials]:
    """A certificate of its own, which Terraform is told in the handshake, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    shown = certificate.public_bytes(serialization.Encoding.PEM)
    return certificate.public_bytes(serialization.Encoding.DER), grpc.ssl_server_credentials(
        [(private, shown)]
    )
