"""Private data in what leaves: every column of a bundle is looked through, whatever was declared of it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from lakehouse.core.errors import HardGateError
from lakehouse.core.spec import Dataset, expand_privacy
from lakehouse.core.text.private_data import ORDER
from lakehouse.core.versions import Version
from lakehouse.reserve.discovery.private_data import WHOLE, hits, is_number

_ROWS = 20_000
"""Rows of a column that are held at a time."""
_GENERAL_HOLDS = ("ip", "url")
"""Kinds that a column of the class `general` may hold: of themselves they name no person."""


def forbidden(spec: Dataset) -> frozenset[str]:
    """The kinds of private data that a release rules out: by `forbid`, and where no column may be more than `general`."""
    assert spec.release is not None
    general = frozenset(ORDER) - frozenset(_GENERAL_HOLDS) if spec.release.max_sensitivity == "general" else frozenset()
    return (expand_privacy(spec.release.forbid) | general) & frozenset(ORDER)


def found(folder: Path, kinds: frozenset[str]) -> dict[str, dict[str, int]]:
    """Rows of a bundle that hold private data, by column and kind; a column of numbers counts where at least half of it is of a kind."""
    counts: dict[str, Counter[str]] = {}
    known, numbers = Counter[str](), dict[str, bool]()
    for file in sorted((folder / "data").glob("*.parquet")):
        with pq.ParquetFile(file) as parquet:
            for column in parquet.schema_arrow.names if kinds else ():
                for batch in parquet.iter_batches(_ROWS, columns=[column]):
                    values = pl.DataFrame(pl.from_arrow(batch)).to_series()
                    counts.setdefault(column, Counter()).update(hits(values, kinds))
                    known[column] += len(values) - values.null_count()
                    numbers[column] = numbers.get(column, True) and is_number(values)
    held = {
        column: {kind: n for kind, n in sorted(each.items()) if not numbers[column] or n >= WHOLE * max(1, known[column])}
        for column, each in counts.items()
    }
    return {column: each for column, each in held.items() if each}


def refuse(spec: Dataset, version: Version, folder: Path) -> None:
    """Refuse a bundle that holds private data which the release rules out.

    Raises:
        HardGateError: with each column, kind and count, and the step that takes it out.
    """
    held = found(folder, forbidden(spec))
    if not held:
        return
    if "row_id" in held:
        raise HardGateError(
            f"{spec.dataset} {version.label} cannot be released: ids of its rows, made from `key:`, hold {', '.join(held['row_id'])}",
            where=f"assets/datasets/{spec.dataset}.yaml",
            fix="take another `key:` in its source, such as `position`",
        )
    said = [f"column `{column}` holds {kind} in {n:,} rows" for column, kinds in held.items() for kind, n in kinds.items()]
    steps = "; ".join(f"- redact: {{column: {column}, kinds: [{', '.join(kinds)}]}}" for column, kinds in held.items())
    raise HardGateError(
        f"{spec.dataset} {version.label} ({version.version}) cannot be released, for its rows hold private data: {'; '.join(said)}",
        where=f"assets/datasets/{spec.dataset}.yaml",
        fix=f"add to the recipe {steps}; or take the column out of {spec.contract}, or the kind out of `release.forbid`",
    )
