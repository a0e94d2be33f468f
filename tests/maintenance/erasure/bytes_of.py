"""Every byte below a folder, compressed ones undone: where a token is said to be nowhere, this is where it was looked for."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import zstandard

from lakehouse.table import Table


def places_of(root: Path, token: str) -> list[str]:
    """Files below `root` that hold a token: in their bytes, decompressed bytes, Parquet values or Parquet metadata."""
    return sorted(str(file.relative_to(root)) for file in root.rglob("*") if file.is_file() and any(token in t for t in _texts(file)))


def _texts(file: Path) -> Iterator[str]:
    data = file.read_bytes()
    yield data.decode("utf-8", "replace")
    yield file.name
    if data.startswith(b"\x1f\x8b"):
        yield gzip.decompress(data).decode("utf-8", "replace")
    if data.startswith(b"\x28\xb5\x2f\xfd"):
        yield zstandard.ZstdDecompressor().decompressobj().decompress(data).decode("utf-8", "replace")
    if data.startswith(b"PAR1"):
        about = pq.ParquetFile(file)
        groups = (about.metadata.row_group(number) for number in range(about.metadata.num_row_groups))
        bounds = [group.column(at).statistics for group in groups for at in range(group.num_columns)]
        yield " ".join(f"{found.min} {found.max}" for found in bounds if found is not None and found.has_min_max)
        yield str(about.metadata.metadata)
        table = about.read()
        for column in table.columns:
            yield json.dumps(column.to_pylist(), ensure_ascii=False, default=repr)


def rows_of_versions(lake: Path, *, layers: tuple[str, ...] = ("bronze", "silver", "gold")) -> dict[str, list[pl.DataFrame]]:
    """The rows of each version of each table that can be read, by `_row_id`."""
    found: dict[str, list[pl.DataFrame]] = {}
    for log in sorted(lake.glob("*/*/_delta_log")):
        name = str(log.parent.relative_to(lake))
        table = Table(str(log.parent))
        if name.split("/")[0] in layers:
            found[name] = [_rows(table, version) for version in range((table.version() or 0) + 1)]
    return found


def _rows(table: Table, version: int) -> pl.DataFrame:
    try:
        rows = table.read(version=version)
    except FileNotFoundError:
        return pl.DataFrame()
    return rows.select(sorted(rows.columns)).sort("_row_id", *(c for c in ("_collection", "_stage", "step") if c in rows.columns))
