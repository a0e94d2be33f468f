"""A dictionary of words as a trie over code points, compiled: the words that begin at a place of a text, straight over Arrow buffers.

The children of the root are in a table by code point, all others in one hash table of (state, code point). A state is a number that
also shows whether a word ends there (`state & WORD`) and whether one goes on (`state & MORE`): most questions end without a look at memory.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import polars as pl
from numpy.typing import NDArray

from lakehouse.core.text.kernels import buffers
from lakehouse.core.text.kernels.characters import code_point_at
from lakehouse.core.text.kernels.spans import longest_span, slot_of

ROOT_CODE_POINTS = 0x40000
"""Words are of code points below this one."""
WORD, MORE = 1, 2
_STATES = 1 << 21


@dataclass(frozen=True)
class Trie:
    """0 is no state.

    Attributes:
        first: int32, shape (ROOT_CODE_POINTS,): the state after a first code point.
        pairs: bits of a Bloom filter of the first two code points of the words: most places of a text begin no word of two.
        edges: the hash table: number of a state << 41 | code point << 23 | state after both, 0 where a slot is empty.
        words: int32, by the number of a state, `state >> 2`: the word that ends there, or -1.
        longest: code points of the longest word.
    """

    first: NDArray[np.int32]
    pairs: NDArray[np.uint8]
    edges: NDArray[np.int64]
    words: NDArray[np.int32]
    longest: int

    @property
    def arrays(self) -> tuple[NDArray[np.int32], NDArray[np.uint8], NDArray[np.int64], NDArray[np.int32]]:
        """The arguments of the compiled functions."""
        return self.first, self.pairs, self.edges, self.words


def build(words: pl.Series) -> Trie:
    """The trie of a String column; of equal words the first counts; an empty or null one, or one of higher code points, is none.

    Raises:
        ValueError: the words have two million code points or more.
    """
    if int(words.str.len_chars().sum() or 0) >= _STATES:
        raise ValueError("too many words for one trie")
    data, offsets = buffers.utf8(words)
    return Trie(*_build(data, offsets))


@numba.njit(nogil=True, cache=True, inline="always")
def child(state, code_point, edges):  # type: ignore[no-untyped-def]
    """The state after `state` (not the root) and a code point, or 0."""
    if state & MORE == 0:
        return np.int64(0)
    mask = len(edges) - 1
    key = np.int64(state) >> 2 << 18 | code_point
    slot = slot_of(np.uint64(key), mask)
    while edges[slot] != 0:
        if edges[slot] >> 23 == key:
            return edges[slot] & 0x7FFFFF
        slot = (slot + 1) & mask
    return np.int64(0)


@numba.njit(nogil=True, cache=True, inline="always")
def _pair_bit(state, code_point):  # type: ignore[no-untyped-def]
    return ((state >> 2) * 0x9E3779B1 ^ code_point * 0x85EBCA77) >> 7 & 0x1FFFFF


@numba.njit(nogil=True, cache=True, inline="always")
def second(state, code_point, pairs, edges):  # type: ignore[no-untyped-def]
    """As `child`, for the state after a first code point."""
    bit = _pair_bit(state, code_point)
    if pairs[bit >> 3] >> (bit & 7) & 1 == 0:
        return np.int64(0)
    return child(state, code_point, edges)


@numba.njit(nogil=True, cache=True)
def _slots(entries):  # type: ignore[no-untyped-def]
    slots = 16
    while slots < 2 * entries:
        slots *= 2
    return slots


@numba.njit(nogil=True, cache=True)
def _low(data, i, end):  # type: ignore[no-untyped-def]
    while i < end:
        code_point, i = code_point_at(data, i)
        if code_point >= ROOT_CODE_POINTS:
            return False
    return True


@numba.njit(nogil=True, cache=True)
def _build(data, offsets):  # type: ignore[no-untyped-def]
    n = len(offsets) - 1
    most = 2
    for i in range(offsets[0], offsets[n]):
        most += data[i] & 0xC0 != 0x80
    slots = _slots(most)
    first, table = np.zeros(ROOT_CODE_POINTS, dtype=np.int32), np.zeros(slots, dtype=np.int64)
    words, more = np.full(most, -1, dtype=np.int32), np.zeros(most, dtype=np.int32)
    pairs = np.zeros(1 << 18, dtype=np.uint8)
    last, longest = np.int64(0), 0
    for word in range(n):
        i, end = offsets[word], offsets[word + 1]
        if not _low(data, i, end):
            continue
        number, length = np.int64(0), 0
        while i < end:
            code_point, i = code_point_at(data, i)
            length += 1
            if number == 0:
                if first[code_point] == 0:
                    last += 1
                    first[code_point] = last
                number = np.int64(first[code_point])
                continue
            more[number] = MORE
            key = number << 18 | code_point
            slot = slot_of(np.uint64(key), slots - 1)
            while table[slot] != 0 and table[slot] >> 23 != key:
                slot = (slot + 1) & (slots - 1)
            if table[slot] == 0:
                last += 1
                table[slot] = key << 23 | last
                if length == 2:
                    bit = _pair_bit(number << 2, code_point)
                    pairs[bit >> 3] |= np.uint8(1 << (bit & 7))
            number = table[slot] & 0x7FFFFF
        if number != 0 and words[number] < 0:
            words[number] = word
            longest = max(longest, length)
    for code_point in range(ROOT_CODE_POINTS):
        number = np.int64(first[code_point])
        if number != 0:
            first[code_point] = number << 2 | more[number] | (words[number] >= 0)
    slots = _slots(last)
    edges = np.zeros(slots, dtype=np.int64)
    for entry in table:
        if entry != 0:
            number = entry & 0x7FFFFF
            slot = slot_of(np.uint64(entry >> 23), slots - 1)
            while edges[slot] != 0:
                slot = (slot + 1) & (slots - 1)
            edges[slot] = entry >> 23 << 23 | number << 2 | more[number] | (words[number] >= 0)
    return first, pairs, edges, words[: last + 1].copy(), longest


@numba.njit(nogil=True, cache=True)
def _described(data, i, end):  # type: ignore[no-untyped-def]
    """Where the ideographic description sequence that begins at byte i is over (Unicode, section 18.2), or i if there is none."""
    wanted, at = 1, i
    while wanted and at < end:
        code_point, at = code_point_at(data, at)
        if 0x2FF0 <= code_point <= 0x2FFD:
            wanted += 2 if code_point == 0x2FF2 or code_point == 0x2FF3 else 1
        elif code_point != 0x2FFE and code_point != 0x2FFF:
            wanted -= 1
    return at if wanted == 0 else i


@numba.njit(nogil=True, cache=True)
def replace(data, offsets, first, pairs, edges, words, replacements, replacement_offsets, normal):  # type: ignore[no-untyped-def]
    """Every text with the longest word at each place, from the left, replaced; what is no word stays, and so does a described ideograph.

    Args:
        data, offsets: UTF-8 bytes and n + 1 offsets of n texts.
        first, pairs, edges, words: `Trie.arrays`; no word begins with an ASCII character.
        replacements, replacement_offsets: the replacement of each word, in the order of the words.
        normal: int32, shape (ROOT_CODE_POINTS,): the code point that counts as each code point, before words are looked for.

    Returns:
        bytes and offsets of the new texts.
    """
    n = len(offsets) - 1
    out = np.empty((offsets[n] - offsets[0]) * 4 // 3 + 64, dtype=np.uint8)
    ends = np.zeros(n + 1, dtype=np.int64)
    biggest = max(longest_span(replacement_offsets), 4)
    at = 0
    for row in range(n):
        i, end = offsets[row], offsets[row + 1]
        while i < end:
            if at + (end - i) + biggest >= len(out):
                grown = np.empty(2 * len(out) + (end - i) + biggest, dtype=np.uint8)
                grown[:at] = out[:at]
                out = grown
            while i < end and data[i] < 0x80:
                out[at] = data[i]
                at += 1
                i += 1
            if i == end:
                break
            code_point, after = code_point_at(data, i)
            if 0x2FF0 <= code_point <= 0x2FFF:
                over = _described(data, i, end)
                while i < over:
                    out[at] = data[i]
                    at += 1
                    i += 1
                if i == over and over >= after:
                    continue
            if code_point < ROOT_CODE_POINTS:
                code_point = np.int64(normal[code_point])
            state = np.int64(first[code_point]) if code_point < ROOT_CODE_POINTS else np.int64(0)
            found, found_end, j, one = np.int64(-1), after, after, True
            while state != 0:
                if state & WORD:
                    found, found_end = np.int64(words[state >> 2]), j
                if j >= end or state & MORE == 0:
                    break
                code, j = code_point_at(data, j)
                code = np.int64(normal[code]) if code < ROOT_CODE_POINTS else code
                if code >= ROOT_CODE_POINTS:
                    break
                state = second(state, code, pairs, edges) if one else child(state, code, edges)
                one = False
            if found >= 0:
                for k in range(replacement_offsets[found], replacement_offsets[found + 1]):
                    out[at] = replacements[k]
                    at += 1
            else:
                at = write_code_point(out, at, code_point)
            i = found_end
        ends[row + 1] = at
    return out[:at], ends


@numba.njit(nogil=True, cache=True, inline="always")
def write_code_point(out, at, code_point):  # type: ignore[no-untyped-def]
    """Write the UTF-8 of a code point to out[at:]; returns where it ends."""
    if code_point < 0x80:
        out[at] = code_point
        return at + 1
    if code_point < 0x800:
        out[at] = 0xC0 | code_point >> 6
        out[at + 1] = 0x80 | code_point & 0x3F
        return at + 2
    if code_point < 0x10000:
        out[at] = 0xE0 | code_point >> 12
        out[at + 1] = 0x80 | code_point >> 6 & 0x3F
        out[at + 2] = 0x80 | code_point & 0x3F
        return at + 3
    out[at] = 0xF0 | code_point >> 18
    out[at + 1] = 0x80 | code_point >> 12 & 0x3F
    out[at + 2] = 0x80 | code_point >> 6 & 0x3F
    out[at + 3] = 0x80 | code_point & 0x3F
    return at + 4
