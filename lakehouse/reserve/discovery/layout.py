"""The layout of a text: JSON array, JSON lines, delimited records with their separator, quotes and header, or lines."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from dataclasses import dataclass, replace
from typing import Literal

from lakehouse.core.errors import SourceError
from lakehouse.reserve.discovery.header import TITLES, heading
from lakehouse.reserve.formats.csv import numbered_names

Structure = Literal["json_array", "json", "jsonl", "csv", "lines", "text"]
SEPARATORS = (",", "\t", ";", "|")
_RECORDS = 300
_WRONG = 20
"""Most records with wrong quotes that are passed over."""
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
        names: of the columns, where the header names one twice: the header is then among the lines that are skipped.
        fields: of a CSV record.
        consistency: share of the CSV records looked at that have so many fields.
    """

    structure: Structure
    separator: str = ","
    quote: str | None = '"'
    header: bool = True
    skip_before_header: int = 0
    skip_after_header: int = 0
    names: tuple[str, ...] = ()
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

    Raises:
        SourceError: JSON that is nested too deep.
    """
    head = head.removeprefix("\ufeff")
    try:
        found = _json(head, ending, whole)
    except RecursionError as error:
        raise SourceError("its JSON is nested too deep to be read", fix="write it with less than a thousand levels") from error
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
    if best is None and not (named and head.strip()):
        return None
    one = Layout(structure="csv", separator=usual)
    if best is None and any(len(row) != 1 for row in _records(head, usual, '"')):
        return one  # no table that can be told
    chosen = _quoted_singly(head, best[1] if best is not None else one)
    records = _below_titles(head, chosen)
    found = heading([row for _, row in records])
    first = records[found.titles][0] if records else 0
    names: tuple[str, ...] = ()
    if found.header:
        given = [name or f"column_{number}" for number, name in enumerate(records[found.titles][1], 1)]
        if len(set(given)) < len(given):
            names = numbered_names(given)
            first = records[found.titles + 1][0] if found.titles + 1 < len(records) else head.count("\n")
    return replace(
        chosen,
        header=found.header and not names,
        skip_before_header=first,
        skip_after_header=2 if found.header and not names and _is_orange(head, chosen) else 0,
        names=names,
    )


def _records(head: str, separator: str, quote: str | None) -> list[list[str]]:
    """The first records that are no blank lines; none where quotes go wrong."""
    return [row for _, row in _numbered(head, separator, quote)]


def _numbered(head: str, separator: str, quote: str | None) -> list[tuple[int, list[str]]]:
    """The same, each with the number of lines above it.

    A record whose quotes go wrong is passed over, as the reader of the format does, while more of those with quotes are right than wrong.
    """
    old = csv.field_size_limit(2**31 - 1)
    try:
        lines = list(io.StringIO(head, newline=""))
        rows: list[tuple[int, list[str]]] = []
        start = wrong = right = 0
        while start < len(lines) and len(rows) < _RECORDS:
            below = lines[start:]
            plain = csv.reader(below, delimiter=separator, quoting=csv.QUOTE_NONE)
            read = plain if quote is None else csv.reader(below, delimiter=separator, quotechar=quote, strict=True)
            above = 0
            try:
                for row in read:
                    if row:
                        rows.append((start + above, row))
                    right += quote is not None and any(
                        _opens(line, separator, quote) for line in lines[start + above : start + read.line_num]
                    )
                    above = read.line_num
                    if len(rows) >= _RECORDS:
                        break
                break
            except csv.Error:
                if start + read.line_num >= len(lines) - 1 and read.line_num - above > 1:
                    break  # a text cut off within quotes goes wrong only there
                wrong += 1
                start += above + 1
            if wrong > _WRONG:
                return []
        return rows if right > wrong or not wrong else []
    finally:
        csv.field_size_limit(old)


def _opens(line: str, separator: str, quote: str) -> bool:
    """Whether a quote opens a field in a line."""
    return line.startswith(quote) or separator + quote in line


def _quoted_singly(head: str, chosen: Layout) -> Layout:
    """The layout with single quotes, where the first record has each of its fields within such."""
    first = next(iter(_records(head, chosen.separator, chosen.quote)), [])
    single = first and all(len(field) >= 2 and field[0] == field[-1] == "'" for field in first)
    return replace(chosen, quote="'") if single else chosen


def _below_titles(head: str, chosen: Layout) -> list[tuple[int, list[str]]]:
    """The records of the table's width below lines with fewer fields, each with the number of lines above it."""
    lines, skipped = head.split("\n"), 0
    for at, line in enumerate(lines[:TITLES]):
        row = next(iter(_records(line, chosen.separator, chosen.quote)), [])
        if len(row) >= chosen.fields:
            skipped = at
            break
        if chosen.quote is not None and line.count(chosen.quote) % 2:
            break  # a record that goes on in the next line
    records = _numbered("\n".join(lines[skipped:]), chosen.separator, chosen.quote)
    return [(above + skipped, row) for above, row in records if len(row) == chosen.fields]


def _is_orange(head: str, chosen: Layout) -> bool:
    """Whether two rows of types and roles follow the header, as Orange's tab-separated files have."""
    lines = head.splitlines()
    if chosen.separator != "\t" or len(lines) < 3:
        return False
    types, roles = lines[1].split("\t"), lines[2].split("\t")
    return all(t.strip() in _ORANGE_TYPES for t in types) and all(r.strip() in ("", "class", "meta", "i", "ignore") for r in roles)
