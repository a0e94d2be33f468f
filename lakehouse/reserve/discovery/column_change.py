"""How a column of new rows differs from that of rows before: its distribution, units, gaps and codes, each next to what chance gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
LEAST = 30
"""Fewest values on each side that are compared."""
_ALPHA = 0.001
"""How often a comparison may exceed its bound where nothing changed."""
_FAR_APART = 0.1
"""Least Kolmogorov-Smirnov distance that matters."""
_Z = 3.29
"""Deviations of a normal that 0.001 of its values exceed, on both sides."""
_MOST_CODES, _ROWS_A_CODE = 1000, 5
"""A text is a code where a column has at most so many, and so many rows of each on average."""
_POWERS = (1, 2, 3, -1, -2, -3)


@dataclass(frozen=True)
class ColumnChange:
    """One measured difference.

    Attributes:
        kind: `distribution`, `unit`, `outside`, `precision`, `nulls`, `codes`, `new_codes` or `lengths`.
        score: the measure over its bound: from 1 on, chance hardly gives it, and it is large enough to matter.
        detail: the measure in words; never a value of the column.
    """

    kind: str
    score: float
    detail: str


def changes(before: pl.Series, now: pl.Series) -> list[ColumnChange]:
    """All differences that were measured between two parts of one column, also those below 1; none of a side with under 30 rows."""
    if min(len(before), len(now)) < LEAST or before.dtype != now.dtype:
        return []
    found = [_nulls(before, now)]
    old, new = before.drop_nulls(), now.drop_nulls()
    if min(len(old), len(new)) >= LEAST:
        found += _known(old, new)
    return found


def _known(old: pl.Series, new: pl.Series) -> Iterator[ColumnChange]:
    dtype = old.dtype
    if dtype.is_temporal():
        yield _distribution("distribution", *(side.to_physical().cast(pl.Float64).to_numpy() for side in (old, new)))
    elif dtype.is_numeric():
        a, b = (side.cast(pl.Float64).to_numpy() for side in (old, new))
        a, b = a[np.isfinite(a)], b[np.isfinite(b)]
        if min(len(a), len(b)) >= LEAST:
            yield from _numbers(a, b)
        if dtype.is_integer() and _are_codes(old):
            yield from _codes(old.cast(pl.String), new.cast(pl.String))
    elif dtype in (pl.String, pl.Boolean) or isinstance(dtype, pl.Categorical | pl.Enum):
        texts = old.cast(pl.String), new.cast(pl.String)
        if _are_codes(texts[0]):
            yield from _codes(*texts)
        else:
            yield _distribution("lengths", *(side.str.len_chars().cast(pl.Float64).to_numpy() for side in texts))


def _numbers(a: Numbers, b: Numbers) -> Iterator[ColumnChange]:
    yield _distribution("distribution", a, b)
    yield _unit(a, b)
    low, high = np.quantile(a, (0.01, 0.99))
    room = high - low
    share = float(np.mean((b < low - room) | (b > high + room)))
    usual = float(np.mean((a < low - room) | (a > high + room)))
    yield ColumnChange(
        "outside", share / _share_bound(usual, len(a), len(b), 0.01), f"{share:.2%} far outside of what was, {usual:.2%} before"
    )
    whole = [float(np.mean(side == np.round(side))) for side in (a, b)]
    yield _shares("precision", whole[0], whole[1], len(a), len(b), 0.1, "without a fraction")


def _distribution(kind: str, a: Numbers, b: Numbers) -> ColumnChange:
    """Kolmogorov-Smirnov: the greatest distance of the two cumulative shares, over its bound or _FAR_APART."""
    seen, bound = _ks(a, b), _ks_bound(a, b)
    return ColumnChange(kind, seen / max(bound, _FAR_APART), f"Kolmogorov-Smirnov {seen:.3f}, by chance at most {bound:.3f}")


def _ks(a: Numbers, b: Numbers) -> float:
    a, b = np.sort(a), np.sort(b)
    every = np.concatenate([a, b])
    return float(np.abs(np.searchsorted(a, every, side="right") / len(a) - np.searchsorted(b, every, side="right") / len(b)).max())


def _ks_bound(a: Numbers, b: Numbers) -> float:
    """The distance that chance exceeds once in 1 / _ALPHA comparisons (Smirnov 1948)."""
    return float(np.sqrt(-np.log(_ALPHA / 2) / 2 * (len(a) + len(b)) / (len(a) * len(b))))


def _unit(a: Numbers, b: Numbers) -> ColumnChange:
    """Values slipped by a power of ten: all of them (the column fits when it is shifted back), or those that lie where none was."""
    best = ColumnChange("unit", 0.0, "no power of ten explains a difference")
    apart = _ks(a, b)
    bound = max(_ks_bound(a, b), _FAR_APART)
    sizes, new = np.abs(a[a != 0]), np.abs(b[b != 0])
    if min(len(sizes), len(new)) < LEAST:
        return best
    low, high = np.quantile(sizes, (0.005, 0.995))
    inner = np.quantile(sizes, (0.05, 0.95))
    out = (new < low / 2) | (new > high * 2)
    usual = float(np.mean((sizes < low / 2) | (sizes > high * 2)))
    for power in _POWERS:
        back = new / 10.0**power
        share = float(np.mean(out & (back >= inner[0]) & (back <= inner[1])))
        scores = [share / _share_bound(usual, len(sizes), len(new), 0.01)]
        if apart > bound and _ks(a, b / 10.0**power) < apart / 3:
            scores.append(apart / bound)
            share = 1.0
        if max(scores) > best.score:
            best = ColumnChange("unit", max(scores), f"{share:.1%} of the values fit what was, once multiplied by {10.0**-power:g}")
    return best


def _nulls(before: pl.Series, now: pl.Series) -> ColumnChange:
    shares = [side.null_count() / len(side) for side in (before, now)]
    return _shares("nulls", shares[0], shares[1], len(before), len(now), 0.02, "without a value")


def _shares(kind: str, old: float, new: float, n: int, m: int, least: float, what: str) -> ColumnChange:
    both = (old * n + new * m) / (n + m)
    bound = max(_Z * float(np.sqrt(both * (1 - both) * (1 / n + 1 / m))), least)
    return ColumnChange(kind, abs(new - old) / bound, f"{new:.1%} {what}, {old:.1%} before")


def _share_bound(usual: float, n: int, m: int, least: float) -> float:
    """The share that chance hardly exceeds, where `usual` of n values are of a kind that is looked for among m."""
    return max(usual + _Z * float(np.sqrt(usual * (1 - usual) * (1 / n + 1 / m))) + 3 / m, least)


def _are_codes(values: pl.Series) -> bool:
    distinct = values.n_unique()
    return distinct <= _MOST_CODES and len(values) >= _ROWS_A_CODE * distinct


def _codes(old: pl.Series, new: pl.Series) -> Iterator[ColumnChange]:
    from scipy.stats import chi2

    counts = (
        old.alias("v")
        .value_counts(name="a")
        .join(new.alias("v").value_counts(name="b"), on="v", how="full", coalesce=True)
        .fill_null(0)
        .sort("v")
    )
    a, b = counts["a"].to_numpy().astype(np.float64), counts["b"].to_numpy().astype(np.float64)
    fresh = a == 0
    share, seen_once = float(b[fresh].sum() / b.sum()), float((a == 1).sum() / a.sum())
    # Good (1953): the codes that were seen once tell how often one comes that was not seen.
    bound = _share_bound(seen_once, len(old), len(new), 0.005)
    yield ColumnChange("new_codes", share / bound, f"{int(fresh.sum()):,} values that never were, in {share:.2%} of the rows")
    p, q = (a + 0.5) / (a + 0.5).sum(), (b + 0.5) / (b + 0.5).sum()
    psi = float(((q - p) * np.log(q / p)).sum())
    by_chance = float(chi2.ppf(1 - _ALPHA, max(1, len(a) - 1))) * (1 / len(old) + 1 / len(new))
    yield ColumnChange("codes", psi / max(by_chance, 0.1), f"population stability index {psi:.3f}, by chance at most {by_chance:.3f}")
