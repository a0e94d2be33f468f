"""The class and grade that data should be handled as, suggested by the findings in the sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from lakehouse.core.spec import PII
from lakehouse.reserve.discovery.columns import ColumnProfile

Grade = Literal["general", "important", "core"]
SENSITIVE = ("cn_id", "bank_card", "iban", "key")
"""Kinds that harm a person or a firm at once where they leak (GB/T 35273-2020, annex B: sensitive personal information; and keys)."""
MANY = 10_000_000
"""Persons from which the holder of their data is held to the duties of important data (Network Data Security Regulations, article 28)."""
_PERSONAL = {*PII, "name", "address", "birth_date"} - {"url", "ip"}
_CLASSES = {"personal": _PERSONAL, "enterprise": {"cn_uscc", "iban"}, "credentials": {"key"}}


@dataclass(frozen=True)
class Grading:
    """A suggestion, not a judgement of law.

    Attributes:
        classes: what the data is about: `personal`, `enterprise`, `credentials`; empty: nothing of these was found.
        grade: general, important or core.
        reasons: the rules that led there.
    """

    classes: tuple[str, ...]
    grade: Grade
    reasons: tuple[str, ...]


def graded(columns: Sequence[ColumnProfile], rows: int, sampled: int) -> Grading:
    """The suggestion for the whole.

    Args:
        rows: of the whole, estimated. sampled: rows of the sample.
    """
    found: dict[str, int] = {}
    for column in columns:
        for kind, n in column.private.items():
            found[kind] = found.get(kind, 0) + n
        if column.named is not None:
            found[column.named] = found.get(column.named, 0) + sampled
    classes = [word for word, kinds in _CLASSES.items() if kinds & set(found)]
    sensitive = [kind for kind in SENSITIVE if kind in found]
    persons = max((_whole(found, kind, rows, sampled) for kind in ("cn_id", "bank_card")), default=0)
    if persons >= MANY:
        return Grading(tuple(classes), "core", (f"about {persons:,} rows hold resident ids or bank cards, {MANY:,} or more",))
    if sensitive:
        return Grading(tuple(classes), "important", tuple(f"{kind} in {found[kind]:,} sampled rows" for kind in sensitive))
    # A text that mentions a name and a number is no register; columns of them side by side are.
    side_by_side = [c for c in columns if c.role != "text" and ({*c.private, c.named} & _PERSONAL)]
    if len(side_by_side) >= 3:
        names = ", ".join(c.name for c in side_by_side)
        return Grading(tuple(classes), "important", (f"columns of personal data side by side identify a person: {names}",))
    if found:
        return Grading(tuple(classes), "general", tuple(f"{kind} in {n:,} sampled rows" for kind, n in sorted(found.items())))
    return Grading((), "general", ("no private data was found in the sample",))


def _whole(found: Mapping[str, int], kind: str, rows: int, sampled: int) -> int:
    return round(found.get(kind, 0) / max(1, sampled) * rows)


def declared(columns: Sequence[ColumnProfile]) -> dict[str, list[str]]:
    """`privacy:` of the source: `pii` for a text (a sample cannot show that there is none), else the kinds found."""
    out: dict[str, list[str]] = {}
    for column in columns:
        kinds = [kind for kind in column.private if kind not in PII or column.role != "text"]
        words = (["pii"] if column.role == "text" else []) + kinds + ([column.named] if column.named else [])
        if words:
            out[column.name] = words
    return out
