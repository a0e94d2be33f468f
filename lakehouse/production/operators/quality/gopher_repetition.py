"""Texts that repeat themselves, by the rules of MassiveText."""

from __future__ import annotations

import polars as pl

from lakehouse.core.text.compiled import compiled
from lakehouse.core.text.kernels import buffers, characters, repetition
from lakehouse.core.text.kernels.structs import share, struct
from lakehouse.production.engine.operator import OPERATORS, Keep

_SHARES = (
    "dup_para_frac",
    "dup_para_char_frac",
    "dup_line_frac",
    "dup_line_char_frac",
    *(f"top_{n}_gram" for n in repetition.TOP),
    *(f"duplicated_{n}_n_grams" for n in repetition.DUPLICATED),
)
_OUT = pl.Struct({"characters": pl.Int64, **dict.fromkeys(_SHARES, pl.Float64)})


@OPERATORS.register(version=1, cardinality="1:0", decides=_SHARES)
def gopher_repetition(
    *,
    column: str,
    dup_para_frac: float = 0.3,
    dup_para_char_frac: float = 0.2,
    dup_line_frac: float = 0.3,
    dup_line_char_frac: float = 0.2,
    top_2_gram: float = 0.2,
    top_3_gram: float = 0.18,
    top_4_gram: float = 0.16,
    duplicated_5_n_grams: float = 0.15,
    duplicated_6_n_grams: float = 0.14,
    duplicated_7_n_grams: float = 0.13,
    duplicated_8_n_grams: float = 0.12,
    duplicated_9_n_grams: float = 0.11,
    duplicated_10_n_grams: float = 0.10,
) -> Keep:
    """Drop a text that repeats itself (Gopher, Rae et al. 2021, table A1), in the dialect of datatrove 0.10.

    Each share is a signal, a parameter (the most that stays) and a reason of the same name, in the order of the parameters; before them
    `empty`. A piece is a duplicate where an equal one came before. `dup_para_frac`, `dup_line_frac`: of the paragraphs (between runs of
    two line feeds and more, the text trimmed), of the lines (between runs of line feeds). All others are code points over those of the
    text: `dup_para_char_frac`, `dup_line_char_frac` in such duplicates; `top_n_gram` in the most frequent n words of `str.split()` in a row
    (joined by a space, times how often they come; the first seen wins a tie); `duplicated_n_n_grams` in n words in a row that came before,
    from left to right and each word once. Signal `characters` besides. A null text has no signals and is quarantined.

    Example:
        `{gopher_repetition: {column: text, top_2_gram: 0.25}}`
    """

    def measure(texts: pl.Series) -> pl.Series:
        data, offsets = buffers.utf8(texts)
        count = repetition.counts(data, offsets, characters.table()).T
        length = count[0]
        pieces = (share(count[2], count[1]), share(count[3], length), share(count[5], count[4]), share(count[6], length))
        shares = (*pieces, *(share(part, length) for part in count[7:]))
        return struct(texts, {"characters": length, **dict(zip(_SHARES, shares, strict=True))})

    limits = (
        *(dup_para_frac, dup_para_char_frac, dup_line_frac, dup_line_char_frac),
        *(top_2_gram, top_3_gram, top_4_gram),
        *(duplicated_5_n_grams, duplicated_6_n_grams, duplicated_7_n_grams),
        *(duplicated_8_n_grams, duplicated_9_n_grams, duplicated_10_n_grams),
    )
    # All signals are fields of one struct: they cost one call.
    found = compiled(pl.col(column), measure, _OUT)
    return Keep(
        {field.name: found.struct.field(field.name) for field in _OUT.fields},
        {"empty": pl.col("characters") == 0, **{name: pl.col(name) > limit for name, limit in zip(_SHARES, limits, strict=True)}},
    )
