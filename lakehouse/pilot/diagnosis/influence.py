"""Which train rows push the model into its errors: influence functions of a logistic regression in closed form.

Koh, Liang: Understanding Black-box Predictions via Influence Functions (ICML 2017), with the one-step correction of Pregibon: Logistic
Regression Diagnostics (Annals of Statistics 9, 1981), which makes the step that of a row being left out, not of being weighed less.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.pilot.baseline import OutOfFold
from lakehouse.pilot.diagnosis.findings import Found, findings
from lakehouse.pilot.diagnosis.material import Material

_LOWEST = 0.05
"""Share of the train rows that may be findings for their influence."""
_PENALTY = 0.001
"""Of influence, a train row: a weak one lets the model bend to the wrong labels that are looked for."""
_PUSHED = 5
"""Errors named in the evidence of a row."""
EFFECT_BYTES = 64 * 1024 * 1024
"""What one chunk of effects may take."""


@dataclass(frozen=True)
class Influence:
    """What train rows do to the loss of others.

    Attributes:
        total: of each train row, what its being there adds to the loss of all scored rows together, shape (train rows,).
        effects: the same on each of the scored rows asked for, shape (train rows, asked).
    """

    total: NDArray[np.float64]
    effects: NDArray[np.float64]


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


def with_one(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """The vectors with a column of ones, for the intercept."""
    return np.hstack([vectors.astype(np.float64), np.ones((len(vectors), 1))])


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


def influence_findings(m: Material[OutOfFold]) -> Found:
    """Train rows without which the scored rows would be told better, those that cost most first, with the errors they push most.

    The total is over all scored rows, not over those in error alone: a row with a right label often pushes a few errors and helps many
    others. The errors are those of the model that `train` learns; the frozen set has no say, since repairs are judged on it.
    """
    part = m.sets.get(m.scored_set)
    if part is None:
        return Found(findings("influence", [], [], []))
    wrong = np.flatnonzero(part.error)
    labels = m.judged.given
    asked = wrong[: max(1, EFFECT_BYTES // (8 * len(m.learnt)))]
    penalty = _PENALTY * len(m.learnt)
    found = influence(m.vectors[m.learnt], labels[m.learnt], m.vectors[m.scored], labels[m.scored], asked, penalty)
    said = {"set": m.scored_set, "scored": len(m.scored), "errors": len(wrong), "asked": len(asked)}
    return Found(costly(m, found, asked, str), said=said)


def costly(m: Material[Any], found: Influence, asked: NDArray[np.int64], plain: Callable[[Any], Any]) -> pl.DataFrame:
    """Findings on the train rows that add most to the loss, those above zero, with the rows asked about that each pushes most.

    Args:
        plain: makes plain data of what the model says of a row.
    """
    part = m.sets[m.scored_set]
    order = np.argsort(-found.total, kind="stable")[: int(np.ceil(len(m.learnt) * _LOWEST))]
    order = order[found.total[order] > 0]
    evidence = []
    for at in order:  # as many as there are findings
        effects = found.effects[at]
        most = [int(e) for e in np.argsort(-effects, kind="stable")[:_PUSHED] if effects[e] > 0]
        errors = [
            {
                "row": m.ids[m.scored[asked[e]]],
                "given": m.given(int(m.scored[asked[e]])),
                "predicted": plain(part.predicted[asked[e]]),
                "effect": float(f"{effects[e]:.3g}"),
            }
            for e in most
        ]
        pushed = int((effects > 0).sum())
        evidence.append({"given": m.given(int(m.learnt[at])), "total": float(f"{found.total[at]:.4g}"), "pushed": pushed, "errors": errors})
    return findings("influence", [m.ids[m.learnt[at]] for at in order], found.total[order].tolist(), evidence)
