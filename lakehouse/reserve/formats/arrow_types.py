"""Arrow's types that Polars or Delta lack, in the types that they have."""

from __future__ import annotations

import pyarrow as pa

from lakehouse.core.errors import ShapeError

_DIGITS = 38
"""Most digits of a decimal number that Delta keeps."""


def plain_schema(schema: pa.Schema) -> pa.Schema:
    """The schema without types that only Arrow has: a map is a list of keys and values, a float of 16 bits one of 32.

    Raises:
        ShapeError: a decimal of more digits than Delta keeps.
    """
    return pa.schema([pa.field(field.name, _plain(field.name, field.type)) for field in schema])


def plain_batch(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The rows in the types of `plain_schema`; raises as it does."""
    schema = plain_schema(batch.schema)
    if schema.types == batch.schema.types:
        return batch
    columns = [column.cast(field.type) for column, field in zip(batch.columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _plain(name: str, kind: pa.DataType) -> pa.DataType:
    if pa.types.is_map(kind):
        pair = [pa.field("key", _plain(name, kind.key_type)), pa.field("value", _plain(name, kind.item_type))]
        return pa.list_(pa.struct(pair))
    if pa.types.is_struct(kind):
        fields = [pa.field(field.name, _plain(name, field.type)) for field in kind]
        return kind if [field.type for field in fields] == [field.type for field in kind] else pa.struct(fields)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        inner = _plain(name, kind.value_type)
        return kind if inner == kind.value_type else pa.list_(inner)
    if pa.types.is_float16(kind):
        return pa.float32()
    if pa.types.is_decimal256(kind):
        if kind.precision > _DIGITS:
            raise ShapeError(
                f"column `{name}` is a decimal of {kind.precision} digits, and Delta keeps {_DIGITS}",
                fix="write it with fewer digits, as a float or as text in the file",
            )
        return pa.decimal128(kind.precision, kind.scale)
    return kind
