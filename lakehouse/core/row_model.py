"""The row model: every column that the factory itself writes beside a row's own, by name, type and meaning, and which table has which.

Names of the factory begin with `_`; a source, a recipe and a contract must not use such names. All tables are made from this file.
"""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

SPLITS = ("train", "validation", "test")
"""In the order in which people list them."""


class SystemColumn(NamedTuple):
    """A column of the factory: its type and what a value means."""

    type: pl.DataType
    meaning: str


COLUMNS: dict[str, SystemColumn] = {
    # identity and descent
    "_row_id": SystemColumn(pl.String(), "`<source>/<key>`, stable over collections; of a child `<parent>#<number>`"),
    "_content": SystemColumn(pl.String(), "hex SHA-256 of the source's own columns, and of what was cut out of the row"),
    "_hash": SystemColumn(pl.String(), "hex SHA-256 of the contract's columns, the id and the split: the row as a version holds it"),
    "_learnt": SystemColumn(pl.String(), "digest of the columns that a model learns from: equal in two splits, they are a leak"),
    "_parent": SystemColumn(pl.String(), "the row that this one was cut out of, or made from as a variant; null: none"),
    "_root": SystemColumn(pl.String(), "the collected row at the beginning of its parents; children of a root share a split"),
    "_cluster": SystemColumn(pl.String(), "near-duplicates of each other share it, and with it a split; null: alone"),
    "_group": SystemColumn(pl.String(), "what keeps rows together when they are split: cluster, root or a declared column"),
    "_split": SystemColumn(pl.String(), "train, validation or test"),
    # as collected
    "_collection": SystemColumn(pl.Int64(), "number of the collection that wrote the row"),
    "_deleted": SystemColumn(pl.Boolean(), "a tombstone: the item vanished from its source"),
    "_uri": SystemColumn(pl.String(), "file (and member) the item came from"),
    "_media_type": SystemColumn(pl.String(), "media type of the item (RFC 6838)"),
    "_bytes": SystemColumn(pl.Int64(), "size of the item as collected, in bytes"),
    "_collected_at": SystemColumn(pl.Datetime("us", "UTC"), "when the collection began"),
    "_license": SystemColumn(pl.String(), "licence of the source when it was collected"),
    "_findings": SystemColumn(pl.List(pl.String()), "why the item is unfit, e.g. invalid_utf8; silver quarantines such rows"),
    "_raw": SystemColumn(pl.Binary(), "the bytes of an item that could not be read into columns"),
    "_blob": SystemColumn(pl.String(), "SHA-256 of a file that is an item, or of bytes over the limit, kept in blobs/ or sealed/<source>/"),
    "_position": SystemColumn(pl.Int64(), "number of the item in its file, from 1"),
    # as measured
    "_stage": SystemColumn(pl.Int8(), "number of 1:N steps behind the row"),
    "_failed": SystemColumn(pl.String(), "the step that could not take the row; null: none"),
    "_error": SystemColumn(pl.String(), "the message of that step"),
    # as decided
    "fate": SystemColumn(pl.String(), "dropped, merged, quarantined or divided"),
    "step": SystemColumn(pl.String(), "the step that decided, by its name in the recipe"),
    "rule": SystemColumn(pl.String(), "the reason, by its name in the step"),
    "evidence": SystemColumn(pl.String(), "JSON of the signals, a similarity, or an error"),
    "other": SystemColumn(pl.String(), "the row merged into, or the row that speaks against this one"),
    "_rules": SystemColumn(pl.List(pl.String()), "every rule of the contract that the row breaks"),
}


def columns(*names: str) -> pl.Schema:
    """These columns with their types, in this order."""
    return pl.Schema({name: COLUMNS[name].type for name in names})


BRONZE = columns(
    *("_row_id", "_content", "_collection", "_deleted", "_uri", "_media_type", "_bytes", "_collected_at", "_license", "_findings"),
    *("_raw", "_blob"),
)
"""`bronze/<source>`, before the source's own columns."""
LIVE = columns("_row_id", "_content", "_collection")
"""The columns that show which row of bronze is live."""
READ = columns("_position", "_bytes", "_findings", "_raw", "_blob")
"""The columns that every format adds to a source's own."""
SIGNALS = columns("_row_id", "_content", "_stage", "_parent", "_root", "_failed", "_error")
"""`silver/<dataset>_signals`, before the signals."""
DECIDED = tuple(name for name in SIGNALS if name != "_stage")
"""The columns of a row that deciding carries."""
FATES = columns("_row_id", "_content", "fate", "step", "rule", "evidence", "other")
"""`silver/<dataset>_fates`: a row for each row that did not just pass."""
SILVER = columns("_row_id", "_content", "_parent", "_root", "_cluster")
"""`silver/<dataset>`, before the columns that leave the recipe."""
GOLD = columns(*SILVER, "_split", "_hash", "_learnt")
"""`gold/<dataset>`, before the contract's columns."""
GOLD_INDEX = columns(*SILVER, "_split", "_group", "_hash", "_learnt")
"""The columns of a row of gold, and of a variant, before it is written."""
ARCHIVED = columns("_row_id", "_root", "_split", "_hash")
"""What `system/archived` keeps of an archived version: enough to know its rows and those that differ."""
