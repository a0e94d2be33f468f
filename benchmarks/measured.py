"""Run a command and tell what it cost: wall and CPU seconds of all its processes, and the peak of their memory together."""

from __future__ import annotations

import os
import resource
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Cost:
    """What a command cost.

    Attributes:
        wall, cpu: seconds; cpu is user and system time of the process and of all that it started, directly or not.
        peak: megabytes of memory (proportional set size, summed over the processes, looked at five times a second).
    """

    wall: float
    cpu: float
    peak: float
    exit_code: int

    def as_json(self) -> dict[str, Any]:
        """The figures, rounded."""
        return {name: round(value, 2) for name, value in asdict(self).items()}


def measured(command: Sequence[str], log: Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> Cost:
    """Run `command`, its output into `log`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, cwd=cwd, env={**os.environ, **(env or {})})
        peak, seconds = [0.0], dict[int, float]()
        watcher = threading.Thread(target=_watch, args=(process.pid, peak, seconds), daemon=True)
        watcher.start()
        code = process.wait()
    wall = time.perf_counter() - started
    watcher.join()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    waited = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    # What a server process started is waited for by that one: it is in the sum of what was seen, not in the system's own account.
    return Cost(wall, max(waited, sum(seconds.values())), peak[0], code)


def _watch(pid: int, peak: list[float], seconds: dict[int, float]) -> None:
    while Path(f"/proc/{pid}").exists():
        family = _family(pid)
        for child in family:
            seconds[child] = max(seconds.get(child, 0.0), _cpu(child))
        total = sum(map(_proportional, family))
        if total == 0:
            return
        peak[0] = max(peak[0], total)
        time.sleep(0.2)


def _family(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        try:
            for task in Path(f"/proc/{parent}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
        except OSError:
            continue  # it ended in between
    return found


def _proportional(pid: int) -> float:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1000
    except OSError:
        pass  # it ended in between
    return 0.0


def _cpu(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0  # it ended in between
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
