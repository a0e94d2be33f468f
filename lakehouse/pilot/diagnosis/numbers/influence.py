"""Which train rows push a model away from the rows scored: a ridge regression without each of them, in closed form.

What leaving a row out changes is exact: Cook: Detection of Influential Observation in Linear Regression (Technometrics 19, 1977). The
penalty is that of the least leave-one-out error: Allen: The Relationship between Variable Selection and Data Augmentation and a Method
for Prediction (Technometrics 16, 1974).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lakehouse.pilot.diagnosis.influence import Influence, InfluenceModel, with_one
from lakehouse.pilot.diagnosis.material import Material, ScoredSet
from lakehouse.pilot.diagnosis.numbers.out_of_fold import OutOfFoldNumbers

_PENALTIES = tuple(10.0**e for e in range(-4, 3))


def ridge_influence(
    train: NDArray[np.float32],
    labels: NDArray[np.float64],
    scored: NDArray[np.float32],
    truth: NDArray[np.float64],
    asked: NDArray[np.int64],
    penalty: float,
) -> Influence:
    """The change of the squared error of scored rows that leaving out each train row takes back, without training again.

    The model is a ridge regression with an intercept, under penalty * |weights|^2 (of the intercept, too). With e the residual of row i
    and h its leverage, the weights without the row are those with it less H^-1 x_i e / (1 - h): no approximation.

    Args:
        train, scored: shape (rows, dimensions).
        labels, truth: of the train rows and of the scored ones, best centred.
        asked: numbers of the scored rows whose effects are wanted one by one.
    """
    x, t = with_one(train), with_one(scored)
    hessian = x.T @ x + penalty * np.eye(x.shape[1])
    steps = np.linalg.solve(hessian, x.T).T
    weights = steps.T @ labels
    leverage = np.minimum((steps * x).sum(axis=1), 1 - 1e-9)
    step = steps * ((labels - x @ weights) / (1 - leverage))[:, None]  # what the row being there adds to the weights
    off = t @ weights - truth
    # (off - d)^2 - off^2 = d^2 - 2 off d, with d = t @ step: what the row adds to the prediction.
    total = 2 * step @ (t.T @ off) - ((step @ (t.T @ t)) * step).sum(axis=1)
    moved = step @ t[asked].T
    return Influence(total, 2 * moved * off[asked] - moved**2)


def best_penalty(train: NDArray[np.float32], labels: NDArray[np.float64]) -> float:
    """The penalty of the least leave-one-out error, of powers of ten from 10^-4 to 100."""
    x = with_one(train)
    left, values, _ = np.linalg.svd(x, full_matrices=False)
    on = left.T @ labels

    def error(penalty: float) -> float:
        shrunk = values**2 / (values**2 + penalty)
        residuals = labels - left @ (shrunk * on)
        return float(((residuals / np.maximum(1 - (left**2 @ shrunk), 1e-9)) ** 2).sum())

    return min(_PENALTIES, key=error)


class RidgeInfluence(InfluenceModel[OutOfFoldNumbers]):
    """The rows that the model of `train` errs most on, and what a train row adds to the squared error of all scored rows."""

    def asked(self, error: NDArray[np.float64]) -> NDArray[np.int64]:
        return np.argsort(-error, kind="stable")

    def fit(self, m: Material[OutOfFoldNumbers], asked: NDArray[np.int64], part: ScoredSet) -> tuple[Influence, dict[str, Any]]:
        labels = m.out_of_fold.given - m.out_of_fold.given[m.learnt].mean()
        train, scored = m.vectors[m.learnt], m.vectors[m.scored]
        penalty = best_penalty(train, labels[m.learnt])
        found = ridge_influence(train, labels[m.learnt], scored, labels[m.scored], asked, penalty)
        return found, {"penalty": penalty, **m.view.label_type.error_summary(part.error)}
