"""Rows with tokens whose tag is likely wrong.

Wang, Mueller: Detecting Label Errors in Token Classification Data (2022, arXiv 2210.03920): a row is as good as its worst token, by the
probability of the given tag; which tokens count is confident learning's to say, over all tokens.
"""

from __future__ import annotations

import numpy as np

from lakehouse.pilot.diagnosis.confident_learning import label_errors
from lakehouse.pilot.diagnosis.findings import Findings, findings_frame
from lakehouse.pilot.diagnosis.material import Material
from lakehouse.pilot.diagnosis.pictures import joint_picture
from lakehouse.pilot.diagnosis.tags.out_of_fold import OutOfFoldTags

_TOKENS = 10
"""Tokens named in the evidence of a row."""


def tag_findings(m: Material[OutOfFoldTags]) -> Findings:
    """Rows with a token whose tag is likely wrong, the worst token first, with those tokens."""
    judged = m.out_of_fold
    found = label_errors(judged.given, judged.probabilities)
    own = judged.probabilities[found.rows, judged.given[found.rows]]
    starts = np.searchsorted(judged.row, np.arange(len(judged.texts)))
    # Stable: tokens of a row, and rows, that are equally bad stay in the order of confident learning, the surest first.
    order = np.argsort(own, kind="stable")
    by_row: dict[int, list[int]] = {}
    for at in order.tolist():
        by_row.setdefault(int(judged.row[found.rows[at]]), []).append(at)
    tokens = m.rows[m.view.columns[0]]
    evidence = []
    for row, ats in by_row.items():  # findings are few
        said = tokens[row].to_list()
        worst = [
            {
                "at": int(found.rows[at] - starts[row]),
                "token": said[int(found.rows[at] - starts[row])],
                "given": judged.classes[judged.given[found.rows[at]]],
                "suggested": judged.classes[found.suggested[at]],
                "p_given": round(float(own[at]), 4),
                "p_suggested": round(float(judged.probabilities[found.rows[at], found.suggested[at]]), 4),
            }
            for at in ats[:_TOKENS]
        ]
        evidence.append(
            {
                "given": judged.label(row),
                "p_given": worst[0]["p_given"],
                "tokens": worst,
                "wrong": len(ats),
                "split": m.rows["_split"][row],
            }
        )
    made = findings_frame("label_error", [m.ids[row] for row in by_row], [float(own[ats[0]]) for ats in by_row.values()], evidence)
    picture = joint_picture(found.joint, judged.classes, f"{m.name}: tags, given and likely")
    return Findings(made, {"label_errors.png": picture}, {"tokens": len(found.rows)})
