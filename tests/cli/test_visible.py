"""No text that comes from data acts on a terminal."""

from __future__ import annotations

import json
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from lakehouse.cli import terminal
from lakehouse.core.text.visible import in_line, json_safe, visible

ESCAPES = "a \x1b]0;title\x07 and \x1b[2J \x9b31m \u202etxt\x7f\r"


def acts(text: str) -> list[str]:
    return [c for c in text if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") and c not in "\t\n"]


@given(st.text(st.characters(codec=None)))
def test_marks_take_the_place_of_what_acts(text: str) -> None:
    assert acts(visible(text)) == []
    assert "\n" not in in_line(text)
    assert "\x1b" not in in_line(text)


def test_marks_are_readable() -> None:
    assert visible(ESCAPES) == "a ␛]0;title␇ and ␛[2J <U+009B>31m <U+202E>txt␡␍"
    assert in_line("one\n\ttwo 中文 😀") == "one␊␉two 中文 😀"


@given(st.text(st.characters(codec="utf-8")))
def test_json_keeps_values_exact(text: str) -> None:
    safe = json_safe(json.dumps({"value": text}, ensure_ascii=False))
    assert acts(safe) == []
    assert json.loads(safe) == {"value": text}


def test_what_is_printed_and_what_is_in_tables_is_marked() -> None:
    with terminal.out.capture() as printed:
        terminal.out.print(f"text: {ESCAPES} :smile:")
        terminal.table("A table", ["value"], [[ESCAPES]])
    assert acts(printed.get()) == []
    assert printed.get().count("␛]0;title␇") == 2
    assert ":smile:" in printed.get()
