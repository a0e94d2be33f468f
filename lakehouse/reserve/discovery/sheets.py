"""The sheet of a workbook that holds its table, and the rows above its header."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO

_LOOKED_AT = 60
_TITLES = 20
"""Most rows that may stand above a header."""


@dataclass(frozen=True)
class Sheet:
    """The table of a workbook.

    Attributes:
        name: None for the first sheet.
        skip_before_header: rows above its header.
        others: names of other sheets that hold rows.
    """

    name: str | None
    skip_before_header: int
    others: tuple[str, ...]


def sheet_of(handle: BinaryIO) -> Sheet:
    """The sheet with most cells, and where its header is."""
    from python_calamine import CalamineError, CalamineWorkbook

    with suppress(CalamineError, OSError):
        book = CalamineWorkbook.from_filelike(io.BytesIO(handle.read()))
        sizes = {name: book.get_sheet_by_name(name) for name in book.sheet_names}
        cells = {name: sheet.height * sheet.width for name, sheet in sizes.items() if sheet.height > 1}
        if cells:
            name = max(cells, key=lambda each: cells[each])
            rows = sizes[name].to_python(skip_empty_area=True, nrows=_LOOKED_AT)
            others = tuple(other for other in cells if other != name)
            return Sheet(None if name == book.sheet_names[0] else name, above_header(rows), others)
    return Sheet(None, 0, ())


def _is_year(cell: Any) -> bool:
    return isinstance(cell, int | float) and not isinstance(cell, bool) and float(cell).is_integer() and 1900 <= cell <= 2100


def above_header(rows: Sequence[Sequence[Any]]) -> int:
    """How many rows stand above the header: titles and notes, which fill fewer cells than the table below them."""
    widths = [sum(cell not in ("", None) for cell in row) for row in rows]
    if not widths:
        return 0
    usual = sorted(widths)[len(widths) // 2]
    for at, row in enumerate(rows[: min(_TITLES, len(rows) - 1)]):
        filled = [cell for cell in row if cell not in ("", None)]
        named = all(isinstance(cell, str) or _is_year(cell) for cell in filled)
        if widths[at] >= max(1, 0.6 * usual) and named and len({str(cell) for cell in filled}) == len(filled):
            return at
    return 0
