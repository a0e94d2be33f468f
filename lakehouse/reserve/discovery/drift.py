"""Drift of a source's material against its last collection: one distance a column, with a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.core.text.language import detected
from lakehouse.reserve.discovery.column_change import changes
from lakehouse.reserve.discovery.columns import ColumnProfile

MODERATE, LARGE = 0.1, 0.25
"""PSI from which a distribution moved, and from which it is another (Siddiqi: Credit Risk Scorecards, 2006)."""
_BINS = 10
_SLIPS = ("unit", "outside", "precision", "new_codes")
"""What a stability index of ten bins does not see."""
_LEAST = 100
"""Fewest rows on each side; with fewer, chance alone gives a PSI near `MODERATE`."""


@dataclass(frozen=True)
class DriftComparison:
    """One comparison.

    Attributes:
        what: the column, or `rows`.
        measure: of what: `values`, `lengths`, `languages`, `nulls`, `rows`, `columns`, or one of _SLIPS.
        psi: population stability index; None where it cannot be measured.
        verdict: `same`, `moved`, `another distribution`, `too few rows`, `added`, `removed`.
        evidence: what grew or shrank most; never a value of a column with private data.
    """

    what: str
    measure: str
    psi: float | None
    verdict: str
    evidence: str


def moved(
    before: pl.DataFrame, now: pl.DataFrame, columns: Sequence[ColumnProfile], rows_before: int, rows_now: int
) -> tuple[DriftComparison, ...]:
    """Comparisons of two samples of one source, the farthest apart first.

    Args:
        columns: those of `now`. rows_before, rows_now: of the whole.
    """
    grown = (rows_now - rows_before) / max(1, rows_before)
    verdict = "same" if abs(grown) < 0.1 else "moved" if abs(grown) < 0.5 else "another size"
    found = [DriftComparison("rows", "rows", None, verdict, f"{rows_before:,} before, {rows_now:,} now ({grown:+.1%})")]
    found += [DriftComparison(name, "columns", None, "added", "") for name in now.columns if name not in before.columns]
    compared: list[DriftComparison] = []
    for column in columns:
        if column.name not in before.columns:
            continue
        compared += _column(before[column.name], now[column.name], column)
    return (*found, *sorted(compared, key=lambda one: -(LARGE if one.measure in _SLIPS else one.psi or 0.0)))


def _column(before: pl.Series, now: pl.Series, column: ColumnProfile) -> list[DriftComparison]:
    nulls = [pl.Series([s.null_count(), len(s) - s.null_count()]) for s in (before, now)]
    found = []
    if before.null_count() or now.null_count():
        counts = (nulls[0].to_numpy(), nulls[1].to_numpy())
        found.append(_judged(column.name, "nulls", *counts, ["null", "given"]))
    left, right = before.drop_nulls(), now.drop_nulls()
    if column.role == "text":
        found.append(_numbers(column.name, "lengths", left.str.len_chars(), right.str.len_chars()))
        codes = [s.alias("_").to_frame().select(detected("_").struct.field("code").alias("c"))["c"].drop_nulls() for s in (left, right)]
        found.append(_words(column.name, "languages", *codes, shown=True))
    elif left.dtype.is_numeric() and left.dtype == right.dtype and column.role != "label" and column.role != "key":
        found.append(_numbers(column.name, "values", left, right, shown=not column.is_private))
    elif column.role in ("label", "constant") or left.dtype == pl.Boolean:
        found.append(_words(column.name, "values", left.cast(pl.String), right.cast(pl.String), shown=not column.is_private))
    elif left.dtype == pl.String:
        found.append(_numbers(column.name, "lengths", left.str.len_chars(), right.str.len_chars()))
    slips = (each for each in changes(before, now) if each.kind in _SLIPS and each.score >= 1)
    return [*found, *(DriftComparison(column.name, each.kind, None, "moved", each.detail) for each in slips)]


def _numbers(what: str, measure: str, left: pl.Series, right: pl.Series, *, shown: bool = True) -> DriftComparison:
    if min(len(left), len(right)) < _LEAST:
        return DriftComparison(what, measure, None, "too few rows", "")
    a, b = left.cast(pl.Float64).to_numpy(), right.cast(pl.Float64).to_numpy()
    edges = np.unique(np.quantile(a[np.isfinite(a)], np.linspace(0, 1, _BINS + 1)[1:-1]))
    counts = [np.bincount(np.searchsorted(edges, side, side="right"), minlength=len(edges) + 1) for side in (a, b)]
    names = [f"below {edges[0]:g}", *(f"{low:g} to {high:g}" for low, high in pairwise(edges)), f"from {edges[-1]:g}"]
    return _judged(what, measure, counts[0], counts[1], names if shown else None)


def _words(what: str, measure: str, left: pl.Series, right: pl.Series, *, shown: bool) -> DriftComparison:
    both = pl.concat([left.alias("v").value_counts().with_columns(side=0), right.alias("v").value_counts().with_columns(side=1)])
    wide = both.group_by("v").agg(
        (pl.col("count") * (pl.col("side") == 0)).sum().alias("a"), (pl.col("count") * (pl.col("side") == 1)).sum().alias("b")
    )
    wide = wide.sort(["a", "v"], descending=[True, False])
    return _judged(what, measure, wide["a"].to_numpy(), wide["b"].to_numpy(), [str(v) for v in wide["v"]] if shown else None)


def _judged(what: str, measure: str, a: NDArray[Any], b: NDArray[Any], names: Sequence[str] | None) -> DriftComparison:
    if min(a.sum(), b.sum()) < _LEAST:
        return DriftComparison(what, measure, None, "too few rows", "")
    distance = psi(a, b)
    verdict = "same" if distance < MODERATE else "moved" if distance < LARGE else "another distribution"
    shares = a / a.sum(), b / b.sum()
    at = int(np.argmax(np.abs(shares[1] - shares[0])))
    evidence = f"{names[at]}: {shares[0][at]:.1%} before, {shares[1][at]:.1%} now" if names is not None else ""
    return DriftComparison(what, measure, round(distance, 4), verdict, evidence)


def psi(before: NDArray[Any], now: NDArray[Any]) -> float:
    """Population stability index of two rows of counts, half a row added to each: sum of (q - p) ln(q / p), in nats; symmetric, never
    negative, zero for equal shares."""
    p, q = (before + 0.5) / (before + 0.5).sum(), (now + 0.5) / (now + 0.5).sum()
    return float(((q - p) * np.log(q / p)).sum())
