"""Line and page rules of C4 (Raffel et al. 2020), compiled, straight over Arrow buffers."""

from __future__ import annotations

import numba
import numpy as np
import polars as pl
import pyarrow as pa

from lakehouse.core.text.kernels import buffers, characters
from lakehouse.core.text.kernels.characters import DIGIT, LINE_END, SPACE, code_point_at, flags_of, line_end_after
from lakehouse.core.text.kernels.repetition import stripped

_PHRASES = (
    "lorem ipsum",
    "javascript",
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "use of cookies",
    "use cookies",
)
"""What to look for in a line, in any case of letters; from the third on, words of cookie and privacy notices."""
_LETTERS = np.frombuffer("".join(_PHRASES).encode(), dtype=np.uint8)
_BOUNDS = np.cumsum([0, *map(len, _PHRASES)])
_LOREM, _SCRIPT, _POLICY = 1, 2, 4
# By a byte that begins a phrase its second letter, which is the same in all phrases that begin alike; 0: none begins so.
_SECOND = np.zeros(256, dtype=np.uint8)
_SECOND[[ord(case) for phrase in _PHRASES for case in (phrase[0], phrase[0].upper())]] = [ord(p[1]) for p in _PHRASES for _ in range(2)]


@numba.njit(nogil=True, cache=True)
def _begins(data, i, end, phrase):  # type: ignore[no-untyped-def]
    """Whether the lower case of data[i:end] begins with the ASCII `phrase`; the lower case of the Kelvin sign U+212A is `k`."""
    for j in range(len(phrase)):
        if i >= end:
            return False
        byte = data[i]
        if 65 <= byte <= 90:
            byte |= np.uint8(32)
        if byte == phrase[j]:
            i += 1
        elif phrase[j] == 107 and i + 2 < end and byte == 0xE2 and data[i + 1] == 0x84 and data[i + 2] == 0xAA:
            i += 3
        else:
            return False
    return True


@numba.njit(nogil=True, cache=True)
def _phrases(data, start, end):  # type: ignore[no-untyped-def]
    """Which of _LOREM, _SCRIPT, _POLICY data[start:end] holds."""
    found = 0
    for i in range(start, end - 1):
        second = _SECOND[data[i]]
        if second != 0 and data[i + 1] | np.uint8(32) == second:
            for k in range(len(_BOUNDS) - 1):
                if _begins(data, i, end, _LETTERS[_BOUNDS[k] : _BOUNDS[k + 1]]):
                    found |= 1 << min(k, 2)
    return found


@numba.njit(nogil=True, cache=True)
def _byte_at(data, start, end, byte):  # type: ignore[no-untyped-def]
    """Where in data[start:end] `byte` is first; `end` where it is not."""
    i = start
    while i < end and data[i] != byte:
        i += 1
    return i


@numba.njit(nogil=True, cache=True)
def _lorem_at(data, start, end):  # type: ignore[no-untyped-def]
    """Where in data[start:end] "lorem ipsum" is first, in any case of letters; `end` where it is not."""
    phrase = _LETTERS[: _BOUNDS[1]]
    for i in range(start, end - 1):
        if data[i] | np.uint8(32) == 108 and data[i + 1] | np.uint8(32) == 111 and _begins(data, i, end, phrase):
            return i
    return end


@numba.njit(nogil=True, cache=True)
def _is(data, i, end, word):  # type: ignore[no-untyped-def]
    if i + len(word) > end:
        return False
    for j in range(len(word)):  # noqa: SIM110 - compiled
        if data[i + j] != word[j]:
            return False
    return True


@numba.njit(nogil=True, cache=True)
def _after_citation(data, i, end, flags):  # type: ignore[no-untyped-def]
    """Where the citation `[12]`, `[]`, `[edit]` or `[citation needed]` that begins at byte i is over; i where there is none."""
    j = i + 1
    while j < end:
        c, after = code_point_at(data, j)
        if flags_of(c, flags) & DIGIT == 0:
            break
        j = after
    if j < end and data[j] == 93:
        return j + 1
    if _is(data, i, end, b"[edit]"):
        return i + 6
    return i + 17 if _is(data, i, end, b"[citation needed]") else i


@numba.njit(nogil=True, cache=True)
def _line(data, i, end, flags):  # type: ignore[no-untyped-def]
    """Of the line of `str.splitlines` that begins at byte i: where it begins and ends without spaces at its ends, its whitespace words,
    the code points of the longest, and where the next line begins."""
    first, last, words, longest, length = i, i, 0, 0, 0
    while i < end:
        c, after = code_point_at(data, i)
        flag = flags_of(c, flags)
        if flag & SPACE:
            length = 0
            if flag & LINE_END:
                return first, last, words, longest, line_end_after(data, i, after, end)
        else:
            if words == 0:
                first = i
            words += length == 0
            length += 1
            longest = max(longest, length)
            last = after
        i = after
    return first, last, words, longest, end


@numba.njit(nogil=True, cache=True)
def _ends_sentence(data, start, end):  # type: ignore[no-untyped-def]
    """Whether the last byte is one of . ? ! " ' and the last three are not dots."""
    if start == end:
        return False
    last = data[end - 1]
    if last != 46 and last != 63 and last != 33 and last != 34 and last != 39:
        return False
    return not (end - start >= 3 and data[end - 1] == 46 and data[end - 2] == 46 and data[end - 3] == 46)


@numba.njit(nogil=True, cache=True)
def _next_line(data, i, end, flags):  # type: ignore[no-untyped-def]
    """Where the line of `str.splitlines` that begins at byte i stops, and where the next one begins."""
    while i < end:
        c, after = code_point_at(data, i)
        if flags_of(c, flags) & LINE_END:
            return i, line_end_after(data, i, after, end)
        i = after
    return end, end


