"""Which train rows push the model into its errors: influence functions of a logistic regression in closed form.

Koh, Liang: Understanding Black-box Predictions via Influence Functions (ICML 2017), with the one-step correction of Pregibon: Logistic
Regression Diagnostics (Annals of Statistics 9, 1981), which makes the step that of a row being left out, not of being weighed less.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lakehouse.pilot.diagnosis.classes.out_of_fold import OutOfFoldClasses
from lakehouse.pilot.diagnosis.influence import Influence, InfluenceModel, with_one
from lakehouse.pilot.diagnosis.material import Material, ScoredSet

_PENALTY = 0.001
"""Of influence, a train row: a weak one lets the model bend to the wrong labels that are looked for."""


def influence(
    train: NDArray[np.float32],
    train_labels: NDArray[np.int64],
    scored: NDArray[np.float32],
    scored_labels: NDArray[np.int64],
    asked: NDArray[np.int64],
    penalty: float,
) -> Influence:
    """The change of the loss of scored rows that leaving out each train row takes back, without training again.

    The model is one logistic regression a class against the rest (one alone for two classes), with an intercept, fitted to its optimum
    under the penalty / 2 * |weights|^2; the loss is the sum of their log losses. With p the probability of row i for a class, g = p - y
    and H the Hessian, the weights without the row are those with it plus H^-1 x_i g / (1 - p (1 - p) x_i H^-1 x_i): one Newton step,
    leverage counted. The loss of a scored row changes by its gradient times that.

    Args:
        train, scored: shape (rows, dimensions).
        train_labels, scored_labels: numbers of classes.
        asked: numbers of the scored rows whose effects are wanted one by one.
    """
    x, t = with_one(train), with_one(scored)
    classes = np.unique(train_labels)
    total, effects = np.zeros(len(x)), np.zeros((len(x), len(asked)))
    for one in classes[1:] if len(classes) == 2 else classes:
        hits = (train_labels == one).astype(np.float64)
        weights = _optimum(x, hits, penalty)
        p, q = _sigmoid(x @ weights), _sigmoid(t @ weights)
        curvature = p * (1 - p)
        hessian = (x * curvature[:, None]).T @ x + penalty * np.eye(x.shape[1])
        steps = np.linalg.solve(hessian, x.T).T
        leverage = np.minimum(curvature * (steps * x).sum(axis=1), 1 - 1e-9)
        step = steps * ((p - hits) / (1 - leverage))[:, None]  # the change of the weights when the row is left out
        gradients = t * (q - (scored_labels == one))[:, None]
        total -= step @ gradients.sum(axis=0)
        effects -= step @ gradients[asked].T
    return Influence(total, effects)


def _optimum(x: NDArray[np.float64], hits: NDArray[np.float64], penalty: float) -> NDArray[np.float64]:
    """Weights at which the penalised log loss is least, by Newton's method with halved steps where a whole one overshoots."""
    weights = np.zeros(x.shape[1])

    def loss(w: NDArray[np.float64]) -> float:
        z = x @ w
        return float(np.logaddexp(0, z).sum() - hits @ z + penalty / 2 * w @ w)

    now = loss(weights)
    for _ in range(50):
        p = _sigmoid(x @ weights)
        gradient = x.T @ (p - hits) + penalty * weights
        if np.abs(gradient).max() < 1e-8 * max(1, len(x)):
            break
        hessian = (x * (p * (1 - p))[:, None]).T @ x + penalty * np.eye(x.shape[1])
        direction, size = np.linalg.solve(hessian, gradient), 1.0
        while (then := loss(weights - size * direction)) > now and size > 1e-6:
            size /= 2
        weights, now = weights - size * direction, then
    return weights


def _sigmoid(z: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.special import expit

    return np.asarray(expit(z))


class LogisticInfluence(InfluenceModel[OutOfFoldClasses]):
    """The errors of the model that `train` learns, and what a train row adds to the log loss of all scored rows.

    The total is over all scored rows, not over those in error alone: a row with a right label often pushes a few errors and helps many
    others.
    """

    def asked(self, error: NDArray[np.float64]) -> NDArray[np.int64]:
        return np.flatnonzero(error)

    def fit(self, m: Material[OutOfFoldClasses], asked: NDArray[np.int64], part: ScoredSet) -> tuple[Influence, dict[str, Any]]:
        labels = m.out_of_fold.given
        penalty = _PENALTY * len(m.learnt)
        found = influence(m.vectors[m.learnt], labels[m.learnt], m.vectors[m.scored], labels[m.scored], asked, penalty)
        return found, {"errors": int((part.error > 0).sum())}
