"""Pages that are no prose, by the rules of C4."""

from __future__ import annotations

import polars as pl

from lakehouse.core.text.compiled import compiled
from lakehouse.core.text.kernels import buffers, c4, characters
from lakehouse.core.text.kernels.structs import struct
from lakehouse.production.engine.operator import OPERATORS, Keep

_OUT = pl.Struct({"sentences": pl.Int64, "lorem_ipsum_line": pl.Int64, "curly_bracket_line": pl.Int64})


@OPERATORS.register(version=1, cardinality="1:0", decides=("min_num_sentences", "filter_lorem_ipsum", "filter_curly_bracket"))
def c4_quality(*, column: str, min_num_sentences: int = 5, filter_lorem_ipsum: bool = True, filter_curly_bracket: bool = True) -> Keep:
    """Drop a text that C4 drops (Raffel et al. 2020, section 2.2) once `c4_lines` has chosen its lines; datatrove's c4_quality is the two.

    Reasons `lorem_ipsum` (the phrase, in any case of letters) and `curly_bracket` (`{`), whichever line comes first, then
    `too_few_sentences`. A sentence ends at a run of `. ? !` and closing quotes or brackets before a space
    or the line's end, at a run of `。？！`, or at the line's end; it holds a character other than a space. Signals `sentences`,
    `lorem_ipsum_line`, `curly_bracket_line` (from 0, -1: none). A null text has no signals and is quarantined.

    Example:
        `[{c4_lines: {column: text}}, {c4_quality: {column: text}}]`
    """

    def measure(texts: pl.Series) -> pl.Series:
        data, offsets = buffers.utf8(texts)
        found = c4.page_counts(data, offsets, characters.table())
        return struct(texts, dict(zip((field.name for field in _OUT.fields), found.T, strict=True)))

    # All signals are fields of one struct: they cost one call.
    found = compiled(pl.col(column), measure, _OUT)
    lorem, curly = pl.col("lorem_ipsum_line"), pl.col("curly_bracket_line")
    condemned = {"lorem_ipsum": lorem >= 0, "curly_bracket": curly >= 0}
    if filter_curly_bracket:
        condemned["lorem_ipsum"] &= (curly < 0) | (lorem <= curly)
    applied = {"lorem_ipsum": filter_lorem_ipsum, "curly_bracket": filter_curly_bracket}
    return Keep(
        {field.name: found.struct.field(field.name) for field in _OUT.fields},
        {
            **{reason: verdict for reason, verdict in condemned.items() if applied[reason]},
            "too_few_sentences": pl.col("sentences") < min_num_sentences,
        },
    )
