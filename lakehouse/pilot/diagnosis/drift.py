"""Drift between the train rows and those that the model is scored on: by column, and by a classifier of the sides.

Sides that come from one distribution cannot be told apart: Lopez-Paz, Oquab: Revisiting Classifier Two-Sample Tests (ICLR 2017).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.pilot.diagnosis.findings import Findings, findings_frame
from lakehouse.pilot.diagnosis.kinds import FindingKind
from lakehouse.pilot.diagnosis.material import Material, ScoredSet
from lakehouse.pilot.diagnosis.pictures import drift_picture
from lakehouse.pilot.diagnosis.terms import telling
from lakehouse.pilot.diagnosis.views import SEED
from lakehouse.pilot.metrics import holm

SIGNIFICANCE = 0.05
MODERATE = 0.1
"""PSI from which a column has moved (Siddiqi: Credit Risk Scorecards, 2006: below 0.1 little, above 0.25 much)."""
DISTINCT = 0.55
"""AUC from which sides count as separable: less is of no use to anyone, however sure."""
_BINS, _FEW_VALUES, _FOLDS, _ROWS, _LEAST = 10, 50, 5, 100, 30


@dataclass(frozen=True, kw_only=True)
class ColumnDrift:
    """A column on both sides.

    Attributes:
        psi: population stability index over the deciles of the train side, or over the values; half a row is added to each count.
        js: Jensen-Shannon divergence in bits.
        statistic: of `test`, `kolmogorov-smirnov` for numbers, `chi-squared` for values.
        p: of it; `adjusted` by Holm over the columns.
        place: the bin or value that grew most, and `rows`: the numbers of the rows of the other side that are in it.
    """

    column: str
    psi: float
    js: float
    test: str
    statistic: float
    p: float
    adjusted: float
    place: str
    rows: NDArray[np.int64]

    @property
    def found(self) -> bool:
        """Whether it moved surely and by more than little."""
        return self.adjusted <= SIGNIFICANCE and self.psi >= MODERATE


@dataclass(frozen=True, kw_only=True)
class TwoSampleTest:
    """The accuracy of a classifier that separates two sides.

    Attributes:
        auc: of rows judged by models that have seen neither them nor their group; `low`, `high` its 95 % interval.
        odds: of each row, first those of the one side, then those of the other, the log odds of being of the other side.
    """

    auc: float
    low: float
    high: float
    odds: NDArray[np.float64]

    @property
    def found(self) -> bool:
        """Whether the sides are separable, surely and by more than little."""
        return self.low > 0.5 and self.auc >= DISTINCT


def two_sample_test(one: NDArray[np.float32], other: NDArray[np.float32], groups: NDArray[np.int64]) -> TwoSampleTest | None:
    """Tell two sides apart by a logistic regression, cross-validated; None where a side has fewer than 30 groups.

    Args:
        one, other: vectors, shape (rows, dimensions).
        groups: of the rows of both, in this order; a group is in one fold only.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold

    side = np.repeat([0, 1], [len(one), len(other)])
    if min(len(np.unique(groups[side == s])) for s in (0, 1)) < _LEAST:
        return None
    x = np.vstack([one, other])
    odds, fold = np.zeros(len(x)), np.zeros(len(x), dtype=np.int64)
    for at, (train, test) in enumerate(StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=SEED).split(x, side, groups)):
        model = LogisticRegression(class_weight="balanced", max_iter=500).fit(x[train], side[train])
        odds[test], fold[test] = model.decision_function(x[test]), at
    auc, low, high = auc_interval(odds, side, groups, fold)
    return TwoSampleTest(auc=auc, low=low, high=high, odds=odds)


def auc_interval(
    scores: NDArray[np.float64], side: NDArray[np.int64], groups: NDArray[np.int64], fold: NDArray[np.int64]
) -> tuple[float, float, float]:
    """The area under the ROC curve with its 95 % interval for rows in groups, each row compared within its fold.

    Obuchowski: Nonparametric Analysis of Clustered ROC Curve Data (Biometrics 53, 1997): placements are summed by group. Scores of
    different models do not compare. Where there is nothing to tell, cross-validation gives a little less than 0.5: what a fold holds more
    of, the others hold less of.
    """
    from scipy.stats import rankdata

    pos, m, n = side == 1, int((side == 1).sum()), int((side == 0).sum())
    place = np.empty(len(scores))
    for one in np.unique(fold):
        of = fold == one
        a, b = np.flatnonzero(of & pos), np.flatnonzero(of & ~pos)
        ranks = np.zeros(len(scores))
        ranks[of] = rankdata(scores[of])
        place[a] = (ranks[a] - rankdata(scores[a])) / max(1, len(b))  # share of the negatives below
        place[b] = (len(a) - (ranks[b] - rankdata(scores[b]))) / max(1, len(a))  # share of the positives above
    auc = float(place[pos].mean())
    parts = np.where(pos, (place - auc) / m, (place - auc) / n)
    sums = np.bincount(np.unique(groups, return_inverse=True)[1], weights=parts)
    half = 1.96 * float(np.sqrt(len(sums) / max(1, len(sums) - 1) * (sums**2).sum()))
    return auc, max(0.0, auc - half), min(1.0, auc + half)


