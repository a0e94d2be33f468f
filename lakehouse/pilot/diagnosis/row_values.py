"""Train rows of least worth for the rows scored."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lakehouse.pilot.diagnosis.findings import Findings, findings_frame
from lakehouse.pilot.diagnosis.material import Material
from lakehouse.pilot.diagnosis.pictures import values_picture

_LOWEST = 0.05
"""Share of the train rows that may be findings for their value."""
CHUNK_BYTES = 64 * 1024 * 1024
"""What one chunk of similarities may take."""


def value_findings(m: Material[Any], values: NDArray[np.float64], digits: int = 17) -> Findings:
    """The train rows of least value below zero, the worst first.

    Args:
        values: the Shapley value of each train row, shape (train rows,).
        digits: significant ones of a value in the evidence; 17 hold all of a float.
    """
    order = np.argsort(values, kind="stable")[: int(np.ceil(len(values) * _LOWEST))]
    order = order[values[order] < 0]
    evidence = [
        {"given": m.given(int(at)), "value": float(f"{value:.{digits}g}")} for at, value in zip(m.learnt[order], values[order], strict=True)
    ]
    pictures = {}
    if len(m.learnt) and len(m.scored):
        title = f"{m.name}: worth of {len(m.learnt):,} train rows for {len(m.scored):,} others"
        pictures["row_values.png"] = values_picture(values, title)
    return Findings(findings_frame("low_value", [m.ids[at] for at in m.learnt[order]], values[order].tolist(), evidence), pictures)
