"""The texts at a path inside of a column: read as one text a row, or rewritten each for itself with all else as it was.

Lists and structs are taken apart to their flat inner columns and put together again; only JSON text is looked at row by row.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from lakehouse.core.text import json_texts
from lakehouse.core.text.nested import ends, items, lists_of
from lakehouse.core.text.paths import Parts

Rewrite = Callable[[pl.Series], pl.Series]


def joined(values: pl.Series, parts: Parts) -> pl.Series:
    """The texts at the path, joined by newlines, one text a row; null where a row has none.

    Raises:
        ValueError: a text of `values` is no JSON.
    """
    if values.dtype == pl.String:
        return json_texts.joined(values, parts)
    inner, offsets = values, None
    for part in parts:
        if part is None:
            within = ends(inner)
            offsets = within if offsets is None else within[offsets]
            inner = items(inner)
        else:
            inner = inner.struct.field(part)
    if offsets is None:
        return inner.alias(values.name)
    texts = lists_of(inner, offsets, pl.repeat(False, len(values), eager=True)).list.drop_nulls()
    return pl.select(pl.when(texts.list.len() > 0).then(texts.list.join("\n"))).to_series().alias(values.name)


def rewritten(values: pl.Series, parts: Parts, rewrite: Rewrite) -> pl.Series:
    """The values with `rewrite` of the texts at the path, which it gets as one flat column, nulls among them.

    Raises:
        ValueError: a text of `values` is no JSON.
    """
    if values.dtype == pl.String and parts:
        return json_texts.rewritten(values, parts, rewrite)
    return _rewritten(values, parts, rewrite).alias(values.name)


def _rewritten(values: pl.Series, parts: Parts, rewrite: Rewrite) -> pl.Series:
    if not parts:
        return rewrite(values)
    if parts[0] is None:
        return lists_of(_rewritten(items(values), parts[1:], rewrite), ends(values), values.is_null())
    names = [field.name for field in values.dtype.fields]  # type: ignore[attr-defined]
    fields = {name: values.struct.field(name) for name in names}
    fields[parts[0]] = _rewritten(fields[parts[0]], parts[1:], rewrite)
    whole = pl.struct(pl.lit(column).alias(name) for name, column in fields.items())
    known = pl.DataFrame({"known": values.is_not_null()})
    return known.select(pl.when("known").then(whole)).to_series()
