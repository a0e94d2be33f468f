"""Texts that are no prose, by the rules of MassiveText."""

from __future__ import annotations

import polars as pl

from lakehouse.core.text.compiled import compiled
from lakehouse.core.text.kernels import buffers, characters, gopher
from lakehouse.core.text.kernels.spans import word_table
from lakehouse.core.text.kernels.structs import share, struct
from lakehouse.production.engine.operator import OPERATORS, Keep

_OUT = pl.Struct(
    {
        "words": pl.Int64,
        "mean_word_length": pl.Float64,
        "hashes": pl.Float64,
        "ellipses": pl.Float64,
        "bullet_lines": pl.Float64,
        "ellipsis_lines": pl.Float64,
        "alphabetic_words": pl.Float64,
        "stop_words": pl.Int64,
    }
)


@OPERATORS.register(
    version=1,
    cardinality="1:0",
    decides=(
        "min_doc_words",
        "max_doc_words",
        "min_avg_word_length",
        "max_avg_word_length",
        "max_symbol_word_ratio",
        "max_bullet_lines_ratio",
        "max_ellipsis_lines_ratio",
        "max_non_alpha_words_ratio",
        "min_stop_words",
    ),
)
def gopher_quality(
    *,
    column: str,
    min_doc_words: int = 50,
    max_doc_words: int = 100_000,
    min_avg_word_length: float = 3,
    max_avg_word_length: float = 10,
    max_symbol_word_ratio: float = 0.1,
    max_bullet_lines_ratio: float = 0.9,
    max_ellipsis_lines_ratio: float = 0.3,
    max_non_alpha_words_ratio: float = 0.8,
    min_stop_words: int = 2,
    stop_words: list[str] = ["the", "be", "to", "of", "and", "that", "have", "with"],  # noqa: B006 - read, never changed
) -> Keep:
    """Drop a text that breaks one of Gopher's quality rules (Rae et al. 2021, appendix A.1), in the dialect of datatrove 0.10.

    Words are those of `str.split()`; lines those of `str.splitlines()`. In the order of their reasons: `gopher_short_doc`,
    `gopher_long_doc` (words that are not all punctuation), `gopher_below_avg_threshold`, `gopher_above_avg_threshold` (mean
    length of those, in code points), `gopher_too_many_hashes` (`#` per word), `gopher_too_many_ellipsis` (`...` and `…` per word),
    `gopher_too_many_bullets` (share of lines that begin with `•` or `-`), `gopher_too_many_end_ellipsis` (share of lines that end with an
    ellipsis), `gopher_below_alpha_threshold` (share of words with a letter below `max_non_alpha_words_ratio`),
    `gopher_enough_stop_words` (fewer than `min_stop_words` different ones of `stop_words`, as written). Every number is a signal; a share
    of nothing is 0. A null text has no signals and is quarantined.

    Example:
        `{gopher_quality: {column: text, min_doc_words: 30}}`
    """
    stop_data, stop_offsets = buffers.utf8(pl.Series(stop_words, dtype=pl.String))
    stop_table = word_table(stop_data, stop_offsets)

    def measure(texts: pl.Series) -> pl.Series:
        data, offsets = buffers.utf8(texts)
        found = gopher.counts(data, offsets, characters.table(), stop_table, stop_data, stop_offsets)
        count = dict(zip(gopher.COUNTS, found.T, strict=True))
        fields = {
            "words": count["symbolic"],
            "mean_word_length": share(count["characters"], count["symbolic"]),
            "hashes": share(count["hashes"], count["words"]),
            "ellipses": share(count["ellipses"], count["words"]),
            "bullet_lines": share(count["bullets"], count["lines"]),
            "ellipsis_lines": share(count["ellipsis_ends"], count["lines"]),
            "alphabetic_words": share(count["alphabetic"], count["words"]),
            "stop_words": count["stop_words"],
        }
        return struct(texts, fields)

    # All signals are fields of one struct: they cost one call.
    found = compiled(pl.col(column), measure, _OUT)
    return Keep(
        {field.name: found.struct.field(field.name) for field in _OUT.fields},
        {
            "gopher_short_doc": pl.col("words") < min_doc_words,
            "gopher_long_doc": pl.col("words") > max_doc_words,
            "gopher_below_avg_threshold": pl.col("mean_word_length") < min_avg_word_length,
            "gopher_above_avg_threshold": pl.col("mean_word_length") > max_avg_word_length,
            "gopher_too_many_hashes": pl.col("hashes") > max_symbol_word_ratio,
            "gopher_too_many_ellipsis": pl.col("ellipses") > max_symbol_word_ratio,
            "gopher_too_many_bullets": pl.col("bullet_lines") > max_bullet_lines_ratio,
            "gopher_too_many_end_ellipsis": pl.col("ellipsis_lines") > max_ellipsis_lines_ratio,
            "gopher_below_alpha_threshold": pl.col("alphabetic_words") < max_non_alpha_words_ratio,
            "gopher_enough_stop_words": pl.col("stop_words") < min_stop_words,
        },
    )
