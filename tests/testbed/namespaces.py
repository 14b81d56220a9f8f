"""Private network, mount and process namespaces, with a way out to the internet.

Everything that runs in them dies with their first process, and that dies with the process that
opened them, however it dies. Interfaces, mounts and packet filter rules vanish with them.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.testbed.programs import Programs

CLONE_NEWNET = 0x40000000  # from linux/sched.h; os.setns comes with Python 3.12
DNS = "10.0.2.3"  # where slirp4netns answers, by its manual
WITH_PARENT = ("setpriv", "--pdeathsig", "KILL")

# A private /run keeps the sockets of containerd's helpers off this machine's. Where resolv.conf
# is a link into /run, the file that it points to is made there again.
FIRST_PROCESS = f"""
set -eu
resolver=$(readlink -m /etc/resolv.conf)
mount -t tmpfs tmpfs /run
mkdir -p "$(dirname "$resolver")" /run/testbed
echo "nameserver {DNS}" > /run/testbed/resolv.conf
[ -e "$resolver" ] || touch "$resolver"
mount --bind /run/testbed/resolv.conf "$resolver"
echo
exec tini -- sleep infinity
"""
UNSHARE = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
OPEN = (*UNSHARE, "--net", "sh", "-c", FIRST_PROCESS)


@dataclass(frozen=True)
class Namespaces:
    """Entered through their first process, by its process id."""

    pid: int

    def command(self, *words: str) -> list[str]:
        """The command line that runs a command in them, in the current folder."""
        enter = ["nsenter", f"--target={self.pid}", "--net", "--mount", "--pid"]
        return [*enter, f"--wdns={Path.cwd()}", "--", *words]

    @contextmanager
    def network(self) -> Iterator[None]:
        """Put this thread, and what it starts meanwhile, into the network alone.

        Connections made outside stay; threads that run already are not moved.
        """
        with (
            Path("/proc/thread-self/ns/net").open("rb") as back,
            Path(f"/proc/{self.pid}/ns/net").open("rb") as there,
        ):
            enter_network(there.fileno())
            try:
                yield
            finally:
                enter_network(back.fileno())


def enter_network(namespace: int) -> None:
    """Move this thread. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, f"setns: {os.strerror(number)}")


@contextmanager
def namespaces(programs: Programs) -> Iterator[Namespaces]:
    """Open them, and kill what runs in them at the end."""
    environ = {**os.environ, "PATH": f"{programs.path}:{os.environ['PATH']}"}
    with ExitStack() as stack:
        first = stack.enter_context(first_process(OPEN, environ))
        stack.enter_context(internet(first, {**environ, **programs.libraries}))
        yield Namespaces(first)


@contextmanager
def first_process(
    command: Sequence[str], environ: Mapping[str, str], generation: int = 1
) -> Iterator[int]:
    """Process 1 of new namespaces, by its process id out here; at the end all in them is gone.

    The command opens them and answers with an empty line once they are furnished; process 1 is
    its child, or as many generations below it.
    """
    process = subprocess.Popen(
        [*WITH_PARENT, *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environ,
    )
    with killed(process):
        assert process.stdout is not None
        complaint = process.stdout.readline().strip()
        if complaint or process.poll() is not None:
            raise RuntimeError(f"this machine gives no namespaces: {complaint.decode()}")
        first = process.pid
        for _ in range(generation):
            first = only_child(first)
        try:
            yield first
        finally:
            # Its parent ends after it, and it after all others: killed, the parent would not wait.
            with suppress(ProcessLookupError):
                os.kill(first, signal.SIGKILL)
            process.wait()


@contextmanager
def internet(pid: int, environ: Mapping[str, str]) -> Iterator[None]:
    """Connect their network through a program that speaks TCP/IP as an ordinary process."""
    ready, tell = os.pipe()
    slirp = ["slirp4netns", "--configure", "--disable-host-loopback", f"--ready-fd={tell}"]
    with os.fdopen(ready) as answer:
        process = subprocess.Popen(
            [*WITH_PARENT, *slirp, str(pid), "tap0"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environ,
            pass_fds=[tell],
        )
        os.close(tell)
        with killed(process):
            if not answer.read(1):
                raise RuntimeError("slirp4netns did not start")
            yield


def only_child(pid: int) -> int:
    """The process id of the one child of a process."""
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text())


@contextmanager
def killed(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Kill the process at the end, and wait until it is gone."""
    with process:
        try:
            yield
        finally:
            process.kill()
