"""Lists, menus and torn lines, by the rules of FineWeb."""

from __future__ import annotations

import polars as pl

from lakehouse.core.text.compiled import compiled
from lakehouse.core.text.kernels import buffers, characters, fineweb
from lakehouse.core.text.kernels.structs import share, struct
from lakehouse.production.engine.operator import OPERATORS, Keep

_OUT = pl.Struct(
    {
        "lines": pl.Int64,
        "line_punct_ratio": pl.Float64,
        "short_line_ratio": pl.Float64,
        "char_dup_ratio": pl.Float64,
        "list_ratio": pl.Float64,
    }
)


@OPERATORS.register(
    version=1,
    cardinality="1:0",
    decides=("line_punct_thr", "line_punct_exclude_zero", "short_line_thr", "char_duplicates_ratio", "new_line_ratio"),
)
def fineweb_quality(
    *,
    column: str,
    line_punct_thr: float = 0.12,
    line_punct_exclude_zero: bool = False,
    stop_chars: str | None = None,
    short_line_thr: float = 0.67,
    short_line_length: int = 30,
    char_duplicates_ratio: float = 0.01,
    new_line_ratio: float = 0.3,
) -> Keep:
    """Drop a text whose lines are not those of prose (FineWeb, Penedo et al. 2024, section 3.5), in the dialect of datatrove 0.10.

    Lines are what line feeds part, blank ones aside. Reasons in order, each the signal of the same name: `empty` (no line),
    `line_punct_ratio` (share of lines whose last character is one of `stop_chars`; by default the sentence-ending marks of all scripts;
    with `line_punct_exclude_zero` a share of 0 passes), `short_line_ratio` (share of lines of at most `short_line_length` code points),
    `char_dup_ratio` (code points in lines that came before, over all that are no line feed), `list_ratio` (line feeds per word of
    `str.split()`). A null text has no signals and is quarantined.

    Example:
        `{fineweb_quality: {column: text, char_duplicates_ratio: 0.05}}`
    """
    flags = characters.table() if stop_chars is None else characters.with_terminals(stop_chars)

    def measure(texts: pl.Series) -> pl.Series:
        data, offsets = buffers.utf8(texts)
        count = fineweb.list_counts(data, offsets, flags, short_line_length).T
        fields = {
            "lines": count[0],
            "line_punct_ratio": share(count[1], count[0]),
            "short_line_ratio": share(count[2], count[0]),
            "char_dup_ratio": share(count[3], count[4]),
            "list_ratio": share(count[5], count[6]),
        }
        return struct(texts, fields)

    # All signals are fields of one struct: they cost one call.
    found = compiled(pl.col(column), measure, _OUT)
    ends = pl.col("line_punct_ratio")
    return Keep(
        {field.name: found.struct.field(field.name) for field in _OUT.fields},
        {
            "empty": pl.col("lines") == 0,
            "line_punct_ratio": (ends < line_punct_thr) & ((ends > 0) | (not line_punct_exclude_zero)),
            "short_line_ratio": pl.col("short_line_ratio") > short_line_thr,
            "char_dup_ratio": pl.col("char_dup_ratio") > char_duplicates_ratio,
            "list_ratio": pl.col("list_ratio") > new_line_ratio,
        },
    )
