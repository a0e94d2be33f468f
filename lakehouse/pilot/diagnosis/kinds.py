"""Kinds of finding, in the order in which they are reported, and the words that label types share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from lakehouse.pilot.diagnosis.findings import Findings
from lakehouse.pilot.diagnosis.material import Material

Kind = Literal["contradiction", "label_error", "low_value", "influence", "neighbours", "slice", "coverage", "drift", "leak"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Words = Callable[[Mapping[str, Any]], str]


def _no_sentences(notes: Mapping[str, Any]) -> list[str]:
    return []


@dataclass(frozen=True, kw_only=True)
class FindingKind:
    """One kind of finding for labels of one type.

    Attributes:
        title: of its findings together.
        how: the method, in a sentence.
        find: looks for them.
        words: the evidence of one in a sentence.
        ticket: the title of the ticket on them; for a kind about several rows that of the ticket on one, filled from its evidence.
        several: a finding is about several rows.
        sentences: `Findings.notes` in words.
    """

    title: str
    how: str
    find: Callable[[Material[Any]], Findings]
    words: Words
    ticket: str
    several: bool = False
    sentences: Callable[[Mapping[str, Any]], list[str]] = _no_sentences


def contradiction_words(e: Mapping[str, Any]) -> str:
    """A row whose duplicates have other labels, in a sentence."""
    return f"given {e['given']}; all it stands for: {', '.join(f'{n} {name}' for name, n in e['labels'].items())}"


def leak_sentences(notes: Mapping[str, Any]) -> list[str]:
    """The terms or columns of most weight, a sentence a class."""
    return [
        f"Most weight for {name}: {', '.join(f'{term} ({weight})' for term, weight in of)}." for name, of in notes.get("terms", {}).items()
    ]
