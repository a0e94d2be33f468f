"""The counts behind Gopher's repetition rules (Rae et al. 2021, table A1), compiled, straight over Arrow buffers."""

from __future__ import annotations

import numba
import numpy as np

from lakehouse.core.text.kernels.characters import SPACE, code_point_at, flags_of
from lakehouse.core.text.kernels.spans import (
    extended,
    first_like,
    first_pair_like,
    first_word_like,
    longest_span,
    mask_for,
    powers,
    span_hash,
)

TOP, DUPLICATED = (2, 3, 4), (5, 6, 7, 8, 9, 10)
"""Lengths of n-grams in words: of the most frequent one, and of those that come again."""
_PIECES = 7


@numba.njit(nogil=True, cache=True)
def split_words(data, start, end, flags, joined, bounds, lengths, hashes, tails):  # type: ignore[no-untyped-def]
    """Write the whitespace words of data[start:end] one after the other into `joined`; returns their number.

    Word k is joined[bounds[k]:bounds[k + 1]], has lengths[k + 1] - lengths[k] code points, hashes[k] is the polynomial hash of all
    before it, and tails[k] its last eight bytes (or all) as a number.
    """
    count, at, length = 0, 0, 0
    h, tail = np.uint64(0), np.uint64(0)
    inside = False
    bounds[0], lengths[0], hashes[0] = 0, 0, h
    i = start
    while i < end:
        c, after = code_point_at(data, i)
        if flags_of(c, flags) & SPACE:
            if inside:
                tails[count] = tail
                tail = np.uint64(0)
                count += 1
                bounds[count], lengths[count], hashes[count] = at, length, h
                inside = False
        else:
            inside = True
            length += 1
            for k in range(i, after):
                joined[at] = data[k]
                h = extended(h, data[k])
                tail = tail << np.uint64(8) | np.uint64(data[k])
                at += 1
        i = after
    if inside:
        tails[count] = tail
        count += 1
        bounds[count], lengths[count], hashes[count] = at, length, h
    return count


@numba.njit(nogil=True, cache=True)
def _split_at_line_feeds(data, start, end, fewest, starts, ends):  # type: ignore[no-untyped-def]
    """Pieces of data[start:end] between runs of at least `fewest` line feeds, empty ones too; returns their number."""
    count = 0
    piece, i = start, start
    while i < end:
        if data[i] != 10:
            i += 1
            continue
        run = i
        while i < end and data[i] == 10:
            i += 1
        if i - run >= fewest:
            starts[count], ends[count] = piece, run
            count += 1
            piece = i
    starts[count], ends[count] = piece, end
    return count + 1


@numba.njit(nogil=True, cache=True)
def code_points(data, start, end):  # type: ignore[no-untyped-def]
    """Code points of data[start:end]."""
    count = 0
    for i in range(start, end):
        count += data[i] & 0xC0 != 0x80
    return count


@numba.njit(nogil=True, cache=True)
def stripped(data, start, end, flags):  # type: ignore[no-untyped-def]
    """Where data[start:end] without spaces at its ends begins and ends; twice `end` for a blank one."""
    first = start
    while first < end:
        c, after = code_point_at(data, first)
        if flags_of(c, flags) & SPACE == 0:
            break
        first = after
    last = end
    while last > first:
        before = last - 1
        while data[before] & 0xC0 == 0x80:
            before -= 1
        c, _ = code_point_at(data, before)
        if flags_of(c, flags) & SPACE == 0:
            break
        last = before
    return first, last


@numba.njit(nogil=True, cache=True)
def duplicates(table, stamp, data, starts, ends, count):  # type: ignore[no-untyped-def]
    """Of `count` pieces those equal to an earlier one, and their code points."""
    again, characters = 0, 0
    mask = mask_for(count)
    for i in range(count):
        if first_like(table, mask, stamp, span_hash(data, starts[i], ends[i]), data, starts, ends, i) >= 0:
            again += 1
            characters += code_points(data, starts[i], ends[i])
    return again, characters


@numba.njit(nogil=True, cache=True)
def number_words(table, stamp, joined, bounds, tails, words, numbers):  # type: ignore[no-untyped-def]
    """Write to `numbers` for each word the index of the first one equal to it."""
    mask = mask_for(words)
    for i in range(words):
        first = first_word_like(table, mask, stamp, tails, joined, bounds, i)
        numbers[i] = i if first < 0 else first


