"""Values of any type as text: two values of a column are equal exactly where their texts are."""

from __future__ import annotations

import polars as pl

from lakehouse.core.text.nested import ends, items, lists_of


def as_text(values: pl.Series, *, lower: bool = False) -> pl.Series:
    """The texts of a column, null for null; a text is its own text, lists and structs are written as JSON writes them.

    Within a column all values have one type, so that no text stands for two of them. Of floats, -0.0 equals 0.0, and NaN equals NaN.

    Args:
        lower: texts are taken in lower case, those inside of lists and structs too.
    """
    dtype = values.dtype
    if isinstance(dtype, pl.List | pl.Array | pl.Struct):
        written = _written(values, lower)
        return pl.select(pl.when(values.is_not_null()).then(written)).to_series().alias(values.name)
    if isinstance(dtype, pl.Binary):
        return values.bin.encode("hex")
    if isinstance(dtype, pl.Duration):
        return values.to_physical().cast(pl.String)
    if dtype.is_float():
        return values.set(values == 0, 0).cast(pl.String)
    text = values.cast(pl.String)
    return text.str.to_lowercase() if lower else text


def _written(values: pl.Series, lower: bool) -> pl.Series:
    """The JSON text of each value, `null` for null."""
    dtype = values.dtype
    if isinstance(dtype, pl.Array):
        return _written(values.cast(pl.List(dtype.inner)), lower)
    if isinstance(dtype, pl.List):
        listed = lists_of(_written(items(values), lower), ends(values), values.is_null()).list.join(", ")
        text = pl.concat_str(pl.lit("["), listed, pl.lit("]"))
    elif isinstance(dtype, pl.Struct):
        names = pl.Series([field.name for field in dtype.fields], dtype=pl.String)
        fields = [_written(values.struct.field(name), lower) for name in names]
        labels = [pl.lit(f"{', ' if at else ''}{name}: ") for at, name in enumerate(_quoted(names))]
        parts = [part for pair in zip(labels, fields, strict=True) for part in pair]
        text = pl.concat_str(pl.lit("{"), *parts, pl.lit("}")) if parts else pl.lit("{}")
    else:
        plain = as_text(values, lower=lower)
        text = pl.lit(plain if dtype.is_numeric() or isinstance(dtype, pl.Boolean | pl.Null) else _quoted(plain))
    known = values.is_not_null()
    return pl.DataFrame({"known": known}).select(pl.when("known").then(text).otherwise(pl.lit("null"))).to_series()


def _quoted(texts: pl.Series) -> pl.Series:
    """Texts in quotes as JSON has them, with what needs it escaped."""
    encoded = pl.DataFrame({"v": texts}).select(pl.struct("v").struct.json_encode()).to_series()
    return encoded.str.strip_prefix('{"v":').str.strip_suffix("}")
