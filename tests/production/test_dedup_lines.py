"""Lines and paragraphs that several rows hold: the rule against plain Python, and a run like any other."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lakehouse.core.errors import SpecError
from lakehouse.core.spec import Call
from lakehouse.core.text.kernels.simplify import simplified
from lakehouse.production.engine.operator import OPERATORS, Cut
from lakehouse.production.inspection.tune import tune
from tests.examples import examples
from tests.factory import Factory, new_factory, notes

FOOT = "Copyright 2024, all rights reserved by us"


def plan(**params: Any) -> Cut:
    call = Call.model_validate({"dedup_lines": {"column": "text", **params}})
    made: Cut = OPERATORS.entry(call).function(**OPERATORS.bind(call))
    return made


def cut(texts: list[str | None], **params: Any) -> list[str | None]:
    step = plan(**params)
    frame = pl.DataFrame({"text": texts}, schema={"text": pl.String})
    decided = step.decide(frame.select(**step.signals))
    return step.apply(frame["text"], decided["cut"]).to_list()


def simple(piece: str) -> str:
    kept = "".join(chr(c) for c in map(simplified, piece) if c)
    return re.sub(" +", " ", kept).strip(" ")


def split(text: str, unit: str) -> list[tuple[int, int, int]]:
    """Begin, end (before the line end) and length of the pieces of a text."""
    lines, at = [], 0
    for line in text.split("\n"):
        end = at + len(line) - (line.endswith("\r") and text[at + len(line) : at + len(line) + 1] == "\n")
        lines.append((at, end, len(line.strip()), bool(line.strip())))
        at += len(line) + 1
    found: list[tuple[int, int, int]] = []
    before = False
    for start, end, length, filled in lines:
        if filled and before and unit == "paragraph":
            found[-1] = (found[-1][0], end, found[-1][2] + length + 1)
        elif filled:
            found.append((start, end, length))
        before = filled
    return found


def expected(texts: list[str | None], unit: str, copies: int, min_characters: int, keep: str) -> list[set[int]]:
    """Per text the numbers of the pieces that leave it."""
    holders: dict[str, list[int]] = defaultdict(list)
    pieces = [[] if text is None else split(text, unit) for text in texts]
    for row, text in enumerate(texts):
        for begin, end, length in pieces[row]:
            key = simple(text[begin:end]) if text else ""
            if length >= min_characters and key and (not holders[key] or holders[key][-1] != row):
                holders[key].append(row)
    gone: list[set[int]] = []
    for row, text in enumerate(texts):
        gone.append(set())
        for number, (begin, end, length) in enumerate(pieces[row]):
            found = holders.get(simple(text[begin:end]) if text else "", [])
            if length >= min_characters and len(found) >= copies and not (keep == "first" and found[0] == row):
                gone[-1].add(number)
    return gone


LINES = st.sampled_from(
    ["alpha 1", "Alpha 2!", "beta", "", "  ", "茶叶很好", "茶叶很好。", "e\u0301t\u00e9", "été", "...", "tail \r", "😀 ok"]
)
TEXTS = st.lists(LINES, max_size=6).map("\n".join)


@given(
    texts=st.lists(st.none() | TEXTS, min_size=1, max_size=6),
    unit=st.sampled_from(["line", "paragraph"]),
    copies=st.integers(2, 3),
    least=st.integers(1, 6),
    keep=st.sampled_from(["first", "none"]),
)
def test_what_is_cut_is_what_plain_python_cuts(texts: list[str | None], unit: str, copies: int, least: int, keep: str) -> None:
    found = cut(texts, unit=unit, copies=copies, min_characters=least, keep=keep)
    for text, gone, after in zip(texts, expected(texts, unit, copies, least, keep), found, strict=True):
        if text is None or not gone:
            assert after == text
            continue
        assert after is not None
        stay = [text[begin:end] for n, (begin, end, _) in enumerate(split(text, unit)) if n not in gone]
        left = [after[begin:end] for begin, end, _ in split(after, unit)]
        if unit == "line":
            assert left == stay
        assert "".join(left).replace("\n", "") == "".join(stay).replace("\n", "")


def test_the_first_row_keeps_a_line_and_years_do_not_count() -> None:
    texts = [f"About tea.\n{FOOT}\n", f"{FOOT}\n\nAbout cups.", FOOT.replace("2024", "1999").upper(), "Home\nAbout tea."]
    assert cut(texts) == [texts[0], "About cups.", "", "Home\nAbout tea."]
    assert cut(texts, keep="none")[0] == "About tea.\n"
    assert cut(texts, copies=4) == texts


def test_paragraphs_go_with_the_blank_lines_before_them() -> None:
    foot = "Sold by Tea House.\nAll rights reserved."
    assert cut([f"One.\n\n{foot}", f"Two.\n\n\n{foot}\n\nThree."], unit="paragraph") == [f"One.\n\n{foot}", "Two.\n\nThree."]


def made(root: Path, rows: list[dict[str, Any]], **params: Any) -> Factory:
    factory = new_factory(root, [{"text_length": {"column": "text", "at_least": 1}}, {"dedup_lines": {"column": "text", **params}}])
    factory.material(rows)
    factory.made()
    return factory


ROWS = notes(f"About tea, leaf by leaf.\n{FOOT}", f"About cups of clay.\n{FOOT}", FOOT, "Nothing shared here.")


def test_a_run_cuts_counts_and_drops_what_is_left_empty(tmp_path: Path) -> None:
    factory = made(tmp_path, ROWS)
    assert factory.texts("gold") == [ROWS[0]["text"], "About cups of clay.", "Nothing shared here."]
    assert factory.fates() == {"02": ("dropped", "dedup_lines", "nothing_left")}
    balance = {b.step: b for b in factory.silver().balance}
    assert (balance["dedup_lines"].changed, balance["dedup_lines"].dropped) == (1, 1)
    assert factory.silver().unchanged


@settings(max_examples=examples(0.2))  # three lakes an example
@given(
    before=st.lists(st.sampled_from("abcd"), min_size=1, max_size=5).map(sorted),
    after=st.lists(st.sampled_from("abcd"), min_size=1, max_size=5).map(sorted),
)
@example(before=["a", "a", "b"], after=["a"])
def test_whatever_changes_the_result_is_that_of_a_fresh_run(
    tmp_path_factory: pytest.TempPathFactory, before: list[str], after: list[str]
) -> None:
    def rows(keys: list[str]) -> list[dict[str, Any]]:
        unique = [f"{key}{n}" for n, key in enumerate(keys)]
        return [{"id": i, "text": f"Own words of {i}: {'tea' * ord(i[0])}\n{FOOT}\nOf {i[0]} there are many", "label": "a"} for i in unique]

    factory = made(tmp_path_factory.mktemp("old"), rows(before))
    factory.material(rows(after))
    factory.made()
    fresh = made(tmp_path_factory.mktemp("new"), rows(after))
    for layer in ("silver", "gold"):
        assert factory.rows(layer).equals(fresh.rows(layer))
    assert factory.fates() == fresh.fates()


def test_a_changed_threshold_reads_no_signal_anew(tmp_path: Path) -> None:
    factory = made(tmp_path, ROWS)
    proposed = tune(factory.project, "notes", {"dedup_lines": {"copies": 4}}, samples=1)
    assert (proposed.come_back, proposed.changed, proposed.leave) == (1, 1, 0)
    factory.declare([{"text_length": {"column": "text", "at_least": 1}}, {"dedup_lines": {"column": "text", "copies": 4}}])
    silver, gold = factory.silver(), factory.gold()
    assert (silver.measured, silver.units) == (0, 0)
    assert factory.texts("gold") == [row["text"] for row in ROWS]
    assert gold.change["reasons"] == ["step dedup_lines: parameters changed"]


@pytest.mark.parametrize(
    ("after", "message"),
    [
        ({"text_length": {"column": "text", "at_least": 1}}, "`text` is read after `dedup_lines` has cut it"),
        ({"chunk": {"column": "label", "at_most": 5}}, "rows are divided after `dedup_lines`"),
    ],
)
def test_what_may_not_stand_behind_it_is_named(tmp_path: Path, after: dict[str, Any], message: str) -> None:
    factory = new_factory(tmp_path, [{"dedup_lines": {"column": "text"}}, after])
    factory.material(ROWS)
    with pytest.raises(SpecError, match=message):
        factory.made()
