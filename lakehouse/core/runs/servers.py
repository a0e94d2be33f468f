"""Servers of other programs that run together and end together, with all their children, by Ctrl-C, SIGTERM or when one of them ends."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import httpx

from lakehouse.core.errors import FactoryError

_PATIENCE = (20.0, 5.0)
"""Seconds that processes have to end after SIGINT, then after SIGTERM; SIGKILL comes next."""


class StoppedError(Exception):
    """The user asked for the end."""


class Servers:
    """Running servers. Each leads a process group: Ctrl-C reaches this process alone, and a signal to the group all of a server."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stop = threading.Event()
        self._started: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        """Start a server in this process's environment and what is added to it."""
        self._started[name] = subprocess.Popen(
            command, cwd=self.folder, env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL, process_group=0
        )

    def finish(self, name: str) -> int:
        """Wait for a process that ends by itself; returns its exit code.

        Raises:
            StoppedError: a signal came first.
        """
        while (code := self._started[name].poll()) is None:
            self._pause(0.1)
        del self._started[name]
        return code

    def answer(self, name: str, url: str, seconds: float = 180) -> None:
        """Wait until a server answers at a URL.

        Raises:
            FactoryError: it ended, or does not answer in time.
            StoppedError: a signal came first.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._look()
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(url, timeout=10, trust_env=False).status_code < 500:  # no proxy stands before this machine
                    return
            self._pause(0.3)
        raise FactoryError(f"{name} does not answer at {url} after {seconds:.0f} s", fix="see what it printed above")

    def wait(self) -> None:
        """Wait for a signal.

        Raises:
            FactoryError: a server ended by itself.
            StoppedError: the signal came.
        """
        while True:
            self._look()
            self._pause(0.5)

    def _look(self) -> None:
        for name, process in self._started.items():
            if (code := process.poll()) is not None:
                raise FactoryError(f"{name} ended with code {code}", fix="see what it printed above")

    def _pause(self, seconds: float) -> None:
        if self.stop.wait(seconds):
            raise StoppedError

    def end(self) -> None:
        """End every process of every server: asked first, then killed. Another signal meanwhile kills at once."""
        self.stop.clear()
        groups = {process.pid for process in self._started.values()}
        for number, seconds in zip((signal.SIGINT, signal.SIGTERM), _PATIENCE, strict=True):
            _send(groups, number)
            until = time.monotonic() + seconds
            while groups and time.monotonic() < until and not self.stop.is_set():
                for process in self._started.values():
                    process.poll()  # a child that ended stays a member of its group until it is waited for
                groups = {group for group in groups if _alive(group)}
                time.sleep(0.1)
        _send(groups, signal.SIGKILL)
        for process in self._started.values():
            process.wait()


@contextmanager
def servers(folder: Path) -> Iterator[Servers]:
    """Servers that run in `folder` until the block ends, or SIGINT, SIGTERM or SIGHUP comes, which ends the block quietly."""
    running = Servers(folder)

    def stop(number: int, frame: FrameType | None) -> None:
        running.stop.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        with contextlib.suppress(StoppedError):
            yield running
    finally:
        running.end()
        for number, handler in before.items():
            signal.signal(number, handler)


def require_free(host: str, port: int, what: str, option: str) -> None:
    """Refuse a port that is taken.

    Raises:
        FactoryError: another program listens there, or this machine has no such address.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what ended a moment ago holds no port
        try:
            probe.bind((host, port))
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            fix = f"another `lakehouse ui`? end it, or name a port: {option}" if taken else "name an address of this machine: --host"
            raise FactoryError(f"{what} cannot listen on {host}:{port}: {error.strerror}", fix=fix) from None


def _send(groups: set[int], number: signal.Signals) -> None:
    for group in groups:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, number)


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
