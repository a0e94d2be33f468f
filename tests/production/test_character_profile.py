"""`character_profile` against a plain count."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lakehouse.production.engine.operator import with_measured
from tests.factory import Factory, notes
from tests.production.factory_of_texts import ALPHABET
from tests.production.test_operators import plan

CLASSES = {
    "han": r"\p{Han}",
    "latin": r"[\p{Latin}&&\p{L}]",
    "digits": r"\p{Nd}",
    "punctuation": r"\p{P}",
    "blanks": r"\s",
}


def profiled(column: list[str | None]) -> list[dict[str, Any]]:
    made = plan("character_profile", column="text")
    texts = pl.DataFrame({"text": column}, schema={"text": pl.String})
    return texts.lazy().pipe(with_measured, made.signals).collect().drop("text").to_dicts()


def counted(text: str) -> dict[str, Any]:
    """The signals whose definition is one line of Python or a pattern."""
    times = Counter(text)
    shares = [count / len(text) for count in times.values()]
    found = {name: pl.Series([text]).str.count_matches(pattern)[0] for name, pattern in CLASSES.items()}
    return found | {
        "characters": len(text),
        "bytes": len(text.encode()),
        "lines": len(text.splitlines()),
        "words": len(re.findall(r"\S+", re.sub("[\x1c-\x1f]", "x", text))),  # separators are blanks to Python, not to Unicode
        "distinct": len(times),
        "entropy": pytest.approx(-sum(share * math.log2(share) for share in shares) if text else 0.0, abs=1e-9),
    }


@given(st.lists(st.none() | st.text(max_size=60) | st.text(ALPHABET + "🇨🇳👍🏽©é", max_size=60), min_size=1, max_size=5))
@example(["", None, "\r\n\r\n", "\r", "a\r\nb\n", "好" * 500, "𠮷\U0010ffff"])
def test_character_profile_counts_what_is_there(column: list[str | None]) -> None:
    for text, found in zip(column, profiled(column), strict=True):
        if text is None:
            assert set(found.values()) == {None}
            continue
        expected = counted(text)
        assert {name: found[name] for name in expected} == expected
        assert sum(found[name] for name in (*CLASSES, "emoji", "other")) == len(text)
        assert found["han_share"] == (found["han"] / len(text) if text else 0.0)


@pytest.mark.parametrize(("text", "emoji"), [("😀👍🏽❤☺", 5), ("🇨🇳", 2), ("©®™123#*ℹ㊗〰→", 0), ("好，a", 0)])
def test_emoji_are_pictographs_not_signs(text: str, emoji: int) -> None:
    assert profiled([text])[0]["emoji"] == emoji


def test_no_row_leaves(notes_factory: Factory) -> None:
    notes_factory.material(notes("很好 good 1！", "", None))
    notes_factory.contract(shortest=0)
    notes_factory.declare([{"character_profile": {"column": "text"}}])
    notes_factory.collect()
    done = notes_factory.silver()
    assert notes_factory.rows("silver").height == 3
    assert {row: fate for row, (fate, _, _) in notes_factory.fates().items()} == {}
    assert done.balance[-1].changed == 0
    signals = notes_factory.rows("silver", "notes_signals")
    assert signals["character_profile__han"].to_list() == [2, 0, None]
