"""A collection whose numbers and codes are not like those before it."""

from __future__ import annotations

from typing import Annotated

import polars as pl
from pydantic import Field

from lakehouse.reserve.discovery.column_change import LEAST, changes
from lakehouse.reserve.screening.detector import DETECTORS, FOUND, AllRowsLook, found


@DETECTORS.register(version=1, action="warn", decides=("at_least",), speaks="collection")
def column_drift(
    *, columns: Annotated[list[str], Field(min_length=1)], rows: Annotated[int, Field(ge=LEAST)] = LEAST, at_least: float = 1.0
) -> AllRowsLook:
    """Flag a collection whose numbers, dates, codes or gaps are not distributed like those of all collections before it.

    The newest collection that brought at least `rows` rows is compared with all earlier ones, column by column. Kinds: `distribution`
    (Kolmogorov-Smirnov), `unit` (all values, or a part of them, slipped by 10, 100 or 1,000), `outside` (values far from all that was,
    such as -999), `precision` (fractions gone), `nulls`, `codes` (population stability index), `new_codes` (values that never were, beyond
    what the rare ones let expect: Good 1953), `lengths` of texts that are no codes. The score is the measure over its bound: what chance
    exceeds once in a thousand comparisons, or the least that matters, such as a Kolmogorov-Smirnov distance of 0.1. Speaks of a
    collection: nothing is quarantined; with `blocking: true` datasets refuse the source. No value of a column is kept.

    Args:
        columns: Columns of numbers, dates, booleans or texts.
        rows: Fewest rows of a collection that is looked at.
        at_least: Score from which a collection is flagged.
    """
    return AllRowsLook((*columns, "_collection"), lambda given: _drift(given, columns, rows))


def _drift(given: pl.DataFrame, columns: list[str], rows: int) -> pl.DataFrame:
    sizes = given.group_by("_collection").len().filter(pl.col("len") >= rows).sort("_collection")
    if not sizes.height:
        return FOUND.to_frame()
    newest = sizes["_collection"][-1]
    new, old = (given.filter(side) for side in (pl.col("_collection") == newest, pl.col("_collection") < newest))
    return found(
        [
            {"kind": each.kind, "column": column, "score": round(each.score, 4), "detail": each.detail, "collection": newest}
            for column in columns
            for each in changes(old[column], new[column])
            if each.score > 0
        ]
    )
