"""`excel`: a row of a sheet of a workbook (xlsx, xls, xlsb, ods) is an item; the first row names the columns, unless the
sheet has no header. Held as a whole."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from itertools import zip_longest
from typing import Any, BinaryIO

import polars as pl

from lakehouse.core.errors import ShapeError, SourceError
from lakehouse.reserve.formats.columns import typed
from lakehouse.reserve.formats.frames import framed
from lakehouse.reserve.material import Reading

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_KINDS: tuple[tuple[type, pl.DataType], ...] = ((bool, pl.Boolean()), (date, pl.Date()), (datetime, pl.Datetime("us")))


def shape(handle: BinaryIO, reading: Reading) -> dict[str, str | pl.DataType]:
    """Column names and types: numbers, truth values, dates and times where a column holds nothing else, and text.

    Raises:
        SourceError: no workbook, or one with a password. ShapeError: two columns have one name.
    """
    return typed(_frame(handle, reading).schema)


def read(handle: BinaryIO, reading: Reading, columns: list[str]) -> Iterator[pl.DataFrame]:
    """The rows; raises as `framed` and `shape` do. Without a header `columns` name the cells of a row in their order."""
    frame = _frame(handle, reading)
    if not reading.header and frame.width == len(columns):
        frame.columns = columns
    yield from framed([frame], reading, columns)


def _frame(handle: BinaryIO, reading: Reading) -> pl.DataFrame:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(handle.read()))
        if reading.sheet is not None and reading.sheet not in book.sheet_names:
            raise ShapeError(f"the workbook has no sheet `{reading.sheet}`", fix=f"its sheets: {', '.join(book.sheet_names)}")
        sheet = book.get_sheet_by_index(0) if reading.sheet is None else book.get_sheet_by_name(reading.sheet)
        rows = sheet.to_python(skip_empty_area=True)[reading.skip_before_header :]
    except (CalamineError, OSError) as error:
        raise SourceError(f"no workbook that can be read: {error}", fix="fetch the file again, or save it without a password") from error
    first = rows[0] if rows else []
    names = named_cells([text_of(name) for name in first] if reading.header else [""] * len(first))
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ShapeError(
            f"two columns of the sheet are called `{twice}`",
            fix="give each its own name, or skip the header (`skip_before_header:`, `header: false`) and name them under `columns:`",
        )
    filled = [row for row in rows[bool(reading.header) :] if any(cell != "" for cell in row)]
    cells = zip_longest(*filled) if filled else ([] for _ in names)
    return pl.DataFrame([_column(name, values) for name, values in zip(names, cells, strict=False)])


def named_cells(cells: Sequence[str]) -> list[str]:
    """Names of columns; one that is empty is called by its place."""
    return [name.strip() or f"column_{number}" for number, name in enumerate(cells, 1)]


def _column(name: str, cells: Sequence[Any]) -> pl.Series:
    """Values of one type, an empty cell as null; a mixture as text, a whole number without `.0`."""
    values = [None if cell == "" else cell for cell in cells]
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float} and kinds:
        whole = all(value is None or float(value).is_integer() for value in values)
        return pl.Series(
            name, [None if v is None else int(v) if whole else float(v) for v in values], dtype=pl.Int64 if whole else pl.Float64
        )
    if not kinds:
        return pl.Series(name, values, dtype=pl.Null)
    if kinds == {date, datetime}:
        values = [datetime(v.year, v.month, v.day) if type(v) is date else v for v in values]
        kinds = {datetime}
    for kind, dtype in _KINDS:
        if kinds == {kind}:
            return pl.Series(name, values, dtype=dtype)
    return pl.Series(name, [None if v is None else text_of(v) for v in values], dtype=pl.String)


def text_of(value: Any) -> str:
    """The text of a cell, a whole number without `.0`."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
