"""Rows whose class is likely wrong, by confident learning."""

from __future__ import annotations

from lakehouse.pilot.diagnosis.classes.out_of_fold import OutOfFoldClasses
from lakehouse.pilot.diagnosis.confident_learning import label_errors
from lakehouse.pilot.diagnosis.findings import Findings, findings_frame
from lakehouse.pilot.diagnosis.material import Material
from lakehouse.pilot.diagnosis.pictures import joint_picture


def label_findings(m: Material[OutOfFoldClasses]) -> Findings:
    """Rows whose label is likely wrong, the surest first."""
    found, judged = label_errors(m.out_of_fold.given, m.out_of_fold.probabilities), m.out_of_fold
    evidence = [
        {
            "given": m.given(at),
            "suggested": judged.classes[other],
            "p_given": round(float(judged.probabilities[at, judged.given[at]]), 4),
            "p_suggested": round(float(judged.probabilities[at, other]), 4),
            "split": m.rows["_split"][int(at)],
        }
        for at, other in zip(found.rows, found.suggested, strict=True)
    ]
    made = findings_frame("label_error", [m.ids[at] for at in found.rows], found.margin.tolist(), evidence)
    picture = joint_picture(found.joint, judged.classes, f"{m.name}: labels, given and likely")
    return Findings(made, {"label_errors.png": picture}, {"joint": found.joint.tolist()})
