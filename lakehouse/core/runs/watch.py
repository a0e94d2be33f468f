"""Live runs and their progress: one note a run, which other processes read."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from lakehouse.core.errors import StorageError
from lakehouse.core.lake.parquet.files import whole
from lakehouse.core.project import Project
from lakehouse.core.runs.lock import lock_file
from lakehouse.core.runs.progress import Progress

_EVERY = 0.5
"""Seconds between two notes of a run."""


@dataclass(frozen=True, kw_only=True)
class Running:
    """A run.

    Attributes:
        name: of what it makes, such as `source reviews_raw`.
        what: it is doing.
        done, total: of that; total is None where it is not known.
        started: time of the start (ISO 8601, UTC).
        at: time of the last progress (ISO 8601, UTC).
        killed: its process is gone, and has not finished.
    """

    name: str
    what: str
    done: int
    total: int | None
    started: str
    at: str
    pid: int
    killed: bool = False

    @property
    def seconds(self) -> float:
        """From its beginning to its last note."""
        return (datetime.fromisoformat(self.at) - datetime.fromisoformat(self.started)).total_seconds()


@contextmanager
def noted(project: Project, name: str, progress: Progress) -> Iterator[Progress]:
    """A progress that also notes, for the block, how far the run is that holds the lock `name`.

    A note that cannot be written is left out: to be watched is no reason to fail.
    """
    file = _folder(project) / f"{lock_file(project, name).stem}.json"
    started, last = _now(), -_EVERY

    def keep(what: str, done: int, total: int | None) -> None:
        this_run = Running(name=name, what=what, done=done, total=total, started=started, at=_now(), pid=os.getpid())
        with suppress(OSError, StorageError):
            file.parent.mkdir(parents=True, exist_ok=True)
            with whole(file) as part:
                part.write_text(json.dumps(asdict(this_run)), encoding="utf-8")

    def note(what: str, done: int, total: int | None) -> None:
        nonlocal last
        if time.monotonic() - last >= _EVERY:
            last = time.monotonic()
            keep(what, done, total)
        progress(what, done, total)

    keep("looking at what there is", 0, None)
    try:
        yield note
    finally:
        with suppress(OSError):
            file.unlink(missing_ok=True)


def running(project: Project) -> list[Running]:
    """The runs of this factory on this machine, by name; a killed one stays listed until it is run again."""
    found = []
    for file in sorted(_folder(project).glob("*.json")):
        with suppress(OSError, ValueError, TypeError):  # it has ended meanwhile
            this_run = Running(**json.loads(file.read_text(encoding="utf-8")))
            found.append(replace(this_run, killed=not _held(project, this_run.name)))
    return found


def _held(project: Project, name: str) -> bool:
    """Whether a process holds the lock of a run; a lock ends with its process."""
    lock = FileLock(lock_file(project, name))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def _folder(project: Project) -> Path:
    return project.state / "running"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
