"""The guard of the tests holds, in this process and in those it starts."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REAL_HOME
from tests.guard.guard import Escape

ESCAPES = [
    "import socket\nwith socket.socket() as s: s.connect(('192.0.2.1', 443))",
    "import socket; socket.getaddrinfo('example.com', 443)",
    "import socket\nwith socket.socket(type=socket.SOCK_DGRAM) as s: s.sendto(b'', ('192.0.2.1', 53))",
    f"open({str(REAL_HOME / 'escaped')!r}, 'w')",
    f"import os; os.mkdir({str(REAL_HOME / 'escaped')!r})",
]


@pytest.mark.parametrize("program", ESCAPES)
def test_neither_a_test_nor_its_child_escapes(program: str) -> None:
    with pytest.raises(Escape):
        exec(program, {})
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert b"Escape" in done.stderr


def test_this_machine_and_the_home_of_the_test_are_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
    assert Path.home() != REAL_HOME
    (Path.home() / "file").touch()
