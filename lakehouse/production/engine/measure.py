"""The measuring phase: 1:1 steps and signals of one unit of rows. A row that a step fails on is named; its neighbours are not touched."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import polars as pl

from lakehouse.core.errors import RecipeError
from lakehouse.core.row_model import SIGNALS
from lakehouse.production.engine.operator import Change, Explode, with_measured
from lakehouse.production.engine.recipe import Recipe, Step

_CHUNK_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class UnitMeasurements:
    """The measurements of a unit.

    Attributes:
        signals: SIGNALS and the wanted signal columns, one row per row and stage.
        values: `_row_id`, `_content`, `_parent`, `_root` and own columns of the last stage.
    """

    signals: pl.DataFrame
    values: pl.DataFrame


@dataclass(frozen=True)
class Types:
    """Types of what a recipe gives.

    Attributes:
        values: own columns that leave the recipe.
        signals: stored signal columns.
    """

    values: dict[str, pl.DataType]
    signals: dict[str, pl.DataType]


def types_of(recipe: Recipe, columns: Mapping[str, pl.DataType]) -> Types:
    """The types that a recipe makes of own `columns`, from a run over no rows.

    Raises:
        RecipeError: a step cannot run on such columns at all, such as a text operator on a number.
    """
    frame = pl.DataFrame(schema={"_row_id": pl.String, "_content": pl.String, "_parent": pl.String, "_root": pl.String, **columns})
    signals: dict[str, pl.DataType] = {}
    for step in recipe.steps:
        try:
            if isinstance(step.plan, Change):
                signals[f"{step.name}__changed"] = pl.Boolean()
            else:
                signals |= dict(frame.select(**step.signal_expressions()).schema)
            frame = _apply(frame.lazy(), step).collect()
        except (pl.exceptions.SchemaError, pl.exceptions.InvalidOperationError, pl.exceptions.ColumnNotFoundError) as error:
            raise RecipeError(
                f"step {step.name} cannot run on these columns: {str(error).splitlines()[0]}",
                fix=f"columns here: {', '.join(f'{c} ({t})' for c, t in columns.items())}",
            ) from error
    return Types({c: frame.schema[c] for c in recipe.columns}, signals)


def measure(recipe: Recipe, rows: pl.DataFrame, wanted: Collection[str]) -> UnitMeasurements:
    """Run 1:1 and 1:N steps over `rows` and measure the `wanted` signals.

    Args:
        rows: `_row_id`, `_content` and own columns.
    """
    if rows.is_empty():
        return UnitMeasurements(pl.DataFrame(schema=SIGNALS), pl.DataFrame())
    try:
        return _run(recipe, rows, wanted)
    except Exception as error:
        # Any failure of any operator, on any row: halve until the row is alone, then name it.
        if rows.height > 1:
            half = rows.height // 2
            first, second = measure(recipe, rows.head(half), wanted), measure(recipe, rows.tail(rows.height - half), wanted)
            return UnitMeasurements(
                pl.concat([first.signals, second.signals], how="diagonal_relaxed"),
                pl.concat([first.values, second.values], how="diagonal_relaxed"),
            )
        failed = rows.select(
            "_row_id",
            "_content",
            _stage=pl.lit(0, pl.Int8),
            _parent=pl.lit(None, pl.String),
            _root="_row_id",
            _failed=pl.lit(_culprit(recipe, rows)),
            _error=pl.lit(f"{type(error).__name__}: {error}"[:500]),
        )
        return UnitMeasurements(failed, pl.DataFrame())


def _run(recipe: Recipe, rows: pl.DataFrame, wanted: Collection[str]) -> UnitMeasurements:
    frame = _in_chunks(rows).lazy().with_columns(_parent=pl.lit(None, pl.String), _root=pl.col("_row_id"))
    parts: list[pl.DataFrame] = []
    stage: list[str] = []
    known = set(rows.columns)
    for step in recipe.steps:
        if isinstance(step.plan, Explode):
            done = frame.collect()
            parts.append(_signals(done, step.stage, stage))
            frame, stage = _explode(done.drop(stage).lazy(), step.plan), []
            known.add(step.plan.column)
        elif isinstance(step.plan, Change):
            changed = f"{step.name}__changed"
            if changed in wanted:
                # A column that the step adds holds no information about a row: it is new in every row.
                before = [c for c in step.plan.columns if c in known]
                differs = [pl.col(c).ne_missing(pl.col(f"_new_{c}")) for c in before]
                frame = frame.with_columns(**{f"_new_{c}": e for c, e in step.plan.columns.items()})
                frame = frame.with_columns((pl.any_horizontal(differs) if differs else pl.lit(False)).alias(changed))
                frame = frame.with_columns(**{c: pl.col(f"_new_{c}") for c in step.plan.columns}).drop(
                    [f"_new_{c}" for c in step.plan.columns]
                )
                stage.append(changed)
            else:
                frame = frame.with_columns(**step.plan.columns)
            known.update(step.plan.columns)
        else:
            new = {name: e for name, e in step.signal_expressions().items() if name in wanted}
            frame = with_measured(frame, new)
            stage += new
    done = frame.collect()
    parts.append(_signals(done, recipe.stages - 1, stage))
    return UnitMeasurements(
        pl.concat(parts, how="diagonal_relaxed"), done.select("_row_id", "_content", "_parent", "_root", *recipe.columns)
    )


def _in_chunks(rows: pl.DataFrame) -> pl.DataFrame:
    """The same rows in chunks of some megabytes. Polars calls a kernel once a chunk, on as many threads as it has: with one chunk there is
    no parallel work, with hundreds the calls themselves cost more than the work."""
    parts = max(1, min(rows.height, round(rows.estimated_size() / _CHUNK_BYTES)))
    size = -(-rows.height // parts)
    whole = rows.rechunk()
    return pl.concat([whole.slice(start, size) for start in range(0, rows.height, size)], rechunk=False)


def _signals(rows: pl.DataFrame, stage: int, columns: list[str]) -> pl.DataFrame:
    none = pl.lit(None, pl.String)
    keys = ("_row_id", "_content", pl.lit(stage, pl.Int8).alias("_stage"), "_parent", "_root", none.alias("_failed"), none.alias("_error"))
    return rows.select(*keys, *columns)


def _explode(rows: pl.LazyFrame, plan: Explode) -> pl.LazyFrame:
    items = rows.with_columns(plan.items.alias(plan.column)).filter(pl.col(plan.column).list.len() > 0)
    numbered = items.with_columns(_parent=pl.col("_row_id"), _child=pl.int_ranges(pl.col(plan.column).list.len()))
    children = numbered.explode(plan.column, "_child")
    return children.with_columns(_row_id=pl.concat_str("_parent", pl.lit("#"), "_child")).drop("_child")


def _culprit(recipe: Recipe, row: pl.DataFrame) -> str:
    """The first step that fails on a single row."""
    frame = row.with_columns(_parent=pl.lit(None, pl.String), _root=pl.col("_row_id"))
    for step in recipe.steps:
        try:
            frame.lazy().select(**step.signal_expressions()).collect()
            frame = _apply(frame.lazy(), step).collect()
        except Exception:  # the failure itself is reported by the caller; here only its place is sought
            return step.name
    return recipe.steps[-1].name


def _apply(frame: pl.LazyFrame, step: Step) -> pl.LazyFrame:
    """The rows after a step, whatever it measures."""
    if isinstance(step.plan, Explode):
        return _explode(frame, step.plan)
    return frame.with_columns(**step.plan.columns) if isinstance(step.plan, Change) else frame
