"""The data files of a bundle: a split in shards of bounded size, written a row group at a time; the same rows give the same bytes.

Where shards and row groups end follows from the sizes of the values alone, so it does not depend on how gold stores them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from lakehouse.core.errors import ReleaseError
from lakehouse.core.hashing import file_digest
from lakehouse.core.lake.parquet.files import parquet_writer

ROW_ID = "row_id"
SHARD_BYTES = 500_000_000
"""Of values in a shard, about; a row that is larger has one of its own."""
GROUP_BYTES = 64_000_000
"""Of values in a row group, which is what is held at a time."""
GROUP_ROWS = 100_000
_FIXED = 8


def measured(gold: pl.LazyFrame, columns: Sequence[str]) -> pl.DataFrame:
    """`_row_id`, `_hash`, `_split` and `_size`, the bytes of the columns' values, of all rows; no value is kept."""
    schema = gold.collect_schema()
    size = pl.sum_horizontal(pl.lit(0), *(_size(pl.col(name), schema[name]) for name in [*columns, "_row_id"]))
    return gold.select("_row_id", "_hash", "_split", size.cast(pl.Int64).alias("_size")).collect(engine="streaming")


def write_split(gold: pl.LazyFrame, split: str, rows: pl.DataFrame, columns: Sequence[str], folder: Path) -> list[dict[str, Any]]:
    """Write the rows of a split, by `row_id`, as `<split>-00000-of-0000N.parquet`; the entries of the manifest.

    Args:
        rows: what `measured` gives of the split.

    Raises:
        ReleaseError: gold holds a row id twice.
    """
    rows = rows.sort("_row_id")
    ids, groups = rows["_row_id"], _groups(rows["_size"].to_numpy())
    shards = _shards(rows["_size"].to_numpy(), groups)
    schema = gold.collect_schema()
    released = pl.Schema({**{name: schema[name] for name in columns}, ROW_ID: pl.String()})
    files = []
    for number, shard in enumerate(shards):
        path = folder / f"{split}-{number:05}-of-{len(shards):05}.parquet"
        with parquet_writer(path, released, level=3) as add:
            for begin, end in shard:
                inside = pl.col("_row_id").is_between(pl.lit(ids[begin]), pl.lit(ids[end - 1]))
                found = gold.filter(inside & (pl.col("_split") == split)).select(*columns, pl.col("_row_id").alias(ROW_ID))
                group = found.sort(ROW_ID).collect().rechunk()
                if group.height != end - begin:
                    raise ReleaseError(f"gold holds a row id twice between {ids[begin]} and {ids[end - 1]}", fix="make the dataset again")
                add(group)
        files.append(
            {
                "split": split,
                "path": f"{folder.name}/{path.name}",
                "rows": shard[-1][1] - shard[0][0],
                "bytes": path.stat().st_size,
                "uncompressed_bytes": _uncompressed(path),
                "sha256": file_digest(path),
            }
        )
    return files


def rows_by_split(files: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Rows of each split, of the shards that a manifest lists."""
    counts = Counter[str]()
    for file in files:
        counts[str(file["split"])] += int(file["rows"])
    return dict(counts)


def _groups(sizes: np.ndarray[Any, Any]) -> list[tuple[int, int]]:
    """Where each row group begins and ends: at GROUP_ROWS rows or before GROUP_BYTES are passed, one row at least."""
    total, ends = np.cumsum(sizes), [0]
    while ends[-1] < len(sizes):
        begin = ends[-1]
        before = int(total[begin - 1]) if begin else 0
        full = int(np.searchsorted(total, before + GROUP_BYTES, side="right"))
        ends.append(max(begin + 1, min(full, begin + GROUP_ROWS, len(sizes))))
    return list(pairwise(ends))


def _shards(sizes: np.ndarray[Any, Any], groups: Sequence[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """The row groups of each shard: as many as SHARD_BYTES hold, one at least."""
    shards: list[list[tuple[int, int]]] = []
    held = 0
    for begin, end in groups:
        size = int(sizes[begin:end].sum())
        if not shards or held + size > SHARD_BYTES:
            shards.append([])
            held = 0
        shards[-1].append((begin, end))
        held += size
    return shards


def _size(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Bytes of a value, nothing for a null."""
    if dtype == pl.String:
        return value.str.len_bytes().fill_null(0).cast(pl.Int64)
    if dtype == pl.Binary:
        return value.bin.size().fill_null(0).cast(pl.Int64)
    if isinstance(dtype, pl.List):
        inner = dtype.inner if isinstance(dtype.inner, pl.DataType) else dtype.inner()
        return value.list.eval(_size(pl.element(), inner)).list.sum().fill_null(0)
    if isinstance(dtype, pl.Struct):
        fields = ((field.name, field.dtype if isinstance(field.dtype, pl.DataType) else field.dtype()) for field in dtype.fields)
        return pl.sum_horizontal(pl.lit(0), *(_size(value.struct.field(name), inner) for name, inner in fields))
    return pl.when(value.is_null()).then(0).otherwise(_FIXED)


def _uncompressed(path: Path) -> int:
    metadata = pq.read_metadata(path)
    return sum(metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups))
