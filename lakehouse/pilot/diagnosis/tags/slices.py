"""Slices of the rows where models tag more tokens wrong than elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from lakehouse.pilot.diagnosis.findings import Found, findings
from lakehouse.pilot.diagnosis.material import Material
from lakehouse.pilot.diagnosis.pictures import slices_picture
from lakehouse.pilot.diagnosis.slices import MEMBERS, features_of, level_of, rank_sum, slices, told_of
from lakehouse.pilot.diagnosis.tags.judged import JudgedTags
from lakehouse.pilot.diagnosis.tags.view import TokensView
from lakehouse.pilot.diagnosis.views import bins

ENTITIES = "entities predicted"


def slice_findings(m: Material[JudgedTags]) -> Found:
    """Slices with a larger share of tokens told wrong, the rows with most first.

    Entities are counted as predicted: a tag that was forgotten would make a slice of itself.
    """
    assert isinstance(m.view, TokensView)
    error = m.judged.error
    judged = m.judged
    begins = np.array([tag.startswith("B-") for tag in judged.classes])[judged.probabilities.argmax(axis=1)]
    entities = pl.Series(ENTITIES, np.bincount(judged.row, begins, minlength=m.rows.height).astype(np.int64))
    rows = m.view.plain(m.rows)
    features = features_of(rows, m.view, bins(entities))
    features = features.with_columns(bins(rows[m.view.length(m.rows)]))
    found = slices(features, error, rank_sum, level=level_of(features))
    evidence: list[dict[str, Any]] = []
    for one in found:
        members = one.members(features)
        shown = members[np.argsort(-error[members], kind="stable")][:MEMBERS]
        rows_of = {"rows": [m.ids[at] for at in shown], "given": [m.given(int(at)) for at in shown]}
        evidence.append({**told_of(one), **m.view.truth.measured(error[members]), **rows_of})
    pictures = {}
    if found:
        bars = [(e["slice"], e["error"], e["size"]) for e in evidence]
        title = f"{m.name}: slices with more tokens wrong"
        pictures["slices.png"] = slices_picture(bars, float(error.mean()), title, "share of a row's tokens that the model tags wrong")
    return Found(findings("slice", [None] * len(found), [one.score for one in found], evidence), pictures)
