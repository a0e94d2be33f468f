"""Links taken out."""

from __future__ import annotations

from lakehouse.production.operator import OPERATORS, Change
from lakehouse.production.operators.repair.patterns import replaced

_PATTERN = (
    r"(?i)\b((?:[a-z][\w-]+:(?:/{1,3}|[a-z0-9%])|www\d{0,3}[.]|[a-z0-9.\-]+[.][a-z]{2,4}/)"
    r"(?:[^\s()<>]+|\(([^\s()<>]+|(\([^\s()<>]+\)))*\))+"
    r"(?:\(([^\s()<>]+|(\([^\s()<>]+\)))*\)|[^\s`!()\[\]{};:'\".,<>?«»“”‘’]))"
)


@OPERATORS.register(cardinality="1:1")
def clean_links(*, column: str, pattern: str | None = None, repl: str = "") -> Change:
    """Replace links (`http:`, `ftp:` and other schemes, `www.`, `example.com/`) by `repl`, by the pattern of Data-Juicer 1.6.

    `pattern` is another regular expression to replace, in Rust's syntax; `repl` is taken as it stands. The column's privacy classes stay:
    redact is the operator that clears them. A null stays null.

    Example:
        `{clean_links: {column: text}}` turns `see https://a.org/x now` into `see  now`
    """
    return Change({column: replaced(column, _PATTERN if pattern is None else pattern, repl)})
