"""Reports from outside, of users or of a model in service: texts that went wrong become a ticket on the rows they point at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from lakehouse.core.errors import SpecError
from lakehouse.core.hashing import file_digest
from lakehouse.core.project import Project
from lakehouse.core.versions import Version
from lakehouse.core.versions import rows as rows_of
from lakehouse.operations.repair.tickets import Suspect, Ticket, open_ticket, tickets
from lakehouse.pilot.diagnose import view_of
from lakehouse.pilot.diagnosis.view import View

NEAREST = 5
"""Train rows that a text which is not in the dataset points at, at most."""
SIMILAR = 0.3
"""Cosine similarity of TF-IDF vectors below which a row is no neighbour."""
_FIELDS = ("row", "text", "label", "message")


def read_reports(path: Path) -> list[dict[str, str]]:
    """Reports from JSON lines (`.jsonl`) or CSV: `row` or `text`, and where known `label`, what is right, and `message`.

    Raises:
        SpecError: a line that is none of it, with its number.
    """
    fix = 'a report is {"row": ID} or {"text": TEXT}, with "label", what is right, and "message" where known'
    try:
        if path.suffix == ".csv":
            found: list[Any] = pl.read_csv(path, infer_schema=False).to_dicts()
        else:
            found = [_json(line, f"{path}:{n}") for n, line in enumerate(path.read_text("utf-8").split("\n"), 1) if line.strip()]
    except (OSError, UnicodeDecodeError, pl.exceptions.PolarsError) as error:
        raise SpecError(f"cannot be read: {str(error).splitlines()[0]}", where=str(path), fix="give JSON lines or CSV in UTF-8") from error
    out = []
    for number, each in enumerate(found, start=1):
        given = {name: str(value) for name, value in each.items() if value is not None} if isinstance(each, dict) else {}
        if ("row" in given) == ("text" in given) or not set(given) <= set(_FIELDS):
            raise SpecError(f"report {number} is none: {json.dumps(each, ensure_ascii=False)[:120]}", where=str(path), fix=fix)
        out.append(given)
    if not out:
        raise SpecError("holds no report", where=str(path), fix=fix)
    return out


def open_report(
    project: Project, version: Version, path: Path, *, origin: str = "user", title: str | None = None
) -> tuple[Ticket | None, dict[str, int]]:
    """Open a ticket for the reports of a file, on the rows of a version that they point at.

    A report that names a row, or whose text is that of a row, points at it, and its label is the suggested one. Any other text points at
    the nearest train rows (cosine of TF-IDF vectors) with another label than the right one, or, where that is not known, at all nearest;
    where labels are numbers it points at nothing, since near rows have other numbers anyway.

    Returns:
        The ticket, None where it stood already or nothing was pointed at; and how many reports were `rows`, `neighbours`, `nothing`.

    Raises:
        SpecError: a report that cannot be read.
        RecipeError: the dataset declares no `train` evaluation.
    """
    reports = read_reports(path)
    view = view_of(project.dataset(version.dataset))
    text, label = view.text, view.label
    if text is None and any("row" not in report for report in reports):
        raise SpecError("a report names no row, and this dataset has no text that would find it", where=str(path), fix="give `row`")
    gold = rows_of(project, version).sort("_row_id").collect()
    view.learner.check(f"{version.dataset} {version.label}", gold)
    rows = view.label_type.labelled(gold, label)
    at = {row: i for i, row in enumerate(rows["_row_id"])}
    by_text = {value: i for i, value in enumerate(rows[text])} if text else {}
    found: dict[int, str | float | None] = {}
    counts = {"rows": 0, "neighbours": 0, "nothing": 0}
    others: list[dict[str, str]] = []
    for report in reports:
        place = at.get(report["row"]) if "row" in report else by_text.get(report["text"])
        if place is not None:
            found[place] = _suggested(report, rows.schema[label], path)
            counts["rows"] += 1
        elif "text" in report and view.label_type.name == "classes":
            others.append(report)
        else:
            counts["nothing"] += 1
    for report, near in zip(others, _nearest(rows, [each["text"] for each in others], view), strict=True):
        pointed = [i for i in near if report.get("label") is None or rows[label][i] != report["label"]]
        counts["neighbours" if pointed else "nothing"] += 1
        found |= {i: None for i in pointed if i not in found}
    given = view.label_type.plain_labels(rows[label])
    suspects = [
        Suspect(row=rows["_row_id"][i], given=given[i], suggested=suggested, p_given=None, split=rows["_split"][i])
        for i, suggested in sorted(found.items())
    ]
    evidence = {"origin": origin, "file": path.name, "digest": file_digest(path), "reports": reports[:200], **counts}
    known = {each.ticket for each in tickets(project, version.dataset)}
    return open_ticket(project, version, "report", title or f"{origin} report {path.name}", suspects, evidence, known), counts


def _suggested(report: dict[str, str], kind: pl.DataType, path: Path) -> str | float | None:
    """The label of a report in the type of the column.

    Raises:
        SpecError: it is none of that type.
    """
    if (reported := report.get("label")) is None:
        return None
    if isinstance(kind, pl.List):
        raise SpecError("a report gives one label, and here each token has its own", where=str(path), fix="leave out `label`")
    made: str | float | None = pl.Series([reported], dtype=pl.String).cast(kind, strict=False)[0]
    if made is None:
        raise SpecError(f"the label {reported!r} of a report is no {kind}", where=str(path), fix="give the label as the dataset writes it")
    return made


def _nearest(rows: pl.DataFrame, texts: list[str], view: View) -> list[list[int]]:
    """The rows of the train split nearest to each text, nearest first."""
    if not texts:
        return []
    learnt = rows.with_row_index("_at").filter(pl.col("_split") == "train")
    vectorizer, features = view.learner.learn_features(learnt)
    similar = (vectorizer.transform(texts) @ features.T).toarray()
    order = np.argsort(-similar, axis=1, kind="stable")[:, :NEAREST]
    places = learnt["_at"].to_list()
    return [[places[j] for j in nearest if similar[i, j] >= SIMILAR] for i, nearest in enumerate(order)]


def _json(line: str, where: str) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise SpecError(f"no JSON: {error}", where=where, fix="write one JSON object a line") from error
