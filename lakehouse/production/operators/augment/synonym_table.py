"""A declared table of synonyms: read, checked, and as the arrays that the compiled functions take."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.core.errors import SpecError
from lakehouse.core.text.kernels import buffers, letter_case, trie
from lakehouse.core.text.kernels.synonyms import is_han

Language = Literal["auto", "en", "zh"]
_FIX = "one group a line: interchangeable words, parted by commas, UTF-8"


@dataclass(frozen=True, kw_only=True)
class SynonymTable:
    """Terms in groups.

    Attributes:
        keys: the terms that are looked for: the trie of them in small letters.
        terms, ends: UTF-8 of all terms as they are written, and n + 1 offsets.
        groups, group_of: the first term of each group, and how many terms there are; the group of each term.
        han: bool, by term: whether it is looked for and has a Han character.
    """

    keys: trie.Trie
    terms: NDArray[np.uint8]
    ends: NDArray[np.int64]
    groups: NDArray[np.int64]
    group_of: NDArray[np.int64]
    han: NDArray[np.bool_]

    @property
    def arrays(self) -> tuple[Any, ...]:
        """What `kernels.synonyms.replaced` takes after the trie."""
        return self.terms, self.ends, self.groups, self.group_of


def lines(file: str) -> list[list[str]]:
    """The groups of a table.

    Raises:
        SpecError: the file cannot be read, is not UTF-8 or has no group; or, naming the line, a group of one word, an empty word, or a
            word that is there twice: its group would be ambiguous.
    """
    try:
        content = Path(file).read_bytes()
    except OSError as error:
        raise SpecError(f"the table of synonyms cannot be read: {error}", where=file, fix=_FIX) from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SpecError("the table of synonyms is not UTF-8", where=f"{file}:{line}", fix="save it as UTF-8") from error
    groups: list[list[str]] = []
    seen: dict[str, int] = {}
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                groups.append(_group(cells, f"{file}:{reader.line_num}", reader.line_num, seen))
    except csv.Error as error:
        raise SpecError(f"no line of a table of synonyms: {error}", where=f"{file}:{reader.line_num}", fix=_FIX) from error
    if not groups:
        raise SpecError("the table of synonyms has no words", where=file, fix=_FIX)
    return groups


def _group(cells: Sequence[str], where: str, line: int, seen: dict[str, int]) -> list[str]:
    words = [" ".join(cell.split()) for cell in cells]
    if not all(words):
        raise SpecError("an empty word in a group of synonyms", where=where, fix="no comma at the end of a line, none next to another")
    if len(words) == 1:
        raise SpecError(f"`{words[0]}` is alone: a group has two words or more", where=where, fix=_FIX)
    for word in words:
        key = small(word)
        if key in seen:
            raise SpecError(
                f"`{word}` is in line {seen[key]} already: a word is in one group",
                where=where,
                fix="join the two groups, or leave the word out of one",
            )
        if max(word) >= chr(trie.ROOT_CODE_POINTS):
            raise SpecError(f"`{word}` holds a private or unassigned character", where=where, fix="leave it out")
        seen[key] = line
    return words


def small(word: str) -> str:
    """A word in small letters, one for one."""
    cases = letter_case.cases()
    return "".join(chr(cases[0, ord(c)]) if ord(c) < letter_case.KNOWN else c for c in word)


def has_han(word: str) -> bool:
    """Whether there is an ideograph in a word."""
    return any(is_han(ord(c)) for c in word)


def table(groups: Sequence[Sequence[str]], language: Language) -> SynonymTable:
    """The arrays of `groups`; terms that are not of the `language` are only replacements."""
    terms = [word for group in groups for word in group]
    han = [has_han(term) for term in terms]
    wanted = [language == "auto" or chinese == (language == "zh") for chinese in han]
    keys = pl.Series([small(term) if want else "" for term, want in zip(terms, wanted, strict=True)], dtype=pl.String)
    data, ends = buffers.utf8(pl.Series(terms, dtype=pl.String))
    sizes = np.array([len(group) for group in groups], dtype=np.int64)
    first = np.append(0, np.cumsum(sizes)).astype(np.int64)
    group_of = np.repeat(np.arange(len(groups), dtype=np.int64), sizes)
    return SynonymTable(
        keys=trie.build(keys),
        terms=data,
        ends=ends,
        groups=first,
        group_of=group_of,
        han=np.array(han, dtype=np.bool_) & np.array(wanted, dtype=np.bool_),
    )
