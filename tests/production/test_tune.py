"""A proposed threshold shows what a run with it does, and a row's way through a recipe is told as it was."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakehouse.core.errors import NotFoundError, SpecError
from lakehouse.production.inspection.tune import explain, tune
from tests.examples import examples
from tests.factory import Factory

TEXTS = ["a", "ab", "abc", "好的", "好的好的", "a", "one two three four five six", "one two three four five six seven", None]
RECIPE = [{"text_length": {"column": "text", "at_least": 2}}, {"dedup_exact": {"columns": ["text"]}}]


@pytest.fixture
def tuned_factory(notes_factory: Factory) -> Factory:
    notes_factory.declare(RECIPE)
    notes_factory.material({"id": f"{i:03}", "text": t, "label": "x"} for i, t in enumerate(TEXTS))
    notes_factory.made()
    return notes_factory


@settings(max_examples=examples(0.08), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at_least=st.integers(0, 40))
def test_a_tuned_threshold_says_what_a_run_with_it_does(tuned_factory: Factory, at_least: int) -> None:
    found = tune(tuned_factory.project, "notes", {"text_length": {"at_least": at_least}})
    before = tuned_factory.rows("silver")
    tuned_factory.declare([{"text_length": {"column": "text", "at_least": at_least}}, *RECIPE[1:]])
    made = tuned_factory.silver()
    after = tuned_factory.rows("silver")
    assert made.measured == 0
    assert (found.rows, found.rows_then) == (before.height, after.height)
    assert found.leave == before.join(after, on="_row_id", how="anti").height
    assert found.come_back == after.join(before, on="_row_id", how="anti").height
    assert found.balance == made.balance


def test_samples_name_the_rows_of_each_side_with_their_reason_and_text(tuned_factory: Factory) -> None:
    found = tune(tuned_factory.project, "notes", {"text_length": {"at_least": 1, "at_most": 10}}, samples=50)
    leave, back = (found.samples.filter(pl.col("side") == side) for side in ("would leave", "would come back"))
    assert leave["text"].to_list() == ["one two three four five six", "one two three four five six seven"]
    assert leave["rule"].unique().to_list() == ["too_long"]
    assert back["text"].to_list() == ["a"]
    assert back["rule"].to_list() == ["too_short"]


def test_nothing_is_written(tuned_factory: Factory) -> None:
    tables = [tuned_factory.project.table("silver", f"notes{s}") for s in ("", "_signals", "_fates")]
    before = [t.version() for t in tables]
    tune(tuned_factory.project, "notes", {"text_length": {"at_least": 3}})
    assert [t.version() for t in tables] == before


def test_what_is_no_threshold_is_refused(tuned_factory: Factory) -> None:
    project = tuned_factory.project
    with pytest.raises(SpecError, match=r"`text_length.unit` is no threshold.*") as refused:
        tune(project, "notes", {"text_length": {"unit": "words"}})
    assert "at_least, at_most" in str(refused.value)
    with pytest.raises(NotFoundError, match="no step `text_lenght`"):
        tune(project, "notes", {"text_lenght": {"at_least": 1}})
    with pytest.raises(SpecError, match="at_least"):
        tune(project, "notes", {"text_length": {"at_least": "many"}})
    tuned_factory.declare(RECIPE[:1])
    with pytest.raises(NotFoundError, match="does not match its sources and recipe"):
        tune(tuned_factory.project, "notes", {"text_length": {"at_least": 1}})


def test_a_row_is_explained_step_by_step(tuned_factory: Factory) -> None:
    project = tuned_factory.project
    short, copy, kept = (explain(project, "notes", f"notes/{i:03}") for i in (0, 5, 6))
    assert [(s.step, s.outcome) for s in short] == [("text_length", "dropped"), ("dedup_exact", "not reached")]
    assert short[0].signals == {"length": 1}
    assert short[0].rule == "too_short"
    assert [s.outcome for s in copy] == ["dropped", "not reached"]
    assert [s.outcome for s in kept] == ["passed", "passed"]
    nothing = explain(project, "notes", "notes/008")
    assert (nothing[0].outcome, nothing[0].rule) == ("quarantined", "no_signal")
    with pytest.raises(NotFoundError, match="knows no row"):
        explain(project, "notes", "notes/999")
