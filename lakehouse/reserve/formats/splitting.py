"""Cut a stream of bytes into chunks of whole lines; a line over the limit goes to the sink piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from lakehouse.reserve.material import BadItem, Reading

BOM = b"\xef\xbb\xbf"
_NEWLINE, _RETURN = 10, 13
_INK = np.array([chr(byte) not in " \t\n\v\f\r" for byte in range(256)])
"""Whether a byte is more than white space."""


@dataclass(frozen=True)
class Chunk:
    """Whole lines.

    Attributes:
        data: the bytes; every line ends with a newline.
        first: number of the first line in its file, from 1.
        starts, ends: offsets of each line in `data`, its newline left out.
    """

    data: bytes
    first: int
    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]

    def line(self, index: int) -> bytes:
        """The bytes of one line without its end."""
        return self.data[self.starts[index] : self.ends[index]].removesuffix(b"\r")


def chunks(handle: BinaryIO, reading: Reading) -> Iterator[Chunk | BadItem]:
    """Chunks of about `reading.chunk_bytes`, and a BadItem `oversized` for each line above `reading.max_item_bytes`.

    Memory is bounded by the chunk and the limit, whatever the length of a line. A byte order mark is left out.
    """
    buffer, first = b"", 1
    start = handle.read(len(BOM))
    if start != BOM:
        buffer = start
    while block := handle.read(reading.chunk_bytes):
        buffer = buffer + block if buffer else block
        cut = buffer.rfind(b"\n") + 1
        if cut:
            whole, buffer = buffer[:cut], buffer[cut:]
            yield from _pieces(whole, first, reading)
            first += whole.count(b"\n")
        if len(buffer) > reading.max_item_bytes + 1:  # a carriage return at its end does not count
            item, buffer = spill_line(buffer, handle, first, reading)
            yield item
            first += 1
    if buffer:
        yield from _pieces(buffer if buffer.endswith(b"\n") else buffer + b"\n", first, reading)


def spill_line(start: bytes, handle: BinaryIO, position: int, reading: Reading) -> tuple[BadItem, bytes]:
    """Send the line that begins with `start` to the sink, up to its end; returns the item and the bytes after it."""
    sink = reading.sink()
    size, rest, held = 0, b"", start
    while block := handle.read(reading.chunk_bytes):
        end = block.find(b"\n")
        # The last byte waits: it may be the carriage return before the newline.
        size += len(held) - 1
        sink.write(held[:-1])
        held = held[-1:] + (block if end < 0 else block[:end])
        if end >= 0:
            rest = block[end + 1 :]
            break
    last = held.removesuffix(b"\r")
    sink.write(last)
    return BadItem(position, size + len(last), "oversized", blob=sink.close()), rest


def held_or_spilled(handle: BinaryIO, reading: Reading) -> bytes | BadItem:
    """A file that is one item: its bytes, or, over the limit, the item whose bytes went to the sink piece by piece."""
    data = handle.read(reading.max_item_bytes + 1)
    if len(data) <= reading.max_item_bytes:
        return data
    sink, size = reading.sink(), len(data)
    sink.write(data)
    while block := handle.read(reading.chunk_bytes):
        sink.write(block)
        size += len(block)
    return BadItem(1, size, "oversized", blob=sink.close())


def spill(data: bytes, position: int, reading: Reading) -> BadItem:
    """Send an oversized item that is already held to the sink."""
    sink = reading.sink()
    sink.write(data)
    return BadItem(position, len(data), "oversized", blob=sink.close())


def _pieces(whole: bytes, first: int, reading: Reading) -> Iterator[Chunk | BadItem]:
    ends = np.flatnonzero(np.frombuffer(whole, dtype=np.uint8) == _NEWLINE).astype(np.int64)
    starts = np.concatenate([np.zeros(1, dtype=np.int64), ends[:-1] + 1])
    big = np.flatnonzero(lengths(whole, starts, ends) > reading.max_item_bytes)
    done = 0
    for index in (*big.tolist(), len(ends)):
        if index > done:
            offset = int(starts[done])
            data = whole[offset : int(ends[index - 1]) + 1] if (done, index) != (0, len(ends)) else whole
            yield Chunk(data, first + done, starts[done:index] - offset, ends[done:index] - offset)
        if index < len(ends):
            yield spill(whole[int(starts[index]) : int(ends[index])].removesuffix(b"\r"), first + index, reading)
        done = index + 1


def lengths(data: bytes, starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Bytes of each line, a carriage return at its end left out."""
    returns = (np.frombuffer(data, dtype=np.uint8)[ends - 1] == _RETURN) & (ends > starts)
    found: npt.NDArray[np.int64] = ends - starts - returns
    return found


def filled(chunk: Chunk) -> npt.NDArray[np.bool_]:
    """Which lines hold more than white space."""
    data = np.frombuffer(chunk.data, dtype=np.uint8)
    begins: npt.NDArray[np.bool_] = _INK[data[chunk.starts]]
    return begins if begins.all() else np.logical_or.reduceat(_INK[data], chunk.starts)
