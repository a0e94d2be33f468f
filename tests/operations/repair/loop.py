"""A project whose labels can be spoilt: two classes of notes that a small model tells apart, and a frozen set with true labels."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Any

from tests.factory import Factory, Row, new_factory

WORDS = {
    "good": ["great", "fine", "lovely", "superb", "pleasant", "bright", "喜欢", "满意", "推荐", "好看"],
    "bad": ["awful", "broken", "dull", "nasty", "poor", "rude", "退款", "失望", "差劲", "难看"],
}
NEUTRAL = ["the", "a", "box", "phone", "book", "screen", "paper", "order", "today", "again", "very", "这个", "那个", "东西", "手机"]
OTHER = {"good": "bad", "bad": "good"}


def notes(n: int, seed: int = 1, start: int = 0, **more: Any) -> list[Row]:
    """`n` different notes with their true labels: three words of their class among ten of none, one in three with a word of the other."""
    chance = random.Random(seed)
    rows = []
    for at in range(n):
        label = ("good", "bad")[at % 2]
        words = [chance.choice(WORDS[label]) for _ in range(3)] + [chance.choice(NEUTRAL) for _ in range(10)]
        if at % 3 == 0:
            words.append(chance.choice(WORDS[OTHER[label]]))
        chance.shuffle(words)
        rows.append({"id": f"{start + at:05}", "text": " ".join([*words, f"n{start + at}"]), "label": label, **more})
    return rows


def spoilt(rows: list[Row], ids: set[str]) -> list[Row]:
    """The rows with the labels of `ids` swapped."""
    return [{**row, "label": OTHER[row["label"]] if row["id"] in ids else row["label"]} for row in rows]


def loop_factory(
    root: Path, empty_store: Path, repair: dict[str, Any] | None = None, recipe: list[Any] | None = None, **changes: Any
) -> Factory:
    """A factory of `notes`, scored on `notes_frozen`, 400 notes with true labels; `repair` as declared."""
    factory = new_factory(root)
    shutil.copyfile(empty_store, root / "mlflow.db")
    factory.declare_source("notes_frozen")
    factory.material(notes(400, seed=99, start=90_000), "notes_frozen")
    factory.declare([], "notes_frozen", sources=["notes_frozen"], splits={"test": 1.0})
    declare_loop(factory, repair, recipe, **changes)
    return factory


def declare_loop(factory: Factory, repair: dict[str, Any] | None = None, recipe: list[Any] | None = None, **changes: Any) -> None:
    """Declare `notes` anew."""
    declared = {
        "splits": {"by": "row", "train": 0.9, "test": 0.1, "seed": 1},
        "pilot": {
            "held_out": {"dataset": "notes_frozen"},
            "evaluations": [{"train": {"task": "text_classification", "input": "text", "label": "label", "seeds": [1]}}],
            "gates": [{"metric": "macro_f1", "at_least": 0.5}],
        },
        **changes,
    }
    factory.declare(recipe or [], **({**declared, "repair": repair} if repair else declared))
