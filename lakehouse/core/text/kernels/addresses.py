"""Addresses of pages, compiled, straight over Arrow buffers: the domain of a host, and words of lists in addresses."""

from __future__ import annotations

import numba
import numpy as np

from lakehouse.core.text.kernels.spans import find_word

NODE, SUFFIX, WILDCARD, EXCEPTION = 1, 2, 4, 8
"""A name among the rules of public suffixes: others end in it, it is one, all right below it are one, it is none though it seems so."""
_DOT = 0x2E


@numba.njit(nogil=True, cache=True)
def _suffix(data, start, end, table, rules, rule_offsets, kinds):  # type: ignore[no-untyped-def]
    """Where the public suffix of the host data[start:end] begins, or -1."""
    suffix, before, after, wild = np.int64(-1), end, end, False
    while True:
        label = after
        while label > start and data[label - 1] != _DOT:
            label -= 1
        rule = find_word(data, label, end, table, rules, rule_offsets)
        kind = kinds[rule] if rule >= 0 else 0
        if kind & NODE == 0:
            if wild:
                suffix = before if kind & EXCEPTION else label
            return suffix
        if kind & SUFFIX:
            suffix = label
        if label == start:
            return suffix
        wild, before, after = kind & WILDCARD != 0, label, label - 1


@numba.njit(nogil=True, cache=True)
def domains(data, offsets, table, rules, rule_offsets, kinds):  # type: ignore[no-untyped-def]
    """Where the registered domain and the whole name of each host begin in `data`, shape (n, 2); they end where the host does.

    A host under no public suffix, such as an address, counts as both; one that has no domain, as a bare suffix, as neither: nothing.

    Args:
        data, offsets: UTF-8 bytes and n + 1 offsets of n hosts in lower case.
        table, rules, rule_offsets: `spans.word_table` of the names in rules, and what it was made from.
        kinds: what each name is.
    """
    out = np.empty((len(offsets) - 1, 2), dtype=np.int64)
    for row in range(len(offsets) - 1):
        start, end = offsets[row], offsets[row + 1]
        out[row, 0] = out[row, 1] = start
        suffix = _suffix(data, start, end, table, rules, rule_offsets, kinds)
        if suffix < 0:
            continue
        label = suffix - 1
        while label > start and data[label - 1] != _DOT:
            label -= 1
        if label >= suffix - 1:
            out[row, 0] = out[row, 1] = end
            continue
        out[row, 0] = label
        if label == start + 1:  # the host begins with a dot, which is no part of its name
            out[row, 1] = label
    return out


@numba.njit(nogil=True, cache=True)
def listed(data, starts, ends, table, words, word_offsets):  # type: ignore[no-untyped-def]
    """Whether each span of `data` is one of the listed words."""
    out = np.zeros(len(starts), dtype=np.bool_)
    for row in range(len(starts)):
        out[row] = find_word(data, starts[row], ends[row], table, words, word_offsets) >= 0
    return out


@numba.njit(nogil=True, cache=True)
def word_hits(data, offsets, table, words, word_offsets):  # type: ignore[no-untyped-def]
    """How many different listed words each text holds between characters other than ASCII letters and digits."""
    out = np.zeros(len(offsets) - 1, dtype=np.int64)
    seen = np.full(len(word_offsets), -1, dtype=np.int64)
    for row in range(len(offsets) - 1):
        i, end = offsets[row], offsets[row + 1]
        while i < end:
            start = i
            while i < end and (0x30 <= data[i] <= 0x39 or 0x61 <= data[i] | 0x20 <= 0x7A):
                i += 1
            if i > start:
                word = find_word(data, start, i, table, words, word_offsets)
                if word >= 0 and seen[word] != row:
                    seen[word] = row
                    out[row] += 1
            i += 1
    return out
