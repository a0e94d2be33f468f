"""A bounded sample of the items of files: whole where they are small, else parts at even distances."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import BinaryIO

import polars as pl

from lakehouse.core.errors import SourceError
from lakehouse.core.row_model import READ
from lakehouse.core.spec.column_type import PLAIN, written
from lakehouse.core.text.encoding import Encoding
from lakehouse.reserve.bronze.batches import Digest
from lakehouse.reserve.discovery.file_type import Look
from lakehouse.reserve.discovery.finer_times import finer_columns
from lakehouse.reserve.discovery.json_kinds import JsonKinds, json_kinds, together
from lakehouse.reserve.discovery.layout import Layout
from lakehouse.reserve.formats import FORMATS, json_array, xml
from lakehouse.reserve.formats.compression import damage_named, decompressed, is_compressed
from lakehouse.reserve.formats.transcoding import transcoded, with_line_ends
from lakehouse.reserve.material import Reading, own_name

BYTES = 64 * 1024 * 1024
ITEMS = 20_000
PARTS = 16
"""Places of a large file that are looked at."""
_ITEM = 32 * 1024 * 1024
_HEAD = 1024 * 1024


@dataclass(frozen=True)
class Sample:
    """The sample that was read.

    Attributes:
        rows: own columns as the format reads them (CSV and JSON: all text), and READ.
        kinds: types of the own columns by the words of a declaration, where the format has types (JSON), or `lines`, `text`.
        bytes: of the text that was read.
        whole: whether that is all there is.
        share: about which part of the material it is, 0 to 1.
        repeated: JSON objects that have a key twice.
        finer: columns whose times are finer than a microsecond.
    """

    rows: pl.DataFrame
    kinds: dict[str, str]
    bytes: int
    whole: bool
    share: float
    repeated: int = 0
    finer: tuple[str, ...] = ()


@dataclass(frozen=True)
class Budget:
    """What may be read of one file."""

    bytes: int = BYTES
    items: int = ITEMS


def sample(look: Look, budget: Budget) -> Sample:
    """A sample of one file.

    Raises:
        SourceError: damaged, unreadable, or of columns that cannot be read.
    """
    file, encoding, layout = look.file, look.encoding, look.layout
    with damage_named(str(file)):
        if look.record is not None or (layout is not None and layout.structure == "json"):
            return _of_records(look, budget)
        if encoding is None or layout is None:
            return _of_format(look, budget)
        with file.open("rb") as below, closing(decompressed(below, file.name)) as handle:
            size = file.stat().st_size
            plain = not is_compressed(file.name)
            if plain and _splits(handle, encoding, layout, size, budget):
                return _of_parts(handle, layout, size, budget)
            data, raw, ended = _converted(handle, encoding, layout, budget)
            share = 1.0 if ended else min(1.0, (raw if plain else below.tell()) / max(1, size))
            found = kinds_of(data, layout)
            kinds = found.kinds
            rows = rows_of(data, layout, kinds).head(budget.items)
            taken = int(rows["_bytes"].sum()) if rows.height == budget.items else len(data)
            whole = ended and taken == len(data)
            return Sample(rows, kinds, taken, whole, 1.0 if whole else share * min(1.0, taken / max(1, len(data))), found.repeated)


def kinds_of(data: bytes, layout: Layout) -> JsonKinds:
    """The columns by their names in the file, with their types; those of CSV are text."""
    if layout.structure == "csv":
        if layout.header:
            return JsonKinds(dict.fromkeys(FORMATS["csv"].shape(io.BytesIO(data), _reading(layout)), "string"))
        return JsonKinds(dict.fromkeys(layout.names or [f"column_{at + 1}" for at in range(layout.fields)], "string"))
    if layout.structure in ("jsonl", "json_array"):
        found = json_kinds(data.split(b"\n"))
        return replace(found, kinds={own_name(name): kind for name, kind in found.kinds.items()})
    return JsonKinds({"text": "string"})


def rows_of(data: bytes, layout: Layout, kinds: Mapping[str, str]) -> pl.DataFrame:
    """The items of UTF-8 bytes, read as the collector reads them."""
    held: list[pl.DataFrame] = []
    columns, count = list(kinds), 0
    reading = replace(_reading(layout), json=frozenset(name for name, kind in kinds.items() if kind == "json"))
    for rows in FORMATS["jsonl" if layout.structure == "json_array" else layout.format].read(io.BytesIO(data), reading, columns):
        held.append(rows)
        count += rows.height
        if count >= ITEMS * 2:
            break
    return pl.concat(held) if held else pl.DataFrame(schema={**dict.fromkeys(columns, pl.String()), **READ})


def _reading(layout: Layout) -> Reading:
    return Reading(
        sink=Digest,
        separator=layout.separator,
        quote=layout.quote,
        header=layout.header,
        skip_before_header=layout.skip_before_header,
        skip_after_header=layout.skip_after_header,
        max_item_bytes=_ITEM,
        chunk_bytes=4 * 1024 * 1024,
    )


def _splits(handle: BinaryIO, encoding: Encoding, layout: Layout, size: int, budget: Budget) -> bool:
    """Whether parts are read: the file is over the budget, in bytes or by the items of its head, and a line shows where an item begins."""
    if not encoding.read_as_it_is or layout.structure not in ("lines", "jsonl", "csv") or size <= _HEAD:
        return False
    if layout.structure != "csv":
        _first_line(handle)
    head = handle.read(_HEAD)
    handle.seek(0)
    over = size > budget.bytes or head.count(b"\n") * size > budget.items * _HEAD
    return over and not _records_of_several_lines(head, layout)


def _records_of_several_lines(head: bytes, layout: Layout) -> bool:
    """Whether CSV records may span lines: then a place in the middle of the file does not show where one begins."""
    if layout.structure != "csv" or layout.quote is None:
        return False
    parts = head.split(layout.quote.encode())
    return any(b"\n" in part for part in parts[1::2][: max(0, len(parts) // 2 - 1)])


def _first_line(handle: BinaryIO) -> None:
    """Refuse a file whose first line is over the limit of an item.

    Raises:
        SourceError: it is.
    """
    if len(handle.readline(_ITEM + 1)) > _ITEM:
        raise SourceError(f"its first line is longer than {_ITEM:,} bytes: no line of text", fix="put one item on each line")
    handle.seek(0)


def _of_parts(handle: BinaryIO, layout: Layout, size: int, budget: Budget) -> Sample:
    """Parts at even distances, each of whole lines; the header is put before each."""
    items = max(1, budget.items // PARTS)
    head = _lines(handle, 0, min(size, _HEAD))
    found = kinds_of(head, layout)
    kinds, repeated = found.kinds, found.repeated
    per_item = len(head) / max(1, rows_of(head, layout, kinds).height)
    length = int(min(budget.bytes // PARTS, size // PARTS, max(64 * 1024, per_item * items * 2)))
    below = 1 + layout.skip_after_header if layout.header else 0
    top = layout.skip_before_header + below if layout.structure == "csv" else 0
    start = b"".join(head.splitlines(keepends=True)[:top])
    parts = [(b"" if part == 0 else start) + _lines(handle, size * part // PARTS, length) for part in range(PARTS)]
    if layout.structure == "jsonl":
        for part in parts[1:]:
            more = kinds_of(part, layout)
            repeated += more.repeated
            for name, kind in more.kinds.items():
                kinds[name] = together(kinds.get(name, "null"), kind)
    rows = pl.concat(rows_of(part, layout, kinds).head(items) for part in parts)
    taken = int(rows["_bytes"].sum()) + rows.height
    return Sample(rows, kinds, taken, False, min(1.0, taken / size), repeated)


def _lines(handle: BinaryIO, place: int, length: int) -> bytes:
    """The lines that begin in the `length` bytes at `place`, each to its end."""
    handle.seek(max(0, place - 1))
    if place:
        handle.readline(_ITEM)
    data = handle.read(max(0, place + length - handle.tell()))
    return data + (handle.readline(_ITEM) if data and not data.endswith(b"\n") else b"")


def _converted(handle: BinaryIO, encoding: Encoding, layout: Layout, budget: Budget) -> tuple[bytes, int, bool]:
    """The first bytes of a file as UTF-8 JSON lines, CSV or lines; how many bytes of the file they are; whether they are all."""
    if layout.structure == "json_array":
        out = io.BytesIO()
        for count, line in enumerate(json_array.lines(transcoded(handle, encoding.declared), None)):
            if count >= budget.items or out.tell() + len(line) > budget.bytes:
                return out.getvalue(), out.tell(), False
            out.write(line)
        return out.getvalue(), out.tell(), True
    handle = with_line_ends(handle) if encoding.read_as_it_is else handle
    data = handle.read(budget.bytes)
    ended = len(data) < budget.bytes or not handle.read(1)
    raw = len(data)
    if not encoding.read_as_it_is:
        data = codecs.getincrementaldecoder(encoding.name)("replace").decode(data, final=ended).encode("utf-8")
        data = with_line_ends(io.BufferedReader(io.BytesIO(data))).read()  # type: ignore[arg-type, type-var]
    if not ended and layout.structure in ("lines", "csv", "jsonl"):
        data = data[: data.rfind(b"\n") + 1] or data
    return data.removeprefix(codecs.BOM_UTF8), raw, ended


def _of_records(look: Look, budget: Budget) -> Sample:
    """The first records of XML, or of an array in a JSON object."""
    out, count, whole = io.BytesIO(), 0, True
    with look.file.open("rb") as below, closing(decompressed(below, look.file.name)) as handle:
        lines: Iterable[bytes]
        if look.layout is None:
            lines = xml.records(handle, replace(_reading(Layout(structure="jsonl")), record=look.record))
        else:
            lines = json_array.lines(transcoded(handle, look.encoding.declared if look.encoding else None), look.record)
        for line in lines:
            if count >= budget.items or out.tell() + len(line) > budget.bytes:
                whole = False
                break
            out.write(line)
            count += 1
        share = 1.0 if whole else min(1.0, below.tell() / max(1, look.size))
    data = out.getvalue()
    found = kinds_of(data, Layout(structure="jsonl"))
    return Sample(rows_of(data, Layout(structure="jsonl"), found.kinds), found.kinds, len(data), whole, share, found.repeated)


def _of_format(look: Look, budget: Budget) -> Sample:
    """Rows from the start of a file whose format gives their places; of a Parquet file their number gives the share."""
    import pyarrow.parquet as pq

    file, kind = look.file, look.format
    reading = _reading(Layout(structure="csv"))
    if look.sheet is not None:
        sheet = look.sheet
        reading = replace(reading, sheet=sheet.name or None, header=sheet.header, skip_before_header=sheet.skip_before_header)
    with file.open("rb") as below, closing(decompressed(below, file.name)) as handle:
        shape = FORMATS[kind].shape(handle, reading)
        if look.sheet is not None and look.sheet.names:
            shape = dict(zip(look.sheet.names, shape.values(), strict=True))
    with file.open("rb") as below, closing(decompressed(below, file.name)) as handle:
        plain = kind == "parquet" and not is_compressed(file.name)
        total = pq.ParquetFile(file).metadata.num_rows if plain else None
        held, count, taken, whole = [], 0, 0, True
        for rows in FORMATS[kind].read(handle, reading, list(shape)):
            held.append(rows)
            count += rows.height
            taken += int(rows["_bytes"].sum())
            if count >= budget.items or taken >= budget.bytes:
                whole = count == total
                break
        passed = min(1.0, below.tell() / max(1, file.stat().st_size))
    schema = {name: PLAIN.get(kind, pl.String()) if isinstance(kind, str) else kind for name, kind in shape.items()}
    rows = pl.concat(held).head(budget.items) if held else pl.DataFrame(schema={**schema, **READ})
    kinds = {name: written(kind) for name, kind in schema.items()}
    share = min(1.0, rows.height / total) if total else 1.0 if whole else passed * rows.height / max(1, count)
    with file.open("rb") as below, closing(decompressed(below, file.name)) as handle:
        finer = finer_columns(handle, kind)
    return Sample(rows, kinds, taken, share == 1.0, share, finer=finer)
