"""Reed-Solomon over GF(256): of `data` blocks and as many of parity as wanted, any `data` give back all.

One block of data needs no code: its parity is a copy, which makes replicas of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lakehouse.core.errors import MissingExtraError

BLOCK = 1024 * 1024
"""Bytes of a block that are coded at a time."""


def parity(blocks: Sequence[bytes], number: int) -> list[bytes]:
    """`number` blocks of parity for data blocks of one length.

    Raises:
        MissingExtraError: the code's library is not installed.
    """
    if len(blocks) == 1:
        return [blocks[0]] * number
    count = len(blocks)
    made: list[bytes] = _library().Encoder(count, count + number).encode(list(blocks), list(range(count, count + number)))
    return made


def recover(blocks: Mapping[int, bytes], data: int, total: int) -> list[bytes]:
    """The `data` blocks, from as many of all `total` by number; more are not looked at.

    Raises:
        MissingExtraError: the code's library is not installed.
    """
    if data == 1:
        return [next(iter(blocks.values()))]
    chosen = sorted(blocks)[:data]
    found: list[bytes] = _library().Decoder(data, total).decode([blocks[number] for number in chosen], chosen)
    return found


def _library() -> Any:
    try:
        import zfec
    except ImportError as error:
        raise MissingExtraError("a cold pack with parity", "cold") from error
    return zfec
