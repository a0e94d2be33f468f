"""Notes with a unique token in one row of each kind, run through versions, an archive and cold packs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from tests.factory import Factory, Row, new_factory
from tests.operations.maintenance.factory import clean_notes

TOKEN = "Zx9qTokenVonHierUndHeute"
AUGMENT = [{"steps": [{"punctuation_noise": {"column": "text"}}], "copies": 2, "seed": 3}]
SPLITS = {"by": "row", "train": 0.9, "test": 0.1, "seed": 1}


def long_text(number: int) -> str:
    """A text that its token alone makes unique, of some hundred characters."""
    return f"第{number}条记录写着{TOKEN}{number:02}，其余的话都很平常。"


def planted_notes() -> list[Row]:
    """Notes, some of which hold a token: plain (0900), oversized, breaking the contract (0902); `new_notes` adds an unreadable line."""
    return [
        *clean_notes(40),
        {"id": "0900", "text": long_text(0), "label": "positive"},
        {"id": "0901", "text": long_text(1) * 200, "label": "positive"},
        {"id": "0902", "text": long_text(2), "label": "forbidden"},
    ]


BROKEN = f'{{"id": "0904", "text": "{long_text(4)}\n'
"""A line that cannot be read into columns: bronze keeps its bytes."""


MORE = '''    @pa.check("label")
    @classmethod
    def known(cls, data):
        """Only known labels."""
        import polars as pl

        return data.lazyframe.select(pl.col("label").is_null() | pl.col("label").is_in(["positive", "negative"]))
'''


def new_notes(root: Path, recipe: list[Any] | None = None, rows: list[Row] | None = None, **changes: Any) -> Factory:
    """A factory of planted notes: nothing is collected yet."""
    factory = new_factory(root)
    factory.contract(more=MORE)
    factory.declare_source(max_item_bytes=4096)
    factory.declare(recipe or [{"text_length": {"column": "text", "at_least": 2}}], splits=SPLITS, **changes)
    plant(factory, planted_notes() if rows is None else rows)
    return factory


def plant(factory: Factory, rows: list[Row]) -> None:
    """The origin from now on, the broken line at its end."""
    factory.material(rows)
    file = factory.root / "raw/notes.jsonl"
    file.write_text(file.read_text(encoding="utf-8") + BROKEN, encoding="utf-8")


def planted(factory: Factory) -> list[str]:
    """Row ids of the items that hold a token, whatever became of them."""
    rows = factory.project.table("bronze", "notes").read(["_row_id", "_raw", "_blob"])
    found = rows.filter(
        pl.col("_row_id").str.contains("notes/09", literal=True) | pl.col("_raw").is_not_null() | pl.col("_blob").is_not_null()
    )
    return sorted(found["_row_id"].unique())
