"""Whether the first row of a table names its columns: no header is read as a row, no row as a header, and what was decided is said."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest

from tests.authoring.desk import Desk


def _numbers(header: str, columns: int = 2) -> str:
    return f"{header}\n" + "".join(",".join(str((i * 7 + at * at) % 10) for at in range(columns)) + "\n" for i in range(30))


def _words(header: str) -> str:
    return f"{header}\n" + "".join(f"word{i},w{i}\n" for i in range(30))


NAMES = {
    "😀": "😀",
    "$": "$",
    "[0]": "[0]",
    '"x,y"': "x,y",
    "li@example.com": "li@example.com",
    "How old are you in years?": "How old are you in years?",
    "x" * 300: "x" * 300,
    '"multi\nline"': "multi\nline",
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("table", [_numbers, _words])
def test_any_name_above_numbers_or_codes_is_a_name(desk: Desk, name: str, table: Callable[[str], str]) -> None:
    made = desk.add(desk.bring("odd.csv", table(f"{name},b").encode()))
    gold = desk.gold(made.dataset)
    assert gold.columns == [NAMES[name], "b"]
    assert gold.height == 30
    assert gold.schema["b"] == (pl.Int64 if table is _numbers else pl.String)


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("country,2019,2020\n" + "".join(f"c{i},{i},0\n" for i in range(30)), ["country", "2019", "2020"]),
        (_numbers("2019,2020"), ["2019", "2020"]),
        (_numbers("a,,b", 3), ["a", "column_2", "b"]),
        (_numbers(",0,1,2", 4), ["column_1", "0", "1", "2"]),
        (_numbers("a,b,a", 3), ["a", "b", "a_2"]),
        (_words("a,a"), ["a", "a_2"]),
        ("label,text\n" + "".join(f"{('label', 'pos', 'neg')[i % 3]},some long text number {i}\n" for i in range(30)), ["label", "text"]),
    ],
)
def test_headers_of_numbers_gaps_and_words_that_are_values(desk: Desk, table: str, columns: list[str]) -> None:
    gold = desk.gold(desk.add(desk.bring("table.csv", table.encode())).dataset)
    assert gold.columns == columns
    assert gold.height == 30


def test_a_name_given_twice_is_said(desk: Desk) -> None:
    made = desk.add(desk.bring("table.csv", _numbers("a,b,a", 3).encode()))
    assert "the header names a column twice: they are called `a`, `b`, `a_2`, by place" in made.notes


@pytest.mark.parametrize(
    "row",
    ["{i},{j}", "x{i},y{i}", "{i},word", "2024-01-{d:02d},{i}", "{y},{i}", "A-{i},[{i}]", "some words that go on for long {i},{i}"],
)
def test_rows_that_are_all_alike_have_no_header(desk: Desk, row: str) -> None:
    table = "".join(row.format(i=i, j=i + 1, d=i + 1, y=1990 + i) + "\n" for i in range(30))
    made = desk.add(desk.bring("bare.csv", table.encode()))
    assert any(note.startswith("no header was found") for note in made.notes)
    desk.gold(made.dataset)
    rows = desk.project.table("bronze", made.source).read()
    assert [name for name in rows.columns if not name.startswith("_")] == ["column_1", "column_2"]
    assert rows.height == 30


@pytest.mark.parametrize(("first", "rows"), [("", 30), ("score\n", 30), ("0\n", 31)])
def test_a_table_of_one_column(desk: Desk, first: str, rows: int) -> None:
    made = desk.add(desk.bring("one.csv", (first + "".join(f"{i}.5\n" for i in range(30))).encode()))
    gold = desk.gold(made.dataset)
    assert gold.columns == ["score" if first.startswith("s") else "column_1"]
    assert gold.height == rows


def test_a_header_repeated_further_down_is_a_finding(desk: Desk) -> None:
    made = desk.add(desk.bring("joined.csv", (_numbers("a,b") + _numbers("a,b")).encode()))
    assert any(note.startswith("1 of the sampled rows repeat the header") for note in made.notes)
    gold = desk.gold(made.dataset)
    assert gold.schema == {"a": pl.Int64, "b": pl.Int64}
    assert gold.height == 60
    bronze = desk.project.table("bronze", made.source).read()
    assert bronze["_findings"].explode(empty_as_null=False).to_list() == ["bad_value:a", "bad_value:b"]


@pytest.mark.parametrize("titles", ["2024年销售明细表;;\n", "Report\n\n", "Report;;\n;;\nmade by hand;;\n"])
def test_titles_above_the_header_are_skipped_and_counted(desk: Desk, titles: str) -> None:
    table = titles + "订单号;客户;数量\n" + "".join(f"A{i};张{i};{i}\n" for i in range(30))
    made = desk.add(desk.bring("sales.csv", table.encode()))
    assert any("above the header" in note and note.startswith(f"{titles.count(chr(10))} line") for note in made.notes), made.notes
    gold = desk.gold(made.dataset)
    assert gold.schema == {"订单号": pl.String, "客户": pl.String, "数量": pl.Int64}
    assert gold.height == 30
