"""A tiny factory with one source and one dataset, and versions of it as production leaves them: gold rows and a `made` event."""

from __future__ import annotations

import subprocess
import sys
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from lakehouse.core import versions
from lakehouse.core.hashing import content_id, digest, row_digest
from lakehouse.core.project import Project
from lakehouse.core.row_model import BRONZE
from lakehouse.core.versions import Version
from lakehouse.reserve.bronze import table as bronze

SOURCE = """source: reviews_raw
description: Reviews as collected.
owner: team:nlp
license: MIT
connector: {files: {path: raw}}
"""
DATASET = """dataset: reviews
description: 中文商品评论 (Chinese product reviews).
owner: team:nlp
sources: [reviews_raw]
contract: contracts/reviews.py:Reviews
pilot:
  evaluations:
    - train: {task: text_classification, input: text, label: label}
  gates:
    - {metric: macro_f1, at_least: 0.8}
release: {license: mit, forbid: [pii], hub: acme/reviews, language: [zh], tasks: [text-classification]}
"""
CONTRACT = '''"""What a review row promises."""

import pandera.polars as pa


class Reviews(pa.DataFrameModel):
    """Reviews with a label."""

    text: str = pa.Field(str_length={"min_value": 2}, description="The review as written.")
    label: str = pa.Field(isin=["negative", "positive"])
'''
_MEANING = "The review as written."
COLUMNS = {
    "text": {"type": "String", "nullable": False, "unique": False, "description": _MEANING, "checks": ["str_length(2, None)"]},
    "label": {"type": "String", "nullable": False, "unique": False, "description": None, "checks": ["isin(['negative', 'positive'])"]},
}


def new_project(root: Path) -> Project:
    for name, text in (("assets/sources/reviews_raw", SOURCE), ("assets/datasets/reviews", DATASET)):
        (root / name).parent.mkdir(parents=True)
        (root / f"{name}.yaml").write_text(text, encoding="utf-8")
    (root / "contracts").mkdir()
    (root / "contracts" / "reviews.py").write_text(CONTRACT, encoding="utf-8")
    (root / ".gitignore").write_text("/lake/\n/.lakehouse/\n__pycache__/\n", encoding="utf-8")
    return Project.open(root)


def reviews(*numbers: int, text: str = "评论", split: str | None = None) -> pl.DataFrame:
    """Gold rows for item numbers; every fifth is a test row, every fifth after it a validation row."""
    splits = [split or {0: "test", 1: "validation"}.get(n % 5, "train") for n in numbers]
    rows = pl.DataFrame(
        {
            "text": [f"{text} {n}，很好" for n in numbers],
            "label": ["positive" if n % 2 else "negative" for n in numbers],
            "_row_id": [f"reviews_raw/{n:03}" for n in numbers],
            "_split": splits,
        }
    )
    rows = rows.with_columns(_root=pl.col("_row_id"), _cluster=pl.col("_row_id"), _content=pl.col("text"))
    return rows.with_columns(row_digest(dict(rows.schema), ["text", "label", "_row_id", "_split"]).alias("_hash"))


