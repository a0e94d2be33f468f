"""`sensitive_words`: what hides a term, what only looks like one, and a list in a file as part of the identity."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.core.errors import RecipeError, SpecError
from lakehouse.production.engine.operator import with_measured
from tests.factory import Factory, notes
from tests.production.test_operators import plan, verdicts

TERMS = ["敏感词", "法轮", "发票代开", "viagra", "hot girl", "c++", "q币", "водка", "加微信"]


def measured(column: list[str | None], **params: Any) -> list[tuple[int | None, int | None]]:
    """`hits` and `term` of each text."""
    made = plan("sensitive_words", column="text", **({"terms": TERMS} | params))
    texts = pl.DataFrame({"text": column}, schema={"text": pl.String})
    return texts.lazy().pipe(with_measured, made.signals).collect().select("hits", "term").rows()


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("这里有敏感词吗", 1),
        ("這裏有敏感詞嗎", 1),
        ("敏*感 词", 1),
        ("敏.感·词", 1),
        ("敏\u3000感　词", 1),
        ("敏😀感★词", 1),
        ("敏\u200b感\u202e词", 1),
        ("敏\ufe0f感\u2060词", 1),
        ("法輪", 2),
        ("發.票.代.開", 3),
        ("buy VIAGRA now", 4),
        ("buy ＶｉＡｇＲＡ now", 4),
        ("买viagra吧", 4),
        ("buy vi\u00adag\u200dra!", 4),
        ("buy vіаgrа now", 4),  # Cyrillic і, а, а
        ("buy ѵiagra, νiagra", 4),  # Greek ν
        ("buy v\u0336i\u0336a\u0336g\u0336r\u0336a", 4),
        ("𝓿𝓲𝓪𝓰𝓻𝓪", 4),
        ("ⓥⓘⓐⓖⓡⓐ", 4),
        ("a Hot Girl here", 5),
        ("I like C++.", 6),
        ("充Q币", 7),
        ("充Ｑ 币", None),  # blanks count only between two Han characters
        ("ВОДКА", 8),
        ("加 微 信 号", 9),
        ("viagras", None),
        ("xviagra", None),
        ("viagra2", None),
        ("敏锐的感觉，词语", None),
        ("机敏，感词", None),  # a sentence ends between them
        ("机敏\n感词", None),
        ("敏     感词", None),  # more than four blanks
        ("в огне", None),
        ("", None),
    ],
)
def test_a_term_is_found_however_it_is_written(text: str, term: int | None) -> None:
    assert measured([text]) == [(int(term is not None), term)]


def test_leet_is_read_where_it_is_asked_for() -> None:
    texts: list[str | None] = ["v1agra", "vi4gr@", "V14GRA", "1234567", "第4章"]
    assert [term for _, term in measured(texts, leet=True)] == [4, 4, 4, None, None]
    assert [term for _, term in measured(texts)] == [None] * 5
    assert measured(["P0rn $ex", "pornsex"], terms=["porn", "sex"], leet=True) == [(2, 1), (0, None)]


def test_no_scunthorpe() -> None:
    towns: list[str | None] = ["Scunthorpe, Essex and Penistone", "a class of assassins", "Sussex-born", "sex", "（sex）"]
    assert [hits for hits, _ in measured(towns, terms=["cunt", "sex", "penis", "ass"])] == [0, 0, 0, 1, 1]


def test_the_longest_term_at_a_place_counts_once() -> None:
    assert measured(["代开发票真发票"], terms=["发票", "代开发票", "开发"]) == [(2, 2)]


@pytest.mark.parametrize(("action", "fates"), [("drop", "drop"), ("quarantine", "quarantine")])
def test_a_text_with_more_terms_than_allowed_leaves(action: str, fates: str) -> None:
    texts = pl.DataFrame({"text": ["敏感词", "敏感词敏感词", "干净", None]})
    made = plan("sensitive_words", column="text", terms=TERMS, action=action, max_hits=1)
    assert made.action == fates
    assert verdicts(made, texts) == [None, "sensitive", None, "no_signal"]
    assert verdicts(plan("sensitive_words", column="text", terms=TERMS, action="count"), texts) == [None] * 4


@given(
    st.lists(
        st.none() | st.text(max_size=40) | st.text("敏感词 *法轮viagraВО\u0301\u200b가ᄀ\u1161\uff76\uff9e", max_size=30),
        min_size=1,
        max_size=5,
    )
)
def test_nothing_breaks_it_and_a_term_itself_is_always_found(column: list[str | None]) -> None:
    found = measured(column)
    assert [hits is None for hits, _ in found] == [text is None for text in column]
    for text in column:
        if text and text.strip() and any(c.isalnum() for c in text):
            assert measured([f"。{text}。"], terms=[text])[0][0] in (0, 1) or len(text) == 1


HAN = "天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往秋收冬藏闰余成岁律吕调阳云腾致雨露结为霜"
HIDDEN = ["{0}", "{0} ", "{0}*", "{0}\u200b", "{0}·", "{0}　", "{0}😀", "{0}\u2060.", "{0}--"]


def test_precision_and_recall_on_planted_disguises() -> None:
    draw = random.Random(7)
    terms = ["".join(draw.choices("赌博彩票毒枪弹药黑客洗钱", k=draw.randint(2, 4))) for _ in range(300)]
    terms += ["".join(draw.choices("bcdfgklmnprstvz", k=6)) for _ in range(200)]
    disguise = {"a": "а", "c": "с", "p": "р", "m": "м", "k": "к", "t": "т"}
    planted, clean = [], []
    for _ in range(2000):
        sentence = "".join(draw.choices(HAN, k=20))
        term = draw.choice(terms)
        if term.isascii():
            swapped = "".join(disguise.get(c, c) if draw.random() < 0.3 else c for c in term)
            written = draw.choice([term.upper(), swapped, "".join(chr(ord(c) + 0xFEE0) for c in term), "\u200d".join(term)])
            clean.append(f"{sentence}{term}x {sentence}x{term}")
        else:
            written = "".join(draw.choice(HIDDEN).format(c) for c in term).strip("*· 　-😀.")
            clean.append(f"{sentence}{term[:1]}，{term[1:]}{sentence}" if len(set(term)) > 1 else sentence)
        planted.append(f"{sentence}{written}{sentence}")
    found = [hits for hits, _ in measured(planted, terms=terms)]
    clean = [text for text in clean if not any(term in text for term in terms if not term.isascii())]
    wrong = [hits for hits, _ in measured([*clean], terms=terms)]
    assert len(clean) > 1200
    assert sum(bool(hits) for hits in found) / len(found) == 1.0  # recall
    assert sum(bool(hits) for hits in wrong) == 0  # so precision is 1, too


def test_the_lines_of_a_file_are_part_of_the_identity(notes_factory: Factory) -> None:
    from lakehouse.production.engine.recipe import compile_recipe

    notes_factory.write("words.txt", "敏感词\n\n法轮\n")
    notes_factory.material(notes("这里有敏 感 词", "法輪", "干净的文字", None))
    notes_factory.declare([{"sensitive_words": {"column": "text", "file": "words.txt", "action": "quarantine"}}])
    notes_factory.made()
    assert notes_factory.texts() == ["干净的文字"]
    assert {row: (fate, rule) for row, (fate, _, rule) in notes_factory.fates().items()} == {
        "00": ("quarantined", "sensitive"),
        "01": ("quarantined", "sensitive"),
        "03": ("quarantined", "no_signal"),
    }
    before = compile_recipe(notes_factory.project, "notes", dict.fromkeys(["id", "text", "label"], pl.String()))
    notes_factory.write("words.txt", "干净\n")
    after = compile_recipe(notes_factory.project, "notes", dict.fromkeys(["id", "text", "label"], pl.String()))
    assert before.signal_keys != after.signal_keys
    assert before.identity() != after.identity()
    notes_factory.made()
    assert notes_factory.texts() == ["这里有敏 感 词", "法輪"]


def test_a_file_that_is_not_there_is_named_with_its_line(notes_factory: Factory) -> None:
    notes_factory.material(notes("a"))
    notes_factory.declare([{"sensitive_words": {"column": "text", "file": "nowhere.txt"}}])
    notes_factory.collect()
    with pytest.raises(SpecError, match=r"nowhere\.txt") as caught:
        notes_factory.silver()
    assert "notes.yaml:" in str(caught.value)


@pytest.mark.parametrize("params", [{}, {"terms": []}, {"terms": [" "]}, {"terms": ["a"], "file": "x"}])
def test_terms_come_from_one_place(params: dict[str, Any]) -> None:
    with pytest.raises(RecipeError, match="no terms"):
        plan("sensitive_words", column="text", **params)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "words").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecipeError, match="cannot be read"):
        plan("sensitive_words", column="text", file=str(tmp_path / "words"))
