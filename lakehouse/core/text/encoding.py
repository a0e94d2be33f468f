"""The encoding of text: by its mark, by strict decoding, by its label, and by the pairs of bytes that are frequent in languages."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from lakehouse.core.text.coherence import coherence
from lakehouse.core.text.common_characters import is_usual
from lakehouse.core.text.encoding_labels import codec_of, normal

_MARKS = "\u2010-\u2027\u2030-\u203b\u3000-\u303f\uff00-\uffef\u00b7"
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
WIDE = ("gb18030", "big5hkscs", "cp932", "euc_jis_2004", "cp949")
"""Encodings of several bytes a character, each the superset of those that are met: GBK, Big5, Shift JIS, EUC-JP, EUC-KR."""
NARROW = (
    *("cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "cp874"),
    *("koi8-r", "koi8-u", "iso8859-2", "iso8859-5", "iso8859-7", "cp866", "cp437", "cp850", "cp852", "mac-roman"),
)
"""Encodings of one byte a character in which text is met."""
_LATIN = ("cp1250", "cp1252", "cp1254", "cp1257", "cp1258", "iso8859-2", "cp437", "cp850", "cp852", "mac-roman")
_LATIN_WORDS = re.compile(
    rb"(?:[\x00-\x7f]|(?<=[A-Za-z])(?:[\xc0-\xd6\xd8-\xf6\xf8-\xff\x8a\x8c\x8e\x9a\x9c\x9e\x9f]|[\xdf-\xf6\xf8-\xff]{2})(?![\x80-\xff])"
    rb"|(?<![\x80-\xff])(?:[\xc0-\xd6\xd8-\xf6\xf8-\xff\x8a\x8c\x8e\x9a\x9c\x9e]|[\xdf-\xf6\xf8-\xff]{2})(?=[A-Za-z])"
    rb"|(?<![\x80-\xff])[\x85\x91-\x97\xb0\xb2\xb3\xb5\xb9\xba](?![\x80-\xff])"
    rb"|(?<![\x80-\xffA-Za-z])[\x80\x84\x99\xa3\xa5\xa7\xa9\xab\xae\xb1\xb7\xbb-\xbe\xd7](?![\x80-\xffA-Za-z]))+"
)
"""Words of ASCII with letters of Windows-1252 within them, quotes and signs such as the euro. A few of these tell chardet too
little: in the encodings of other scripts letters stand beside one another."""
_LATIN_LETTER = re.compile(rb"[\xc0-\xd6\xd8-\xff\x8a\x8c\x8e\x9a\x9c\x9e\x9f]")
_DAMAGE = 0.05
"""Share of the characters outside ASCII that may be broken in a text that still counts as of the encoding."""
_SAMPLE = 4 * 1024
"""Bytes that chardet weighs at most."""
_TRUSTED = {"cp1252": 0.85}
"""A label is right where its encoding has at least this part of the likelihood of the likeliest, else half of it: programs that know no
encoding write the label of this one."""
_SHORT = 1000
"""Bytes whose characters are looked at."""
_FAR_BELOW = 0.02
"""Part of the greatest likelihood below which an encoding is not looked at further."""
_KANA = 0.4
"""Share of kana that only Japanese has; chardet takes a few words of kana for no text at all."""
_CHANCE = 4
"""Letters that a text in an encoding of several bytes may be in UTF-8 by chance."""


@dataclass(frozen=True)
class Encoding:
    """The encoding of a text.

    Attributes:
        name: as Python's codecs and iconv know it.
        confidence: 0 to 1. With a mark, whole UTF-8 or a label that holds it is 1; for broken UTF-8 the share that is whole; for UTF-16
            without a mark the share of the characters that are of few blocks; else the likelihood of the encoding as a share of that and of
            the next one that reads other characters: 0.5 means that both are as likely.
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


@dataclass(frozen=True)
class DecodedText:
    """Text from bytes.

    Attributes:
        encoding: the codec that read it.
        replaced: sequences that have no character in it, each U+FFFD in the text.
    """

    text: str
    encoding: str
    replaced: int


