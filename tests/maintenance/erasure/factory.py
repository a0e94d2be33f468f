"""Notes with a unique token in one row of each kind, run through versions, an archive and cold packs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from tests.factory import Factory, Row, new_factory
from tests.maintenance.factory import clean_notes

TOKEN = "Zx9qTokenVonHierUndHeute"
HEX = TOKEN.encode().hex()
AUGMENT = [{"steps": [{"look_alikes": {"column": "text", "rate": 0.3}}], "share": 1.0, "copies": 1, "seed": 3}]
SPLITS = {"by": "row", "train": 0.9, "test": 0.1, "seed": 1}


def long_text(number: int) -> str:
    """A text that its token alone makes unique, of some hundred characters."""
    return f"第{number}条记录写着{TOKEN}{number:02}，其余的话都很平常。"


def planted_notes() -> list[Row]:
    """Notes, four of which hold a token: plain (0900), oversized (0901), breaking the contract (0902), unreadable to the recipe (0903)."""
    return [
        *clean_notes(40),
        {"id": "0900", "text": long_text(0), "label": "positive"},
        {"id": "0901", "text": long_text(1) * 200, "label": "positive"},
        {"id": "0902", "text": long_text(2), "label": "forbidden"},
        {"id": "0903", "text": long_text(3), "label": None},
    ]


MORE = '''    @pa.check("label")
    @classmethod
    def known(cls, data):
        """Only known labels."""
        import polars as pl

        return data.lazyframe.select(pl.col("label").is_null() | pl.col("label").is_in(["positive", "negative"]))
'''


def new_notes(root: Path, recipe: list[Any] | None = None, **changes: Any) -> Factory:
    """A factory of planted notes: nothing is collected yet."""
    factory = new_factory(root)
    factory.contract(more=MORE)
    factory.declare_source(max_item_bytes=4096)
    factory.declare(recipe or [{"text_length": {"column": "text", "at_least": 2}}], splits=SPLITS, **changes)
    factory.material(planted_notes())
    return factory


def settings(factory: Factory, **values: Any) -> None:
    """Write `lakehouse.yaml`."""
    factory.write("lakehouse.yaml", yaml.safe_dump(values))


def lines(factory: Factory, source: str = "notes") -> list[dict[str, Any]]:
    """The items of the origin."""
    return [json.loads(line) for line in (factory.root / f"raw/{source}.jsonl").read_text(encoding="utf-8").splitlines()]
