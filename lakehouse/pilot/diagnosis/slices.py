"""Slices of the rows where a model errs more than elsewhere.

Sagadeeva, Boehm: SliceLine: Fast, Linear-Algebra-based Slice Finding for ML Model Debugging (SIGMOD 2021), its score and its search space.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.pilot.diagnosis.findings import Findings, findings_frame
from lakehouse.pilot.diagnosis.material import Material
from lakehouse.pilot.diagnosis.pictures import slices_picture
from lakehouse.pilot.diagnosis.view import View
from lakehouse.pilot.diagnosis.views import bins

_FEW_VALUES = 20
MEMBERS = 1000
"""Rows named in the evidence of a slice, those of most error first."""
_WIDE = 24
"""Features up to which three of them at a time are looked at: 2,324 sets; of 64 there would be 43,744."""


@dataclass(frozen=True, kw_only=True)
class Slice:
    """Rows that share values.

    Attributes:
        conditions: (feature, value), sorted by feature as given.
        size: its rows; `error` the sum of their errors.
        score: of SliceLine; above 0 is worse than the whole.
        p: one-sided, against the rows outside, times the number of slices looked at (Bonferroni).
    """

    conditions: tuple[tuple[str, str], ...]
    size: int
    error: float
    score: float
    p: float

    @property
    def rate(self) -> float:
        """The mean error of its rows."""
        return self.error / self.size

    def members(self, features: pl.DataFrame) -> NDArray[np.int64]:
        """The numbers of its rows."""
        matches = pl.all_horizontal([pl.col(name) == value for name, value in self.conditions])
        return features.select(matches.arg_true()).to_series().cast(pl.Int64).to_numpy()


SliceTest = Callable[[pl.DataFrame, NDArray[np.float64]], NDArray[np.float64]]
"""One-sided p of slices (`size`, `error`, `ranks`: sums over their rows of error and of its rank, from 1) given the error of every row."""


def fisher(found: pl.DataFrame, error: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fisher's exact test of errors that are 1 or 0."""
    from scipy.stats import hypergeom

    p: NDArray[np.float64] = hypergeom.sf(found["error"].to_numpy() - 1, len(error), error.sum(), found["size"].to_numpy())
    return p


def rank_sum(found: pl.DataFrame, error: NDArray[np.float64]) -> NDArray[np.float64]:
    """Wilcoxon's rank-sum test of errors of any size, by its normal limit with the correction for ties: no few errors decide it."""
    from scipy.stats import norm

    n, size = len(error), found["size"].to_numpy().astype(np.float64)
    ties = np.unique(error, return_counts=True)[1].astype(np.float64)
    variance = size * (n - size) / 12 * (n + 1 - (ties**3 - ties).sum() / (n * (n - 1)))
    z = (found["ranks"].to_numpy() - size * (n + 1) / 2) / np.sqrt(np.maximum(variance, 1e-300))
    p: NDArray[np.float64] = np.where(variance > 0, norm.sf(z), 1.0)
    return p


