"""A small line of labelled notes with a held-out set of its own, as maintenance meets it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lakehouse.operations.line import run
from tests.factory import Factory, new_factory

TRAIN = {"train": {"task": "text_classification", "input": "text", "label": "label", "analyzer": "char", "ngrams": [1, 2], "seeds": [1, 2]}}
PILOT = {"held_out": {"dataset": "heldout"}, "evaluations": [TRAIN]}
SPLITS = {"by": "row", "train": 0.7, "validation": 0.0, "test": 0.3, "seed": 1}
_THINGS = ("书", "手机", "酒店", "电影", "衣服", "耳机", "餐厅", "旅行", "课程", "游戏")
_GOOD = ("很好，值得买", "非常满意", "喜欢极了，推荐", "质量不错")
_BAD = ("太差了，不要买", "非常失望", "讨厌极了，退货", "质量糟糕")


def clean_notes(number: int, begin: int = 0) -> list[dict[str, Any]]:
    """Praise and blame in turn, no two alike."""
    return [
        {
            "id": f"{n:04}",
            "text": f"第{n}号{_THINGS[n % 10]}{(_BAD if n % 2 else _GOOD)[n // 2 % 4]}",
            "label": "negative" if n % 2 else "positive",
        }
        for n in range(begin, begin + number)
    ]


def new_line(root: Path, recipe: list[Any] | None = None, **changes: Any) -> Factory:
    """A factory with `notes` (120 rows) and its held-out set `heldout` (40 other rows), nothing made yet."""
    factory = new_factory(root)
    declare(factory, recipe, **changes)
    factory.declare_source("others")
    factory.declare([], "heldout", sources=["others"], splits={"by": "row", "test": 1.0})
    factory.material(clean_notes(120))
    factory.material(clean_notes(40, 5000), "others")
    return factory


def declare(factory: Factory, recipe: list[Any] | None = None, **changes: Any) -> None:
    """Declare `notes` anew."""
    factory.declare(recipe or [], **{"splits": SPLITS, "pilot": PILOT, **changes})


def made(factory: Factory) -> str:
    """Run `notes` to the pilot; the label of the version."""
    done = [*run(factory.project, ["notes"])][-1]
    assert done.pilot is not None
    return done.pilot.label
