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


def drift_words(e: Mapping[str, Any]) -> str:
    """A difference between the train rows and a set, in a sentence."""
    if "auc" in e:
        interval = f"{e['low']:.3f} to {e['high']:.3f}"
        return f"{e['set']}, {e['what']}: told from the train rows with AUC {e['auc']:.3f} ({interval}) by {', '.join(e['terms'])}"
    return f"{e['set']}, {e['what']}: PSI {e['psi']:.3f}, most at {e['place']}; {e['test']} p {e['p']:.1g}"


def drift_sentences(notes: Mapping[str, Any]) -> list[str]:
    """How well a classifier tells each set from the train rows, a sentence a set."""
    return [
        f"{name}: a classifier tells its rows from the train rows with AUC {of['auc']:.3f} (95 % interval {of['low']:.3f} to "
        f"{of['high']:.3f}; 0.5 or less is not at all)."
        if "auc" in of
        else f"{name}: too few rows for a classifier to tell its rows from the train rows."
        for name, of in notes.items()
    ]


def coverage_words(error: Words, *, word: str = "word") -> Words:
    """The words of a region that the train rows hardly cover.

    Args:
        error: the evidence to how far the model errs there, and elsewhere.
        word: a word of a row, as the label type calls it.
    """

    def words(e: Mapping[str, Any]) -> str:
        about = ", ".join(e["terms"]) or f"no {word} tells them"
        return f"{e['set']}, {e['size']:,} rows about {about}: {error(e)}, distance {e['distance']:.2f} of {e['reach']:.2f}"

    return words


def coverage_sentences(error: Words) -> Callable[[Mapping[str, Any]], list[str]]:
    """A sentence a set on the rows beyond the reach of the train rows.

    Args:
        error: the notes of a set to how far the model errs on them, with the mark that parts it from what stands before; may be empty.
    """

    def sentences(notes: Mapping[str, Any]) -> list[str]:
        return [
            f"{name}: {of['beyond']:,} of {of['rows']:,} rows lie beyond the reach of the train rows ({of['expected']:,.1f} would by "
            f"chance), {of['in_regions']:,} of them in regions{error(of)}."
            for name, of in notes.items()
        ]

    return sentences


def leak_sentences(notes: Mapping[str, Any]) -> list[str]:
    """The terms or columns of most weight, a sentence a class."""
    return [
        f"Most weight for {name}: {', '.join(f'{term} ({weight})' for term, weight in of)}." for name, of in notes.get("terms", {}).items()
    ]
