"""Columns that predict the number by themselves, and what the model leans on.

A column that all but says the label is often one that is filled in after it (Kaufman, Rosset, Perlich: Leakage in Data Mining, KDD 2011).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from lakehouse.pilot.diagnosis.findings import Findings, findings_frame
from lakehouse.pilot.diagnosis.material import Material, TrainedModel
from lakehouse.pilot.diagnosis.numbers.out_of_fold import OutOfFoldNumbers
from lakehouse.pilot.diagnosis.pictures import terms_picture
from lakehouse.pilot.diagnosis.views import marks
from lakehouse.pilot.models.boosted_trees import BoostedTrees

_TOP, _ROWS = 10, 100
_ALONE, _LEAVES, _FOLDS = 0.98, 5, 3
"""Share of the variance of rows not seen by which a column gives the number away, by a tree with so many rows a leaf."""


def number_leaks(m: Material[OutOfFoldNumbers]) -> Findings:
    """Columns by which a tree alone tells the numbers of rows it has not seen; and the columns, or terms, of most weight."""
    if (fitted := m.fitted) is None:
        return Findings(findings_frame("leak", [], [], []))
    columns = m.view.columns if m.view.text is None else ()
    evidence = [_alone(m, fitted, column, r2) for column in columns if (r2 := single_column_score(m, column)) is not None]
    top, of = _weights(m, fitted)
    pictures = {"terms.png": terms_picture({m.label: top}, f"{m.name}: {of}")} if top else {}
    said: dict[str, Any] = {"terms": {f"`{m.label}`": top}} if top else {}
    return Findings(findings_frame("leak", [None] * len(evidence), [e["precision"] for e in evidence], evidence), pictures, said)


def single_column_score(m: Material[OutOfFoldNumbers], column: str) -> float | None:
    """The share of the variance of the train rows' labels that a tree on one column tells without having seen them; None where no leak."""
    from sklearn.metrics import r2_score
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.tree import DecisionTreeRegressor

    values, labels, group = m.rows[column].gather(m.learnt), m.out_of_fold.given[m.learnt], m.group[m.learnt]
    if len(np.unique(group)) < _FOLDS or len(np.unique(labels)) < 2:
        return None
    # A tree of scikit-learn parts what is missing, too.
    x = values.cast(pl.Float64).fill_null(np.nan).to_numpy()[:, None] if values.dtype.is_numeric() else marks(values)
    tree = DecisionTreeRegressor(min_samples_leaf=_LEAVES, random_state=0)
    predicted = cross_val_predict(tree, x, labels, groups=group, cv=GroupKFold(_FOLDS, shuffle=True, random_state=0))
    r2 = float(r2_score(labels, predicted))
    return r2 if r2 >= _ALONE else None


def _alone(m: Material[OutOfFoldNumbers], fitted: TrainedModel, column: str, r2: float) -> dict[str, Any]:
    without = []
    for part in m.sets.values():
        blank = part.rows.with_columns(pl.lit(None, part.rows.schema[column]).alias(column))
        predicted = m.view.learner.predict(fitted.model, m.view.learner.features(fitted.learnt, blank), blank)
        without.append(m.view.label_type.compare(part.rows[m.label], predicted)[1])
    scored = [part.error for part in m.sets.values()]
    return {
        "term": column,
        "class": f"every `{m.label}`",
        "size": len(m.learnt),
        "precision": round(r2, 4),
        "alone": True,
        **(m.view.label_type.error_summary(np.concatenate(scored)) if scored else {}),
        **(
            {f"{name}_without": value for name, value in m.view.label_type.error_summary(np.concatenate(without)).items()}
            if without
            else {}
        ),
        "rows": [m.ids[at] for at in m.learnt[:_ROWS]],
    }


def _weights(m: Material[OutOfFoldNumbers], fitted: TrainedModel) -> tuple[list[tuple[str, float]], str]:
    """What the model leans on most, and what its numbers are."""
    if isinstance(m.view.learner, BoostedTrees):
        part = m.sets.get(m.scored_set)
        if part is None:
            return [], ""
        rows = m.view.learner.labelled(part.rows)
        table = m.view.learner.importance(fitted.model, fitted.learnt, rows, 1).filter(pl.col("importance") > 0).head(_TOP)
        return _rounded(table["column"].to_list(), table["importance"].to_list()), "loss of RMSE when a column is permuted"
    weights = np.ravel(fitted.model.regressor_.coef_) * float(fitted.model.transformer_.scale_[0])
    names = list(m.view.columns) if m.view.text is None else fitted.learnt.get_feature_names_out()
    order = np.argsort(-np.abs(weights), kind="stable")[:_TOP]
    of = "change with a column's standard deviation" if m.view.text is None else "weight of a term"
    return _rounded([str(names[at]) for at in order], weights[order].tolist()), of


def _rounded(names: list[str], weights: list[float]) -> list[tuple[str, float]]:
    return [(name, float(f"{weight:.4g}")) for name, weight in zip(names, weights, strict=True)]
