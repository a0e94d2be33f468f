"""The other side of a join: the gold rows of a dataset by their key, kept among what a step has learnt."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Literal

import numpy as np
import polars as pl

from lakehouse.core.errors import RecipeError
from lakehouse.core.text.by_value import as_text
from lakehouse.production.engine.operator import Arrays

By = Literal["value", "name", "stem"]
"""What of a key is compared: all of it, the name of the file that it is the path of, or that name without its ending."""
_TABLE = "table"


def keys(values: pl.Series, by: By) -> pl.Series:
    """The texts by which values are compared; null, and an empty text, equal none."""
    texts = as_text(values)
    if by != "value":
        texts = texts.str.replace(r"^.*[/\\!]", "")
    if by == "stem":
        texts = texts.str.replace(r"(.)\.[A-Za-z0-9]{1,8}$", "$1")
    return texts.set(texts == "", None)


def learnt(rows: pl.DataFrame, on: str, by: By, take: Sequence[str], dataset: str) -> Arrays:
    """Of each key the number of its rows, and of each taken column their values as a list of texts, in the order of `_row_id`.

    Raises:
        RecipeError: the dataset has no such column.
    """
    if missing := [column for column in (on, *take) if column not in rows.columns]:
        own = [column for column in rows.columns if not column.startswith("_")]
        raise RecipeError(f"dataset {dataset} has no column `{missing[0]}`", fix=f"it has: {', '.join(own)}")
    rows = rows.sort("_row_id")
    known = pl.DataFrame({"_key": keys(rows[on], by), **{column: as_text(rows[column]) for column in take}})
    out = io.BytesIO()
    by_key = known.drop_nulls("_key").group_by("_key", maintain_order=True)
    by_key.agg(pl.len().cast(pl.Int64).alias("_rows"), *take).write_ipc(out, compression="zstd")
    return {_TABLE: np.frombuffer(out.getvalue(), dtype=np.uint8)}


def found(values: pl.Series, by: By, arrays: Arrays) -> pl.DataFrame:
    """What `learnt` kept of the key of each value, row for row: `_rows`, null without a match, and the lists of the taken columns."""
    other = pl.read_ipc(io.BytesIO(arrays[_TABLE].tobytes()))
    return pl.DataFrame({"_key": keys(values, by)}).join(other, on="_key", how="left", maintain_order="left").drop("_key")
