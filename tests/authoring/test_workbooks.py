"""Workbooks: the sheet that is read is one that a person sees, and no row of it is lost to a header that there is not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
from openpyxl import Workbook

from tests.authoring.desk import Desk

Rows = Sequence[Sequence[Any]]


def _book(desk: Desk, sheets: dict[str, Rows], hidden: Sequence[str] = ()) -> Path:
    file = desk.brought / "book.xlsx"
    book = Workbook()
    del book["Sheet"]
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
        sheet.sheet_state = "hidden" if name in hidden else "visible"
    book.save(file)
    return file


def _bare(n: int) -> Rows:
    return [[i, i + 1, f"x{i}"] for i in range(n)]


def test_a_sheet_without_a_header_keeps_its_first_row(desk: Desk) -> None:
    made = desk.add(_book(desk, {"S": _bare(30)}))
    assert any(note.startswith("no header was found") for note in made.notes)
    gold = desk.gold(made.dataset)
    assert gold.schema == {"column_1": pl.Int64, "column_2": pl.Int64, "column_3": pl.String}
    assert sorted(gold["column_1"]) == list(range(30))


def test_a_name_given_twice_gets_a_number(desk: Desk) -> None:
    made = desk.add(_book(desk, {"S": [["a", "b", "a"], *_bare(30)]}))
    gold = desk.gold(made.dataset)
    assert gold.columns == ["a", "b", "a_2"]
    assert gold.height == 30


def test_a_hidden_sheet_is_not_read_where_one_is_seen(desk: Desk) -> None:
    sheets = {"Cache": [["a", "b", "c"], *_bare(90)], "Sales": [["Sales by month"], [], ["month", "sold", "code"], *_bare(30)]}
    made = desk.add(_book(desk, sheets, hidden=["Cache"]))
    assert "the sheet `Sales` is read, not `Cache`" in made.notes
    assert "2 rows of the sheet above its header are not read" in made.notes
    assert "sheet: Sales" in (desk.root / made.files[0]).read_text()
    gold = desk.gold(made.dataset)
    assert gold.columns == ["month", "sold", "code"]
    assert gold.height == 30


def test_the_first_sheet_is_called_by_its_name(desk: Desk) -> None:
    made = desk.add(_book(desk, {"Orders": [["a", "b", "c"], *_bare(40)], "Notes": [["a", "b", "c"], *_bare(30)]}))
    assert "the sheet `Orders` is read, not `Notes`" in made.notes
