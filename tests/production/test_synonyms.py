"""Synonyms against a plain Python oracle that draws the same numbers."""

from __future__ import annotations

import re
import sys
import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lakehouse.core.errors import MissingExtraError, SpecError
from lakehouse.core.text import words as installed
from tests.production.test_operators import plan
from tests.production.variants_oracle import (
    GROUPS,
    INSIDE,
    SENTENCES,
    again,
    below,
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

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # jieba's own: escapes in its patterns, pkg_resources
    import jieba

    jieba.setLogLevel(60)
    jieba.initialize()


TERMS = [term for group in GROUPS for term in group]
IDEOGRAPH = r"[\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff]"


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


PIECES = sorted(
    {*TERMS, *(piece for text in SENTENCES for piece in re.findall(r"\w+|\W", text)), "-", "'", "_", "卖", "净", "\n", "@", "9"}
)
sentences = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=20).map("".join) | st.sampled_from(SENTENCES) | texts


@pytest.mark.parametrize("chinese", ["words", "longest"])
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
        (b"a,b\nc\n", ":2", "`c` is alone"),
        ("a,b\n好,坏\n".encode("gb18030"), ":2", "not UTF-8"),
        (b"a,b\n\nc,A\n", ":3", "`A` is in line 1 already"),
        (b"a,a\n", ":1", "`a` is in line 1 already"),
        (b"a,b,\n", ":1", "an empty word"),
        (b"\n \n", "", "has no words"),
        (b'a,b\n"c,d\n', ":2", "is alone"),
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
    with pytest.raises(MissingExtraError, match=r"except with `chinese: longest`(.|\n)*the extra `chinese`"):
        plan("synonyms", column="text", table=table)
    assert plan("synonyms", column="text", table=table, chinese="longest").columns
    assert plan("synonyms", column="text", table=table, language="en").columns
    assert plan("synonyms", column="text", table=str(english)).columns
