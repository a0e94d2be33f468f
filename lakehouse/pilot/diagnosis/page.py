"""The page of a diagnosis: one HTML file that needs nothing else, with the first findings of every kind, their texts and their traces."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import polars as pl

from lakehouse.pilot.diagnosis.findings import Findings
from lakehouse.pilot.diagnosis.kinds import FindingKind, Kind
from lakehouse.pilot.diagnosis.kinds_by_label_type import KINDS_BY_LABEL_TYPE, headline
from lakehouse.pilot.diagnosis.material import Material
from lakehouse.reserve.bronze import table as bronze

PAGE = "diagnosis.html"
"""Its name among the artifacts of the run."""
_FINDINGS, _MEMBERS, _CHARACTERS = 10, 3, 400
_HIDDEN = "(left out)"


def render_page(m: Material[Any], found: Mapping[Kind, Findings], summary: Mapping[str, Any]) -> str:
    """The page as HTML, every text of the data escaped.

    A text whose column may hold a privacy class is left out, and so are its words.
    """
    known = [v.manifest.get("privacy") or {} for v in (m.version, m.frozen) if v]
    hidden = sorted({str(c) for of in known for column in m.view.columns for c in of.get(column, [])})
    listed = {kind: _first(each.table) for kind, each in found.items()}
    rows = _rows(m, _named(listed), hidden=bool(hidden))
    every = pl.concat([each.table for each in found.values()]).filter(pl.col("_row_id").is_not_null())
    several = dict(every.group_by("_row_id").agg(pl.col("kind").n_unique()).iter_rows())
    kinds = KINDS_BY_LABEL_TYPE[m.view.label_type.name]
    sections = [
        {
            "kind": kind,
            "title": kinds[kind].title,
            "how": kinds[kind].how,
            "count": each.table.height,
            "said": [] if hidden and kind == "leak" else kinds[kind].sentences(each.notes),
            "pictures": _pictures({} if hidden and kind == "leak" else each.pictures),
            "findings": [_finding(kind, kinds[kind], one, rows, several, bool(hidden)) for one in listed[kind]],
        }
        for kind, each in found.items()
    ]
    return str(
        _template().render(
            name=m.name,
            dataset=m.version.dataset,
            version=m.version.version,
            content=m.version.content_id[:12],
            columns=m.view.columns,
            label=m.label,
            summary=summary,
            headline=headline(summary),
            hidden=hidden,
            sections=sections,
        )
    )


@lru_cache(maxsize=1)
def _template() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("lakehouse.pilot.diagnosis", ".")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True).get_template("page.html.j2")


def _first(findings: pl.DataFrame) -> list[dict[str, Any]]:
    return [{**row, "evidence": json.loads(row["evidence"])} for row in findings.head(_FINDINGS).iter_rows(named=True)]


def _named(listed: Mapping[Kind, Sequence[Mapping[str, Any]]]) -> list[str]:
    """The rows that the page shows."""
    ids = [one["_row_id"] for ones in listed.values() for one in ones if one["_row_id"]]
    members = [row for ones in listed.values() for one in ones for row in one["evidence"].get("rows", [])[:_MEMBERS]]
    pushed = [e["row"] for one in listed["influence"] for e in one["evidence"]["errors"][:_MEMBERS]]
    return list(dict.fromkeys([*ids, *members, *pushed]))


def _finding(
    kind: Kind, of: FindingKind, one: Mapping[str, Any], rows: Mapping[str, Any], several: Mapping[str, int], hidden: bool
) -> dict[str, Any]:
    evidence = dict(one["evidence"])
    members = [rows[row] for row in evidence.get("rows", [])[:_MEMBERS] if row in rows]
    if kind == "influence":
        members = [rows[e["row"]] for e in evidence["errors"][:_MEMBERS] if e["row"] in rows]
    if hidden:
        evidence |= {name: _HIDDEN if name == "term" else [_HIDDEN] for name in ("term", "terms") if name in evidence}
    row = one["_row_id"]
    return {
        "words": of.words(evidence),
        "row": rows.get(row) if row else None,
        "rows": members,
        "also": several.get(row, 1) - 1 if row else 0,
    }


def _pictures(pictures: Mapping[str, bytes]) -> list[dict[str, str]]:
    return [{"name": name.removesuffix(".png"), "data": base64.b64encode(png).decode()} for name, png in pictures.items()]


def _rows(m: Material[Any], ids: Sequence[str], *, hidden: bool) -> dict[str, dict[str, Any]]:
    """Text, split, file and merged rows of each row shown."""
    wanted = pl.col("_row_id").is_in(pl.Series(ids, dtype=pl.String).implode())
    begin = (m.view.shown().str.slice(0, _CHARACTERS) if not hidden else pl.lit(None, pl.String)).alias("_shown")
    own = m.rows.filter(wanted).select("_row_id", begin, split="_split")
    frozen = (
        m.sets["held_out"].rows.filter(wanted).select("_row_id", begin, split=pl.lit("held_out")) if "held_out" in m.sets else own.clear()
    )
    files, merged = _files(m, ids), _merged(m, ids)
    return {
        row: {
            "id": row,
            "text": text,
            "split": split,
            "source": row.partition("/")[0],
            "uri": files.get(row.partition("#")[0]),
            "merged": merged.get(row, []),
        }
        for row, text, split in pl.concat([frozen, own]).iter_rows()
    }


def _files(m: Material[Any], ids: Sequence[str]) -> dict[str, str]:
    """The file that each row was collected from, by its root."""
    roots = pl.DataFrame({"_row_id": sorted({row.partition("#")[0] for row in ids})}, schema={"_row_id": pl.String})
    out: dict[str, str] = {}
    for (source,), of in roots.group_by(pl.col("_row_id").str.split("/").list.first()):
        table = bronze.table(m.project, str(source))
        if table.exists():
            found = table.scan().filter(pl.col("_row_id").is_in(of["_row_id"].implode())).select("_row_id", "_uri", "_collection").collect()
            out |= dict(found.sort("_collection").select("_row_id", "_uri").iter_rows())
    return out


def _merged(m: Material[Any], ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """How many rows were merged into each, by step and rule, where the fates are those of this version."""
    fates = m.project.table("silver", f"{m.version.dataset}_fates")
    if not m.with_contradictions or not fates.exists():
        return {}
    into = (pl.col("fate") == "merged") & pl.col("other").is_in(pl.Series(ids, dtype=pl.String).implode())
    counted = fates.scan().filter(into).group_by("other", "step", "rule").len().sort("other", "step", "rule").collect()
    out: dict[str, list[dict[str, Any]]] = {}
    for row, step, rule, rows in counted.iter_rows():
        out.setdefault(row, []).append({"step": step, "rule": rule, "rows": rows})
    return out
