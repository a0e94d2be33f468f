"""Polars types as the Hub's `dataset_info.features` spells them.

Source: huggingface.co/docs/datasets, "Features" (YAML form). A feature list that misses a column breaks `load_dataset`,
so every column of the bundle gets one, or the bundle is refused.
"""

from __future__ import annotations

import ast
from collections.abc import Container, Mapping
from typing import Any

import polars as pl

from lakehouse.core.errors import ReleaseError

_SCALARS: dict[type[pl.DataType], str] = {
    pl.String: "string",
    pl.Boolean: "bool",
    pl.Binary: "binary",
    pl.Date: "date32",
    pl.Time: "time64[ns]",
    pl.Int8: "int8",
    pl.Int16: "int16",
    pl.Int32: "int32",
    pl.Int64: "int64",
    pl.UInt8: "uint8",
    pl.UInt16: "uint16",
    pl.UInt32: "uint32",
    pl.UInt64: "uint64",
    pl.Float32: "float32",
    pl.Float64: "float64",
}

_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"II*\x00", b"MM\x00*")
"""The first bytes of a picture."""


def features(
    schema: pl.Schema, codes: Mapping[str, list[str]] | None = None, pictures: Container[str] = frozenset()
) -> list[dict[str, Any]]:
    """One entry a column, in column order.

    Args:
        codes: the values that a column of text may have: it is a `ClassLabel`, stored as text and loaded as a number.
        pictures: columns of bytes that are pictures: they are `Image`.

    Raises:
        ReleaseError: a column has a type that the Hub's features cannot express.
    """
    found = []
    for name, dtype in schema.items():
        if dtype == pl.String and codes and name in codes:
            found.append({"name": name, "dtype": {"class_label": {"names": {str(at): code for at, code in enumerate(codes[name])}}}})
        elif dtype == pl.Binary and name in pictures:
            found.append({"name": name, "dtype": "image"})
        else:
            found.append({"name": name, **_feature(dtype, name)})
    return found


def is_picture(column: str) -> pl.Expr:
    """Whether a column of bytes holds pictures and nothing else, by how each value begins: PNG, JPEG, GIF, TIFF, WebP."""
    value = pl.col(column)
    webp = value.bin.starts_with(b"RIFF") & (value.bin.slice(8, 4) == b"WEBP")
    begins = pl.any_horizontal(webp, *(value.bin.starts_with(mark) for mark in _PICTURES))
    return (begins.all() & value.is_not_null().any()).alias(column)


def listed_codes(columns: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    """The texts that a contract lists for a column, in its order, of the columns of a manifest that have such a list."""
    found = {}
    for name, column in columns.items():
        lists = [check.removeprefix("isin") for check in column.get("checks") or () if check.startswith("isin(")]
        if column.get("type") != "String" or not lists:
            continue
        try:
            values = ast.literal_eval(lists[0])
        except (ValueError, SyntaxError):
            continue
        if isinstance(values, list) and values and all(isinstance(value, str) for value in values) and len(set(values)) == len(values):
            found[name] = values
    return found


def _feature(dtype: pl.DataType, column: str) -> dict[str, Any]:
    if isinstance(dtype, pl.List):
        inner = _feature(dtype.inner if isinstance(dtype.inner, pl.DataType) else dtype.inner(), column)
        return {"list": inner["dtype"] if set(inner) == {"dtype"} else inner}
    if isinstance(dtype, pl.Struct):
        fields = {field.name: field.dtype if isinstance(field.dtype, pl.DataType) else field.dtype() for field in dtype.fields}
        return {"struct": [{"name": name, **_feature(inner, column)} for name, inner in fields.items()]}
    if isinstance(dtype, pl.Datetime):
        zone = f", tz={dtype.time_zone}" if dtype.time_zone else ""
        return {"dtype": f"timestamp[{dtype.time_unit}{zone}]"}
    if isinstance(dtype, pl.Duration):
        return {"dtype": f"duration[{dtype.time_unit}]"}
    if isinstance(dtype, pl.Decimal):
        return {"dtype": f"decimal128({dtype.precision}, {dtype.scale})"}
    if type(dtype) in _SCALARS:
        return {"dtype": _SCALARS[type(dtype)]}
    raise ReleaseError(
        f"column `{column}` has type {dtype}, which a dataset card cannot express",
        fix="cast it in the recipe to text, a number, a list or a struct",
    )
