"""SHA-256 of files, remembered by what the file system says of them, so that an untouched file is not read again."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from lakehouse.errors import StorageError
from lakehouse.hashing import file_digest
from lakehouse.parquet.files import write_parquet
from lakehouse.reserve.compression import damage_named

_RACY_NS = 2_000_000_000
"""A file changed less than this before it was hashed can change again without another time of change (as git's index has it)."""
_KEPT_EVERY = 20.0
"""Seconds of hashing after which what is known is kept: what a killed collection hashes again at most."""
SCHEMA = pl.Schema({"path": pl.String(), "seen": pl.String(), "sha256": pl.String()})


def file_digests(notes: Path, paths: Sequence[str]) -> dict[str, str]:
    """The SHA-256 of each file; computed where its size, inode or time of change are not those under which it stands in `notes`.

    Notes of other files are forgotten.

    Raises:
        SourceError: a file that cannot be read, named.
    """
    known = _read(notes)
    found: dict[str, str] = {}
    noted: dict[str, tuple[str, str]] = {}
    kept, new = time.monotonic(), 0
    stat, known_of = os.stat, known.get
    for path in paths:
        # Neither a Path nor a context for a file that is as it was: of 100,000 files each costs as much as the look itself.
        try:
            about = stat(path)
        except OSError:
            about = _refused(path)
        seen = f"{about.st_size} {about.st_mtime_ns} {about.st_ctime_ns} {about.st_ino}"
        before = known_of(path)
        if before is not None and before[0] == seen:
            found[path], noted[path] = before[1], before
            continue
        started = time.time_ns()
        with damage_named(path):
            found[path] = file_digest(Path(path))
        new += 1
        if started - max(about.st_mtime_ns, about.st_ctime_ns) > _RACY_NS:
            noted[path] = (seen, found[path])
        if time.monotonic() - kept > _KEPT_EVERY:
            _keep(notes, {**known, **noted})
            kept = time.monotonic()
    if new or len(noted) < len(known):
        _keep(notes, noted)
    return found


def _refused(path: str) -> os.stat_result:
    """Look at a file again, that its failure is named."""
    with damage_named(path):
        return os.stat(path)  # noqa: PTH116 - as above


def _keep(notes: Path, noted: Mapping[str, tuple[str, str]]) -> None:
    seen, digests = zip(*noted.values(), strict=True) if noted else ((), ())
    rows = pl.DataFrame({"path": list(noted), "seen": seen, "sha256": digests}, schema=SCHEMA)
    try:
        notes.parent.mkdir(parents=True, exist_ok=True)
        write_parquet(rows, notes)
    except (OSError, StorageError):
        pass  # notes that cannot be kept cost the next collection a look at the files, no more


def _read(notes: Path) -> dict[str, tuple[str, str]]:
    try:
        rows = pl.read_parquet(notes).select(SCHEMA.names())
    except (OSError, pl.exceptions.PolarsError):
        return {}  # none yet, or such that cannot be read: the files themselves are
    return dict(zip(rows["path"].to_list(), zip(rows["seen"].to_list(), rows["sha256"].to_list(), strict=True), strict=True))
