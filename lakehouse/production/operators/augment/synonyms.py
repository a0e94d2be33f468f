"""Texts with words replaced by synonyms."""

from __future__ import annotations

from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lakehouse.core.errors import MissingExtraError
from lakehouse.core.text import words as jieba
from lakehouse.core.text.kernels import buffers, chance, characters, letter_case, segment
from lakehouse.core.text.kernels import synonyms as kernel
from lakehouse.production.engine.operator import OPERATORS, Change
from lakehouse.production.operators.augment import synonym_table
from lakehouse.production.operators.augment.variants import Rate, varied

_SEPARATOR = np.array([0xFF], dtype=np.uint8)
"""A byte that no text holds, for UTF-8 has none."""


@OPERATORS.register(version=1, cardinality="1:1", seeded=True, files=("table",), packages=("jieba",))
def synonyms(
    *,
    column: str,
    table: str,
    rate: Rate = 0.1,
    language: synonym_table.Language = "auto",
    chinese: Literal["words", "longest"] = "words",
) -> Change:
    """Replace a share `rate` of the words that a declared table knows by others of their group.

    `table` is a CSV file in the project folder, UTF-8, one group of interchangeable words a line (`quick,fast,rapid`); a word
    of several (`as soon as`) is one with single spaces. Its content belongs to the identity of the variants. From the left, the longest
    word of the table at a place counts; it goes with the chance `rate`, for one of the others of its group, all as likely.
    Letter case does not matter to find it; a replacement of a word with a capital gets one too, and nothing else is inflected. Words are
    whole: no letter, digit, underscore or combining mark next to them, and no hyphen or apostrophe that joins them to more. Addresses stay
    as in `typos`.

    Chinese has no spaces: a word with a Han character that jieba 0.42's dictionary has counts where jieba parts it from its neighbours
    (as in `segment_chinese`), so that 干 is found in 谁干的 and not in 很干净. One that the dictionary has not, counts wherever it is;
    with `chinese: longest`, which needs no extra, all do. With `language: en` only words without Han characters are looked for, with `zh`
    only those with them. A null stays null.

    Raises:
        SpecError: the table is not UTF-8, or, with its line, a group has one word or an empty one, or a word is there twice.
        MissingExtraError: `chinese: words`, a table with Han characters, and jieba is not installed.

    Example:
        `{synonyms: {column: text, table: words/synonyms.csv, rate: 0.2}}`
    """
    known = synonym_table.table(synonym_table.lines(table), language)
    parted = chinese == "words" and bool(known.han.any())
    if parted:
        _needs_jieba()
    chances = chance.threshold(rate)

    @cache
    def words() -> NDArray[np.bool_]:
        """By term whether jieba's dictionary has it, and it is Chinese; found when the first texts come."""
        if not parted:
            return np.zeros(len(known.han), dtype=np.bool_)
        found: NDArray[np.bool_] = known.han & kernel.in_dictionary(known.terms, known.ends, *jieba.model().arrays[:4])
        return found

    def write(data: buffers.Bytes, offsets: buffers.Offsets, seeds: NDArray[np.uint64]) -> tuple[buffers.Bytes, buffers.Offsets]:
        flags, cases, tree = characters.table(), letter_case.cases(), known.keys.arrays
        bounds = np.zeros(len(data) + 1, dtype=np.bool_)
        if words().any():
            rows, some, places = kernel.to_part(data, offsets, seeds, chances, flags, cases, known.han, *tree)
            out, ends = segment.segment(some, places, _SEPARATOR, True, flags, *jieba.model().arrays)
            kernel.mark_bounds(bounds, offsets[rows], out, ends)
        written: tuple[buffers.Bytes, buffers.Offsets]
        written = kernel.replaced(data, offsets, seeds, chances, bounds, flags, cases, words(), *tree, *known.arrays)
        return written

    return varied("synonyms", column, write)


def _needs_jieba() -> None:
    try:
        jieba.folder()
    except MissingExtraError as error:
        raise MissingExtraError("`synonyms` of Chinese words, except with `chinese: longest`,", "chinese") from error
