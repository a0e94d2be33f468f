"""Labels that are likely wrong: confident learning.

Northcutt, Jiang, Chuang: Confident Learning: Estimating Uncertainty in Dataset Labels (JAIR 70, 2021), section 3.1, written anew on
NumPy: the authors' package cleanlab is under the AGPL, which a library under Apache-2.0 cannot depend on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class LabelErrors:
    """Rows with labels that are likely wrong.

    Attributes:
        joint: the confident joint, shape (classes, classes): rows by given label (first axis) and by likely true one.
        rows: the findings, worst first: row numbers.
        suggested: the likely true class of each finding.
        margin: of each finding, probability of the given label minus that of the suggested one, in [-1, 0).
    """

    joint: NDArray[np.int64]
    rows: NDArray[np.int64]
    suggested: NDArray[np.int64]
    margin: NDArray[np.float64]


def label_errors(given: NDArray[np.int64], probabilities: NDArray[np.float64]) -> LabelErrors:
    """Rows whose label a model that has not seen them contradicts with confidence.

    The threshold of a class is the mean probability of that class over the rows that have it as label (its self-confidence). A row
    is counted as the likeliest of the classes whose threshold it reaches; one that reaches none is not counted. Counted off the
    diagonal it is a finding, unless the given label is still the likelier of the two.

    Args:
        given: class of each row, shape (rows,).
        probabilities: by models that have not seen the row, shape (rows, classes).
    """
    n, classes = probabilities.shape
    of_class = np.bincount(given, minlength=classes)
    self_confidence = probabilities[np.arange(n), given]
    sums = np.bincount(given, weights=self_confidence, minlength=classes)
    thresholds = np.where(of_class > 0, sums / np.maximum(of_class, 1), np.inf)  # no row says what is confident in a class without rows
    reached = np.where(probabilities >= thresholds, probabilities, -1.0)
    likely = reached.argmax(axis=1)
    counted = reached[np.arange(n), likely] >= 0
    joint = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(joint, (given[counted], likely[counted]), 1)
    margin = self_confidence - probabilities[np.arange(n), likely]
    rows = np.flatnonzero(counted & (likely != given) & (margin < 0))
    rows = rows[np.argsort(margin[rows], kind="stable")]
    return LabelErrors(joint=joint, rows=rows, suggested=likely[rows], margin=margin[rows])
