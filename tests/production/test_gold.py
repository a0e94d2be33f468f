"""Gold: what breaks the contract never reaches it; splits do not leak; labels say what changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.core import versions
from lakehouse.core.errors import ContractError, NondeterminismError, NotFoundError, ViolationRateError, YieldError
from lakehouse.core.spec import Splits
from lakehouse.production import split_leaks, splits
from lakehouse.production.engine.operator import OPERATORS, Change
from lakehouse.production.learnt_columns import Learnt
from tests.factory import Factory, notes

LENGTH = {"text_length": {"column": "text", "at_least": 1}}


def made(factory: Factory) -> list[tuple[str, str]]:
    """Label and version of all versions."""
    return [(v.label, v.version) for v in versions.versions(factory.project, "notes")]


def test_every_broken_rule_of_a_row_is_listed(notes_factory: Factory) -> None:
    notes_factory.contract(shortest=3, more='    id: str = pa.Field(isin=["00", "01"])\n')
    notes_factory.material(notes("good one", "ok", "x", "fine but elsewhere"))
    gold = notes_factory.made()[1]
    quarantine = notes_factory.rows("gold", "notes_quarantine")
    assert notes_factory.texts("gold") == ["good one"]
    assert dict(quarantine.select("_row_id", "_rules").iter_rows()) == {
        "notes/01": ["text:str_length(3, None)"],
        "notes/02": ["id:isin(['00', '01'])", "text:str_length(3, None)"],
        "notes/03": ["id:isin(['00', '01'])"],
    }
    assert gold.violations == {"id:isin(['00', '01'])": 2, "text:str_length(3, None)": 2}
    assert (gold.rows, gold.quarantined) == (1, 3)


def test_quarantined_rows_are_tried_again_when_the_contract_changes(notes_factory: Factory) -> None:
    notes_factory.contract(shortest=3)
    notes_factory.material(notes("long enough", "ok"))
    assert notes_factory.made()[1].label == "1.0.0"
    notes_factory.contract(shortest=1)
    gold = notes_factory.gold()
    assert gold.label == "2.0.0"
    assert gold.change["part"] == "major"
    assert "no longer promises str_length(3, None)" in gold.change["reasons"][0]
    assert notes_factory.texts("gold") == ["long enough", "ok"]
    assert notes_factory.rows("gold", "notes_quarantine").is_empty()


@pytest.mark.parametrize("on_violation", [{"action": "quarantine", "max_rate": 0.3}, {"action": "fail"}])
def test_above_the_rate_gold_and_versions_stay_as_they_were(notes_factory: Factory, on_violation: dict[str, Any]) -> None:
    notes_factory.declare([], on_violation=on_violation)
    notes_factory.contract(shortest=2)
    notes_factory.material(notes("good", "fine"))
    before = notes_factory.made()[1]
    rows = notes_factory.rows("gold")
    notes_factory.material(notes("good", "x"))
    with pytest.raises(ViolationRateError) as caught:
        notes_factory.made()
    message = str(caught.value)
    assert "1 of 2 rows (50.0%) break the contract" in message
    assert "text:str_length(2, None) (1)" in message
    assert "First row: notes/01" in message
    assert "gold/notes_quarantine" in message
    assert notes_factory.rows("gold").equals(rows)
    assert made(notes_factory) == [(before.label, before.version)]
    assert notes_factory.rows("gold", "notes_quarantine")["_row_id"].to_list() == ["notes/01"]


def test_no_surviving_row_is_refused(notes_factory: Factory) -> None:
    notes_factory.declare([{"text_length": {"column": "text", "at_least": 100}}])
    notes_factory.material(notes("short"))
    with pytest.raises(YieldError, match=r"step text_length keeps 0 of 1 row .*\(too_short 1\).*\n.*gold cannot be empty"):
        notes_factory.made()
    notes_factory.declare([{"sample": {"share": 0.0}}])
    with pytest.raises(ViolationRateError, match="no row survived"):
        notes_factory.made()


def test_unique_speaks_across_rows_and_names_all_copies(notes_factory: Factory) -> None:
    notes_factory.contract(more="    id: str = pa.Field(unique=True)\n")
    notes_factory.declare_source(key="position")
    notes_factory.material([*notes("one", "two"), {"id": "00", "text": "three", "label": "c"}])
    notes_factory.made()
    quarantine = notes_factory.rows("gold", "notes_quarantine")
    assert quarantine["text"].to_list() == ["one", "three"]
    assert set(quarantine["_rules"].explode()) == {"id:field_uniqueness"}


def test_a_second_run_writes_nothing(notes_factory: Factory) -> None:
    notes_factory.material(notes("one", "two"))
    first = notes_factory.made()[1]
    tables = [
        notes_factory.project.table(layer, name)  # type: ignore[arg-type]
        for layer, name in (("silver", "notes"), ("silver", "notes_signals"), ("silver", "notes_fates"), ("gold", "notes"))
    ]
    before = [t.version() for t in tables]
    collection = notes_factory.collect()
    silver, gold = notes_factory.silver(), notes_factory.gold()
    assert (collection.unchanged, silver.unchanged, gold.unchanged) == (True, True, True)
    assert [t.version() for t in tables] == before
    assert (gold.version, gold.made) == (first.version, False)
    assert made(notes_factory) == [("1.0.0", first.version)]


def test_labels_say_what_changed(notes_factory: Factory) -> None:
    notes_factory.material(notes("one", "two"))
    assert notes_factory.made()[1].label == "1.0.0"
    notes_factory.material(notes("one", "two", "three"))
    more = notes_factory.made()[1]
    assert (more.label, more.change["reasons"]) == ("1.1.0", ["source notes changed"])
    notes_factory.declare([LENGTH])
    step = notes_factory.made()[1]
    assert (step.label, step.change["reasons"]) == ("1.2.0", ["step text_length added"])
    notes_factory.declare([{"text_length": {"column": "text", "at_least": 2}}])
    assert notes_factory.made()[1].change["reasons"] == ["step text_length: parameters changed"]
    notes_factory.declare([{"text_length": {"column": "text", "at_least": 2}}], description="Better words.")
    words = notes_factory.made()[1]
    assert (words.label, words.made, words.change) == ("1.3.1", True, {"part": "patch", "reasons": ["description changed"]})
    notes_factory.contract(more='    id: str = pa.Field(description="Its number.")\n')
    assert notes_factory.gold().label == "1.4.0"
    notes_factory.contract(more='    id: str = pa.Field(description="The number of the row.")\n')
    described = notes_factory.gold()
    assert (described.label, described.change) == ("1.4.1", {"part": "patch", "reasons": ["contract changed"]})
    newest = versions.find(notes_factory.project, "notes", "1.4.1")
    assert newest.version == described.version
    assert newest.manifest["columns"]["id"]["description"] == "The number of the row."
    notes_factory.contract()
    gone = notes_factory.gold()
    assert (gone.label, gone.change["reasons"]) == ("1.3.1", ["column `id` is gone"]), "the content and words of 1.3.1, under its label"
    assert "id" not in notes_factory.rows("gold").columns


def test_going_back_gives_the_same_version_under_its_label(notes_factory: Factory) -> None:
    notes_factory.material(notes("one", "two"))
    first = notes_factory.made()[1]
    notes_factory.material(notes("one", "two", "three"))
    notes_factory.made()
    notes_factory.material(notes("one", "two"))
    back = notes_factory.made()[1]
    assert (back.version, back.label) == (first.version, "1.0.0")
    assert versions.find(notes_factory.project, "notes", "1.0.0").version == first.version
    assert versions.find(notes_factory.project, "notes", "latest").labels == ("1.0.0",)
    notes_factory.material(notes("one", "two", "four"))
    assert notes_factory.made()[1].label == "1.2.0", "no label is given twice"


def test_gold_that_was_restored_by_hand_is_brought_back_under_its_label(notes_factory: Factory) -> None:
    notes_factory.material(notes("one", "two"))
    notes_factory.made()
    notes_factory.material(notes("one", "two", "three"))
    latest = notes_factory.made()[1]
    notes_factory.project.table("gold", "notes").restore(0)
    again = notes_factory.gold()
    assert (again.version, again.label) == (latest.version, latest.label)
    assert notes_factory.texts("gold") == ["one", "two", "three"]
    assert notes_factory.gold().unchanged


@pytest.fixture
def random_operator() -> Iterator[None]:
    OPERATORS.entries()
    before = dict(OPERATORS._entries)
    count = iter(range(1000))

    @OPERATORS.register(version=1, cardinality="1:1")
    def random_word(*, column: str) -> Change:
        """Another text at every call."""
        return Change({column: pl.col(column).map_batches(lambda s: s + f" {next(count)}", return_dtype=pl.String, is_elementwise=True)})

    yield
    OPERATORS._entries.clear()
    OPERATORS._entries.update(before)


@pytest.mark.usefixtures("random_operator")
def test_the_same_plan_with_other_content_is_an_alarm(notes_factory: Factory) -> None:
    notes_factory.material(notes("one"))
    notes_factory.declare([{"random_word": {"column": "text"}}])
    notes_factory.made()
    notes_factory.material(notes("other"))
    notes_factory.made()
    rows = notes_factory.rows("gold")
    notes_factory.material(notes("one"))
    with pytest.raises(NondeterminismError, match="gave content"):
        notes_factory.made()
    assert notes_factory.rows("gold").equals(rows)
    assert len(made(notes_factory)) == 2


def test_gold_wants_silver_as_it_should_be_now(notes_factory: Factory) -> None:
    notes_factory.material(notes("one"))
    notes_factory.collect()
    with pytest.raises(NotFoundError, match="silver/notes does not match its sources and recipe"):
        notes_factory.gold()


# splits


def frame(roots: list[int], clusters: list[int]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "_row_id": [f"s/{i:03}" for i in range(len(roots))],
            "_root": [f"r{r}" for r in roots],
            "_cluster": [f"c{c}" for c in clusters],
        },
        schema={"_row_id": pl.String, "_root": pl.String, "_cluster": pl.String},
    )


def oracle_groups(rows: pl.DataFrame) -> list[str]:
    """The smallest id among all that are linked by root or cluster, by plain search."""
    ids, roots, clusters = (rows[c].to_list() for c in ("_row_id", "_root", "_cluster"))
    names = []
    for start in range(len(ids)):
        reached, todo = {start}, [start]
        while todo:
            i = todo.pop()
            linked = {j for j in range(len(ids)) if roots[j] == roots[i] or clusters[j] == clusters[i]} - reached
            reached |= linked
            todo += linked
        names.append(min(ids[i] for i in reached))
    return names


linked = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=14)


@given(linked, st.randoms())
def test_no_group_is_divided_whatever_the_order(links: list[tuple[int, int]], random: Any) -> None:
    rows = frame([r for r, _ in links], [c for _, c in links])
    assert splits.groups(rows).to_list() == oracle_groups(rows)
    shuffled = rows[random.sample(range(rows.height), rows.height)]
    spec = Splits(train=0.5, validation=0.25, test=0.25, seed=3)
    assigned = rows.with_columns(splits.assign(rows, splits.groups(rows), spec, "notes"), splits.groups(rows))
    assert assigned.group_by("_group").agg(pl.col("_split").n_unique())["_split"].max() in (1, None)
    again = shuffled.with_columns(splits.assign(shuffled, splits.groups(shuffled), spec, "notes")).sort("_row_id")
    assert again["_split"].to_list() == assigned["_split"].to_list()
    assert not split_leaks.leaks(assigned, splits.groups(assigned), Learnt((), as_table=False)).found


@given(st.integers(0, 1000), st.sampled_from([(0.8, 0.1, 0.1), (0.5, 0.0, 0.5), (1.0, 0.0, 0.0)]))
def test_shares_are_near_their_targets_and_new_rows_move_no_others(seed: int, shares: tuple[float, float, float]) -> None:
    spec = Splits(train=shares[0], validation=shares[1], test=shares[2], seed=seed)
    rows = frame(list(range(4000)), list(range(4000)))
    first = splits.assign(rows.head(2000), splits.groups(rows.head(2000)), spec, "notes").to_list()
    everything = splits.assign(rows, splits.groups(rows), spec, "notes")
    assert everything.to_list()[:2000] == first
    for name, share in zip(("train", "validation", "test"), shares, strict=True):
        assert abs((everything == name).mean() - share) < 0.04  # five standard deviations
    assert set(everything) == set(spec.shares)


def test_splits_by_column(notes_factory: Factory) -> None:
    notes_factory.declare([], splits={"by": "column", "column": "label"})
    notes_factory.material([{"id": "1", "text": "one", "label": "train"}, {"id": "2", "text": "two", "label": "test"}])
    assert notes_factory.made()[1].splits == {"test": 1, "train": 1}
    notes_factory.material([{"id": "1", "text": "one", "label": "dev"}])
    with pytest.raises(ContractError, match="column `label` holds `dev` in row notes/1"):
        notes_factory.made()
    notes_factory.declare([], splits={"by": "column", "column": "part"})
    notes_factory.silver()
    with pytest.raises(ContractError, match=r"splits.column `part` is no column of notes"):
        notes_factory.gold()


def _leaks(factory: Factory) -> tuple[int, int]:
    """Groups divided, and equal rows in two splits, of the version that is made now."""
    found = factory.made()[1].leaks
    return found.groups, found.rows


def test_planted_leaks_are_found(notes_factory: Factory) -> None:
    row_by_row = {"by": "row", "train": 0.5, "test": 0.5, "seed": 1}
    notes_factory.contract(more="    id: str\n")
    notes_factory.declare([], splits=row_by_row)
    notes_factory.material(notes(*["the same long text everywhere"] * 12, "another text, once"))
    assert _leaks(notes_factory) == (0, 12)
    notes_factory.declare([{"dedup_exact": {"columns": ["text"]}}], splits=row_by_row)
    assert _leaks(notes_factory) == (0, 0)
    named = {"dedup_minhash": {"column": "text", "unit": "characters", "size": 3, "keep": "all"}}
    notes_factory.declare([named], splits=row_by_row)
    assert _leaks(notes_factory) == (1, 12)
    notes_factory.declare([named], splits={"train": 0.5, "test": 0.5, "seed": 1})
    assert _leaks(notes_factory) == (0, 0)


def test_a_version_whose_balance_ends_with_silver_is_told_as_any_other(notes_factory: Factory) -> None:
    notes_factory.contract(shortest=3)
    notes_factory.material(notes("long enough", "ok"))
    notes_factory.made()
    now = versions.current(notes_factory.project, "notes")
    assert now is not None
    older = {**now.manifest, "balance": [b for b in now.manifest["balance"] if b["operator"] != "contract"]}
    versions.record(notes_factory.project, "notes", now.version, "made", {k: v for k, v in older.items() if k != "made_at"})
    gold = notes_factory.gold()
    assert gold.unchanged
    assert [(b.step, b.entered, b.quarantined, b.out) for b in gold.balance] == [("contract", 2, 1, 1)]
