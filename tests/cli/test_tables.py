"""Tables hold at any width: no line is too long, no word is broken that a line would hold, nothing of a cell is lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from lakehouse.cli import terminal
from lakehouse.cli.tables import Line, lay_out
from lakehouse.cli.wrapping import cut, wrapped

WORDS = st.text(st.sampled_from("abcdefgh_/:.,'é"), min_size=1, max_size=30)
HAN = st.text(st.sampled_from("中文评论的"), min_size=1, max_size=12)
CELLS = st.lists(st.one_of(WORDS, HAN), max_size=8).map(" ".join)
NAMES = st.lists(st.sampled_from(["step", "set aside", "why", "rows", "label", "what changed", "95 %"]), min_size=1, max_size=6)


def text(line: Line) -> str:
    return "".join(piece.text for piece in line)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[str]], int, set[int]]:
    names = draw(NAMES)
    right = draw(st.sets(st.integers(0, len(names) - 1)))
    numbers = st.integers(0, 10**9).map(lambda n: f"{n:,}")
    row = st.tuples(*(numbers if at in right else CELLS for at in range(len(names)))).map(list)
    return names, draw(st.lists(row, max_size=4)), draw(st.integers(40, 120)), right


@given(tables())
def test_lines_hold_words_are_whole_and_cells_complete(table: tuple[list[str], list[list[str]], int, set[int]]) -> None:
    names, rows, width, right = table
    lines = lay_out(names, rows, width, right)
    assert all(cell_len(text(line)) <= width for line in lines)
    assert all(text(line) == text(line).rstrip() for line in lines)
    for number, row in enumerate(rows):
        for at, cell in enumerate(row):
            of = [piece.text for line in lines for piece in line if piece.cell == (number, at)]
            said = " ".join(of).split()
            # All of a cell is in the lines of its own, and its words, none of which is wider than a line, are whole.
            assert "".join(cell.split()) in "".join(said) or cell.strip("- ") == ""
            assert [word for word in cell.split() if word.isascii()] == [word for word in said if word in cell.split() and word.isascii()]


@given(CELLS, st.integers(8, 80))
def test_wrapping_breaks_at_words(given_text: str, width: int) -> None:
    lines = wrapped(given_text, width)
    assert all(cell_len(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(given_text.split())
    assert all(word in " ".join(lines).split() for word in given_text.split() if cell_len(word) <= width and word.isascii())
    assert cell_len(cut(given_text, width)) <= width


def test_a_word_stays_whole_and_nothing_is_padded() -> None:
    columns = ["step", "in", "created", "out", "merged", "dropped", "set aside", "why"]
    row = ["normalise_whitespace", "251", "0", "249", "0", "0", "2", "contradictory_label 2, too_short 1"]
    wide = [text(line) for line in lay_out(columns, [row], 80, set(range(1, 7)))]
    assert wide == [
        "step                  in created out merged dropped   set why",
        "                                                    aside",
        "normalise_whitespace 251       0 249      0       0     2 contradictory_label 2,",
        "                                                          too_short 1",
    ]
    narrow = [text(line) for line in lay_out(columns, [row], 60, set(range(1, 7)))]
    assert narrow[-1] == "    why: contradictory_label 2, too_short 1"
    blocks = [text(line) for line in lay_out(columns, [row], 40, set(range(1, 7)))]
    assert blocks[:3] == ["normalise_whitespace", "  in: 251", "  created: 0"]


def test_numbers_are_rounded_as_their_column_needs_it() -> None:
    with terminal.out.capture() as printed:
        columns = ["share", "seconds", "p", "n"]
        terminal.table("", columns, [[0.123456, 12.3456, 0.000001, 1234567], [1.0, 3.0, 0.5, None]], right=columns)
    assert [line.split() for line in printed.get().splitlines()] == [
        ["share", "seconds", "p", "n"],
        ["0.1235", "12.35", "1.0e-06", "1,234,567"],
        ["1.0000", "3.00", "0.5000", "-"],
    ]


def test_markup_in_a_cell_is_text() -> None:
    with terminal.out.capture() as printed:
        terminal.table("[bold]title", ["value"], [["[red]not red[/] [/nothing]"]])
    assert printed.get().splitlines() == ["[bold]title", "value", "[red]not red[/] [/nothing]"]
