"""A project with versions of `orders` and of its frozen set `orders_frozen`, as production leaves them: gold and a `made` event."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from lakehouse.core import versions
from lakehouse.core.hashing import content_id, digest, row_digest
from lakehouse.core.project import Project
from lakehouse.core.versions import Version
from lakehouse.pilot.diagnosis.view import View
from lakehouse.pilot.task import task_named

TRAIN = {"train": {"task": "text_classification", "input": "text", "label": "label", "seeds": [1, 2], "log_model": False}}
WORDS = {"好评": ("很好 great wonderful", "early 喜欢 great"), "差评": ("terrible broken 退款", "很差 refund terrible")}


def remarks(n: int = 60, *, wrong: int = 0, start: int = 0, split: str | None = None) -> pl.DataFrame:
    """`n` remarks with Chinese labels, every fifth a test row; the labels of the first `wrong` are swapped."""
    names = list(WORDS)
    kinds = [names[i % 2] for i in range(n)]
    rows = pl.DataFrame(
        {
            "text": [f"{WORDS[kind][i % 3 % 2]} item {i % 7}" for i, kind in enumerate(kinds)],
            "label": [names[1 - names.index(kind)] if i < wrong else kind for i, kind in enumerate(kinds)],
            "_row_id": [f"orders_raw/{start + i:04}" for i in range(n)],
            "_split": [split or ("test" if i % 5 in (0, 1) else "train") for i in range(n)],
        }
    )
    return rows.with_columns(row_digest(dict(rows.schema), ["text", "label", "_row_id", "_split"]).alias("_hash"))


@dataclass(frozen=True)
class Factory:
    """The project folder."""

    root: Path

    @property
    def project(self) -> Project:
        return Project.open(self.root)

    def declare(self, name: str = "orders", **pilot: Any) -> None:
        file = self.root / "assets" / "datasets" / f"{name}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        declared: dict[str, Any] = {"dataset": name, "description": "Remarks.", "owner": "team:shop", "sources": ["orders_raw"]}
        declared |= {"contract": "contracts/orders.py:Orders", "pilot": pilot}
        file.write_text(yaml.safe_dump(declared, sort_keys=False, allow_unicode=True), encoding="utf-8")

    def make(self, rows: pl.DataFrame, label: str = "1.0.0", name: str = "orders") -> Version:
        """A version of a dataset with these gold rows."""
        delta = self.project.table("gold", name).write(rows, "overwrite")
        plan, content = digest([name, label]), content_id(rows, "_row_id", "_hash")
        version = versions.version_id(plan, content)
        manifest = {"dataset": name, "label": label, "plan_id": plan, "content_id": content, "gold": {"delta_version": delta}}
        versions.record(self.project, name, version, "made", manifest)
        return versions.find(self.project, name, version)


def view_of_task(params: dict[str, Any]) -> View:
    """The rows of a task as a diagnosis reads them, by the parameters of its `train`."""
    task = task_named(params["task"])
    assert task.view is not None
    return task.view(task.make_learner({name: params[name] for name in task.parameters if name in params}))


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LAKEHOUSE_LAKE", "LAKEHOUSE_PROJECT", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)


def new_factory(root: Path, empty_store: Path) -> Factory:
    root.mkdir(exist_ok=True)
    shutil.copyfile(empty_store, root / "mlflow.db")
    made = Factory(root)
    made.declare("orders_frozen")
    made.declare(evaluations=[TRAIN], gates=[{"metric": "macro_f1", "at_least": 0.5}])
    return made


@pytest.fixture
def factory(tmp_path: Path, empty_store: Path) -> Factory:
    return new_factory(tmp_path / "factory", empty_store)
