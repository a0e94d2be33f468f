"""A collection that is not like those before it."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.reserve.screening.detector import DETECTORS, FOUND, AllRowsLook, found
from lakehouse.reserve.screening.vectors import Unit, coded, grams

_SIZES: dict[Unit, tuple[int, int]] = {"words": (1, 1), "characters": (1, 2)}
_FEATURES, _TIMES, _MOST = 1 << 14, 200, 20_000


@DETECTORS.register(version=1, action="warn", decides=("at_least",), speaks="collection")
def source_drift(
    *, column: str = "text", label: str | None = "label", unit: Unit = "words", rows: int = 30, at_least: float = 1.0
) -> AllRowsLook:
    """Flag a collection whose labels or words are not distributed like those of all collections before it.

    Kinds: `labels` (population stability index of the shares of labels), `text` (Jensen-Shannon divergence of hashed n-grams, a sign of
    other origin). Each is measured for the newest collection that brought at least `rows` rows against all earlier ones, and 200 times for
    as many rows drawn from both together; the score is the measured one over the 99th percentile of these, so that 1 is one false alarm in
    a hundred collections. Speaks of a collection: nothing is quarantined; with `blocking: true` datasets refuse the source. Rows of which
    later collections brought a newer version count to these. At most 20,000 rows of each side are looked at.

    Args:
        column: Text column.
        label: Column of labels; null: only texts.
        unit: `words`, or `characters` for Chinese and other languages without spaces.
        rows: Fewest rows of a collection that is looked at.
        at_least: Score from which a collection is flagged.
    """
    columns = (column, "_collection") if label is None else (column, label, "_collection")
    return AllRowsLook(columns, lambda given: _drift(given, column, label, unit, rows))


def _drift(given: pl.DataFrame, column: str, label: str | None, unit: Unit, rows: int) -> pl.DataFrame:
    sizes = given.group_by("_collection").len().filter(pl.col("len") >= rows).sort("_collection")
    if not sizes.height:
        return FOUND.to_frame()
    newest = sizes["_collection"][-1]
    new, old = (given.filter(side) for side in (pl.col("_collection") == newest, pl.col("_collection") < newest))
    if old.height < rows:
        return FOUND.to_frame()
    generator = np.random.default_rng(0)
    parts = [part if part.height <= _MOST else part[np.sort(generator.choice(part.height, _MOST, replace=False))] for part in (new, old)]
    both, n = pl.concat(parts), parts[0].height
    out: list[dict[str, object]] = []
    measured: list[tuple[str, str, Any, Any]] = []
    if label is not None:
        codes, names = coded(both[label])
        measured.append(("labels", label, np.eye(len(names) + 1, dtype=np.float32)[codes], _psi))
    words = grams(both[column].str.to_lowercase(), unit, _SIZES[unit], _FEATURES)
    measured.append(("text", column, words, _js))
    for kind, of, counts, distance in measured:
        total = _sum(counts, slice(None))

        def apart(chosen: NDArray[np.int64], counts: Any = counts, total: Any = total, distance: Any = distance) -> float:
            mine = _sum(counts, chosen)
            return float(distance(mine, total - mine))

        seen = apart(np.arange(n))
        drawn = [apart(generator.choice(both.height, n, replace=False)) for _ in range(_TIMES)]
        bound = float(np.quantile(drawn, 0.99))
        score = seen / max(bound, 1e-9)
        detail = f"{'PSI' if kind == 'labels' else 'Jensen-Shannon'} {seen:.4f}, by chance at most {bound:.4f} in 99 of 100"
        out.append({"kind": kind, "column": of, "score": round(score, 4), "detail": detail, "collection": newest})
    return found(out)


def _sum(counts: Any, rows: Any) -> NDArray[np.float64]:
    return np.asarray(counts[rows].sum(axis=0), dtype=np.float64).ravel()


def _shares(counts: NDArray[np.float64], floor: float) -> NDArray[np.float64]:
    raised = counts + floor
    shares: NDArray[np.float64] = raised / raised.sum()
    return shares


def _psi(new: NDArray[np.float64], old: NDArray[np.float64]) -> float:
    """Population stability index; half a row in each empty place."""
    a, b = _shares(new, 0.5), _shares(old, 0.5)
    return float(((a - b) * np.log(a / b)).sum())


def _js(new: NDArray[np.float64], old: NDArray[np.float64]) -> float:
    """Jensen-Shannon divergence in bits (Lin 1991)."""
    a, b = _shares(new, 1e-9), _shares(old, 1e-9)
    middle = (a + b) / 2
    return float(((a * np.log2(a / middle)).sum() + (b * np.log2(b / middle)).sum()) / 2)