def column_drifts(one: pl.DataFrame, other: pl.DataFrame) -> list[ColumnDrift]:
    """Each column on both sides, p adjusted over all of them; a column without two values is left out.

    Args:
        one, other: the same columns; numbers are compared as numbers, others by their values (the rarest together as one).
    """
    made = [made for name in one.columns if (made := _column(one[name], other[name])) is not None]
    adjusted = holm([each["p"] for each in made])
    return [ColumnDrift(**each, adjusted=p) for each, p in zip(made, adjusted, strict=True)]


def _column(one: pl.Series, other: pl.Series) -> dict[str, Any] | None:
    from scipy.stats import chi2_contingency, ks_2samp

    number = one.dtype.is_numeric()
    if number:
        a, b = (side.cast(pl.Float64).fill_null(np.nan).to_numpy() for side in (one, other))
        known = a[~np.isnan(a)], b[~np.isnan(b)]
        if not all(map(len, known)) or len(np.unique(np.concatenate(known))) < 2:
            return None
        edges = np.unique(np.quantile(known[0], np.arange(1, _BINS) / _BINS, method="lower"))
        at = [np.where(np.isnan(side), len(edges) + 1, np.searchsorted(edges, side, side="left")) for side in (a, b)]
        size = len(edges) + 2
        names = [*(f"up to {e:g}" for e in edges), f"above {edges[-1]:g}", "(none)"]
        tested = ks_2samp(*known, method="asymp")
    else:
        both = pl.concat([one, other]).cast(pl.String).fill_null("(none)")
        counted = both.value_counts(sort=True)
        kept = sorted(counted.get_column(both.name).head(_FEW_VALUES).to_list())
        names = [*kept, "(others)"]
        codes = both.replace_strict(kept, range(len(kept)), default=len(kept), return_dtype=pl.Int64).to_numpy()
        at, size = [codes[: len(one)], codes[len(one) :]], len(names)
        if len(np.unique(codes)) < 2:
            return None
    counts = np.array([np.bincount(side, minlength=size) for side in at])
    there = counts.sum(axis=0) > 0
    if not number:
        tested = chi2_contingency(counts[:, there])
    shares = (counts[:, there] + 0.5) / (counts[:, there] + 0.5).sum(axis=1, keepdims=True)
    p, q = shares
    middle = (p + q) / 2
    grown = int(np.flatnonzero(there)[np.argmax((q - p) * np.log(q / p) * (q > p))])
    return {
        "column": one.name,
        "psi": float(((q - p) * np.log(q / p)).sum()),
        "js": float((p * np.log2(p / middle) + q * np.log2(q / middle)).sum() / 2),
        "test": "kolmogorov-smirnov" if number else "chi-squared",
        "statistic": float(tested.statistic),
        "p": float(tested.pvalue),
        "place": names[grown],
        "rows": np.flatnonzero(at[1] == grown),
    }


def columns_of(rows: pl.DataFrame, text: str | None, label: str, leave: Sequence[str] = ()) -> pl.DataFrame:
    """What is compared by column: the label, the shape of the text, and own columns that are numbers, truth values or of few values."""
    own = [
        pl.col(name) if dtype.is_numeric() else pl.col(name).cast(pl.String)
        for name, dtype in rows.schema.items()
        if name[0] != "_"
        and name not in (text, label, *leave)
        and (dtype.is_numeric() or dtype == pl.Boolean or (dtype == pl.String and rows[name].n_unique() <= _FEW_VALUES))
    ]
    if text is None:
        return rows.select(pl.col(label), *own)
    plain = pl.col(text).fill_null("")
    length = pl.max_horizontal(plain.str.len_chars(), 1)
    shape = {
        "characters": plain.str.len_chars(),
        "lines": plain.str.count_matches("\n", literal=True) + 1,
        "share of digits": plain.str.count_matches(r"\p{N}") / length,
        "share of capitals": plain.str.count_matches(r"\p{Lu}") / length,
        "share of Chinese": plain.str.count_matches(r"\p{Han}") / length,
        "share of punctuation": plain.str.count_matches(r"[\p{P}\p{S}]") / length,
    }
    taken = set(rows.columns) - {text}
    return rows.select(pl.col(label), *own, *(how.alias(name) for name, how in shape.items() if name not in taken))


