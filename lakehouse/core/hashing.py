"""Identities: canonical JSON, row digests, content ids.

All digests are SHA-256 (FIPS 180-4). `polars.hash_rows` is not stable between releases and is never used for an identity.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import polars_hash as plh


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces: one text for one value (RFC 8785 in spirit; floats as Python writes them)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: Any) -> str:
    """Hex SHA-256 of the canonical JSON of `value`."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """Hex SHA-256 of a file's bytes."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def row_digest(schema: dict[str, pl.DataType], columns: Sequence[str]) -> pl.Expr:
    """Hex SHA-256 of a row's values, one string a row.

    The values are joined as `length:text` so that no two rows share an encoding; null is `-`. Column names are part of it.
    Binary is hex, nested values are JSON text, floats their shortest text.
    """
    parts = [part for name in sorted(columns) for part in (pl.lit(f"{len(name)}:{name}="), _encoded(name, schema[name]))]
    joined = pl.concat_str(parts) if parts else pl.lit("")
    hashed: pl.Expr = plh.concat_str(joined).chash.sha2_256()
    return hashed


def _encoded(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if dtype == pl.Binary:
        text = column.bin.encode("hex")
    elif isinstance(dtype, pl.Struct):
        text = column.struct.json_encode()
    elif isinstance(dtype, pl.List | pl.Array):
        # A struct of one field is the shortest way to JSON text for a list.
        text = pl.when(column.is_not_null()).then(pl.struct(column).struct.json_encode())
    elif dtype == pl.String:
        text = column
    else:
        text = column.cast(pl.String)
    return pl.when(text.is_null()).then(pl.lit("-")).otherwise(pl.concat_str(text.str.len_bytes().cast(pl.String), pl.lit(":"), text))


def content_id(rows: pl.DataFrame, by: str, digest_column: str) -> str:
    """Hex SHA-256 over `by` and `digest_column` in `by` order: independent of file layout and row order."""
    ordered = rows.select(pl.concat_str(pl.col(by), pl.lit("\t"), pl.col(digest_column)).alias("line"), by).sort(by)["line"]
    sha = hashlib.sha256()
    for start in range(0, len(ordered), 100_000):
        sha.update("\n".join(ordered.slice(start, 100_000)).encode())
        sha.update(b"\n")
    return sha.hexdigest()