def decoded(data: bytes, label: str | None = None) -> DecodedText:
    """All of `data` as text, by the encoding that `encoding` finds."""
    found = encoding(data, label)
    name = found.name if found is not None else codec_of(label) or "utf-8"
    text = data.decode(name, "replace").removeprefix("\ufeff")
    return DecodedText(text, name, text.count("\ufffd"))


def encoding(head: bytes, label: str | None = None) -> Encoding | None:
    """The encoding of the first bytes of a text; None where they are no text.

    A mark decides, then UTF-8 that decodes. A label, read as WHATWG reads it, decides where the bytes decode by it and no other encoding
    is twice as likely. Else chardet decides: it weighs the pairs of bytes that are frequent in the languages of each encoding.

    Args:
        head: may end within a character.
        label: the encoding that a mail's part or HTML declares; None where it declares none. An unknown label counts as none.
    """
    for mark, name in BOMS:
        if head.startswith(mark):
            return Encoding(name, 1.0)
    said = codec_of(label)
    if (wide := _sixteen_bits(head)) is not None:
        return wide
    if b"\0" in head or _controls(head) > 0.01:
        return None
    if head.isascii():
        return Encoding(_seven_bits(head, said), 1.0)
    return _utf8(head, said) or _weighed(head, said)


def _controls(head: bytes) -> float:
    return len(re.findall(rb"[\x00-\x06\x0e-\x1a\x1c-\x1f]", head)) / max(1, len(head))


def _sixteen_bits(head: bytes) -> Encoding | None:
    """UTF-16 without a mark: in the right order of bytes nearly all characters are of few blocks, in the other they are anywhere."""
    if b"\0" not in head[:_SAMPLE]:
        return None
    sample = head[: _SAMPLE & ~1]
    found = [_of_few_blocks(sample, name) for name in ("utf-16-le", "utf-16-be")]
    best = max(found, key=lambda one: one.confidence + sample[one.name == "utf-16-le" :: 2].count(0) / len(sample))
    return best if best.confidence >= 0.9 and coherence(_read(sample, best.name)) >= 0.6 else None


def _of_few_blocks(sample: bytes, name: str) -> Encoding:
    """The share of the characters that are Latin, marks, kana, Han, Hangul, or of the two commonest other pages of 256 characters."""
    text = codecs.getincrementaldecoder(name)("replace").decode(sample)
    usual = re.findall(f"[\t\r\n -~\u00a0-\u00ff{_MARKS}\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3]", text)
    other = re.findall(f"[^\u0000-\u00ff{_MARKS}\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3\ufffd\ue000-\uf8ff]", text)
    pages = Counter(ord(character) >> 8 for character in other).most_common(2)
    return Encoding(name, round((len(usual) + sum(n for _, n in pages)) / max(1, len(text)), 4))


def _seven_bits(head: bytes, said: str | None) -> str:
    """ISO 2022 (RFC 1468, RFC 1557) by its escapes, HZ (RFC 1843) by its tildes, UTF-7 by its label alone; else ASCII, which is UTF-8."""
    if b"\x1b$)C" in head:
        return "iso2022_kr"
    if re.search(rb"\x1b\$[@B(]|\x1b\([IJ]", head):
        return "iso2022_jp_ext"
    if re.search(rb"~\{[\x21-\x77][\x21-\x7e].*?~\}", head) and _damaged(head, "hz") == 0:
        return "hz"
    return said if said == "utf-7" and "\ufffd" not in head.decode(said, "replace") else "utf-8"


def _utf8(head: bytes, said: str | None) -> Encoding | None:
    text = codecs.getincrementaldecoder("utf-8")("replace").decode(head)
    outside = len(re.findall(r"[^\x00-\x7f]", text))
    damaged = text.count("\ufffd") - head.count(b"\xef\xbf\xbd")
    if damaged > _DAMAGE * outside or not outside:
        return None
    if said in WIDE and not damaged and outside <= _CHANCE and _damaged(head, said) == 0 and max(text) < "\u0800":
        # A few Han characters of GBK may chance to be letters in UTF-8: there the label decides.
        return Encoding(said, 1.0)
    return Encoding("utf-8", round(1 - damaged / outside, 4), damaged)


