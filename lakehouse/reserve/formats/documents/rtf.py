"""Rich text, by striprtf; its bytes beyond ASCII are of the code page that it names, else of the likeliest."""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping

from lakehouse.core.text.encoding import encoding
from lakehouse.reserve.formats.documents.parts import DocumentText, lines
from lakehouse.reserve.formats.whole_files import Unreadable

_ESCAPED = re.compile(rb"\\'([0-9a-fA-F]{2})")
_SET = re.compile(rb"\\(ansi|mac|pca|pc)(?![a-z])(?:\\ansicpg(\d+))?")
_OTHER_FONTS = re.compile(rb"\\fcharset(?!0\b|1\b|2\b)\d+")
_PAGES: Mapping[str, str] = {"gb18030": "936", "big5hkscs": "950", "cp932": "932", "cp949": "949", "koi8-r": "20866"}


def read(data: bytes, limit: int) -> DocumentText:
    """A document of RTF.

    Raises:
        Unreadable: it is damaged.
    """
    from striprtf.striprtf import rtf_to_text

    try:
        text = rtf_to_text(_in_ascii(data).decode("ascii"), errors="replace")
        # The library gives characters beyond U+FFFF as the two halves that the file has.
        return DocumentText(lines(text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")))
    except (ValueError, LookupError, IndexError) as error:
        raise Unreadable("damaged_document") from error


def _in_ascii(data: bytes) -> bytes:
    """The document in ASCII, as the specification has it (RTF 1.9.1, `\\'hh`, `\\ansicpg`, `\\u`), with the code page named."""
    if not data.isascii():
        found = encoding(data)
        if found is not None and found.read_as_it_is:
            # Programs that know no code page write UTF-8.
            text = data.decode("utf-8-sig", "replace")
            return b"".join(each.encode() if each < "\x80" else _unicode(each) for each in text)
        data = re.sub(rb"[\x80-\xff]", lambda match: b"\\'%02x" % match[0][0], data)
    named = _SET.search(data[:4096])
    if named is None or named[2] is not None:
        return data
    if named[1] == b"mac":
        return _ESCAPED.sub(lambda match: _unicode(bytes.fromhex(match[1].decode()).decode("mac_roman")), data)
    page = {b"pc": "437", b"pca": "850"}.get(named[1]) or ("" if _OTHER_FONTS.search(data) else _likeliest(data))
    return data[: named.start()] + rb"\ansi\ansicpg" + page.encode() + data[named.end() :] if page else data


def _likeliest(data: bytes) -> str:
    """The code page of bytes that no font and no number tells of; empty where it is the usual one."""
    found = encoding(b"".join(bytes.fromhex(each.decode()) if each else b" " for each in _runs(data)), "windows-1252")
    name = "" if found is None or found.damaged else found.name
    return _PAGES.get(name, name.removeprefix("cp") if re.fullmatch(r"cp\d+", name) and name != "cp1252" else "")


def _runs(data: bytes) -> list[bytes]:
    """The escaped bytes in hex, an empty one where other characters are between them."""
    out, end = [], 0
    for match in _ESCAPED.finditer(data):
        out += [match[1]] if match.start() == end else [b"", match[1]]
        end = match.end()
    return out


def _unicode(character: str) -> bytes:
    """A character as `\\u` writes it: its units of UTF-16, as signed numbers."""
    units = struct.unpack(f"<{len(raw) // 2}h", raw) if (raw := character.encode("utf-16-le", "replace")) else ()
    return b"".join(b"\\u%d?" % unit for unit in units)
