"""The layout of a text: JSON array, JSON lines, delimited records with their separator, quotes and header, or lines."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import Literal

Structure = Literal["json_array", "json", "jsonl", "csv", "lines", "text"]
SEPARATORS = (",", "\t", ";", "|")
_RECORDS = 300
_TITLES = 20
"""Most lines that may stand above a header."""
_NUMBER = re.compile(r"^\s*[+-]?(\d[\d,]*)?(\.\d+)?([eE][+-]?\d+)?%?\s*$")
_DATE = re.compile(r"^\s*\d{2,4}[-/.年]\d{1,2}[-/.月]\d{1,4}")
_HEADING = re.compile(r"^[^\W\d][\w .()/:%#-]{0,39}$")
_ORANGE_TYPES = {"d", "c", "s", "t", "discrete", "continuous", "string", "time", "discrete class"}


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The layout of a text's items.

    Attributes:
        separator: of CSV.
        quote: of CSV; None takes quotes as they are.
        header: whether the first CSV line names the columns.
        skip_before_header: lines above the header: titles and notes.
        skip_after_header: lines between the header and the first record (Orange's two rows of types and roles).
        fields: of a CSV record.
        consistency: share of the CSV records looked at that have so many fields.
    """

    structure: Structure
    separator: str = ","
    quote: str | None = '"'
    header: bool = True
    skip_before_header: int = 0
    skip_after_header: int = 0
    fields: int = 1
    consistency: float = 1.0

    @property
    def format(self) -> str:
        """The format by which the collector reads the file."""
        return "json" if self.structure == "json_array" else self.structure


def layout(head: str, ending: str, *, whole: bool) -> Layout:
    """The layout of a text by its first characters; the name's ending decides only what the text leaves open.

    Args:
        head: the first characters.
        ending: of the name, lower case, without compression endings.
        whole: whether `head` is all there is; otherwise its last line is not looked at.
    """
    head = head.removeprefix("\ufeff")
    found = _json(head, ending, whole)
    if found is not None:
        return Layout(structure=found)
    lines = head if whole or "\n" not in head else head[: head.rindex("\n") + 1]
    table = _table(lines, ending)
    if table is not None:
        return table
    return Layout(structure="text" if ending in ("md", "html", "htm", "xml") else "lines")


def _json(head: str, ending: str, whole: bool) -> Structure | None:
    start = head.lstrip()
    if start.startswith("["):
        rest = start[1:].lstrip()
        return "json_array" if rest.startswith(("{", "]")) and _first_object(rest, whole) else None
    if not start.startswith("{"):
        return None
    first, newline, _ = start.partition("\n")
    try:
        if not isinstance(json.loads(first), dict):
            return None
        return "json" if whole and not start[len(first) :].strip() and ending == "json" else "jsonl"
    except ValueError:
        if not newline and not whole:
            return "jsonl"  # an object larger than what is looked at
        return "json" if _first_object(start, whole) else None


def _first_object(text: str, whole: bool) -> bool:
    if text.startswith("]"):
        return True
    try:
        json.JSONDecoder().raw_decode(text)
    except ValueError as error:
        return not whole and error.args[0].find("Unterminated") >= 0
    return True


