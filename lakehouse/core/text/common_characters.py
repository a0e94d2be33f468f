"""Texts of Chinese, Japanese and Korean known by the characters that each language writes most."""

from __future__ import annotations

import re
from collections.abc import Mapping

_HAN = re.compile(
    "[的一是不了在人有我他这個个們们中来來上大为為和国國地到以说說时時要就出会會可也你对對生能而子那得于著着下自之年过過发發后後作里裡用道行所然家种種事成方多"
    "经經么麼去法学學如都同现現当當没沒动動面起看定天分还還进進好小部其些主样樣理心本前开開但因只从從想实實日很]"
)
"""The most frequent characters of modern Chinese, in both scripts (after Da: Modern Chinese Character Frequency List, 2004)."""
_HIRAGANA = re.compile("[\u3041-\u3093]")
_HANGUL = re.compile("[이다는의에을가하고지로한은를서사기인어도리나자시아해대그니라]")
"""The most frequent syllables of Korean."""
_LEAST: Mapping[str, tuple[re.Pattern[str], float]] = {
    "gb18030": (_HAN, 0.12),
    "big5hkscs": (_HAN, 0.12),
    "cp932": (_HIRAGANA, 0.3),
    "euc_jp": (_HIRAGANA, 0.3),
    "cp949": (_HANGUL, 0.25),
}
"""For an encoding, characters and the least share that they have of those beyond ASCII in its language; misread text has few of them."""
_ENOUGH = 30
"""Characters beyond ASCII below which a share says little."""


def is_usual(text: str, encoding: str) -> bool:
    """Whether a text, read by an encoding, is surely of the language that the encoding is for; False where this is not known."""
    if encoding not in _LEAST:
        return False
    outside = "".join(re.findall(r"[^\x00-\x7f]+", text))
    characters, least = _LEAST[encoding]
    return len(outside) >= _ENOUGH and len(characters.findall(outside)) >= least * len(outside)
