"""Texts of signs."""

from __future__ import annotations

from lakehouse.core.text.kernels.characters import ALPHANUMERIC
from lakehouse.production.engine.operator import OPERATORS, Keep
from lakehouse.production.operators.statistics import measures


@OPERATORS.register(version=1, cardinality="1:0", decides=("min_ratio", "max_ratio"))
def alphanumeric(
    *, column: str, tokenization: measures.Untokenised = False, min_ratio: float = 0.25, max_ratio: float | None = None
) -> Keep:
    """Drop a text whose share of letters and digits (`str.isalnum`) is out of range, in the dialect of Data-Juicer 1.6.

    Signal `alnum_ratio`, 0 for an empty text. Reasons `below_min`, `above_max`. A null text has no signal and is quarantined.

    Example:
        `{alphanumeric: {column: text, min_ratio: 0.25}}`
    """
    return measures.within("alnum_ratio", measures.share_of_characters(column, ALPHANUMERIC), min_ratio, max_ratio)
