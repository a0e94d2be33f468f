"""Characters that a reader does not see, or takes for others."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from lakehouse.core.text.kernels import disguise
from lakehouse.reserve.screening.detector import DETECTORS, TextLook, spans

_ZERO = "\u200b\u200c\u200d\u2060\u2061\u2062\u2063\u2064\ufeff\u180e\u034f\u115f\u1160\u3164\uffa0"
_INVISIBLE = re.compile(
    f"(?P<tag>[\U000e0000-\U000e007f]+)|(?P<bidi>[\u202a-\u202e\u2066-\u2069]+)|(?P<zero_width>[{_ZERO}]+)"
    "|(?P<variation>[\ufe00-\ufe0f\U000e0100-\U000e01ef]+)|(?P<private_use>[\ue000-\uf8ff\U000f0000-\U0010ffff]+)"
)
_CHEAP = (
    r"[\x{200B}-\x{200D}\x{2060}-\x{2064}\x{FEFF}\x{180E}\x{34F}\x{115F}\x{1160}\x{3164}\x{FFA0}\x{202A}-\x{202E}\x{2066}-\x{2069}"
    r"\x{E0000}-\x{E01EF}\x{FE00}-\x{FE0F}\x{E000}-\x{F8FF}\x{F0000}-\x{10FFFF}]"
    r"|\p{Latin}[\p{Cyrillic}\p{Greek}\p{Armenian}]|[\p{Cyrillic}\p{Greek}\p{Armenian}]\p{Latin}"
)
_WORD = re.compile(r"[^\W\d_]+")
_ALIKE = frozenset(pair[0] for pair in disguise._ALIKE.split() if not pair[0].isascii() and "LATIN" not in unicodedata.name(pair[0]))
_FLAG = "\U0001f3f4"
_JOINERS = "\u200c\u200d"


@DETECTORS.register(version=1, action="warn", decides=("at_least",))
def hidden_text(*, columns: list[str] | None = None, at_least: float = 0.5) -> TextLook:
    """Flag characters that a reader does not see, or takes for others.

    Kinds: `tag` (U+E0000 to U+E007F, but for flags: text that only a machine reads; score 1), `bidi` (controls of direction, as in
    CVE-2021-42574; overrides 0.9, others 0.6), `variation` (selectors in a row or behind something that has no variants, in which bytes
    can be hidden; 0.9, one behind a letter 0.5), `zero_width` (spaces and joiners without width; four or more in a row 0.9, between two
    letters or digits 0.6, at an edge 0.3), `mixed_script` (a word of Latin letters with Cyrillic, Greek or Armenian ones that look alike,
    Unicode TS 39; 0.7), `private_use` (characters without a meaning of their own; 0.3). Joiners in emoji and in scripts that join
    (Arabic, Indic), and a byte order mark at the start, are as they should be.

    Args:
        columns: Text columns; without it, all.
        at_least: Score from which a finding flags; lower ones are kept as signals.
    """
    return TextLook(tuple(columns) if columns is not None else None, lambda texts: spans(texts, _CHEAP, lambda text: [*_hidden(text)]))


def _hidden(text: str) -> Iterator[tuple[int, int, str, float]]:
    for hit in _INVISIBLE.finditer(text):
        kind, run, start, end = str(hit.lastgroup), hit.group(), hit.start(), hit.end()
        before, after = text[start - 1] if start else "", text[end] if end < len(text) else ""
        if score := _score(kind, run, before, after):
            yield start, end, kind, score
    for word in _WORD.finditer(text):
        letters = word.group()
        foreign = [c for c in letters if not c.isascii() and unicodedata.name(c, "").startswith(("CYRILLIC", "GREEK", "ARMENIAN"))]
        if foreign and all(c in _ALIKE for c in foreign) and any(unicodedata.name(c, "").startswith("LATIN") for c in letters):
            yield word.start(), word.end(), "mixed_script", 0.7


def _score(kind: str, run: str, before: str, after: str) -> float:
    """The score of a run of characters that are not seen; 0: it is as it should be."""
    if kind == "tag":
        return 0.0 if before == _FLAG and run.endswith("\U000e007f") else 1.0
    if kind == "bidi":
        return 0.9 if "\u202d" in run or "\u202e" in run else 0.6
    if kind == "private_use":
        return 0.3
    if kind == "variation":
        if len(run) > 1:
            return 0.9
        varies = unicodedata.category(before or " ") in ("So", "Sm", "Po", "Sk", "Cn") or before.isdigit() or _is_han(before)
        return 0.0 if varies else 0.5
    if len(run) >= 4:
        return 0.9
    if not before and run == "\ufeff":
        return 0.0
    if set(run) <= set(_JOINERS) and (_joins(before) or _joins(after)):
        return 0.0
    return 0.6 if before.isalnum() and after.isalnum() else 0.3


def _is_han(character: str) -> bool:
    return unicodedata.name(character, "").startswith("CJK") if character else False


def _joins(character: str) -> bool:
    """Whether a joiner next to this is in its place: emoji and their modifiers, letters and marks of scripts that join."""
    if not character:
        return False
    code = ord(character)
    return code >= 0x1F000 or 0x2190 <= code < 0x2C00 or code == 0xFE0F or 0x0600 <= code < 0x1100 or 0x1780 <= code < 0x1900