def slices(
    features: pl.DataFrame,
    error: NDArray[np.bool_] | NDArray[np.float64],
    test: SliceTest = fisher,
    *,
    level: int = 3,
    smallest: int | None = None,
    alpha: float = 0.95,
    top: int = 10,
    significance: float = 0.05,
) -> list[Slice]:
    """The slices with the highest score, best first.

    A slice is a conjunction of values of up to `level` features. Its score is alpha * (mean error / overall mean - 1) - (1 - alpha) *
    (rows / size - 1). Every conjunction that occurs is counted, one aggregation per set of features, so the search is exact; its cost
    is the number of such sets, a few hundred for a dozen features. Of slices with the same rows the one with fewest conditions stands.

    Args:
        features: text columns without null.
        error: at least 0, shape (rows,).
        test: of whether the rows of a slice err more than those outside.
        smallest: least number of rows (default: a hundredth of the rows, and at least 32, as in the paper).
        significance: highest `p` of a finding.
    """
    from scipy.stats import rankdata

    error = error.astype(np.float64)
    n, whole = features.height, float(error.sum())
    if n == 0 or whole == 0:
        return []
    smallest = max(32, -(-n // 100)) if smallest is None else smallest
    names = {f"feature {at}": name for at, name in enumerate(features.columns) if features[name].n_unique() > 1}
    if not names:
        return []
    rows = features.select(pl.col(name).alias(short) for short, name in names.items())
    marks = np.random.default_rng(0).integers(0, 2**62 // n, n)
    rows = rows.with_columns(pl.Series("error", error), pl.Series("rank", rankdata(error)), pl.Series("mark", marks))
    parts = [_counted(rows, columns, smallest) for size in range(1, level + 1) for columns in combinations(names, size)]
    found = pl.concat(parts)
    ratio = (pl.col("error") / pl.col("size")) / (whole / n) - 1
    found = found.with_columns(score=alpha * ratio - (1 - alpha) * (n / pl.col("size") - 1))
    worth = found.filter(pl.col("score") > 0)
    p = test(worth, error) * found.height
    worth = worth.with_columns(p=pl.Series(np.minimum(p, 1.0))).filter(pl.col("p") <= significance)
    # The same rows have the same size and sum of marks; the first has fewest conditions.
    worth = worth.unique(["size", "rows"], keep="first", maintain_order=True).sort("score", descending=True, maintain_order=True)
    return [
        Slice(conditions=tuple((names[c], v) for c, v in zip(columns, values, strict=True)), size=size, error=sum_, score=score, p=p)
        for columns, values, size, sum_, score, p in worth.head(top).select("columns", "values", "size", "error", "score", "p").iter_rows()
    ]


def _counted(rows: pl.DataFrame, columns: Sequence[str], smallest: int) -> pl.DataFrame:
    """Size and sums over the rows of every slice of these features, in the order of its first row."""
    return (
        rows.group_by(columns, maintain_order=True)
        .agg(
            size=pl.len().cast(pl.Int64),
            error=pl.col("error").sum(),
            ranks=pl.col("rank").sum(),
            rows=pl.col("mark").sum(),
        )
        .filter(pl.col("size") >= smallest)
        .select(
            pl.lit(list(columns), dtype=pl.List(pl.String)).alias("columns"),
            pl.concat_list(columns).alias("values"),
            "size",
            "error",
            "ranks",
            "rows",
        )
    )


def features_of(rows: pl.DataFrame, view: View, told: pl.Series) -> pl.DataFrame:
    """What slices are made of, as text: source, what is told of a row, fifths of the lengths of the text and of what the model reads as
    numbers, and own columns of at most 20 values.

    Args:
        told: of each row, as text, under the name by which it is shown.
    """
    few = [
        name
        for name, dtype in rows.schema.items()
        if name[0] != "_"
        and name not in (view.text, view.label, told.name, "source", "length")
        and (dtype == pl.String or dtype == pl.Boolean or dtype.is_integer())
        and rows[name].n_unique() <= _FEW_VALUES
    ]
    own = [pl.col(name).cast(pl.String).fill_null("(none)") for name in few]
    fifths = [bins(rows[name]) for name in view.numbers if name not in few and rows.schema[name].is_numeric()]
    if view.text is not None:
        fifths.append(bins(rows[view.text].fill_null("").str.len_chars().alias("length")))
    origin = pl.col("_root" if "_root" in rows.columns else "_row_id").str.split("/").list.first()
    return rows.select(origin.alias("source"), told, *fifths, *own)


def level_of(features: pl.DataFrame) -> int:
    """How many features a slice may be made of."""
    return 3 if features.width <= _WIDE else 2


def slice_evidence(one: Slice) -> dict[str, Any]:
    """The evidence of a slice beside its errors and its rows."""
    return {
        "slice": " and ".join(f"{name} = {value}" for name, value in one.conditions),
        "conditions": dict(one.conditions),
        "size": one.size,
        "p": float(f"{one.p:.3g}"),
    }


@dataclass(frozen=True, kw_only=True)
class SliceSearch:
    """Slices of the rows of a version, as far as they depend on the type of its labels.

    Attributes:
        features: text columns without null, as `features_of` makes them.
        test: whether the rows of a slice err more than those outside.
        error_name: the name, among `LabelType.error_summary`, of the mean error of the rows of a slice.
        members: row numbers to what the evidence says of each of them, beside its id and its label.
        title: of the picture; `axis` the words under it.
    """

    features: pl.DataFrame
    test: SliceTest
    error_name: str
    members: Callable[[NDArray[np.int64]], Mapping[str, Any]]
    title: str
    axis: str


def slice_findings(m: Material[Any], search: SliceSearch) -> Findings:
    """Slices in which models err more than elsewhere, in each the rows of most error first."""
    error = m.out_of_fold.error
    found = slices(search.features, error, search.test, level=level_of(search.features))
    evidence: list[dict[str, Any]] = []
    for one in found:
        members = one.members(search.features)
        named = members[np.argsort(-error[members], kind="stable")][:MEMBERS]
        evidence.append(
            {
                **slice_evidence(one),
                **m.view.label_type.error_summary(error[members]),
                "rows": [m.ids[at] for at in named],
                "given": [m.given(int(at)) for at in named],
                **search.members(named),
            }
        )
    pictures = {}
    if found:
        bars = [(e["slice"], e[search.error_name], e["size"]) for e in evidence]
        pictures["slices.png"] = slices_picture(bars, float(error.mean()), f"{m.name}: {search.title}", search.axis)
    return Findings(findings_frame("slice", [None] * len(found), [one.score for one in found], evidence), pictures)
