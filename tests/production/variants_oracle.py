"""The oracle of variants: chance, addresses, texts and words to try, in plain Python."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Any

import polars as pl
from hypothesis import strategies as st

from lakehouse.production.engine.operator import SEED, Change
from tests.production.test_operators import plan

ALL = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15
ENGLISH = (
    "The parcel arrived late, but the shop answered quickly and sent another one without any question. Nobody could say whether the "
    "morning train from the northern station would stop at the bridge; however, most people believed that it always had."
)
CHINESE = "这家店的服务很好，发货也快，包装完整，质量不错，下次还会再来购买。可是价格比以前贵了一点，希望以后多一些优惠活动！"
MIXED = "看https://a.b/c中文 and me@x.org; x86_64、cafe\u0301 café 3.14 and/or 😀 Wow!!\r\nA\u200dB 1,000 ok?"
PARTS = [
    *ENGLISH.split(" "),
    *CHINESE,
    *MIXED.split(" "),
    "",
    " ",
    "\r\n",
    "://",
    "@",
    ".",
    ",",
    "，",
    "！",
    "?",
    "1",
    "é",
    "e\u0301",
    "_",
    "a",
    "B",
    "中",
]
texts = st.lists(st.sampled_from(PARTS) | st.text(max_size=4), max_size=25).map("".join) | st.sampled_from([ENGLISH, CHINESE, MIXED])
columns = st.lists(st.none() | texts, min_size=1, max_size=5)
rates = st.sampled_from([0.0, 0.1, 0.5, 1.0])
seeds = st.integers(0, ALL)


def varied(name: str, column: list[str | None], seed: list[int], **params: Any) -> list[str | None]:
    made = plan(name, column="text", **params)
    assert isinstance(made, Change)
    rows = pl.DataFrame({"text": column, SEED: seed}, schema={"text": pl.String, SEED: pl.UInt64})
    return rows.with_columns(**made.columns)["text"].to_list()


# the oracle of chance and of addresses


def again(drawn: int) -> int:
    z = (drawn + GOLDEN) & ALL
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & ALL
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & ALL
    return z ^ (z >> 31)


def seed_of(name: str, seed: int) -> int:
    return again(seed ^ int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little"))


def drawn_at(seed: int, text: str, i: int) -> int:
    return again(seed + len(text[:i].encode()) * GOLDEN & ALL)


def happens(drawn: int, rate: float) -> bool:
    return drawn >> 11 < round(rate * (1 << 53))


def below(drawn: int, n: int) -> int:
    return (drawn >> 32) * n >> 32


LETTER = r"[A-Za-zÀ-ÖØ-öø-ɏ]"
ADDRESS = re.compile(rf"@|://|(?<=[0-9])_(?=[0-9])|(?<={LETTER})[./\\_](?={LETTER}|[0-9])|(?<=[0-9])[./\\_](?={LETTER})")
INSIDE = re.compile(r"[_\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]|\d")


def parts(text: str) -> Iterator[tuple[int, int, bool]]:
    """The text from end to end in pieces: those that are addresses, and what is between them."""
    at = 0
    for piece in re.finditer("[!-~À-ɏ]+", text):
        if piece.start() < at or not ADDRESS.search(piece[0]):
            continue
        end = piece.end()
        while "://" in piece[0] and end < len(text) and (text[end].isalnum() or re.match("[!-~À-ɏ]", text[end])):
            end += 1
        yield at, piece.start(), False
        yield piece.start(), end, True
        at = end
    yield at, len(text), False


def other_case(text: str, kind: str) -> str:
    """Letter by letter, as far as one letter becomes one."""
    pairs = ((c, c.upper() if kind == "upper" else c.lower()) for c in text)
    return "".join(new if len(new) == 1 and c.isalpha() else c for c, new in pairs)


GROUPS = [
    ["quick", "fast", "rapid", "as quick as lightning"],
    ["as soon as", "once"],
    ["Germany", "FRG"],
    ["hot dog", "sausage"],
    ["dog", "hound"],
    ["é", "naïve"],
    ["质量", "品质"],
    ["买", "购买", "入手"],
    ["干", "做"],
    ["很", "非常", "quick quick"],
    ["T恤", "短袖", "T"],
    ["得劲儿", "巴适得很", "U盘坏"],  # no words of jieba's dictionary
]
SENTENCES = [
    "As soon as the quick dog ate the hot dog, Once was FAST. Quick's fast-food in Germany; rapid_x www.fast.com fast at@home",
    "质量很好，我想买，买卖很多。别干了，干净的T恤 质量quick得劲儿 U盘坏了 购买入手",
    "巴适得很！非常quick quick，é e\u0301 naïve中国 naïve1 quick’s quick’ -quick- a-quick",
]
