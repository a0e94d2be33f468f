"""The kinds of finding, in the order in which they are told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lakehouse.pilot.diagnosis.column_leaks import column_leaks
from lakehouse.pilot.diagnosis.contradictions import contradiction_findings
from lakehouse.pilot.diagnosis.coverage import coverage_findings
from lakehouse.pilot.diagnosis.drift import drift_findings
from lakehouse.pilot.diagnosis.findings import Found, findings
from lakehouse.pilot.diagnosis.influence import influence_findings
from lakehouse.pilot.diagnosis.label_errors import label_findings
from lakehouse.pilot.diagnosis.leaks import text_leaks
from lakehouse.pilot.diagnosis.material import Material
from lakehouse.pilot.diagnosis.neighbours import neighbour_findings
from lakehouse.pilot.diagnosis.row_values import value_findings
from lakehouse.pilot.diagnosis.slices import slice_findings
from lakehouse.pilot.diagnosis.views import PictureView

Kind = Literal["contradiction", "label_error", "low_value", "influence", "neighbours", "slice", "coverage", "drift", "leak"]


def _nothing(said: Mapping[str, Any]) -> list[str]:
    return []


@dataclass(frozen=True)
class KindOf:
    """What there is to know about a kind of finding.

    Attributes:
        title: of its findings together; `how` they are found, in a sentence.
        find: looks for them.
        words: the evidence of one in a sentence.
        ticket: the title of the ticket on them; for a kind about several rows that of the ticket on one, filled from its evidence.
        several: a finding is about several rows.
        sentences: what it says beside its findings (`Found.said`), in words.
    """

    title: str
    how: str
    find: Callable[[Material[Any]], Found]
    words: Callable[[Mapping[str, Any]], str]
    ticket: str
    several: bool = False
    sentences: Callable[[Mapping[str, Any]], list[str]] = _nothing


def _contradiction(e: Mapping[str, Any]) -> str:
    return f"given {e['given']}; all it stands for: {', '.join(f'{n} {name}' for name, n in e['labels'].items())}"


def _label_error(e: Mapping[str, Any]) -> str:
    return f"given {e['given']} ({e['p_given']:.3f}), suggested {e['suggested']} ({e['p_suggested']:.3f})"


def _low_value(e: Mapping[str, Any]) -> str:
    return f"given {e['given']}, value {e['value']:.2e}"


def _influence(e: Mapping[str, Any]) -> str:
    said = f"given {e['given']}, adds {e['total']:.3g} to the loss, pushes {e['pushed']:,} errors"
    return said + (f", most {e['errors'][0]['row']} ({e['errors'][0]['given']})" if e["errors"] else "")


def _neighbours(e: Mapping[str, Any]) -> str:
    others = sum(label != e["given"] for label in e["labels"])
    return f"given {e['given']}, {others} of {len(e['labels'])} neighbours have another label, most {e['suggested']}"


def _slice(e: Mapping[str, Any]) -> str:
    return f"{e['slice']}: {e['errors']:,} of {e['size']:,} rows wrong ({e['rate']:.1%}), p {e['p']:.1g}"


def _coverage(e: Mapping[str, Any]) -> str:
    about = ", ".join(e["terms"]) or "no word tells them"
    elsewhere = f" ({e['rate']:.1%}; elsewhere {e['rate_elsewhere']:.1%})" if "rate_elsewhere" in e else ""
    return (
        f"{e['set']}, {e['size']:,} rows about {about}: {e['errors']:,} wrong{elsewhere}, distance {e['distance']:.2f} of {e['reach']:.2f}"
    )


def _drift(e: Mapping[str, Any]) -> str:
    if "auc" in e:
        interval = f"{e['low']:.3f} to {e['high']:.3f}"
        return f"{e['set']}, {e['what']}: told from the train rows with AUC {e['auc']:.3f} ({interval}) by {', '.join(e['terms'])}"
    return f"{e['set']}, {e['what']}: PSI {e['psi']:.3f}, most at {e['place']}; {e['test']} p {e['p']:.1g}"


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


def _influence_said(said: Mapping[str, Any]) -> list[str]:
    return [f"{said['errors']:,} of {said['scored']:,} {said['set']} rows are told wrong by the model of the train rows."] if said else []


def _coverage_said(said: Mapping[str, Any]) -> list[str]:
    return [
        f"{name}: {of['beyond']:,} of {of['rows']:,} rows lie beyond the reach of the train rows ({of['expected']:,.1f} would by chance), "
        f"{of['in_regions']:,} of them in regions; {of.get('errors_beyond', 0):,} of its {of['errors']:,} errors are there."
        for name, of in said.items()
    ]


def _drift_said(said: Mapping[str, Any]) -> list[str]:
    return [
        f"{name}: a classifier tells its rows from the train rows with AUC {of['auc']:.3f} (95 % interval {of['low']:.3f} to "
        f"{of['high']:.3f}; 0.5 or less is not at all)."
        if "auc" in of
        else f"{name}: too few rows for a classifier to tell its rows from the train rows."
        for name, of in said.items()
    ]


def _leak_said(said: Mapping[str, Any]) -> list[str]:
    return [
        f"Most weight for {name}: {', '.join(f'{term} ({weight})' for term, weight in of)}." for name, of in said.get("terms", {}).items()
    ]


def _leaks(m: Material[Any]) -> Found:
    if isinstance(m.view, PictureView):
        return Found(findings("leak", [], [], []))  # what gives a class away in a picture is no word
    return column_leaks(m) if m.view.text is None else text_leaks(m, m.view.text)


KINDS: Mapping[Kind, KindOf] = {
    "contradiction": KindOf(
        "Rows whose duplicates have other labels",
        "Rows into which de-duplication merged rows with other labels, and whose own label is not that of more than half.",
        contradiction_findings,
        _contradiction,
        "rows whose duplicates have other labels",
    ),
    "label_error": KindOf(
        "Labels that are likely wrong",
        "Confident learning: another label reaches the confidence usual for it, by models that have not seen the row, and is the likelier.",
        label_findings,
        _label_error,
        "labels that are likely wrong",
    ),
    "low_value": KindOf(
        "Train rows that make the model worse",
        "KNN-Shapley: what a train row adds to the hits of a nearest-neighbour model on the rows scored; the lowest, below zero.",
        value_findings,
        _low_value,
        "train rows that make the model worse",
    ),
    "influence": KindOf(
        "Train rows that push the model into errors",
        "Influence functions: what leaving a train row out would take off the loss of the rows scored; below each, errors it pushes most.",
        influence_findings,
        _influence,
        "train rows that push the model into errors",
        sentences=_influence_said,
    ),
    "neighbours": KindOf(
        "Rows among rows of another label",
        "Rows whose ten nearest rows of other groups almost all have another label.",
        neighbour_findings,
        _neighbours,
        "rows among rows of another label",
    ),
    "slice": KindOf(
        "Slices where the model errs more",
        "SliceLine: conjunctions of source, label, length, columns of few values and fifths of numbers in which models err more than "
        "elsewhere.",
        slice_findings,
        _slice,
        "errors where {slice}",
        several=True,
    ),
    "coverage": KindOf(
        "Regions that the train rows hardly cover",
        "Rows scored that are farther from every train row than 99 % of train rows are from each other, where five or more lie together.",
        coverage_findings,
        _coverage,
        "{set} rows hardly covered: {terms}",
        several=True,
        sentences=_coverage_said,
    ),
    "drift": KindOf(
        "What tells the train rows from those scored",
        "A classifier of the two sides, and each column by itself (p after Holm at most 0.05, and a stability index of 0.1 at least).",
        drift_findings,
        _drift,
        "{set} rows differ in {what}",
        several=True,
        sentences=_drift_said,
    ),
    "leak": KindOf(
        "What gives a class away",
        "Terms or values 95 % of whose rows are of one class, and that come from one source or stand at one end of the texts; columns that "
        "tell the label by themselves: likely no property of the class.",
        _leaks,
        _leak,
        "`{term}` gives {class} away",
        several=True,
        sentences=_leak_said,
    ),
}
