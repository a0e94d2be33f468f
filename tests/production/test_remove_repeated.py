"""Repeated lines and paragraphs of a text against a plain Python oracle, and what a reader sees."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from tests.factory import Factory, notes

from .factory_of_texts import lines_of, texts
from .test_operators import changed


def expected(text: str | None, unit: str, fewest: int) -> str | None:
    if text is None:
        return None
    parts = re.split("(\r?\n)", text)
    lines, gaps = parts[::2], ["", *parts[1::2]]
    groups: list[list[int]] = []
    for i, line in enumerate(lines):
        if unit == "paragraph" and line.strip() and i > 0 and lines[i - 1].strip():
            groups[-1].append(i)
        else:
            groups.append([i])
    seen: set[str] = set()
    out, blank = "", ""
    for group in groups:
        raw = "".join(gaps[i] + lines[i] for i in group)
        text = raw[len(gaps[group[0]]) :].strip()
        size = sum(len(lines[i].strip()) for i in group) + len(group) - 1
        if unit == "paragraph" and not text:
            blank += raw
        elif text and size >= fewest and text in seen:
            blank = ""
        else:
            out, blank = out + blank + raw, ""
            if size >= fewest:
                seen.add(text)
    return out + blank


some_text = (
    lines_of("ab \n") | lines_of("a\n\r") | st.lists(st.sampled_from(["a line\n", " a line \n", "好\r\n", "\n", "b\n", "c"])).map("".join)
)


@given(st.lists(st.none() | some_text, min_size=1, max_size=5) | texts, st.sampled_from(["line", "paragraph"]), st.integers(1, 8))
@example(["a\n\na\nb", "a\r\nb\r\na", "a\n \nb\n\na\n\nc\n", "\r\n\r\n", "a\r", ""], "line", 1)
@example(["a\nb\n\nc\n\n a\nb \n\nd", "a\n\na\n\n", "a\r\n\r\na"], "paragraph", 1)
def test_repeats_are_removed_as_by_plain_python(column: list[str | None], unit: Any, fewest: int) -> None:
    assert changed("remove_repeated", column, unit=unit, min_characters=fewest) == [expected(text, unit, fewest) for text in column]


def test_what_a_reader_sees() -> None:
    page = "首页 | 登录\n\n第一段，讲一件事。\n}\n首页 | 登录\n}\n\n第二段。\n"
    assert changed("remove_repeated", [page], min_characters=3) == ["首页 | 登录\n\n第一段，讲一件事。\n}\n}\n\n第二段。\n"]
    letter = "Dear all,\nhello.\n\nIt rains.\n\n\nDear all,\nhello.\n\nBye."
    assert changed("remove_repeated", [letter, None], unit="paragraph") == ["Dear all,\nhello.\n\nIt rains.\n\nBye.", None]


def test_a_recipe_counts_the_texts_that_changed(notes_factory: Factory) -> None:
    notes_factory.material(notes("一\n二\n一", "一\n二", None))
    notes_factory.declare([{"remove_repeated": {"column": "text"}}])
    notes_factory.collect()
    assert notes_factory.silver().balance[-1].changed == 1
    assert notes_factory.texts() == ["一\n二", "一\n二", None]
