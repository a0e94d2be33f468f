"""How much of what was read is wrong text, by kind; it sets no row aside, and is told with its share.

| kind | of an item |
| --- | --- |
| `garbled_text` | a hundredth or more of its characters are such as no one writes, or its fonts give no Unicode for them |
| `replaced_characters` | some of its bytes had no character, and are U+FFFD |
| `no_text_layer` | pages of it, scanned ones as a rule, show something and have no text |
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from lakehouse.core.row_model import READ
from lakehouse.core.text.wrong_text import shares

LEAST_GARBLED = 0.01
"""Share from which a text is garbled: signs of private use stand in many documents for a bullet."""
SHARES: Mapping[str, pl.Expr] = {
    "garbled_text": pl.when(pl.col("garbled_share") >= LEAST_GARBLED).then("garbled_share"),
    "replaced_characters": pl.when(pl.col("replaced_share") > 0).then("replaced_share"),
    "no_text_layer": pl.when(pl.col("pages_without_text") > 0).then(pl.col("pages_without_text") / pl.col("pages")),
}
"""The share of each kind, by the columns of documents; null where an item has none of it."""
_OF = {"garbled_text": "characters", "replaced_characters": "characters", "no_text_layer": "pages"}
_TEXTS = 2000
"""Rows of a sample whose texts are looked at."""


class WrongTexts:
    """Counts the items of each kind and their shares, frame by frame."""

    def __init__(self) -> None:
        self._items = dict.fromkeys(SHARES, 0)
        self._shares = dict.fromkeys(SHARES, 0.0)

    def add(self, rows: pl.DataFrame) -> None:
        """Count the rows of a frame that has the columns of documents; other frames have nothing to count."""
        known = {name: share for name, share in SHARES.items() if set(share.meta.root_names()) <= set(rows.columns)}
        if not known or any(not rows.schema[column].is_numeric() for share in known.values() for column in share.meta.root_names()):
            return
        found = rows.select(**known)
        for name in known:
            self._items[name] += found.height - found[name].null_count()
            self._shares[name] += float(found[name].sum())

    def told(self) -> list[str]:
        """A line a kind, those without items left out."""
        return [
            f"{name}: {n:,} items, on average {self._shares[name] / n:.1%} of their {_OF[name]}" for name, n in self._items.items() if n
        ]


def wrong_texts(rows: pl.DataFrame) -> list[str]:
    """What is wrong in a sample: by the columns of documents, else a line for each column of text and kind."""
    counted = WrongTexts()
    counted.add(rows)
    if "garbled_share" in rows.columns:
        return counted.told()
    lines = []
    for name, dtype in rows.schema.items():
        if dtype == pl.String and name not in READ:
            of_column = WrongTexts()
            of_column.add(shares(rows[name].head(_TEXTS)))
            lines += [f"column `{name}`, {line.replace('items', 'of its texts')}" for line in of_column.told()]
    return lines
