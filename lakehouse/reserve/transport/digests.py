"""SHA-256 of files, remembered by their file system metadata, so that an untouched file is not read again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from lakehouse.core.errors import StorageError
from lakehouse.core.hashing import file_digest
from lakehouse.core.lake.parquet.files import write_parquet
from lakehouse.reserve.formats.compression import damage_named
from lakehouse.reserve.transport.file_stats import SEEN

_RACY_NS = 2_000_000_000
"""A file changed less than this before it was hashed can change again without another time of change (as git's index has it)."""
_KEPT_EVERY = 20.0
"""Seconds of hashing after which what is known is kept: what a killed collection hashes again at most."""
_IDENTITY = "identity"
_LOOK = ["path", *SEEN]
SCHEMA = pl.Schema({"path": pl.String(), **dict.fromkeys(SEEN, pl.Int64()), "sha256": pl.String()})


@dataclass(frozen=True)
class FileDigests:
    """Files with their digests.

    Attributes:
        rows: `path` and `sha256` of each, in the order in which they were looked at.
        identity: of them all, in the order of their paths.
    """

    rows: pl.DataFrame
    identity: str


def file_digests(notes: Path, looked: pl.DataFrame, identity: Callable[[pl.DataFrame], str]) -> FileDigests:
    """The SHA-256 of each file that was looked at; computed where `notes` hold no file with the same metadata.

    Notes of other files are forgotten.

    Args:
        identity: what all files are known by; of rows in the order of their paths.

    Raises:
        SourceError: a file that cannot be read, named.
    """
    known, stats = _read(notes)
    if stats and known.select(_LOOK).equals(looked):
        return FileDigests(known.select("path", "sha256"), stats)
    rows = looked.join(known, on=_LOOK, how="left", maintain_order="left")
    new = rows.filter(pl.col("sha256").is_null())
    found: list[str] = []
    steady: list[bool] = []
    kept = time.monotonic()

    def noted() -> pl.DataFrame:
        """The files that were hashed so far and whose later changes would show in their metadata."""
        return new.head(len(found)).with_columns(sha256=pl.Series(found, dtype=pl.String)).filter(pl.Series(steady, dtype=pl.Boolean))

    for path, changed, moved in new.select("path", "changed_ns", "moved_ns").iter_rows():
        started = time.time_ns()
        with damage_named(path):
            found.append(file_digest(Path(path)))
        steady.append(started - max(changed, moved) > _RACY_NS)
        if time.monotonic() - kept > _KEPT_EVERY:
            _keep(notes, pl.concat([known, noted()]))
            kept = time.monotonic()
    digests = new.select("path", sha256=pl.Series(found, dtype=pl.String))
    made = rows.select("path", "sha256").update(digests, on="path", maintain_order="left")
    all_of_them = identity(made.sort("path"))
    digested = rows.drop("sha256").join(pl.concat([rows.filter(pl.col("sha256").is_not_null()), noted()]), on=_LOOK, maintain_order="left")
    _keep(notes, digested, all_of_them if digested.height == rows.height else "")
    return FileDigests(made, all_of_them)


def _keep(notes: Path, rows: pl.DataFrame, identity: str = "") -> None:
    try:
        notes.parent.mkdir(parents=True, exist_ok=True)
        write_parquet(rows, notes, metadata={_IDENTITY: identity})
    except (OSError, StorageError):
        pass  # notes that cannot be kept cost the next collection a look at the files, no more


def _read(notes: Path) -> tuple[pl.DataFrame, str]:
    """What is noted, and the identity of all of it, empty where there is none."""
    try:
        return pl.read_parquet(notes).select(SCHEMA.names()).match_to_schema(SCHEMA), pl.read_parquet_metadata(notes).get(_IDENTITY, "")
    except (OSError, pl.exceptions.PolarsError):
        return SCHEMA.to_frame(), ""  # none yet, or such that cannot be read: the files themselves are
