"""Formats whose item is a file: its bytes set aside by their SHA-256, its facts as columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO

import polars as pl

from lakehouse.core.errors import ShapeError
from lakehouse.core.row_model import READ
from lakehouse.reserve.formats.splitting import held_or_spilled
from lakehouse.reserve.material import BadItem, Reading, no_rows, with_bad

Facts = Callable[[bytes, Reading], Mapping[str, Any]]
"""The facts of a file, by column; raises Unreadable."""
DATA = "data"
"""The column that holds the bytes themselves, where a source declares it."""


class Unreadable(Exception):
    """The finding of a row whose file is of another type or cannot be read."""

    def __init__(self, finding: str) -> None:
        super().__init__(finding)
        self.finding = finding


def one_item(
    handle: BinaryIO, reading: Reading, columns: list[str], schema: Mapping[str, pl.DataType], facts: Facts
) -> Iterator[pl.DataFrame]:
    """The file as one row: `sha256` of its bytes, which are set aside under it, and its facts; a file of no byte is `empty_item`.

    A file that cannot be read is a row with its finding, its bytes set aside as well; one over `reading.max_item_bytes` is `oversized`.

    Args:
        schema: the columns of the format, `sha256` among them.

    Raises:
        ShapeError: a column is asked for that the format has not.
    """
    if unknown := sorted(set(columns) - set(schema) - {DATA}):
        raise ShapeError(f"the format has no column {unknown}", fix=f"declare some of {', '.join([*schema, DATA])}")
    kinds: dict[str, pl.DataType] = {**schema, DATA: pl.Binary()}
    empty = no_rows({name: kinds[name] for name in columns})
    data = held_or_spilled(handle, reading)
    if isinstance(data, BadItem):
        yield with_bad(empty, [data])
        return
    if not data:
        yield with_bad(no_rows(columns), [BadItem(1, 0, "empty_item", raw=b"")])
        return
    sink, size = reading.sink(), len(data)
    sink.write(data)
    sha256 = sink.close()
    try:
        found = {**facts(data, reading), "sha256": sha256, DATA: data if DATA in columns else None}
    except Unreadable as error:
        yield with_bad(empty, [BadItem(1, size, error.finding, blob=sha256)])
        return
    own = {name: pl.Series(name, [found.get(name)], dtype=kinds[name]) for name in columns}
    read = {"_position": [1], "_bytes": [size], "_findings": [[]], "_raw": [None], "_blob": [sha256]}
    yield pl.DataFrame(own).hstack(pl.DataFrame(read, schema=READ))
