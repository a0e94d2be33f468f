"""Near-duplicates: the compiled signature, the clusters and the matches against plain Python oracles; recall on planted copies."""

from __future__ import annotations

import random
import re
import unicodedata
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.core.errors import RecipeError
from lakehouse.core.text import shingles
from lakehouse.core.text.kernels import minhash
from lakehouse.core.text.kernels.near_duplicates import best_match, near_duplicate_clusters
from lakehouse.core.text.kernels.simplify import FOLDED
from tests.factory import Factory, notes

from .test_operators import plan

MASK = (1 << 64) - 1
PRIME = (1 << 61) - 1


def mix(h: int) -> int:
    h ^= h >> 33
    h = h * 0xFF51AFD7ED558CCD & MASK
    h ^= h >> 33
    h = h * 0xC4CEB9FE1A85EC53 & MASK
    return h ^ h >> 33


def simple(text: str) -> str:
    parts = [(c, unicodedata.normalize("NFD", c)) for c in text.lower()]
    text = "".join("".join(b for b in base if not "\u0300" <= b <= "\u036f") if "\u3099" not in base else c for c, base in parts)
    text = "".join("0" if unicodedata.category(c) == "Nd" else c for c in text)
    return re.sub(" +", " ", "".join(" " if unicodedata.category(c)[0] in "PSZC" else c for c in text)).strip(" ")


def signature(text: str, unit: str, size: int) -> list[int] | None:
    """MinHash with the kernel's arithmetic, one number at a time."""
    text = simple(text)
    tokens = text.split(" ") if unit == "words" else list(text.replace(" ", ""))
    tokens = [token for token in tokens if token]
    if not tokens:
        return None
    hashes = []
    for token in tokens:
        h = 0xCBF29CE484222325
        for character in token:
            h = (h ^ ord(character)) * 0x100000001B3 & MASK
        hashes.append(mix(h))
    width = min(size, len(hashes))
    found = []
    for first in range(len(hashes) - width + 1):
        h = width
        for token_hash in hashes[first : first + width]:
            h = h * 0x9E3779B97F4A7C15 + token_hash & MASK
        found.append(mix(h))
    a, b = minhash.permutations(shingles.HASHES)
    out = []
    for x, y in zip(a.tolist(), b.tolist(), strict=True):
        out.append(min((h * x + y & MASK) % PRIME for h in found) & 0xFFFF)
    return out


# Letters whose category and case both Unicode databases, Python's and Polars', agree on.
some_text = st.text(alphabet="aB c1２,.好评价很é!、क िがか\u0301", max_size=25)


@given(st.lists(st.none() | some_text, min_size=1, max_size=4), st.sampled_from(["words", "characters"]), st.integers(1, 5))
def test_a_signature_is_that_of_plain_python(texts: list[str | None], unit: Any, size: int) -> None:
    column = pl.DataFrame({"text": texts}, schema={"text": pl.String}).select(shingles.signature("text", unit, size, FOLDED)).to_series()
    found = [None if value is None else np.frombuffer(value, dtype=np.uint16).tolist() for value in column]
    assert found == [None if text is None else signature(text, unit, size) for text in texts]


def shares_band(one: Any, other: Any) -> bool:
    return any((one[i : i + shingles.ROWS] == other[i : i + shingles.ROWS]).all() for i in range(0, shingles.HASHES, shingles.ROWS))


def oracle_clusters(matrix: Any, threshold: float) -> list[int]:
    parent = list(range(len(matrix)))

    def find(i: int) -> int:
        while parent[i] != i:
            i = parent[i]
        return i

    for i, j in combinations(range(len(matrix)), 2):
        if shares_band(matrix[i], matrix[j]) and (matrix[i] == matrix[j]).mean() >= threshold - 1e-9:
            one, other = sorted((find(i), find(j)))
            parent[other] = one
    return [find(i) for i in range(len(matrix))]


def family(seed: int, n: int) -> Any:
    """Signatures of which many are near others: each a copy of an earlier one with some hashes replaced."""
    generator = np.random.default_rng(seed)
    rows = [generator.integers(0, 1 << 16, shingles.HASHES, dtype=np.uint16)]
    while len(rows) < n:
        new = rows[generator.integers(len(rows))].copy()
        changed = generator.random(shingles.HASHES) < generator.choice([0.0, 0.05, 0.15, 0.3, 1.0])
        new[changed] = generator.integers(0, 1 << 16, int(changed.sum()), dtype=np.uint16)
        rows.append(new)
    return np.array(rows)


