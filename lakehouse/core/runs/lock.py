"""One writer a table: an advisory lock that ends with its process, however that ends."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from lakehouse.core.errors import LockedError
from lakehouse.core.project import Project


def lock_file(project: Project, name: str) -> Path:
    """The file of the lock `name`."""
    return project.state / "locks" / f"{name.replace(' ', '-')}.lock"


@contextmanager
def locked(project: Project, name: str) -> Iterator[None]:
    """Hold `name` (such as `dataset reviews`) for the block; re-entering from the same thread is allowed.

    Raises:
        LockedError: another process holds it; the message names it and since when.
    """
    path = lock_file(project, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    holder = path.with_suffix(".holder")
    lock = FileLock(path, is_singleton=True)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        who = holder.read_text(encoding="utf-8") if holder.exists() else "another process"
        raise LockedError(f"{name} is being made by {who}", fix="wait for it to end, then run again") from None
    try:
        holder.write_text(f"process {os.getpid()} since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC", encoding="utf-8")
        yield
    finally:
        lock.release()
