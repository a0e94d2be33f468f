"""The engine: every row is accounted for, in any order, in any units, by difference or from the start."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakehouse.core.errors import BalanceError, NotFoundError, SpecError
from lakehouse.production.engine.decide import totals
from lakehouse.production.engine.operator import OPERATORS, Change, Explode, Keep
from lakehouse.production.silver import Silver
from tests.examples import examples
from tests.factory import Factory, new_factory, notes

MINHASH = {"dedup_minhash": {"column": "text", "unit": "characters", "size": 3, "threshold": 0.7}}
STEPS: list[Any] = [
    {"fix_unicode": {"column": "text"}},
    {"normalise_whitespace": {"column": "text"}},
    {"redact": {"column": "text"}},
    {"text_length": {"column": "text", "at_least": 3}},
    {"text_length": {"column": "text", "at_least": 1, "at_most": 40}},
    {"label_conflict": {"column": "text", "label": "label"}},
    {"dedup_exact": {"columns": ["text"]}},
    MINHASH,
    {"dedup_minhash": {"column": "text", "unit": "characters", "size": 3, "keep": "all"}},
    {"sample": {"share": 0.7, "seed": 3}},
    {"chunk": {"column": "text", "at_most": 12}},
]
FIXED = [
    {"normalise_whitespace": {"column": "text"}},
    {"text_length": {"column": "text", "at_least": 2}},
    {"label_conflict": {"column": "text", "label": "label"}},
    {"dedup_exact": {"columns": ["text"]}},
    MINHASH,
]
CHUNKED = [*FIXED, {"chunk": {"column": "text", "at_most": 10}}, {"text_length": {"column": "text", "at_least": 3}}]

text = st.none() | st.sampled_from(
    [
        "",
        " ",
        "好",
        "很好的商品，物流很快，下次再来",
        "很好的商品，物流很快，下次还来",
        "a fine thing, it came fast",
        "A  fine thing, it came fast!",
        "call 13812345678",
        "one\ntwo\nthree and a longer line that is cut",
        "CafÃ© &amp; bar",
    ]
)
some_rows = st.dictionaries(st.sampled_from([f"k{i}" for i in range(12)]), st.tuples(text, st.none() | st.sampled_from("pn")), min_size=1)


@contextmanager
def new_folder(recipe: list[Any], **changes: Any) -> Iterator[Factory]:
    with tempfile.TemporaryDirectory() as folder:
        yield new_factory(Path(folder), recipe, **changes)


def material(factory: Factory, rows: dict[str, tuple[str | None, str | None]]) -> None:
    factory.material([{"id": k, "text": t, "label": label} for k, (t, label) in rows.items()])


def state(factory: Factory) -> dict[str, Any]:
    """All that a user can see of silver and its fates, without versions and times."""
    silver = factory.rows("silver")
    fates = factory.rows("silver", "notes_fates").sort("_row_id", "step")
    signals = factory.rows("silver", "notes_signals").drop("_parent").sort("_row_id", "_stage")
    return {"silver": silver.rows(named=True), "fates": fates.rows(named=True), "signals": signals.rows(named=True)}


def check_accounts(factory: Factory, done: Silver) -> None:
    """Each step balances; each live row has one fate or is in silver; each child of a divided row, too."""
    assert all(step.holds for step in done.balance)
    assert totals(done.balance).holds
    silver = Counter(factory.rows("silver")["_row_id"].to_list())
    fates = factory.rows("silver", "notes_fates")
    seen = silver + Counter(fates["_row_id"].to_list())
    assert set(seen.values()) <= {1}
    divided = {row["_row_id"]: int(row["evidence"]) for row in fates.filter(pl.col("fate") == "divided").iter_rows(named=True)}
    live = {f"notes/{json.loads(line)['id']}" for line in (factory.root / "raw/notes.jsonl").read_text().splitlines()}
    expected, grown = set(live), list(divided)
    for parent in grown:
        expected |= {f"{parent}#{i}" for i in range(divided[parent])}
    assert set(seen) == expected
    gone = Counter(fates.filter(pl.col("fate") != "divided")["fate"].to_list())
    whole = totals(done.balance)
    assert gone == Counter(
        {k: v for k, v in {"merged": whole.merged, "dropped": whole.dropped, "quarantined": whole.quarantined}.items() if v}
    )
    assert whole.out == done.rows == silver.total()


@settings(max_examples=examples(0.12), suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(STEPS), max_size=5), some_rows)
def test_every_row_is_accounted_for_under_any_recipe(recipe: list[Any], rows: dict[str, Any]) -> None:
    with new_folder(recipe) as factory:
        material(factory, rows)
        factory.collect()
        done = factory.silver()
        check_accounts(factory, done)
        assert factory.silver().unchanged


changes = st.lists(st.one_of(st.tuples(st.just("put"), some_rows), st.tuples(st.just("drop"), st.sampled_from(range(12)))), max_size=4)


@settings(max_examples=examples(0.04), suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from([FIXED, CHUNKED]), some_rows, changes)
def test_by_difference_gives_what_a_fresh_lake_gives(recipe: list[Any], rows: dict[str, Any], later: list[Any]) -> None:
    with new_folder(recipe) as grown, new_folder(recipe) as fresh:
        rows = dict(rows)
        rows["last"] = ("this row never goes away", "p")
        material(grown, rows)
        gold = grown.made()[1]
        for what, value in later:
            if what == "put":
                rows |= value
            else:
                rows.pop(f"k{value}", None)
            material(grown, rows)
            gold = grown.made()[1]
        material(fresh, rows)
        silver, anew = fresh.made()
        assert state(grown) == state(fresh)
        assert grown.silver().balance == silver.balance
        assert grown.rows("gold").equals(fresh.rows("gold"))
        assert (
            grown.project.table("gold", "notes").metadata()["factory.content_id"]
            == fresh.project.table("gold", "notes").metadata()["factory.content_id"]
        )
        assert gold.rows == anew.rows


def test_a_changed_threshold_measures_nothing(notes_factory: Factory) -> None:
    notes_factory.material(notes("好", "很好", "非常好", "特别特别好"))
    notes_factory.declare([{"text_length": {"column": "text", "at_least": 2}}])
    notes_factory.collect()
    assert notes_factory.silver().measured == 4
    notes_factory.declare([{"text_length": {"column": "text", "at_least": 3}}])
    again = notes_factory.silver()
    assert (again.measured, again.units, again.rows) == (0, 0, 2)
    assert notes_factory.fates() == {"00": ("dropped", "text_length", "too_short"), "01": ("dropped", "text_length", "too_short")}


def test_an_added_filter_measures_only_its_own_signal(notes_factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[tuple[str, ...]] = []
    from lakehouse.production import silver as module

    real = module.run_unit
    monkeypatch.setattr(module, "run_unit", lambda unit: (measured.append(unit.wanted), real(unit))[1])
    notes_factory.material(notes("好", "很好", "非常好"))
    notes_factory.declare([{"text_length": {"column": "text", "at_least": 2}}])
    notes_factory.collect()
    notes_factory.silver()
    notes_factory.declare([{"text_length": {"column": "text", "at_least": 2}}, {"dedup_exact": {"columns": ["text"]}}])
    notes_factory.silver()
    assert measured == [("text_length__length",), ("dedup_exact__key",)]
    assert set(notes_factory.rows("silver", "notes_signals").columns) >= {"text_length__length", "dedup_exact__key"}


def test_new_rows_and_a_new_signal_in_one_run(notes_factory: Factory) -> None:
    notes_factory.material(notes("好", "很好", None))
    notes_factory.declare([{"text_length": {"column": "text", "at_least": 2}}])
    notes_factory.collect()
    notes_factory.silver()
    notes_factory.material(notes("好", "很好", "很好", "一般"))
    notes_factory.declare([{"text_length": {"column": "text", "at_least": 2}}, {"dedup_exact": {"columns": ["text"]}}])
    notes_factory.collect()
    assert notes_factory.silver().measured == 2
    assert notes_factory.texts() == ["很好", "一般"]
    assert notes_factory.fates() == {"00": ("dropped", "text_length", "too_short"), "02": ("merged", "dedup_exact", "duplicate")}


def test_a_null_text_is_quarantined(notes_factory: Factory) -> None:
    notes_factory.material(notes("很好", None))
    notes_factory.declare([{"text_length": {"column": "text"}}])
    notes_factory.collect()
    notes_factory.silver()
    assert notes_factory.fates() == {"01": ("quarantined", "text_length", "no_signal")}


def test_unfit_rows_are_quarantined_at_the_intake_with_their_finding(notes_factory: Factory) -> None:
    notes_factory.write(
        "raw/notes.jsonl", '{"id": "00", "text": "很好", "label": null}\nnot json\n{"id": "00", "text": "again", "label": null}\n'
    )
    notes_factory.collect()
    done = notes_factory.silver()
    assert notes_factory.texts() == ["很好"]
    assert done.balance[0].reasons == {"duplicate_key": 1, "invalid_json": 1} or sum(done.balance[0].reasons.values()) == 2
    assert set(notes_factory.rows("silver", "notes_fates")["step"]) == {"intake"}


def refuse(texts: pl.Series) -> pl.Series:
    if any(text is not None and "bad" in text for text in texts):
        raise ValueError("cannot take this text")
    return texts


@pytest.fixture
def operators() -> Iterator[None]:
    """Operators that fail on a text with `bad` in it, that add a column, and that are random."""
    OPERATORS.entries()
    before = dict(OPERATORS._entries)

    @OPERATORS.register(version=1, cardinality="1:1")
    def fragile(*, column: str) -> Change:
        """Fails on some texts."""
        return Change({column: pl.col(column).map_batches(refuse, return_dtype=pl.String, is_elementwise=True)})

    @OPERATORS.register(version=1, cardinality="1:1")
    def initial(*, column: str) -> Change:
        """Adds a column with the first character."""
        return Change({"initial": pl.col(column).str.slice(0, 1)})

    @OPERATORS.register(version=1, cardinality="1:N")
    def both(*, left: str, right: str) -> Explode:
        """A row for each of two columns, in the first."""
        return Explode(left, pl.concat_list(left, right))

    @OPERATORS.register(version=1, cardinality="1:0")
    def fragile_score(*, column: str) -> Keep:
        """A signal that fails on some texts."""
        score = pl.col(column).map_batches(refuse, return_dtype=pl.String, is_elementwise=True).str.len_chars()
        return Keep({"score": score}, {"none": pl.col("score") < 0})

    yield
    OPERATORS._entries.clear()
    OPERATORS._entries.update(before)


@pytest.mark.usefixtures("operators")
@pytest.mark.parametrize("name", ["fragile", "fragile_score"])
def test_an_operator_that_raises_on_one_row_quarantines_that_row_only(notes_factory: Factory, name: str) -> None:
    notes_factory.material(notes("one", "a bad one", "three", "four", None))
    notes_factory.declare([{"text_length": {"column": "text"}}, {name: {"column": "text"}}])
    notes_factory.collect()
    done = notes_factory.silver()
    assert notes_factory.texts() == ["one", "three", "four"]
    assert notes_factory.fates() == {"01": ("quarantined", name, "error"), "04": ("quarantined", "text_length", "no_signal")}
    evidence = notes_factory.rows("silver", "notes_fates").filter(pl.col("rule") == "error")["evidence"].item()
    assert "cannot take this text" in evidence
    check_accounts(notes_factory, done)
    notes_factory.material(notes("one", "a good one", "three", "four", "five"))
    notes_factory.collect()
    assert notes_factory.silver().measured == 2
    assert notes_factory.texts() == ["one", "a good one", "three", "four", "five"]


@pytest.mark.usefixtures("operators")
def test_a_row_that_fails_after_it_was_cut_leaves_whole(notes_factory: Factory) -> None:
    notes_factory.material(notes("one two three", "good bad good", "four"))
    notes_factory.declare([{"chunk": {"column": "text", "at_most": 5}}, {"fragile": {"column": "text"}}])
    notes_factory.collect()
    done = notes_factory.silver()
    assert notes_factory.texts() == ["one", "two", "three", "four"]
    assert notes_factory.fates()["01"] == ("quarantined", "chunk", "error")
    assert "in step fragile" in notes_factory.rows("silver", "notes_fates").filter(pl.col("rule") == "error")["evidence"].item()
    check_accounts(notes_factory, done)


@pytest.mark.usefixtures("operators")
def test_a_step_may_add_a_column(notes_factory: Factory) -> None:
    notes_factory.material(notes("很好", None))
    notes_factory.declare([{"initial": {"column": "text"}}])
    notes_factory.collect()
    done = notes_factory.silver()
    assert notes_factory.rows("silver")["initial"].to_list() == ["很", None]
    assert done.balance[-1].changed == 0


@pytest.mark.usefixtures("operators")
def test_privacy_and_lineage_follow_the_columns_of_a_1_to_n_step(notes_factory: Factory) -> None:
    from lakehouse.production.engine.recipe import compile_recipe

    notes_factory.declare_source(privacy={"label": ["name"], "text": ["phone"]})
    notes_factory.declare([{"redact": {"column": "text", "kinds": ["phone"]}}, {"both": {"left": "text", "right": "label"}}])
    recipe = compile_recipe(notes_factory.project, "notes", dict.fromkeys(["id", "text", "label"], pl.String()))
    assert recipe.privacy["text"] == {"name"}
    assert recipe.lineage["text"] == {"text", "label"}


def test_a_step_for_texts_on_numbers_is_named(notes_factory: Factory) -> None:
    notes_factory.declare_source(columns={"id": "string", "text": "int", "label": "string"})
    notes_factory.write("raw/notes.jsonl", '{"id": "a", "text": 5, "label": "p"}\n')
    notes_factory.declare([{"text_length": {"column": "text"}}])
    notes_factory.collect()
    with pytest.raises(SpecError, match="column `text` is int"):
        notes_factory.silver()


def test_a_column_that_no_source_has_is_named_with_its_line(notes_factory: Factory) -> None:
    notes_factory.material(notes("x"))
    notes_factory.declare([{"text_length": {"column": "txt"}}])
    notes_factory.collect()
    with pytest.raises(SpecError, match="no column `txt`") as caught:
        notes_factory.silver()
    assert "assets/datasets/notes.yaml:" in str(caught.value)
    assert "did you mean `text`?" in str(caught.value)


def test_a_source_that_was_never_collected(notes_factory: Factory) -> None:
    with pytest.raises(NotFoundError, match="source notes was not collected yet"):
        notes_factory.silver()


def test_children_keep_the_cluster_of_their_parents(notes_factory: Factory) -> None:
    same = "很好的商品，物流很快，下次再来买东西"
    notes_factory.material(notes(same, same + "！", "完全不同的另外一段话，没有关系"))
    keep_all = {"dedup_minhash": {"column": "text", "unit": "characters", "size": 3, "keep": "all"}}
    notes_factory.declare([keep_all, {"chunk": {"column": "text", "at_most": 8}}, {"dedup_exact": {"columns": ["text", "id"]}}])
    notes_factory.collect()
    notes_factory.silver()
    clusters = notes_factory.rows("silver").group_by("_cluster").agg(pl.col("_root").unique().sort()).sort("_cluster")
    assert clusters["_root"].to_list() == [["notes/00", "notes/01"], ["notes/02"]]


def test_a_later_step_does_not_forget_the_clusters_of_an_earlier_one(notes_factory: Factory) -> None:
    same = "很好的商品，物流很快，下次再来买东西"
    notes_factory.material(notes(same, same + "！", same))
    keep_all = {"dedup_minhash": {"column": "text", "unit": "characters", "size": 3, "keep": "all"}}
    notes_factory.declare([keep_all, {"dedup_exact": {"columns": ["text"]}}])
    notes_factory.collect()
    notes_factory.silver()
    assert notes_factory.rows("silver").select("_row_id", "_cluster").rows() == [("notes/00", "notes/00"), ("notes/01", "notes/00")]


@pytest.mark.parametrize(
    "settings_yaml",
    ["unit_bytes: 40\n", pytest.param("runner: processes\nworkers: 2\nunit_bytes: 100\n", marks=pytest.mark.slow, id="processes")],
)
def test_units_and_runners_do_not_show_in_the_result(tmp_path: Path, settings_yaml: str) -> None:
    texts = [f"text number {i} of some length, {'long ' * (i % 7)}" for i in range(40)]
    one, many = (new_factory(tmp_path / name, CHUNKED, **{"yield": {"fail_below": 0.0}}) for name in ("one", "many"))
    one.material(notes(*texts))
    one.collect()
    many.write("lakehouse.yaml", settings_yaml)
    for n in (10, 20, 30, 40):
        many.material(notes(*texts[:n]))
        many.collect()
    assert len(many.project.table("bronze", "notes").files()) == 4
    first, second = one.silver(), many.silver()
    assert state(one) == state(many)
    assert first.balance == second.balance
    assert (first.units, second.units) == (1, 4)
    one.gold()
    many.gold()
    assert one.rows("gold").equals(many.rows("gold"))


def test_a_silver_table_that_someone_else_changed_is_an_alarm(notes_factory: Factory) -> None:
    notes_factory.material(notes("one", "two"))
    notes_factory.collect()
    notes_factory.silver()
    table = notes_factory.project.table("silver", "notes")
    table.write(table.read().head(1), "append")
    with pytest.raises(BalanceError, match="gave out 2 rows, silver holds 3"):
        notes_factory.silver()
    notes_factory.material(notes("one", "two", "three"))
    notes_factory.collect()
    with pytest.raises(BalanceError, match=r"notes/0\d is there more than once"):
        notes_factory.silver()


def test_a_changed_repair_rewrites_values_and_measures_once(notes_factory: Factory) -> None:
    notes_factory.material(notes("call 13812345678 li@example.com", "plain"))
    notes_factory.declare([{"redact": {"column": "text", "kinds": ["phone"]}}])
    notes_factory.collect()
    notes_factory.silver()
    notes_factory.declare([{"redact": {"column": "text", "kinds": ["phone", "email"]}}])
    again = notes_factory.silver()
    assert notes_factory.texts() == ["call [PHONE] [EMAIL]", "plain"]
    assert (again.added, again.changed, again.removed, again.units) == (0, 2, 0, 1)


def test_a_key_that_looks_like_a_piece_of_another_row(notes_factory: Factory) -> None:
    length = {"text_length": {"column": "text"}}
    notes_factory.declare([length, {"chunk": {"column": "text", "at_most": 5}}, length])
    rows = [{"id": "a", "text": "one two three"}, {"id": "a#0", "text": "four five six"}]
    notes_factory.material(rows)
    notes_factory.collect()
    assert notes_factory.silver().rows == 6
    notes_factory.material([*rows, {"id": "b", "text": "x"}])
    notes_factory.collect()
    more = notes_factory.silver()
    assert (more.rows, more.measured) == (7, 1)
    assert notes_factory.rows("silver")["_row_id"].to_list()[0::3] == ["notes/a#0", "notes/a~h0#0", "notes/b#0"]
