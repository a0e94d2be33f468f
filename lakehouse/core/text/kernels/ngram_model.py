"""Language models of n-grams, compiled: interpolated modified Kneser-Ney (Chen & Goodman 1998), trained and read over Arrow buffers.

A text is a sentence: one mark before it, one after it, and the second is predicted like a token. A token that training did not see is
the unknown one; it has the probability that the interpolation leaves to each member of the vocabulary. As in KenLM (Heafield et al. 2013)
the counts of n-grams below the highest order are numbers of distinct tokens before them, those that begin a text excepted. An n-gram is
known by a hash of 63 bits: among ten million n-grams two share one with a probability of 5 in a million.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from lakehouse.core.text.kernels import characters, simplify
from lakehouse.core.text.kernels.hashes import BASE, mixed
from lakehouse.core.text.kernels.model_tokens import tokens_of

BEGIN, END = np.uint64(1), np.uint64(2)
"""The marks around a text; a token's hash is one of them as seldom as any other number."""
FALLBACK = (0.5, 1.0, 1.5)
"""Discounts where counts of counts are too few to estimate them, as KenLM's `--discount_fallback`."""


@numba.njit(nogil=True, cache=True, inline="always")
def _key(h, length):  # type: ignore[no-untyped-def]
    """The key of an n-gram of the polynomial hash h; never 0, which marks an empty slot."""
    return mixed(h + np.uint64(length)) | np.uint64(1)


@numba.njit(nogil=True, cache=True)
def _grown(slots, ids):  # type: ignore[no-untyped-def]
    """The table with twice as many slots."""
    mask = np.uint64(2 * len(slots) - 1)
    wider, wider_ids = np.zeros(2 * len(slots), dtype=np.uint64), np.zeros(2 * len(slots), dtype=np.int32)
    for old in range(len(slots)):
        if slots[old] != 0:
            slot = slots[old] >> np.uint64(1) & mask
            while wider[np.int64(slot)] != 0:
                slot = slot + np.uint64(1) & mask
            wider[np.int64(slot)], wider_ids[np.int64(slot)] = slots[old], ids[old]
    return wider, wider_ids


@numba.njit(nogil=True, cache=True)
def _longer(array):  # type: ignore[no-untyped-def]
    wider = np.zeros((2 * array.shape[0], array.shape[1]), dtype=array.dtype)
    wider[: array.shape[0]] = array
    return wider


_COUNT, _CONTEXT, _SUFFIX, _LENGTH = 0, 1, 2, 3


@numba.njit(nogil=True, cache=True)
def _counted(data, offsets, order, by_word, simple, flags):  # type: ignore[no-untyped-def]
    """Every distinct n-gram of the texts, 1 to `order` tokens long, in the order in which they are met.

    Returns:
        keys, uint64 (n,), and int32 (n, 4): count; the n-gram without its last token; without its first one, which was met before it;
        length. N-gram 0 is the empty one, 1 the mark before a text, which is only a context.
    """
    rows = len(offsets) - 1
    longest = 0
    for row in range(rows):
        longest = max(longest, offsets[row + 1] - offsets[row])
    tokens = np.empty(longest + 2, dtype=np.uint64)
    slots, ids = np.zeros(1 << 16, dtype=np.uint64), np.zeros(1 << 16, dtype=np.int32)
    keys, grams = np.zeros((1 << 15, 1), dtype=np.uint64), np.zeros((1 << 15, 4), dtype=np.int32)
    keys[1, 0], grams[1, _LENGTH] = _key(BEGIN, 1), 1
    slots[np.int64(keys[1, 0] >> np.uint64(1) & np.uint64(len(slots) - 1))] = keys[1, 0]
    ids[np.int64(keys[1, 0] >> np.uint64(1) & np.uint64(len(slots) - 1))] = 1
    known = 2
    before, here = np.zeros(order + 1, dtype=np.int32), np.zeros(order + 1, dtype=np.int32)
    for row in range(rows):
        if offsets[row] == offsets[row + 1]:
            continue
        total = tokens_of(data, offsets[row], offsets[row + 1], by_word, simple, flags, tokens[1:])
        if total == 0:
            continue
        tokens[0], tokens[total + 1] = BEGIN, END
        before[1] = 1
        for at in range(1, total + 2):
            h, power = np.uint64(0), np.uint64(1)
            for length in range(1, min(order, at + 1) + 1):
                h += tokens[at - length + 1] * power
                power *= BASE
                key = _key(h, length)
                mask = np.uint64(len(slots) - 1)
                slot = key >> np.uint64(1) & mask
                while slots[np.int64(slot)] != 0 and slots[np.int64(slot)] != key:
                    slot = slot + np.uint64(1) & mask
                if slots[np.int64(slot)] == 0:
                    if known == len(keys):
                        keys, grams = _longer(keys), _longer(grams)
                    slots[np.int64(slot)], ids[np.int64(slot)] = key, known
                    keys[known, 0] = key
                    grams[known, _CONTEXT] = before[length - 1]
                    grams[known, _SUFFIX] = here[length - 1]
                    grams[known, _LENGTH] = length
                    if length > 1:
                        grams[here[length - 1], _COUNT] += 1
                    here[length] = known
                    known += 1
                    if 2 * known > len(slots):
                        slots, ids = _grown(slots, ids)
                else:
                    here[length] = ids[np.int64(slot)]
                if length == order or length == at + 1:
                    grams[here[length], _COUNT] += 1
            before, here = here, before
    return keys[:known, 0], grams[:known]


