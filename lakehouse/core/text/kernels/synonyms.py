"""Words exchanged for others of their group, compiled, straight over Arrow buffers."""

from __future__ import annotations

import numba
import numpy as np

from lakehouse.core.text.kernels.chance import again, below, drawn_at, happens
from lakehouse.core.text.kernels.characters import ALPHANUMERIC, SPACE, code_point_at, flags_of
from lakehouse.core.text.kernels.letter_case import KNOWN
from lakehouse.core.text.kernels.pieces import ascii_letter, copied, in_piece, mark, piece_at, with_room
from lakehouse.core.text.kernels.spans import longest_span
from lakehouse.core.text.kernels.trie import MORE, ROOT_CODE_POINTS, WORD, child, second, write_code_point


@numba.njit(nogil=True, cache=True, inline="always")
def is_han(code):  # type: ignore[no-untyped-def]
    """Whether a code point is an ideograph: blocks CJK Unified Ideographs and Extensions A to J, and iteration mark and zero."""
    return 0x4E00 <= code <= 0x9FFF or 0x3400 <= code <= 0x4DBF or 0x20000 <= code <= 0x3FFFF or code == 0x3005 or code == 0x3007


@numba.njit(nogil=True, cache=True, inline="always")
def _lower(code, cases):  # type: ignore[no-untyped-def]
    if 0x2E00 <= code < 0xA640:  # no letter here has a case; most of Chinese is here
        return code
    return np.int64(cases[0, code]) if code < KNOWN else code


@numba.njit(nogil=True, cache=True, inline="always")
def _parts(code, flags):  # type: ignore[no-untyped-def]
    """Whether a letter next to a code point is at the edge of its word; Han characters are words of their own."""
    return (flags_of(code, flags) & ALPHANUMERIC == 0 or is_han(code)) and code != 95 and not mark(code)


@numba.njit(nogil=True, cache=True, inline="always")
def _edge(inner, near, far, flags):  # type: ignore[no-untyped-def]
    """Whether a term whose outermost character is `inner` may end before `near`, and then `far`: a hyphen or an apostrophe joins."""
    if is_han(inner) or flags_of(inner, flags) & ALPHANUMERIC == 0:
        return True
    if near == 45 or near == 39 or near == 0x2019 or near == 0x2010:
        return flags_of(far, flags) & ALPHANUMERIC == 0
    return _parts(near, flags)


@numba.njit(nogil=True, cache=True)
def _bound(data, first, i, end, bounds, flags):  # type: ignore[no-untyped-def]
    """Whether words of the text data[first:end] are parted at byte i: by `bounds`, or a space."""
    if i in (first, end) or bounds[i]:
        return True
    before = i - 1
    while data[before] & 0xC0 == 0x80:
        before -= 1
    one, _ = code_point_at(data, before)
    other, _ = code_point_at(data, i)
    return flags_of(one, flags) & SPACE != 0 or flags_of(other, flags) & SPACE != 0


@numba.njit(nogil=True, cache=True)
def _term_at(data, begin, i, end, bounds, flags, cases, known, first, pairs, edges, words):  # type: ignore[no-untyped-def]
    """The longest term at byte i of the text data[begin:end], and where it is over; -1 if none."""
    code, j = code_point_at(data, i)
    start = i
    low = _lower(code, cases)
    state = np.int64(first[low]) if low < ROOT_CODE_POINTS else np.int64(0)
    found, over, one = np.int64(-1), np.int64(i), True
    while state != 0:
        if state & WORD:
            near, beyond = code_point_at(data, j) if j < end else (np.int64(32), end)
            far, _ = code_point_at(data, beyond) if beyond < end else (np.int64(32), end)
            term = np.int64(words[state >> 2])
            if _edge(code, near, far, flags) and (
                not known[term] or (_bound(data, begin, start, end, bounds, flags) and _bound(data, begin, j, end, bounds, flags))
            ):
                found, over = term, np.int64(j)
        if j >= end or state & MORE == 0:
            break
        following, after = code_point_at(data, j)
        if in_piece(following) and not in_piece(code):
            _, address = piece_at(data, j, end, flags)
            if address:
                break
        code, j = following, after
        low = _lower(code, cases)
        if low >= ROOT_CODE_POINTS:
            break
        state = second(state, low, pairs, edges) if one else child(state, low, edges)
        one = False
    return found, over


@numba.njit(nogil=True, cache=True)
def in_dictionary(terms, term_ends, first, pairs, edges, weights):  # type: ignore[no-untyped-def]
    """By term whether it is a word of a dictionary (`segment.Model`) as it is written: bool, shape (n,)."""
    n = len(term_ends) - 1
    out = np.zeros(n, dtype=np.bool_)
    for term in range(n):
        code, i = code_point_at(terms, term_ends[term])
        state, one = np.int64(first[code]), True
        while state != 0 and i < term_ends[term + 1]:
            code, i = code_point_at(terms, i)
            state = second(state, code, pairs, edges) if one else child(state, code, edges)
            one = False
        out[term] = state != 0 and state & WORD != 0 and weights[state >> 2] >= 0
    return out


@numba.njit(nogil=True, cache=True)
def _may_be_han(data, i, end):  # type: ignore[no-untyped-def]
    """Whether a byte of data[i:end] begins a code point from U+3000 on."""
    while i < end:
        if data[i] >= 0xE3:
            return True
        i += 1
    return False


