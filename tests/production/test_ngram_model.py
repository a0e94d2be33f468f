"""The language model: the compiled kernel against the definition in plain Python, sums to one, and a sensible order of texts."""

from __future__ import annotations

import math
import random
import re
from collections import Counter, defaultdict
from itertools import chain
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.core.text.kernels import buffers, characters, ngram_model, simplify

from .test_near_duplicates import simple

Gram = tuple[str, ...]
BEGIN, END, UNKNOWN = "<s>", "</s>", "<unk>"


def trained(texts: list[str], order: int, by_word: bool) -> Any:
    return ngram_model.train(*buffers.utf8(pl.Series(texts, dtype=pl.String)), order, by_word)


def scored(texts: list[str], arrays: Any) -> tuple[list[float], list[int]]:
    probability, counts = ngram_model.score(*buffers.utf8(pl.Series(texts, dtype=pl.String)), arrays)
    return probability.tolist(), counts.tolist()


def tokens_of(text: str, by_word: bool) -> list[str]:
    """Folded tokens, one character at a time, by what `simple` makes of each."""
    folded = ""
    for character in re.sub(r"\s", " ", text):
        kept = simple(f"x{character}x")[1:-1]
        folded += character if kept == " " else kept
    folded = re.sub(" +", " ", folded).strip(" ")
    if not by_word:
        return list(folded)
    tokens = [""]
    for c in folded:
        if c == " ":
            tokens.append("")
        elif c.isalnum() and not "\u3400" <= c <= "\u9fff":
            tokens[-1] += c
        else:
            tokens += [c, ""]
    return [token for token in tokens if token]


class Oracle:
    """Interpolated modified Kneser-Ney, straight from the formula."""

    def __init__(self, texts: list[str], order: int, by_word: bool) -> None:
        self.order = order
        sentences = [[BEGIN, *tokens, END] for tokens in (tokens_of(text, by_word) for text in texts) if tokens]
        self.vocabulary = {*chain.from_iterable(sentences), UNKNOWN} - {BEGIN}
        raw = [Counter(tuple(s[i : i + n]) for s in sentences for i in range(len(s) - n + 1)) for n in range(order + 2)]
        self.counts: list[dict[Gram, int]] = [{}]
        for n in range(1, order + 1):
            before: dict[Gram, set[str]] = defaultdict(set)
            for gram in raw[n + 1] if n < order else ():
                before[gram[1:]].add(gram[0])
            self.counts.append({g: c if n == order or g[0] == BEGIN else len(before[g]) for g, c in raw[n].items() if g != (BEGIN,)})
        self.discounts = [self.discount(counts) for counts in self.counts]
        self.after: dict[Gram, dict[str, int]] = defaultdict(dict)
        for gram, count in chain.from_iterable(counts.items() for counts in self.counts):
            self.after[gram[:-1]][gram[-1]] = count

    @staticmethod
    def discount(counts: dict[Gram, int]) -> tuple[float, ...]:
        n1, n2, n3, n4 = (sum(c == k for c in counts.values()) for k in (1, 2, 3, 4))
        if not (n1 and n2 and n3 and n4):
            return ngram_model.FALLBACK
        y = n1 / (n1 + 2 * n2)
        found = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
        return found if all(0 < d <= k for k, d in enumerate(found, 1)) else ngram_model.FALLBACK

    def probability(self, context: Gram, token: str) -> float:
        context = context[max(0, len(context) - self.order + 1) :]
        shorter = self.probability(context[1:], token) if context else 1 / len(self.vocabulary)
        following = self.after.get(context)
        if not following:
            return shorter
        discounts = self.discounts[len(context) + 1]
        total = sum(following.values())
        left = sum(discounts[min(c, 3) - 1] for c in following.values()) / total
        count = following.get(token, 0)
        return (count - discounts[min(count, 3) - 1] if count else 0) / total + left * shorter

    def score(self, text: str, by_word: bool) -> tuple[float, int]:
        tokens = [BEGIN, *tokens_of(text, by_word), END]
        if len(tokens) == 2:
            return 0.0, 0
        return sum(math.log10(self.probability(tuple(tokens[:i]), tokens[i])) for i in range(1, len(tokens))), len(tokens) - 1


few_letters = st.text(alphabet="ab", max_size=30)
some_text = st.text(alphabet="abB c1２,好评价!、\n\ré\u0301😀\u200b", max_size=40)
corpora = st.lists(few_letters | some_text, min_size=1, max_size=8)