@numba.njit(nogil=True, cache=True)
def _counts_of_counts(grams, order):  # type: ignore[no-untyped-def]
    """How many n-grams of each length have the count 1, 2, 3, 4: shape (order + 1, 5)."""
    out = np.zeros((order + 1, 5), dtype=np.int64)
    for i in range(2, len(grams)):
        if grams[i, _COUNT] <= 4:
            out[grams[i, _LENGTH], grams[i, _COUNT]] += 1
    return out


def _discounts(grams: NDArray[np.int32], order: int) -> NDArray[np.float64]:
    """The discounts of the counts 1, 2, and 3 and more of each length (Chen & Goodman 1998, equation 26): shape (order + 1, 3)."""
    out = np.empty((order + 1, 3), dtype=np.float64)
    for length, (_, n1, n2, n3, n4) in enumerate(_counts_of_counts(grams, order).tolist()):
        found = FALLBACK
        if n1 and n2 and n3 and n4:
            y = n1 / (n1 + 2 * n2)
            estimated = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
            found = estimated if all(0 < d <= k for k, d in enumerate(estimated, 1)) else FALLBACK
        out[length] = found
    return out


@numba.njit(nogil=True, cache=True)
def _estimated(grams, discounts):  # type: ignore[no-untyped-def]
    """The probability of every n-gram's last token after the others, what each leaves to shorter contexts, and the number of tokens."""
    n = len(grams)
    total, left = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.float64)
    vocabulary = 1  # the unknown token
    for i in range(2, n):
        count, context, length = grams[i, _COUNT], grams[i, _CONTEXT], grams[i, _LENGTH]
        total[context] += count
        left[context] += discounts[length, min(count, 3) - 1]
        vocabulary += length == 1
    for i in range(n):
        left[i] = left[i] / total[i] if total[i] > 0 else 1.0
    probability = np.zeros(n, dtype=np.float64)
    for i in range(2, n):
        count, context, length = grams[i, _COUNT], grams[i, _CONTEXT], grams[i, _LENGTH]
        shorter = probability[grams[i, _SUFFIX]] if length > 1 else 1.0 / vocabulary
        probability[i] = (count - discounts[length, min(count, 3) - 1]) / total[context] + left[context] * shorter
    return probability, left, vocabulary


@numba.njit(nogil=True, cache=True)
def _table(keys, logarithms):  # type: ignore[no-untyped-def]
    """Open addressing, at most two thirds full: uint64 (slots, 2), a key and the two float32 that belong to it."""
    slots = 16
    while 2 * slots < 3 * len(keys):
        slots *= 2
    out = np.zeros((slots, 2), dtype=np.uint64)
    mask = np.uint64(slots - 1)
    for i in range(1, len(keys)):
        slot = keys[i] >> np.uint64(1) & mask
        while out[np.int64(slot), 0] != 0:
            slot = slot + np.uint64(1) & mask
        out[np.int64(slot), 0], out[np.int64(slot), 1] = keys[i], logarithms[i]
    return out


