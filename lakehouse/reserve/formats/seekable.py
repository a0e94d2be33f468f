"""A file that can be read at any place: as it is, or a copy in memory or a temporary file of a stream that cannot seek."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast


@contextmanager
def seekable(handle: BinaryIO) -> Iterator[BinaryIO]:
    """`handle`, or of an archive's member or gz a copy that lasts as long as the block; above 64 MB it is a temporary file."""
    if handle.seekable():
        yield handle
        return
    with tempfile.SpooledTemporaryFile(max_size=64 * 1024 * 1024) as held:
        shutil.copyfileobj(handle, held)
        held.seek(0)
        yield cast(BinaryIO, held)
