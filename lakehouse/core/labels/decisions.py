"""Decisions about single rows, a file of JSON lines: a person's or a repair's decision holds while the row's content is unchanged.

A line is `{"row": ID, "content": DIGEST, "set": {COLUMN: VALUE}}` or `{"row": ID, "content": DIGEST, "drop": REASON}`, and may give
`ticket`, `by` and `why`. `content` is the row's digest in bronze, with `#<number>` of a row that was divided: the decision finds the row
wherever it is in its source, and no longer once its content has changed. Of two lines on one row the later holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from lakehouse.core.errors import SpecError
from lakehouse.core.hashing import canonical
from lakehouse.core.lake.parquet.files import whole

KEY = pl.concat_str(pl.col("_content"), pl.col("_row_id").str.strip_prefix(pl.col("_root")))
"""The digest by which a decision finds a row, over the columns that every step sees."""


@dataclass(frozen=True)
class Decision:
    """One decision: new values of columns, or the reason for which the row leaves."""

    row: str
    content: str
    set: dict[str, Any] | None = None
    drop: str | None = None
    ticket: str | None = None
    by: str | None = None
    why: str | None = None


def read(path: Path) -> list[Decision]:
    """The decisions of a file, one a row, in the order of the rows' last lines; none where there is no file.

    Raises:
        SpecError: a line that is no decision, with its number.
    """
    if not path.exists():
        return []
    found: dict[str, Decision] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if line.strip():
            decision = _parsed(line, f"{path}:{number}")
            found.pop(decision.content, None)
            found[decision.content] = decision
    return list(found.values())


def write(path: Path, decisions: Iterable[Decision]) -> None:
    """Write the decisions, the last of each row, in place of the file; it appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as part:
        latest: dict[str, Decision] = {}
        for each in decisions:
            latest.pop(each.content, None)
            latest[each.content] = each
        lines = (canonical({name: value for name, value in asdict(each).items() if value is not None}) + "\n" for each in latest.values())
        part.write_text("".join(lines), encoding="utf-8")


def columns(decisions: Sequence[Decision]) -> list[str]:
    """The columns that get new values, in order of their names."""
    return sorted({column for each in decisions for column in each.set or {}})


def _parsed(line: str, where: str) -> Decision:
    fix = 'write {"row": ID, "content": DIGEST, "set": {COLUMN: VALUE}} or {"row": ID, "content": DIGEST, "drop": REASON}'
    try:
        given = json.loads(line)
        decision = Decision(**given)
    except (ValueError, TypeError) as error:
        raise SpecError(f"no decision: {error}", where=where, fix=fix) from error
    if not (isinstance(decision.row, str) and isinstance(decision.content, str)):
        raise SpecError("`row` and `content` are texts", where=where, fix=fix)
    if (decision.set is None) == (decision.drop is None):
        raise SpecError("a decision either sets columns or drops the row", where=where, fix=fix)
    if decision.set is not None and not (isinstance(decision.set, dict) and decision.set):
        raise SpecError("`set` names the columns with their new values", where=where, fix=fix)
    if any(not isinstance(value, str | int | float | bool | None) for value in (decision.set or {}).values()):
        raise SpecError("a new value is a text, a number, true, false or null", where=where, fix=fix)
    if decision.drop is not None and not isinstance(decision.drop, str):
        raise SpecError("`drop` is the reason, a text", where=where, fix=fix)
    return decision
