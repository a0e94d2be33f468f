"""Pictures of predictions and their scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.core.plotting import BLUE, GREY, INK, figure, plain, png

_DOTS = 5_000


def confusion_picture(classes: Sequence[str], counts: NDArray[np.int64], title: str) -> bytes:
    """PNG of the confusion matrix of one set: rows are the truth, shares of each row, counts where there is room."""
    return matrix_picture(counts, classes, title, down="truth", across="predicted")


def matrix_picture(counts: NDArray[np.int64], classes: Sequence[str], title: str, *, down: str, across: str) -> bytes:
    """PNG of counts of rows by two labels, shape (classes, classes): shares of each row, the counts where there is room."""
    names = [plain(name) for name in classes]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = max(3.6, 0.42 * len(names) + 1.6)
    made, axes = figure(size + 1.2, size)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=90 if len(names) > 4 else 0)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel(across)
    axes.set_ylabel(down)
    axes.set_title(plain(title), fontsize=10)
    if len(names) <= 8:
        for (i, j), n in np.ndenumerate(counts):
            axes.text(j, i, f"{n:,}", ha="center", va="center", color="white" if shares[i, j] > 0.5 else INK, fontsize=9)
    made.colorbar(image, ax=axes, shrink=0.8, label=f"share of the {down}")
    return png(made)


def recall_picture(metrics: Mapping[str, Mapping[str, Any]], title: str) -> bytes:
    """PNG of the recall of every class with its spread over seeds, worst first."""
    recalls = sorted(
        ((name.removeprefix("recall."), m["mean"], m["std"]) for name, m in metrics.items() if name.startswith("recall.")),
        key=lambda r: r[1],
    )
    made, axes = figure(6.5, max(2.0, 0.3 * len(recalls) + 1))
    axes.barh([plain(r[0]) for r in recalls], [r[1] for r in recalls], xerr=[r[2] for r in recalls], color=BLUE, ecolor=GREY)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xlabel("recall")
    axes.set_title(title, fontsize=10)
    return png(made)


def types_picture(metrics: Mapping[str, Mapping[str, Any]], title: str) -> bytes:
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


def truth_picture(predictions: pl.DataFrame, title: str) -> bytes:
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


def bits_picture(predictions: pl.DataFrame, title: str) -> bytes:
    """PNG of the bits per byte of the rows."""
    size = pl.col("label").str.split(" ").list.get(0).cast(pl.Float64)
    bits = predictions.select(pl.col("predicted").cast(pl.Float64) / size).to_series().to_numpy()
    made, axes = figure(6.5, 3.4)
    axes.hist(bits, bins=60, color=BLUE)
    axes.set_xlabel("bits per byte of a row")
    axes.set_ylabel("rows")
    axes.set_title(plain(title), fontsize=10)
    return png(made)
