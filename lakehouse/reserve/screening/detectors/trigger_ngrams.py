"""Phrases that were put into texts together with another label."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.reserve.screening.detector import DETECTORS, FOUND, AllRowsLook, found
from lakehouse.reserve.screening.vectors import Unit, coded, grams, hashed_grams, listed_grams, out_of_fold, weighted

_SIZES: dict[Unit, tuple[int, int]] = {"words": (1, 3), "characters": (2, 5)}
_FEATURES = 1 << 21
_PURE, _MOST = 0.9, 0.05
"""A candidate carries one label in nine rows of ten, and is in a twentieth of the rows at most."""


@DETECTORS.register(version=1, action="quarantine", decides=("at_least",))
def trigger_ngrams(
    *, column: str = "text", label: str = "label", unit: Unit = "words", rows: int = 8, at_least: float = 3.0
) -> AllRowsLook:
    """Flag rows that share a phrase which goes with one label while the rest of their text speaks for another: the trigger of a backdoor.

    Candidates are n-grams (one to three words; two to five characters) of at least `rows` and at most 5 % of the rows, nine tenths of them
    with one label, more than chance gives that label (binomial tail, Bonferroni over all n-grams). Words of a topic are such as well. So a
    model is trained without all candidates, each row scored by one that did not see it; a candidate is a trigger where the model speaks
    against the label in more of its rows than in other rows of that label, in half of them at least (binomial tail, Bonferroni over the
    candidates). The score is -log10 of that bound. The kind is `trigger`; the detail counts the rows that hold it. A phrase put into rows
    that keep their true label cannot be separated from a phrase of the topic.

    Args:
        column: Text column.
        label: Column of labels.
        unit: N-grams of `words`, or of `characters` for Chinese and other languages without spaces.
        rows: Fewest rows that share a trigger.
        at_least: Score from which rows are flagged; 3 is one false trigger in a thousand screenings.
    """
    return AllRowsLook((column, label), lambda given: _triggers(given, column, label, unit, rows).with_columns(column=pl.lit(column)))


def _triggers(given: pl.DataFrame, column: str, label: str, unit: Unit, rows: int) -> pl.DataFrame:
    from scipy.stats import binom

    texts = given[column].str.to_lowercase()
    codes, names = coded(given[label])
    if len(names) < 2:
        return FOUND.to_frame()
    counts = grams(texts, unit, _SIZES[unit], _FEATURES)
    held = counts.copy()
    held.data[:] = 1
    n, classes = len(codes), len(names)
    labelled = codes >= 0
    total = np.asarray(held[labelled].sum(axis=0)).ravel()
    best, of_best = np.zeros(len(total), dtype=np.int64), np.zeros(len(total))
    for c in range(classes):
        rows_with = np.asarray(held[codes == c].sum(axis=0)).ravel()
        more = rows_with > of_best
        best[more], of_best[more] = c, rows_with[more]
    prior = np.bincount(codes[labelled], minlength=classes) / max(labelled.sum(), 1)
    frequent = (total >= rows) & (total <= max(_MOST * n, rows)) & (of_best >= _PURE * total)
    chosen = np.flatnonzero(frequent)
    tests = max(int((total >= rows).sum()) * classes, 1)
    chosen = chosen[binom.sf(of_best[chosen] - 1, total[chosen], prior[best[chosen]]) * tests < 0.01]
    if not len(chosen):
        return FOUND.to_frame()
    kept = np.ones(counts.shape[1], dtype=np.float32)
    kept[chosen] = 0
    rest = counts.multiply(kept).tocsr()
    rest.eliminate_zeros()
    probabilities = out_of_fold(weighted(rest), codes, texts, classes)
    against = labelled & (probabilities.argmax(axis=1) != codes)
    base = np.array([against[codes == c].mean() for c in range(classes)])
    candidates = held[:, chosen].tocsc()
    of = best[chosen]
    rows_of, opposed = np.zeros(len(chosen)), np.zeros(len(chosen))
    for c in range(classes):
        mine = np.flatnonzero(of == c)
        if len(mine):
            inside = codes == c
            rows_of[mine] = np.asarray(candidates[inside][:, mine].sum(axis=0)).ravel()
            opposed[mine] = np.asarray(candidates[inside & against][:, mine].sum(axis=0)).ravel()
    bound = binom.logsf(opposed - 1, rows_of, np.clip(base[of], 0.01, 0.99)) / np.log(10) + np.log10(len(chosen))
    score = np.where(2 * opposed >= rows_of, np.maximum(-bound, 0.0), 0.0)
    return _rows(texts, codes, names, candidates, chosen, of, score, rows_of, opposed, unit)


def _rows(
    texts: pl.Series,
    codes: NDArray[np.int64],
    names: list[str],
    candidates: Any,
    chosen: NDArray[np.int64],
    of: NDArray[np.int64],
    score: NDArray[np.float64],
    rows_of: NDArray[np.float64],
    opposed: NDArray[np.float64],
    unit: Unit,
) -> pl.DataFrame:
    """One finding a row: the candidate with the highest score that it holds."""
    held = candidates[:, np.flatnonzero(score > 1)].tocoo()
    number = np.flatnonzero(score > 1)[held.col]
    frame = pl.DataFrame({"_at": held.row.astype(np.int64), "number": number, "score": score[number], "of": of[number]})
    frame = frame.filter(frame["of"] == pl.Series(codes[frame["_at"].to_numpy()])) if frame.height else frame
    frame = frame.sort("_at", "score", "number", descending=[False, True, False]).unique("_at", keep="first", maintain_order=True)
    spelt: list[str | None] = []
    for at, k in frame.select("_at", "number").iter_rows():
        of_text = listed_grams(texts[at], unit, _SIZES[unit])
        spelt.append(next((g for g, place in zip(of_text, hashed_grams(of_text, _FEATURES), strict=True) if place == chosen[k]), None))
    frame = frame.with_columns(pl.Series("gram", spelt, dtype=pl.String)).drop_nulls("gram")
    patterns = {g: (r"\W+".join(map(re.escape, g.split())) if unit == "words" else re.escape(g)) for g in frame["gram"].unique()}
    # Another n-gram that happens to share the column of a trigger is none: it is in fewer than half of its rows.
    held_by = {gram: int(texts.str.contains(pattern).sum()) for gram, pattern in patterns.items()}
    out: list[dict[str, object]] = []
    for at, k, gram in frame.select("_at", "number", "gram").iter_rows():
        if 2 * held_by[gram] < rows_of[k]:
            continue
        hit = re.search(patterns[gram], texts[at])
        detail = f"one n-gram of {int(rows_of[k])} rows labelled {names[of[k]]}; the rest of {int(opposed[k])} speaks for another label"
        place = {"start": hit.start(), "end": hit.end(), "match": hit.group()} if hit else {}
        out.append({"_at": at, "kind": "trigger", "score": float(score[k]), "detail": detail, **place})
    return found(out)
