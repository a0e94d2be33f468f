"""The sheet of a workbook that holds its table, and the rows above its header."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

from lakehouse.reserve.discovery.header import TITLES, has_header, is_year
from lakehouse.reserve.formats.csv import numbered_names
from lakehouse.reserve.formats.excel import named_cells, text_of

_LOOKED_AT = 300
"""Rows of a sheet by which its header is known."""


@dataclass(frozen=True)
class Sheet:
    """The table of a workbook.

    Attributes:
        name: of the sheet; empty where the workbook cannot be read.
        only: it is the workbook's only sheet.
        header: whether a row names the columns.
        names: of the columns, where the header names one twice: the header is then among the rows that are skipped.
        skip_before_header: rows above the header.
        others: names of other sheets that hold rows, hidden ones among them.
    """

    name: str
    only: bool = True
    header: bool = True
    names: tuple[str, ...] = ()
    skip_before_header: int = 0
    others: tuple[str, ...] = ()

    @property
    def titles(self) -> int:
        """Rows above the header."""
        return self.skip_before_header - bool(self.names)


def sheet_of(handle: BinaryIO) -> Sheet:
    """Of the sheets that are not hidden the one with most cells, and where its header is."""
    from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum

    with suppress(CalamineError, OSError):
        book = CalamineWorkbook.from_filelike(io.BytesIO(handle.read()))
        sizes = {name: book.get_sheet_by_name(name) for name in book.sheet_names}
        cells = {name: sheet.height * sheet.width for name, sheet in sizes.items() if sheet.height > 1}
        shown = {each.name for each in book.sheets_metadata if each.visible == SheetVisibleEnum.Visible}
        if cells:
            name = max(cells, key=lambda each: (each in shown, cells[each]))
            rows = [[text_of(cell) for cell in row] for row in sizes[name].to_python(skip_empty_area=True, nrows=_LOOKED_AT)]
            return _headed(name, len(sizes) == 1, rows, tuple(other for other in cells if other != name))
    return Sheet("")


def _headed(name: str, only: bool, rows: Sequence[Sequence[str]], others: tuple[str, ...]) -> Sheet:
    above = _above_header(rows)
    if not has_header(rows[above:]):
        return Sheet(name, only, has_header(rows), (), 0, others)
    names = named_cells(rows[above])
    if len(set(names)) < len(names):
        return Sheet(name, only, False, numbered_names(names), above + 1, others)
    return Sheet(name, only, True, (), above, others)


def _above_header(rows: Sequence[Sequence[str]]) -> int:
    """How many rows stand above the header: titles and notes, which fill fewer cells than the table below them."""
    widths = [sum(cell != "" for cell in row) for row in rows]
    if not widths:
        return 0
    usual = sorted(widths)[len(widths) // 2]
    for at, row in enumerate(rows[: min(TITLES, len(rows) - 1)]):
        filled = [cell for cell in row if cell != ""]
        if widths[at] >= max(1, 0.6 * usual) and all(not cell[0].isdigit() or is_year(cell) for cell in filled):
            return at
    return 0
