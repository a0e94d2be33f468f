"""Pictures of predictions by task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from lakehouse.core.plotting import BLUE, GREY, INK, figure, plain, png
from lakehouse.pilot.pictures import confusion_picture, recall_picture

_DOTS = 5_000


def pictures_of(task: str, predictions: pl.DataFrame, metrics: Mapping[str, Mapping[str, Any]], title: str) -> dict[str, bytes]:
    """The pictures of one set by file name.

    Args:
        task: how the predictions are scored, a name of SCORINGS.
        predictions: of the set: `seed`, `_row_id`, `label`, `predicted`.
        metrics: their summary.
    """
    if task == "classification":
        return {"confusion.png": confusion_picture(predictions, title), "recall.png": recall_picture(metrics, title)}
    if task == "sequence_labelling":
        return {"types.png": _types_picture(metrics, title)}
    if task == "regression":
        return {"truth.png": _truth_picture(predictions, title)}
    return {"bits.png": _bits_picture(predictions, title)}


def _types_picture(metrics: Mapping[str, Mapping[str, Any]], title: str) -> bytes:
    """PNG of the F1 of every type of entity with its spread over seeds, worst first."""
    found = sorted(
        ((name.removeprefix("f1."), m["mean"], m["std"]) for name, m in metrics.items() if name.startswith("f1.")), key=lambda r: r[1]
    )
    made, axes = figure(6.5, max(2.0, 0.3 * len(found) + 1))
    axes.barh([plain(r[0]) for r in found], [r[1] for r in found], xerr=[r[2] for r in found], color=BLUE, ecolor=GREY)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xlabel("F1 of entities")
    axes.set_title(plain(title), fontsize=10)
    return png(made)


def _truth_picture(predictions: pl.DataFrame, title: str) -> bytes:
    """PNG of what was predicted by what is true, the mean over seeds of each row; 5,000 rows at most."""
    rows = predictions.group_by("_row_id").agg(pl.col("label").first().cast(pl.Float64), pl.col("predicted").cast(pl.Float64).mean())
    rows = rows.sort("_row_id").head(_DOTS)
    made, axes = figure(5.0, 4.6)
    axes.scatter(rows["label"].to_numpy(), rows["predicted"].to_numpy(), s=9, color=BLUE, alpha=0.5)
    axes.axline((float(rows["label"].mean() or 0), float(rows["label"].mean() or 0)), slope=1, color=INK, linewidth=1)  # type: ignore[arg-type]
    axes.set_xlabel("truth")
    axes.set_ylabel("predicted")
    axes.set_title(plain(title), fontsize=10)
    return png(made)


def _bits_picture(predictions: pl.DataFrame, title: str) -> bytes:
    """PNG of the bits per byte of the rows."""
    size = pl.col("label").str.split(" ").list.get(0).cast(pl.Float64)
    bits = predictions.select(pl.col("predicted").cast(pl.Float64) / size).to_series().to_numpy()
    made, axes = figure(6.5, 3.4)
    axes.hist(bits, bins=60, color=BLUE)
    axes.set_xlabel("bits per byte of a row")
    axes.set_ylabel("rows")
    axes.set_title(plain(title), fontsize=10)
    return png(made)
