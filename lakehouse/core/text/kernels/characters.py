"""Classes of characters, one byte of flags a code point, as the compiled text rules read them.

Blanks, line ends, letters and digits are those of Python's `str` (Unicode as in the running Python's database); punctuation and special
characters are the published sets of two tools, given as ranges of code points.
"""

from __future__ import annotations

from functools import lru_cache

import numba
import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.uint8]

SPACE, LINE_END, LETTER, ALPHANUMERIC, DIGIT, PUNCTUATION, TERMINAL, SPECIAL = (1 << bit for bit in range(8))
"""`str.isspace`; ends a line of `str.splitlines`; `str.isalpha`; `str.isalnum`; `str.isdecimal`; the three sets below."""

_KNOWN = 0x40000
"""No code point above has a flag: there are only tags, variation selectors and private use."""

_LINE_ENDS = "a-d 1c-1e 85 2028-2029"
# datatrove 0.10's marks that end a sentence in any script, and its punctuation without them.
_TERMINAL = (
    "21 2e 3f 589 61d-61f 6d4 700-702 7f9 837 839 83d-83e 964-965 104a-104b 1362 1367-1368 166e 1735-1736 17d4-17d6 17d9-17da 1803 1809 "
    "1944-1945 1aa8-1aab 1b5a-1b5b 1b5e-1b5f 1b7d-1b7e 1c3b-1c3c 1c7e-1c7f 203c-203d 2047-2049 2e2e 2e3c 2e53-2e54 3002 a4ff a60e-a60f "
    "a6f3 a6f7 a876-a877 a8ce-a8cf a92f a9c8-a9c9 aa5d-aa5f aaf0-aaf1 abeb fe52 fe56-fe57 ff01 ff0e ff1f ff61 10a56-10a57 10f55-10f59 "
    "10f86-10f89 11047-11048 110be-110c1 11141-11143 111c5-111c6 111cd 111de-111df 11238-11239 1123b-1123c 112a9 1144b-1144c 115c2-115c3 "
    "115c9-115d7 11641-11642 1173c-1173e 11944 11946 11a42-11a43 11a9b-11a9c 11c41-11c42 11ef7-11ef8 11f43-11f44 16a6e-16a6f 16af5 "
    "16b37-16b38 16b44 16e98 1bc9f 1da88"
)
_PUNCTUATION = (
    "0-8 b-1f 21-2f 3a-40 5b-60 7b-9f ab b4 bb 2013-2014 2019 201c-201e 2026 2236 2501 25ba 3001-3002 3008-300d 3010-3011 ff01 ff05 "
    "ff08-ff09 ff0c ff0e ff11 ff1a-ff1b ff1f ff5e"
)
# Data-Juicer 1.6's special characters: ASCII punctuation, digits, spaces, a list of signs first drawn up for BLOOM's ROOTS corpus
# (Laurençon et al. 2022), and the emoji of one code point.
_SPECIAL = (
    "9-d 20-40 5b-60 7b-7e 81-85 91-93 95-99 9c-9d a1-ab ad-b4 b7-bf d7 f7-f8 131 26a 2ba-2bc 2c8 2cc 2d0 2d8 2da 2dc 3c0 413 60c 647 66a "
    "66c 6e9 93e 940 947 94d 97d 9be e51 2002-2003 2005 2008-200b 2010-2011 2013-2016 2018-201a 201c-2020 2022 2024 2026 202f-2030 "
    "2032-2033 2039-203a 203c 203f 2043-2044 2049 20a8 20aa 20ac 2103 2122 2139 2190-2199 21a9-21aa 21d3 2206 2208 2212 221a 221e-221f "
    "223c 2248 2256 2264-2265 2295 22c5 231a-231b 2328 23cf 23e9-23f3 23f8-23fa 24c2 2550 25a0 25aa-25ac 25b2 25b4 25b6-25b7 25ba-25bc "
    "25c0 25c6 25cf 25e6 25fb-25fe 2600-2606 260e 2611 2614-2615 2618 261b 261d 2620 2622-2623 2626 262a 262e-262f 2638-263b 2640 2642 "
    "2648-2653 265f-2661 2663 2665-2666 2668 266b 267b 267e-267f 2692-2697 2699 269b-269c 26a0-26a1 26a7 26aa-26ab 26b0-26b1 26bd-26be "
    "26c4-26c5 26c8 26ce-26cf 26d1 26d3-26d4 26e9-26ea 26f0-26f5 26f7-26fa 26fd 2702 2705 2708-270d 270f 2712-2714 2716 271d 2721 2726 "
    "2728 2731 2733-2734 2744 2747 274c 274e 2753-2757 2763-2764 2795-2797 27a1 27a4 27a9 27b0 27bf 2800 2934-2935 2b05-2b07 2b1b-2b1c "
    "2b50 2b55 3000-3002 300a-300d 3010-3011 3030 303d 309c 30b7 30c3-30c4 30f3 30fb-30fc 3297 3299 4e00 4e0a 58eb fd3e-fd3f feff ff01 "
    "ff08-ff09 ff0c ff0e ff11 ff1a-ff1b ff1f ff3e ff5e fffc-fffd 1f004 1f0cf 1f170-1f171 1f17e-1f17f 1f18e 1f191-1f19a 1f201-1f202 1f21a "
    "1f22f 1f232-1f23a 1f250-1f251 1f300-1f321 1f324-1f393 1f396-1f397 1f399-1f39b 1f39e-1f3f0 1f3f3-1f3f5 1f3f7-1f4fd 1f4ff-1f53d "
    "1f549-1f54e 1f550-1f567 1f56f-1f570 1f573-1f57a 1f587 1f58a-1f58d 1f590 1f595-1f596 1f5a4-1f5a5 1f5a8 1f5b1-1f5b2 1f5bc 1f5c2-1f5c4 "
    "1f5d1-1f5d3 1f5dc-1f5de 1f5e1 1f5e3 1f5e8 1f5ef 1f5f3 1f5fa-1f64f 1f680-1f6c5 1f6cb-1f6d2 1f6d5-1f6d9 1f6dc-1f6e5 1f6e9 1f6eb-1f6ec "
    "1f6f0 1f6f3-1f6fc 1f7e0-1f7eb 1f7f0 1f90c-1f93a 1f93c-1f945 1f947-1f9ff 1fa70-1fa7c 1fa80-1fac6 1fac8 1facc-1fadd 1fadf-1faeb "
    "1faef-1fafa"
)


