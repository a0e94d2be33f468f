"""Influence in closed form against what it stands for: training again without the row."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression

from lakehouse.pilot.diagnosis.classes.influence import influence


def clouds(classes: int, rows: int, seed: int, *, wrong: float = 0.1) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.bool_]]:
    """Points of length 1 around one centre a class; the labels of a share of them are another class."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, classes, rows)
    points = np.eye(classes, 6)[true] + rng.normal(0, 0.45, (rows, 6))
    flipped = rng.random(rows) < wrong
    labels = np.where(flipped, (true + rng.integers(1, classes, rows)) % classes, true)
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32), labels, flipped


def losses(
    x: NDArray[np.float32], y: NDArray[np.int64], t: NDArray[np.float32], z: NDArray[np.int64], penalty: float
) -> NDArray[np.float64]:
    """The log loss of each scored row, by scikit-learn's logistic regressions of a class against the rest."""
    one, other = (np.hstack([part, np.ones((len(part), 1))]).astype(np.float64) for part in (x, t))
    classes = np.unique(y)
    total = np.zeros(len(t))
    for each in classes[1:] if len(classes) == 2 else classes:
        model = LogisticRegression(C=1 / penalty, fit_intercept=False, tol=1e-10, max_iter=5000).fit(one, y == each)
        margins = other @ model.coef_[0]
        total += np.logaddexp(0, np.where(z == each, -margins, margins))
    return total


@pytest.mark.parametrize(("classes", "penalty"), [(2, 0.1), (2, 1.0), (3, 1.0)])
def test_influence_is_what_training_without_the_row_takes_off(classes: int, penalty: float) -> None:
    x, y, _ = clouds(classes, 80, 1)
    t, z, _ = clouds(classes, 40, 2, wrong=0.0)
    asked = np.arange(0, 40, 3)
    found = influence(x, y, t, z, asked, penalty)
    before = losses(x, y, t, z, penalty)
    taken = np.array([before - losses(np.delete(x, i, 0), np.delete(y, i), t, z, penalty) for i in range(len(x))])
    assert spearmanr(found.total, taken.sum(axis=1)).statistic > 0.99
    assert np.corrcoef(found.total, taken.sum(axis=1))[0, 1] > 0.97
    by_row = [spearmanr(found.effects[:, at], taken[:, row]).statistic for at, row in enumerate(asked)]
    assert min(by_row) > 0.98


def test_wrong_labels_cost_most() -> None:
    x, y, wrong = clouds(3, 1500, 3, wrong=0.08)
    t, z, _ = clouds(3, 400, 4, wrong=0.0)
    worst = np.argsort(-influence(x, y, t, z, np.arange(3), 1.5).total)[:60]
    assert wrong[worst].mean() > 0.7
