"""Polars types as the Hub's `dataset_info.features` spells them.

Source: huggingface.co/docs/datasets, "Features" (YAML form). A feature list that misses a column breaks `load_dataset`,
so every column of the bundle gets one, or the bundle is refused.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from lakehouse.core.errors import ReleaseError

_SCALARS: dict[type[pl.DataType], str] = {
    pl.String: "string",
    pl.Boolean: "bool",
    pl.Binary: "binary",
    pl.Date: "date32",
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


def features(schema: pl.Schema) -> list[dict[str, Any]]:
    """One entry a column, in column order.

    Raises:
        ReleaseError: a column has a type that the Hub's features cannot express.
    """
    return [{"name": name, **_feature(dtype, name)} for name, dtype in schema.items()]


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
    if isinstance(dtype, pl.Decimal):
        return {"dtype": f"decimal128({dtype.precision}, {dtype.scale})"}
    if type(dtype) in _SCALARS:
        return {"dtype": _SCALARS[type(dtype)]}
    raise ReleaseError(
        f"column `{column}` has type {dtype}, which a dataset card cannot express",
        fix="cast it in the recipe to text, a number, a list or a struct",
    )