@given(st.integers(0, 10_000), st.integers(1, 25), st.sampled_from([0.5, 0.7, 0.8, 1.0]))
def test_clusters_are_those_of_all_verified_pairs(seed: int, n: int, threshold: float) -> None:
    matrix = family(seed, n)
    assert near_duplicate_clusters(matrix, shingles.BANDS, shingles.ROWS, threshold).tolist() == oracle_clusters(matrix, threshold)


@given(st.integers(0, 10_000), st.integers(1, 15))
def test_the_best_match_is_that_of_all_pairs(seed: int, n: int) -> None:
    matrix = family(seed, 2 * n)
    mine, theirs = matrix[:n], matrix[n:]
    index, similarity = best_match(mine, theirs, shingles.BANDS, shingles.ROWS)
    for i in range(n):
        near = [((mine[i] == theirs[j]).sum(), -j) for j in range(n) if shares_band(mine[i], theirs[j])]
        agreed, j = max(near, default=(0, 1))
        assert (index[i], similarity[i]) == (-j, agreed / shingles.HASHES)


WORDS = ["market", "report", "river", "train", "school", "music", "light", "paper", "stone", "garden", "winter", "engine", "letter"]
SIGNS = "商品物流客服包装质量价格速度颜色尺寸屏幕电池声音味道服务态度快递卖家满意推荐朋友家人老板手机衣服鞋子书籍食物新鲜舒服漂亮便宜"


def planted(unit: str, seed: int, n: int = 300) -> tuple[list[str], set[tuple[int, int]]]:
    """Random texts, a third of them followed by a copy with one token in forty changed; the planted pairs."""
    generator = random.Random(seed)
    tokens, joiner = (WORDS, " ") if unit == "words" else (SIGNS, "")
    texts: list[str] = []
    pairs = set()
    for i in range(n):
        row = [generator.choice(tokens) + (str(generator.randrange(99)) if unit == "words" else "") for _ in range(120)]
        texts.append(joiner.join(row))
        if i % 3 == 0:
            copy = [generator.choice(tokens) if generator.random() < 0.025 else token for token in row]
            pairs.add((len(texts) - 1, len(texts)))
            texts.append(joiner.join(copy).upper() + "。")
    return texts, pairs


def test_planted_near_duplicates_are_found_and_nothing_else() -> None:
    for unit, size in (("words", 3), ("characters", 3)):
        texts, pairs = planted(unit, seed=11)
        made = plan("dedup_minhash", column="text", unit=unit, size=size, threshold=0.6)
        rows = pl.DataFrame({"_row_id": [f"{i:04}" for i in range(len(texts))], "text": texts}).with_row_index("_index")
        seen = rows.with_columns(**made.signals).with_columns(_cluster=made.cluster)
        clusters = seen.group_by("_cluster").agg(pl.col("_row_id").cast(pl.Int64))["_row_id"]
        found = {pair for ids in clusters for pair in combinations(sorted(ids), 2)}
        recall, precision = len(found & pairs) / len(pairs), len(found & pairs) / max(len(found), 1)
        print(f"{unit}: recall {recall:.3f}, precision {precision:.3f}, {len(pairs)} planted pairs in {len(texts)} texts")  # noqa: T201 - figures for who asks with -s
        assert recall >= 0.95
        assert precision == 1.0


def clusters(rows: dict[str, list[str | None]], **given: Any) -> list[int | None]:
    """The cluster of each row."""
    made = plan("dedup_minhash", **given)
    frame = pl.DataFrame(rows, schema=dict.fromkeys(rows, pl.String)).with_row_index("_index")
    return frame.with_columns(**made.signals).select(made.cluster).to_series().to_list()


