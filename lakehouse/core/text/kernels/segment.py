"""Words of Chinese text as jieba 0.42 parts them, compiled, straight over Arrow buffers.

Within a run of Han characters, ASCII letters, digits and `+#&._%-` the words are those of the likeliest path through all words of the
dictionary that stand there; single characters in a row that are no word together are parted anew by a hidden Markov model of four states
(begin, end, middle of a word, single), whose best path Viterbi's algorithm finds. Scores are added in jieba's order and equal ones decided
as it decides them, so that the words are the same, not nearly so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from lakehouse.core.text.kernels.characters import SPACE, code_point_at, flags_of
from lakehouse.core.text.kernels.spans import longest_span
from lakehouse.core.text.kernels.trie import MORE, WORD, Trie, child, second

FIRST_HAN, LAST_HAN = 0x4E00, 0x9FD5
IMPOSSIBLE = -3.14e100
"""The logarithm of no probability."""
BEGIN, END, MIDDLE, SINGLE = range(4)
"""The states in alphabetical order of jieba's letters B, E, M, S: of equal scores the later state counts."""


@dataclass(frozen=True, kw_only=True)
class SegmenterModel:
    """The model by which words are parted.

    Attributes:
        words: the dictionary.
        weights: by the number of a state of `words`: the logarithm of the frequency of the word that ends there, -1 where none does.
        total: the logarithm of the sum of all frequencies.
        start: float64, shape (4,); moves: shape (4, 4), from a state to a state; emit: shape (LAST_HAN - FIRST_HAN + 1, 4).
    """

    words: Trie
    weights: NDArray[np.float64]
    total: float
    start: NDArray[np.float64]
    moves: NDArray[np.float64]
    emit: NDArray[np.float64]

    @property
    def arrays(self) -> tuple[Any, ...]:
        """The arguments of the compiled functions."""
        return *self.words.arrays[:3], self.weights, self.total, self.start, self.moves, self.emit


@numba.njit(nogil=True, cache=True, inline="always")
def _han(code):  # type: ignore[no-untyped-def]
    return FIRST_HAN <= code <= LAST_HAN


@numba.njit(nogil=True, cache=True, inline="always")
def _alphanumeric(code):  # type: ignore[no-untyped-def]
    return 48 <= code <= 57 or 65 <= code <= 90 or 97 <= code <= 122


@numba.njit(nogil=True, cache=True, inline="always")
def _in_block(code):  # type: ignore[no-untyped-def]
    return (
        _han(code) or _alphanumeric(code) or code == 43 or code == 35 or code == 38 or code == 46 or code == 95 or code == 37 or code == 45
    )


@numba.njit(nogil=True, cache=True)
def _by_model(codes, first, last, start, moves, emit, back, ends, count):  # type: ignore[no-untyped-def]
    """Append the ends of the words of the Han characters codes[first:last] by the hidden Markov model; returns the new count."""
    before, now = np.empty(4), np.empty(4)
    for state in range(4):
        before[state] = start[state] + emit[codes[first] - FIRST_HAN, state]
    for t in range(first + 1, last):
        code = codes[t] - FIRST_HAN
        for state in range(4):
            # What can come before: the end of a word, or its inside.
            one, other = (END, SINGLE) if state in (BEGIN, SINGLE) else (BEGIN, MIDDLE)
            left = before[one] + moves[one, state] + emit[code, state]
            right = before[other] + moves[other, state] + emit[code, state]
            now[state] = right if right >= left else left
            back[t, state] = other if right >= left else one
        before[:] = now
    state = SINGLE if before[SINGLE] >= before[END] else END
    for t in range(last - 1, first - 1, -1):
        previous = int(back[t, state]) if t > first else -1
        back[t, 0] = state  # from here on the path
        state = previous
    done = first
    for t in range(first, last):
        if back[t, 0] == END or back[t, 0] == SINGLE:
            ends[count] = t + 1
            count += 1
            done = t + 1
    if done < last:
        ends[count] = last
        count += 1
    return count


@numba.njit(nogil=True, cache=True)
def _singles(codes, first, last, start, moves, emit, back, ends, count):  # type: ignore[no-untyped-def]
    """As `_by_model` for any characters of a block: letters and digits with a decimal part and `%` are a word, other signs another."""
    i = first
    while i < last:
        begin = i
        if _han(codes[i]):
            while i < last and _han(codes[i]):
                i += 1
            count = _by_model(codes, begin, i, start, moves, emit, back, ends, count)
            continue
        if _alphanumeric(codes[i]):
            while i < last and _alphanumeric(codes[i]):
                i += 1
            if i + 1 < last and codes[i] == 46 and 48 <= codes[i + 1] <= 57:
                i += 1
                while i < last and 48 <= codes[i] <= 57:
                    i += 1
            if i < last and codes[i] == 37:
                i += 1
        else:
            while i < last and not _han(codes[i]) and not _alphanumeric(codes[i]):
                i += 1
        ends[count] = i
        count += 1
    return count


