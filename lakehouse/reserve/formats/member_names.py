"""The names of members as whoever packed an archive wrote them: zip and tar do not say in which encoding that is."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Sequence

from lakehouse.core.text.encoding import encoding

_UTF8_FLAG = 0x800
_UNICODE_PATH = 0x7075
_DOS = "cp437"


def zip_names(entries: Sequence[zipfile.ZipInfo]) -> list[str]:
    """The name of each entry (APPNOTE.TXT 4.4.4, appendix D).

    UTF-8 where the entry says so, or has it beside (field 0x7075 of Info-ZIP). Without either, programs write the encoding of their system,
    GBK on a Chinese Windows: it is found by all such names of the archive together, else it is code page 437, as the format has it.
    """
    names = [_unicode_path(entry) or entry.filename for entry in entries]
    unsaid = [at for at, entry in enumerate(entries) if not entry.flag_bits & _UTF8_FLAG and names[at] == entry.filename]
    raw = [names[at].encode(_DOS) for at in unsaid]
    for at, name in zip(unsaid, decoded(raw, _DOS), strict=True):
        names[at] = name
    return names


def tar_names(names: Sequence[str]) -> list[str]:
    """Names as `tarfile` gives them, those that are not UTF-8 (older tars have the encoding of their system) in the likeliest encoding."""
    bad = [at for at, name in enumerate(names) if not _is_text(name)]
    found = list(names)
    for at, name in zip(bad, decoded([names[at].encode("utf-8", "surrogateescape") for at in bad], "latin-1"), strict=True):
        found[at] = name
    return found


def decoded(raw: Sequence[bytes], otherwise: str) -> list[str]:
    """Names of one origin, by the encoding that all of them are likeliest in; `otherwise` where that is about as likely."""
    likely = encoding(b"\n".join(raw), otherwise) if any(not name.isascii() for name in raw) else None
    found = likely.name if likely is not None and not likely.damaged else otherwise
    return [_decoded(name, found, otherwise) for name in raw]


def _decoded(name: bytes, codec: str, otherwise: str) -> str:
    try:
        return name.decode(codec)
    except UnicodeDecodeError:
        return name.decode(otherwise)


def _unicode_path(entry: zipfile.ZipInfo) -> str | None:
    """The name in UTF-8 of the field 0x7075, if it belongs to the entry's name as it is (its CRC-32 says so)."""
    extra = entry.extra
    while len(extra) >= 4:
        tag, size = struct.unpack_from("<HH", extra)
        field, extra = extra[4 : 4 + size], extra[4 + size :]
        if tag == _UNICODE_PATH and len(field) >= 5 and field[0] == 1:
            (crc,) = struct.unpack_from("<L", field, 1)
            flagged = entry.flag_bits & _UTF8_FLAG
            if not flagged and crc == zlib.crc32(entry.orig_filename.encode(_DOS)):
                return field[5:].decode("utf-8", "replace")
    return None


def _is_text(name: str) -> bool:
    return all(not 0xD800 <= ord(character) < 0xE000 for character in name)
