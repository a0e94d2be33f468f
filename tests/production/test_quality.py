"""Text rules against plain Python: the classes of characters, words, lines, repetition and C4's lines, on any text."""

from __future__ import annotations

import re
import sys
from collections import Counter
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.core.text.kernels import characters
from lakehouse.production.engine.operator import Keep

from .factory_of_texts import lines_of, texts
from .test_operators import changed, plan, verdicts


def signals(name: str, column: list[str | None], **params: Any) -> list[dict[str, Any]]:
    """The signals of each row."""
    made = plan(name, column="text", **params)
    assert isinstance(made, Keep)
    return pl.DataFrame({"text": column}, schema={"text": pl.String}).select(**made.signals).to_dicts()


# characters


def test_classes_are_those_of_python_for_every_code_point() -> None:
    flags = np.zeros(sys.maxunicode + 1, dtype=np.uint8)
    flags[: len(characters.table())] = characters.table()
    every = [chr(c) for c in range(sys.maxunicode + 1)]
    for flag, holds in {
        characters.SPACE: str.isspace,
        characters.LETTER: str.isalpha,
        characters.ALPHANUMERIC: str.isalnum,
        characters.DIGIT: str.isdecimal,
        characters.LINE_END: lambda c: len(f"a{c}b".splitlines()) == 2,
    }.items():
        assert [c for c, f in zip(every, flags & flag, strict=True) if f] == list(filter(holds, every))


def test_sets_have_the_size_of_the_published_ones() -> None:
    assert (len(characters.TERMINALS), len(characters.SPECIALS)) == (159, 1641)
    assert len(characters.PUNCTUATIONS) == 281


# gopher_quality


def gopher(text: str, stop_words: list[str]) -> dict[str, Any]:
    words, lines = text.split(), text.splitlines()
    symbolic = [w for w in words if set(w) - characters.PUNCTUATIONS]

    def share(part: int, whole: int) -> float:
        return part / whole if whole else 0.0

    return {
        "words": len(symbolic),
        "mean_word_length": share(sum(map(len, symbolic)), len(symbolic)),
        "hashes": share(text.count("#"), len(words)),
        "ellipses": share(text.count("...") + text.count("…"), len(words)),
        "bullet_lines": share(sum(line.lstrip().startswith(("•", "-")) for line in lines), len(lines)),
        "ellipsis_lines": share(sum(line.rstrip().endswith(("...", "…")) for line in lines), len(lines)),
        "alphabetic_words": share(sum(any(c.isalpha() for c in w) for w in words), len(words)),
        "stop_words": len(set(stop_words) & set(words)),
    }


@given(texts, st.lists(st.sampled_from(["the", "好", "a", "#", "...", "b1"]), unique=True))
def test_gopher_quality_measures_what_plain_python_measures(column: list[str], stop_words: list[str]) -> None:
    assert signals("gopher_quality", list(column), stop_words=stop_words) == [gopher(text, stop_words) for text in column]


def test_gopher_quality_names_the_first_broken_rule_and_obeys_its_thresholds() -> None:
    column = ["the cat sat with the dog", "a b", "well-known neighbourhoods"]
    rows = pl.DataFrame({"text": column})
    made = plan("gopher_quality", column="text", min_doc_words=2, max_doc_words=5, min_stop_words=0)
    assert verdicts(made, rows) == ["gopher_long_doc", "gopher_below_avg_threshold", "gopher_above_avg_threshold"]


# gopher_repetition


