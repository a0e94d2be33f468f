"""Completeness and validity against what is declared."""

from __future__ import annotations

import polars as pl
from pydantic import model_validator

from lakehouse.core.errors import SpecError
from lakehouse.core.spec import Model
from lakehouse.reserve.screening.detector import DETECTORS, FOUND, AllRowsLook


class Bounds(Model):
    """A range, one of its ends at least."""

    at_least: int | None = None
    at_most: int | None = None

    @model_validator(mode="after")
    def _check(self) -> Bounds:
        if self.at_least is None and self.at_most is None:
            raise ValueError("give `at_least`, `at_most` or both")
        return self

    def outside(self, value: pl.Expr) -> pl.Expr:
        """Whether a value is out of the range; null is not."""
        low, high = self.at_least, self.at_most
        below = pl.lit(False) if low is None else value < low
        return (below | (pl.lit(False) if high is None else value > high)).fill_null(False)


class Expected(Model):
    """What a column holds."""

    nulls: float | None = None
    unique: bool = False
    values: list[str | int | float | bool] | None = None
    length: Bounds | None = None


@DETECTORS.register(version=1, action="warn")
def expect(*, columns: dict[str, Expected] = {}, rows: Bounds | None = None) -> AllRowsLook:  # noqa: B006 - read, never changed
    """Flag rows that are not what was promised of them: nulls, repeated values, values out of a list, texts of another length.

    `{expect: {rows: {at_least: 1000}, columns: {label: {nulls: 0, values: [positive, negative]}, text: {length: {at_least: 2}}}}}`. Kinds:
    `nulls` (rows without a value, where more than the share `nulls` of a column has none), `unique` (every row whose value another row has
    as well), `values` (another value than the listed ones; null is none), `length` (characters of a text out of bounds), `rows` (the
    source has too few or too many rows: all rows of all collections are flagged, none of them is quarantined).

    Args:
        columns: By column `nulls`, `unique`, `values`, `length` with `at_least` and `at_most`.
        rows: `at_least` and `at_most` live rows.
    """
    if rows is None and not columns:
        raise SpecError("expect expects nothing", fix="give `rows:` or `columns:`")
    return AllRowsLook(tuple(columns), lambda frame: _broken(frame, columns, rows))


def _broken(frame: pl.DataFrame, columns: dict[str, Expected], rows: Bounds | None) -> pl.DataFrame:
    numbered = frame.with_row_index("_at").with_columns(pl.col("_at").cast(pl.Int64))
    parts = [FOUND.to_frame()]

    def add(kind: str, column: str, broken: pl.Expr, detail: str) -> None:
        hit = numbered.filter(broken.fill_null(False)).select(
            "_at", kind=pl.lit(kind), column=pl.lit(column), score=pl.lit(1.0), detail=pl.lit(detail)
        )
        parts.append(hit)

    for column, expected in columns.items():
        value, dtype = pl.col(column), frame.schema[column]
        nulls = frame[column].null_count() / max(frame.height, 1)
        if expected.nulls is not None and nulls > expected.nulls:
            add("nulls", column, value.is_null(), f"{nulls:.2%} are null")
        if expected.unique:
            add("unique", column, value.is_not_null() & value.is_duplicated(), "another row has it too")
        if expected.values is not None:
            listed = _cast(expected.values, dtype, column)
            add("values", column, value.is_not_null() & ~value.is_in(listed.implode()), "not a listed value")
        if expected.length is not None:
            if dtype != pl.String:
                raise SpecError(f"expect: column `{column}` holds no text but {dtype}", fix="take `length` out")
            add("length", column, expected.length.outside(value.str.len_chars()), "a text out of bounds")
    if rows is not None and frame.select(rows.outside(pl.lit(frame.height))).item():
        whole = frame.select(pl.col("_collection").unique().alias("collection"))
        parts.append(whole.with_columns(kind=pl.lit("rows"), score=pl.lit(1.0), detail=pl.lit(f"{frame.height:,} rows")))
    return pl.concat(parts, how="diagonal")


def _cast(values: list[str | int | float | bool], dtype: pl.DataType, column: str) -> pl.Series:
    try:
        return pl.Series(values, dtype=dtype, strict=True)
    except (TypeError, pl.exceptions.PolarsError) as error:
        raise SpecError(f"expect: the values of column `{column}` are not of its type, {dtype}", fix="write them as that type") from error
