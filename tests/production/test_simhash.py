"""SimHash: the compiled fingerprint and the clusters against plain Python oracles; what a recipe makes of it."""

from __future__ import annotations

import random
import unicodedata
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.core.errors import RecipeError
from lakehouse.core.text.kernels import simhash
from tests.factory import Factory, notes

from .test_near_duplicates import mix
from .test_operators import plan

MASK = (1 << 64) - 1
BASE = 0x9E3779B97F4A7C15


def token_hash(token: str) -> int:
    h = 0xCBF29CE484222325
    for byte in token.encode():
        h = (h ^ byte) * 0x100000001B3 & MASK
    return mix(h)


def tokens_of(text: str, tokenization: str) -> list[str]:
    if tokenization == "character":
        return list(text)
    if tokenization == "space":
        return [word for word in text.split(" ") if word]
    pieces = [""]
    for character in text:
        if unicodedata.category(character)[0] == "P":
            pieces.append("")
        else:
            pieces[-1] += character
    return pieces if text else []


def fingerprint(text: str, tokenization: str, size: int) -> int | None:
    """SimHash with the kernel's hash, one number at a time."""
    hashes = [token_hash(token) for token in tokens_of(text, tokenization)]
    if not hashes:
        return None
    width = min(size, len(hashes))
    votes = [0] * 64
    for first in range(len(hashes) - width + 1):
        h = 0
        for part in hashes[first : first + width]:
            h = (h * BASE + part) & MASK
        h = mix(h + width & MASK)
        for bit in range(64):
            votes[bit] += 1 if h >> bit & 1 else -1
    found = sum(1 << bit for bit in range(64) if votes[bit] > 0)
    return found - (1 << 64) if found >> 63 else found


def measured(column: list[str | None], **params: Any) -> pl.DataFrame:
    frame = pl.DataFrame({"text": column}, schema={"text": pl.String})
    return frame.select(**plan("dedup_simhash", column="text", **params).signals)


some_text = st.text(alphabet="aB c１,.好评 !、。\n😀é", max_size=40) | st.text(max_size=40)


@given(st.lists(st.none() | some_text, min_size=1, max_size=4), st.sampled_from(["space", "punctuation", "character"]), st.integers(1, 7))
def test_a_fingerprint_is_that_of_plain_python(column: list[str | None], tokenization: Any, size: int) -> None:
    found = measured(column, tokenization=tokenization, window_size=size, lowercase=False)["fingerprint"].to_list()
    assert found == [None if text is None else fingerprint(text, tokenization, size) for text in column]


def test_a_long_text_counts_every_shingle() -> None:
    text = " ".join(str(i % 700) for i in range(3000))
    assert measured([text])["fingerprint"].to_list() == [fingerprint(text, "space", 6)]


def test_case_and_ignored_patterns_are_left_out_first() -> None:
    found = measured(["Page 12 of the BOOK", "page 7 of the book"], window_size=2, ignore_pattern=r"page \d+")["fingerprint"]
    assert found[0] == found[1] == fingerprint(" of the book", "space", 2)


def family(seed: int, n: int) -> Any:
    """Fingerprints of which many are near others: each an earlier one with some bits flipped."""
    generator = random.Random(seed)
    rows = [generator.getrandbits(64)]
    while len(rows) < n:
        flips = generator.choice([0, 1, 2, 3, 4, 5, 6, 30])
        new = generator.choice(rows)
        for bit in generator.sample(range(64), flips):
            new ^= 1 << bit
        rows.append(new)
    generator.shuffle(rows)
    return np.array(rows, dtype=np.uint64)


def oracle_clusters(prints: list[int], most: int) -> list[int]:
    parent = list(range(len(prints)))

    def find(i: int) -> int:
        while parent[i] != i:
            i = parent[i]
        return i

    for i, j in combinations(range(len(prints)), 2):
        if (prints[i] ^ prints[j]).bit_count() <= most:
            one, other = sorted((find(i), find(j)))
            parent[other] = one
    return [find(i) for i in range(len(prints))]


@given(st.integers(0, 100_000), st.integers(1, 40), st.sampled_from([(6, 4), (5, 4), (1, 0), (4, 3), (7, 3), (12, 6)]))
def test_clusters_are_those_of_all_pairs_within_the_distance(seed: int, n: int, setting: tuple[int, int]) -> None:
    prints = family(seed, n)
    blocks, most = setting
    assert simhash.clusters(prints, blocks, most).tolist() == oracle_clusters(prints.tolist(), most)


@given(st.integers(0, 100_000), st.integers(2, 12), st.data())
def test_two_fingerprints_within_the_distance_agree_under_a_mask(seed: int, blocks: int, data: Any) -> None:
    most = data.draw(st.integers(0, blocks - 1))
    generator = random.Random(seed)
    one = other = generator.getrandbits(64)
    for bit in generator.sample(range(64), most):
        other ^= 1 << bit
    assert any(one & int(mask) == other & int(mask) for mask in simhash.masks(blocks, most))


def test_a_distance_that_blocks_cannot_find_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"`hamming_distance` 6 is not less than `num_blocks` 6"):
        plan("dedup_simhash", column="text", hamming_distance=6)
    with pytest.raises(RecipeError, match="no regular expression"):
        plan("dedup_simhash", column="text", ignore_pattern="(?=x)")


LONG = "很好的商品，物流很快，下次还会再来买东西，推荐给朋友，包装也很结实，客服的态度让人满意，价格比别家便宜不少。"


def test_planted_near_duplicates_merge_and_short_texts_do_not(notes_factory: Factory) -> None:
    notes_factory.material(notes(LONG, LONG + "！", "嗯" + LONG, "短", "文", None, "短"))
    notes_factory.collect()
    kept, near = {}, {"column": "text", "tokenization": "character", "window_size": 3, "num_blocks": 12, "hamming_distance": 11}
    for keep in ("first", "longest", "all"):
        notes_factory.declare([{"dedup_simhash": {**near, "keep": keep}}])
        silver = notes_factory.silver()
        assert silver.measured == (7 if keep == "first" else 0)
        kept[keep] = [i.removeprefix("notes/") for i in notes_factory.rows("silver")["_row_id"]]
    assert kept == {"first": ["00", "03", "04", "05"], "longest": ["01", "03", "04", "05"], "all": [f"{i:02}" for i in range(7)]}
    notes_factory.declare([{"dedup_simhash": {**near, "keep": "first"}}])
    notes_factory.silver()
    fates = notes_factory.rows("silver", "notes_fates").select("_row_id", "fate", "rule", "other")
    assert fates.rows() == [(f"notes/{i}", "merged", "duplicate", f"notes/{j}") for i, j in (("01", "00"), ("02", "00"), ("06", "03"))]
