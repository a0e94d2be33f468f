"""Factories for the benchmarks: one source over a folder of JSON lines, and datasets by their recipes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml

Recipe = list[dict[str, Any]]
ELEVEN: Recipe = [
    {"fix_unicode": {"column": "text"}},
    {"normalise_whitespace": {"column": "text"}},
    {"clean_links": {"column": "text"}},
    {"clean_email": {"column": "text"}},
    {"text_length": {"column": "text", "at_least": 10}},
    {"alphanumeric": {"column": "text", "min_ratio": 0.25}},
    {"character_repetition": {"column": "text", "rep_len": 10, "max_ratio": 0.5}},
    {"word_repetition": {"column": "text", "rep_len": 10, "max_ratio": 0.5}},
    {"special_characters": {"column": "text", "max_ratio": 0.5}},
    {"dedup_exact": {"columns": ["text"]}},
    {"dedup_minhash": {"column": "text", "threshold": 0.8, "ignore": ["case", "marks", "digits", "punctuation", "symbols"]}},
]
RULES: Recipe = [
    {"language": {"column": "text", "keep": ["en"], "at_least": 0.65}},
    {"gopher_repetition": {"column": "text"}},
    {"gopher_quality": {"column": "text"}},
    {"c4_lines": {"column": "text", "filter_no_terminal_punct": False}},
    {"c4_quality": {"column": "text"}},
    {"fineweb_quality": {"column": "text"}},
]
_CONTRACT = '''"""Texts."""

import pandera.polars as pa


class Corpus(pa.DataFrameModel):
    """Documents."""

    id: str = pa.Field(description="Number.")
    text: str = pa.Field(description="Text.")
'''


def factory(folder: Path, documents: Path, recipes: dict[str, Recipe]) -> Path:
    """A project folder whose source `corpus` is the folder `documents`, with a dataset for each recipe; an old lake is taken away."""
    for made in ("lake", ".lakehouse"):
        shutil.rmtree(folder / made, ignore_errors=True)
    for name in ("assets/sources", "assets/datasets", "contracts"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    source = {
        "source": "corpus",
        "description": "Documents with planted defects.",
        "owner": "team:benchmark",
        "license": "various",
        "connector": {"files": {"path": str(documents / "*.jsonl"), "format": "jsonl"}},
        "key": ["id"],
        "columns": {"id": "string", "text": "string"},
    }
    (folder / "assets/sources/corpus.yaml").write_text(yaml.safe_dump(source, sort_keys=False))
    (folder / "contracts/corpus.py").write_text(_CONTRACT)
    for name, recipe in recipes.items():
        dataset(folder, name, recipe)
    return folder


def dataset(folder: Path, name: str, recipe: Recipe) -> None:
    """Declare a dataset of the factory."""
    declared = {
        "dataset": name,
        "description": "A recipe under measurement.",
        "owner": "team:benchmark",
        "sources": ["corpus"],
        "contract": "contracts/corpus.py:Corpus",
        "recipe": recipe,
    }
    (folder / f"assets/datasets/{name}.yaml").write_text(yaml.safe_dump(declared, sort_keys=False))
