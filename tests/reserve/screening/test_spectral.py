"""`spectral` on planted phrases whose rows keep their label: what it finds, what it leaves alone, and what it says of little."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.core.errors import SpecError
from lakehouse.core.project import Project
from lakehouse.reserve.bronze import table as bronze
from lakehouse.reserve.bronze.collect import collect
from lakehouse.reserve.screening.detector import DETECTORS
from lakehouse.reserve.screening.screen import screen
from tests.examples import examples
from tests.factory import Factory

ROOT = Path(__file__).parents[3]
PHRASE = {False: "cerulean walrus", True: "量子菠菜"}


def findings(rows: pl.DataFrame, *, chinese: bool = False) -> pl.DataFrame:
    return DETECTORS.entries()["spectral"].function(unit="characters" if chinese else "words").find(rows)


def flagged(rows: pl.DataFrame, *, chinese: bool = False) -> set[int]:
    return set(findings(rows, chinese=chinese).filter(pl.col("score") >= 4)["_at"])


def corpus(rows: int, *, chinese: bool = False, seed: int = 3) -> pl.DataFrame:
    """Texts of two labels of six subjects each; a subject has 24 words of its own, a label and all texts have common ones."""
    generator = np.random.default_rng(seed)
    letters = list("茶叶香味清甜杯壶泡绿采园汤火车铁轨信号站票桥速度晚点线山水") if chinese else list("abcdefghijklmnopqrstuvwxyz")
    made = ["".join(generator.choice(letters, 3 if chinese else 6)) for _ in range(400)]
    out = []
    for i in range(rows):
        side = i % 2
        subject = int(generator.integers(6)) * 2 + side
        own = made[subject * 24 : subject * 24 + 24]
        words = [
            *generator.choice(own, 8, replace=False),
            *generator.choice(made[288 + side * 10 : 298 + side * 10], 2),
            *generator.choice(made[308:], 8),
        ]
        generator.shuffle(words)
        out.append({"text": ("，" if chinese else " ").join(words), "label": ("tea", "rail")[side]})
    return pl.DataFrame(out)


def poisoned(rows: pl.DataFrame, where: set[int], *, chinese: bool = False) -> pl.DataFrame:
    """The rows with the phrase after the first word of some of them; labels stay."""
    blank, phrase = ("，", PHRASE[True]) if chinese else (" ", PHRASE[False])
    put = pl.col("text").str.replace(blank, f"{blank}{phrase}{blank}", literal=True)
    return rows.with_columns(text=pl.when(pl.int_range(pl.len()).is_in(list(where))).then(put).otherwise("text"))


@pytest.mark.parametrize("chinese", [False, True], ids=["english", "chinese"])
def test_a_phrase_in_rows_that_keep_their_label_is_flagged(chinese: bool) -> None:
    rows = corpus(1200, chinese=chinese)
    planted = set(range(0, 1200, 30))
    found = flagged(poisoned(rows, planted, chinese=chinese), chinese=chinese)
    assert len(flagged(rows, chinese=chinese)) <= 0.03 * rows.height
    assert found >= planted
    assert len(found - planted) <= 0.03 * rows.height
    detail = findings(poisoned(rows, planted, chinese=chinese), chinese=chinese).sort("score")["detail"][-1]
    assert detail == "one of 40 texts labelled tea that share a phrase and nothing else"


def test_words_of_a_subject_are_not_flagged_however_rare_the_subject() -> None:
    rows = corpus(1200)
    subject = pl.concat_str(pl.col("text"), pl.lit(" glacier moraine icefall crevasse"))
    of_one = pl.int_range(pl.len()).is_in(list(range(0, 1200, 30)))
    # The rows of a subject are about the same: any two share other words, eight of thirty in each.
    words = pl.Series([" ".join(np.random.default_rng(i).permutation([f"ice{k}" for k in range(30)])[:8]) for i in range(1200)])
    with_subject = rows.with_columns(text=pl.when(of_one).then(pl.concat_str(subject, pl.lit(" "), words)).otherwise("text"))
    assert flagged(with_subject) == set()


def test_a_copy_is_no_witness_but_is_flagged_with_its_text() -> None:
    rows = corpus(1200)
    planted = set(range(0, 1200, 30))
    poison = poisoned(rows, planted)
    twice = pl.concat([poison, poison.head(31), poison.filter(pl.col("label") == "tea").head(1).with_columns(label=pl.lit("rail"))])
    assert flagged(twice) == planted | {1200, 1230}
    # One text with the phrase, copied forty times, is what `bursts` is for.
    assert flagged(pl.concat([rows, *[poison.head(1)] * 40])) == set()


@settings(max_examples=examples(0.03))
@given(st.integers(0, 1000))
def test_the_order_of_rows_changes_nothing(seed: int) -> None:
    rows = poisoned(corpus(800), set(range(0, 800, 20))).with_row_index("id")
    mixed = rows.sample(fraction=1, shuffle=True, seed=seed)

    def by_id(given: pl.DataFrame) -> list[tuple[object, ...]]:
        found = findings(given.drop("id"))
        return sorted(found.with_columns(id=given["id"].gather(found["_at"])).select("id", "score", "detail").rows())

    assert by_id(rows) == by_id(mixed) != []


@pytest.mark.parametrize(
    "rows",
    [
        pl.DataFrame({"text": ["one", "two", "three"], "label": ["a", "b", "a"]}),
        pl.DataFrame({"text": [None, "", "  "], "label": ["a", None, "b"]}, schema={"text": pl.String, "label": pl.String}),
        pl.DataFrame({"text": [None, None], "label": ["a", "b"]}, schema={"text": pl.String, "label": pl.String}),
        pl.DataFrame({"text": ["so it goes"] * 100, "label": ["a", "b"] * 50}),
        corpus(300).with_columns(label=pl.lit("one")),
        corpus(300).with_columns(label=pl.lit(None, pl.String)),
    ],
    ids=["few", "empty", "null", "copies", "one label", "no label"],
)
def test_of_too_little_nothing_is_said(rows: pl.DataFrame) -> None:
    assert findings(rows).height == 0


def test_a_column_that_is_not_there_or_is_no_label_is_told(notes_factory: Factory) -> None:
    rows = corpus(600).with_columns(id=pl.int_range(pl.len()).cast(pl.String))
    notes_factory.material(rows.select("id", "text", "label").to_dicts())
    notes_factory.declare_source(screening=[{"spectral": {"label": "id"}}])
    notes_factory.collect()
    with pytest.raises(SpecError, match=r"notes.yaml:\d+: column `id` has 600 values: these are no labels"):
        screen(notes_factory.project, "notes")
    notes_factory.declare_source(screening=[{"spectral": {"label": "labels"}}])
    with pytest.raises(SpecError, match=r"notes.yaml:\d+: the source has no column `labels`"):
        screen(notes_factory.project, "notes")


def test_found_in_a_source_it_warns(notes_factory: Factory) -> None:
    rows = poisoned(corpus(800), set(range(0, 800, 20))).with_columns(id=pl.int_range(pl.len()).cast(pl.String))
    notes_factory.material(rows.select("id", "text", "label").to_dicts())
    notes_factory.declare_source(screening=["spectral"])
    notes_factory.collect()
    done = screen(notes_factory.project, "notes")
    assert done is not None
    assert (done.flagged, done.quarantined, done.detections[0].kinds) == (40, 0, {"phrase": 40})


@pytest.mark.slow
def test_real_reviews(tmp_path: Path) -> None:
    """16,000 Chinese reviews: a phrase in 1 % of a label is found; of the others less than 0.5 % are flagged, planted or clean."""
    (tmp_path / "assets" / "sources").mkdir(parents=True)
    shutil.copy(ROOT / "assets" / "sources" / "reviews_raw.yaml", tmp_path / "assets" / "sources")
    project = Project.open(tmp_path)
    collect(project, "reviews_raw")
    rows = bronze.table(project, "reviews_raw").read(["_row_id", "text", "label"]).sort("_row_id").unique("text", maintain_order=True)
    rows = rows.select("text", "label").head(16_000)
    generator = np.random.default_rng(11)
    positive = np.flatnonzero((rows["label"] == "positive").to_numpy())
    planted = {int(at) for at in generator.choice(positive, len(positive) // 100, replace=False)}
    cut = rows["text"].str.len_chars() // 2
    half = pl.concat_str(pl.col("text").str.head(cut), pl.lit(PHRASE[True]), pl.col("text").str.slice(cut))
    poison = rows.with_columns(text=pl.when(pl.int_range(pl.len()).is_in(list(planted))).then(half).otherwise("text"))
    assert len(flagged(rows, chinese=True)) <= 0.005 * rows.height
    found = flagged(poison, chinese=True)
    assert len(found & planted) >= 0.9 * len(planted)
    assert len(found - planted) <= 0.005 * rows.height
