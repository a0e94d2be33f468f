"""The media type of bytes by their content: magic numbers at fixed places, never the name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "table", "document", "image", "audio", "video", "archive", "compressed", "data"]


@dataclass(frozen=True)
class Media:
    """What bytes are: an IANA media type (or the customary one), its kind, and its usual endings."""

    type: str
    kind: Kind
    endings: tuple[str, ...]


_MAGIC: tuple[tuple[int, bytes, Media], ...] = (
    (0, b"PAR1", Media("application/vnd.apache.parquet", "table", ("parquet", "pq"))),
    (0, b"ARROW1\0\0", Media("application/vnd.apache.arrow.file", "table", ("arrow", "feather", "ipc"))),
    (0, b"ORC", Media("application/vnd.apache.orc", "table", ("orc",))),
    (0, b"Obj\x01", Media("application/avro", "table", ("avro",))),
    (0, b"SQLite format 3\0", Media("application/vnd.sqlite3", "table", ("db", "sqlite", "sqlite3"))),
    (0, b"\x89HDF\r\n\x1a\n", Media("application/x-hdf5", "table", ("h5", "hdf5"))),
    (0, b"\x93NUMPY", Media("application/x-npy", "table", ("npy",))),
    (0, b"%PDF-", Media("application/pdf", "document", ("pdf",))),
    (0, b"{\\rtf", Media("application/rtf", "document", ("rtf",))),
    (0, b"\x89PNG\r\n\x1a\n", Media("image/png", "image", ("png",))),
    (0, b"\xff\xd8\xff", Media("image/jpeg", "image", ("jpg", "jpeg"))),
    (0, b"GIF87a", Media("image/gif", "image", ("gif",))),
    (0, b"GIF89a", Media("image/gif", "image", ("gif",))),
    (0, b"II*\0", Media("image/tiff", "image", ("tif", "tiff"))),
    (0, b"MM\0*", Media("image/tiff", "image", ("tif", "tiff"))),
    (8, b"WEBP", Media("image/webp", "image", ("webp",))),
    (8, b"WAVE", Media("audio/wav", "audio", ("wav",))),
    (8, b"AVI ", Media("video/x-msvideo", "video", ("avi",))),
    (0, b"ID3", Media("audio/mpeg", "audio", ("mp3",))),
    *((0, bytes([0xFF, second]), Media("audio/mpeg", "audio", ("mp3",))) for second in (0xFA, 0xFB, 0xF2, 0xF3, 0xE2, 0xE3)),
    *((0, bytes([0xFF, second]), Media("audio/aac", "audio", ("aac",))) for second in (0xF0, 0xF1, 0xF8, 0xF9)),
    (8, b"AIFF", Media("audio/aiff", "audio", ("aiff", "aif"))),
    (8, b"AIFC", Media("audio/aiff", "audio", ("aiff", "aif", "aifc"))),
    (0, b"fLaC", Media("audio/flac", "audio", ("flac",))),
    (28, b"\x80theora", Media("video/ogg", "video", ("ogv", "ogg"))),
    (28, b"fishead\0", Media("video/ogg", "video", ("ogv", "ogg", "ogx"))),
    (0, b"OggS", Media("audio/ogg", "audio", ("ogg", "oga", "opus"))),
    (4, b"ftypM4A", Media("audio/mp4", "audio", ("m4a",))),
    (4, b"ftypqt", Media("video/quicktime", "video", ("mov", "qt"))),
    (4, b"ftyp", Media("video/mp4", "video", ("mp4", "m4v"))),
    (0, b"\x1aE\xdf\xa3", Media("video/matroska", "video", ("mkv", "webm"))),
    (0, b"\x1f\x8b", Media("application/gzip", "compressed", ("gz",))),
    (0, b"\x28\xb5\x2f\xfd", Media("application/zstd", "compressed", ("zst",))),
    (0, b"BZh", Media("application/x-bzip2", "compressed", ("bz2",))),
    (0, b"\xfd7zXZ\0", Media("application/x-xz", "compressed", ("xz",))),
    (0, b"7z\xbc\xaf\x27\x1c", Media("application/x-7z-compressed", "archive", ("7z",))),
    (0, b"Rar!\x1a\x07", Media("application/vnd.rar", "archive", ("rar",))),
    (257, b"ustar", Media("application/x-tar", "archive", ("tar",))),
    (0, b"\x7fELF", Media("application/x-elf", "data", ("so", "o", "bin"))),
    (0, b"MZ\x90\0", Media("application/vnd.microsoft.portable-executable", "data", ("exe", "dll"))),
)
"""Offset, bytes there, and the type they mark; the first that fits counts."""
_OPEN: tuple[tuple[str, Kind, str], ...] = (
    ("text", "document", "odt"),
    ("presentation", "document", "odp"),
    ("spreadsheet", "table", "ods"),
)
_OFFICE: tuple[tuple[bytes, Media], ...] = (
    (b"word/", Media("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "document", ("docx",))),
    (b"xl/", Media("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "table", ("xlsx", "xlsm", "xlsb"))),
    (b"ppt/", Media("application/vnd.openxmlformats-officedocument.presentationml.presentation", "document", ("pptx",))),
    (b"mimetypeapplication/epub+zip", Media("application/epub+zip", "document", ("epub",))),
    *(
        (
            f"mimetypeapplication/vnd.oasis.opendocument.{name}".encode(),
            Media(f"application/vnd.oasis.opendocument.{name}", kind, (ending,)),
        )
        for name, kind, ending in _OPEN
    ),
)
_ZIP = Media("application/zip", "archive", ("zip", "whl", "jar", "npz"))
_ARROW_STREAM = b"\xff\xff\xff\xff"
_STREAM = Media("application/vnd.apache.arrow.stream", "table", ("arrow", "arrows", "ipc", "feather"))
"""Of Arrow's format of streams: a mark and the length of the schema (Arrow, IPC, encapsulated messages)."""
_HOLDERS = {
    b"WEBP": b"RIFF",
    b"WAVE": b"RIFF",
    b"AVI ": b"RIFF",
    b"AIFF": b"FORM",
    b"AIFC": b"FORM",
    b"\x80theora": b"OggS",
    b"fishead\0": b"OggS",
}
"""The start of a file whose magic number is further on."""
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_STREAMS: tuple[tuple[str, Media], ...] = (
    ("Workbook", Media("application/vnd.ms-excel", "table", ("xls",))),
    ("Book", Media("application/vnd.ms-excel", "table", ("xls",))),
    ("WordDocument", Media("application/msword", "document", ("doc",))),
    ("PowerPoint Document", Media("application/vnd.ms-powerpoint", "document", ("ppt",))),
    ("__properties_version1.0", Media("application/vnd.ms-outlook", "document", ("msg",))),
    ("EncryptedPackage", Media("application/x-encrypted-office", "document", ("docx", "xlsx", "pptx"))),
)
"""The stream of an OLE container that names its content."""
_CONTAINER = Media("application/x-ole-storage", "document", ("doc", "xls", "ppt", "msg"))


