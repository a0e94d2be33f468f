"""Operators that measure against another dataset: perplexity and shared n-grams, alone and in a recipe."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.core.errors import RecipeError
from lakehouse.core.text.kernels import buffers, ngram_model
from lakehouse.production.engine.operator import Keep, with_measured
from tests.factory import Factory, notes

from .test_near_duplicates import simple
from .test_operators import plan


def measured(folder: Path, name: str, learnt: list[str | None], column: list[str | None], **params: Any) -> tuple[Keep, pl.DataFrame]:
    """The step, and its signals of the texts in `column`, after it learnt from `learnt`."""
    made: Keep = plan(name, column="text", dataset="other", **params)
    assert made.model is not None
    gold = pl.DataFrame({"_row_id": [str(i) for i in range(len(learnt))], "text": learnt}, schema={"_row_id": pl.String, "text": pl.String})
    made.model.file = folder / "model.npz"
    np.savez(made.model.file, **made.model.prepare(gold))
    frame = pl.DataFrame({"text": column}, schema={"text": pl.String})
    return made, with_measured(frame.lazy(), made.signals).select(*made.signals).collect()


def tokens_of(text: str, unit: str) -> list[str]:
    folded = simple(text)
    return [t for t in folded.split(" ") if t] if unit == "words" else list(folded.replace(" ", ""))


def grams_of(text: str | None, unit: str, size: int) -> list[tuple[str, ...]]:
    tokens = tokens_of(text or "", unit)
    return [tuple(tokens[i : i + size]) for i in range(len(tokens) - size + 1)]


some_text = st.text(alphabet="aBb １,.好评!\n", max_size=25)
columns = st.lists(st.none() | some_text, min_size=1, max_size=5)


@given(columns, columns, st.sampled_from(["words", "characters"]), st.integers(1, 5))
def test_shared_n_grams_are_those_of_plain_python(
    tmp_path_factory: pytest.TempPathFactory, learnt: list[str | None], column: list[str | None], unit: str, size: int
) -> None:
    folder = tmp_path_factory.mktemp("model")
    _, found = measured(folder, "decontaminate_ngrams", learnt, column, unit=unit, size=size)
    theirs = {gram for text in learnt for gram in grams_of(text, unit, size)}
    mine = [grams_of(text, unit, size) for text in column]
    hits = [sum(gram in theirs for gram in grams) for grams in mine]
    assert found["hits"].to_list() == hits
    assert found["share"].to_list() == [h / len(grams) if grams else 0.0 for h, grams in zip(hits, mine, strict=True)]


def test_many_n_grams_are_all_kept(tmp_path: Path) -> None:
    generator = random.Random(2)
    theirs = [
        " ".join(str(generator.randrange(10**6)).translate(str.maketrans("0123456789", "abcdefghij")) for _ in range(500))
        for _ in range(40)
    ]
    mine = [" ".join(text.split()[100:140]) for text in theirs] + ["x " * 40]
    _, found = measured(tmp_path, "decontaminate_ngrams", [*theirs], [*mine], size=13)
    assert found["hits"].to_list() == [28] * 40 + [0]


@given(columns, columns, st.sampled_from(["words", "characters"]))
def test_perplexity_is_that_of_the_model(
    tmp_path_factory: pytest.TempPathFactory, learnt: list[str | None], column: list[str | None], unit: str
) -> None:
    _, found = measured(tmp_path_factory.mktemp("model"), "perplexity", learnt, column, unit=unit)
    known = pl.Series([text for text in learnt if text is not None], dtype=pl.String)
    arrays = ngram_model.train(*buffers.utf8(known), 5 if unit == "characters" else 3, unit == "words")
    probability, tokens = ngram_model.score(*buffers.utf8(pl.Series(column, dtype=pl.String)), arrays)
    expected = [10 ** (-p / n) if n else None for p, n in zip(probability.tolist(), tokens.tolist(), strict=True)]
    assert found["perplexity"].to_list() == pytest.approx(expected)


def test_of_much_text_every_other_row_is_learnt(tmp_path: Path) -> None:
    rows: list[str | None] = ["ab" * 300_000, "cd" * 300_000] * 2
    for megabytes, both in ((3, True), (2, False)):
        _, found = measured(tmp_path, "perplexity", rows, ["ab" * 50, "cd" * 50], train_mb=megabytes, order=2)
        seen, perhaps = found["perplexity"].to_list()
        assert (perhaps < 2 * seen) is both


def test_a_dataset_without_the_column_is_named(tmp_path: Path) -> None:
    for name in ("perplexity", "decontaminate_ngrams"):
        made = plan(name, column="body", dataset="other")
        with pytest.raises(RecipeError, match=r"dataset other has no text column `body`") as error:
            made.model.prepare(pl.DataFrame({"_row_id": ["1"], "text": ["x"], "n": [1]}))
        assert "text" in str(error.value.fix)


GOOD = ["今天的天气很好，我们一起去公园散步。", "他们昨天去公园散步，天气也很好。", "我们明天一起去散步，如果天气好。"]


def test_a_recipe_learns_once_and_anew_when_the_dataset_changes(notes_factory: Factory) -> None:
    notes_factory.declare_source("book")
    notes_factory.declare([], "book", sources=["book"])
    notes_factory.material(notes(*GOOD), "book")
    notes_factory.made("book", "book")
    strange = {"perplexity": {"column": "text", "dataset": "book", "max_ppl": 12}}
    quoting = {"decontaminate_ngrams": {"column": "text", "dataset": "book", "unit": "characters", "size": 8}}
    notes_factory.material(notes("我们去公园散步，天气很好。", "龘靐齉爩鱻麤灪吁龖厵", None, f"我读到：{GOOD[1]}不错。"))
    notes_factory.declare([strange, quoting])
    notes_factory.collect()
    notes_factory.silver()
    assert notes_factory.fates() == {
        "01": ("dropped", "perplexity", "above_max"),
        "02": ("quarantined", "perplexity", "no_signal"),
        "03": ("dropped", "decontaminate_ngrams", "in_held_out"),
    }
    # Thresholds decide; they measure nothing.
    strange["perplexity"]["max_ppl"] = 1e9
    quoting["decontaminate_ngrams"]["max_hits"] = 50
    notes_factory.declare([strange, quoting])
    assert notes_factory.silver().units == 0
    assert list(notes_factory.fates()) == ["02"]
    before = notes_factory.rows("silver", "notes_signals")["perplexity__perplexity"].to_list()
    # Other rows in the dataset: both are learnt anew, and every row is measured against them.
    notes_factory.material(notes(*GOOD, "龘靐齉爩鱻麤灪吁龖厵"), "book")
    notes_factory.made("book", "book")
    quoting["decontaminate_ngrams"]["max_hits"] = 0
    notes_factory.declare([strange, quoting])
    assert notes_factory.silver().units == 1
    after = notes_factory.rows("silver", "notes_signals")["perplexity__perplexity"].to_list()
    assert after[1] < before[1]
    assert after[2] is before[2] is None
    assert notes_factory.fates()["01"] == ("dropped", "decontaminate_ngrams", "in_held_out")