def _weighed(head: bytes, said: str | None) -> Encoding | None:
    """The likeliest of the other encodings; the label's where it is about as likely."""
    sample = _telling(head)
    if said is not None and is_usual(_read(sample, said), said) and _damaged(head, said) == 0:
        return Encoding(said, 1.0)
    scores = _scores(sample, said)
    if not scores:
        return None
    best = max(scores, key=lambda name: (scores[name], name == "cp1252"))
    usual = normal(said) if said is not None else None
    if (
        said is not None
        and usual in scores
        and scores[usual] >= _TRUSTED.get(usual, 0.5) * scores[best]
        and _damaged(head, said) <= _tolerated(head)
    ):
        return Encoding(said, 1.0, _damaged(head, said))
    if (best not in _LATIN or not _LATIN_LETTER.search(sample)) and _LATIN_WORDS.fullmatch(sample):
        best = "cp1252"
        scores[best] = max(scores.values())
    reading = _read(sample, best)
    others = [score for name, score in scores.items() if _read(sample, name) != reading]
    share = scores[best] / max(scores[best] + max(others, default=0.0), 1e-9)
    return Encoding(_shortest(best, head), round(share, 4), _damaged(head, best))


def _scores(sample: bytes, said: str | None) -> dict[str, float]:
    """The likelihood of each encoding that reads the bytes, 0 to 1; of one of several bytes also where a few places are damaged."""
    from chardet.registry import lookup_encoding

    usual = normal(said) if said is not None else None
    known = [name for name in (usual,) if name is not None and lookup_encoding(name) is not None]
    scores = _likelihoods(sample, {*WIDE, *NARROW, *known})
    for name in WIDE:
        damaged = _damaged(sample, name)
        if name not in scores and 0 < damaged <= _tolerated(sample):
            whole = _read(sample, name).replace("\ufffd", "").encode(name, "ignore")
            scores[name] = _likelihoods(whole, {name}).get(name, 0.0)
    for name in ("cp932", "euc_jis_2004"):
        text = "".join(re.findall(r"[^\x00-\x7f]+", _read(sample[:_SHORT], name)))
        kana = len(re.findall("[\u3041-\u30fe]", text)) / max(1, len(text))
        if kana >= _KANA and "\ufffd" not in text:
            scores[name] = max(scores.get(name, 0.0), kana * _KANA)
    least = _FAR_BELOW * max(scores.values(), default=0.0)
    near = {name: score for name, score in scores.items() if score >= least or name == usual}
    return {name: score * coherence(_read(sample[:_SHORT], name)) ** 2 for name, score in near.items()}


def _likelihoods(sample: bytes, names: Iterable[str]) -> dict[str, float]:
    import chardet

    found = chardet.detect_all(sample, ignore_threshold=True, compat_names=False, include_encodings=sorted({*names, "cp1252"}))
    return {normal(name): one["confidence"] for one in found if (name := one["encoding"]) is not None}


def _shortest(name: str, head: bytes) -> str:
    """The usual encoding of which `name` is the superset, where it is enough."""
    return "euc_jp" if name == "euc_jis_2004" and _damaged(head, "euc_jp") == 0 else name


def _telling(head: bytes) -> bytes:
    """The lines that hold bytes outside ASCII, as many as are weighed; all of a short text."""
    if len(head) <= _SAMPLE:
        return head
    held, size = [], 0
    for match in re.finditer(rb"[^\n\x80-\xff]{0,80}[\x80-\xff][^\n]{0,2000}\n?", head):
        held.append(match[0])
        size += len(match[0])
        if size >= _SAMPLE:
            break
    return b"".join(held)


def _read(data: bytes, name: str) -> str:
    return codecs.getincrementaldecoder(name)("replace").decode(data)


def _damaged(data: bytes, name: str) -> int:
    return _read(data, name).count("\ufffd")


def _tolerated(data: bytes) -> float:
    """Sequences of a text of two bytes a character that may be broken."""
    return _DAMAGE * sum(byte > 0x7F for byte in data[:_SAMPLE]) / 2
