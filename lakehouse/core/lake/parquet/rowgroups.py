"""Row groups of Parquet files, moved to another file as the bytes they are: nothing is decoded, nothing encoded.

A row group is one run of bytes, and only the footer gives its place; so it is copied, and the new footer gives the new place.
Source of the fields' numbers: `parquet.thrift` of apache/parquet-format.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from lakehouse.core.lake.parquet.thrift_compact import I16, I64, LIST, STRUCT, MalformedError, Struct, read_struct, write_struct

_MAGIC = b"PAR1"
_PIECE = 8 * 1024 * 1024
_NUM_ROWS, _ROW_GROUPS, _ENCRYPTION = 3, 4, 8
_COLUMNS, _GROUP_ROWS, _GROUP_OFFSET, _ORDINAL = 1, 3, 5, 7
_PATH, _CHUNK_OFFSET, _META = 1, 2, 3
_INDEXES = (4, 5, 6, 7)
"""The fields with the place of a column chunk's page index, which lies outside of the group."""
_SIZE, _DATA_PAGE, _INDEX_PAGE, _DICTIONARY_PAGE = 7, 9, 10, 11
_BLOOM = (14, 15)


@dataclass(frozen=True)
class RowGroup:
    """A row group in its file.

    Attributes:
        struct: its entry in the footer.
        start: its first byte in the file.
        end: the byte behind its last one.
    """

    struct: Struct
    rows: int
    start: int
    end: int


@dataclass(frozen=True)
class Footer:
    """The footer of a file without its row groups, and the row groups."""

    shape: Struct
    groups: tuple[RowGroup, ...]

    def fits(self, other: Footer) -> bool:
        """Whether one file may hold row groups of both: equal columns, and equal notes on them."""
        return self.shape == other.shape


def footer_of(handle: pa.NativeFile) -> Footer | None:
    """The footer of a Parquet file; None where its row groups cannot be moved: encrypted, in several pieces, or of an unknown form."""
    size = handle.size()
    if size < 12:
        return None
    tail = handle.read_at(8, size - 8)
    length = int.from_bytes(tail[:4], "little")
    if tail[4:] != _MAGIC or length + 12 > size:
        return None
    try:
        struct = read_struct(handle.read_at(length, size - 8 - length))
        groups = [_placed(group) for group in struct.pop(_ROW_GROUPS)[1][1]]
    except (MalformedError, KeyError, TypeError):
        return None
    if _ENCRYPTION in struct or any(group is None for group in groups):
        return None
    struct.pop(_NUM_ROWS)
    return Footer(struct, tuple(group for group in groups if group is not None))


def _placed(group: Struct) -> RowGroup | None:
    chunks = [(chunk.get(_PATH), chunk[_META][1]) for chunk in group[_COLUMNS][1][1]]
    starts = [min(meta[field][1] for field in (_DATA_PAGE, _DICTIONARY_PAGE) if meta.get(field, (0, 0))[1]) for _, meta in chunks]
    sizes = [meta[_SIZE][1] for _, meta in chunks]
    start = min(starts)
    end = max(at + size for at, size in zip(starts, sizes, strict=True))
    whole = end - start == sum(sizes) and not any(path for path, _ in chunks)
    return RowGroup(group, group[_GROUP_ROWS][1], start, end) if whole else None


class SplicedFile:
    """A Parquet file under way, of row groups that other files hold."""

    def __init__(self, sink: pa.NativeFile, footer: Footer) -> None:
        self.sink, self.shape = sink, footer.shape
        self.groups: list[Struct] = []
        self.rows = 0
        self.size: int = sink.write(_MAGIC)

    def add(self, handle: pa.NativeFile, group: RowGroup) -> None:
        """Copy a row group from the file that has it."""
        self.groups.append(_moved(group.struct, self.size - group.start, len(self.groups)))
        self.rows += group.rows
        for piece in _pieces(handle, group):
            self.size += self.sink.write(piece)

    def close(self) -> int:
        """Write the footer; the size of the file."""
        metadata = {**self.shape, _NUM_ROWS: (I64, self.rows), _ROW_GROUPS: (LIST, (STRUCT, self.groups))}
        footer = write_struct(dict(sorted(metadata.items())))
        self.size += self.sink.write(footer + len(footer).to_bytes(4, "little") + _MAGIC)
        self.sink.close()
        return self.size


def _pieces(handle: pa.NativeFile, group: RowGroup) -> Iterator[bytes]:
    at = group.start
    while at < group.end:
        piece = handle.read_at(min(_PIECE, group.end - at), at)
        if not piece:
            raise OSError("the file ends within a row group")
        yield piece
        at += len(piece)


def _moved(group: Struct, by: int, ordinal: int) -> Struct:
    """A row group `by` bytes further on; page indexes and Bloom filters, which lie elsewhere, are left behind."""

    def shifted(struct: Struct, fields: tuple[int, ...]) -> Struct:
        return {n: (kind, value + by if n in fields and value else value) for n, (kind, value) in struct.items()}

    kind, chunks = group[_COLUMNS][1]
    moved: list[Any] = []
    for chunk in chunks:
        meta = shifted(chunk[_META][1], (_DATA_PAGE, _INDEX_PAGE, _DICTIONARY_PAGE))
        meta = {n: value for n, value in meta.items() if n not in _BLOOM}
        rest = {n: value for n, value in shifted(chunk, (_CHUNK_OFFSET,)).items() if n not in _INDEXES}
        moved.append({**rest, _META: (STRUCT, meta)})
    new = {**shifted(group, (_GROUP_OFFSET,)), _COLUMNS: (LIST, (kind, moved))}
    return {**new, _ORDINAL: (I16, ordinal)} if _ORDINAL in new else new
