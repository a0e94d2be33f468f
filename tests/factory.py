"""A small factory in a folder: sources from rows, datasets from recipes, and what a user sees of the results."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from lakehouse.core.project import Project
from lakehouse.production.gold import Gold, make_gold
from lakehouse.production.silver import Silver, make_silver
from lakehouse.reserve.bronze.collect import Collection, collect

Row = Mapping[str, Any]

CONTRACT = '''"""What a row promises."""

import pandera.polars as pa


class Rows(pa.DataFrameModel):
    """Labelled texts."""

    text: str = pa.Field(str_length={{"min_value": {shortest}}}, description="The text.")
    label: str = pa.Field(nullable=True, description="Its label.")
{more}'''


@dataclass(frozen=True)
class Factory:
    """A project folder; `notes` is the name of its source and of its dataset unless another is given."""

    root: Path

    @property
    def project(self) -> Project:
        """The project as a fresh command would open it."""
        return Project.open(self.root)

    def write(self, name: str, text: str) -> Path:
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    def material(self, rows: Iterable[Row], source: str = "notes") -> None:
        """The rows (`id`, `text`, `label`) that the source holds from now on."""
        lines = (json.dumps({"id": None, "text": None, "label": None, **row}, ensure_ascii=False) + "\n" for row in rows)
        self.write(f"raw/{source}.jsonl", "".join(lines))

    def declare_source(self, source: str = "notes", **changes: Any) -> None:
        declared = {
            "source": source,
            "description": "Notes.",
            "owner": "team:nlp",
            "license": "CC0-1.0",
            "connector": {"files": {"path": f"raw/{source}.jsonl"}},
            "key": ["id"],
            "columns": {"id": "string", "text": "string", "label": "string"},
            "max_vanished": 1.0,
            **changes,
        }
        self.write(f"assets/sources/{source}.yaml", yaml.safe_dump(declared, sort_keys=False, allow_unicode=True))

    def declare(self, recipe: list[Any], dataset: str = "notes", **changes: Any) -> None:
        declared = {
            "dataset": dataset,
            "description": "Notes.",
            "owner": "team:nlp",
            "sources": ["notes"],
            "contract": "contracts/rows.py:Rows",
            "on_violation": {"action": "quarantine", "max_rate": 1.0},
            "recipe": recipe,
            **changes,
        }
        self.write(f"assets/datasets/{dataset}.yaml", yaml.safe_dump(declared, sort_keys=False, allow_unicode=True))

    def contract(self, shortest: int = 1, more: str = "") -> None:
        """The contract of all datasets; `more` is further lines of the class."""
        self.write("contracts/rows.py", CONTRACT.format(shortest=shortest, more=more))

    def collect(self, source: str = "notes") -> Collection:
        return collect(self.project, source)

    def silver(self, dataset: str = "notes") -> Silver:
        return make_silver(self.project, dataset)

    def gold(self, dataset: str = "notes") -> Gold:
        return make_gold(self.project, dataset)

    def made(self, dataset: str = "notes", source: str = "notes") -> tuple[Silver, Gold]:
        """Collect, then silver, then gold."""
        self.collect(source)
        return self.silver(dataset), self.gold(dataset)

    def rows(self, layer: str, name: str = "notes") -> pl.DataFrame:
        """The rows of `silver/notes`, `gold/notes` and so on, by `_row_id`."""
        return self.project.table(layer, name).read().sort("_row_id")  # type: ignore[arg-type]

    def texts(self, layer: str = "silver", name: str = "notes") -> list[str]:
        return self.rows(layer, name)["text"].to_list()

    def fates(self, dataset: str = "notes") -> dict[str, tuple[str, str, str]]:
        """`_row_id` without its source, to fate, step and rule."""
        rows = self.rows("silver", f"{dataset}_fates")
        return {row["_row_id"].partition("/")[2]: (row["fate"], row["step"], row["rule"]) for row in rows.iter_rows(named=True)}


def new_factory(root: Path, recipe: list[Any] | None = None, **changes: Any) -> Factory:
    """A factory with a source, a contract and a dataset; no rows yet."""
    factory = Factory(root)
    factory.declare_source()
    factory.contract()
    factory.declare(recipe or [], **changes)
    return factory


def notes(*texts: str | None, label: str | None = "a") -> list[dict[str, Any]]:
    """Rows with the ids 00, 01 ... in order."""
    return [{"id": f"{i:02}", "text": text, "label": label} for i, text in enumerate(texts)]
