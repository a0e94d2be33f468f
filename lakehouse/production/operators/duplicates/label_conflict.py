"""The same text under different labels."""

from __future__ import annotations

from typing import Literal

import polars as pl
import polars_hash as plh

from lakehouse.production.engine.operator import OPERATORS, Keep


@OPERATORS.register(version=1, cardinality="1:0", decides=("action",))
def label_conflict(*, column: str, label: str, action: Literal["drop", "quarantine"] = "quarantine") -> Keep:
    """Set aside every row whose text also has another label: none of them can be trusted.

    Texts are compared in lower case with spaces folded. Put the step before de-duplication, which would keep one label by chance.
    Signals `key` (128 bits of SHA-256 of the text) and `label`. Reason `contradictory_label`. A null label does not contradict.

    Example:
        `{label_conflict: {column: text, label: label}}`
    """
    folded = pl.col(column).str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars()
    key = plh.concat_str(folded).chash.sha2_256().str.slice(0, 32)
    labels = pl.col("label").drop_nulls().n_unique().over("key")
    return Keep(
        {"key": key, "label": pl.col(label).cast(pl.String)},
        {"contradictory_label": (pl.col("key").is_not_null() & (labels > 1)).fill_null(False)},
        action=action,
    )
