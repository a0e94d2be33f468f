import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakehouse.core import versions
from lakehouse.core.project import Project
from lakehouse.operations.history.diff import diff
from tests.delivery.release.factory import COLUMNS, collect, fates, make, new_project, reviews
from tests.examples import examples

STEP = {"step": "1", "operator": "text_length", "code": "ab12", "params": {"column": "text", "at_least": 2}}
DEDUP = {"step": "2", "operator": "dedup_exact", "code": "cd34", "params": {"columns": ["text"]}}
INPUT = {"source": "reviews_raw", "content_id": "c" * 64, "delta_version": 0, "rows": 8, "license": "MIT", "uri": "raw"}


def test_rows_are_counted_by_what_happened_to_them_with_the_reason(project: Project) -> None:
    collect(project, [0, 1, 2, 3, 4, 5, 6, 7])
    fates(project, ("reviews_raw/007", "dropped", "1", "too_short", None, None))
    make(project, reviews(0, 1, 2, 3, 4, 5, 6), "1.0.0", inputs=[INPUT], recipe=[STEP])
    collect(project, [6], 1, deleted=True)
    fates(
        project,
        ("reviews_raw/001", "dropped", "1", "too_short", "{}", None),
        ("reviews_raw/002", "merged", "2", "same_text", None, "reviews_raw/000"),
    )
    broken = pl.DataFrame({"_row_id": ["reviews_raw/003"], "_rules": [["label:isin", "text:str_length"]]})
    project.table("gold", "reviews_quarantine").write(broken, "overwrite")
    edited = pl.concat([reviews(0), reviews(4, text="改过"), reviews(5, split="train"), reviews(7)])
    moved_input = {**INPUT, "content_id": "d" * 64, "delta_version": 1, "rows": 7}
    raised = {**STEP, "params": {"column": "text", "at_least": 4}}
    second = make(project, edited, "1.1.0", inputs=[moved_input], recipe=[raised, DEDUP])
    found = diff(project, "reviews", "1.0.0", "latest")
    assert (found.added, found.removed, found.changed, found.moved, found.same) == (1, 4, 1, 1, 1)
    assert found.removed_because == {
        "1: too_short": 1,
        "2: same_text": 1,
        "contract: label:isin, text:str_length": 1,
        "source: not collected at that time": 1,
    }
    assert found.added_because == {"1: too_short": 1}
    merged = found.rows.row(by_predicate=pl.col("row_id") == "reviews_raw/002", named=True)
    assert (merged["change"], merged["other"], merged["from_split"], merged["to_split"]) == ("removed", "reviews_raw/000", "train", None)
    assert found.rows.filter(pl.col("change") == "moved").row(0)[:4] == ("reviews_raw/005", "moved", "test", "train")
    assert found.plan == (
        "source `reviews_raw` changed: 8 rows before, 7 now",
        "recipe: step 2 (dedup_exact) is new",
        "recipe: step 1 (text_length): at_least was 2, now 4",
    )
    assert found.b.version == second.version


def test_contract_splits_and_scores(project: Project) -> None:
    old = make(project, reviews(0, 1))
    versions.record(project, "reviews", old.version, "evaluated", {"name": "train", "metrics": {"test": {"macro_f1": {"mean": 0.8}}}})
    tighter = {**COLUMNS, "label": {**COLUMNS["label"], "nullable": True, "checks": ["isin(['positive'])"]}}
    make(project, reviews(0, 1, 2), "2.0.0", columns=tighter, contract={"hash": "other"}, splits={"by": "row", "seed": 7})
    found = diff(project, "reviews", "1.0.0", "2.0.0")
    assert "contract: column `label` may now be null" in found.plan
    assert "contract: column `label` now promises isin(['positive'])" in found.plan
    assert "splits: by was cluster, now row" in found.plan
    score = found.scores[0]
    assert (score.evaluation, score.on, score.metric, score.a, score.b) == ("train", "test", "macro_f1", 0.8, 0.9)
    assert score.difference is not None
    assert abs(score.difference - 0.1) < 1e-9


def test_a_version_does_not_differ_from_itself(project: Project) -> None:
    make(project, reviews(0, 1, 2))
    found = diff(project, "reviews", "1.0.0", "1.0.0")
    assert (found.added, found.removed, found.changed, found.moved, found.same) == (0, 0, 0, 0, 3)
    assert found.plan == ()


@settings(max_examples=examples(0.08), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(st.integers(0, 30), min_size=1), st.sets(st.integers(0, 30), min_size=1))
def test_added_and_removed_mirror_each_other_and_every_row_is_counted(tmp_path_factory, a: set[int], b: set[int]) -> None:
    project = new_project(tmp_path_factory.mktemp("diff") / "factory")
    make(project, reviews(*sorted(a)), "1.0.0", recipe=[])
    make(project, reviews(*sorted(b)), "1.1.0", recipe=[STEP])
    there, back = diff(project, "reviews", "1.0.0", "1.1.0"), diff(project, "reviews", "1.1.0", "1.0.0")
    assert (there.added, there.removed) == (len(b - a), len(a - b)) == (back.removed, back.added)
    assert there.same + there.removed == len(a)
    assert sum(there.removed_because.values()) == there.removed