def _table(head: str, ending: str) -> Layout | None:
    """The best of separators and quotes: most records of one width; at least 95 of 100, half of them where the name is that of a table."""
    named = ending in ("csv", "tsv", "tab")
    usual = "\t" if ending in ("tsv", "tab") else ","
    best: tuple[tuple[float, bool, bool, bool, int], Layout] | None = None
    for separator in SEPARATORS:
        if separator not in head:
            continue
        for quote in ('"', None) if '"' in head else ('"',):
            rows = _records(head, separator, quote)
            if not rows:
                continue
            fields, count = Counter(map(len, rows)).most_common(1)[0]
            share = count / len(rows)
            least = 0.5 if named and separator == usual else 0.95
            if fields < 2 or share < least or (len(rows) < 2 and not (named and separator == usual)):
                continue
            # Prose has commas too: a field with a space at its start, in every record, is a clause.
            clauses = sum(row[at].startswith(" ") for row in rows for at in range(1, len(row)))
            if not named and clauses > 0.5 * sum(len(row) - 1 for row in rows):
                continue
            candidate = Layout(structure="csv", separator=separator, quote=quote, fields=fields, consistency=round(share, 4))
            # A header has as many fields as the records below it; and quotes that divide nothing are rare.
            ranked = (round(share, 2), len(rows[0]) == fields, separator == usual and named, quote is not None, fields)
            if best is None or ranked > best[0]:
                best = (ranked, candidate)
    if best is None:
        return Layout(structure="csv", separator=usual) if named and head.strip() else None
    chosen = _quoted_singly(head, best[1])
    skipped = _above(head, chosen)
    rows = [row for row in _records(head, chosen.separator, chosen.quote) if len(row) == chosen.fields]
    header = has_header(rows)
    skip = 2 if header and _is_orange(head, chosen) else 0
    return Layout(
        structure="csv",
        separator=chosen.separator,
        quote=chosen.quote,
        header=header,
        skip_before_header=skipped,
        skip_after_header=skip,
        fields=chosen.fields,
        consistency=chosen.consistency,
    )


def _records(head: str, separator: str, quote: str | None) -> list[list[str]]:
    """The first records that are no blank lines; none where quotes go wrong."""
    lines = io.StringIO(head, newline="")
    old = csv.field_size_limit(2**31 - 1)
    try:
        plain = csv.reader(lines, delimiter=separator, quoting=csv.QUOTE_NONE)
        read = plain if quote is None else csv.reader(lines, delimiter=separator, quotechar=quote, strict=True)
        rows: list[list[str]] = []
        try:
            for row in read:
                if row:
                    rows.append(row)
                if len(rows) >= _RECORDS:
                    break
        except csv.Error:
            # A text cut off within quotes goes wrong only there.
            return rows if read.line_num >= head.count("\n") - 1 else []
        return rows
    finally:
        csv.field_size_limit(old)


def _quoted_singly(head: str, chosen: Layout) -> Layout:
    """The layout with single quotes, where the first record has each of its fields within such."""
    first = next(iter(_records(head, chosen.separator, chosen.quote)), [])
    single = first and all(len(field) >= 2 and field[0] == field[-1] == "'" for field in first)
    return replace(chosen, quote="'") if single else chosen


def _above(head: str, chosen: Layout) -> int:
    """How many lines with fewer fields than the table stand above it."""
    lines = head.splitlines()
    for at, line in enumerate(lines[:_TITLES]):
        row = next(iter(_records(line, chosen.separator, chosen.quote)), [])
        if len(row) >= chosen.fields:
            return at
        if chosen.quote is not None and line.count(chosen.quote) % 2:
            return 0  # a record that goes on in the next line
    return 0


def has_header(rows: list[list[str]]) -> bool:
    """Whether the first of `rows` (of one width) names columns: short words, each its own, none a number or a date, none of them a
    value of its column further down."""
    if not rows:
        return False
    names, below = [name.strip() for name in rows[0]], rows[1:]
    # The first may be empty, the index that pandas writes, and the last, where each line ends with a separator.
    named = [name for at, name in enumerate(names) if name or 0 < at < len(names) - 1]
    if not named or len(set(named)) != len(named) or any(_NUMBER.match(name) for name in named) or any(map(_DATE.match, named)):
        return False
    if not all(map(_HEADING.match, named)):
        return False
    return not any(name and any(row[at] == name for row in below) for at, name in enumerate(names))


def _is_orange(head: str, chosen: Layout) -> bool:
    """Whether two rows of types and roles follow the header, as Orange's tab-separated files have."""
    lines = head.splitlines()
    if chosen.separator != "\t" or len(lines) < 3:
        return False
    types, roles = lines[1].split("\t"), lines[2].split("\t")
    return all(t.strip() in _ORANGE_TYPES for t in types) and all(r.strip() in ("", "class", "meta", "i", "ignore") for r in roles)
