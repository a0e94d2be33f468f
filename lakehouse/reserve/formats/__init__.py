"""Formats: one file each, from bytes to frames of bounded size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import BinaryIO

import polars as pl

from lakehouse.core.errors import SourceError
from lakehouse.reserve.formats import (
    arrow,
    avro,
    csv,
    documents,
    excel,
    image,
    json_array,
    jsonl,
    lines,
    mbox,
    orc,
    parquet,
    recording,
    rows,
    text,
    xml,
)
from lakehouse.reserve.formats.compression import without_compression
from lakehouse.reserve.material import ALIASES, Reader, Reading, own_name

Shape = Callable[[BinaryIO, Reading], Mapping[str, "str | pl.DataType"]]


@dataclass(frozen=True)
class FileFormat:
    """A format and its reader.

    Attributes:
        read: bytes to frames.
        shape: column types, as words of a declaration or as Polars types; may read the whole file.
        media_type: of one item.
        version: raised by hand when the same bytes give other rows; files of the format are then read again.
        whole_file: an item is a file, so that one of no byte is an item too.
    """

    read: Reader
    shape: Shape
    media_type: str
    version: int = 1
    whole_file: bool = False


_NAMES = {alias: name for name, alias in ALIASES.items()}


def _read(read: Reader) -> Reader:
    """A reader that is asked for columns as its rows have them, and knows them as the file has them."""

    def reader(handle: BinaryIO, reading: Reading, columns: list[str], /) -> Iterator[pl.DataFrame]:
        within = [frozenset(_NAMES.get(name, name) for name in names) for names in (reading.strict, reading.json)]
        reading = replace(reading, strict=within[0], json=within[1])
        return read(handle, reading, [_NAMES.get(name, name) for name in columns])

    return reader


def _shape(shape: Shape) -> Shape:
    return lambda handle, reading: {own_name(name): kind for name, kind in shape(handle, reading).items()}


def _header(handle: BinaryIO, reading: Reading) -> Mapping[str, str | pl.DataType]:
    return dict.fromkeys(csv.header(handle, reading), "string")


FORMATS: Mapping[str, FileFormat] = {
    "lines": FileFormat(lines.read, lambda handle, reading: lines.COLUMNS, lines.MEDIA_TYPE, version=2),
    "text": FileFormat(text.read, lambda handle, reading: text.COLUMNS, text.MEDIA_TYPE, version=2, whole_file=True),
    "csv": FileFormat(csv.read, _header, csv.MEDIA_TYPE, version=3),
    "jsonl": FileFormat(jsonl.read, jsonl.shape, jsonl.MEDIA_TYPE, version=3),
    "parquet": FileFormat(parquet.read, parquet.shape, parquet.MEDIA_TYPE, version=2),
    "json": FileFormat(json_array.read, json_array.shape, json_array.MEDIA_TYPE, version=2),
    "xml": FileFormat(xml.read, xml.shape, xml.MEDIA_TYPE, version=3),
    "excel": FileFormat(excel.read, excel.shape, excel.MEDIA_TYPE, version=3),
    "arrow": FileFormat(arrow.read, arrow.shape, arrow.MEDIA_TYPE, version=2),
    "orc": FileFormat(orc.read, orc.shape, orc.MEDIA_TYPE, version=2),
    "avro": FileFormat(avro.read, avro.shape, avro.MEDIA_TYPE, version=2),
    "document": FileFormat(documents.read, documents.shape, documents.MEDIA_TYPE, version=4, whole_file=True),
    "mbox": FileFormat(mbox.read, mbox.shape, mbox.MEDIA_TYPE, version=3),
    "image": FileFormat(image.read, image.shape, image.MEDIA_TYPE, version=2, whole_file=True),
    "audio": FileFormat(recording.read_audio, recording.audio_shape, recording.AUDIO_TYPE, version=2, whole_file=True),
    "video": FileFormat(recording.read_video, recording.video_shape, recording.VIDEO_TYPE, version=2, whole_file=True),
    "rows": FileFormat(rows.read, rows.shape, parquet.MEDIA_TYPE, version=2),
}

FORMATS = {name: replace(each, read=_read(each.read), shape=_shape(each.shape)) for name, each in FORMATS.items()}

_EXTENSIONS = {
    "txt": "lines",
    "jsonl": "jsonl",
    "ndjson": "jsonl",
    "csv": "csv",
    "tsv": "csv",
    "tab": "csv",
    "parquet": "parquet",
    "md": "text",
    "html": "text",
    "htm": "text",
    "json": "json",
    "xml": "xml",
    **dict.fromkeys(("mbox", "mbx"), "mbox"),
    **dict.fromkeys(("xlsx", "xlsm", "xlsb", "xls", "ods"), "excel"),
    **dict.fromkeys(("arrow", "arrows", "feather", "ipc"), "arrow"),
    "orc": "orc",
    "avro": "avro",
    **dict.fromkeys(("pdf", "docx", "doc", "pptx", "ppt", "odt", "odp", "epub", "rtf", "eml"), "document"),
    **dict.fromkeys(("png", "jpg", "jpeg", "gif", "webp", "bmp", "tif", "tiff"), "image"),
    **dict.fromkeys(("wav", "mp3", "flac", "ogg", "oga", "opus", "m4a", "aac", "aiff"), "audio"),
    **dict.fromkeys(("mp4", "m4v", "mov", "mkv", "webm", "avi", "ogv"), "video"),
}


def by_extension(name: str) -> str:
    """The format of a file by its name, compression endings left out.

    Raises:
        SourceError: unknown ending.
    """
    ending = _ending(name)
    if ending not in _EXTENSIONS:
        raise SourceError(
            f"the format of {name} is not known by its name", fix=f"give `format:`, one of {', '.join(sorted(FORMATS.keys() - {'rows'}))}"
        )
    return _EXTENSIONS[ending]


def usual_separator(name: str) -> str:
    """A tab for .tsv and .tab, else a comma."""
    return "\t" if _ending(name) in ("tsv", "tab") else ","


def _ending(name: str) -> str:
    stem = without_compression(name.lower())
    return stem.rpartition(".")[2] if "." in stem else ""
