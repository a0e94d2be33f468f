"""Every operator has a page whose example shows what it does, in English and where it matters in Chinese."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lakehouse.production.engine.operator import OPERATORS

PAGES = Path(__file__).parents[2] / "docs" / "operators"
ENGLISH_ONLY = {
    *("c4_lines", "c4_paragraph", "clean_copyright", "flagged_words", "gopher_quality"),
    *("gopher_repetition", "stopwords", "toxicity", "word_repetition"),
}
"""Their rules are about words parted by spaces, English words, or source code."""


def rows_of(name: str) -> list[str]:
    """The rows of the example's table."""
    table = (PAGES / f"{name}.md").read_text(encoding="utf-8").partition("## What it does")[2]
    return [line for line in table.splitlines() if line.startswith("|")][2:]


def test_the_page_of_an_operator_that_asks_a_model_has_no_rows() -> None:
    assert rows_of("generate") == []


@pytest.mark.parametrize("name", sorted(OPERATORS.entries().keys() - {"generate"}))
def test_the_example_shows_both_outcomes(name: str) -> None:
    rows = rows_of(name)
    kind = OPERATORS.entries()[name].info["cardinality"]
    if OPERATORS.entries()[name].info.get("seeded"):
        cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
        assert any(text != variant for text, *_, variant in cells)
    elif kind == "1:1":
        assert any(not row.endswith("| as it was |") for row in rows)
    elif kind == "1:N":
        assert any(row.count("` `") for row in rows)
    elif name == "character_profile":
        assert all(row.endswith("| stays |") for row in rows)
    else:
        assert any(row.endswith("| stays |") for row in rows)
        assert any(re.search(r"\| (dropped: `|quarantined: `|merged into row)", row) for row in rows)
    assert name in ENGLISH_ONLY or any("\u4e00" <= letter <= "\u9fff" for row in rows for letter in row)
