"""Links taken out."""

from __future__ import annotations

import polars as pl

from lakehouse.core.text.compiled import compiled
from lakehouse.production.engine.operator import OPERATORS, Change
from lakehouse.production.operators.repair.patterns import replaced

_LINK = (
    r"((?:[a-z][\w-]+:(?:/{1,3}|[a-z0-9%])|www\d{0,3}[.]|[a-z0-9.\-]+[.][a-z]{2,4}/)"
    r"(?:[^\s()<>]+|\(([^\s()<>]+|(\([^\s()<>]+\)))*\))+"
    r"(?:\(([^\s()<>]+|(\([^\s()<>]+\)))*\)|[^\s`!()\[\]{};:'\".,<>?«»“”‘’]))"
)
_PATTERN = rf"(?i)\b{_LINK}"
_IN_ASCII = rf"(?i)(?-u:\b){_LINK}"
_EDGE_OF_OTHER_LETTERS = r"[\w--[\x00-\x7f]][A-Za-z0-9.\-]|[\u212a\u017f]"
"""Where a link may begin next to a letter outside ASCII, or at one that equals k or s in lower case; elsewhere both edges are the same."""


@OPERATORS.register(version=1, cardinality="1:1")
def clean_links(*, column: str, pattern: str | None = None, repl: str = "") -> Change:
    """Replace links (`http:`, `ftp:` and other schemes, `www.`, `example.com/`) by `repl`, by the pattern of Data-Juicer 1.6.

    `pattern` is another regular expression to replace, in Rust's syntax; `repl` is taken literally. The column's privacy classes stay:
    redact is the operator that clears them. A null stays null.

    Example:
        `{clean_links: {column: text}}` turns `see https://a.org/x now` into `see  now`
    """
    if pattern is not None:
        return Change({column: replaced(column, pattern, repl)})

    word = repl.replace("$", "$$")

    def without_links(texts: pl.Series) -> pl.Series:
        linked = texts.str.contains(f"(?i){_LINK}").arg_true()
        some = texts.gather(linked)
        others = some.str.contains(_EDGE_OF_OTHER_LETTERS).arg_true()
        fixed = some.str.replace_all(_IN_ASCII, word).scatter(others, _line_by_line(some.gather(others), word))
        return texts.clone().scatter(linked, fixed)

    return Change({column: compiled(pl.col(column), without_links, pl.String)})


def _line_by_line(texts: pl.Series, word: str) -> pl.Series:
    """The links of texts with other letters replaced. The regex engine is 20 times slower on an edge of Unicode words outside ASCII, and
    no link crosses a line: only lines that hold both are shown that pattern."""
    lines = texts.alias("line").str.split("\n").to_frame().with_row_index("text").explode("line")
    line = lines["line"]
    slow = (line.str.contains(_EDGE_OF_OTHER_LETTERS) & line.str.contains(f"(?i){_LINK}")).arg_true()
    fixed = line.str.replace_all(_IN_ASCII, word).scatter(slow, line.gather(slow).str.replace_all(_PATTERN, word))
    joined = lines.with_columns(line=fixed).group_by("text", maintain_order=True).agg(pl.col("line").str.join("\n"))
    return joined["line"]
