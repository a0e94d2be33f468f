"""One kind of punctuation."""

from __future__ import annotations

import polars as pl

from lakehouse.production.engine.operator import OPERATORS, Change

_PLAIN = {
    ",": "，、",
    ".": "。",
    '"': "„”“«»」「《》",
    "'": "´’",
    ":": "∶：",
    "?": "？",
    "!": "！",
    "(": "（",
    ")": "）",
    ";": "；",
    "-": "–━►",
    " - ": "—",
    ". ": "．",
    "~": "～",
    "...": "…",
    "<": "〈",
    ">": "〉",
    "[": "【",
    "]": "】",
    "%": "％",
}


@OPERATORS.register(version=1, cardinality="1:1")
def punctuation_normalization(*, column: str) -> Change:
    """Replace full-width and typographic punctuation by ASCII, by the table of Data-Juicer 1.6, which is CCNet's (Wenzek et al. 2020).

    One entry of that table is left out: the full-width digit `１`, which it turns into a quotation mark. A null stays null.

    Example:
        `{punctuation_normalization: {column: text}}` turns `“好”，…` into `"好",...`
    """
    pairs = [(sign, plain) for plain, signs in _PLAIN.items() for sign in signs]
    return Change({column: pl.col(column).str.replace_many([sign for sign, _ in pairs], [plain for _, plain in pairs])})
