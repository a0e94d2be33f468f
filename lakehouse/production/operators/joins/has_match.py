"""Rows that another dataset does not know."""

from __future__ import annotations

from typing import Annotated, Literal

import polars as pl
from pydantic import Field

from lakehouse.production.engine.operator import OPERATORS, Arrays, Keep, LearntArrays, compiled_with
from lakehouse.production.operators.joins import lookup


@OPERATORS.register(version=1, cardinality="1:0", decides=("at_least", "at_most", "action"), reads="dataset", any_type=("column",))
def has_match(
    *,
    column: str,
    dataset: str,
    on: str | None = None,
    by: lookup.By = "value",
    at_least: Annotated[int, Field(ge=0)] = 1,
    at_most: Annotated[int, Field(ge=0)] | None = None,
    action: Literal["drop", "quarantine"] = "quarantine",
) -> Keep:
    """Set aside a row whose value of `column` is the key `on` of no row of another dataset's gold table, or of too many.

    Signal `matches`: the number of rows there with the key; of a null value 0. Reasons `unmatched` (fewer than `at_least`) and `ambiguous`
    (more than `at_most`; take 1 where each key has one row). What of the other dataset finds no row here is known by the same step in
    its own recipe. `by` is as in [join](join.md). A changed dataset is looked up anew.

    Example:
        `{has_match: {column: file, dataset: captions, on: file, by: stem, at_most: 1}}`
    """

    def prepare(rows: pl.DataFrame) -> Arrays:
        return lookup.learnt(rows, on or column, by, (), dataset)

    def count(values: pl.Series, arrays: Arrays) -> pl.Series:
        return lookup.found(values, by, arrays)["_rows"].fill_null(0).alias(values.name)

    model = LearntArrays(prepare)
    leaves = {"unmatched": pl.col("matches") < at_least}
    if at_most is not None:
        leaves["ambiguous"] = pl.col("matches") > at_most
    return Keep({"matches": compiled_with(model, pl.col(column), count, pl.Int64)}, leaves, action=action, model=model)
