"""Operators that make variants, each against a plain Python oracle that draws the same numbers."""

from __future__ import annotations

import random
import re
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lakehouse.production.engine.operator import SEED
from tests.factory import new_factory, notes
from tests.production.test_operators import plan
from tests.production.variants_oracle import (
    ALL,
    CHINESE,
    ENGLISH,
    INSIDE,
    LETTER,
    MIXED,
    SENTENCES,
    again,
    below,
    columns,
    drawn_at,
    happens,
    other_case,
    parts,
    rates,
    seed_of,
    seeds,
    texts,
    varied,
)


def test_what_is_an_address() -> None:
    def addresses(text: str) -> list[str]:
        return [text[i:j] for i, j, address in parts(text) if address]

    assert addresses(MIXED) == ["https://a.b/c中文", "me@x.org;", "x86_64", "and/or"]
    assert addresses("3.5分好评, 1.2.3 end. Next (www.x.org) 10/12") == ["(www.x.org)"]


# typos

KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


def near(key: str) -> list[str]:
    """By the picture of a keyboard: left and right in the row; two keys above, two below."""
    row = next(k for k, keys in enumerate(KEYS) if key in keys)
    x = KEYS[row].index(key)
    touch = {(row, x - 1), (row, x + 1)}
    touch |= {(0, x), (0, x + 1), (2, x - 1), (2, x)} if row == 1 else {(1, x - 1), (1, x)} if row == 0 else {(1, x), (1, x + 1)}
    return sorted(KEYS[r][c] for r, c in touch if 0 <= c < len(KEYS[r]))


def slipped(text: str | None, seed: int, rate: float, kinds: list[str]) -> str | None:
    if text is None:
        return None
    state, out = seed_of("typos", seed), ""
    for begin, end, address in parts(text):
        i = begin
        while i < end:
            word = None if address else re.compile(f"{LETTER}+").match(text, i, end)
            if word is None:
                out += text[i]
                i += 1
                continue
            before, after = text[begin:i][-1:], text[word.end() : word.end() + 1]
            if INSIDE.match(before) or INSIDE.match(after):
                out, i = out + word[0], word.end()
                continue
            out, i = out + text[i], i + 1
            while i < word.end():
                drawn = drawn_at(state, text, i)
                options = ["swap"] * (i + 1 < word.end() and text[i : i + 1] != text[i + 1 : i + 2]) + ["drop", "double"]
                options = [kind for kind in [*options, *["neighbour"] * text[i].isascii()] if kind in kinds]
                kind = options[below(again(drawn), len(options))] if options and happens(drawn, rate) else "none"
                if kind == "swap":
                    out, i = out + text[i + 1] + text[i], i + 2
                    continue
                if kind == "neighbour":
                    touch = near(text[i].lower())
                    key = touch[below(again(again(drawn)), len(touch))]
                    out += key.upper() if text[i].isupper() else key
                elif kind != "drop":
                    out += text[i] * (1 + (kind == "double"))
                i += 1
    return out


KINDS = ["swap", "drop", "double", "neighbour"]


@given(columns, st.lists(seeds, min_size=5, max_size=5), rates, st.lists(st.sampled_from(KINDS), min_size=1, unique=True))
@example([ENGLISH, CHINESE, MIXED, None, ""], [1, 2, 3, 4, 5], 0.5, KINDS)
@example([ENGLISH] * 5, [0, 1, 2, 3, ALL], 0.02, KINDS)
@example(["Aa", "aB9", "9ab", "straßeŸÿ", "a\u0301bc"], [1, 2, 3, 4, 5], 1.0, ["neighbour"])
def test_typos_slip_as_the_rule_says(column: list[str | None], seed: list[int], rate: float, kinds: list[str]) -> None:
    seed = seed[: len(column)]
    assert varied("typos", column, seed, rate=rate, kinds=kinds) == [slipped(t, s, rate, kinds) for t, s in zip(column, seed, strict=True)]


@given(texts, seeds)
def test_typos_of_one_kind_keep_what_they_must(text: str, seed: int) -> None:
    swaps, drops, doubles = (varied("typos", [text], [seed], rate=0.5, kinds=[kind])[0] or "" for kind in ("swap", "drop", "double"))
    assert sorted(swaps) == sorted(text)
    assert len(drops) <= len(text) <= len(doubles) <= 2 * len(text)
    letters = iter(text)
    assert all(character in letters for character in drops)  # a subsequence
    untouched = re.compile(f"{LETTER}|")
    assert untouched.sub("", swaps) == untouched.sub("", drops) == untouched.sub("", doubles) == untouched.sub("", text)


