"""Network addresses taken out."""

from __future__ import annotations

from lakehouse.production.engine.operator import OPERATORS, Change
from lakehouse.production.operators.repair.patterns import replaced

_PATTERN = (
    r"(?:(?:1[0-9][0-9]\.)|(?:2[0-4][0-9]\.)|(?:25[0-5]\.)|(?:[1-9][0-9]\.)|(?:[0-9]\.)){3}"
    r"(?:(?:1[0-9][0-9])|(?:2[0-4][0-9])|(?:25[0-5])|(?:[1-9][0-9])|(?:[0-9]))|([\da-fA-F]{1,4}:){7}[\da-fA-F]{1,4}"
)


@OPERATORS.register(version=1, cardinality="1:1")
def clean_ip(*, column: str, pattern: str | None = None, repl: str = "") -> Change:
    """Replace IPv4 addresses and full IPv6 addresses by `repl`, by the pattern of Data-Juicer 1.6.

    `pattern` is another regular expression to replace, in Rust's syntax; `repl` is taken literally. The column's privacy classes stay:
    redact is the operator that clears them. A null stays null.

    Example:
        `{clean_ip: {column: text}}`
    """
    return Change({column: replaced(column, _PATTERN if pattern is None else pattern, repl)})