def drift_findings(m: Material[Any]) -> Findings:
    """The difference between the train rows and the rows of each set, with the rows that are most of one side only.

    Of columns, one row a group is counted, so that near-duplicates are no evidence of their own.
    """
    ids: list[None] = []
    scores: list[float] = []
    evidence: list[dict[str, Any]] = []
    results: dict[str, Any] = {}
    train = m.view.plain(m.rows[m.learnt])
    for name, part in m.sets.items():
        separation = two_sample_test(m.vectors[m.learnt], part.vectors, np.concatenate([m.group[m.learnt], part.group]))
        first, other = _first(m.group[m.learnt]), _first(part.group)
        rows = m.view.plain(part.rows)
        shared = [c for c in train.columns if c in rows.columns]
        leave = [c for c in train.columns if c not in rows.columns]
        one = columns_of(train.select(shared)[first], m.view.text, m.label, leave)
        each = column_drifts(one, columns_of(rows.select(shared)[other], m.view.text, m.label, leave).select(one.columns))
        if separation is not None:
            results[name] = {"auc": round(separation.auc, 4), "low": round(separation.low, 4), "high": round(separation.high, 4)}
        results.setdefault(name, {})["columns"] = [
            {"column": c.column, "psi": round(c.psi, 4), "js": round(c.js, 4), "p": float(f"{c.adjusted:.3g}")} for c in each
        ]
        if separation is not None and separation.found:
            evidence.append({"set": name, "what": m.view.what, **_typical(m, part, separation)})
            scores.append(separation.auc)
        for c in sorted((c for c in each if c.found), key=lambda c: -c.psi):
            evidence.append(
                {
                    "set": name,
                    "what": f"column {c.column}",
                    "psi": round(c.psi, 4),
                    "js": round(c.js, 4),
                    "test": c.test,
                    "statistic": round(c.statistic, 4),
                    "p": float(f"{c.adjusted:.3g}"),
                    "place": c.place,
                    "rows": part.rows["_row_id"].gather(other[c.rows[:_ROWS]]).to_list(),
                }
            )
            scores.append(c.psi)
    ids = [None] * len(evidence)
    picture = {"drift.png": drift_picture(results, f"{m.name}: train rows against those it is scored on")} if results else {}
    return Findings(findings_frame("drift", ids, scores, evidence), picture, results)


def _first(group: NDArray[np.int64]) -> NDArray[np.int64]:
    """The number of the first row of each group."""
    return np.sort(np.unique(group, return_index=True)[1])


def _typical(m: Material[Any], part: ScoredSet, separation: TwoSampleTest) -> dict[str, Any]:
    """The rows that are most of one side only, and the words that separate the sides."""
    n = len(m.learnt)
    theirs = np.argsort(-separation.odds[n:], kind="stable")[:_ROWS]
    ours = np.argsort(separation.odds[:n], kind="stable")[:_ROWS]
    read = list(m.view.columns)
    both = m.view.words(pl.concat([m.rows[m.learnt].select(read), part.rows.select(read)], how="vertical_relaxed"))
    of_set = np.arange(len(both)) >= n
    return {
        "auc": round(separation.auc, 4),
        "low": round(separation.low, 4),
        "high": round(separation.high, 4),
        "terms": telling(both, of_set, common=m.view.common),
        "train_terms": telling(both, ~of_set, common=m.view.common),
        "rows": part.rows["_row_id"].gather(theirs).to_list(),
        "train_rows": [m.ids[m.learnt[at]] for at in ours],
    }


def drift_kind(of_labels: str = "") -> FindingKind:
    """The kind `drift`, the same for labels of every type.

    Args:
        of_labels: what of the labels is compared, behind a semicolon, where that is not the labels themselves.
    """
    return FindingKind(
        title="What tells the train rows from those scored",
        how="A classifier of the two sides, and each column by itself (p after Holm at most 0.05, and a stability index of 0.1 at least)"
        f"{of_labels}.",
        find=drift_findings,
        words=_words,
        ticket="{set} rows differ in {what}",
        several=True,
        sentences=_sentences,
    )


def _words(e: Mapping[str, Any]) -> str:
    """A difference between the train rows and a set, in a sentence."""
    if "auc" in e:
        interval = f"{e['low']:.3f} to {e['high']:.3f}"
        return f"{e['set']}, {e['what']}: told from the train rows with AUC {e['auc']:.3f} ({interval}) by {', '.join(e['terms'])}"
    return f"{e['set']}, {e['what']}: PSI {e['psi']:.3f}, most at {e['place']}; {e['test']} p {e['p']:.1g}"


def _sentences(notes: Mapping[str, Any]) -> list[str]:
    """How well a classifier tells each set from the train rows, a sentence a set."""
    return [
        f"{name}: a classifier tells its rows from the train rows with AUC {of['auc']:.3f} (95 % interval {of['low']:.3f} to "
        f"{of['high']:.3f}; 0.5 or less is not at all)."
        if "auc" in of
        else f"{name}: too few rows for a classifier to tell its rows from the train rows."
        for name, of in notes.items()
    ]
