"""Pages with bad words, by the rule of C4."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from lakehouse.core.errors import RecipeError
from lakehouse.production.engine.operator import OPERATORS, Keep
from lakehouse.production.splits import fraction

_UNSPACED = ("ja", "th", "zh")
_ALLOWED = ("sm", "グロ", "女の子", "性")
"""Words of the usual lists that are parts of common words: each would drop a tenth of the Japanese or Chinese pages (tfds c4_utils)."""
_OTHER = r"[^\p{L}\p{N}_]"


@OPERATORS.register(version=1, cardinality="1:0", decides=("keep_fraction", "seed"), files=("words_file",))
def c4_badwords(*, column: str, words_file: str, language: str = "en", keep_fraction: float = 0.0, seed: int = 0) -> Keep:
    """Drop a text with any word of a list (C4, Raffel et al. 2020, section 2.2; datatrove's C4BadWordsFilter), but for `keep_fraction`.

    `words_file` is a UTF-8 file in the project folder, one word or phrase a line, for texts in `language`; none is shipped. C4 took the
    List of Dirty, Naughty, Obscene or Otherwise Bad Words. A word counts in any case of letters where no letter, digit or underscore is
    beside it; in Japanese, Thai and Chinese (`ja`, `th`, `zh`), which do not part words, anywhere. `sm`, `グロ`, `女の子` and `性` are left
    out of any list, as C4 does. Of the texts with such a word a share of `keep_fraction` stays, chosen by a hash of row id and `seed`: the
    same ones on every run. Signal `badwords` (true, false). Reason `badwords`. A null text has no signal and is quarantined.

    Raises:
        RecipeError: the list cannot be read, has no word, or has too many for one pattern (50,000 are not).

    Example:
        `{c4_badwords: {column: text, words_file: lists/bad_words_en.txt, language: en}}`
    """
    words = "|".join(pl.escape_regex(word) for word in _words(Path(words_file)))
    pattern = words if language in _UNSPACED else f"(?:^|{_OTHER})(?:{words})(?:{_OTHER}|$)"
    try:
        pl.select(pl.lit("").str.contains(pattern))
    except pl.exceptions.PolarsError as error:
        raise RecipeError(f"{words_file} has too many words for one pattern", fix="use `sensitive_words`, or two steps") from error
    found = pl.col(column).str.to_lowercase().str.contains(pattern)
    bad = pl.col("badwords")
    # Of a null no share stays: null and false would be false.
    leaves = pl.when(bad.is_not_null()).then(bad & (fraction(pl.col("_row_id"), seed) >= keep_fraction))
    return Keep({"badwords": found}, {"badwords": leaves})


def _words(file: Path) -> list[str]:
    try:
        lines = file.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"the list of bad words cannot be read: {error}", fix="give a UTF-8 file, one word a line") from error
    words = sorted({line.strip().lower() for line in lines} - {"", *_ALLOWED})
    if not words:
        raise RecipeError(f"{file} has no word", fix="give one word a line")
    return words
