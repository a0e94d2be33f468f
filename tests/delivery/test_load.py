"""`lakehouse.load` and `lakehouse.load_datasets`: a version's rows in Python, from gold or from a released bundle."""

from __future__ import annotations

import io
import shutil
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from PIL import Image

import lakehouse
from lakehouse.core import versions
from lakehouse.core.errors import AccessError, NotFoundError, StorageError
from lakehouse.core.hashing import row_digest
from lakehouse.core.project import Project
from lakehouse.delivery.release.bundle import write_bundle
from lakehouse.governance import audit
from tests.delivery.release.factory import COLUMNS, make, new_project, reviews


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(tmp_path / "factory"))
    return new_project(tmp_path / "factory")


def picture(colour: str) -> bytes:
    held = io.BytesIO()
    Image.new("RGB", (3, 2), colour).save(held, "PNG")
    return held.getvalue()


def typed() -> tuple[pl.DataFrame, dict[str, dict[str, object]]]:
    """Gold rows with a column of every kind that a contract may promise, and these columns as a manifest has them."""
    rows = reviews(0, 1, 2, 3)
    rows = rows.with_columns(
        tags=pl.Series([["a", "b"], [], ["c"], None]),
        meta=pl.Series([{"page": n, "lang": "zh"} for n in range(4)]),
        turns=pl.Series([[{"role": "user", "content": "hi"}]] * 4),
        seen=pl.lit(datetime(2026, 11, 25, 8, 8, tzinfo=UTC)),
        day=pl.lit(date(2026, 11, 25)),
        price=pl.Series([Decimal("1.50")] * 4, dtype=pl.Decimal(10, 2)),
        raw=pl.Series([b"ab", b"\x89PNG\r\n\x1a\n", b"c", None]),
        picture=pl.Series([picture("red"), None, picture("blue"), picture("red")]),
    )
    own = [name for name in rows.columns if name[0] != "_"]
    rows = rows.with_columns(row_digest(dict(rows.schema), [*own, "_row_id", "_split"]).alias("_hash"))
    described = {name: {"type": str(rows.schema[name]), "nullable": True, "unique": False, "checks": []} for name in own}
    return rows, {**described, **COLUMNS}


def test_a_version_is_a_frame(project: Project) -> None:
    make(project, reviews(7, 2, 0, 1))
    make(project, reviews(7, 2), "1.1.0")
    rows = lakehouse.load("reviews", "1.0.0")
    assert rows.columns == ["text", "label", "row_id", "split"]
    assert rows["row_id"].to_list() == [f"reviews_raw/00{n}" for n in (0, 1, 2, 7)]
    assert lakehouse.load("reviews").height == 2
    assert lakehouse.load("reviews", "1.0.0", split="train", columns=["label"]).to_dict(as_series=False) == {
        "label": ["negative", "positive"]
    }
    lazy = lakehouse.load("reviews", "1.0.0", lazy=True)
    assert isinstance(lazy, pl.LazyFrame)
    assert lazy.filter(pl.col("split") == "test").collect()["row_id"].to_list() == ["reviews_raw/000"]
    assert lakehouse.load("reviews", root=project.root / "contracts").height == 2


def test_a_bundle_in_a_clone_gives_the_same_rows(project: Project, tmp_path: Path) -> None:
    version = make(project, reviews(*range(12)))
    of_gold = lakehouse.load("reviews"), lakehouse.load("reviews", split="train", columns=["split", "text"])
    write_bundle(project, version)
    shutil.rmtree(project.root / "lake")
    assert versions.versions(project, "reviews") == []
    for reference in ("latest", "released", "1.0.0", "v1.0.0", version.version, version.version[:6]):
        assert lakehouse.load("reviews", reference).equals(of_gold[0])
    assert lakehouse.load("reviews", split="train", columns=["split", "text"]).equals(of_gold[1])
    assert lakehouse.load_datasets("reviews")["train"].num_rows == 6
    with pytest.raises(NotFoundError) as missing:
        lakehouse.load("reviews", "0.9.0")
    assert missing.value.fix == f"lakehouse pull reviews --label 0.9.0; here: 1.0.0 ({version.version})"
    (project.root / "releases/reviews").rename(project.root / "releases/reviews-1.0.0")
    assert lakehouse.load("reviews", "1.0.0").equals(of_gold[0])


