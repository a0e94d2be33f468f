"""Kinds of finding where labels are classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lakehouse.pilot.diagnosis.classes.column_leaks import column_leaks
from lakehouse.pilot.diagnosis.classes.influence import LogisticInfluence
from lakehouse.pilot.diagnosis.classes.label_errors import label_findings
from lakehouse.pilot.diagnosis.classes.leaks import text_leaks
from lakehouse.pilot.diagnosis.classes.neighbours import among_other_classes
from lakehouse.pilot.diagnosis.classes.row_values import class_values
from lakehouse.pilot.diagnosis.classes.slices import class_slices
from lakehouse.pilot.diagnosis.contradictions import contradiction_findings
from lakehouse.pilot.diagnosis.coverage import coverage_kind
from lakehouse.pilot.diagnosis.drift import drift_kind
from lakehouse.pilot.diagnosis.findings import Findings, findings_frame
from lakehouse.pilot.diagnosis.influence import influence_findings
from lakehouse.pilot.diagnosis.kinds import (
    FindingKind,
    Kind,
    contradiction_words,
    leak_sentences,
)
from lakehouse.pilot.diagnosis.material import Material
from lakehouse.pilot.diagnosis.neighbours import neighbour_findings
from lakehouse.pilot.diagnosis.row_values import value_findings
from lakehouse.pilot.diagnosis.slices import slice_findings


def _label_error(e: Mapping[str, Any]) -> str:
    return f"given {e['given']} ({e['p_given']:.3f}), suggested {e['suggested']} ({e['p_suggested']:.3f})"


def _low_value(e: Mapping[str, Any]) -> str:
    return f"given {e['given']}, value {e['value']:.2e}"


def _influence(e: Mapping[str, Any]) -> str:
    row = f"given {e['given']}, adds {e['total']:.3g} to the loss, pushes {e['pushed']:,} errors"
    return row + (f", most {e['errors'][0]['row']} ({e['errors'][0]['given']})" if e["errors"] else "")


def _neighbours(e: Mapping[str, Any]) -> str:
    others = sum(label != e["given"] for label in e["labels"])
    return f"given {e['given']}, {others} of {len(e['labels'])} neighbours have another label, most {e['suggested']}"


def _slice(e: Mapping[str, Any]) -> str:
    return f"{e['slice']}: {e['errors']:,} of {e['size']:,} rows wrong ({e['rate']:.1%}), p {e['p']:.1g}"


def _errors_of_region(e: Mapping[str, Any]) -> str:
    elsewhere = f" ({e['rate']:.1%}; elsewhere {e['rate_elsewhere']:.1%})" if "rate_elsewhere" in e else ""
    return f"{e['errors']:,} wrong{elsewhere}"


def _errors_beyond(of: Mapping[str, Any]) -> str:
    return f"; {of.get('errors_beyond', 0):,} of its {of['errors']:,} errors are there"


def _leak(e: Mapping[str, Any]) -> str:
    if e.get("alone"):
        return (
            f"`{e['term']}` by itself tells {e['precision']:.1%} of the {e['size']:,} train rows right; without it {e['changed']:,} of "
            f"{e['scored']:,} rows scored are told otherwise"
        )
    places = [f"only in {e['only_in']}" if e["only_in"] else "", f"at the {e['place']} of the text" if e["place"] else ""]
    where = " and ".join(p for p in places if p)
    return (
        f"`{e['term']}`, {where}: {e['precision']:.1%} of its {e['size']:,} rows are {e['class']}, {e['recall']:.1%} of that class; "
        f"without it {e['changed']:,} of {e['scored']:,} rows scored are told otherwise"
    )


def _influence_sentences(notes: Mapping[str, Any]) -> list[str]:
    if not notes:
        return []
    return [f"{notes['errors']:,} of {notes['scored']:,} {notes['set']} rows are told wrong by the model of the train rows."]


def _leaks(m: Material[Any]) -> Findings:
    if not m.view.terms:
        return Findings(findings_frame("leak", [], [], []))
    return column_leaks(m) if m.view.text is None else text_leaks(m, m.view.text)


CLASSES: Mapping[Kind, FindingKind] = {
    "contradiction": FindingKind(
        title="Rows whose duplicates have other labels",
        how="Rows into which de-duplication merged rows with other labels, and whose own label is not that of more than half.",
        find=contradiction_findings,
        words=contradiction_words,
        ticket="rows whose duplicates have other labels",
    ),
    "label_error": FindingKind(
        title="Labels that are likely wrong",
        how="Confident learning: another label reaches the confidence usual for it, by models that have not seen the row, and is the "
        "likelier.",
        find=label_findings,
        words=_label_error,
        ticket="labels that are likely wrong",
    ),
    "low_value": FindingKind(
        title="Train rows that make the model worse",
        how="KNN-Shapley: what a train row adds to the hits of a nearest-neighbour model on the rows scored; the lowest, below zero.",
        find=lambda m: value_findings(m, class_values(m)),
        words=_low_value,
        ticket="train rows that make the model worse",
    ),
    "influence": FindingKind(
        title="Train rows that push the model into errors",
        how="Influence functions: what leaving a train row out would take off the loss of the rows scored; below each, errors it pushes "
        "most.",
        find=lambda m: influence_findings(m, LogisticInfluence()),
        words=_influence,
        ticket="train rows that push the model into errors",
        sentences=_influence_sentences,
    ),
    "neighbours": FindingKind(
        title="Rows among rows of another label",
        how="Rows whose ten nearest rows of other groups almost all have another label.",
        find=lambda m: neighbour_findings(m, among_other_classes(m)),
        words=_neighbours,
        ticket="rows among rows of another label",
    ),
    "slice": FindingKind(
        title="Slices where the model errs more",
        how="SliceLine: conjunctions of source, label, length, columns of few values and fifths of numbers in which models err more than "
        "elsewhere.",
        find=lambda m: slice_findings(m, class_slices(m)),
        words=_slice,
        ticket="errors where {slice}",
        several=True,
    ),
    "coverage": coverage_kind(_errors_of_region, _errors_beyond),
    "drift": drift_kind(),
    "leak": FindingKind(
        title="What gives a class away",
        how="Terms or values 95 % of whose rows are of one class, and that come from one source or stand at one end of the texts; columns "
        "that tell the label by themselves: likely no property of the class.",
        find=_leaks,
        words=_leak,
        ticket="`{term}` gives {class} away",
        several=True,
        sentences=leak_sentences,
    ),
}