@given(corpora, st.lists(some_text | few_letters, min_size=1, max_size=4), st.integers(1, 6), st.booleans())
def test_a_text_has_the_probability_of_the_formula(corpus: list[str], texts: list[str], order: int, by_word: bool) -> None:
    arrays, oracle = trained(corpus, order, by_word), Oracle(corpus, order, by_word)
    probabilities, counts = scored([*texts, *corpus], arrays)
    for text, probability, count in zip([*texts, *corpus], probabilities, counts, strict=True):
        expected, tokens = oracle.score(text, by_word)
        assert count == tokens
        assert probability == pytest.approx(expected, rel=1e-5, abs=1e-5)


def test_discounts_are_estimated_where_counts_allow_it() -> None:
    generator = random.Random(5)
    letters = str.maketrans("0123456789", "abcdefghij")
    corpus = [" ".join(str(int(generator.paretovariate(0.6)) % 5000).translate(letters) for _ in range(30)) for _ in range(60)]
    oracle = Oracle(corpus, 3, True)
    assert all(discount != ngram_model.FALLBACK for discount in oracle.discounts[1:])
    for text, probability in zip(corpus, scored(corpus, trained(corpus, 3, True))[0], strict=True):
        assert probability == pytest.approx(oracle.score(text, True)[0], rel=1e-5)


@given(corpora, st.integers(1, 5), st.booleans())
def test_probabilities_after_every_context_sum_to_one(corpus: list[str], order: int, by_word: bool) -> None:
    data, offsets = buffers.utf8(pl.Series(corpus, dtype=pl.String))
    _, grams = ngram_model._counted(data, offsets, order, by_word, simplify.table(), characters.table())
    probability, left, vocabulary = ngram_model._estimated(grams, ngram_model._discounts(grams, order))
    words = [i for i in range(2, len(grams)) if grams[i, 3] == 1]
    assert vocabulary == len(words) + 1
    last = {i: i for i in words}
    following: dict[int, dict[int, int]] = defaultdict(dict)
    for i in range(2, len(grams)):
        last[i] = last[grams[i, 2]] if grams[i, 3] > 1 else i
        following[grams[i, 1]][last[i]] = i
    shorter = {0: 0, 1: 0} | {i: int(grams[i, 2]) for i in range(2, len(grams))}

    def after(context: int, word: int) -> float:
        if word in following[context]:
            return float(probability[following[context][word]])
        if context == 0:
            return float(left[0] / vocabulary)
        return float(left[context]) * after(shorter[context], word)

    for context in range(len(grams)):
        if grams[context, 3] < order:
            assert sum(after(context, word) for word in [*words, -1]) == pytest.approx(1.0, abs=1e-9)


def test_clean_text_is_likelier_than_shuffled_and_noise() -> None:
    generator = random.Random(3)
    words = ["the", "river", "runs", "past", "an", "old", "mill", "and", "two", "stone", "bridges", "before", "it", "meets", "sea"]
    pairs = {word: generator.sample(words, 3) for word in words}

    def sentence() -> str:
        found = [generator.choice(words)]
        while len(found) < 25:
            found.append(generator.choice(pairs[found[-1]]))
        return " ".join(found)

    corpus = [sentence() for _ in range(400)]
    clean = sentence()
    shuffled = " ".join(sorted(clean.split(), key=lambda _: generator.random()))
    letters = "".join(generator.sample(clean, len(clean)))
    noise = "".join(chr(generator.randrange(0x4E00, 0x9FFF)) for _ in range(len(clean)))
    for order, by_word in ((5, False), (3, True)):
        probability, counts = ngram_model.score(
            *buffers.utf8(pl.Series([clean, shuffled, letters, noise])), trained(corpus, order, by_word)
        )
        perplexity = (10 ** (-probability / counts)).tolist()
        if by_word:  # every word of the last two is unknown
            perplexity[2:] = [max(perplexity[2:])]
        assert perplexity == sorted(perplexity)
        assert perplexity[0] * 1.5 < perplexity[1]


def test_nothing_to_learn_from_is_no_error() -> None:
    arrays = trained(["", " \n"], 3, True)
    assert scored(["", "any text"], arrays)[1] == [0, 3]
    assert np.isfinite(scored(["any text"], arrays)[0]).all()