def train(data: NDArray[np.uint8], offsets: NDArray[np.int64], order: int, by_word: bool) -> dict[str, NDArray[Any]]:
    """A model of the texts as arrays, for `score`.

    Args:
        data, offsets: UTF-8 bytes and n + 1 offsets of n texts; one without tokens has no score.
        order: tokens in the longest n-gram.
        by_word: tokens are words, else code points.

    Returns:
        `table`, uint64 (slots, 2): keys of n-grams, with log10 of their probability and of what they leave to shorter contexts;
        `unknown`, float64 (1,): log10 of the probability of an unknown token without a context; `shape`, int64 (2,): order and by_word.
    """
    keys, grams = _counted(data, offsets, order, by_word, simplify.table(), characters.table())
    probability, left, vocabulary = _estimated(grams, _discounts(grams, order))
    pairs = np.ones((len(keys), 2), dtype=np.float64)
    pairs[2:, 0], pairs[1:, 1] = probability[2:], left[1:]
    packed = np.log10(pairs).astype("<f4").view("<u8").astype(np.uint64)[:, 0]
    return {
        "table": _table(keys, packed),
        "unknown": np.log10(np.array([left[0] / vocabulary])),
        "shape": np.array([order, int(by_word)], dtype=np.int64),
    }


@numba.njit(nogil=True, cache=True, inline="always")
def _slot(table, key):  # type: ignore[no-untyped-def]
    """The slot of a key, or -1."""
    mask = np.uint64(len(table) - 1)
    slot = key >> np.uint64(1) & mask
    while table[np.int64(slot), 0] != 0:
        if table[np.int64(slot), 0] == key:
            return np.int64(slot)
        slot = slot + np.uint64(1) & mask
    return np.int64(-1)


@numba.njit(nogil=True, cache=True)
def _scored(data, offsets, table, logarithms, unknown, order, by_word, simple, flags, probability, counts):  # type: ignore[no-untyped-def]
    longest = 0
    for row in range(len(offsets) - 1):
        longest = max(longest, offsets[row + 1] - offsets[row])
    tokens = np.empty(longest + 2, dtype=np.uint64)
    before, here = np.zeros(order + 1, dtype=np.uint64), np.zeros(order + 1, dtype=np.uint64)
    tokens[0] = BEGIN
    start_slot = _slot(table, _key(BEGIN, 1))
    for row in range(len(offsets) - 1):
        if offsets[row] == offsets[row + 1]:
            continue
        total = tokens_of(data, offsets[row], offsets[row + 1], by_word, simple, flags, tokens[1:])
        if total == 0:
            continue
        tokens[total + 1] = END
        logarithm = 0.0
        # The longest known n-gram that ends before the token: its length and its slot.
        context, context_slot = 1, start_slot
        before[1] = _key(BEGIN, 1)
        if context_slot < 0:
            context = 0
        for at in range(1, total + 2):
            context = min(context, order - 1)
            h, power = np.uint64(0), np.uint64(1)
            for length in range(1, context + 2):
                h += tokens[at - length + 1] * power
                power *= BASE
                here[length] = _key(h, length)
            # A known n-gram's context and its end without the first token are known too: the longest known one is at most one longer.
            length = context + 1
            slot = _slot(table, here[length])
            while slot < 0 and length > 1:
                length -= 1
                slot = _slot(table, here[length])
            if slot < 0:
                length = 0
                logarithm += unknown
            else:
                logarithm += logarithms[slot, 2]
            for k in range(max(length, 1), context + 1):
                leaves = context_slot if k == context and context_slot >= 0 else _slot(table, before[k])
                logarithm += logarithms[leaves, 3]
            context = length
            # Of the highest order only what is shorter by one can be a context.
            context_slot = slot if length < order else np.int64(-1)
            before, here = here, before
        probability[row] = logarithm
        counts[row] = total + 1


def score(
    data: NDArray[np.uint8], offsets: NDArray[np.int64], arrays: Mapping[str, NDArray[Any]]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """log10 of the probability of each text, and its tokens with the mark after it; 0.0 and 0 for a text without tokens.

    Args:
        arrays: what `train` gave.
    """
    n = len(offsets) - 1
    probability, counts = np.zeros(n, dtype=np.float64), np.zeros(n, dtype=np.int64)
    order, by_word = arrays["shape"].tolist()
    table = arrays["table"]
    unknown = float(arrays["unknown"][0])
    _scored(
        data, offsets, table, table.view("<f4"), unknown, order, by_word == 1, simplify.table(), characters.table(), probability, counts
    )
    return probability, counts