@numba.njit(nogil=True, cache=True)
def _is_word(codes, begin, last, first, pairs, edges, weights):  # type: ignore[no-untyped-def]
    state = np.int64(first[codes[begin]])
    for i in range(begin + 1, last):
        if state == 0:
            return False
        state = second(state, codes[i], pairs, edges) if i == begin + 1 else child(state, codes[i], edges)
    return state & WORD != 0 and weights[state >> 2] >= 0


@numba.njit(nogil=True, cache=True)
def _block(codes, begin, last, hmm, first, pairs, edges, weights, total, start, moves, emit, scores, nexts, back, ends, count):  # type: ignore[no-untyped-def]
    """Append the ends of the words of the block codes[begin:last]; returns the new count."""
    scores[last] = 0.0
    for i in range(last - 1, begin - 1, -1):
        best, best_end, j = -np.inf, np.int64(i + 1), i + 1
        state = np.int64(first[codes[i]])
        found = False
        while state != 0:
            if state & WORD:
                weight = weights[state >> 2]
                if weight >= 0:
                    score = weight - total + scores[j]
                    found = True
                    if score >= best:
                        best, best_end = score, np.int64(j)
            if j >= last or state & MORE == 0:
                break
            state = second(state, codes[j], pairs, edges) if j == i + 1 else child(state, codes[j], edges)
            j += 1
        if not found:
            best = 0.0 - total + scores[i + 1]
        scores[i], nexts[i] = best, best_end
    i, waiting = begin, begin
    while i <= last:
        after = int(nexts[i]) if i < last else last + 2
        single = after == i + 1 and (hmm or _alphanumeric(codes[i]))
        if not single:
            if waiting < i:
                if not hmm or i - waiting == 1:
                    ends[count] = i
                    count += 1
                elif _is_word(codes, waiting, i, first, pairs, edges, weights):
                    for k in range(waiting, i):
                        ends[count] = k + 1
                        count += 1
                else:
                    count = _singles(codes, waiting, i, start, moves, emit, back, ends, count)
            if i < last:
                ends[count] = after
                count += 1
            waiting = after
        i = after
    return count


@numba.njit(nogil=True, cache=True)
def segment(data, offsets, separator, hmm, flags, first, pairs, edges, weights, total, start, moves, emit):  # type: ignore[no-untyped-def]
    """Every text with `separator` between its words; none is put next to a space.

    Args:
        data, offsets: UTF-8 bytes and n + 1 offsets of n texts.
        separator: uint8, its bytes.
        hmm: whether single characters in a row are parted by the hidden Markov model.
        flags: `characters.table()`.
        first, pairs, edges, weights, total, start, moves, emit: `Model.arrays`.

    Returns:
        bytes and offsets of the new texts.
    """
    n = len(offsets) - 1
    longest = longest_span(offsets)
    codes, places = np.empty(longest + 1, dtype=np.int64), np.empty(longest + 2, dtype=np.int64)
    scores, nexts = np.empty(longest + 2), np.empty(longest + 2, dtype=np.int64)
    word_ends, back = np.empty(longest + 2, dtype=np.int64), np.empty((longest + 1, 4), dtype=np.int8)
    out = np.empty((offsets[n] - offsets[0]) * (2 if len(separator) < 2 else 3) // 2 + 64, dtype=np.uint8)
    ends = np.zeros(n + 1, dtype=np.int64)
    at = 0
    for row in range(n):
        i, end = offsets[row], offsets[row + 1]
        size = 0
        while i < end:
            places[size] = i
            codes[size], i = code_point_at(data, i)
            size += 1
        places[size] = end
        count, p = 0, 0
        while p < size:
            begin = p
            while p < size and _in_block(codes[p]):
                p += 1
            if p > begin:
                count = _block(
                    codes, begin, p, hmm, first, pairs, edges, weights, total, start, moves, emit, scores, nexts, back, word_ends, count
                )
            else:
                p += 1
                word_ends[count] = p
                count += 1
        needed = at + (end - offsets[row]) + count * len(separator)
        if needed > len(out):
            grown = np.empty(2 * needed, dtype=np.uint8)
            grown[:at] = out[:at]
            out = grown
        begin, after_blank = 0, True
        for k in range(count):
            blank = flags_of(codes[begin], flags) & SPACE != 0
            if not blank and not after_blank:
                for s in range(len(separator)):
                    out[at] = separator[s]
                    at += 1
            for s in range(places[begin], places[word_ends[k]]):
                out[at] = data[s]
                at += 1
            begin, after_blank = word_ends[k], blank
        ends[row + 1] = at
    return out[:at], ends