@numba.njit(nogil=True, cache=True)
def number_grams(table, stamp, shorter, words, n, count, longer, times):  # type: ignore[no-untyped-def]
    """Write to `longer` for each of the n-grams of `count` words the first one equal to it, and to `times` how often that one comes.

    Args:
        shorter: the same for n - 1.
        words: the same for 1.
    """
    grams = count - n + 1
    mask = mask_for(grams)
    times[:grams] = 0
    tails = words[n - 1 :]
    for i in range(grams):
        first = first_pair_like(table, mask, stamp, shorter, tails, i)
        longer[i] = i if first < 0 else first
        times[longer[i]] += 1


@numba.njit(nogil=True, cache=True)
def _top(lengths, words, n, times):  # type: ignore[no-untyped-def]
    """Code points of the most frequent n words in a row, with spaces between them, times how often they come; the first seen wins a tie."""
    best = 0
    for i in range(1, words - n + 1):
        if times[i] > times[best]:
            best = i
    return (lengths[best + n] - lengths[best] + n - 1) * times[best]


@numba.njit(nogil=True, cache=True)
def _again(table, stamp, joined, bounds, lengths, hashes, power, words, n):  # type: ignore[no-untyped-def]
    """Code points of n words in a row that came before, from left to right: a hit jumps n words, else one. No spaces between words."""
    grams = words - n + 1
    if grams < 1:
        return 0
    mask = mask_for(grams)
    ends = bounds[n:]
    characters, i = 0, 0
    while i < grams:
        h = hashes[i + n] - hashes[i] * power[bounds[i + n] - bounds[i]]
        if first_like(table, mask, stamp, h, joined, bounds, ends, i) >= 0:
            characters += lengths[i + n] - lengths[i]
            i += n
        else:
            i += 1
    return characters


@numba.njit(nogil=True, cache=True)
def counts(data, offsets, flags):  # type: ignore[no-untyped-def]
    """Per text: code points; paragraphs, those that came before, their code points; the same of lines; then code points of the most
    frequent 2, 3, 4 words, and of repeated 5 .. 10 words. Shape (n, 16).

    Paragraphs lie between runs of two and more line feeds of the text without spaces at its ends, lines between runs of line feeds.
    """
    n = len(offsets) - 1
    out = np.zeros((n, _PIECES + 9), dtype=np.int64)
    longest = longest_span(offsets)
    power = powers(longest)
    joined = np.empty(longest + 1, dtype=np.uint8)
    bounds, lengths = np.empty(longest + 2, dtype=np.int64), np.empty(longest + 2, dtype=np.int64)
    starts, ends = np.empty(longest + 2, dtype=np.int64), np.empty(longest + 2, dtype=np.int64)
    hashes, tails = np.empty(longest + 2, dtype=np.uint64), np.empty(longest + 2, dtype=np.uint64)
    times, numbers = np.empty(longest + 1, dtype=np.int64), np.empty(longest + 1, dtype=np.int64)
    shorter, longer = np.empty(longest + 1, dtype=np.int64), np.empty(longest + 1, dtype=np.int64)
    table = np.zeros(mask_for(longest + 1) + 1, dtype=np.int64)
    stamp = np.int64(0)
    for row in range(n):
        start, end = offsets[row], offsets[row + 1]
        if start == end:
            continue
        out[row, 0] = code_points(data, start, end)
        first, last = stripped(data, start, end, flags)
        pieces = _split_at_line_feeds(data, first, last, 2, starts, ends)
        out[row, 1] = pieces
        stamp += 1
        out[row, 2], out[row, 3] = duplicates(table, stamp, data, starts, ends, pieces)
        pieces = _split_at_line_feeds(data, start, end, 1, starts, ends)
        out[row, 4] = pieces
        stamp += 1
        out[row, 5], out[row, 6] = duplicates(table, stamp, data, starts, ends, pieces)
        words = split_words(data, start, end, flags, joined, bounds, lengths, hashes, tails)
        stamp += 1
        number_words(table, stamp, joined, bounds, tails, words, numbers)
        shorter[:words] = numbers[:words]
        for k in range(2, min(words, 4) + 1):
            stamp += 1
            number_grams(table, stamp, shorter, numbers, k, words, longer, times)
            shorter, longer = longer, shorter
            out[row, 5 + k] = _top(lengths, words, k, times)
        for k in range(5, 11):
            stamp += 1
            out[row, 5 + k] = _again(table, stamp, joined, bounds, lengths, hashes, power, words, k)
    return out
