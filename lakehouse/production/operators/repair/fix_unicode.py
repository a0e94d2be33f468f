"""Repair of garbled text."""

from __future__ import annotations

import polars as pl

from lakehouse.production.operator import OPERATORS, Change, only_where

# A garbled text (UTF-8 read as a one-byte code page) always holds letters between U+0080 and U+1FFF or signs of code pages
# above; an entity or an escape shows itself. Plain ASCII and plain CJK text never match, and are never handed to ftfy.
_SUSPECT = (
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u0080-\u1fff\u2028\u2029\u206a-\u206f\u2100-\u2bff"
    r"\ufb00-\ufb06\ufeff\ufff9-\uffff]|&#?[A-Za-z0-9]{1,24};"
)


@OPERATORS.register(cardinality="1:1")
def fix_unicode(*, column: str) -> Change:
    """Undo garbled encodings, HTML entities, control characters and ligatures; put text in normal form C.

    The repair is ftfy's (Speer 2019, doi:10.5281/zenodo.2591652) without its two changes of style: full-width
    characters and curly quotes are right in Chinese text and stay. A null stays null.

    Example:
        `{fix_unicode: {column: text}}` turns `cafÃ© &amp; bar` into `café & bar`.
    """

    def repair(texts: pl.Series) -> list[str]:
        import ftfy

        config = ftfy.TextFixerConfig(fix_character_width=False, uncurl_quotes=False, explain=False)
        return [ftfy.fix_text(text, config) for text in texts]

    text = pl.col(column)
    fixed = only_where(text, text.str.contains(_SUSPECT), repair)
    return Change({column: fixed.str.normalize("NFC").str.replace_all("\r\n?", "\n")})
