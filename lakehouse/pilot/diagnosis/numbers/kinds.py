"""The kinds of finding where labels are numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lakehouse.pilot.diagnosis.kinds import KINDS, Kind, KindOf
from lakehouse.pilot.diagnosis.numbers.column_leaks import number_leaks
from lakehouse.pilot.diagnosis.numbers.contradictions import contradiction_findings
from lakehouse.pilot.diagnosis.numbers.influence import influence_findings
from lakehouse.pilot.diagnosis.numbers.label_errors import number_findings
from lakehouse.pilot.diagnosis.numbers.neighbours import neighbour_findings
from lakehouse.pilot.diagnosis.numbers.row_values import value_findings
from lakehouse.pilot.diagnosis.numbers.slices import slice_findings

_N = ",.12g"
"""How a number of the label's unit is written: whole, and of a float all that is stored but the noise of its last digits."""


def _label_error(e: Mapping[str, Any]) -> str:
    usual = f"{e['z']:.1f} times the {e['usual']:{_N}} usual there"
    return f"given {e['given']:{_N}}, suggested {e['suggested']:{_N}}: off by {e['off']:+{_N}}, {usual}"


def _low_value(e: Mapping[str, Any]) -> str:
    return f"given {e['given']:{_N}}, value {e['value']:.2e}"


def _influence(e: Mapping[str, Any]) -> str:
    said = f"given {e['given']:{_N}}, adds {e['total']:.3g} to the squared error, pushes {e['pushed']:,} rows farther off"
    return said + (f", most {e['errors'][0]['row']} ({e['errors'][0]['given']:{_N}})" if e["errors"] else "")


def _neighbours(e: Mapping[str, Any]) -> str:
    between = f"{min(e['labels']):{_N}} to {max(e['labels']):{_N}}"
    return f"given {e['given']:{_N}}, {len(e['labels'])} neighbours have {between}, their middle {e['suggested']:{_N}} (z {e['z']:.1f})"


def _slice(e: Mapping[str, Any]) -> str:
    return f"{e['slice']}: {e['size']:,} rows, off by {e['error']:{_N}} on average, p {e['p']:.1g}"


def _coverage(e: Mapping[str, Any]) -> str:
    about = ", ".join(e["terms"]) or "no word tells them"
    elsewhere = f"; elsewhere {e['error_elsewhere']:{_N}}" if "error_elsewhere" in e else ""
    where = f"distance {e['distance']:.2f} of {e['reach']:.2f}"
    return f"{e['set']}, {e['size']:,} rows about {about}: off by {e['error']:{_N}} on average{elsewhere}, {where}"


def _leak(e: Mapping[str, Any]) -> str:
    without = f"; without it the rows scored are off by {e['error_without']:{_N}}, with it by {e['error']:{_N}}" if "error" in e else ""
    return f"`{e['term']}` by itself tells {e['precision']:.1%} of the variance of {e['size']:,} train rows{without}"


def _influence_said(said: Mapping[str, Any]) -> list[str]:
    return (
        [f"{said['scored']:,} {said['set']} rows: the model of the train rows is off by {said['error']:{_N}} on average."] if said else []
    )


def _coverage_said(said: Mapping[str, Any]) -> list[str]:
    out = []
    for name, of in said.items():
        there = f"; it is off by {of['error_beyond']:{_N}} there, by {of['error']:{_N}} on all" if "error_beyond" in of else ""
        out.append(
            f"{name}: {of['beyond']:,} of {of['rows']:,} rows lie beyond the reach of the train rows ({of['expected']:,.1f} would by "
            f"chance), {of['in_regions']:,} of them in regions{there}."
        )
    return out


NUMBERS: Mapping[Kind, KindOf] = {
    "contradiction": replace(KINDS["contradiction"], find=contradiction_findings),
    "label_error": replace(
        KINDS["label_error"],
        how="Residuals of models that have not seen the row, by the sum of what the models do not know there (epistemic) and what rows "
        "like it vary by (aleatoric), 3.5 times the usual or more.",
        find=number_findings,
        words=_label_error,
    ),
    "low_value": replace(
        KINDS["low_value"],
        how="KNN-Shapley: what a train row takes off the squared error of a nearest-neighbour model on the rows scored; the lowest, below "
        "zero.",
        find=value_findings,
        words=_low_value,
    ),
    "influence": replace(
        KINDS["influence"],
        how="What leaving a train row out of a ridge regression would take off the squared error of the rows scored, exactly; below each, "
        "rows it pushes most.",
        find=influence_findings,
        words=_influence,
        sentences=_influence_said,
    ),
    "neighbours": replace(
        KINDS["neighbours"],
        title="Rows whose number is far from their neighbours'",
        how="Rows whose label is outside those of the ten nearest rows of other groups, and 3.5 times the usual or more from their median.",
        find=neighbour_findings,
        words=_neighbours,
        ticket="rows whose number is far from their neighbours'",
    ),
    "slice": replace(
        KINDS["slice"],
        title="Slices where the model is farther off",
        how="SliceLine on absolute errors: conjunctions of source, fifths of the prediction, length, columns of few values and fifths of "
        "numbers in which models err more than elsewhere, by a rank-sum test.",
        find=slice_findings,
        words=_slice,
        ticket="larger errors where {slice}",
    ),
    "coverage": replace(KINDS["coverage"], words=_coverage, sentences=_coverage_said),
    "drift": KINDS["drift"],
    "leak": replace(
        KINDS["leak"],
        title="What gives the number away",
        how="Columns by which a tree alone tells 98 % of the variance of rows it has not seen: likely filled in after the label. Terms of "
        "a text give no number away by themselves; those of most weight are listed.",
        find=number_leaks,
        words=_leak,
    ),
}
