"""Chinese in the other script, against OpenCC itself."""

from __future__ import annotations

import opencc
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.production.test_operators import changed

POEMS = [
    "萬古春之主，羣山孰可曹。\n都因敦厚大，不是險⿱山虛高。",
    "勁兵重卒付胡奴，⿰區支雀⿰區支魚計自疏。",
    "頭髮乾燥，乾坤大挪移；皇后在後面，裏面有鐘錶。",
    "头发干燥，乾坤大挪移；皇后在后面，里面有钟表。",
    "計程車司機用滑鼠開啟軟體\r\n",
]
CHARACTERS = "⿰⿱⿲⿳⿻⿾⿿\u31ef區支雀虛乾坤燥頭发髮後后里裏皇面干豈\uf900𠀀\ufe00aB 1。\n"
LIBRARY = {"simplified": opencc.OpenCC("t2s"), "traditional": opencc.OpenCC("s2t")}


@pytest.mark.parametrize("to", ["simplified", "traditional"])
@settings(max_examples=150)
@given(
    column=st.lists(st.none() | st.text(CHARACTERS, max_size=30) | st.sampled_from(POEMS) | st.text(max_size=30), min_size=1, max_size=6)
)
@example(column=["\ue000", "", None, "𠮷野家", "⿰", "⿰頭"])
def test_convert_chinese_is_opencc(to: str, column: list[str | None]) -> None:
    known = [None if text is None else text.replace("\0", "") for text in column]  # OpenCC ends a text at U+0000
    assert changed("convert_chinese", known, to=to) == [None if text is None else LIBRARY[to].convert(text) for text in known]


@pytest.mark.parametrize("to", ["simplified", "traditional"])
def test_convert_chinese_is_opencc_on_every_character(to: str) -> None:
    characters = [chr(c) for c in range(1, 0x32000) if not 0xD800 <= c < 0xE000]
    assert changed("convert_chinese", list(characters), to=to) == [LIBRARY[to].convert(c) for c in characters]


def test_convert_chinese_writes_as_documented() -> None:
    assert changed("convert_chinese", ["漢語", "乾坤", "乾燥", None]) == ["汉语", "乾坤", "干燥", None]
    assert pl.Series(changed("convert_chinese", ["a\0漢"]))[0] == "a\0汉"
