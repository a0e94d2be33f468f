"""NumberLabels that are likely wrong: residuals of models that have not seen the row, by what an error would usually be there.

Zhou, Mueller, Kumar, Wang, Lei: Detecting Errors in a Numerical Response via any Regression Model (2023, arXiv 2305.16583): the score that
divides a residual by the sum of epistemic and aleatoric uncertainty, written anew on NumPy; cleanlab, which has it, is under the AGPL.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lakehouse.pilot.diagnosis.findings import Findings, findings_frame
from lakehouse.pilot.diagnosis.material import Material
from lakehouse.pilot.diagnosis.numbers.out_of_fold import OutOfFoldNumbers
from lakehouse.pilot.diagnosis.numbers.pictures import residual_picture
from lakehouse.pilot.diagnosis.numbers.robust import FAR, chance, unit

_FLOOR = 0.1
"""Of the median error: rows about which models agree by luck are not taken to be known better than that."""
_MOST = 1e9
"""A z score that stands for any beyond it, where nothing else is off at all."""


@dataclass(frozen=True)
class NumberErrors:
    """Labels that are likely wrong.

    Attributes:
        rows: the findings, worst first: row numbers.
        z: of each finding, its residual by the usual one there.
        usual: of each finding the standard deviation of a residual there, in units of the label.
    """

    rows: NDArray[np.int64]
    z: NDArray[np.float64]
    usual: NDArray[np.float64]


def standing_out(
    error: NDArray[np.float64], spread: NDArray[np.float64], noise: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The modified z score of every residual, and the standard deviation of a residual there, both of shape (rows,).

    The scale of a residual is the sum of both uncertainties; residuals by their scale are compared with their median, so that what the
    uncertainties are off by as a whole cancels.

    Args:
        error: of predictions by models that have not seen the row, at least 0, shape (rows,); so `spread` and `noise`.
    """
    scale = spread + noise + _FLOOR * (np.median(error) if len(error) else 0.0)
    with np.errstate(over="ignore"):  # of a scale that is all but 0
        scaled = np.where(scale > 0, error / np.where(scale > 0, scale, 1.0), np.where(error > 0, np.inf, 0.0))
        one = unit(scaled[np.isfinite(scaled)])
        z = scaled / one if one else np.where(scaled > 0, np.inf, 0.0)
    return np.minimum(z, _MOST), scale * one


def number_errors(
    error: NDArray[np.float64], spread: NDArray[np.float64], noise: NDArray[np.float64], at_least: float = FAR
) -> NumberErrors:
    """Rows whose label is farther from the prediction than residuals of such rows are, by `standing_out`.

    Args:
        at_least: the modified z score beyond which a label is a finding.
    """
    z, usual = standing_out(error, spread, noise)
    rows = np.flatnonzero(z > at_least)
    rows = rows[np.lexsort((rows, -error[rows], -z[rows]))]
    return NumberErrors(rows, z[rows], usual[rows])


def number_findings(m: Material[OutOfFoldNumbers]) -> Findings:
    """Rows whose label is likely wrong, the surest first."""
    judged = m.out_of_fold
    found = number_errors(judged.error, judged.spread, judged.noise)
    evidence = [
        {
            "given": judged.label(int(at)),
            "suggested": judged.number(judged.predicted[at]),
            "off": float(f"{judged.given[at] - judged.predicted[at]:.4g}"),
            "usual": float(f"{usual:.4g}"),
            "z": round(float(z), 2),
            "p_given": float(f"{p:.3g}"),
            "split": m.rows["_split"][int(at)],
        }
        for at, usual, z, p in zip(found.rows, found.usual, found.z, chance(found.z), strict=True)  # findings are few
    ]
    picture = residual_picture(judged.given, judged.predicted, found.rows, f"{m.name}: `{m.label}`, given and predicted")
    return Findings(
        findings_frame("label_error", [m.ids[at] for at in found.rows], (-found.z).tolist(), evidence), {"label_errors.png": picture}
    )
