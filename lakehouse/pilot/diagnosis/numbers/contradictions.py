"""Rows whose duplicates had other numbers."""

from __future__ import annotations

import polars as pl

from lakehouse.pilot.diagnosis.contradictions import NO_CONTRADICTIONS, contradictions
from lakehouse.pilot.diagnosis.findings import Found, findings
from lakehouse.pilot.diagnosis.material import Material
from lakehouse.pilot.diagnosis.numbers.judged import JudgedNumbers


def contradiction_findings(m: Material[JudgedNumbers]) -> Found:
    """Rows into which rows with other numbers were merged, where they are looked for; numbers are compared as numbers, however written."""
    as_text = pl.col(m.label).cast(pl.Float64, strict=False).cast(pl.String)
    found = NO_CONTRADICTIONS
    if m.looks:
        dataset = m.project.dataset(m.version.dataset)
        found = contradictions(m.project, dataset, m.rows.with_columns(as_text), m.label, as_text)
    evidence = [
        {
            "given": m.judged.number(float(row["given"])),
            "suggested": None if row["suggested"] is None else m.judged.number(float(row["suggested"])),
            "labels": {each["label"]: each["rows"] for each in row["labels"]},
            "merged": row["merged"],
        }
        for row in found.iter_rows(named=True)
    ]
    return Found(findings("contradiction", found["_row_id"].to_list(), found["share"].to_list(), evidence))
