"""An outsider's dataset, following only the README: her own file becomes a released version, and is pulled elsewhere."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import datasets
import polars as pl
import pytest

from .commands import environment, lakehouse, lakehouse_json, run

WORDS = {"sport": "goal match team coach league", "money": "bank loan market shares profit", "food": "soup bread oven salt dinner"}


def articles(count: int) -> list[dict[str, object]]:
    """Distinct short texts of three topics, and a few that no dataset should keep as they are."""
    topics = list(WORDS)
    rows: list[dict[str, object]] = []
    for i in range(count):
        topic = topics[i % 3]
        words = WORDS[topic].split()
        some = [words[i % 5], words[(i // 5) % 5], words[(i // 25) % 5]]
        text = f"{some[0]} {some[1]} number {i} about {some[2]} with detail {i * 7919 % 1000} and {i * 104729 % 997}"
        rows.append({"headline": f"n{i}", "body": text, "topic": topic, "stars": i % 5})
    rows[0]["body"] = "write to ann@example.com about the goal of the match tonight"
    rows.append({"headline": "copy", "body": rows[1]["body"], "topic": rows[1]["topic"], "stars": 1})
    rows.append({"headline": "null", "body": None, "topic": "food", "stars": 1})
    return rows


def test_json_lines_become_a_released_version_that_a_clean_clone_pulls(tmp_path: Path) -> None:
    file = tmp_path / "articles.jsonl.gz"
    lines = [json.dumps(row) for row in articles(300)]
    lines.insert(7, '{"headline": "broken", "body": "no end')
    file.write_bytes(gzip.compress("\n".join(lines).encode()))
    folder = tmp_path / "factory"
    said = lakehouse(tmp_path, "init", "factory", "--data", "articles.jsonl.gz", "--label", "topic", "--text", "body")
    assert "assets/datasets/articles.yaml" in said
    assert "all in order" in lakehouse(folder, "check")
    assert "never collected" in lakehouse(folder, "plan")

    said = lakehouse(folder, "run")
    assert "holds" in said
    assert "malformed_json 1" in said
    assert "no_signal 1" in said
    balance = lakehouse_json(folder, "version", "balance", "articles")
    assert balance[0]["in"] == 303
    total = {k: sum(step[k] for step in balance) for k in ("created", "merged", "dropped", "quarantined")}
    assert 303 + total["created"] == balance[-1]["out"] + total["merged"] + total["dropped"] + total["quarantined"]
    assert "Nothing to do" in lakehouse(folder, "run")

    said = lakehouse(folder, "release", "articles")
    assert "articles@v1.0.0" in said
    assert "nothing to do" in lakehouse(folder, "release", "articles")
    loaded = datasets.load_dataset(str(folder / "releases" / "articles"), cache_dir=str(tmp_path / "cache"))
    assert sum(split.num_rows for split in loaded.values()) == balance[-1]["out"]
    bodies = [row["body"] for split in loaded.values() for row in split]
    assert "write to [EMAIL] about the goal of the match tonight" in bodies

    clone = tmp_path / "clone"
    run(tmp_path, "git", "clone", "-q", str(folder), str(clone))
    assert not (clone / "releases" / "articles" / "manifest.json").exists()
    run(clone, sys.executable, "-m", "dvc", "remote", "modify", "--local", "storage", "url", str(folder / "dvc-remote"))
    run(clone, sys.executable, "-m", "dvc", "pull", "-q")
    for path in sorted((folder / "releases" / "articles").rglob("*")):
        if path.is_file():
            assert (clone / path.relative_to(folder)).read_bytes() == path.read_bytes()
    assert run(folder, "git", "tag", "--list").split() == ["articles@v1.0.0"]


def test_a_csv_with_chinese_text_gets_character_shingles_and_a_contract(tmp_path: Path) -> None:
    rows = pl.DataFrame(
        {"标题": ["一", "二"] * 20, "text": [f"这家酒店的第{i}个房间很干净，服务也不错" for i in range(40)], "label": ["好", "坏"] * 20}
    )
    rows.write_csv(tmp_path / "hotel reviews.csv")
    lakehouse(tmp_path, "init", "hotels", "--data", "hotel reviews.csv")
    declared = (tmp_path / "hotels" / "assets" / "datasets" / "hotel_reviews.yaml").read_text(encoding="utf-8")
    assert "unit: characters" in declared
    assert "label_conflict: {column: text, label: label}" in declared
    contract = (tmp_path / "hotels" / "contracts" / "hotel_reviews.py").read_text(encoding="utf-8")
    assert "class HotelReviews(pa.DataFrameModel)" in contract
    assert "isin=['坏', '好']" in contract
    assert "all in order" in lakehouse(tmp_path / "hotels", "check")


@pytest.mark.parametrize(
    ("content", "name", "arguments", "message"),
    [
        (b"", "empty.csv", [], "empty.csv"),
        (b"a,b\n1,2\n", "numbers.csv", ["--text", "text"], "has no column `text`"),
        (b"PAR1 not really", "broken.parquet", [], "broken.parquet"),
        (b"text\nhello there\n", "fine.csv", ["--label", "topic"], "has no column `topic`"),
        (b"text\nhello there\n", "fine.csv", ["--name", "No Good"], "is no name for a dataset"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_message_and_leaves_no_folder(
    tmp_path: Path, content: bytes, name: str, arguments: list[str], message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    command = [sys.executable, "-m", "lakehouse.cli", "init", "made", "--data", name, *arguments]
    done = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "made").exists()


def test_init_refuses_a_folder_that_holds_something(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work", encoding="utf-8")
    said = lakehouse(tmp_path, "init", "mine", code=1)
    assert "is not empty" in said
    assert (tmp_path / "mine" / "thesis.txt").read_text(encoding="utf-8") == "years of work"
