"""Joins: columns of another dataset by a key, rows without one set aside, and what a changed dataset changes."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.core import versions
from lakehouse.core.errors import FactoryError
from lakehouse.production.operators.joins import lookup
from tests.factory import Factory

from .test_operators import plan

FILES = [
    {"id": str(at), "text": text, "label": "a"} for at, text in enumerate(["img/cat.png", "img/dog.01.PNG", "img/fox.png", "img/owl.png"])
]


def captions(factory: Factory, *rows: tuple[str, str | None]) -> None:
    """A dataset of captions: `text` is the file's path, `label` says what it shows."""
    factory.material([{"id": str(at), "text": path, "label": said} for at, (path, said) in enumerate(rows)], "captions")
    factory.made("captions", "captions")


@pytest.fixture
def joined(notes_factory: Factory) -> Factory:
    notes_factory.declare_source("captions")
    notes_factory.declare([], "captions", sources=["captions"])
    captions(notes_factory, ("txt/cat.txt", "一只猫"), ("txt/cat.txt", "a cat"), ("txt/dog.01.txt", "a dog"), ("txt/fox.txt", None))
    notes_factory.material(FILES)
    return notes_factory


def shown(factory: Factory) -> dict[str, Any]:
    """What gold has, once it is made anew."""
    factory.silver()
    factory.gold()
    return dict(factory.rows("gold").select("text", "label").rows())


def test_columns_come_by_the_stem_of_the_file(joined: Factory) -> None:
    key = {"column": "text", "dataset": "captions", "by": "stem"}
    joined.declare([{"has_match": key}, {"join": {**key, "take": {"label": "string"}}}])
    joined.collect()
    assert shown(joined) == {"img/cat.png": "一只猫", "img/dog.01.PNG": "a dog", "img/fox.png": None}
    assert joined.fates() == {"3": ("quarantined", "has_match", "unmatched")}
    assert joined.silver().measured == 0

    captions(joined, ("txt/cat.txt", "a cat"), ("txt/owl.txt", "an owl"))
    assert shown(joined) == {"img/cat.png": "a cat", "img/owl.png": "an owl"}


def test_what_the_other_dataset_may_hold_comes_with_its_columns(joined: Factory) -> None:
    joined.declare_source("captions", privacy={"label": ["name"]})
    captions(joined, ("txt/cat.txt", "Felix"))
    joined.declare([{"join": {"column": "text", "dataset": "captions", "by": "stem", "take": {"label": "string"}}}])
    joined.collect()
    shown(joined)
    version = versions.current(joined.project, "notes")
    assert version is not None
    assert version.manifest["privacy"] == {"label": ["name"]}


def test_each_key_may_have_to_have_one_row(joined: Factory) -> None:
    joined.declare([{"has_match": {"column": "text", "dataset": "captions", "by": "stem", "at_most": 1, "action": "drop"}}])
    joined.collect()
    joined.silver()
    fates = joined.rows("silver", "notes_fates").sort("_row_id")
    assert fates.select("fate", "rule").rows() == [("dropped", "ambiguous"), ("dropped", "unmatched")]


def test_all_rows_of_a_key_come_as_a_list_in_their_type() -> None:
    made = plan("join", column="text", dataset="scores", by="stem", take={"score": "float"}, many="list")
    rows = pl.DataFrame({"_row_id": ["2", "0", "1"], "text": ["b", "a.txt", "a.txt"], "score": ["n/a", "0.5", "1"]})
    made.model.__dict__["arrays"] = made.model.prepare(rows)
    found = pl.DataFrame({"text": ["i/a.png", "b", "c", None]}).select(made.columns["score"]).to_series()
    assert found.dtype == pl.List(pl.Float64)
    assert found.to_list() == [[0.5, 1.0], [None], None, None]


def test_a_column_that_is_not_there_is_named(joined: Factory) -> None:
    joined.declare([{"join": {"column": "text", "dataset": "captions", "by": "stem", "take": {"said": "string"}}}])
    joined.collect()
    with pytest.raises(FactoryError, match=r"dataset captions has no column `said`"):
        joined.silver()


NAMES = st.sampled_from(["a", "b", "dir/a", "a.png", "x/a.txt", "b.PNG", "", None, "data/a.zip!c/b.txt"])


@given(st.lists(NAMES, max_size=6), st.lists(NAMES, max_size=6), st.sampled_from(["value", "name", "stem"]))
def test_a_lookup_finds_what_a_loop_finds(ours: list[str | None], theirs: list[str | None], by: Any) -> None:
    def key(path: str | None) -> str | None:
        name = path if by == "value" or path is None else path.replace("!", "/").split("/")[-1]
        if by == "stem" and name and "." in name[1:]:
            name = name.rpartition(".")[0]
        return name or None

    rows = pl.DataFrame({"_row_id": [f"{at:03}" for at in range(len(theirs))], "k": theirs}, schema={"_row_id": pl.String, "k": pl.String})
    found = lookup.found(pl.Series(ours, dtype=pl.String), by, lookup.learnt(rows, "k", by, ["k"], "other"))
    partners = [[other for other in theirs if key(path) is not None and key(other) == key(path)] for path in ours]
    assert found.rows() == [(len(each), each) if each else (None, None) for each in partners]
    assert lookup.keys(pl.Series(ours, dtype=pl.String), by).to_list() == [key(path) for path in ours]
