"""A closed loop: so many workers, each of which sends its next request when it has the answer to its last one."""

from __future__ import annotations

import os
import re
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

_EVERY = 0.02
"""Seconds between looks at the memory."""


@dataclass(frozen=True, kw_only=True)
class LoadStep:
    """What so many workers found.

    Attributes:
        p50_ms, p95_ms, p99_ms: latency of the requests that were answered, milliseconds; NaN where none was.
        per_second: answered requests a second.
        error_share: requests that failed, of all.
        memory_mb: the most resident memory of this process that was seen meanwhile.
    """

    workers: int
    requests: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    per_second: float
    error_share: float
    memory_mb: float


Call = Callable[[int], bool]
"""One request, by its number; returns whether it was answered."""


def loop(worker: Callable[[], AbstractContextManager[Call]], workers: int, seconds: float) -> LoadStep:
    """Run `workers` threads for `seconds`; requests that are under way at the end are finished and count.

    Args:
        worker: opens what one thread calls, such as a connection of its own; entered in that thread before the clock starts.

    Raises:
        Exception: what a worker raised; the others are stopped first.
    """
    found = [_WorkerLog() for _ in range(workers)]
    gate, stop = threading.Barrier(workers + 1), threading.Event()

    def work(at: int) -> None:
        try:
            with worker() as call:
                gate.wait()
                number = at
                while not stop.is_set():
                    began = time.perf_counter()
                    fine = call(number)
                    (found[at].latencies if fine else found[at].failed).append(time.perf_counter() - began)
                    number += workers
        except BaseException as error:  # raised again in the caller's thread
            found[at].error = error
            stop.set()
            gate.abort()

    threads = [threading.Thread(target=work, args=(at,), daemon=True) for at in range(workers)]
    for thread in threads:
        thread.start()
    with _memory() as memory:
        try:
            gate.wait()
        except threading.BrokenBarrierError:
            stop.set()
        began = time.perf_counter()
        stop.wait(seconds)
        stop.set()
        for thread in threads:
            thread.join()
        elapsed = time.perf_counter() - began
    for each in found:
        if each.error is not None and not isinstance(each.error, threading.BrokenBarrierError):
            raise each.error
    latencies = np.array([second for each in found for second in each.latencies]) * 1000
    failed = sum(len(each.failed) for each in found)
    p50, p95, p99 = np.percentile(latencies, [50, 95, 99]) if len(latencies) else (np.nan, np.nan, np.nan)
    number = len(latencies) + failed
    return LoadStep(
        workers=workers,
        requests=number,
        p50_ms=float(p50),
        p95_ms=float(p95),
        p99_ms=float(p99),
        per_second=len(latencies) / elapsed,
        error_share=failed / max(number, 1),
        memory_mb=memory[0],
    )


@dataclass
class _WorkerLog:
    latencies: list[float] = field(default_factory=list)
    failed: list[float] = field(default_factory=list)
    error: BaseException | None = None


@contextmanager
def _memory() -> Iterator[list[float]]:
    """The most resident memory (MB) seen so far, in a list of one."""
    most, over = [_resident_mb()], threading.Event()

    def look() -> None:
        while not over.wait(_EVERY):
            most[0] = max(most[0], _resident_mb())

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield most
    finally:
        over.set()
        thread.join()
        most[0] = max(most[0], _resident_mb())


def _resident_mb() -> float:
    """Resident memory of this process now, where the kernel reports it (Linux); elsewhere the most it ever had."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        pages = re.split(r"\s+", statm.read_text(encoding="ascii"))[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
