"""Learning curves: the score after training on nested shares of the train rows, and what twice the rows would add."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl
import polars_hash as plh

from lakehouse.core.errors import RecipeError
from lakehouse.core.plotting import BLUE, GREY, INK, ORANGE, figure, plain, png
from lakehouse.pilot.groups import groups
from lakehouse.pilot.task import less_is_better


@dataclass(frozen=True, kw_only=True)
class PowerLaw:
    """A power law of the error, error = a x rows^-exponent, fitted in logarithms to the means over seeds.

    Attributes:
        exponent: with its 95 % interval `low` to `high` (t distribution, shares - 2 degrees of freedom).
        gain: what twice the rows add to the score, by the fit at all rows, with the interval that the exponent gives it.
    """

    exponent: float
    low: float
    high: float
    gain: float
    gain_low: float
    gain_high: float
    error: float


@dataclass(frozen=True, kw_only=True)
class LearningCurve:
    """Scores of one metric on one set by share of the train rows.

    Attributes:
        rows: train rows of each share.
        values: per share the scores over seeds.
        fit: None where a score leaves no error to fit.
    """

    metric: str
    on: str
    shares: tuple[float, ...]
    rows: tuple[int, ...]
    values: tuple[tuple[float, ...], ...]
    fit: PowerLaw | None

    def in_words(self) -> str:
        """What twice the rows are expected to add."""
        rows = f"{self.rows[-1]:,} train rows"
        if self.fit is None:
            return f"{self.metric} on {self.on}: a share of the {rows} already leaves no error, so nothing says what more would add"
        f, down = self.fit, less_is_better(self.metric)
        unit, scale = ("", 1.0) if down else (" points", 100.0)
        sign = -1 if down else 1
        ends = sorted((sign * f.gain_low * scale, sign * f.gain_high * scale))
        return (
            f"doubling the {rows} is expected to change {self.metric} on {self.on} by {sign * f.gain * scale:+.3g}{unit} "
            f"(95 % interval {ends[0]:+.3g} to {ends[1]:+.3g}; power law over {len(self.shares)} shares, exponent {f.exponent:.3f})"
        )


def check_shares(shares: Sequence[float]) -> None:
    """Refuse shares that make no curve.

    Raises:
        RecipeError: fewer than three, not rising, or not ending with all rows.
    """
    rising = all(a < b for a, b in pairwise(shares))
    if len(shares) < 3 or not rising or shares[0] <= 0 or shares[-1] != 1:
        raise RecipeError(f"train: curve {list(shares)} is not three or more rising shares up to 1", fix="curve: [0.1, 0.25, 0.5, 1.0]")


def nested(rows: pl.DataFrame, shares: Sequence[float]) -> list[pl.DataFrame]:
    """The rows of each share: those of groups whose hash, as a number from 0 to 1, is below it.

    A smaller share is part of a larger one; groups stay whole.
    A group (`_root`, `_cluster`, see `groups`) is known by the hash of its least `_row_id` (the least hash would favour large groups), so
    that a row that stays in the next version of a dataset stays in its shares, as long as that one does. A share holds about its part of
    the rows, not exactly.
    """
    hashed: pl.Expr = plh.concat_str("_row_id").chash.sha2_256()
    # 13 of 64 hex digits: 52 bits, all of which a float holds.
    known = rows.select("_row_id", group=pl.Series(groups(rows))).select(pl.col("_row_id").min().over("group"))
    place = known.select(hashed.str.slice(0, 13).str.to_integer(base=16, dtype=pl.Int64) / 16.0**13).to_series()
    return [rows if share >= 1 else rows.filter(place < share) for share in shares]


def curve_of(metric: str, on: str, shares: Sequence[float], rows: Sequence[int], values: Sequence[Sequence[float]]) -> LearningCurve:
    """The curve with its fit."""
    down = less_is_better(metric)
    errors = [float(np.mean(v)) if down else 1 - float(np.mean(v)) for v in values]
    found = fit(rows, errors) if min(errors) > 0 and len(set(rows)) == len(rows) else None
    return LearningCurve(metric=metric, on=on, shares=tuple(shares), rows=tuple(rows), values=tuple(tuple(v) for v in values), fit=found)


def fit(rows: Sequence[int], errors: Sequence[float]) -> PowerLaw:
    """The power law through errors by number of rows, three at least; Hestness et al. (2017) find it across tasks. No floor is fitted."""
    from scipy import stats

    x, y = np.log(rows), np.log(errors)
    line = stats.linregress(x, y)
    exponent = -float(line.slope)
    half = float(stats.t.ppf(0.975, len(rows) - 2)) * float(line.stderr)
    error = math.exp(float(line.intercept) + float(line.slope) * float(x[-1]))

    def gain(k: float) -> float:
        return error * (1 - float(2.0**-k))

    low, high = exponent - half, exponent + half
    return PowerLaw(exponent=exponent, low=low, high=high, gain=gain(exponent), gain_low=gain(low), gain_high=gain(high), error=error)


def curve_picture(curves: Sequence[LearningCurve], title: str) -> bytes:
    """PNG of scores by train rows (each seed a dot) with the fitted power law up to twice the rows, a line a set."""
    made, axes = figure(7.0, 4.2)
    for curve, colour in zip(curves, (BLUE, ORANGE, INK), strict=False):
        x = [n for n, values in zip(curve.rows, curve.values, strict=True) for _ in values]
        axes.plot(x, [v for values in curve.values for v in values], "o", color=colour, markersize=4, label=curve.on)
        if curve.fit is not None:
            n = np.geomspace(curve.rows[0], 2 * curve.rows[-1], 50)
            error = curve.fit.error * (n / curve.rows[-1]) ** -curve.fit.exponent
            axes.plot(n, error if less_is_better(curve.metric) else 1 - error, color=colour, linewidth=1)
    axes.axvline(curves[0].rows[-1], color=GREY, linestyle=":")
    axes.set_xscale("log")
    axes.set_xlabel("train rows (dotted: all)")
    axes.set_ylabel(curves[0].metric)
    axes.legend(frameon=False)
    axes.set_title(plain(title), fontsize=10)
    return png(made)


def loss_picture(name: str, losses: dict[str, Sequence[float]], title: str) -> bytes:
    """PNG of the loss after each epoch, a line a set."""
    made, axes = figure(6.5, 3.6)
    for (on, values), colour in zip(losses.items(), (INK, BLUE, ORANGE), strict=False):
        axes.plot(range(1, len(values) + 1), values, color=colour, label=on)
    axes.set_xlabel("epoch")
    axes.set_ylabel(name)
    axes.legend(frameon=False)
    axes.set_title(plain(title), fontsize=10)
    return png(made)