def repetition(text: str) -> dict[str, Any]:
    def again(pieces: list[str]) -> tuple[float, int]:
        twice = [piece for i, piece in enumerate(pieces) if piece in pieces[:i]]
        return len(twice) / len(pieces), sum(map(len, twice))

    if not text:
        names = [*(f"dup_{p}{c}_frac" for p in ("para", "line") for c in ("", "_char")), *(f"top_{n}_gram" for n in (2, 3, 4))]
        return {"characters": 0} | dict.fromkeys([*names, *(f"duplicated_{n}_n_grams" for n in range(5, 11))], 0.0)
    paragraphs, lines, words = again(re.split(r"\n{2,}", text.strip())), again(re.split(r"\n+", text)), text.split()
    out: dict[str, Any] = {"characters": len(text), "dup_para_frac": paragraphs[0], "dup_para_char_frac": paragraphs[1] / len(text)}
    out |= {"dup_line_frac": lines[0], "dup_line_char_frac": lines[1] / len(text)}
    for n in (2, 3, 4):
        grams = Counter(" ".join(words[i : i + n]) for i in range(len(words) - n + 1)).most_common(1)
        out[f"top_{n}_gram"] = sum(len(gram) * times for gram, times in grams) / len(text)
    for n in range(5, 11):
        seen: set[str] = set()
        i = repeated = 0
        while i <= len(words) - n:
            gram = "".join(words[i : i + n])
            repeated += len(gram) * (gram in seen)
            i += n if gram in seen else 1
            seen.add(gram)
        out[f"duplicated_{n}_n_grams"] = repeated / len(text)
    return out


few_words = st.lists(st.sampled_from(["a", "b", "ab", "ba", "好", "a\n", "b\n\n", "\n"]), max_size=60).map(" ".join)


@given(st.lists(few_words | lines_of("aé好 \n\t\u3000\x1f"), min_size=1, max_size=5))
def test_gopher_repetition_measures_what_plain_python_measures(column: list[str]) -> None:
    assert signals("gopher_repetition", list(column)) == [repetition(text) for text in column]


PROSE = """Prose says each thing once, and in words that vary from one line to the next.

Where a sentence grows long, its middle still shares little with whatever came before; only small words return.
That is why the most frequent pair stays far below a fifth of all characters here."""


def test_gopher_repetition_leaves_prose_alone() -> None:
    rows = pl.DataFrame({"text": ["", PROSE, "on and on " * 30, "a line\n" * 9]})
    assert verdicts(plan("gopher_repetition", column="text"), rows) == ["empty", None, "top_2_gram", "dup_line_frac"]


# fineweb_quality


@given(texts, st.none() | st.just("a。"), st.integers(0, 6))
def test_fineweb_quality_measures_what_plain_python_measures(column: list[str], stop_chars: str | None, short: int) -> None:
    def expected(text: str) -> dict[str, Any]:
        lines = [line for line in text.split("\n") if line.strip()]
        ends = tuple(characters.TERMINALS if stop_chars is None else stop_chars)
        whole, words, n = len(text.replace("\n", "")), len(text.split()), len(lines)
        return {
            "lines": n,
            "line_punct_ratio": sum(line.endswith(ends) for line in lines) / n if n else 0.0,
            "short_line_ratio": sum(len(line) <= short for line in lines) / n if n else 0.0,
            "char_dup_ratio": sum(len(line) for i, line in enumerate(lines) if line in lines[:i]) / whole if whole else 0.0,
            "list_ratio": text.count("\n") / words if words else 0.0,
        }

    found = signals("fineweb_quality", list(column), stop_chars=stop_chars, short_line_length=short)
    assert found == [expected(text) for text in column]


def test_fineweb_quality_may_let_texts_without_any_punctuation_pass() -> None:
    rows = pl.DataFrame({"text": ["a line of more than thirty characters without an end", " \n "]})
    assert verdicts(plan("fineweb_quality", column="text"), rows) == ["line_punct_ratio", "empty"]
    assert verdicts(plan("fineweb_quality", column="text", line_punct_exclude_zero=True), rows) == [None, "empty"]


# c4_lines, c4_quality, c4_paragraph

POLICIES = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")
SENTENCE_END = re.compile(r"[.!?]+[\"')\]”’）」』》]*(?:\s+|\Z)|[。！？]+[\"')\]”’）」』》]*")


def c4_line(line: str, ended: bool, fewest: int) -> str | None:
    line = line.strip()
    words = line.split()
    if any(len(word) > 12 for word in words):
        return None
    line = re.sub(r"\[\d*]|\[edit]|\[citation needed]", "", line)
    lower = line.lower()
    if (ended and (not line.endswith((".", "?", "!", '"', "'")) or line.endswith("..."))) or len(words) < fewest:
        return None
    if "lorem ipsum" in lower:
        return line
    if "javascript" in lower or ("{" not in line and any(policy in lower for policy in POLICIES)):
        return None
    return line


