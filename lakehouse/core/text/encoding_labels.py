"""Labels of encodings, read as the Encoding Standard of WHATWG reads them, and the codecs of Python that read these encodings."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping

_CODECS: Mapping[str, str] = {
    "gbk": "gb18030",  # the standard's decoder of GBK is that of GB 18030, its superset
    "shift_jis": "cp932",
    "euc-kr": "cp949",
    "big5": "big5hkscs",
    "iso-2022-jp": "iso2022_jp_ext",  # with half-width katakana, as the standard has it
    "macintosh": "mac_roman",
    "x-mac-cyrillic": "mac_cyrillic",
    "iso-8859-8-i": "iso8859_8",
    "windows-874": "cp874",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
}
"""The codec of Python that reads what the standard's decoder reads, where it has another name."""
_SUPERSETS: Mapping[str, str] = {
    "ascii": "cp1252",
    "latin_1": "cp1252",
    "iso8859_9": "cp1254",
    "tis_620": "cp874",
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "big5": "big5hkscs",
    "iso2022_jp": "iso2022_jp_ext",
}
"""The codec that the standard takes for a codec of Python."""
_NO_TEXT = ("idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape", "mbcs", "oem")
_META = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w.:-]{2,40})""", re.IGNORECASE)
_XML = re.compile(rb"""<\?xml[^>]{0,100}?encoding\s*=\s*["']([\w.:-]{2,40})["']""")
_PRESCAN = 1024


def codec_of(label: str | None) -> str | None:
    """The codec of Python for a label; None for none, for one that no one knows (RFC 1428's `unknown-8bit`), and for one of no text.

    Labels that the standard does not have, such as `cp437` and `utf-7`, are those of Python (WHATWG, Encoding Standard, 4.2).
    """
    name = (label or "").strip(" \t\r\n\f\"'").lower()
    if not name:
        return None
    from webencodings.labels import LABELS

    known = LABELS.get(name)
    if known is not None and known not in ("replacement", "x-user-defined"):
        return _CODECS.get(known, _named(known))
    found = _named(name.replace("x-", "", 1) if name.startswith("x-") else name)
    return _SUPERSETS.get(found, found) if found else None


def _named(name: str) -> str | None:
    try:
        found = codecs.lookup(name)
    except (LookupError, ValueError):
        return None
    plain = found.name.replace("-", "_")
    return found.name if getattr(found, "_is_text_encoding", True) and plain not in _NO_TEXT else None


def normal(codec: str) -> str:
    """The codec that stands for `codec` and those it contains: `cp1252` for `ascii` and `iso8859-1`, `gb18030` for `gbk`."""
    plain = codecs.lookup(codec).name.replace("-", "_")
    plain = {"iso8859_1": "latin_1"}.get(plain, plain)
    return _SUPERSETS.get(plain, codecs.lookup(codec).name)


def label_of_markup(head: bytes) -> str | None:
    """The encoding that HTML or XML declares within its first 1,024 bytes (WHATWG, HTML, 13.2.3.2); None where it declares none."""
    begin = head[:_PRESCAN]
    if b"<" not in begin:
        return None
    found = _XML.match(begin.lstrip()) or _META.search(begin)
    label = found[1].decode("ascii", "replace") if found else None
    # A declaration that can be read byte by byte is not in UTF-16.
    return "utf-8" if label is not None and label.lower().startswith("utf-16") else label
