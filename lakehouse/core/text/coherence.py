"""Coherent text: characters of one script stand together, capitals begin words, signs stand between words.

Text that was read by the wrong encoding is not so: it changes its script and its case within words and has currency signs and frames there.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from itertools import pairwise

_LOOKED_AT = 1000
_MARKS = set("«»‘’“”„‚–—…·•№€£©®™°、。，．！？：；（）「」『』【】《》〈〉・ー～￥〔〕")
_ONE_SCRIPT = {"CJK": "Han", "HIRAGANA": "Han", "KATAKANA": "Han", "KATAKANA-HIRAGANA": "Han", "IDEOGRAPHIC": "Han", "FULLWIDTH": "Han"}
"""Scripts that stand together in Japanese."""


def coherence(text: str) -> float:
    """The share of the pairs of neighbours beyond ASCII that text has, 0 to 1; 1 for text of ASCII."""
    good = pairs = 0
    for first, second in pairwise(text[:_LOOKED_AT]):
        if first > "\x7f" or second > "\x7f":
            pairs += 1
            good += _may_follow(first, second)
    return good / pairs if pairs else 1.0


@lru_cache(maxsize=1 << 16)
def _may_follow(first: str, second: str) -> bool:
    before, after = _kind(first), _kind(second)
    if before == "odd" or after == "odd":
        return False
    if "mark" in (before, after):
        return True
    if before != after:
        return "Han" in (before, after) and "LATIN" in (before, after) and (first < "\x80" or second < "\x80")
    return not (first.islower() and second.isupper())


@lru_cache(maxsize=1 << 16)
def _kind(character: str) -> str:
    """The script of a letter; `mark` of what stands between words; `odd` of what text seldom has."""
    if character in _MARKS:
        return "mark"
    category = unicodedata.category(character)
    if category[0] in "LM":
        script = unicodedata.name(character, "").partition(" ")[0]
        return _ONE_SCRIPT.get(script, script)
    return "mark" if character < "\x80" or category in ("Zs", "Pd", "Nd") or character in "\u200c\u200d" else "odd"