PLAIN = ("use ", "Terms of Use", "a", "word", "好。", "w" * 12, "w" * 13, ".", "...", "!", '"', "\n", "\r\n")
ODD = ("coo\u212aies", "\u2028", "\x1c", "\u3000", "\x1f", "İ", "é")
pieces = st.sampled_from(
    [
        *POLICIES,
        "Lorem Ipsum",
        "lorem",
        "JavaScript",
        "{",
        "[12]",
        "[٣]",
        "[",
        "]",
        "[edit]",
        "[citation needed]",
        "coo\u212aies",
        *PLAIN,
        *ODD,
    ]
)
c4_texts = st.lists(st.lists(pieces, max_size=25).map(" ".join) | st.lists(pieces, max_size=15).map("".join), min_size=1, max_size=4)


@given(c4_texts, st.booleans(), st.integers(0, 3))
def test_c4_lines_keeps_what_plain_python_keeps(column: list[str], ended: bool, fewest: int) -> None:
    kept = ([c4_line(line, ended, fewest) for line in text.splitlines()] for text in column)
    expected = ["\n".join(line for line in lines if line is not None).strip() for lines in kept]
    params = {"filter_no_terminal_punct": ended, "min_words_per_line": fewest, "max_word_length": 12}
    assert changed("c4_lines", list(column), **params) == expected


def test_c4_lines_rules_can_be_left_out_one_by_one() -> None:
    text = ["see the cookie policy [1]\nneeds javascript to run\ntwo words\nis " + "w" * 1001 + " a word"]
    free = {"filter_no_terminal_punct": False, "filter_policy": False, "filter_javascript": False, "remove_citations": False}
    assert changed("c4_lines", text, **free, min_words_per_line=1, max_word_length=-1) == text
    assert changed("c4_lines", text, filter_no_terminal_punct=False, filter_policy=False) == ["see the cookie policy"]
    assert changed("c4_lines", [None, "", "Three words here."]) == [None, "", "Three words here."]


@given(st.lists(lines_of('ab .!?。！？)"』\n\r\u3000') | st.lists(pieces, max_size=9).map("".join), min_size=1, max_size=4))
def test_c4_quality_counts_sentences_and_finds_what_condemns(column: list[str]) -> None:
    def expected(text: str) -> dict[str, int]:
        lines = text.splitlines()
        return {
            "sentences": sum(bool(s.strip()) for line in lines for s in SENTENCE_END.split(line)),
            "lorem_ipsum_line": next((i for i, line in enumerate(lines) if "lorem ipsum" in line.lower()), -1),
            "curly_bracket_line": next((i for i, line in enumerate(lines) if "{" in line), -1),
        }

    assert signals("c4_quality", list(column)) == [expected(text) for text in column]


@pytest.mark.parametrize(
    ("params", "reasons"),
    [
        ({}, ["curly_bracket", "lorem_ipsum", "lorem_ipsum", "too_few_sentences"]),
        ({"filter_curly_bracket": False}, ["lorem_ipsum", "lorem_ipsum", "lorem_ipsum", "too_few_sentences"]),
        ({"filter_lorem_ipsum": False}, ["curly_bracket", "curly_bracket", "curly_bracket", "too_few_sentences"]),
        ({"filter_lorem_ipsum": False, "filter_curly_bracket": False, "min_num_sentences": 2}, [None, None, None, "too_few_sentences"]),
    ],
)
def test_c4_quality_names_what_comes_first(params: dict[str, Any], reasons: list[str | None]) -> None:
    rows = pl.DataFrame({"text": ["a { here.\nlorem ipsum.", "lorem ipsum.\na { here.", "a { and Lorem Ipsum.\n{.", "One."]})
    assert verdicts(plan("c4_quality", column="text", **params), rows) == reasons


@given(texts, st.integers(1, 4))
def test_c4_paragraph_measures_the_last_of_the_longest_lines(column: list[str], least: int) -> None:
    def expected(text: str) -> int:
        lengths = sorted(map(len, text.split("\n")), reverse=True)
        return lengths[least - 1] if len(lengths) >= least else -1

    assert signals("c4_paragraph", list(column), min_paragraphs=least) == [{"paragraph_length": expected(text)} for text in column]
