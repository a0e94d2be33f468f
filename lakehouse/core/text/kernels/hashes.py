"""The hash function that kernels share."""

from __future__ import annotations

import numba
import numpy as np

BASE = np.uint64(0x9E3779B97F4A7C15)
"""Of polynomial hashes mod 2^64: 2^64 over the golden ratio, odd."""
FNV_OFFSET, FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
"""FNV-1a of 64 bits: h = (h ^ part) * FNV_PRIME, from FNV_OFFSET on."""


@numba.njit(nogil=True, cache=True, inline="always")
def mixed(h):  # type: ignore[no-untyped-def]
    """The finaliser of MurmurHash3 (Appleby): every input bit reaches every output bit; one to one."""
    h ^= h >> np.uint64(33)
    h *= np.uint64(0xFF51AFD7ED558CCD)
    h ^= h >> np.uint64(33)
    h *= np.uint64(0xC4CEB9FE1A85EC53)
    h ^= h >> np.uint64(33)
    return h
