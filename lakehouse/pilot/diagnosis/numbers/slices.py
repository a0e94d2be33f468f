"""Slices of the rows where models are farther off than elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from lakehouse.pilot.diagnosis.findings import Found, findings
from lakehouse.pilot.diagnosis.material import Material
from lakehouse.pilot.diagnosis.numbers.judged import JudgedNumbers
from lakehouse.pilot.diagnosis.numbers.label_errors import standing_out
from lakehouse.pilot.diagnosis.numbers.robust import FAR, chance
from lakehouse.pilot.diagnosis.pictures import slices_picture
from lakehouse.pilot.diagnosis.slices import MEMBERS, features_of, level_of, rank_sum, slices, told_of
from lakehouse.pilot.diagnosis.views import bins

PREDICTED = "predicted"


def slice_findings(m: Material[JudgedNumbers]) -> Found:
    """Slices in which models are farther off than elsewhere, rows farthest off first.

    Fifths are those of the prediction, not of the label: any model is farther off where labels are extreme (regression towards the mean).
    """
    judged, error = m.judged, m.judged.error
    z, _ = standing_out(error, judged.spread, judged.noise)
    told = bins(pl.Series(PREDICTED, [judged.number(value) for value in judged.predicted]))
    features = features_of(m.rows, m.view, told)
    found = slices(features, error, rank_sum, level=level_of(features))
    evidence: list[dict[str, Any]] = []
    for one in found:
        members = one.members(features)
        members = members[np.argsort(-error[members], kind="stable")][:MEMBERS]
        evidence.append(
            {
                **told_of(one),
                **m.view.truth.measured(error[one.members(features)]),
                "rows": [m.ids[at] for at in members],
                "given": [judged.label(int(at)) for at in members],
                "suggested": [judged.number(judged.predicted[at]) if z[at] > FAR else None for at in members],
                "p_given": [float(f"{p:.3g}") for p in chance(z[members])],
            }
        )
    pictures = {}
    if found:
        shown = [(e["slice"], e["error"], e["size"]) for e in evidence]
        title = f"{m.name}: slices with larger errors"
        pictures["slices.png"] = slices_picture(shown, float(error.mean()), title, "mean absolute error")
    return Found(findings("slice", [None] * len(found), [one.score for one in found], evidence), pictures)