@pytest.mark.parametrize(
    ("one", "other", "aspect"),
    [
        ("What is 3 times 5 ?", "What is 9 times 4 ?", "digits"),
        ("It cost $40 in all", "It cost €40 in all", "symbols"),
        ("a rise of 5 % it was", "a rise of 5 it was", "symbols"),
        ("so C++ is meant here", "so C is meant here", "symbols"),
        ("The mass rose by + 2 kg", "The mass rose by 2 kg", "symbols"),
        ("Un résumé à la carte", "Un resume a la carte", "marks"),
        ("שָׁלוֹם לך חבר", "שלום לך חבר", "marks"),
        ("WHAT a day it was", "What a day it was", "case"),
        ("well, is it so?", "Well - is it so!", "punctuation"),
        ("ＡＢＣの価格です", "ABCの価格です", "width"),
        ("ﾃｽﾄの結果です", "テストの結果です", "width"),
    ],
)
@pytest.mark.parametrize("unit", ["words", "characters"])
def test_what_does_not_count_is_named(one: str, other: str, aspect: str, unit: str) -> None:
    rows: dict[str, list[str | None]] = {"text": [one, other]}
    every = {"case", "marks", "digits", "punctuation", "symbols", "width"}
    near = {"column": "text", "unit": unit, "size": 3, "threshold": 0.9}
    assert clusters(rows, **near, ignore=sorted(every)) == [0, 0]
    assert clusters(rows, **near, ignore=sorted(every - {aspect})) == [0, 1]
    assert clusters(rows, **near) == ([0, 1] if aspect in ("digits", "symbols") else [0, 0])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("वह कल दिन में मिला", "वह काल दान में मेला"),  # vowel signs
        ("かきくけこがある", "がぎぐげごがある"),  # voicing
        ("ข่าวนี้ดี", "ข้าวนี้ดี"),  # tones
        ("It was -5 outside", "It was 5 outside"),  # a hyphen that is a sign
        ("Water at −3 °C", "Water at 3 °C"),
    ],
)
def test_marks_that_spell_and_signs_of_numbers_count(one: str, other: str) -> None:
    assert clusters({"text": [one, other]}, column="text", unit="words", size=3, threshold=0.9) == [0, 1]
    assert clusters({"text": [one, other]}, column="text", unit="characters", size=3, threshold=0.9) == [0, 1]


def test_of_pairs_each_side_is_compared() -> None:
    question = "which of the many rivers of the country is the longest one of all"
    answer = "the longest of them is the river that flows from the hills to the sea"
    rows: dict[str, list[str | None]] = {
        "question": [question, question + "?", question, "another thing altogether is asked here", None],
        "answer": [answer, answer + "!", "no one knows that", answer, answer],
    }
    near = {"unit": "words", "size": 3, "threshold": 0.8}
    assert clusters(rows, columns=["question", "answer"], **near) == [0, 0, 2, 3, None]
    assert clusters(rows, column="question", **near) == [0, 0, 0, 3, None]
    with pytest.raises(RecipeError, match="one of `column` and `columns`"):
        clusters(rows, **near)


SAME = "很好的商品，物流很快，下次还会再来买东西，推荐给朋友"


def test_keep_says_which_row_stays(notes_factory: Factory) -> None:
    notes_factory.material(notes(SAME, SAME + "！真的", "完全不同的另外一段话，没有任何关系"))
    near = {"column": "text", "unit": "characters", "size": 3, "threshold": 0.6}
    kept = {}
    notes_factory.collect()
    for keep in ("first", "longest", "all"):
        notes_factory.declare([{"dedup_minhash": {**near, "keep": keep}}])
        silver = notes_factory.silver()
        assert silver.measured == (3 if keep == "first" else 0)
        kept[keep] = [i.removeprefix("notes/") for i in notes_factory.rows("silver")["_row_id"]]
    assert kept == {"first": ["00", "02"], "longest": ["01", "02"], "all": ["00", "01", "02"]}


def test_decontaminate_names_the_row_of_the_other_dataset(notes_factory: Factory) -> None:
    notes_factory.declare_source("exam")
    notes_factory.declare([], "exam", sources=["exam"], splits={"test": 1.0})
    notes_factory.material(notes("考试题目：请评价这个商品的物流速度和服务态度", "另一道没有人见过的题目"), "exam")
    notes_factory.made("exam", "exam")
    notes_factory.declare([{"decontaminate": {"column": "text", "dataset": "exam", "unit": "characters", "size": 3, "threshold": 0.7}}])
    notes_factory.material(notes("考试题目：请评价这个商品的物流速度和服务态度！", "一条完全无关的评论，物流很快", None))
    notes_factory.made()
    fates = notes_factory.rows("silver", "notes_fates")
    assert fates.select("_row_id", "fate", "rule", "other").rows() == [("notes/00", "dropped", "in_held_out", "exam/00")]
    # The held-out set changes: nothing is measured, the verdicts are taken anew.
    notes_factory.material(notes("一条完全无关的评论，物流很快"), "exam")
    notes_factory.made("exam", "exam")
    again = notes_factory.silver()
    assert again.measured == 0
    assert list(notes_factory.fates()) == ["01"]
