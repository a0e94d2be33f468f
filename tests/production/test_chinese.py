"""Chinese in the other script, against OpenCC itself, and words of Chinese text, against jieba itself."""

from __future__ import annotations

import re
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import opencc
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lakehouse.core.errors import MissingExtraError
from lakehouse.core.text import words as installed
from tests.factory import Factory, notes
from tests.production.test_operators import changed, plan

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # jieba's own: escapes in its patterns, pkg_resources
    import jieba

    jieba.setLogLevel(60)
    jieba.initialize()

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


REVIEWS = [
    "我来到北京清华大学，他来到了网易杭研大厦",
    "小明硕士毕业于中国科学院计算所，后在日本京都大学深造",
    "工信处女干事每月经过下属科室都要亲口交代24口交换机等技术性器件的安装工作",
    "乒乓球拍卖完了\r\n价格19.9%，C++ 和 AT&T，T恤 3.14.15",
    "酒店的服務很好,check in & check out 比较快. iPhone-12_pro #5 100%%",
    "王二麻子李逵宋江𠮷野家\u9fd6\u9fd5㐀、韩语한글 カナ\u3000全角\x1c空格",
    "古之欲明明德於天下者，先治其國；欲治其國者，先齊其家",
]


def joined(words: list[str], separator: str) -> str:
    """Words with a separator between them, none next to a blank."""
    out, after_blank = "", True
    for word in words:
        out += word if after_blank or word.isspace() else separator + word
        after_blank = word.isspace()
    return out


PIECES = sorted({piece for text in REVIEWS for piece in re.findall(".{1,3}", text)})
reviews = st.text(max_size=20) | st.lists(st.sampled_from(PIECES), max_size=25).map("".join) | st.sampled_from(REVIEWS)


@pytest.mark.parametrize("hmm", [True, False])
@pytest.mark.parametrize("separator", [" ", "", "／／"])
@given(column=st.lists(st.none() | reviews | st.text("的一是不了人在有我他这中大来上国a1.%-+", max_size=30), min_size=1, max_size=5))
@example(column=REVIEWS)
@example(column=["", None, "\n", "a", "1.5%", "..", "。"])
def test_segment_chinese_is_jieba(hmm: bool, separator: str, column: list[str | None]) -> None:
    found = changed("segment_chinese", column, hmm=hmm, separator=separator)
    assert found == [None if text is None else joined(jieba.lcut(text, HMM=hmm), separator) for text in column]


def test_segment_chinese_parts_as_documented_and_keeps_every_character() -> None:
    assert changed("segment_chinese", ["我来到北京清华大学"]) == ["我 来到 北京 清华大学"]
    assert changed("segment_chinese", ["我来到 北京\n清华大学，好"], separator="|") == ["我|来到 北京\n清华大学|，|好"]


def test_segment_chinese_says_which_extra_it_needs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    monkeypatch.delitem(__import__("sys").modules, "jieba")
    with pytest.raises(MissingExtraError, match=r"the extra `chinese`"):
        installed.folder()
    monkeypatch.undo()
    assert plan("segment_chinese", column="text").columns


def test_a_recipe_turns_traditional_notes_into_simplified_words(notes_factory: Factory) -> None:
    notes_factory.material(notes("漢語很有意思", "汉语很有意思", None, "This is a very good product and I like it."))
    notes_factory.declare(
        [
            {"convert_chinese": {"column": "text"}},
            {"language_id_score": {"column": "text", "lang": "zh", "min_score": 0.5}},
            {"dedup_exact": {"columns": ["text"]}},
            {"segment_chinese": {"column": "text"}},
        ]
    )
    notes_factory.made()
    assert notes_factory.texts("gold") == ["汉语 很 有意思"]
    assert notes_factory.fates() == {
        "01": ("merged", "dedup_exact", "duplicate"),
        "02": ("quarantined", "language_id_score", "no_signal"),
        "03": ("dropped", "language_id_score", "other_language"),
    }


def test_the_model_is_read_by_one_of_many_threads_that_want_it() -> None:
    installed._model.cache_clear()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: installed.model(), range(8)))
    assert all(one is found[0] for one in found)
