"""The kinds of finding and the headline of a diagnosis, by the type of the labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lakehouse.pilot.diagnosis.classes.kinds import CLASSES
from lakehouse.pilot.diagnosis.kinds import FindingKind, Kind
from lakehouse.pilot.diagnosis.numbers.kinds import NUMBERS
from lakehouse.pilot.diagnosis.tags.kinds import TAGS

KINDS_BY_LABEL_TYPE: Mapping[str, Mapping[Kind, FindingKind]] = {"classes": CLASSES, "numbers": NUMBERS, "tags": TAGS}
"""By the name of a LabelType."""


def headline(summary: Mapping[str, Any]) -> str:
    """The errors of all rows together, in a sentence."""
    return _HEADLINES[summary["label_type"]](summary)


def _of_classes(summary: Mapping[str, Any]) -> str:
    share = summary["errors"] / summary["rows"]
    return f"{summary['rows']:,} labelled rows, of which models that have not seen them get {summary['errors']:,} wrong ({share:.1%})"


def _of_numbers(summary: Mapping[str, Any]) -> str:
    off = f"{summary['mae']:.4g} on average (R2 {summary['r2']:.3f}; the labels have a standard deviation of {summary['label_std']:.4g})"
    return f"{summary['rows']:,} labelled rows, from which models that have not seen them are off by {off}"


def _of_tags(summary: Mapping[str, Any]) -> str:
    share, tokens = summary["errors"] / summary["tokens"], f"{summary['tokens']:,} tokens"
    wrong = f"{summary['errors']:,} wrong ({share:.1%}), in {summary['rows_with_errors']:,} rows"
    return f"{summary['rows']:,} labelled rows of {tokens}, of which models that have not seen them tag {wrong}"


_HEADLINES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {"classes": _of_classes, "numbers": _of_numbers, "tags": _of_tags}
