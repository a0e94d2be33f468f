"""Rows of tables elsewhere, landed as Parquet of one schema."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.reserve.landing.landing import Landing

_READ = 1 << 20


def land_table(landing: Landing, name: str, uri: str, parts: Iterable[pa.Table], schema: pa.Schema, cursor: Any) -> bool:
    """Land rows as a piece of Parquet, part by part; returns whether there were any, and leaves nothing where there were none."""
    rows = 0
    with tempfile.TemporaryFile() as out:
        with pq.ParquetWriter(out, schema, compression="zstd") as writer:
            for part in parts:
                rows += part.num_rows
                writer.write_table(part.cast(schema))
        size = out.tell()
        if rows:
            out.seek(0)
            sink = landing.sink()
            while data := out.read(_READ):
                sink.write(data)
            landing.add(name, uri, sink.close(), size, cursor)
    return rows > 0