def test_typos_slip_at_the_rate_and_leave_first_letters_and_addresses() -> None:
    shuffled = random.Random(1)
    words = re.findall("[a-z]{2,}", ENGLISH.lower())
    column = [" ".join(shuffled.choices(words, k=200)) for _ in range(100)]
    found = varied("typos", column, list(range(100)), rate=0.1, kinds=["neighbour"])
    pairs = [(a, b) for text, new in zip(column, found, strict=True) for a, b in zip(text, new or "", strict=True)]
    may = sum(len(word) - 1 for text in column for word in text.split())
    assert sum(a != b for a, b in pairs) / may == pytest.approx(0.1, rel=0.05)
    assert [w[0] for t in column for w in t.split()] == [w[0] for t in found for w in (t or "").split()]
    kept = ["https://example.org/path", "me@example.org", "x86_64 B2B 3rd", "os.path", CHINESE, "Ελληνικά Привет", "cafe\u0301", "1,000"]
    assert varied("typos", list(kept), list(range(len(kept))), rate=1.0) == kept


# case_noise

CASES = ["lower", "upper", "title", "swap_first"]
WITHIN = r"(?:[^\W_]|['’\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f])*"
WORD = re.compile(rf"[^\W_]{WITHIN}")


def recased(text: str | None, seed: int, kinds: list[str]) -> str | None:
    if text is None:
        return None
    kind = sorted(kinds, key=CASES.index)[below(again(seed_of("case_noise", seed)), len(kinds))]
    out, swapped, before = "", False, False
    for begin, end, address in parts(text):
        part = text[begin:end]
        if address:
            out += part
        elif kind == "title":
            rest = re.match(WITHIN if before else "", part)
            kept = rest[0] if rest else ""
            out += kept + WORD.sub(lambda word: other_case(word[0][0], "upper") + word[0][1:], part[len(kept) :])
        elif kind == "swap_first":
            for c in part:
                small, capital = other_case(c, "lower"), other_case(c, "upper")
                first = not swapped and (small != c or capital != c)
                out += (small if small != c else capital) if first else c
                swapped |= first
        else:
            out += other_case(part, kind)
        before = address
    return out


@given(columns, st.lists(seeds, min_size=5, max_size=5), st.lists(st.sampled_from(CASES), min_size=1, unique=True))
@example([ENGLISH, CHINESE, MIXED, None, "ß İıſ ÿ\u0345 ⓐⅷ ꭰ don't e\u0301a"], [1, 2, 3, 4, 5], ["title"])
@example(["ß İıſ ÿ\u0345 ⓐⅷ ꭰ 𐐨 Ⱥⱥ" * 9] * 5, [1, 2, 3, 4, 5], ["upper", "lower"])
@example(["a_bαβ x", "https://a/αγ.b", "ᾳ", "", "\u0345"], [1, 2, 3, 4, 5], ["title"])
def test_case_noise_writes_one_case(column: list[str | None], seed: list[int], kinds: list[str]) -> None:
    seed = seed[: len(column)]
    assert varied("case_noise", column, seed, kinds=kinds) == [recased(t, s, kinds) for t, s in zip(column, seed, strict=True)]


def test_case_noise_writes_as_documented() -> None:
    text = "the Quick fox isn't at www.Example.org"
    written = {kind: varied("case_noise", [text], [1], kinds=[kind])[0] for kind in CASES}
    assert written == {
        "lower": "the quick fox isn't at www.Example.org",
        "upper": "THE QUICK FOX ISN'T AT www.Example.org",
        "title": "The Quick Fox Isn't At www.Example.org",
        "swap_first": "The Quick fox isn't at www.Example.org",
    }
    chosen = Counter(varied("case_noise", [text] * 4000, list(range(4000))))
    assert len(chosen) == 4
    assert all(times == pytest.approx(1000, rel=0.1) for times in chosen.values())
    assert varied("case_noise", [CHINESE], [1]) == [CHINESE]


# punctuation_noise

SIGNS = dict(zip(",.!?，。！？", "，。！？,.!?", strict=True))
SIGN = re.compile(rf"(?<![,.!?，。！？])[,.!?，。！？](?![,.!?，。！？]|\d|{LETTER})")


def repunctuated(text: str | None, seed: int, rate: float) -> str | None:
    if text is None:
        return None
    state, out = seed_of("punctuation_noise", seed), ""
    for begin, end, address in parts(text):
        i = begin
        while i < end:
            sign, drawn, i = text[i], drawn_at(state, text, i), i + 1
            if address or not SIGN.match(text, i - 1) or not happens(drawn, rate):
                out += sign
                continue
            options = ["", SIGNS[sign], sign * 2][: 3 if sign in "!?！？" else 2]
            if sign == "," and re.match(r" [^\s\d]", text[i:]):
                options.append("blank")
            chosen = options[below(again(drawn), len(options))]
            out += sign if chosen == "blank" else chosen
            i += chosen == "blank"
    return out


