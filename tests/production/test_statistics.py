"""Statistics of a text against plain Python, in the dialect of Data-Juicer."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lakehouse.core.spec import Call
from lakehouse.core.text.kernels.characters import SPECIALS
from lakehouse.production.engine.operator import OPERATORS

from .factory_of_texts import lines_of, texts
from .test_operators import plan, verdicts


def signal(name: str, column: list[str | None], **params: Any) -> list[Any]:
    """The one signal of each row."""
    made = plan(name, column="text", **params)
    return pl.DataFrame({"text": column}, schema={"text": pl.String}).select(**made.signals).to_series().to_list()


def refined(text: str, lower: bool) -> list[str]:
    """Words as Data-Juicer has them."""
    words = [word.lower() if lower else word for word in re.split("[ \n\t]", text)]
    special = "".join(SPECIALS)
    return [word for word in (word.strip(special) for word in words) if word]


@given(texts)
def test_shares_of_characters(column: list[str]) -> None:
    def share(text: str, count: int) -> float:
        return count / len(text) if text else 0.0

    assert signal("alphanumeric", list(column)) == [share(text, sum(map(str.isalnum, text))) for text in column]
    assert signal("special_characters", list(column)) == [share(text, sum(c in SPECIALS for c in text)) for text in column]


@given(texts)
def test_line_lengths(column: list[str]) -> None:
    lines = [text.splitlines() for text in column]
    assert signal("maximum_line_length", list(column)) == [max(map(len, split), default=0) for split in lines]
    average = [len(text) / len(split) if split else 0.0 for text, split in zip(column, lines, strict=True)]
    assert signal("average_line_length", list(column)) == average


@given(st.lists(lines_of("ab好é") | lines_of("aΣ ."), min_size=1, max_size=5), st.integers(1, 4))
def test_character_repetition(column: list[str], n: int) -> None:
    def expected(text: str) -> float:
        times = sorted(Counter(text[i : i + n] for i in range(len(text) - n + 1)).values(), reverse=True)
        most = min(int(math.sqrt(len(times))), sum(k > 1 for k in times))
        return sum(times[:most]) / sum(times) if times else 0.0

    assert signal("character_repetition", list(column), rep_len=n) == [expected(text) for text in column]


few_words = st.lists(
    st.sampled_from(["a", "A", "b.", "(B)", "ab", "好。", "ΟΔΟΣ", "οδος", "İ", "...", "\n", "\t", "a\u3000b", "-"]), max_size=40
)


@given(st.lists(few_words.map(" ".join) | lines_of("aB .\n\t-好\u3000"), min_size=1, max_size=5), st.integers(1, 4))
def test_words_and_their_repetition(column: list[str], n: int) -> None:
    def expected(text: str) -> float:
        words = refined(text, lower=True)
        times = Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1)).values()
        return sum(k for k in times if k > 1) / sum(times) if times else 0.0

    assert signal("words_num", list(column)) == [len(refined(text, lower=False)) for text in column]
    assert signal("word_repetition", list(column), rep_len=n) == [expected(text) for text in column]


@given(
    st.lists(few_words.map(" ".join), min_size=1, max_size=5),
    st.lists(st.sampled_from(["a", "b", "好", "ab", "οδος", "no such word"]), unique=True, max_size=5),
)
def test_shares_of_listed_words(column: list[str], listed: list[str]) -> None:
    split = [refined(text, lower=True) for text in column]
    expected = [sum(word in listed for word in words) / len(words) if words else 0.0 for words in split]
    assert signal("stopwords", list(column), words=listed) == expected
    assert signal("flagged_words", list(column), words=listed) == expected


@pytest.mark.parametrize(
    ("name", "params", "reasons"),
    [
        ("alphanumeric", {"min_ratio": 0.5, "max_ratio": 0.9}, ["above_max", "below_min", None]),
        ("special_characters", {"min_ratio": 0.1, "max_ratio": 0.5}, ["below_min", "above_max", None]),
        ("average_line_length", {"min_len": 4, "max_len": 8}, ["below_min", "below_min", "above_max"]),
        ("maximum_line_length", {"min_len": 4, "max_len": 8}, ["below_min", "below_min", "above_max"]),
        ("character_repetition", {"rep_len": 1, "min_ratio": 0.6, "max_ratio": 0.9}, ["above_max", "above_max", "below_min"]),
        ("word_repetition", {"rep_len": 1, "max_ratio": 0.1}, [None, None, "above_max"]),
        ("words_num", {"min_num": 1, "max_num": 2}, [None, "below_min", "above_max"]),
        ("stopwords", {"words": ["aaa"], "max_ratio": 0.9}, ["above_max", "below_min", "below_min"]),
        ("flagged_words", {"words": ["c"]}, [None, None, "above_max"]),
    ],
)
def test_a_row_leaves_outside_the_range(name: str, params: dict[str, Any], reasons: list[str | None]) -> None:
    rows = pl.DataFrame({"text": ["aaa", "---", "ab c, d! c", None]}, schema={"text": pl.String})
    assert verdicts(plan(name, column="text", **params), rows) == [*reasons, "no_signal"]


def test_a_tokenizer_is_refused() -> None:
    with pytest.raises(Exception, match="tokenization") as caught:
        OPERATORS.bind(Call.model_validate({"words_num": {"column": "text", "tokenization": True}}))
    assert not isinstance(caught.value, ValidationError)