def test_features_are_those_of_the_contract(project: Project) -> None:
    from datasets import ClassLabel, List, Value
    from datasets import Image as Picture

    rows, columns = typed()
    make(project, rows, columns=columns)
    found = lakehouse.load_datasets("reviews")
    assert {name: split.num_rows for name, split in found.items()} == {"train": 2, "validation": 1, "test": 1}
    assert list(found) == ["train", "validation", "test"]
    kinds = found["train"].features
    assert kinds["label"] == ClassLabel(names=["negative", "positive"])
    assert kinds["tags"] == List(Value("string"))
    assert kinds["turns"] == List({"role": Value("string"), "content": Value("string")})
    assert kinds["meta"] == {"page": Value("int64"), "lang": Value("string")}
    assert (kinds["seen"], kinds["day"], kinds["price"]) == (
        Value("timestamp[us, tz=UTC]"),
        Value("date32"),
        Value("decimal128(10, 2)"),
    )
    assert (kinds["raw"], kinds["picture"]) == (Value("binary"), Picture())
    row = found["train"][0]
    assert row["row_id"] == "reviews_raw/002"
    assert kinds["label"].int2str(row["label"]) == "negative"
    assert (row["price"], row["raw"], row["picture"].size) == (Decimal("1.50"), b"c", (3, 2))
    assert found["validation"][0]["picture"] is None
    assert list(lakehouse.load_datasets("reviews", split="test", columns=["label"])["test"].features) == ["label"]


def test_one_message_for_what_is_not_there(project: Project, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no version here, neither in the lake nor as a bundle"):
        lakehouse.load("reviews")
    version = make(project, reviews(*range(6)))
    for given, what in (
        ({"dataset": "review"}, "no dataset `review`"),
        ({"dataset": "reviews", "version": "2.0.0"}, "`2.0.0` is no version of reviews"),
        ({"dataset": "reviews", "split": "trian"}, "reviews 1.0.0 has no split `trian`"),
        ({"dataset": "reviews", "columns": ["txt"]}, "reviews 1.0.0 has no column `txt`"),
        ({"dataset": "reviews", "root": tmp_path}, "no data factory at or above"),
    ):
        for function in (lakehouse.load, lakehouse.load_datasets):
            with pytest.raises(NotFoundError, match=what):
                function(**given)  # type: ignore[arg-type]
    versions.record(project, "reviews", version.version, "archived", {"place": "/mnt/archive", "files": []})
    with pytest.raises(StorageError, match="archived in /mnt/archive"):
        lakehouse.load("reviews")


POLICY = """purposes: {training: Models are trained on it.}
roles:
  engineers:
    principals: [li]
    purposes: [training]
    ceiling: core
    read: [{table: gold/reviews, columns: [text, label, _row_id, _split], masks: {label: last4}}]
"""


def test_where_there_is_a_policy_rows_come_through_the_door(project: Project) -> None:
    make(project, reviews(*range(6)))
    (project.root / "assets/access.yaml").write_text(POLICY, encoding="utf-8")
    with pytest.raises(AccessError, match="say who reads and what for"):
        lakehouse.load("reviews")
    with pytest.raises(AccessError, match="no role names this principal"):
        lakehouse.load("reviews", principal="eve", purpose="training")
    rows = lakehouse.load("reviews", principal="li", purpose="training")
    assert rows.columns == ["text", "label", "row_id", "split"]
    assert set(rows["label"]) == {"****tive"}
    found = lakehouse.load_datasets("reviews", split="train", principal="li", purpose="training")
    assert found["train"].features["label"].dtype == "string"
    said = audit.entries(project)
    assert said["outcome"].to_list() == ["refused", "granted", "granted"]
    assert said["rows"].to_list()[1:] == [6, 3]


@pytest.mark.parametrize("kept", [("assets/datasets",), ()])
def test_a_clone_without_the_declaration_loads_the_released_folder(project: Project, tmp_path: Path, kept: tuple[str, ...]) -> None:
    """`dvc pull` brings `releases/`; declarations that nobody committed are not in a clone, and perhaps no `assets/` at all."""
    write_bundle(project, make(project, reviews(*range(6))))
    clone = tmp_path / "clone"
    for place in ("releases/inside", *kept):
        (clone / place).mkdir(parents=True)
    shutil.copytree(project.release_folder("reviews"), clone / "releases" / "reviews")
    assert lakehouse.load("reviews", root=clone / "releases" / "inside").equals(lakehouse.load("reviews"))
    assert set(lakehouse.load_datasets("reviews", root=clone)) == set(lakehouse.load_datasets("reviews"))
    with pytest.raises(NotFoundError, match="no dataset `papers`" if kept else "no bundle of papers in `releases/`"):
        lakehouse.load("papers", root=clone)
