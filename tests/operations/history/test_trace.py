from datetime import UTC, datetime

import polars as pl
import pytest

from lakehouse.core import versions
from lakehouse.core.errors import NotFoundError
from lakehouse.core.hashing import digest, row_digest
from lakehouse.core.project import Project
from lakehouse.operations.history.trace import Fate, recall, trace
from tests.delivery.release.factory import collect, fates, make, reviews


def children(parent: int, *numbers: int) -> pl.DataFrame:
    rows = pl.concat([reviews(parent) for _ in numbers]).with_columns(_row_id=pl.Series([f"reviews_raw/{parent:03}#{n}" for n in numbers]))
    return rows.with_columns(row_digest(dict(rows.schema), ["text", "label", "_row_id", "_split"]).alias("_hash"))


def test_a_row_is_traced_to_its_item_its_collections_and_every_version(project: Project) -> None:
    collect(project, [1, 2])
    first = make(project, reviews(1, 2))
    versions.record(project, "reviews", first.version, "released", {"label": "1.0.0"})
    collect(project, [1], 1, text="改过")
    make(project, reviews(1, text="改过"), "1.1.0")
    found = trace(project, "reviews_raw/001")
    assert found.origin is not None
    assert (found.origin.source, found.origin.uri, found.origin.license) == ("reviews_raw", "raw/part1.jsonl", "MIT")
    assert found.origin.collected_at == datetime(2026, 11, 2, tzinfo=UTC)
    assert [(c.collection, c.content, c.deleted) for c in found.origin.history] == [
        (0, digest(["评论", 1]), False),
        (1, digest(["改过", 1]), False),
    ]
    assert [(h.label, h.how, h.split, h.released, h.tags) for h in found.held] == [
        ("1.0.0", "itself", "validation", ("1.0.0",), ("reviews@v1.0.0",)),
        ("1.1.0", "itself", "validation", (), ()),
    ]


def test_a_row_that_did_not_pass_is_traced_to_its_fate_and_the_rules_it_breaks(project: Project) -> None:
    collect(project, [1, 2, 3])
    fates(project, ("reviews_raw/002", "dropped", "1", "too_short", '{"n":1}', None))
    broken = pl.DataFrame({"_row_id": ["reviews_raw/003"], "_rules": [["label:isin", "text:str_length"]]})
    project.table("gold", "reviews_quarantine").write(broken, "overwrite")
    make(project, reviews(1))
    assert trace(project, "reviews_raw/002").fates == (
        Fate(dataset="reviews", row_id="reviews_raw/002", fate="dropped", step="1", rule="too_short", evidence='{"n":1}', other=None),
    )
    assert [fate.rule for fate in trace(project, "reviews_raw/003").fates] == ["label:isin", "text:str_length"]
    assert trace(project, "reviews_raw/002").held == ()


def test_a_child_is_traced_to_the_item_it_was_cut_from(project: Project) -> None:
    collect(project, [4])
    fates(project, ("reviews_raw/004", "divided", "1", "into_rows", "2", None))
    make(project, children(4, 0, 1))
    found = trace(project, "reviews_raw/004#1")
    assert (found.root, found.fates[0].fate) == ("reviews_raw/004", "divided")
    assert found.origin is not None
    assert [(h.row_id, h.how) for h in found.held] == [("reviews_raw/004#1", "itself")]
    assert [(h.row_id, h.how) for h in trace(project, "reviews_raw/004").held] == [
        ("reviews_raw/004#0", "child"),
        ("reviews_raw/004#1", "child"),
    ]


def test_an_unknown_row_says_what_a_row_id_looks_like(project: Project) -> None:
    make(project, reviews(1))
    with pytest.raises(NotFoundError, match="a row id looks like"):
        trace(project, "reviews_raw/999")
    with pytest.raises(NotFoundError, match="no collected item"):
        recall(project, "raw/none.jsonl")


def test_recall_finds_copies_merged_away_in_the_version_in_which_they_were(project: Project) -> None:
    collect(project, [1, 2, 3, 5])
    fates(
        project,
        ("reviews_raw/002", "merged", "1", "same", None, "reviews_raw/003"),
        ("reviews_raw/003", "merged", "2", "near", None, "reviews_raw/001"),
    )
    first = make(project, reviews(1, 5))
    versions.record(project, "reviews", first.version, "released", {"label": "1.0.0"})
    fates(project, ("reviews_raw/002", "dropped", "1", "asked_to_forget", None, None))
    make(project, reviews(1, 3, 5), "1.1.0")
    found = recall(project, "reviews_raw/002")
    assert [(h.label, h.row_id, h.how) for h in found.held] == [("1.0.0", "reviews_raw/001", "merged")]
    assert found.released == found.held


def test_recall_by_file_and_by_content_even_one_replaced_since(project: Project) -> None:
    collect(project, [1, 2, 3])
    make(project, reviews(1, 2, 3))
    collect(project, [1], 1, text="改过")
    by_file = recall(project, "raw/part1.jsonl")
    assert by_file.row_ids == ("reviews_raw/001", "reviews_raw/003")
    assert [h.row_id for h in by_file.held] == ["reviews_raw/001", "reviews_raw/003"]
    assert recall(project, digest(["评论", 1])).row_ids == ("reviews_raw/001",)


def test_recall_finds_children_of_the_item_and_of_a_child(project: Project) -> None:
    collect(project, [4])
    nested = children(4, 0, 1).with_columns(pl.col("_row_id") + "#0")
    nested = nested.with_columns(row_digest(dict(nested.schema), ["text", "label", "_row_id", "_split"]).alias("_hash"))
    make(project, nested)
    assert [h.how for h in recall(project, "reviews_raw/004").held] == ["child", "child"]
    assert [h.row_id for h in recall(project, "reviews_raw/004#1").held] == ["reviews_raw/004#1#0"]
