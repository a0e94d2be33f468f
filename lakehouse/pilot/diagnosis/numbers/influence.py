"""Which train rows push a model away from the rows scored: a ridge regression without each of them, in closed form.

What leaving a row out changes is exact: Cook: Detection of Influential Observation in Linear Regression (Technometrics 19, 1977). The
penalty is that of the least leave-one-out error: Allen: The Relationship between Variable Selection and Data Augmentation and a Method
for Prediction (Technometrics 16, 1974).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lakehouse.pilot.diagnosis.findings import Found, findings
from lakehouse.pilot.diagnosis.influence import EFFECT_BYTES, Influence, costly, with_one
from lakehouse.pilot.diagnosis.material import Material
from lakehouse.pilot.diagnosis.numbers.judged import JudgedNumbers

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


def influence_findings(m: Material[JudgedNumbers]) -> Found:
    """Train rows without which the scored rows would be told better, those that cost most first, with the rows they push most.

    The rows pushed are looked for among those that the model of `train` errs most on; the frozen set has no say, since repairs are judged
    on it.
    """
    part = m.sets.get(m.scored_set)
    if part is None or len(m.learnt) == 0:
        return Found(findings("influence", [], [], []))
    labels = m.judged.given
    asked = np.argsort(-part.error, kind="stable")[: max(1, EFFECT_BYTES // (8 * len(m.learnt)))]
    middle = labels[m.learnt].mean()
    penalty = best_penalty(m.vectors[m.learnt], labels[m.learnt] - middle)
    found = ridge_influence(m.vectors[m.learnt], labels[m.learnt] - middle, m.vectors[m.scored], labels[m.scored] - middle, asked, penalty)
    said = {"set": m.scored_set, "scored": len(m.scored), "asked": len(asked), "penalty": penalty, **m.view.truth.measured(part.error)}
    return Found(costly(m, found, asked, m.judged.number), said=said)
