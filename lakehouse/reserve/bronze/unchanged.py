"""Files unchanged since the last collection: bronze holds their rows, and they are not read again."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

import polars as pl

from lakehouse.core.hashing import digest
from lakehouse.core.project import Project
from lakehouse.reserve.bronze.keys import Key
from lakehouse.reserve.formats import FORMATS
from lakehouse.reserve.material import RawFile

SCHEMA = pl.Schema(
    {
        "source": pl.String(),
        "collection": pl.Int64(),
        "file": pl.String(),  # its name in the source
        "digest": pl.String(),  # of its bytes and of how it was read; null: not all its rows are under its name
        "rows": pl.Int64(),
    }
)


@dataclass(frozen=True)
class UnchangedFiles:
    """The files that need not be read.

    Attributes:
        files: names.
        rows: `_row_id`, `_content` of their rows.
        keys: their keys, where later files need them to number copies.
        findings: number of rows by finding.
    """

    files: frozenset[str] = frozenset()
    rows: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema={"_row_id": pl.String, "_content": pl.String}))
    keys: pl.Series | None = None
    findings: Counter[str] = field(default_factory=Counter)


def carried(
    project: Project, source: str, key: Key, files: list[RawFile], reading: str, index: pl.DataFrame, *, grows: bool = False
) -> UnchangedFiles:
    """The files whose bytes, and how they are read, are those of the last collection.

    With keys other than the position, an item's id can depend on the items before it (the copies of a key are numbered), so that only
    files with nothing new before them are carried.

    Args:
        reading: identity of the declaration, and of the connector and the collector by their versions.
        index: live rows of bronze with `_row_id`, `_content`, `_uri`, `_findings`.
        grows: files are only added, so that all live rows stay valid as long as no file is to be read anew.
    """
    table = project.table("system", "files")
    if not table.exists():
        return UnchangedFiles()
    known = table.scan().filter(pl.col("source") == source).collect().sort("collection").unique("file", keep="last")
    digests = {name: (found, rows) for name, found, rows in known.select("file", "digest", "rows").iter_rows()}
    rows_by_uri = dict(index.group_by("_uri").len().iter_rows())

    def same(file: RawFile) -> bool:
        found, rows = digests.get(file.name, (None, 0))
        return found is not None and found == file_identity(file, reading) and rows_by_uri.get(file.uri, 0) == rows

    if grows:
        known_files = [file for file in files if digests.get(file.name, (None, 0))[0] == file_identity(file, reading)]
        if len(known_files) < len(digests):
            return UnchangedFiles()
        findings = Counter(index["_findings"].explode(empty_as_null=False).drop_nulls().to_list())
        return UnchangedFiles(frozenset(file.name for file in known_files), index.select("_row_id", "_content"), None, findings)
    if key != "position" and not rows_by_uri.keys() <= {file.uri for file in files}:
        return UnchangedFiles()  # a file is gone: copies that it held before others' no longer count
    chosen = list(filter(same, files) if key == "position" else takewhile(same, files))
    chosen = [file for file in chosen if digests[file.name][1]]  # an empty file is read again, for its warning
    rows = index.filter(pl.col("_uri").is_in([file.uri for file in chosen]))
    findings = Counter(rows["_findings"].explode(empty_as_null=False).drop_nulls().to_list())
    repeated = rows["_row_id"].str.contains(r"/~x[0-9a-f]{32}~\d+$").any()
    if isinstance(key, list) and (findings["duplicate_key"] or repeated):
        return UnchangedFiles()  # the numbers in these ids cannot be separated from the keys themselves
    keys = None
    if key == "content":
        keys = rows["_content"].str.slice(0, 32).alias("_key")
    elif key != "position":
        keys = rows["_row_id"].str.strip_prefix(f"{source}/").alias("_key")
    return UnchangedFiles(frozenset(file.name for file in chosen), rows.select("_row_id", "_content"), keys, findings)


def file_identity(file: RawFile, reading: str) -> str | None:
    """Identity of a file's bytes and of how it is read; None where its connector does not give the digest of its bytes."""
    if file.digest is None:
        return None
    options: list[Any] = [file.options.separator, file.options.quote, file.options.header, file.options.skip_after_header]
    options += [] if file.options.record is None else [file.options.record]
    options += [[name, value] for name in ("encoding", "sheet", "skip_before_header") if (value := getattr(file.options, name))]
    how = [file.format, FORMATS[file.format].version, options]
    return digest([file.digest, file.uri, how, dict(file.options.rename), dict(file.set), reading])


def remember(project: Project, source: str, collection: int, read: list[tuple[RawFile, int, bool]], reading: str) -> None:
    """Note the files that a collection read.

    Args:
        read: each with its number of rows, and whether all of them are in bronze under its name (a row that moved here from another
            file unchanged does not).
    """
    rows = [
        {
            "source": source,
            "collection": collection,
            "file": file.name,
            "digest": file_identity(file, reading) if whole else None,
            "rows": count,
        }
        for file, count, whole in read
        if file.digest is not None
    ]
    if rows:
        project.table("system", "files").write(pl.DataFrame(rows, schema=SCHEMA), "append")
