"""Columns from another dataset."""

from __future__ import annotations

from typing import Annotated, Literal

import polars as pl
from pydantic import Field

from lakehouse.core.errors import RecipeError
from lakehouse.core.spec.column_type import parsed
from lakehouse.production.engine.operator import OPERATORS, Arrays, Change, LearntArrays, compiled_with
from lakehouse.production.operators.joins import lookup


@OPERATORS.register(version=1, cardinality="1:1", reads="dataset", any_type=("column",))
def join(
    *,
    column: str,
    dataset: str,
    take: Annotated[dict[str, str], Field(min_length=1)],
    on: str | None = None,
    by: lookup.By = "value",
    many: Literal["first", "list"] = "first",
) -> Change:
    """Take columns of another dataset's gold rows whose key `on` is the value of `column`.

    `take` gives each column there its type here, such as `{caption: string, score: float}`; a value that does not fit the type becomes
    null. `by: stem` joins files that lie beside one another: `data/cat_01.png` with `captions/cat_01.txt`; `by: name` keeps the ending.
    Of several rows with the key, `many: first` takes the first by `_row_id`, `list` all of them, as a list. A row without a match, and one
    whose value is null, gets nulls: put [has_match](has_match.md) before this step to set it aside, with its own count in the balance. A
    changed dataset is joined anew.

    Example:
        `{join: {column: file, dataset: captions, on: file, by: stem, take: {caption: string}}}`
    """
    if column in take:
        raise RecipeError(f"join: `{column}` is the key, and cannot be taken", fix="rename the other column in its source")
    types = {name: parsed(word) for name, word in take.items()}
    listed = {name: pl.List(dtype) if many == "list" else dtype for name, dtype in types.items()}

    def prepare(rows: pl.DataFrame) -> Arrays:
        return lookup.learnt(rows, on or column, by, list(take), dataset)

    def find(values: pl.Series, arrays: Arrays) -> pl.Series:
        rows = lookup.found(values, by, arrays)
        typed = rows.select(pl.col(name).cast(pl.List(dtype), strict=False) for name, dtype in types.items())
        return (typed if many == "list" else typed.select(pl.all().list.first())).to_struct(values.name)

    model = LearntArrays(prepare)
    found = compiled_with(model, pl.col(column), find, pl.Struct(listed))
    return Change({name: found.struct.field(name) for name in take}, model=model)
