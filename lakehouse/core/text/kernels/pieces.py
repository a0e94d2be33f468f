"""Pieces of text that are written letter by letter: addresses of pages and mail, names of hosts and files; compiled.

A piece is a run of ASCII signs, letters and digits and of Latin letters up to U+024F, without spaces. It is an address if it holds `@` or
`://`, or an underscore right between two letters or digits, or a dot, slash or backslash between two of which one is a letter
(`www.example.org`, `x86_64`, `and/or`). What holds `://` goes on over letters and digits of any script that follow, up to a space or
another sign: addresses hold Chinese unencoded.
"""

from __future__ import annotations

import numba
import numpy as np

from lakehouse.core.text.kernels.characters import ALPHANUMERIC, DIGIT, code_point_at, flags_of

ACCENTED, LAST_LATIN = 0xC0, 0x24F


@numba.njit(nogil=True, cache=True, inline="always")
def ascii_letter(byte):  # type: ignore[no-untyped-def]
    return 97 <= byte | 0x20 <= 122


@numba.njit(nogil=True, cache=True, inline="always")
def latin(code):  # type: ignore[no-untyped-def]
    """Whether a code point is a Latin letter of ASCII, Latin-1 or the first two extensions."""
    if code < 0x80:
        return ascii_letter(code)
    return ACCENTED <= code <= LAST_LATIN and code != 0xD7 and code != 0xF7


@numba.njit(nogil=True, cache=True, inline="always")
def in_piece(code):  # type: ignore[no-untyped-def]
    """Whether a code point can be in a piece."""
    return 0x21 <= code <= 0x7E or ACCENTED <= code <= LAST_LATIN


@numba.njit(nogil=True, cache=True, inline="always")
def mark(code):  # type: ignore[no-untyped-def]
    """Whether a code point is one of the blocks of combining diacritical marks: it belongs to the letter before."""
    if code < 0x300:
        return False
    return code <= 0x36F or 0x1AB0 <= code <= 0x1AFF or 0x1DC0 <= code <= 0x1DFF or 0x20D0 <= code <= 0x20FF or 0xFE20 <= code <= 0xFE2F


@numba.njit(nogil=True, cache=True, inline="always")
def inside_word(code, flags):  # type: ignore[no-untyped-def]
    """Whether a word of letters next to a code point is part of something else: a digit, an underscore, a combining mark."""
    return code == 95 or mark(code) or flags_of(code, flags) & DIGIT != 0


@numba.njit(nogil=True, cache=True)
def piece_at(data, i, end, flags):  # type: ignore[no-untyped-def]
    """Where the piece that begins at byte i is over, and whether it is an address; (i, False) where none begins."""
    j, address, link = i, False, False
    letter, digit, joined = (
        False,
        False,
        0,
    )  # the last was a letter, a digit, a joining sign: 2 if whatever follows makes an address, 1 if a letter does
    while j < end:
        byte = data[j]
        if byte < 0x80:
            if byte < 0x21 or byte == 0x7F:
                break
            after = j + 1
            is_letter, is_digit = ascii_letter(byte), 48 <= byte <= 57
            if byte == 64:
                address = True
            elif byte == 58 and j + 2 < end and data[j + 1] == 47 and data[j + 2] == 47:
                address, link = True, True
        else:
            code, after = code_point_at(data, j)
            if not in_piece(code):
                break
            is_letter, is_digit = code != 0xD7 and code != 0xF7, False
        if joined and (is_letter or (is_digit and joined == 2)):
            address = True
        joins = byte == 46 or byte == 47 or byte == 92 or byte == 95
        joined = (2 if letter or (digit and byte == 95) else 1 if digit else 0) if joins else 0
        letter, digit = is_letter, is_digit
        j = after
    if link:
        while j < end:
            code, after = code_point_at(data, j)
            if not in_piece(code) and flags_of(code, flags) & ALPHANUMERIC == 0:
                break
            j = after
    return np.int64(j), address


@numba.njit(nogil=True, cache=True)
def copied(data, i, end, out, at):  # type: ignore[no-untyped-def]
    """Write data[i:end] to out[at:]; returns where it ends."""
    while i < end:
        out[at] = data[i]
        at += 1
        i += 1
    return at


@numba.njit(nogil=True, cache=True)
def with_room(out, at, more):  # type: ignore[no-untyped-def]
    """`out`, or a larger one with the same first `at` bytes, if fewer than `more` bytes are left in it."""
    if at + more <= len(out):
        return out
    grown = np.empty(2 * (at + more), dtype=np.uint8)
    grown[:at] = out[:at]
    return grown
