"""Private data in what leaves: every column of a bundle is looked through, whatever was declared of it."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from lakehouse.core.errors import HardGateError
from lakehouse.core.spec import Dataset, expand_privacy
from lakehouse.core.text.paths import leaves
from lakehouse.core.text.private_data import ORDER
from lakehouse.core.versions import Version
from lakehouse.reserve.discovery.leaves import KEYS
from lakehouse.reserve.discovery.private_data import private_data

_ROWS = 20_000
"""Rows of a column that are held at a time."""
NAMES = "names of columns"
"""In the place of a path, what the names themselves hold."""
_GENERAL_HOLDS = ("ip", "url")
"""Kinds that a column of the class `general` may hold: of themselves they name no person."""


def forbidden(spec: Dataset) -> frozenset[str]:
    """The kinds of private data that a release rules out: by `forbid`, and where no column may be more than `general`."""
    assert spec.release is not None
    general = frozenset(ORDER) - frozenset(_GENERAL_HOLDS) if spec.release.max_sensitivity == "general" else frozenset()
    return (expand_privacy(spec.release.forbid) | general) & frozenset(ORDER)


def found(folder: Path, kinds: frozenset[str]) -> dict[str, dict[str, int]]:
    """Rows of a bundle that hold private data, by column, or path inside of it, and kind; names of columns by NAMES."""
    counts: dict[str, Counter[str]] = {}
    for file in sorted((folder / "data").glob("*.parquet")):
        with pq.ParquetFile(file) as parquet:
            for column in parquet.schema_arrow.names if kinds else ():
                for batch in parquet.iter_batches(_ROWS, columns=[column]):
                    values = pl.DataFrame(pl.from_arrow(batch)).to_series()
                    values = values.str.replace_all("_", " ") if column == "row_id" else values  # words of file names
                    for path, each in private_data(values, kinds).places.items():
                        counts.setdefault(path, Counter()).update(each)
            names = pl.Series(NAMES, _names(pl.Schema(parquet.schema_arrow)), dtype=pl.String)
            if kinds and (named := private_data(names, kinds).places):
                counts[NAMES] = Counter(named[NAMES])
    return {path: dict(sorted(each.items())) for path, each in counts.items()}


def _names(schema: pl.Schema) -> list[str]:
    """The names of columns and of the fields in them, their words apart."""
    inner = [step for dtype in schema.values() for parts, _ in leaves(dtype) for step in parts if step is not None]
    return [name.replace("_", " ") for name in (*schema.names(), *inner)]


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
            f"{spec.dataset} {version.label} cannot be released: ids of its rows hold {', '.join(held['row_id'])}",
            where=f"assets/datasets/{spec.dataset}.yaml",
            fix="ids are made from `key:`, or from the names of the files: take another `key:` in its source, or rename the files",
        )
    if NAMES in held:
        raise HardGateError(
            f"{spec.dataset} {version.label} cannot be released: names of its columns or fields hold {', '.join(held[NAMES])}",
            where=f"assets/datasets/{spec.dataset}.yaml",
            fix="give them other names: `rename:` of the connector",
        )
    said = [f"column `{path}` holds {kind} in {n:,} rows" for path, kinds in held.items() for kind, n in kinds.items()]
    raise HardGateError(
        f"{spec.dataset} {version.label} ({version.version}) cannot be released, for its rows hold private data: {'; '.join(said)}",
        where=f"assets/datasets/{spec.dataset}.yaml",
        fix=f"{_way_out(folder, held)}take the column out of {spec.contract}, or the kind out of `release.forbid`",
    )


def _way_out(folder: Path, held: dict[str, dict[str, int]]) -> str:
    """The steps that take out what was found in texts, and what to do with numbers and keys of objects, on which no step works."""
    file = next(iter(sorted((folder / "data").glob("*.parquet"))))
    schema = pl.Schema(pq.read_schema(file))
    others = [path for path in held if path.endswith(KEYS) or (path in schema and schema[path].is_integer())]
    steps = "; ".join(f"- redact: {{column: {_quoted(path)}, kinds: [{', '.join(held[path])}]}}" for path in held if path not in others)
    numbers = [path for path in others if not path.endswith(KEYS)]
    ways = [f"add to the recipe {steps}"] if steps else []
    ways += (
        [f"declare {', '.join(f'`{path}`' for path in numbers)} as `string` in the source, for `redact` works on texts"] if numbers else []
    )
    return "; ".join(ways) + "; or " if ways else ""


def _quoted(path: str) -> str:
    return path if re.fullmatch(r"[\w.]+", path) else json.dumps(path, ensure_ascii=False)
