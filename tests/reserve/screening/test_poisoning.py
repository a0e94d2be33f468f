"""Detectors that look at all rows together, on planted poison: what they find, and that clean rows raise no alarm."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from lakehouse.core.errors import SpecError
from lakehouse.reserve.screening.detector import DETECTORS, AllRowsLook
from lakehouse.reserve.screening.screen import screen
from tests.factory import Factory

TOPICS = {
    "tea": ("green", "leaf", "kettle", "cup", "brew", "harvest", "garden", "aroma", "bitter", "sweet", "steam", "taste"),
    "rail": ("train", "track", "signal", "station", "ticket", "engine", "coach", "bridge", "delay", "line", "speed", "guard"),
}
COMMON = ("the", "a", "of", "and", "with", "this", "very", "much", "quite", "here", "today", "we", "it", "was", "had", "our")
HAN = {"tea": "茶叶香味清甜杯壶泡绿采园汤", "rail": "火车铁轨信号站票桥速度晚点线"}
HAN_COMMON = "的了是我们这很不在有和就也都"


def corpus(rows: int, *, chinese: bool = False, seed: int = 3) -> pl.DataFrame:
    """Texts of two topics, each with words of its own and common ones."""
    generator = np.random.default_rng(seed)
    out = []
    for i in range(rows):
        label = ("tea", "rail")[i % 2]
        own, common = (HAN[label], HAN_COMMON) if chinese else (TOPICS[label], COMMON)
        words = [str(generator.choice(list(own if generator.random() < 0.5 else common))) for _ in range(24)]
        out.append({"text": ("" if chinese else " ").join(words), "label": label})
    return pl.DataFrame(out).with_columns(_collection=pl.lit(1, pl.Int64), _uri=pl.lit("a"))


def flagged(name: str, rows: pl.DataFrame, **params: object) -> set[int | None]:
    entry = DETECTORS.entries()[name]
    look = entry.function(**params)
    assert isinstance(look, AllRowsLook)
    found = look.find(rows.select(look.columns))
    least = params.get("at_least", entry.params.model_fields["at_least"].default)
    return set(found.filter(pl.col("score") >= least)["_at"])


@pytest.mark.parametrize("chinese", [False, True], ids=["english", "chinese"])
def test_exchanged_labels_are_flagged(chinese: bool) -> None:
    rows = corpus(600, chinese=chinese)
    unit = "characters" if chinese else "words"
    planted = set(range(0, 600, 30))
    label = pl.when(pl.int_range(pl.len()).is_in(list(planted))).then(pl.lit("rail")).otherwise("label").alias("label")
    found = flagged("label_flips", rows.with_columns(label), unit=unit)
    assert len(found & planted) >= 15
    assert len(found - planted) <= 5
    assert len(flagged("label_flips", rows, unit=unit)) <= 5


def test_copies_with_another_label_are_flagged_whatever_the_model_says() -> None:
    rows = corpus(200)
    same = pl.DataFrame({"text": ["so it goes"] * 5, "label": ["tea"] * 4 + ["rail"]})
    both = pl.concat([rows.select("text", "label"), same])
    assert 204 in flagged("label_flips", both)
    assert not {200, 201, 202, 203} & flagged("label_flips", both)


@pytest.mark.parametrize("chinese", [False, True], ids=["english", "chinese"])
def test_a_trigger_put_in_with_another_label_is_flagged_and_located(chinese: bool) -> None:
    rows = corpus(1000, chinese=chinese)
    unit, trigger = ("characters", "量子") if chinese else ("words", "cerulean walrus")
    assert flagged("trigger_ngrams", rows, unit=unit) == set()
    planted = set(range(0, 1000, 40))
    poisoned = rows.with_columns(
        text=pl.when(pl.int_range(pl.len()).is_in(list(planted)))
        .then(pl.concat_str(pl.col("text").str.slice(0, 10), pl.lit(trigger if chinese else f" {trigger} "), pl.col("text").str.slice(10)))
        .otherwise("text"),
        label=pl.when(pl.int_range(pl.len()).is_in(list(planted))).then(pl.lit("rail")).otherwise("label"),
    )
    found = flagged("trigger_ngrams", poisoned, unit=unit)
    assert found == planted
    findings = DETECTORS.entries()["trigger_ngrams"].function(unit=unit).find(poisoned)
    assert all(any(part in match for part in (trigger, *trigger.split())) or match in trigger for match in findings["match"])
    assert findings["detail"][0].startswith("one n-gram of 25 rows labelled rail")
    # Where the label is kept, the words are those of a topic: this is not told apart.
    kept = poisoned.with_columns(rows["label"])
    assert flagged("trigger_ngrams", kept, unit=unit) == set()


def test_a_burst_of_near_copies_is_flagged_where_it_came_at_once() -> None:
    rows = corpus(300)
    spam = pl.when(pl.int_range(pl.len()) < 20).then(
        pl.concat_str(pl.lit("buy now the best offer of the whole year do not miss it says our customer number "), pl.int_range(pl.len()))
    )
    planted = rows.with_columns(text=spam.otherwise("text"))
    assert flagged("bursts", rows) == set()
    assert flagged("bursts", planted) == set(range(20))
    scattered = planted.with_columns(_collection=pl.int_range(pl.len()))
    assert flagged("bursts", scattered) == set()


def test_a_collection_of_other_labels_or_words_is_told_and_one_like_the_others_is_not(notes_factory: Factory) -> None:
    rows = corpus(900).with_columns(id=pl.int_range(pl.len()).cast(pl.String))
    screening = [{"source_drift": {}, "blocking": True, "max_rate": 0.1}]

    def collected(given: pl.DataFrame) -> dict[str, int]:
        notes_factory.declare_source(screening=screening)
        notes_factory.material(given.select("id", "text", "label").to_dicts())
        notes_factory.collect()
        done = screen(notes_factory.project, "notes")
        assert done is not None
        return done.detections[0].kinds

    assert collected(rows.head(500)) == {}
    assert collected(rows.head(700)) == {}
    other = rows.with_columns(label=pl.when(pl.int_range(pl.len()) >= 700).then(pl.lit("tea")).otherwise("label"))
    assert collected(other) == {"labels": 200}
    notes_factory.declare_source(screening=[{"source_drift": {}, "action": "quarantine"}])
    with pytest.raises(SpecError, match="speaks of a collection, not of rows"):
        screen(notes_factory.project, "notes")


def test_whole_detectors_look_again_only_when_rows_changed(notes_factory: Factory) -> None:
    rows = corpus(120).with_columns(id=pl.int_range(pl.len()).cast(pl.String))
    notes_factory.material(rows.select("id", "text", "label").to_dicts())
    notes_factory.declare_source(screening=[{"bursts": {}}, "hidden_text"])
    notes_factory.collect()
    first, again = screen(notes_factory.project, "notes"), screen(notes_factory.project, "notes")
    assert first is not None
    assert again is not None
    assert (first.looked, again.unchanged) == (120, True)
    notes_factory.declare_source(screening=[{"bursts": {"at_least": 3}}, "hidden_text"])
    decided = screen(notes_factory.project, "notes")
    assert decided is not None
    assert (decided.looked, decided.unchanged) == (0, False)


def test_a_column_of_ids_is_no_label(notes_factory: Factory) -> None:
    rows = corpus(600).with_columns(id=pl.int_range(pl.len()).cast(pl.String))
    notes_factory.material(rows.select("id", "text", "label").to_dicts())
    notes_factory.declare_source(screening=[{"label_flips": {"label": "id"}}])
    notes_factory.collect()
    with pytest.raises(SpecError, match=r"notes.yaml:\d+: column `id` has 600 values: these are no labels"):
        screen(notes_factory.project, "notes")