def characters_of(ranges: str) -> frozenset[str]:
    """The characters of `ranges`: hexadecimal code points and `first-last` pairs."""
    pairs = (part.split("-") for part in ranges.split())
    return frozenset(chr(c) for pair in pairs for c in range(int(pair[0], 16), int(pair[-1], 16) + 1))


LINE_ENDS = characters_of(_LINE_ENDS)
TERMINALS = characters_of(_TERMINAL)
PUNCTUATIONS = characters_of(_PUNCTUATION) | TERMINALS
SPECIALS = characters_of(_SPECIAL)


@lru_cache(maxsize=1)
def table() -> Flags:
    """The flags of every code point below U+40000, shape (262144,); read, never changed."""
    return _table()


def _table() -> Flags:
    flags = np.zeros(_KNOWN, dtype=np.uint8)
    for code_point, character in enumerate(map(chr, range(_KNOWN))):
        if character.isalnum():
            flags[code_point] = ALPHANUMERIC | LETTER * character.isalpha() | DIGIT * character.isdecimal()
        elif character.isspace():
            flags[code_point] = SPACE
    for flag, characters in ((LINE_END, LINE_ENDS), (PUNCTUATION, PUNCTUATIONS), (TERMINAL, TERMINALS), (SPECIAL, SPECIALS)):
        flags[[ord(character) for character in characters]] |= flag
    return flags


def with_terminals(characters: str) -> Flags:
    """The table with `characters`, and no others, as TERMINAL."""
    flags = table() & np.uint8(~TERMINAL & 0xFF)
    flags[[ord(character) for character in characters if ord(character) < _KNOWN]] |= TERMINAL
    flags.setflags(write=False)
    return flags


@numba.njit(nogil=True, cache=True, inline="always")
def code_point_at(data, i):  # type: ignore[no-untyped-def]
    """The code point that begins at byte i of valid UTF-8, and where the next one begins."""
    first = np.int64(data[i])
    if first < 0x80:
        return first, i + 1
    if first < 0xE0:
        return (first & 0x1F) << 6 | np.int64(data[i + 1] & 0x3F), i + 2
    if first < 0xF0:
        return (first & 0x0F) << 12 | np.int64(data[i + 1] & 0x3F) << 6 | np.int64(data[i + 2] & 0x3F), i + 3
    high = (first & 0x07) << 18 | np.int64(data[i + 1] & 0x3F) << 12
    return high | np.int64(data[i + 2] & 0x3F) << 6 | np.int64(data[i + 3] & 0x3F), i + 4


@numba.njit(nogil=True, cache=True, inline="always")
def flags_of(code_point, flags):  # type: ignore[no-untyped-def]
    """The flags of any code point, by `table()`."""
    return np.int64(flags[code_point]) if code_point < 0x40000 else np.int64(0)


@numba.njit(nogil=True, cache=True, inline="always")
def line_end_after(data, i, after, end):  # type: ignore[no-untyped-def]
    """Where the line end that begins at byte i, of one code point up to `after`, is over: CR LF is one."""
    return after + 1 if data[i] == 13 and after < end and data[after] == 10 else after


@numba.njit(nogil=True, cache=True)
def count_flag(data, offsets, flags, flag):  # type: ignore[no-untyped-def]
    """Per text its code points, and those that carry `flag`: shape (n, 2)."""
    n = len(offsets) - 1
    out = np.zeros((n, 2), dtype=np.int64)
    for row in range(n):
        i, end = offsets[row], offsets[row + 1]
        total, found = 0, 0
        while i < end:
            code_point, i = code_point_at(data, i)
            total += 1
            found += flags_of(code_point, flags) & flag != 0
        out[row, 0] = total
        out[row, 1] = found
    return out


@numba.njit(nogil=True, cache=True)
def line_lengths(data, offsets, flags):  # type: ignore[no-untyped-def]
    """Per text its code points, its lines as of `str.splitlines`, and the code points of the longest: shape (n, 3)."""
    n = len(offsets) - 1
    out = np.zeros((n, 3), dtype=np.int64)
    for row in range(n):
        i, end = offsets[row], offsets[row + 1]
        total, lines, longest, length = 0, 0, 0, 0
        open_line = False
        while i < end:
            code_point, after = code_point_at(data, i)
            total += 1
            if flags_of(code_point, flags) & LINE_END:
                over = line_end_after(data, i, after, end)
                total += over - after
                after = over
                lines += 1
                longest = max(longest, length)
                length = 0
                open_line = False
            else:
                length += 1
                open_line = True
            i = after
        out[row, 0] = total
        out[row, 1] = lines + open_line
        out[row, 2] = max(longest, length)
    return out
