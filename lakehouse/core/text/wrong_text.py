"""The shares of a text that are characters of wrong decoding: replaced ones, and those that no one wrote.

Columns of text are measured at once. A share is of the characters that are no white space, 0 to 1; null where there are none.
"""

from __future__ import annotations

import polars as pl

REPLACED = "\ufffd"
_UNWRITTEN = r"[\p{Co}\p{Cn}\x80-\x9f]"
"""For private use, unassigned (in the Unicode version of the regex library of Polars), and the controls of ISO 6429."""
_HIGH = "\u0080-\u00bf‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ€"
"""The bytes 80 to BF as Windows-1252 and Latin-1 read them: each byte but the first of a character in UTF-8."""
_HIGH_1251 = "\u00a0-\u00bfЂЃ‚ѓ„…†‡€‰Љ‹ЊЌЋЏђ‘’“”•–—™љ›њќћџЎўЈҐ"
_MISREAD = "|".join(
    (
        "(?:锟斤拷|烫烫烫|屯屯屯)+",  # U+FFFD in UTF-8, and unset memory of programs on Windows, read as GBK
        # Marks and frequent characters of Chinese in UTF-8 read as GBK: three bytes are one character and a half.
        "(?:[銆锛鈥]\\S)+|(?:[鐨鎴鍦鍚鍙鏄涓浠娴璇杩鏂鍒鍑鍏鎬濂]\\S{0,2}){3,}",
        f"â€[{_HIGH}]?|ï»¿|ï¼[{_HIGH}]|Â[\u0080-\u00bf]",  # marks in UTF-8 read as Windows-1252
        f"(?:Ã[{_HIGH}])+",  # letters of Latin, likewise
        f"(?:[ÐÑÎÏ×ØÙ][{_HIGH}]){{2,}}",  # Cyrillic, Greek, Hebrew and Arabic
        f"(?:[ã-é][{_HIGH}]{{2}})+",  # kana, Han and Hangul
        "[\u00a1-\u00bf]*[À-ÿ][\u00a1-ÿ]{3,}",  # Han in GBK or Big5, Cyrillic in Windows-1251, read as Latin-1
        f"(?:[РС][{_HIGH_1251}]){{2,}}",  # Cyrillic in UTF-8 read as Windows-1251
        "[а-я][А-Я]{3,}[а-я]*",  # KOI8-R read as Windows-1251 and the reverse: small and capital letters change places
    )
)
_APART = ("Arabic", "Hebrew", "Tibetan", "Thai", "Devanagari", "Khmer", "Ethiopic", "Canadian_Aboriginal", "Yi", "Cherokee", "Mongolian")
"""Scripts whose letters hardly anyone writes next to letters of others."""
_MIXED = "|".join(rf"\p{{{script}}}+[\p{{L}}--[\p{{{script}}}\p{{Common}}\p{{Inherited}}\p{{Latin}}]]\p{{{script}}}*" for script in _APART)
_WRONG = f"(?:{_MISREAD}|{_MIXED})"


def replaced_share(text: pl.Expr) -> pl.Expr:
    """The share of U+FFFD, which stands for bytes that no character is known for."""
    return _share(text.str.count_matches(REPLACED, literal=True), text)


def garbled_share(text: pl.Expr) -> pl.Expr:
    """The share of the characters that no one writes: for private use, unassigned, controls, in runs of misread encodings (`Ã©`, `â€™`,
    `锟斤拷`), or of scripts that change within words.
    """
    # What is left once the runs are taken away shows how long they were. Most texts have none, and are searched once.
    kept = pl.when(text.str.contains(_WRONG)).then(text.str.replace_all(_WRONG, "")).otherwise(text)
    return _share(text.str.len_chars() - kept.str.len_chars() + kept.str.count_matches(_UNWRITTEN), text)


def _share(count: pl.Expr, text: pl.Expr) -> pl.Expr:
    written = text.str.len_chars() - text.str.count_matches(r"\s")
    return pl.when(written > 0).then((count / written).clip(0.0, 1.0))
