"""`rows`: rows of a table elsewhere, for sources that stay in place; declarations cannot name this format."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

import polars as pl

from lakehouse.reserve.formats.columns import deltables
from lakehouse.reserve.formats.frames import framed
from lakehouse.reserve.material import Reading


@dataclass
class FrameStream:
    """An open stream of frames, in the place of a file's bytes.

    Attributes:
        frames: of rows, in their order; closed with the stream.
        schema: asks for column names and types; may read everything.
        errors: turns failures elsewhere into an error with a way out.
    """

    frames: Callable[[], Generator[pl.DataFrame, None, None]]
    schema: Callable[[], Mapping[str, pl.DataType]]
    errors: Callable[[], AbstractContextManager[Any]] = nullcontext
    _open: Generator[pl.DataFrame, None, None] | None = None

    def __iter__(self) -> Iterator[pl.DataFrame]:
        with self.errors():
            self._open = self.frames()
            yield from self._open

    def handle(self) -> BinaryIO:
        """Itself, as the handle that a format reads."""
        return cast(BinaryIO, self)

    def peek(self, size: int) -> bytes:
        """Whether there are rows is seen when they are read."""
        return b"\n"

    def close(self) -> None:
        """Let go of the table."""
        if self._open is not None:
            self._open.close()


def shape(handle: BinaryIO, reading: Reading) -> dict[str, pl.DataType]:
    """Column names and types as Delta can hold them."""
    rows = cast(FrameStream, handle)
    with rows.errors():
        return deltables(rows.schema())


def read(handle: BinaryIO, reading: Reading, columns: list[str]) -> Iterator[pl.DataFrame]:
    """The rows as they come; raises as `framed` does."""
    yield from framed(cast(FrameStream, handle), reading, columns)
