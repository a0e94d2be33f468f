"""The types of a source's own columns: what Delta can hold, how values are fitted to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl
import pyarrow as pa

from lakehouse.core.errors import ShapeError
from lakehouse.core.spec.column_type import PLAIN, made
from lakehouse.core.spec.source import Column
from lakehouse.reserve.formats.arrow_types import plain_schema
from lakehouse.reserve.formats.reading_text import value_of

DECLARED: Mapping[str, pl.DataType] = {**PLAIN, "null": pl.String()}
"""Column types of one word, and `null` (no value seen yet)."""

_SIGNED: Mapping[type[pl.DataType], pl.DataType] = {
    pl.UInt8: pl.Int16(),
    pl.UInt16: pl.Int32(),
    pl.UInt32: pl.Int64(),
    pl.UInt64: pl.Decimal(20, 0),
    pl.Categorical: pl.String(),
    pl.Enum: pl.String(),
    pl.Null: pl.String(),
    pl.Time: pl.String(),  # 14:05:09.250000
    pl.Duration: pl.Int64(),  # microseconds
    pl.Int128: pl.Decimal(38, 0),
}
_HELD = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.Float32, pl.Float64, pl.Boolean, pl.String, pl.Binary, pl.Date, pl.Decimal)


def deltable(name: str, dtype: pl.DataType) -> pl.DataType:
    """The type in which Delta holds a column of `dtype`: without loss, but for what is finer than a microsecond.

    A time of day becomes text, a duration its microseconds, a time with a zone the same point in time in UTC.

    Raises:
        ShapeError: Delta has no such type.
    """
    if isinstance(dtype, _HELD):
        return dtype
    if type(dtype) in _SIGNED:
        return _SIGNED[type(dtype)]
    if isinstance(dtype, pl.Datetime):
        return pl.Datetime("us", dtype.time_zone and "UTC")
    if isinstance(dtype, pl.List | pl.Array):
        return pl.List(deltable(name, pl.List(dtype.inner).inner))  # type: ignore[arg-type]
    if isinstance(dtype, pl.Struct):
        return pl.Struct({inner.name: deltable(name, inner.dtype) for inner in dtype.fields})  # type: ignore[arg-type]
    raise ShapeError(f"column `{name}` has the type {dtype}, which Delta cannot hold", fix="write it as text or a number in the file")


def deltables(schema: Mapping[str, pl.DataType]) -> dict[str, pl.DataType]:
    """The types in which Delta holds the columns of a schema; raises as `deltable` does."""
    return {name: deltable(name, dtype) for name, dtype in schema.items()}


def table_columns(schema: pa.Schema) -> dict[str, str | pl.DataType]:
    """The columns of a file with types of its own, as Delta holds them; `null` where a column has no type yet.

    Raises:
        ShapeError: two columns have one name, or Delta has no such type.
    """
    if twice := sorted({name for name in schema.names if schema.names.count(name) > 1}):
        raise ShapeError(f"two columns of the file are called `{twice[0]}`", fix="write the file again, each column with a name of its own")
    return typed(pl.Schema(plain_schema(schema)))


def typed(schema: Mapping[str, pl.DataType]) -> dict[str, str | pl.DataType]:
    """The types in which Delta holds the columns of a schema; `null` for one that has no type yet."""
    return {name: "null" if dtype == pl.Null else deltable(name, dtype) for name, dtype in schema.items()}


def held(name: str, dtype: pl.DataType) -> pl.Expr:
    """A column in the type in which Delta holds it: a time of day as text with its fraction, a duration as its microseconds."""
    return _held_within(pl.col(name), dtype).cast(deltable(name, dtype)).alias(name)


def _held_within(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if dtype == pl.Duration:
        return value.dt.total_microseconds()
    if dtype == pl.Time:
        part = value.cast(pl.Int64)
        whole, micros = part % 1_000_000_000 == 0, part % 1_000 == 0
        exact = pl.when(micros).then(value.dt.to_string("%H:%M:%S%.6f")).otherwise(value.dt.to_string("%H:%M:%S%.9f"))
        return pl.when(whole).then(value.dt.to_string("%H:%M:%S")).otherwise(exact)
    if isinstance(dtype, pl.List) and _has_times(inner := made(dtype.inner)):
        return value.list.eval(_held_within(pl.element(), inner))
    if isinstance(dtype, pl.Struct) and _has_times(dtype):
        fields = ((field.name, made(field.dtype)) for field in dtype.fields)
        return value.struct.with_fields(_held_within(pl.field(field), kind).alias(field) for field, kind in fields if _has_times(kind))
    return value


def _has_times(dtype: pl.DataType) -> bool:
    """Whether a time of day or a duration is in it."""
    if isinstance(dtype, pl.List):
        return _has_times(made(dtype.inner))
    if isinstance(dtype, pl.Struct):
        return any(_has_times(made(field.dtype)) for field in dtype.fields)
    return isinstance(dtype, pl.Time | pl.Duration)


def unify(first: str, second: str) -> str:
    """The JSON type that holds the values of both: int and float are float, other mixtures are text."""
    pair = {first, second} - {"null"}
    if len(pair) <= 1:
        return next(iter(pair), "null")
    return "float" if pair == {"int", "float"} else "json" if "json" in pair else "string"


def sizes(schema: Mapping[str, pl.DataType]) -> pl.Expr:
    """Bytes that the values of a row take: those of text, 8 for each number."""
    parts: list[pl.Expr] = []
    for name, dtype in schema.items():
        column = pl.col(name)
        if dtype == pl.String:
            parts.append(column.str.len_bytes())
        elif dtype == pl.Binary:
            parts.append(column.bin.size())
        elif dtype.is_nested():
            parts.append(pl.struct(column).struct.json_encode().str.len_bytes())
        else:
            parts.append(pl.lit(8))
    return pl.sum_horizontal(part.cast(pl.Int64).fill_null(0) for part in parts).alias("_bytes") if parts else pl.lit(0).alias("_bytes")


def fitted(
    rows: pl.DataFrame, target: Mapping[str, pl.DataType], columns: Mapping[str, Column] | None = None, nulls: Sequence[str] = ()
) -> pl.DataFrame:
    """`rows` with the columns of `target` in its types.

    A value that does not fit becomes null and its row gets the finding `bad_value:<column>` and, as `_raw`, the JSON text of
    the whole row. A value fits when its text reads as the type: `3` is an int, `3.5` and `x` are not.

    Args:
        columns: as declared, with the way their values are written.
        nulls: texts that mean no value.

    Raises:
        ShapeError: no value of a column's type could ever fit.
    """
    columns = columns or {}
    rows = _without_words(rows, target, columns, nulls)
    changed = [name for name, dtype in target.items() if rows.schema[name] != dtype]
    if not changed:
        return rows
    try:
        cast = rows.with_columns(_cast(name, rows.schema[name], target[name], columns.get(name)).alias(f"_to_{name}") for name in changed)
    except (pl.exceptions.InvalidOperationError, pl.exceptions.ComputeError) as error:
        listed = ", ".join(f"`{name}` from {rows.schema[name]} to {target[name]}" for name in changed)
        raise ShapeError(f"columns cannot be converted: {listed}", fix="declare the types that the file has") from error
    wrong = {name: pl.col(f"_to_{name}").is_null() & pl.col(name).is_not_null() for name in changed}
    if cast.select(pl.any_horizontal(wrong.values()).any()).item():
        text = pl.struct(list(target)).struct.json_encode().cast(pl.Binary)
        findings = pl.concat_list([pl.when(bad).then(pl.lit(f"bad_value:{name}")) for name, bad in wrong.items()]).list.drop_nulls()
        cast = cast.with_columns(
            pl.when(pl.any_horizontal(wrong.values()) & pl.col("_raw").is_null()).then(text).otherwise("_raw").alias("_raw"),
            pl.concat_list("_findings", findings).alias("_findings"),
        )
    return cast.with_columns(pl.col(f"_to_{name}").alias(name) for name in changed).select(rows.columns)


def _without_words(
    rows: pl.DataFrame, target: Mapping[str, pl.DataType], columns: Mapping[str, Column], nulls: Sequence[str]
) -> pl.DataFrame:
    """`rows` with null where a text means no value."""
    words: dict[str, Sequence[str]] = {}
    for name in target:
        own = columns[name].nulls if name in columns else None
        if rows.schema[name] == pl.String and (own if own is not None else nulls):
            words[name] = own if own is not None else nulls
    return rows.with_columns(
        pl.when(~pl.col(name).str.strip_chars().is_in(list(meant))).then(pl.col(name)).alias(name) for name, meant in words.items()
    )


def as_text(name: str, dtype: pl.DataType) -> pl.Expr:
    """A column of lists or structs as JSON text."""
    column = pl.col(name)
    if isinstance(dtype, pl.Struct):
        return column.struct.json_encode()
    # A struct of one field is the shortest way to JSON text for a list.
    return (
        pl.when(column.is_not_null())
        .then(pl.struct(column.alias("v")).struct.json_encode().str.strip_prefix('{"v":').str.strip_suffix("}"))
        .alias(name)
    )


def _cast(name: str, dtype: pl.DataType, target: pl.DataType, declared: Column | None) -> pl.Expr:
    column = pl.col(name)
    if dtype == pl.String:
        return value_of(column, target, declared)
    if target == pl.String and dtype.is_nested():
        return as_text(name, dtype)
    if dtype.is_float() and target.is_integer():
        return pl.when(column == column.round()).then(column).cast(target, strict=False)
    return column.cast(target, strict=False)
