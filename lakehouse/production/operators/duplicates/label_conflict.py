"""The same text under different labels."""

from __future__ import annotations

from typing import Literal

import polars as pl
import polars_hash as plh

from lakehouse.core.text.by_value import as_text
from lakehouse.core.text.compiled import compiled
from lakehouse.production.engine.operator import OPERATORS, Keep


@OPERATORS.register(version=2, cardinality="1:0", decides=("action",), any_type=("label",))
def label_conflict(*, column: str, label: str, action: Literal["drop", "quarantine"] = "quarantine") -> Keep:
    """Set aside every row whose text also has another label: none of them can be trusted.

    Texts are compared in lower case with spaces folded. Put the step before de-duplication, which would keep one label by chance.
    Labels of any type are compared by value, lists item by item and structs field by field. Signals `key` (128 bits of SHA-256 of the
    text) and `label`. Reason `contradictory_label`. A null label does not contradict.

    Example:
        `{label_conflict: {column: text, label: label}}`
    """
    folded = pl.col(column).str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars()
    key = plh.concat_str(folded).chash.sha2_256().str.slice(0, 32)
    labels = pl.col("label").drop_nulls().n_unique().over("key")
    return Keep(
        {"key": key, "label": compiled(pl.col(label), as_text, pl.String)},
        {"contradictory_label": (pl.col("key").is_not_null() & (labels > 1)).fill_null(False)},
        action=action,
    )