@numba.njit(nogil=True, cache=True)
def to_part(data, offsets, seeds, rate, flags, cases, han, first, pairs, edges, words):  # type: ignore[no-untyped-def]
    """The texts whose words `replaced` must know: there is a term with a Han character in them, and one that may go.

    Args:
        han: bool, by term: whether it has a Han character; the others as in `replaced`.

    Returns:
        their numbers, and their bytes and offsets.
    """
    n = len(offsets) - 1
    rows, ends = np.empty(n, dtype=np.int64), np.zeros(n + 1, dtype=np.int64)
    nowhere, unknown = np.zeros(1, dtype=np.bool_), np.zeros(len(han), dtype=np.bool_)
    count = 0
    for row in range(n):
        begin, end = offsets[row], offsets[row + 1]
        if not _may_be_han(data, begin, end):
            continue
        seed = again(seeds[row])
        chinese, chosen = False, False
        i = begin
        while i < end and not (chinese and chosen):
            code, after = code_point_at(data, i)
            low = _lower(code, cases)
            if low < ROOT_CODE_POINTS and first[low] != 0:
                term, _ = _term_at(data, begin, i, end, nowhere, flags, cases, unknown, first, pairs, edges, words)
                if term >= 0:
                    chosen |= happens(drawn_at(seed, i - begin), rate)
                    chinese |= han[term]
            i = after
        if chinese and chosen:
            rows[count] = row
            ends[count + 1] = ends[count] + end - begin
            count += 1
    out = np.empty(ends[count], dtype=np.uint8)
    for k in range(count):
        copied(data, offsets[rows[k]], offsets[rows[k] + 1], out, ends[k])
    return rows[:count], out, ends[: count + 1]


@numba.njit(nogil=True, cache=True)
def mark_bounds(bounds, begins, parted, offsets):  # type: ignore[no-untyped-def]
    """Set `bounds` where words begin, by texts parted by the byte 0xFF; begins[k] is where text k begins in `bounds`."""
    for k in range(len(begins)):
        i = begins[k]
        for at in range(offsets[k], offsets[k + 1]):
            if parted[at] == 0xFF:
                bounds[i] = True
            else:
                i += 1


@numba.njit(nogil=True, cache=True)
def replaced(data, offsets, seeds, rate, bounds, flags, cases, known, first, pairs, edges, words, terms, term_ends, groups, group_of):  # type: ignore[no-untyped-def]
    """Every text with some of its terms replaced by others of their group.

    Args:
        data, offsets: UTF-8 bytes and n + 1 offsets of n texts.
        seeds: uint64, shape (n,).
        rate: the chance of each term, a `chance.threshold`.
        bounds: bool, one a byte of `data` and one more: where words begin; read at the ends of known terms only.
        flags: `characters.table()`.
        cases: `letter_case.cases()`.
        known: bool, by term: whether it counts only as a whole word by `bounds`.
        first, pairs, edges, words: `Trie.arrays` of the terms in small letters.
        terms, term_ends: UTF-8 of the terms as they are written.
        groups: int64: the first term of each group, and how many terms there are; a group has two or more.
        group_of: int64, by term: its group.

    Returns:
        bytes and offsets of the new texts.
    """
    n = len(offsets) - 1
    out = np.empty((offsets[n] - offsets[0]) * 9 // 8 + 64, dtype=np.uint8)
    ends = np.zeros(n + 1, dtype=np.int64)
    longest = longest_span(term_ends) + 8
    at = 0
    for row in range(n):
        begin, end = offsets[row], offsets[row + 1]
        seed = again(seeds[row])
        out = with_room(out, at, end - begin + longest)
        i, stop, before, earlier = begin, begin, np.int64(32), np.int64(32)
        while i < end:
            code, after = code_point_at(data, i)
            if i >= stop and in_piece(code):
                stop, address = piece_at(data, i, end, flags)
                if address:
                    at = copied(data, i, stop, out, at)
                    i, before = stop, np.int64(97)
                    continue
            low = _lower(code, cases)
            term, over = np.int64(-1), after
            if low < ROOT_CODE_POINTS and first[low] != 0 and _edge(code, before, earlier, flags):
                term, over = _term_at(data, begin, i, end, bounds, flags, cases, known, first, pairs, edges, words)
            if term < 0:
                earlier, before = before, code
                if code < 0x80 and ascii_letter(code):  # no term begins right behind a letter
                    while after < end and ascii_letter(data[after]):
                        earlier, before = before, np.int64(data[after])
                        after += 1
                at = copied(data, i, after, out, at)
                i = after
                continue
            drawn = drawn_at(seed, i - begin)
            if not happens(drawn, rate):
                at = copied(data, i, over, out, at)
            else:
                group = group_of[term]
                other = groups[group] + below(again(drawn), groups[group + 1] - groups[group] - 1)
                other += other >= term
                out = with_room(out, at, end - i + longest)
                head, rest = code_point_at(terms, term_ends[other])
                at = write_code_point(out, at, np.int64(cases[1, head]) if low != code and head < KNOWN else head)
                at = copied(terms, rest, term_ends[other + 1], out, at)
            # The character before the next one: the last one of the term, in the text as it was.
            last = over - 1
            while data[last] & 0xC0 == 0x80:
                last -= 1
            earlier = np.int64(97)
            before, _ = code_point_at(data, last)
            i = over
        ends[row + 1] = at
    return out[:at], ends
