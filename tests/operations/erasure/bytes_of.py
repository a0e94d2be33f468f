"""Every byte below a folder, compressed ones undone: where a token is said to be nowhere, this is where it was looked for."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import zstandard

from lakehouse.core.lake.table import Table


def places_of(root: Path, token: str) -> list[str]:
    """Files below `root` that hold a token: in their bytes, decompressed bytes, Parquet values or Parquet metadata."""
    return sorted(
        str(file.relative_to(root))
        for file in root.rglob("*")
        if file.is_file() and any(token in t for t in texts(file.name, file.read_bytes()))
    )


def texts(name: str, data: bytes) -> Iterator[str]:
    """What a file says, in every way it may be packed; binary values of Parquet as the text they are."""
    yield name
    yield data.decode("utf-8", "replace")
    if data.startswith(b"\x1f\x8b"):
        yield gzip.decompress(data).decode("utf-8", "replace")
    if data.startswith(b"\x28\xb5\x2f\xfd"):
        yield zstandard.ZstdDecompressor().decompressobj().decompress(data).decode("utf-8", "replace")
    if data.startswith(b"PAR1"):
        about = pq.ParquetFile(io.BytesIO(data))
        groups = (about.metadata.row_group(number) for number in range(about.metadata.num_row_groups))
        bounds = [group.column(at).statistics for group in groups for at in range(group.num_columns)]
        yield " ".join(f"{found.min} {found.max}" for found in bounds if found is not None and found.has_min_max)
        yield str(about.metadata.metadata)
        for column in about.read().columns:
            yield json.dumps(column.to_pylist(), ensure_ascii=False, default=_text)


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


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
