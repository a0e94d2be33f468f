"""Kinds of finding where labels are numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from lakehouse.pilot.diagnosis.contradictions import contradiction_findings
from lakehouse.pilot.diagnosis.coverage import coverage_kind
from lakehouse.pilot.diagnosis.drift import drift_kind
from lakehouse.pilot.diagnosis.influence import influence_findings
from lakehouse.pilot.diagnosis.kinds import (
    FindingKind,
    Kind,
    contradiction_words,
    leak_sentences,
)
from lakehouse.pilot.diagnosis.neighbours import neighbour_findings
from lakehouse.pilot.diagnosis.numbers.column_leaks import number_leaks
from lakehouse.pilot.diagnosis.numbers.influence import RidgeInfluence
from lakehouse.pilot.diagnosis.numbers.label_errors import number_findings
from lakehouse.pilot.diagnosis.numbers.neighbours import far_from_others
from lakehouse.pilot.diagnosis.numbers.row_values import values_for_numbers
from lakehouse.pilot.diagnosis.numbers.slices import number_slices
from lakehouse.pilot.diagnosis.row_values import value_findings
from lakehouse.pilot.diagnosis.slices import slice_findings

_N = ",.12g"
"""Format of a number in the label's unit: whole, and of a float all that is stored but the noise of its last digits."""


def _label_error(e: Mapping[str, Any]) -> str:
    usual = f"{e['z']:.1f} times the {e['usual']:{_N}} usual there"
    return f"given {e['given']:{_N}}, suggested {e['suggested']:{_N}}: off by {e['off']:+{_N}}, {usual}"


def _low_value(e: Mapping[str, Any]) -> str:
    return f"given {e['given']:{_N}}, value {e['value']:.2e}"


def _influence(e: Mapping[str, Any]) -> str:
    row = f"given {e['given']:{_N}}, adds {e['total']:.3g} to the squared error, pushes {e['pushed']:,} rows farther off"
    return row + (f", most {e['errors'][0]['row']} ({e['errors'][0]['given']:{_N}})" if e["errors"] else "")


def _neighbours(e: Mapping[str, Any]) -> str:
    between = f"{min(e['labels']):{_N}} to {max(e['labels']):{_N}}"
    return f"given {e['given']:{_N}}, {len(e['labels'])} neighbours have {between}, their middle {e['suggested']:{_N}} (z {e['z']:.1f})"


def _slice(e: Mapping[str, Any]) -> str:
    return f"{e['slice']}: {e['size']:,} rows, off by {e['error']:{_N}} on average, p {e['p']:.1g}"


def _error_of_region(e: Mapping[str, Any]) -> str:
    elsewhere = f"; elsewhere {e['error_elsewhere']:{_N}}" if "error_elsewhere" in e else ""
    return f"off by {e['error']:{_N}} on average{elsewhere}"


def _error_beyond(of: Mapping[str, Any]) -> str:
    return f"; it is off by {of['error_beyond']:{_N}} there, by {of['error']:{_N}} on all" if "error_beyond" in of else ""


def _leak(e: Mapping[str, Any]) -> str:
    without = f"; without it the rows scored are off by {e['error_without']:{_N}}, with it by {e['error']:{_N}}" if "error" in e else ""
    return f"`{e['term']}` by itself tells {e['precision']:.1%} of the variance of {e['size']:,} train rows{without}"


def _influence_sentences(notes: Mapping[str, Any]) -> list[str]:
    if not notes:
        return []
    return [f"{notes['scored']:,} {notes['set']} rows: the model of the train rows is off by {notes['error']:{_N}} on average."]


NUMBERS: Mapping[Kind, FindingKind] = {
    "contradiction": FindingKind(
        title="Rows whose duplicates have other labels",
        how="Rows into which de-duplication merged rows with other labels, and whose own label is not that of more than half.",
        # Numbers are compared as numbers, however they are written.
        find=lambda m: contradiction_findings(m, pl.col(m.label).cast(pl.Float64, strict=False).cast(pl.String)),
        words=contradiction_words,
        ticket="rows whose duplicates have other labels",
    ),
    "label_error": FindingKind(
        title="Labels that are likely wrong",
        how="Residuals of models that have not seen the row, by the sum of what the models do not know there (epistemic) and what rows "
        "like it vary by (aleatoric), 3.5 times the usual or more.",
        find=number_findings,
        words=_label_error,
        ticket="labels that are likely wrong",
    ),
    "low_value": FindingKind(
        title="Train rows that make the model worse",
        how="KNN-Shapley: what a train row takes off the squared error of a nearest-neighbour model on the rows scored; the lowest, below "
        "zero.",
        find=lambda m: value_findings(m, values_for_numbers(m), digits=4),
        words=_low_value,
        ticket="train rows that make the model worse",
    ),
    "influence": FindingKind(
        title="Train rows that push the model into errors",
        how="What leaving a train row out of a ridge regression would take off the squared error of the rows scored, exactly; below each, "
        "rows it pushes most.",
        find=lambda m: influence_findings(m, RidgeInfluence()),
        words=_influence,
        ticket="train rows that push the model into errors",
        sentences=_influence_sentences,
    ),
    "neighbours": FindingKind(
        title="Rows whose number is far from their neighbours'",
        how="Rows whose label is outside those of the ten nearest rows of other groups, and 3.5 times the usual or more from their median.",
        find=lambda m: neighbour_findings(m, far_from_others(m)),
        words=_neighbours,
        ticket="rows whose number is far from their neighbours'",
    ),
    "slice": FindingKind(
        title="Slices where the model is farther off",
        how="SliceLine on absolute errors: conjunctions of source, fifths of the prediction, length, columns of few values and fifths of "
        "numbers in which models err more than elsewhere, by a rank-sum test.",
        find=lambda m: slice_findings(m, number_slices(m)),
        words=_slice,
        ticket="larger errors where {slice}",
        several=True,
    ),
    "coverage": coverage_kind(_error_of_region, _error_beyond),
    "drift": drift_kind(),
    "leak": FindingKind(
        title="What gives the number away",
        how="Columns by which a tree alone tells 98 % of the variance of rows it has not seen: likely filled in after the label. Terms of "
        "a text give no number away by themselves; those of most weight are listed.",
        find=number_leaks,
        words=_leak,
        ticket="`{term}` gives {class} away",
        several=True,
        sentences=leak_sentences,
    ),
}
