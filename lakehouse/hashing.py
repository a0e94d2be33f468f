"""Identities: canonical JSON, row digests, content ids and the code version of a module.

All digests are SHA-256 (FIPS 180-4). `polars.hash_rows` is not stable between releases and is never used for an identity.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import polars_hash as plh

from lakehouse.syntax import syntax

_WORKSHOPS = ("lakehouse.production.", "lakehouse.pilot.", "lakehouse.reserve.")
"""Packages whose modules decide what an operator, an evaluation or a detector computes."""


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


def code_version(path: Path, also: Iterable[Path] = ()) -> str:
    """First 16 hex digits of SHA-256 over the syntax trees of modules, docstrings, comments and `description=` left out."""
    sha = hashlib.sha256()
    for file in (path, *sorted(also)):
        sha.update(bytes.fromhex(syntax(file).digest))
    return sha.hexdigest()[:16]


def code_with_imports(path: Path, package: Path, frame: frozenset[str] = frozenset()) -> str:
    """Code version of a module and of the modules of workshops that it imports, directly or through others.

    Args:
        package: folder of the package `lakehouse`.
        frame: names of files that do not say what is computed, and are left out.
    """
    return code_version(path, _imports(path, package, frame, set()))


def _imports(file: Path, package: Path, frame: frozenset[str], seen: set[Path]) -> set[Path]:
    for imported in _direct_imports(file, package):
        if imported not in seen and imported.name not in frame:
            seen.add(imported)
            _imports(imported, package, frame, seen)
    return seen


def _direct_imports(file: Path, package: Path) -> list[Path]:
    found: list[Path] = []
    for module, names in syntax(file).imports:
        if module.startswith(_WORKSHOPS):
            base = package.joinpath(*module.split(".")[1:])
            candidates = [base.with_suffix(".py"), *(base / f"{name}.py" for name in names)]
            found += [candidate for candidate in candidates if candidate.is_file()]
    return found
