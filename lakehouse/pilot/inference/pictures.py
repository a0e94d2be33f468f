"""Pictures of the evaluations of inference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from lakehouse.core.plotting import BLUE, GREY, INK, ORANGE, RED, figure, figures, plain, png
from lakehouse.pilot.inference.reliability import Reliability


def drops_picture(found: Mapping[str, Sequence[float]], kinds: Sequence[str], title: str) -> bytes:
    """PNG of what each noise costs: accuracy lost and predictions that changed, means over seeds, the worst on top."""
    tried = sorted((k for k in kinds if f"drop.{k}" in found), key=lambda k: -float(np.mean(found[f"drop.{k}"])))
    made, axes = figure(6.5, max(2.0, 0.5 * len(tried) + 1.2))
    at = np.arange(len(tried))
    axes.barh(at - 0.2, [float(np.mean(found[f"drop.{k}"])) for k in tried], 0.4, color=RED, label="accuracy lost")
    axes.barh(at + 0.2, [float(np.mean(found[f"flips.{k}"])) for k in tried], 0.4, color=GREY, label="predictions changed")
    axes.set_yticks(at, [plain(k) for k in tried])
    axes.invert_yaxis()
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_xlabel("share of rows")
    axes.set_title(plain(title), fontsize=10)
    axes.legend(fontsize=8, frameon=False)
    return png(made)


def reliability_picture(bins: Reliability, title: str) -> bytes:
    """PNG of a reliability diagram: accuracy over confidence, each point a bin of as many rows; the diagonal is a calibrated model."""
    made, axes = figure(4.6, 4.2)
    low = float(min(bins.confidence.min(), bins.accuracy.min(), 0.5))
    axes.plot([low, 1], [low, 1], color=GREY, linestyle="--", label="calibrated")
    axes.plot(bins.confidence, bins.accuracy, color=BLUE, marker="o", markersize=4, label="the model")
    axes.vlines(bins.confidence, bins.accuracy, bins.confidence, color=RED, linewidth=0.8)
    axes.set_xlabel("confidence")
    axes.set_ylabel("accuracy")
    axes.set_title(plain(title), fontsize=10)
    axes.legend(fontsize=8, frameon=False)
    return png(made)


def groups_picture(table: pl.DataFrame, title: str) -> bytes:
    """PNG of accuracy and selection rate of each group with its rows; groups that are not judged are grey.

    Args:
        table: `by`, `group`, `rows`, `judged`, `accuracy`, `selection_rate`.
    """
    made, (left, right) = figures(2, 2, 4.4, max(2.2, 0.32 * table.height + 1.2))
    at = np.arange(table.height)
    names = [plain(f"{by} {group} ({rows:,})") for by, group, rows in table.select("by", "group", "rows").iter_rows()]
    for axes, column, words, colour in ((left, "accuracy", "accuracy", BLUE), (right, "selection_rate", "selection rate", ORANGE)):
        axes.barh(at, table[column].to_list(), color=[colour if judged else GREY for judged in table["judged"]])
        axes.set_yticks(at, names if axes is left else [""] * len(names), fontsize=8)
        axes.invert_yaxis()
        axes.set_xlim(0, 1)
        axes.set_xlabel(words)
    left.set_title(plain(title), fontsize=10, loc="left")  # a figure's own title would not find the Chinese font
    return png(made)


def load_picture(table: pl.DataFrame, title: str) -> bytes:
    """PNG of latency and throughput over the number of workers.

    Args:
        table: `workers`, `p50_ms`, `p95_ms`, `p99_ms`, `per_second`.
    """
    made, (left, right) = figures(2, 2, 4.2, 3.2)
    workers = table["workers"].to_list()
    for column, colour in (("p50_ms", BLUE), ("p95_ms", ORANGE), ("p99_ms", RED)):
        left.plot(workers, table[column].to_list(), marker="o", markersize=4, color=colour, label=column.removesuffix("_ms"))
    left.set_ylabel("latency, ms")
    left.set_yscale("log")
    left.legend(fontsize=8, frameon=False)
    right.plot(workers, table["per_second"].to_list(), marker="o", markersize=4, color=BLUE)
    right.set_ylabel("requests a second")
    right.set_ylim(bottom=0)
    for axes in (left, right):
        axes.set_xscale("log", base=2)
        axes.set_xticks(workers, [str(n) for n in workers])
        axes.set_xlabel("workers")
    left.set_title(plain(title), fontsize=10, loc="left")  # a figure's own title would not find the Chinese font
    return png(made)