@numba.njit(nogil=True, cache=True)
def _kept(data, offsets, flags, citations, unended, fewest, longest, scripts, policies, out, places):  # type: ignore[no-untyped-def]
    """Write the kept lines of each text to `out`, joined by line feeds; text row is out[places[row]:places[row + 1]]."""
    at = np.int64(0)
    places[0] = 0
    for row in range(len(offsets) - 1):
        i, end = offsets[row], offsets[row + 1]
        base = at
        while i < end:
            first, last, words, width, i = _line(data, i, end, flags)
            if longest >= 0 and width > longest:
                continue
            line = at + 1 if at > base else at
            to = line
            j = first
            while j < last:
                if citations and data[j] == 91:
                    over = _after_citation(data, j, last, flags)
                    if over > j:
                        j = over
                        continue
                out[to] = data[j]
                to += 1
                j += 1
            if not unended and not _ends_sentence(out, line, to):
                continue
            if words < fewest:
                continue
            found = _phrases(out, line, to)
            # What condemns the whole text stays, for the step that looks for it.
            if found & _LOREM == 0:
                if scripts and found & _SCRIPT:
                    continue
                if policies and found & _POLICY and _byte_at(out, line, to, 123) == to:
                    continue
            if line > base:
                out[line - 1] = 10
            elif to == line:
                # An empty line before all others: trimmed in the end.
                continue
            at = to
        first, last = stripped(out, base, at, flags)
        if first > base:
            for j in range(last - first):
                out[base + j] = out[first + j]
        at = base + last - first
        places[row + 1] = at


def kept_lines(texts: pl.Series, *, citations: bool, unended: bool, fewest: int, longest: int, scripts: bool, policies: bool) -> pl.Series:
    """Each text's lines that C4 keeps, trimmed and joined by line feeds, trimmed.

    Args:
        citations: delete citations.
        unended: keep lines without a mark at their end.
        fewest: words of a line that stays.
        longest: code points of the longest word of a line that stays; -1: any.
        scripts: drop lines that hold "javascript".
        policies: drop lines that hold words of cookie and privacy notices.
    """
    data, offsets = buffers.utf8(texts)
    out = np.empty(int(offsets[-1] - offsets[0]) + 1, dtype=np.uint8)
    places = np.zeros(len(texts) + 1, dtype=np.int64)
    _kept(data, offsets, characters.table(), citations, unended, fewest, longest, scripts, policies, out, places)
    mask = pa.py_buffer(np.packbits(texts.is_not_null().to_numpy(), bitorder="little"))
    strings = pa.LargeStringArray.from_buffers(len(texts), pa.py_buffer(places), pa.py_buffer(out), mask)
    return pl.Series(texts.name, pl.from_arrow(strings), dtype=pl.String)


@numba.njit(nogil=True, cache=True)
def _closes(c):  # type: ignore[no-untyped-def]
    """Whether a code point may be between the end of a sentence and the next one: one of " ' ) ] ” ’ ） 」 』 》."""
    return c in (34, 39, 41, 93, 0x201D, 0x2019, 0xFF09, 0x300D, 0x300F, 0x300B)


@numba.njit(nogil=True, cache=True)
def _sentences(data, start, end, flags):  # type: ignore[no-untyped-def]
    """The number of sentences: parts with a character other than a space, each up to an end.

    Ends are line ends, runs of . ! ? and closing marks before a space or the text's end, and runs of 。 ！ ？ and closing marks.
    """
    count = 0
    filled = False
    i = start
    while i < end:
        c, after = code_point_at(data, i)
        wide = c in (0x3002, 0xFF01, 0xFF1F)
        if not wide and c not in (33, 46, 63):
            flag = flags_of(c, flags)
            if flag & LINE_END:
                count += filled
                filled = False
            elif flag & SPACE == 0:
                filled = True
            i = after
            continue
        run = after
        while run < end:
            c, after = code_point_at(data, run)
            if (wide and c not in (0x3002, 0xFF01, 0xFF1F)) or (not wide and c not in (33, 46, 63)):
                break
            run = after
        over = run
        ended = True
        while over < end:
            c, after = code_point_at(data, over)
            if not _closes(c):
                ended = wide or flags_of(c, flags) & SPACE != 0
                break
            over = after
        if ended:
            count += filled
            filled = False
            i = over
        else:
            filled = True
            i = run
    return count + filled


@numba.njit(nogil=True, cache=True)
def _line_of(data, start, end, place, flags):  # type: ignore[no-untyped-def]
    """The number of the line of `str.splitlines` in data[start:end] that holds byte `place`, from 0; -1 where `place` is the end."""
    if place == end:
        return -1
    line = 0
    _, following = _next_line(data, start, end, flags)
    while following <= place:
        _, following = _next_line(data, following, end, flags)
        line += 1
    return line


@numba.njit(nogil=True, cache=True)
def page_counts(data, offsets, flags):  # type: ignore[no-untyped-def]
    """Per text its sentences, and the first line with "lorem ipsum" and with "{" (from 0; -1: none): shape (n, 3)."""
    n = len(offsets) - 1
    out = np.zeros((n, 3), dtype=np.int64)
    for row in range(n):
        start, end = offsets[row], offsets[row + 1]
        out[row, 0] = _sentences(data, start, end, flags)
        out[row, 1] = _line_of(data, start, end, _lorem_at(data, start, end), flags)
        out[row, 2] = _line_of(data, start, end, _byte_at(data, start, end, 123), flags)
    return out
