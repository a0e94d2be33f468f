"""What a model of columns leans on, values that stem from one source, and columns that give the label away by themselves.

A column that all but says the label is often one that is filled in after it (Kaufman, Rosset, Perlich: Leakage in Data Mining, KDD 2011).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.pilot.diagnosis.classes.leaks import decisive, evidence_of, origins
from lakehouse.pilot.diagnosis.findings import Findings, findings_frame
from lakehouse.pilot.diagnosis.material import Material, TrainedModel
from lakehouse.pilot.diagnosis.pictures import terms_picture
from lakehouse.pilot.diagnosis.views import marks
from lakehouse.pilot.models.boosted_trees import BoostedTrees

_TOP, _ROWS = 10, 100
_ALONE, _LEAST, _DEPTH = 0.98, 0.5, 5
"""A column that tells so many rows of models that have not seen them right, and takes away so much of the error of always saying the
commonest class, gives the label away; by a tree of so many levels."""


def column_leaks(m: Material[Any]) -> Findings:
    """Columns that give the label away, then values of one source and one class; and the columns of most importance."""
    if (fitted := m.fitted) is None:
        return Findings(findings_frame("leak", [], [], []))
    train = m.rows[m.learnt]
    said = m.view.words(train).list.explode()
    codes = said.rank("dense").to_numpy().astype(np.int64) - 1
    terms = said.unique().sort().to_list()
    held = _held(codes, train.height, len(terms))
    found = decisive(held, m.out_of_fold.given[m.learnt], terms, None, origins(train))
    leaning = [evidence_of(m, one, terms) | _without(m, fitted, _column(m, terms[one.term]), terms[one.term]) for one in found]
    alone = [_alone(m, fitted, column, right) for column in m.view.columns if (right := single_column_score(m, column)) is not None]
    evidence = [*alone, *leaning]
    said_of, pictures = _importance(m, fitted)
    return Findings(
        findings_frame("leak", [None] * len(evidence), [e["precision"] * e["recall"] for e in evidence], evidence),
        pictures,
        {"terms": {f"`{m.label}`": said_of}} if said_of else {},
    )


def single_column_score(m: Material[Any], column: str) -> float | None:
    """The share of the train rows that a tree on one column tells right without having seen them; None where that is no leak."""
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
    from sklearn.tree import DecisionTreeClassifier

    values, labels, group = m.rows[column].gather(m.learnt), m.out_of_fold.given[m.learnt], m.group[m.learnt]
    commonest = float(np.bincount(labels).max() / len(labels))
    few = int(pl.DataFrame({"y": labels, "g": group}).group_by("y").agg(pl.col("g").n_unique())["g"].min())  # type: ignore[arg-type]
    if few < 3:
        return None
    # A tree of scikit-learn parts what is missing, too.
    x = values.cast(pl.Float64).fill_null(np.nan).to_numpy()[:, None] if values.dtype.is_numeric() else marks(values)
    tree = DecisionTreeClassifier(max_depth=_DEPTH, min_samples_leaf=5, random_state=0)
    predicted = cross_val_predict(tree, x, labels, groups=group, cv=StratifiedGroupKFold(3, shuffle=True, random_state=0))
    right = float((predicted == labels).mean())
    return right if right >= _ALONE and (right - commonest) >= _LEAST * (1 - commonest) else None


def _alone(m: Material[Any], fitted: TrainedModel, column: str, right: float) -> dict[str, Any]:
    return {
        "term": column,
        "class": f"every `{m.label}`",
        "size": len(m.learnt),
        "precision": round(right, 4),
        "recall": 1.0,
        "only_in": None,
        "place": None,
        "alone": True,
        "with": [],
        "rows": [m.ids[at] for at in m.learnt[:_ROWS]],
        **_without(m, fitted, column, None),
    }


def _without(m: Material[Any], fitted: TrainedModel, column: str, term: str | None) -> dict[str, int]:
    """How many rows that the model has not seen hold a term (or all of them), and of how many it says another class without the column."""
    scored = changed = 0
    for part in m.sets.values():
        of: NDArray[np.int64] = np.arange(part.rows.height)
        if term is not None:
            of = m.view.words(part.rows).list.contains(term).arg_true().cast(pl.Int64).to_numpy()
        if len(of):
            blank = part.rows[of].with_columns(pl.lit(None, part.rows.schema[column]).alias(column))
            predicted = m.view.learner.predict(fitted.model, m.view.learner.features(fitted.learnt, blank), blank)
            scored, changed = scored + len(of), changed + int((predicted.to_numpy().astype(str) != part.predicted[of]).sum())
    return {"scored": scored, "changed": changed}


def _importance(m: Material[Any], fitted: TrainedModel) -> tuple[list[tuple[str, float]], dict[str, bytes]]:
    part = m.sets.get(m.scored_set)
    if part is None or not isinstance(m.view.learner, BoostedTrees):
        return [], {}
    rows = m.view.learner.labelled(part.rows)
    table = m.view.learner.importance(fitted.model, fitted.learnt, rows, 1).filter(pl.col("importance") > 0).head(_TOP)
    top = [(str(c), round(float(v), 4)) for c, v in table.select("column", "importance").iter_rows()]
    return top, {"terms.png": terms_picture({m.label: top}, f"{m.name}: loss of macro F1 when a column is permuted")} if top else {}


def _column(m: Material[Any], term: str) -> str:
    """The column of a word: the longest name that it begins with."""
    return max((c for c in m.view.columns if term.startswith((f"{c}=", f"{c} "))), key=len)


def _held(codes: NDArray[np.int64], rows: int, terms: int) -> Any:
    import scipy.sparse as sp

    at = np.repeat(np.arange(rows), len(codes) // rows) if rows else codes
    return sp.csr_array((np.ones(len(codes)), (at, codes)), shape=(rows, terms))
