"""The columns of a source: those declared, else those of bronze, else those found in its files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field

import polars as pl

from lakehouse.core.errors import ShapeError
from lakehouse.core.row_model import BRONZE
from lakehouse.core.spec import Source
from lakehouse.reserve.formats import FORMATS
from lakehouse.reserve.formats.columns import DECLARED, unify
from lakehouse.reserve.formats.compression import damage_named
from lakehouse.reserve.formats.transcoding import opened
from lakehouse.reserve.material import RawFile, Reading, Value

_OF_VALUE: Mapping[type[object], str] = {str: "string", int: "int", float: "float", bool: "bool"}


@dataclass(frozen=True)
class StoredColumns:
    """The columns of `bronze/<source>`.

    Attributes:
        kinds: those that hold JSON (`json`), and those without a declaration that had no value yet (`null`), which are kept as text.
    """

    schema: pl.Schema
    kinds: Mapping[str, str] = field(default_factory=dict)


def own_columns(source: Source, stored: StoredColumns | None, files: Iterable[tuple[RawFile, Reading]]) -> StoredColumns:
    """The columns of a source, in the order in which bronze holds them.

    Args:
        stored: what bronze holds, or None before the first collection.
        files: read only when neither a declaration nor bronze gives the columns and their types.

    Raises:
        ShapeError: stored columns are no longer declared, or files disagree.
    """
    known = pl.Schema({name: dtype for name, dtype in stored.schema.items() if name not in BRONZE}) if stored is not None else None
    if source.columns is not None:
        declared = pl.Schema({name: column.dtype for name, column in source.columns.items()})
        checked_names(declared)
        kinds = {name: "json" for name, column in source.columns.items() if column.type == "json"}
        return StoredColumns(_evolved(source.source, known, declared) if known is not None else declared, kinds)
    if stored is None or known is None:
        return _typed(_found(files))
    if "null" not in stored.kinds.values():
        return StoredColumns(known, stored.kinds)
    found = _found(files)
    now: dict[str, str | pl.DataType] = {name: stored.kinds.get(name, dtype) for name, dtype in known.items()}
    return _typed({name: found.get(name, "null") if kind == "null" else kind for name, kind in now.items()})


def _typed(found: Mapping[str, str | pl.DataType]) -> StoredColumns:
    schema = pl.Schema({name: DECLARED[kind] if isinstance(kind, str) else kind for name, kind in found.items()})
    return StoredColumns(schema, {name: str(kind) for name, kind in found.items() if kind in ("json", "null")})


def _evolved(source: str, known: pl.Schema, declared: pl.Schema) -> pl.Schema:
    gone = sorted(set(known) - set(declared))
    if gone:
        raise ShapeError(f"bronze/{source} has the columns {gone}, which are no longer declared", fix="declare them, or name a new source")
    return pl.Schema({**known, **declared})


def _found(files: Iterable[tuple[RawFile, Reading]]) -> dict[str, str | pl.DataType]:
    found: dict[str, str | pl.DataType] = {}
    for file, reading in files:
        with damage_named(file.uri), closing(opened(file)) as handle:
            if not handle.peek(1):  # type: ignore[attr-defined]
                continue
            shape = FORMATS[file.format].shape(handle, reading)
        for name, kind in shape.items():
            target = file.options.rename.get(name, name)
            found[target] = _both(target, found.get(target), kind, file.uri)
        for name, value in file.set.items():
            found[name] = _both(name, found.get(name), _OF_VALUE[type(value)], file.uri)
    checked_names(found)
    return found


def _both(name: str, first: str | pl.DataType | None, second: str | pl.DataType, uri: str) -> str | pl.DataType:
    if first is None or first == second or first == "null":
        return second
    if second == "null":
        return first
    if isinstance(first, str) and isinstance(second, str):
        return unify(first, second)
    kinds = [DECLARED[kind] if isinstance(kind, str) else kind for kind in (first, second)]
    if kinds[0] != kinds[1]:
        raise ShapeError(
            f"column `{name}` is {kinds[1]} here and {kinds[0]} in other files", where=uri, fix="declare its type under `columns:`"
        )
    return kinds[0]


def checked_names(names: Iterable[str]) -> None:
    """Refuse names that belong to the system, and those that Delta takes for one.

    Raises:
        ShapeError: with the name.
    """
    seen: dict[str, str] = {}
    for name in names:
        if not name:
            raise ShapeError("a column has no name", fix='give it one with `rename: {"": index}`')
        if name.startswith("_"):
            raise ShapeError(f"column `{name}`: names with a leading `_` belong to the system", fix="give it another name with `rename:`")
        if (other := seen.setdefault(name.casefold(), name)) != name:
            raise ShapeError(
                f"columns `{other}` and `{name}` differ by case alone, and Delta keeps one of them",
                fix=f"give one another name: `rename: {{{name}: {name.casefold()}_2}}`",
            )


def file_columns(file: RawFile, own: Mapping[str, pl.DataType]) -> list[str]:
    """The names that the file itself must hold, as it spells them, in the order of `own`.

    Raises:
        ShapeError: a constant column or a renamed one is not among `own`.
    """
    for name in (*file.set, *file.options.rename.values()):
        if name not in own:
            raise ShapeError(f"`{name}` is not among the columns {sorted(own)}", where=file.uri, fix="add it to `columns:` of the source")
    back = {new: old for old, new in file.options.rename.items()}
    columns = [back.get(name, name) for name in own if name not in file.set]
    if file.format in ("lines", "text") and columns != ["text"]:
        raise ShapeError(
            f"format `{file.format}` gives the column `text`; expected from the file: {columns}",
            where=file.uri,
            fix="name it `text` in `columns:` and give the others with `set:`",
        )
    return columns


def constants(values: Mapping[str, Value], own: Mapping[str, pl.DataType]) -> list[pl.Expr]:
    """The constant columns of a file in the types of `own`."""
    return [pl.lit(value).cast(own[name]).alias(name) for name, value in values.items()]
