"""What a card shows of the rows themselves: some examples, how labels are distributed, which columns are pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from lakehouse.delivery.release.features import is_picture, listed_codes

EXAMPLES = 3
MOST_LABELS = 50
"""A label with more values gets no table."""


@dataclass(frozen=True)
class Facts:
    """What was read of the rows of a bundle.

    Attributes:
        codes: the values of text columns, as the contract lists them.
        pictures: columns of bytes that are pictures.
        labels: rows by value and split, of each label.
        examples: some rows of train, or of the first split.
    """

    codes: Mapping[str, list[str]] = field(default_factory=dict)
    pictures: frozenset[str] = frozenset()
    labels: Mapping[str, Mapping[str, Mapping[str, int]]] = field(default_factory=dict)
    examples: Sequence[Mapping[str, Any]] = ()


def facts_of(folder: Path, manifest: Mapping[str, Any], schema: pl.Schema, labels: Sequence[str]) -> Facts:
    """Read what a card shows from the data files of a bundle.

    Args:
        labels: columns that evaluations take as label, beside those whose values the contract lists.
    """
    codes = {name: values for name, values in listed_codes(manifest["columns"]).items() if name in schema}
    files = [(file["split"], folder / file["path"]) for file in manifest["files"]]
    rows = pl.concat(pl.scan_parquet(path, glob=False).with_columns(_split=pl.lit(split)) for split, path in files)
    binary = [name for name, kind in schema.items() if kind == pl.Binary]
    pictures = [name for name in binary if rows.select(is_picture(name)).collect(engine="streaming").item()]
    counted = {name: _counted(rows, name) for name in dict.fromkeys([*codes, *(name for name in labels if name in schema)])}
    known = {name: found for name, found in counted.items() if found}
    return Facts(codes, frozenset(pictures), known, _examples(files[0][1]))


def _counted(rows: pl.LazyFrame, column: str) -> dict[str, dict[str, int]]:
    """Rows by value and split, the most frequent value first; nothing where there are too many, or they are no words."""
    dtype = rows.collect_schema()[column]
    if not (dtype == pl.String or dtype == pl.Boolean or dtype.is_integer()):
        return {}
    found = rows.group_by(pl.col(column).alias("value"), "_split").len().collect(engine="streaming")
    if found["value"].n_unique() > MOST_LABELS:
        return {}
    counts: dict[str, dict[str, int]] = {}
    for value, split, number in found.iter_rows():
        counts.setdefault("(null)" if value is None else str(value), {})[split] = number
    return dict(sorted(counts.items(), key=lambda each: (-sum(each[1].values()), each[0])))


def _examples(file: Path) -> list[dict[str, Any]]:
    """The first rows of the first shard."""
    with pq.ParquetFile(file) as parquet:
        batch = next(parquet.iter_batches(EXAMPLES))
    return pl.DataFrame(pl.from_arrow(batch)).to_dicts()
