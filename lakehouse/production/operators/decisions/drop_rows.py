"""Single rows leave, as decided."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from lakehouse.core.labels import decisions
from lakehouse.production.engine.operator import OPERATORS, Keep


@OPERATORS.register(version=1, cardinality="1:0", files=("file",))
def drop_rows(*, file: str) -> Keep:
    """Drop single rows, each for the reason that was decided, which is the rule that its fate names.

    `file` is JSON lines `{"row": ID, "content": DIGEST, "drop": "label_error, ticket 1f0c"}`; see `correct_rows`. No text is read: a
    decision costs a new verdict, no new measuring.

    Example:
        `{drop_rows: {file: repairs/reviews.jsonl}}`
    """
    dropped: dict[str, list[str]] = {}
    for each in decisions.read(Path(file)):
        if each.drop is not None:
            dropped.setdefault(each.drop, []).append(each.content)
    return Keep({}, {reason: decisions.KEY.is_in(pl.Series(contents).implode()) for reason, contents in sorted(dropped.items())})
