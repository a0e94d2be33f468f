"""Ports of servers that tests start on this machine."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from typing import Any


def free_port() -> int:
    """A port that no one listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(seconds: float, problem: str, pause: float = 0.5) -> Iterator[None]:
    """Yield again and again until `seconds` have passed, then fail with `problem`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(pause)
    raise AssertionError(f"{problem} after {seconds:.0f} s")


def wait_until_open(port: int, server: subprocess.Popen[Any], seconds: float) -> None:
    """Wait until the server listens on its port."""
    for _ in until(seconds, "the server does not listen", 0.05):
        assert server.poll() is None
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return


@contextlib.contextmanager
def listening(port: int, *command: object) -> Iterator[None]:
    """A server under way, from when it listens on its port until the block ends."""
    server = subprocess.Popen([*map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until_open(port, server, 30)
        yield
    finally:
        server.terminate()
        server.wait(10)
