"""The kinds of finding, and how all rows together are told of, by what the labels are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lakehouse.pilot.diagnosis.kinds import KINDS, Kind, KindOf
from lakehouse.pilot.diagnosis.numbers.kinds import NUMBERS
from lakehouse.pilot.diagnosis.tags.kinds import TAGS

KINDS_OF: Mapping[str, Mapping[Kind, KindOf]] = {"classes": KINDS, "numbers": NUMBERS, "tags": TAGS}
"""By the name of a Truth."""


def headline(summary: Mapping[str, Any]) -> str:
    """What a diagnosis says of all rows together."""
    return _HEADLINES[summary["truth"]](summary)


def _of_classes(said: Mapping[str, Any]) -> str:
    share = said["errors"] / said["rows"]
    return f"{said['rows']:,} labelled rows, of which models that have not seen them get {said['errors']:,} wrong ({share:.1%})"


def _of_numbers(said: Mapping[str, Any]) -> str:
    off = f"{said['mae']:.4g} on average (R2 {said['r2']:.3f}; the labels have a standard deviation of {said['label_std']:.4g})"
    return f"{said['rows']:,} labelled rows, from which models that have not seen them are off by {off}"


def _of_tags(said: Mapping[str, Any]) -> str:
    share, tokens = said["errors"] / said["tokens"], f"{said['tokens']:,} tokens"
    wrong = f"{said['errors']:,} wrong ({share:.1%}), in {said['rows_with_errors']:,} rows"
    return f"{said['rows']:,} labelled rows of {tokens}, of which models that have not seen them tag {wrong}"


_HEADLINES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {"classes": _of_classes, "numbers": _of_numbers, "tags": _of_tags}