def types_of(ending: str) -> frozenset[str]:
    """The media types that the ending of a name speaks of; none: it speaks of no type with a magic number."""
    known = [media for _, _, media in _MAGIC] + [media for _, media in (*_OFFICE, *_STREAMS)] + [_ZIP, _CONTAINER]
    return frozenset(media.type for media in known if ending in media.endings)


def media_type(head: bytes) -> Media | None:
    """The media type by the first bytes of a file (a few hundred; an office file needs thousands); None: no known magic number."""
    if head.startswith(b"PK\x03\x04"):
        return next((media for mark, media in _OFFICE if mark in head[:8192]), _ZIP)
    if head.startswith(_OLE):
        names = _streams(head)
        return next((media for name, media in _STREAMS if name in names), _CONTAINER)
    if head.startswith(_ARROW_STREAM) and len(head) > 8 and 0 < int.from_bytes(head[4:8], "little") < 1 << 24:
        return _STREAM
    for offset, magic, media in _MAGIC:
        if head[offset : offset + len(magic)] == magic and head.startswith(_HOLDERS.get(magic, b"")):
            return media
    return None


def _streams(head: bytes) -> frozenset[str]:
    """The names in the first sector of an OLE container's directory ([MS-CFB] 2.2, 2.6), as far as `head` reaches to it."""
    if len(head) < 512:
        return frozenset()
    size = 1 << min(int.from_bytes(head[30:32], "little"), 12)
    start = (int.from_bytes(head[48:52], "little") + 1) * size
    entries = (head[at : at + 128] for at in range(start, min(start + 4096, len(head)), 128))
    return frozenset(entry[: max(0, int.from_bytes(entry[64:66], "little") - 2)].decode("utf-16-le", "replace") for entry in entries)
