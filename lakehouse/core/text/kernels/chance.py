"""Chance that is the same everywhere: random numbers by place, from one seed a text.

SplitMix64 (Steele, Lea and Flood 2014) read at any place: what is decided at one place of a text does not depend on how many decisions
came before it. Whole numbers only, so that every machine draws the same.
"""

from __future__ import annotations

import hashlib

import numba
import numpy as np

from lakehouse.core.text.kernels.hashes import BASE


def salt(name: str) -> np.uint64:
    """A number for the seeds of one operator, so that two operators with one seed do not draw alike."""
    return np.uint64(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little"))


def threshold(rate: float) -> np.uint64:
    """The number that `happens` compares with: a share (0 to 1) of 2^53."""
    return np.uint64(round(rate * (1 << 53)))


@numba.njit(nogil=True, cache=True, inline="always")
def again(drawn):  # type: ignore[no-untyped-def]
    """Another random number after one; 64 bits. `again(s + k * BASE)` are the numbers of SplitMix64 from the state s on."""
    z = drawn + BASE
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@numba.njit(nogil=True, cache=True, inline="always")
def drawn_at(seed, place):  # type: ignore[no-untyped-def]
    """The random number of a place (a byte of a text), 64 bits."""
    return again(seed + np.uint64(place) * BASE)


@numba.njit(nogil=True, cache=True, inline="always")
def happens(drawn, rate):  # type: ignore[no-untyped-def]
    """Whether what has the chance `rate`, a `threshold`, happens."""
    return (drawn >> np.uint64(11)) < rate


@numba.njit(nogil=True, cache=True, inline="always")
def below(drawn, n):  # type: ignore[no-untyped-def]
    """A whole number from 0 to n - 1, n < 2^31, by the upper half of a random number (Lemire 2019, without the rejection)."""
    return np.int64(((drawn >> np.uint64(32)) * np.uint64(n)) >> np.uint64(32))
