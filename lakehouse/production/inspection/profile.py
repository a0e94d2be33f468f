"""Distributions of a dataset's signals, from the measured values; no text is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from lakehouse.core.errors import NotFoundError
from lakehouse.core.plotting import BLUE, ORANGE, figures, plain, png
from lakehouse.core.project import Project
from lakehouse.production.engine.operator import OPERATORS
from lakehouse.production.engine.recipe import Recipe, compile_recipe, source_columns
from lakehouse.production.silver import tables_of

BINS = 40
_PARTS = {"p05": 0.05, "median": 0.5, "p95": 0.95}


@dataclass(frozen=True)
class Distribution:
    """One signal over the rows that have it.

    Attributes:
        signal: `<step>__<name>`.
        rows: rows with a value.
        missing: rows without one.
        shares: for a signal of true and false, or of few words, the rows by value; for a number empty.
        edges: bins of a number between its 1 % and 99 % quantiles.
        counts: rows by bin; the outermost bins hold the rows beyond.
        thresholds: numeric parameters of the step that only verdicts use.
        leave: rows that left at this step for a reason of its own.
    """

    signal: str
    rows: int
    missing: int
    least: float | None
    most: float | None
    mean: float | None
    p05: float | None
    median: float | None
    p95: float | None
    shares: dict[str, int]
    edges: list[float]
    counts: list[int]
    thresholds: dict[str, float]
    leave: int


def profile(project: Project, name: str) -> list[Distribution]:
    """The distributions of all signals of a dataset that can be shown: numbers, truth values and words.

    Raises:
        NotFoundError: nothing was measured yet.
    """
    recipe = compile_recipe(project, name, source_columns(project, project.dataset(name)))
    _, signals, fates = tables_of(project, name)
    if not fates.exists():
        raise NotFoundError(f"{name} was not made yet", fix=f"lakehouse run {name}")
    schema = signals.schema()
    columns = [c for c in recipe.signal_keys if c in schema and (schema[c].is_numeric() or schema[c] in (pl.Boolean, pl.String))]
    columns = [c for c in columns if not c.endswith(("__key", "__fingerprint", "__changed"))]
    frame = signals.scan().select("_stage", *columns).collect()
    left = dict(fates.scan().group_by("step").len().collect().iter_rows())
    stages = {column: step.stage for step in recipe.steps for column in step.signals}
    found = [
        _distribution(c, frame.filter(pl.col("_stage") == stages[c])[c], _thresholds(recipe, c), left.get(c.split("__")[0], 0))
        for c in columns
    ]
    return [one for one in found if one.rows]


def _thresholds(recipe: Recipe, column: str) -> dict[str, float]:
    """The numeric limits of the step that measures `column`."""
    step = next(step for step in recipe.steps if column in step.signals)
    decides = OPERATORS.entries()[step.operator].info.get("decides", ())
    values: Mapping[str, Any] = step.params
    return {p: float(values[p]) for p in decides if isinstance(values.get(p), int | float) and not isinstance(values[p], bool)}


def _distribution(signal: str, values: pl.Series, thresholds: dict[str, float], leave: int) -> Distribution:
    known = values.drop_nulls()
    if known.dtype.is_numeric():
        known = known.cast(pl.Float64)
        known = known.filter(known.is_finite())
    shares: dict[str, int] = {}
    edges: list[float] = []
    counts: list[int] = []
    figures_: dict[str, float | None] = dict.fromkeys(("least", "most", "mean", *_PARTS))
    if known.dtype == pl.Float64 and len(known):
        numbers = known.to_numpy()
        low, high = np.quantile(numbers, (0.01, 0.99))
        limits = [t for t in thresholds.values() if numbers.min() <= t <= numbers.max()]
        low, high = min([low, *limits]), max([high, *limits])
        found, places = np.histogram(np.clip(numbers, low, high), bins=BINS, range=(low, high if high > low else low + 1))
        edges, counts = places.tolist(), found.tolist()
        quantiles = {part: float(np.quantile(numbers, share)) for part, share in _PARTS.items()}
        figures_ = {"least": float(numbers.min()), "most": float(numbers.max()), "mean": float(numbers.mean()), **quantiles}
    elif len(known):
        shares = {str(value): n for value, n in known.value_counts(sort=True).head(12).iter_rows()}
    return Distribution(
        signal,
        len(known),
        len(values) - len(known),
        **figures_,
        shares=shares,
        edges=edges,
        counts=counts,
        thresholds=thresholds,
        leave=leave,
    )  # type: ignore[arg-type]


def profile_picture(found: Sequence[Distribution], title: str) -> bytes:
    """PNG of the histograms, one a signal; the lines are the step's thresholds."""
    made, axes = figures(len(found), columns=3)
    for one, place in zip(found, axes, strict=True):
        if one.counts:
            place.stairs(one.counts, one.edges, fill=True, color=BLUE)
            place.set_yscale("symlog", linthresh=1)
            for name, value in one.thresholds.items():
                if one.edges[0] <= value <= one.edges[-1]:
                    place.axvline(value, color=ORANGE, linewidth=1.5)
                    place.text(value, place.get_ylim()[1], f" {name}", color=ORANGE, fontsize=7, va="top")
        else:
            place.barh([plain(word) for word in one.shares][::-1], list(one.shares.values())[::-1], color=BLUE)
        place.set_title(plain(f"{one.signal} ({one.leave:,} left)" if one.leave else one.signal), fontsize=8, loc="left")
        place.tick_params(labelsize=7)
    made.suptitle(plain(title), fontsize=10, x=0.01, ha="left")
    return png(made)
