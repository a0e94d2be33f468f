"""Files that do something when they are opened, or are not what they are called."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator

import polars as pl

from lakehouse.reserve.discovery.media import media_type, types_of
from lakehouse.reserve.formats.unpack import MOST_TIMES, SURELY_FINE
from lakehouse.reserve.screening.detector import DETECTORS, RowLook, found

_EXECUTABLE = (
    b"\x7fELF",
    b"\xca\xfe\xba\xbe",
    b"\xcf\xfa\xed\xfe",
    b"\xce\xfa\xed\xfe",
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\0asm",
    b"dex\n",
)
_ENDINGS_EXECUTABLE = frozenset(
    {
        *("exe", "dll", "scr", "com", "pif", "cpl", "msi", "bat", "cmd", "ps1", "psm1"),
        *("vbs", "vbe", "js", "jse", "wsf", "hta", "jar", "lnk", "sh", "apk"),
    }
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_VBA = ("_VBA_PROJECT".encode("utf-16-le"), b"Attribut\0e VB_")
_SCRIPT = re.compile(
    rb"\A\s*(?:#!\s*/|@echo off|<\?php|<script\b|<job\b|<hta:)"
    rb"|WScript\.Shell|powershell(?:\.exe)?\s+-\w*e\w*\s|\bIEX\s*\(|Invoke-Expression",
    re.IGNORECASE,
)
_PDF_ACTIVE = re.compile(rb"/(?:JavaScript|JS|Launch)\b")
_PDF_CARRIES = re.compile(rb"/(?:EmbeddedFiles?|RichMedia|XFA)\b")
_PDF_STREAM = re.compile(rb"stream\r?\n(.*?)endstream", re.DOTALL)
_PDF_HEX = re.compile(rb"#([0-9A-Fa-f]{2})")
_INFLATED, _HEAD = 4 * 1024 * 1024, 64 * 1024


@DETECTORS.register(version=1, action="quarantine", decides=("at_least",))
def files(*, column: str = "_raw", name: str = "_uri", at_least: float = 0.6) -> RowLook:
    """Flag bytes that run or carry what runs, and bytes that differ from their name; forms are known here, not viruses.

    Kinds: `executable` (Windows, Linux, macOS, Java, Android, WebAssembly by their magic numbers, 1), `macro` (Office files with VBA: a
    `vbaProject.bin` in a package, a VBA project in an OLE file, 1), `bomb` (a zip archive that claims to unpack to more than 100 MB and a
    thousand times its size, the bounds at which the connectors refuse one, 1), `pdf_action` (JavaScript or a launch action in a PDF, in
    packed streams and escaped names too, 0.9), `packed_executable` (a zip archive with a member whose ending runs on some system, 0.8),
    `script` (by its first line or calls of a shell, 0.7), `mismatch` (the name's ending speaks of another type than the content, 0.7),
    `pdf_carries` (a PDF with a file or form inside, 0.4). Items beyond `max_item_bytes`, which are in `blobs/`, are not looked at.

    Args:
        column: Column of bytes; without it, items that could not be read into columns (a program in a folder of texts is one).
        name: Column of their names; without it, the files they were collected from.
        at_least: Score from which a file is flagged.
    """
    return RowLook((column, name), lambda rows: _found(rows, column, name))


def _found(rows: pl.DataFrame, column: str, name: str) -> pl.DataFrame:
    held = rows.select(column, name).with_row_index("_at").drop_nulls(column)
    out: list[dict[str, object]] = []
    for at, data, called in held.iter_rows():
        bytes_ = data.encode() if isinstance(data, str) else data
        out += [{"_at": at, "kind": k, "column": column, "score": score} for k, score in dict(_kinds(bytes_, called or "")).items()]
    return found(out)


def _kinds(data: bytes, name: str) -> Iterator[tuple[str, float]]:
    head = data[:_HEAD]
    media = media_type(head)
    if data.startswith(_EXECUTABLE) or _is_pe(data):
        yield "executable", 1.0
    elif media is None and _SCRIPT.search(head):
        yield "script", 0.7
    if data.startswith(_OLE) and any(mark in data for mark in _VBA):
        yield "macro", 1.0
    if data.startswith(b"PK\x03\x04"):
        yield from _in_zip(data)
    if data.startswith(b"%PDF-"):
        yield from _in_pdf(data)
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    named_types = types_of(ending)
    if named_types and (media is None or media.type not in named_types) and not (media is not None and _related(media.type, named_types)):
        yield "mismatch", 0.7


def _is_pe(data: bytes) -> bool:
    """Whether `MZ` is followed by the header of a program (PE format, offset at 0x3C)."""
    if not data.startswith(b"MZ") or len(data) < 64:
        return False
    at = int.from_bytes(data[60:64], "little")
    return data[at : at + 4] == b"PE\0\0"


def _related(found_type: str, named_types: frozenset[str]) -> bool:
    """Types of one magic number: packages are zip archives whose parts may come in any order, MPEG audio has many heads."""
    packages = "application/zip" in (found_type, *named_types) and any(
        "openxml" in t or "opendocument" in t or "epub" in t for t in (found_type, *named_types)
    )
    return packages or all(any(t.startswith(("audio/", "video/")) for t in types) for types in ((found_type,), named_types))


def _in_zip(data: bytes) -> Iterator[tuple[str, float]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            entries = packed.infolist()
    except (zipfile.BadZipFile, ValueError, OSError):
        return
    names = [entry.filename.lower() for entry in entries]
    if any(name.rsplit("/", 1)[-1] == "vbaproject.bin" for name in names):
        yield "macro", 1.0
    if any(name.rpartition(".")[2] in _ENDINGS_EXECUTABLE for name in names):
        yield "packed_executable", 0.8
    if sum(entry.file_size for entry in entries) > max(SURELY_FINE, MOST_TIMES * len(data)):
        yield "bomb", 1.0


def _in_pdf(data: bytes) -> Iterator[tuple[str, float]]:
    # Packed bytes are looked at once they are unpacked: as they are, they spell a short name by chance.
    parts = [_PDF_STREAM.sub(b"stream endstream", data)]
    room = _INFLATED
    for packed in _PDF_STREAM.finditer(data):
        if room <= 0:
            break
        try:
            parts.append(zlib.decompressobj().decompress(packed.group(1), room))
        except zlib.error:
            if not packed.group(1)[:_HEAD].isascii():
                continue
            parts.append(packed.group(1)[:room])  # one that is not packed
        room -= len(parts[-1])
    for part in parts:
        plain = _PDF_HEX.sub(lambda hit: bytes([int(hit.group(1), 16)]), part)
        if _PDF_ACTIVE.search(plain):
            yield "pdf_action", 0.9
        if _PDF_CARRIES.search(plain):
            yield "pdf_carries", 0.4
