"""The kinds of finding where labels are tags of tokens; the others say why they are not looked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lakehouse.pilot.diagnosis.findings import Found, findings
from lakehouse.pilot.diagnosis.kinds import KINDS, Kind, KindOf
from lakehouse.pilot.diagnosis.material import Material
from lakehouse.pilot.diagnosis.tags.label_errors import tag_findings
from lakehouse.pilot.diagnosis.tags.slices import slice_findings

_SHOWN = 3


def _label_error(e: Mapping[str, Any]) -> str:
    said = [
        f"`{t['token']}` given {t['given']} ({t['p_given']:.3f}), suggested {t['suggested']} ({t['p_suggested']:.3f})" for t in e["tokens"]
    ]
    more = f"; {e['wrong'] - _SHOWN:,} more" if e["wrong"] > _SHOWN else ""
    return "; ".join(said[:_SHOWN]) + more


def _slice(e: Mapping[str, Any]) -> str:
    return f"{e['slice']}: {e['size']:,} rows, {e['error']:.1%} of a row's tokens wrong, p {e['p']:.1g}"


def _coverage(e: Mapping[str, Any]) -> str:
    about = ", ".join(e["terms"]) or "no token tells them"
    elsewhere = f" (elsewhere {e['error_elsewhere']:.1%})" if "error_elsewhere" in e else ""
    where = f"distance {e['distance']:.2f} of {e['reach']:.2f}"
    return f"{e['set']}, {e['size']:,} rows about {about}: {e['error']:.1%} of a row's tokens wrong{elsewhere}, {where}"


def _coverage_said(said: Mapping[str, Any]) -> list[str]:
    out = []
    for name, of in said.items():
        there = f"; {of['error_beyond']:.1%} of a row's tokens are wrong there, {of['error']:.1%} of all" if "error_beyond" in of else ""
        out.append(
            f"{name}: {of['beyond']:,} of {of['rows']:,} rows lie beyond the reach of the train rows ({of['expected']:,.1f} would by "
            f"chance), {of['in_regions']:,} of them in regions{there}."
        )
    return out


def _label_error_said(said: Mapping[str, Any]) -> list[str]:
    return [f"{said['tokens']:,} tokens."] if said else []


def _not_said(said: Mapping[str, Any]) -> list[str]:
    return [f"Not looked for: {said['not_looked_for']}."]


def _not_looked_for(kind: Kind, why: str) -> KindOf:
    def find(m: Material[Any]) -> Found:
        return Found(findings(kind, [], [], []), said={"not_looked_for": why})

    return replace(KINDS[kind], how="", find=find, sentences=_not_said)


_WHOLE = "it judges a row by its one label, and here each token has its own"

TAGS: Mapping[Kind, KindOf] = {
    "contradiction": _not_looked_for("contradiction", "tags of merged rows are not compared"),
    "label_error": replace(
        KINDS["label_error"],
        title="Rows with tags that are likely wrong",
        how="Confident learning over all tokens, by the marginal probabilities of random fields that have not seen the row; a row ranks by "
        "its worst token.",
        find=tag_findings,
        words=_label_error,
        ticket="rows with tags that are likely wrong",
        sentences=_label_error_said,
    ),
    "low_value": _not_looked_for("low_value", _WHOLE),
    "influence": _not_looked_for("influence", _WHOLE),
    "neighbours": _not_looked_for("neighbours", _WHOLE),
    "slice": replace(
        KINDS["slice"],
        title="Slices where more tokens are told wrong",
        how="SliceLine on the share of a row's tokens told wrong: conjunctions of source, number of entities predicted, number of tokens, "
        "and columns of few values, by a rank-sum test.",
        find=slice_findings,
        words=_slice,
    ),
    "coverage": replace(KINDS["coverage"], words=_coverage, sentences=_coverage_said),
    "drift": replace(
        KINDS["drift"],
        how=KINDS["drift"].how.removesuffix(".") + "; of the tags the share of tokens that have one.",
    ),
    "leak": _not_looked_for("leak", "a token that always has the same tag is what the model is to learn"),
}
