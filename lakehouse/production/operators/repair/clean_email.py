"""Mail addresses taken out."""

from __future__ import annotations

from lakehouse.production.engine.operator import OPERATORS, Change
from lakehouse.production.operators.repair.patterns import replaced

_PATTERN = r"[A-Za-z0-9.\-+_]+@[a-z0-9.\-+_]+\.[a-z]+"


@OPERATORS.register(version=1, cardinality="1:1")
def clean_email(*, column: str, pattern: str | None = None, repl: str = "") -> Change:
    """Replace mail addresses by `repl`, by the pattern of Data-Juicer 1.6: a domain in lower case.

    `pattern` is another regular expression to replace, in Rust's syntax; `repl` is taken literally. The column's privacy classes stay:
    redact is the operator that clears them. A null stays null.

    Example:
        `{clean_email: {column: text, repl: '[EMAIL]'}}`
    """
    return Change({column: replaced(column, _PATTERN if pattern is None else pattern, repl)})
