"""Kinds of finding where labels are tags of tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lakehouse.pilot.diagnosis.coverage import coverage_kind
from lakehouse.pilot.diagnosis.drift import drift_kind
from lakehouse.pilot.diagnosis.findings import Findings, findings_frame
from lakehouse.pilot.diagnosis.kinds import FindingKind, Kind
from lakehouse.pilot.diagnosis.material import Material
from lakehouse.pilot.diagnosis.slices import slice_findings
from lakehouse.pilot.diagnosis.tags.label_errors import tag_findings
from lakehouse.pilot.diagnosis.tags.slices import tag_slices

_SHOWN = 3


def _label_error(e: Mapping[str, Any]) -> str:
    tokens = [
        f"`{t['token']}` given {t['given']} ({t['p_given']:.3f}), suggested {t['suggested']} ({t['p_suggested']:.3f})" for t in e["tokens"]
    ]
    more = f"; {e['wrong'] - _SHOWN:,} more" if e["wrong"] > _SHOWN else ""
    return "; ".join(tokens[:_SHOWN]) + more


def _slice(e: Mapping[str, Any]) -> str:
    return f"{e['slice']}: {e['size']:,} rows, {e['error']:.1%} of a row's tokens wrong, p {e['p']:.1g}"


def _error_of_region(e: Mapping[str, Any]) -> str:
    elsewhere = f" (elsewhere {e['error_elsewhere']:.1%})" if "error_elsewhere" in e else ""
    return f"{e['error']:.1%} of a row's tokens wrong{elsewhere}"


def _error_beyond(of: Mapping[str, Any]) -> str:
    return f"; {of['error_beyond']:.1%} of a row's tokens are wrong there, {of['error']:.1%} of all" if "error_beyond" in of else ""


def _label_error_sentences(notes: Mapping[str, Any]) -> list[str]:
    return [f"{notes['tokens']:,} tokens."] if notes else []


def _why_not(notes: Mapping[str, Any]) -> list[str]:
    return [f"Not looked for: {notes['not_looked_for']}."]


def _not_looked_for(kind: Kind, *, title: str, why: str, ticket: str, several: bool = False) -> FindingKind:
    """A kind that has no findings here, with the reason."""

    def find(m: Material[Any]) -> Findings:
        return Findings(findings_frame(kind, [], [], []), notes={"not_looked_for": why})

    return FindingKind(title=title, how="", find=find, words=lambda e: "", ticket=ticket, several=several, sentences=_why_not)


_WHOLE = "it judges a row by its one label, and here each token has its own"

TAGS: Mapping[Kind, FindingKind] = {
    "contradiction": _not_looked_for(
        "contradiction",
        title="Rows whose duplicates have other labels",
        why="tags of merged rows are not compared",
        ticket="rows whose duplicates have other labels",
    ),
    "label_error": FindingKind(
        title="Rows with tags that are likely wrong",
        how="Confident learning over all tokens, by the marginal probabilities of random fields that have not seen the row; a row ranks by "
        "its worst token.",
        find=tag_findings,
        words=_label_error,
        ticket="rows with tags that are likely wrong",
        sentences=_label_error_sentences,
    ),
    "low_value": _not_looked_for(
        "low_value", title="Train rows that make the model worse", why=_WHOLE, ticket="train rows that make the model worse"
    ),
    "influence": _not_looked_for(
        "influence", title="Train rows that push the model into errors", why=_WHOLE, ticket="train rows that push the model into errors"
    ),
    "neighbours": _not_looked_for(
        "neighbours", title="Rows among rows of another label", why=_WHOLE, ticket="rows among rows of another label"
    ),
    "slice": FindingKind(
        title="Slices where more tokens are told wrong",
        how="SliceLine on the share of a row's tokens told wrong: conjunctions of source, number of entities predicted, number of tokens, "
        "and columns of few values, by a rank-sum test.",
        find=lambda m: slice_findings(m, tag_slices(m)),
        words=_slice,
        ticket="errors where {slice}",
        several=True,
    ),
    "coverage": coverage_kind(_error_of_region, _error_beyond, word="token"),
    "drift": drift_kind("; of the tags the share of tokens that have one"),
    "leak": _not_looked_for(
        "leak",
        title="What gives a class away",
        why="a token that always has the same tag is what the model is to learn",
        ticket="`{term}` gives {class} away",
        several=True,
    ),
}
