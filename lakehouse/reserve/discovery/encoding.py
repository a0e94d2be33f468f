"""The encoding of text, by marks, by strict decoding, and by how common the decoded characters are."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DAMAGE = 0.05
"""Share of the characters outside ASCII that may be broken in a text that still counts as UTF-8."""
_LOOKED_AT = 256 * 1024
_CANDIDATES = ("gb18030", "big5hkscs", "shift_jis", "euc_jp", "euc_kr")
_MARKS = "\u2010-\u2027\u2030-\u203b\u3000-\u303f\uff00-\uffef\u00b7"
_COMMON = set(
    "的一是不了在人有我他这個个們们中来來上大为為和国國地到以说說时時要就出会會可也你对對生能而子那得于著着下自之年过過发發后後作里裡用道行所然家种種事成方多"
    "经經么麼去法学學如都同现現当當没沒动動面起看定天分还還进進好小部其些主样樣理心本前开開但因只从從想实實日很"
)
"""The most frequent characters of modern Chinese, in both scripts (after Da: Modern Chinese Character Frequency List, 2004)."""


@dataclass(frozen=True)
class Encoding:
    """The encoding of a text.

    Attributes:
        name: as Python's codecs and iconv know it.
        confidence: 0 to 1. With a mark or whole UTF-8 it is 1; for broken UTF-8 the share that is whole; for UTF-16 without a mark
            the share of the characters that are of the usual blocks; else the share of the characters outside ASCII that are common
            in the language the encoding is for.
        damaged: sequences of the sample that are not of this encoding.
    """

    name: str
    confidence: float
    damaged: int = 0

    @property
    def read_as_it_is(self) -> bool:
        """Whether it is UTF-8."""
        return self.name in ("utf-8", "utf-8-sig")

    @property
    def declared(self) -> str | None:
        """The option `encoding` of a connector; None where it needs none."""
        return None if self.read_as_it_is else self.name


def encoding(head: bytes) -> Encoding | None:
    """The encoding of the first bytes of a text; None where they are no text.

    Args:
        head: may end within a character.
    """
    for mark, name in BOMS:
        if head.startswith(mark):
            return Encoding(name, 1.0)
    head = head[:_LOOKED_AT]
    if b"\0" in head:
        return _wide(head)
    if _controls(head) > 0.01:
        return None
    text = codecs.getincrementaldecoder("utf-8")("replace").decode(head)
    damaged, outside = text.count("\ufffd"), sum(map(len, re.findall(r"[^\x00-\x7f]+", text)))
    if damaged <= _DAMAGE * outside:
        return Encoding("utf-8", round(1 - damaged / max(1, outside), 4), damaged)
    found = max((_scored(head, name) for name in _CANDIDATES), key=lambda one: one.confidence)
    single = _single(head)
    return found if found.confidence >= max(0.5, single.confidence) else single


def _controls(head: bytes) -> float:
    return len(re.findall(rb"[\x00-\x06\x0e-\x1a\x1c-\x1f]", head)) / max(1, len(head))


def _wide(head: bytes) -> Encoding | None:
    """UTF-16 without a mark: in the right order of bytes nearly all characters are of a few blocks, in the other they are anywhere."""
    found = max((_of_few_blocks(head, name) for name in ("utf-16-le", "utf-16-be")), key=lambda one: one.confidence)
    return found if found.confidence >= 0.9 else None


def _of_few_blocks(head: bytes, name: str) -> Encoding:
    text = _decoded(head, name) or ""
    usual = len(re.findall(f"[\t\r\n -~\u00a0-\u00ff{_MARKS}\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3]", text))
    return Encoding(name, round(usual / max(1, len(text)), 4))


def _decoded(head: bytes, name: str) -> str | None:
    try:
        return codecs.getincrementaldecoder(name)("strict").decode(head)
    except UnicodeDecodeError:
        return None


def _scored(head: bytes, name: str) -> Encoding:
    """The share of the characters outside ASCII that are common where the encoding is used; 0 where the bytes are not of it."""
    text = _decoded(head, name)
    outside = "".join(re.findall(r"[^\x00-\x7f]+", text or ""))
    if not outside:
        return Encoding(name, 0.0)
    frequent = sum(1 for c in outside if c in _COMMON) / len(outside)
    kana = len(re.findall("[\u3040-\u30ff]", outside)) / len(outside)
    hangul = len(re.findall("[\uac00-\ud7a3]", outside)) / len(outside)
    usual = _usual(outside, name)
    # Every language writes with a few characters most of the time: a text without any of them is not of it.
    if name in ("shift_jis", "euc_jp"):
        share = usual if kana >= 0.2 else 0.0
    elif name == "euc_kr":
        share = usual if hangul >= 0.5 else 0.0
    else:
        share = usual if frequent >= 0.08 and kana < 0.2 else 0.5 * usual * (kana < 0.2)
    return Encoding(name, round(share, 4))


def _usual(outside: str, name: str) -> float:
    """The share of the characters that are of the first level of the encoding's own character set, or punctuation."""
    marks = re.compile(f"[{_MARKS}]")
    hits = 0
    for character in outside:
        code = _code(character, name)
        first, last = _FIRST_LEVEL[name]
        hits += bool(marks.match(character)) or "\u3040" <= character <= "\u30ff" or first <= code <= last
    return hits / len(outside)


_FIRST_LEVEL = {
    "gb18030": (0xB0A1, 0xD7F9),  # GB 2312, level 1: 3,755 characters by sound
    "big5hkscs": (0xA440, 0xC67E),  # Big5, level 1: 5,401 characters
    "shift_jis": (0x889F, 0x9872),  # JIS X 0208, level 1: 2,965 characters
    "euc_jp": (0xB0A1, 0xCFD3),
    "euc_kr": (0xB0A1, 0xC8FE),  # KS X 1001: 2,350 syllables
}


def _code(character: str, name: str) -> int:
    raw = character.encode(name, "ignore")
    return int.from_bytes(raw, "big") if len(raw) == 2 else 0


def _single(head: bytes) -> Encoding:
    """Windows-1252 (Latin-1 and the typographer's marks): its letters outside ASCII are within words of ASCII letters."""
    outside = re.findall(rb"[\x80-\xff]+", head)
    alone = sum(len(run) for run in outside if len(run) <= 2)
    return Encoding("cp1252", round(0.9 * alone / max(1, sum(map(len, outside))), 4))
