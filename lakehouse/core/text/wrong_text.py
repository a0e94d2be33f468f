"""The shares of a text that are characters of wrong decoding: replaced ones, and those that no one wrote.

A share is of the characters that are no white space, 0 to 1; null where there are none.
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
        "[褋褌芯薪邪械懈褉谢胁泻斜谐褎褏锌蟹写屑]{3,}",  # Cyrillic in UTF-8 read as GBK
        "(?:[偄偙偝偟偡偣偦偨偪偮偰偲偳側偵偼偽傂傑傒傕傗傛傜傝傞傟傠傢傪傫]\\S?){3,}",  # hiragana in Shift JIS read as GBK
        f"â€[{_HIGH}]?|ï»¿|ï¼[{_HIGH}]|Â[\u0080-\u00bf]",  # marks in UTF-8 read as Windows-1252
        f"(?:Ã[{_HIGH}])+",  # letters of Latin, likewise
        f"(?:[ÐÑÎÏ×ØÙ][{_HIGH}]){{2,}}",  # Cyrillic, Greek, Hebrew and Arabic
        f"(?:[ã-é][{_HIGH}]{{2}})+",  # kana, Han and Hangul
        "[\u00a1-\u00bf]*[À-ÿ][\u00a1-ÿ]{4,}",  # Han in GBK or Big5, Cyrillic in Windows-1251, read as Latin-1
        f"(?:[РС][{_HIGH_1251}]){{2,}}",  # Cyrillic in UTF-8 read as Windows-1251
        "[а-я][А-Я]{3,}[а-я]*",  # KOI8-R read as Windows-1251 and the reverse: small and capital letters change places
    )
)
_APART = ("Arabic", "Hebrew", "Tibetan", "Thai", "Devanagari", "Khmer", "Ethiopic", "Canadian_Aboriginal", "Yi", "Cherokee", "Mongolian")
"""Scripts whose letters hardly anyone writes next to letters of others."""
_MIXED = "|".join(rf"\p{{{script}}}+[\p{{L}}--[\p{{{script}}}\p{{Common}}\p{{Inherited}}\p{{Latin}}]]\p{{{script}}}*" for script in _APART)
_WRONG = f"(?:{_MISREAD}|{_MIXED})"


_SUSPICIOUS = f"{_WRONG}|{_UNWRITTEN}|{REPLACED}"


def shares(texts: pl.Series) -> pl.DataFrame:
    """The columns `garbled_share` and `replaced_share` of a String series.

    Garbled are characters that no one writes: for private use, unassigned, controls, in runs of misread encodings (`Ã©`, `â€™`, `锟斤拷`),
    or of scripts that change within words. Replaced is U+FFFD, which stands for bytes that no character is known for.
    """
    # Most texts have neither, and are searched once.
    chosen = texts.str.contains(_SUSPICIOUS).fill_null(False)
    text = pl.col("text")
    kept = text.str.replace_all(_WRONG, "")  # how much goes with the runs shows how long they were
    garbled = text.str.len_chars() - kept.str.len_chars() + kept.str.count_matches(_UNWRITTEN)
    written = text.str.len_chars() - text.str.count_matches(r"\s")
    counted = pl.DataFrame({"text": texts.filter(chosen), "at": chosen.arg_true()}).select(
        "at", garbled=(garbled / written).clip(0.0, 1.0), replaced=text.str.count_matches(REPLACED, literal=True) / written
    )
    clean = pl.DataFrame({"share": texts.str.contains(r"\S")}).select(pl.when("share").then(0.0)).to_series().cast(pl.Float64)
    return pl.DataFrame(
        {f"{kind}_share": clean.clone().scatter(counted["at"].to_list(), counted[kind].to_list()) for kind in ("garbled", "replaced")}
    )