def make(project: Project, rows: pl.DataFrame, label: str = "1.0.0", *, gates: bool | None = True, **changes: Any) -> Version:
    """Write gold and record the version that production would have made."""
    delta = project.table("gold", "reviews").write(rows, "overwrite")
    content = content_id(rows, "_row_id", "_hash")
    plan = digest({"plan": changes.get("recipe"), "inputs": changes.get("inputs")})
    manifest: dict[str, Any] = {
        "dataset": "reviews",
        "label": label,
        "plan_id": plan,
        "content_id": content,
        "version": versions.version_id(plan, content),
        "parents": [],
        "rows": dict(rows.group_by("_split").len().sort("_split").iter_rows()),
        "columns": COLUMNS,
        "inputs": [{"source": "reviews_raw", "content_id": "c" * 64, "delta_version": 0, "rows": 12, "license": "MIT", "uri": "raw"}],
        "contract": {"reference": "contracts/reviews.py:Reviews", "hash": "h" * 64},
        "recipe": [{"step": "1", "operator": "text_length", "code": "ab12", "params": {"column": "text", "at_least": 2}}],
        "splits": {"by": "cluster", "train": 0.6, "validation": 0.2, "test": 0.2, "seed": 7},
        "balance": [
            {
                "step": "1",
                "operator": "text_length",
                "in": 12,
                "created": 0,
                "out": rows.height,
                "merged": 0,
                "dropped": 12 - rows.height,
                "quarantined": 0,
                "reasons": {"text_length": 12 - rows.height},
            }
        ],
        "quarantined": 0,
        "violations": {},
        "privacy": {"text": []},
        "leaks": {"groups": 0, "rows": 0},
        "gold": {"delta_version": delta},
        "change": {"part": "minor", "reasons": []},
        "environment": {"packages": {"polars": "2"}, "git": None},
        "metadata": {
            "description": "中文商品评论 (Chinese product reviews).",
            "owner": "team:nlp",
            "license": "mit",
            "language": ["zh"],
            "tasks": ["text-classification"],
        },
        **changes,
    }
    versions.record(project, "reviews", manifest["version"], "made", manifest)
    score = 0.9 if gates else 0.7
    result = {"name": "train", "metrics": {"test": {"macro_f1": score}}, "run_id": "run1"}
    versions.record(project, "reviews", manifest["version"], "evaluated", result)
    if gates is not None:
        verdict = {"gate": "macro_f1 on test >= 0.8", "metric": "macro_f1", "on": "test", "value": score, "threshold": 0.8}
        verdict |= {"verdict": "above" if gates else "below", "passed": gates, "reason": ""}
        versions.record(project, "reviews", manifest["version"], "gated", {"passed": gates, "verdicts": [verdict]})
    return versions.find(project, "reviews", manifest["version"])


def collect(project: Project, numbers: list[int], collection: int = 0, *, deleted: bool = False, text: str = "评论") -> None:
    """Append bronze rows of the source, as one collection."""
    rows = pl.DataFrame(
        {
            "text": [None if deleted else f"{text} {n}，很好" for n in numbers],
            "_row_id": [f"reviews_raw/{n:03}" for n in numbers],
            "_content": [digest([text, n]) for n in numbers],
            "_collection": [collection] * len(numbers),
            "_deleted": [deleted] * len(numbers),
            "_uri": [f"raw/part{n % 2}.jsonl" for n in numbers],
            "_media_type": ["application/json"] * len(numbers),
            "_bytes": [20] * len(numbers),
            "_collected_at": [datetime(2026, 11, 1 + collection, tzinfo=UTC)] * len(numbers),
            "_license": ["MIT"] * len(numbers),
            "_findings": [[]] * len(numbers),
            "_raw": [None] * len(numbers),
            "_blob": [None] * len(numbers),
        },
        schema={"text": pl.String, **BRONZE},
    )
    bronze.table(project, "reviews_raw").write(rows, "append")


def fates(project: Project, *rows: tuple[str, str, str, str, str | None, str | None]) -> None:
    """Replace the fates: `_row_id`, fate, step, rule, evidence, other."""
    names = ["_row_id", "fate", "step", "rule", "evidence", "other"]
    project.table("silver", "reviews_fates").write(
        pl.DataFrame(list(rows), schema=dict.fromkeys(names, pl.String), orient="row"), "overwrite"
    )


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


def dvc(folder: Path, *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-m", "dvc", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


def under_version_control(project: Project, *, remote: Path | None = None, top: Path | None = None) -> None:
    """`git init`, `dvc init` and a first commit; `top` is the repository when the project is a subfolder of it."""
    git(top or project.root, "init", "--quiet", "--initial-branch", "main")
    # What `dvc init` and `dvc remote add` do, without the start of three processes.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from dvc.repo import Repo

        with Repo.init(str(project.root), subdir=top is not None) as repo, repo.config.edit() as config:
            config["core"]["analytics"] = False
            if remote:
                config["core"]["remote"] = "store"
                config["remote"]["store"] = {"url": str(remote)}
    git(project.root, "add", ".")
    git(project.root, "-c", "user.name=Li", "-c", "user.email=li@example.org", "commit", "--quiet", "-m", "start")


def content(folder: Path) -> dict[str, bytes]:
    """Every file below `folder`, by relative path."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
