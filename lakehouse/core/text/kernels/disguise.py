"""Texts freed from what hides words, compiled: one form for characters that read alike, nothing invisible, nothing put between Han.

A text becomes code points. Each source character is looked up in tables; what depends on its neighbours is done on the way.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from lakehouse.core.text.kernels import trie
from lakehouse.core.text.kernels.characters import code_point_at
from lakehouse.core.text.kernels.spans import longest_span
from lakehouse.core.text.kernels.trie import MORE, ROOT_CODE_POINTS, child, second

HAN, WORD, SEPARATOR, LATIN = 1, 2, 4, 8
_GONE, _MOST = -1, 4
_HELD = 4
"""Most separators in a row that are read as put between two Han characters."""

_BARRIERS = frozenset(",;:!?\"'()[]{}<>。、「」『』《》〈〉【】“”‘’\n\r\t\x0b\x0c\x85\u2028\u2029")
"""What parts sentences, quotes or lines: never read as put between two Han characters."""
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180e\u3164\uffa0")
# Combining marks that go with any letter: diacritical marks, their supplements, and variation selectors.
_MARKS = ((0x300, 0x36F), (0x483, 0x489), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF), (0xFE00, 0xFE0F), (0xFE20, 0xFE2F))
# Letters of Cyrillic, Greek and Armenian that look like Latin ones (Unicode Technical Standard 39, confusables).
_ALIKE = (
    "аa вb еe кk мm нh оo рp сc тt уy хx ѕs іi јj ԁd ԛq ԝw һh ьb гr пn АA ВB ЕE КK МM НH ОO РP СC ТT УY ХX ЅS ІI ЈJ ԀD ԚQ ԜW "
    "αa εe ιi κk νv οo ρp τt υu χx ωw γy ηn βb ΑA ΒB ΕE ΖZ ΗH ΙI ΚK ΜM ΝN ΟO ΡP ΤT ΥY ΧX оo օo սu հh ոn ɑa ıi ɡg ɩi ʟl ɴn ʀr ꜱs"
)
LEET = {"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s"}


@dataclass(frozen=True, kw_only=True)
class Tables:
    """The plain form of each code point below ROOT_CODE_POINTS.

    Attributes:
        single: the code point that it becomes, -1 if it goes, else -2 - the number of its expansion.
        expansions, bounds: code points that one becomes where these are several, and where each expansion begins.
        alike: the Latin letter that it looks like, or 0.
        quick: shape (256,): for bytes that are an ASCII letter or digit and look like nothing else, what they become; else 0.
        kinds: HAN, WORD (letters and digits that are not Han), SEPARATOR, LATIN, of what is left.
    """

    single: NDArray[np.int32]
    expansions: NDArray[np.int32]
    bounds: NDArray[np.int64]
    alike: NDArray[np.int32]
    quick: NDArray[np.uint8]
    kinds: NDArray[np.uint8]

    @property
    def arrays(self) -> tuple[NDArray[Any], ...]:
        """The arguments of the compiled functions."""
        return self.single, self.expansions, self.bounds, self.alike, self.quick, self.kinds


def tables(simplified: NDArray[np.int32], leet: bool) -> Tables:
    """The tables: NFKC, case folded, traditional Han as simplified; with `leet` digits and signs in place of letters as well.

    Args:
        simplified: int32, shape (ROOT_CODE_POINTS,): the simplified character of each.
    """
    single, expansions, bounds, kinds = _plain()
    single, kinds = single.copy(), kinds.copy()
    alike = np.zeros(ROOT_CODE_POINTS, dtype=np.int32)
    for pair in _ALIKE.split():
        alike[ord(pair[0])] = ord(pair[1].lower())
    if leet:
        for sign, letter in LEET.items():
            for one in (ord(sign), ord(sign) + 0xFEE0):
                alike[one] = ord(letter)
            kinds[ord(sign)] |= WORD
    quick = np.zeros(256, dtype=np.uint8)
    for code in range(128):
        if chr(code).isalnum() and not alike[code]:
            quick[code] = ord(chr(code).lower())
    plain = single >= 0
    single[plain] = simplified[single[plain]]
    expansions = simplified[expansions]
    return Tables(single=single, expansions=expansions, bounds=bounds, alike=alike, quick=quick, kinds=kinds)


@lru_cache(maxsize=1)
def _plain() -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64], NDArray[np.uint8]]:
    single = np.arange(ROOT_CODE_POINTS, dtype=np.int32)
    kinds = np.zeros(ROOT_CODE_POINTS, dtype=np.uint8)
    expansions: list[int] = []
    bounds = [0]
    for code in range(ROOT_CODE_POINTS):
        if 0x4E00 <= code < 0xA000 or 0x20000 <= code < 0x2F800 or code >= 0x30000:
            kinds[code] = HAN
            continue
        if 0xAC00 <= code < 0xD7A4 or 0xE000 <= code < 0xF900 or 0xD800 <= code < 0xE000:
            kinds[code] = WORD * (code < 0xD7A4)
            continue
        character = chr(code)
        kinds[code] = _kind(character)
        if _gone(character):
            single[code] = _GONE
            continue
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", character).casefold())
        kept = [ord(c) for c in folded if not _gone(c)]
        if len(kept) == 1:
            single[code] = kept[0]
        elif 1 < len(kept) <= _MOST:
            single[code] = -1 - len(bounds)
            expansions += kept
            bounds.append(len(expansions))
    return single, np.array(expansions, dtype=np.int32), np.array(bounds, dtype=np.int64), kinds


def _gone(character: str) -> bool:
    code, category = ord(character), unicodedata.category(character)
    if any(first <= code <= last for first, last in _MARKS) or character in _INVISIBLE:
        return True
    return category == "Cf" or (category == "Cc" and character not in _BARRIERS)


def _kind(character: str) -> int:
    category = unicodedata.category(character)
    name = unicodedata.name(character, "")
    if (name.startswith("CJK") and category[0] in "LN") or character in "〇々":
        return HAN
    if category[0] in "LNM":
        return WORD | LATIN * ("a" <= character <= "z")
    return SEPARATOR if category[0] in "PSZ" and character not in _BARRIERS else 0


@numba.njit(nogil=True, cache=True)
def _close(codes, looks, first, last):  # type: ignore[no-untyped-def]
    for p in range(first, last):
        if looks[p] != 0:
            codes[p] = looks[p]


@numba.njit(nogil=True, cache=True)
def undisguised(data, i, end, single, expansions, bounds, alike, quick, kinds, codes, looks):  # type: ignore[no-untyped-def]
    """Write the code points of data[i:end], freed from disguise, to `codes`; returns their number.

    A letter that looks like a Latin one is read as that where its word also holds a Latin letter; up to four separators between two Han
    characters go.

    Args:
        single, expansions, bounds, alike, quick, kinds: `Tables.arrays`.
        codes, looks: int32, at least two places a byte of the text.
    """
    count, held, after_han = 0, 0, False
    run, latin, foreign = np.int64(-1), False, False
    while i < end:
        letter = quick[data[i]]
        if letter:
            if run < 0:
                run, latin, foreign = np.int64(count), False, False
            after_han, held = False, 0
            while letter:
                codes[count], looks[count] = letter, 0
                latin |= letter >= 97
                count += 1
                i += 1
                letter = quick[data[i]] if i < end else np.uint8(0)
            continue
        if data[i] == 32:
            if run >= 0 and latin and foreign:
                _close(codes, looks, run, count)
            run = np.int64(-1)
            held += 1
            codes[count] = 32
            count += 1
            i += 1
            continue
        source, i = code_point_at(data, i)
        code = np.int64(single[source]) if source < ROOT_CODE_POINTS else source
        if code == -1:
            continue
        look = np.int64(alike[source]) if source < ROOT_CODE_POINTS else np.int64(0)
        first, last = np.int64(0), np.int64(1)
        if code < 0:
            first, last = bounds[-2 - code], bounds[-1 - code]
        for k in range(first, last):
            c = code if code >= 0 else np.int64(expansions[k])
            kind = np.int64(kinds[c]) if c < ROOT_CODE_POINTS else np.int64(0)
            if kind & WORD and not (kind & SEPARATOR and after_han):
                if run < 0:
                    run, latin, foreign = np.int64(count), False, False
                latin |= kind & LATIN != 0
                foreign |= look != 0
                after_han, held = False, 0
                looks[count] = look
            else:
                if run >= 0 and latin and foreign:
                    _close(codes, looks, run, count)
                run = np.int64(-1)
                if kind & SEPARATOR:
                    held += 1
                elif kind & HAN:
                    if after_han and held <= _HELD:
                        count -= held
                    after_han, held = True, 0
                else:
                    after_han, held = False, 0
            codes[count] = c
            count += 1
    if run >= 0 and latin and foreign:
        _close(codes, looks, run, count)
    return count


@numba.njit(nogil=True, cache=True)
def undisguised_texts(data, offsets, single, expansions, bounds, alike, quick, kinds):  # type: ignore[no-untyped-def]
    """The code points of all texts, one after the other, and n + 1 offsets."""
    n = len(offsets) - 1
    out, ends = np.empty(2 * (offsets[n] - offsets[0]) + 1, dtype=np.int32), np.zeros(n + 1, dtype=np.int64)
    looks = np.empty(2 * longest_span(offsets) + 1, dtype=np.int32)
    at = 0
    for row in range(n):
        at += undisguised(data, offsets[row], offsets[row + 1], single, expansions, bounds, alike, quick, kinds, out[at:], looks)
        ends[row + 1] = at
    return out[:at], ends


@numba.njit(nogil=True, cache=True)
def find_terms(data, offsets, single, expansions, bounds, alike, quick, kinds, first, pairs, edges, words):  # type: ignore[no-untyped-def]
    """Per text how many terms it holds, from the left the longest at each place, and the number of the first (-1: none): shape (n, 2).

    A term that begins or ends with a letter or digit that is not Han does so at the edge of a word.

    Args:
        single, expansions, bounds, alike, quick, kinds: `Tables.arrays`.
        first, pairs, edges, words: `Trie.arrays` of terms that went through the same tables.
    """
    n = len(offsets) - 1
    out = np.empty((n, 2), dtype=np.int64)
    longest = 2 * longest_span(offsets) + 1
    codes, looks = np.empty(longest, dtype=np.int32), np.empty(longest, dtype=np.int32)
    for row in range(n):
        count = undisguised(data, offsets[row], offsets[row + 1], single, expansions, bounds, alike, quick, kinds, codes, looks)
        hits, term, i = 0, np.int64(-1), 0
        in_word = np.int64(0)
        while i < count:
            while in_word and i < count and 97 <= codes[i] <= 122:
                i += 1
            if i >= count:
                break
            code = np.int64(codes[i])
            word = np.int64(kinds[code]) & WORD if code < ROOT_CODE_POINTS else np.int64(0)
            state = np.int64(first[code]) if code < ROOT_CODE_POINTS and not (word and in_word) else np.int64(0)
            in_word = word
            found, found_end, j = np.int64(-1), i + 1, i + 1
            while state != 0:
                if state & trie.WORD and not (word and j < count and codes[j] < ROOT_CODE_POINTS and kinds[codes[j]] & WORD != 0):
                    found, found_end = np.int64(words[state >> 2]), j
                if j >= count or state & MORE == 0 or codes[j] >= ROOT_CODE_POINTS:
                    break
                code = np.int64(codes[j])
                state = second(state, code, pairs, edges) if j == i + 1 else child(state, code, edges)
                word = np.int64(kinds[code]) & WORD
                j += 1
            if found >= 0:
                hits += 1
                if term < 0:
                    term = found
                last = np.int64(codes[found_end - 1])
                in_word = np.int64(kinds[last]) & WORD if last < ROOT_CODE_POINTS else np.int64(0)
            i = found_end
        out[row, 0] = hits
        out[row, 1] = term
    return out


@numba.njit(nogil=True, cache=True)
def first_code_points(data, offsets):  # type: ignore[no-untyped-def]
    """The first code point of each text; the number of the text where it is empty."""
    out = np.empty(len(offsets) - 1, dtype=np.int32)
    for row in range(len(offsets) - 1):
        out[row] = row if offsets[row] == offsets[row + 1] else code_point_at(data, offsets[row])[0]
    return out