@given(
    st.lists(st.none() | texts | st.text(",.!?，。！？ a1é好\n\u3000١_/", max_size=20), min_size=1, max_size=5),
    st.lists(seeds, min_size=5, max_size=5),
    rates,
)
@example([ENGLISH, CHINESE, MIXED, None, ""], [1, 2, 3, 4, 5], 1.0)
@example(["a, b", "a, 1", "a,  b", "a, ", "a, www.x.org"], [1, 2, 3, 4, 5], 1.0)
def test_punctuation_noise_follows_the_rule(column: list[str | None], seed: list[int], rate: float) -> None:
    seed = seed[: len(column)]
    found = varied("punctuation_noise", column, seed, rate=rate)
    assert found == [repunctuated(text, s, rate) for text, s in zip(column, seed, strict=True)]


def test_punctuation_noise_changes_its_share_and_leaves_numbers_and_addresses() -> None:
    kept = ["3.14 and 1,000 and .5", "www.example.org. http://a.b/c?d=e!", "... ?! wait!!", "a,b e.g. .NET", "no signs", "１，０００"]
    assert varied("punctuation_noise", list(kept), list(range(len(kept))), rate=1.0) == kept
    column: list[str | None] = ["好。"] * 5000
    assert Counter(varied("punctuation_noise", column, list(range(5000)), rate=0.3)) == {
        "好。": pytest.approx(3500, rel=0.05),
        "好": pytest.approx(750, rel=0.1),
        "好.": pytest.approx(750, rel=0.1),
    }
    assert set(varied("punctuation_noise", ["So, yes!"] * 200, list(range(200)), rate=1.0)) == {
        comma + exclamation for comma in ("So yes", "So， yes", "So,yes") for exclamation in ("", "！", "!!")
    }


# every operator

OPERATORS_HERE: dict[str, dict[str, Any]] = {
    "typos": {"rate": 0.3},
    "homophones": {"rate": 0.3},
    "look_alikes": {"rate": 0.5},
    "case_noise": {},
    "punctuation_noise": {"rate": 0.6},
    "synonyms": {"rate": 0.6},
}


@pytest.mark.parametrize("name", OPERATORS_HERE)
def test_a_variant_depends_on_its_text_and_seed_alone(name: str, table: str) -> None:
    params = OPERATORS_HERE[name] | ({"table": table} if name == "synonyms" else {})
    column = [SENTENCES[1] + ENGLISH, CHINESE, MIXED, None, "", ENGLISH]
    seed = [5, 6, 7, 8, 9, 10]
    whole = varied(name, column, seed, **params)
    assert whole == varied(name, column, seed, **params)
    assert whole == [varied(name, [t], [s], **params)[0] for t, s in zip(column, seed, strict=True)]
    assert whole[::-1] == varied(name, column[::-1], seed[::-1], **params)
    assert whole[3:5] == [None, ""]
    assert len({varied(name, [MIXED + ENGLISH + CHINESE + SENTENCES[0]], [s], **params)[0] for s in range(20)}) > 3
    sliced = pl.concat([pl.DataFrame({"text": column, SEED: seed}, schema={"text": pl.String, SEED: pl.UInt64})] * 3, rechunk=False)
    made = plan(name, column="text", **params)
    assert sliced.slice(2, 8).lazy().with_columns(**made.columns).collect(engine="streaming")["text"].to_list() == (whole * 3)[2:10]


def test_all_of_them_in_a_dataset(tmp_path: Path) -> None:
    steps = {
        "typos": {"rate": 0.2},
        "homophones": {"rate": 0.3},
        "look_alikes": {"rate": 0.3},
        "case_noise": {"kinds": ["upper"]},
        "punctuation_noise": {"rate": 1.0},
        "synonyms": {"table": "words/synonyms.csv", "rate": 1.0},
    }
    augment = [{"steps": [{name: {"column": "text", **params}}], "copies": 2} for name, params in steps.items()]
    factory = new_factory(tmp_path, [], augment=augment, splits={"by": "row", "train": 1.0})
    factory.write("words/synonyms.csv", "quick,fast\n质量,品质\n")
    factory.material(notes("The quick delivery was really nice, thank you.", "质量很好，请他清洗一下。", "质量 quick"))
    version = factory.made()[1].version
    rows = dict(factory.rows("gold").select("_row_id", "text").iter_rows())
    assert len(set(rows.values())) > 3 + len(steps)
    made = {row.partition("#")[2]: text for row, text in rows.items() if row.startswith("notes/00#")}
    assert {name.partition(".")[0] for name in made} == {"typos", "case_noise", "punctuation_noise", "synonyms"}  # others: as its parent
    assert made["case_noise.0"] == "THE QUICK DELIVERY WAS REALLY NICE, THANK YOU."
    assert made["synonyms.0"] == "The fast delivery was really nice, thank you."
    factory.write("words/synonyms.csv", "quick,fast,rapid\n质量,品质\n")
    assert factory.made()[1].version != version
