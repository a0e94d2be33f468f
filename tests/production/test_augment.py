"""Augmentation: variants of train rows only, linked, checked by the contract, made once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lakehouse.core import versions
from lakehouse.core.errors import ContractError, RecipeError, SpecError
from lakehouse.core.text.compiled import compiled
from lakehouse.operations.history.diff import diff
from lakehouse.operations.history.trace import recall, trace
from lakehouse.production.engine.operator import OPERATORS, SEED, Change
from lakehouse.production.inspection.tune import explain
from tests.factory import Factory, new_factory, notes

CALLS: list[int] = []


@pytest.fixture(autouse=True)
def shout() -> Iterator[None]:
    """An operator that puts a number from the seed behind a text, and cannot take the word `poison`."""

    def seen(texts: pl.Series) -> pl.Series:
        CALLS.append(len(texts))
        if texts.str.contains("poison").any():
            raise ValueError("cannot take it")
        return texts

    @OPERATORS.register(version=1, cardinality="1:1", seeded=True)
    def numbered(*, column: str, modulo: int = 1000) -> Change:
        number = (pl.col(SEED) % modulo).cast(pl.String)
        return Change({column: pl.concat_str(compiled(pl.col(column), seen, pl.String), pl.lit(" "), number)})

    CALLS.clear()
    yield
    OPERATORS._entries.pop("numbered")


def augmented(root: Path, *augment: dict[str, Any], **changes: Any) -> Factory:
    return new_factory(root, [], augment=list(augment), **changes)


def numbered(**options: Any) -> dict[str, Any]:
    return {"steps": [{"numbered": {"column": "text", **options.pop("params", {})}}], **options}


ALL_TRAIN = {"by": "row", "train": 1.0}
MANY = [f"text number {i}" for i in range(60)]


def test_variants_are_of_train_rows_and_linked_to_them(tmp_path: Path) -> None:
    factory = augmented(tmp_path, numbered(copies=2))
    factory.material(notes(*MANY))
    gold = factory.made()[1]
    rows = factory.rows("gold")
    variants = rows.filter(pl.col("_row_id").str.contains("#"))
    originals = rows.filter(~pl.col("_row_id").str.contains("#"))
    train = originals.filter(pl.col("_split") == "train")
    assert originals["_parent"].null_count() == len(MANY)
    assert set(variants["_split"]) == {"train"}
    assert variants["_row_id"].to_list() == sorted(f"{row}#numbered.{i}" for row in train["_row_id"] for i in range(2))
    assert variants["_parent"].to_list() == variants["_row_id"].str.split("#").list.first().to_list() == variants["_root"].to_list()
    parents = variants.join(train, left_on="_parent", right_on="_row_id", maintain_order="left")
    assert all(text.startswith(f"{parent} ") for text, parent in parents.select("text", "text_right").iter_rows())
    assert (parents["_cluster"] == parents["_cluster_right"]).all()
    assert [(b.step, b.entered, b.created, b.out) for b in gold.balance] == [
        ("contract", 60, 0, 60),
        ("numbered", 60, 2 * train.height, rows.height),
    ]
    assert (gold.leaks.groups, gold.leaks.rows) == (0, 0)
    assert sum(gold.splits.values()) == gold.rows == rows.height


def test_the_same_variants_are_made_again_anywhere(tmp_path: Path) -> None:
    made = []
    for name in ("here", "there"):
        factory = augmented(tmp_path / name, numbered(share=0.5))
        factory.material(notes(*MANY))
        made.append(factory.made()[1].version)
    assert made[0] == made[1]
    other = augmented(tmp_path / "seed", numbered(share=0.5, seed=1))
    other.material(notes(*MANY))
    assert other.made()[1].version != made[0]


def test_only_variants_of_new_rows_are_computed(tmp_path: Path) -> None:
    factory = augmented(tmp_path, numbered())
    factory.material(notes(*MANY))
    before = factory.made()[1]
    CALLS.clear()
    factory.material([*notes(*MANY), {"id": "zz1", "text": "one more", "label": "a"}, {"id": "zz3", "text": "and another", "label": "a"}])
    after = factory.made()[1]
    assert sum(CALLS) == after.rows - before.rows - 2
    whole = augmented(tmp_path / "whole", numbered())
    whole.material([*notes(*MANY), {"id": "zz1", "text": "one more", "label": "a"}, {"id": "zz3", "text": "and another", "label": "a"}])
    assert whole.made()[1].version == after.version
    CALLS.clear()
    factory.material(notes(*MANY[:50]))
    factory.made()
    assert {row.partition("#")[0] for row in factory.rows("gold")["_row_id"]} == {f"notes/{i:02}" for i in range(50)}
    assert sum(CALLS) == 0


def test_a_changed_augmentation_is_a_new_version_and_silver_stays(tmp_path: Path) -> None:
    factory = augmented(tmp_path, numbered())
    factory.material(notes(*MANY))
    factory.made()
    factory.declare([], augment=[numbered(), numbered(copies=2)])
    assert factory.silver().unchanged
    CALLS.clear()
    gold = factory.gold()
    assert gold.change["reasons"] == ["augmentation changed"]
    train = sum("#" not in row for row in factory.rows("gold").filter(pl.col("_split") == "train")["_row_id"])
    assert sum(CALLS) == 2 * train, "the first augmentation is made already"
    factory.declare([])
    assert factory.gold().rows == len(MANY)


def test_what_says_nothing_new_is_not_added(tmp_path: Path) -> None:
    normalized = {"steps": [{"punctuation_normalization": {"column": "text"}}]}
    factory = augmented(tmp_path, normalized, numbered(copies=9, params={"modulo": 1}), splits=ALL_TRAIN)
    factory.material(notes("plain text", "full stop。", "another one 0", "another one", "three", "four"))
    gold = factory.made()[1]
    first, second = gold.balance[1:]
    assert (first.created, first.reasons, first.out - first.entered) == (6, {"unchanged": 5}, 1)
    assert second.reasons == {"duplicate": 9 * 6 - 5}, "nine times the same, and one that a collected row says already"
    assert second.out == gold.rows == 6 + 1 + 5


def test_a_variant_equal_to_a_test_row_is_not_added(tmp_path: Path) -> None:
    factory = augmented(tmp_path, numbered(params={"modulo": 1}), splits={"by": "column", "column": "label"})
    rows = [*notes("a text", label="train"), {"id": "zz", "text": "a text 0", "label": "test"}]
    factory.material(rows)
    gold = factory.made()[1]
    assert gold.balance[-1].reasons == {"in_another_split": 1}
    assert gold.rows == 2


def test_variants_keep_the_contract_or_are_set_aside(tmp_path: Path) -> None:
    factory = augmented(tmp_path, numbered(), splits=ALL_TRAIN)
    factory.contract()
    factory.write("contracts/rows.py", factory.root.joinpath("contracts/rows.py").read_text().replace('"min_value": 1', '"max_value": 12'))
    factory.material(notes("short", "just too long", "fits so far."[:12], "poison"))
    gold = factory.made()[1]
    quarantine = dict(factory.rows("gold", "notes_quarantine").select("_row_id", "_rules").iter_rows())
    assert quarantine["notes/01"] == ["text:str_length(None, 12)"]
    assert quarantine["notes/02#numbered.0"] == ["text:str_length(None, 12)"]
    assert "cannot take it" in quarantine["notes/03#numbered.0"][0]
    assert gold.balance[-1].quarantined == 2
    assert "notes/00#numbered.0" in set(factory.rows("gold")["_row_id"])


def test_where_and_even_make_up_what_is_lacking(tmp_path: Path) -> None:
    factory = augmented(tmp_path, numbered(even="label", copies=50), splits=ALL_TRAIN)
    rows = [*notes(*MANY[:40], label="good"), *({"id": f"b{i}", "text": f"bad {i}", "label": "bad"} for i in range(7))]
    factory.material([*rows, {"id": "n", "text": "neither", "label": None}])
    factory.made()
    assert dict(factory.rows("gold").group_by("label").len().iter_rows()) == {"good": 40, "bad": 40, None: 40}
    factory.declare([], augment=[numbered(even="label", copies=50, where={"label": ["good", "bad"]})], splits=ALL_TRAIN)
    factory.made()
    assert dict(factory.rows("gold").group_by("label").len().iter_rows()) == {"good": 40, "bad": 40, None: 1}
    factory.declare([], augment=[numbered(where={"label": ["bad", None]}, copies=2)], splits=ALL_TRAIN)
    factory.made()
    assert dict(factory.rows("gold").group_by("label").len().iter_rows()) == {"good": 40, "bad": 21, None: 3}


def test_a_variant_is_traced_to_its_source_and_recalled_with_it(tmp_path: Path) -> None:
    factory = augmented(tmp_path, numbered(), splits=ALL_TRAIN)
    factory.material(notes("one", "two"))
    gold = factory.made()[1]
    found = trace(factory.project, "notes/01#numbered.0")
    assert found.root == "notes/01"
    assert found.origin is not None
    assert [(h.row_id, h.version) for h in found.held] == [("notes/01#numbered.0", gold.version)]
    told = explain(factory.project, "notes", "notes/01#numbered.0")
    assert (told[-1].step, told[-1].outcome, told[-1].other) == ("numbered", "made as a variant", "notes/01")
    factory.declare([], splits=ALL_TRAIN)
    factory.gold()
    told_apart = diff(factory.project, "notes", "1.0.0", "1.1.0")
    assert told_apart.removed_because == {"augmentation numbered: not made": 2}
    assert told_apart.plan == ("augmentation numbered is gone",)
    assert {h.row_id: h.how for h in recall(factory.project, "notes/01").held} == {"notes/01": "itself", "notes/01#numbered.0": "child"}


def test_the_manifest_says_what_was_made(tmp_path: Path) -> None:
    factory = augmented(tmp_path, numbered(copies=2), splits=ALL_TRAIN)
    factory.material(notes("one", "two"))
    factory.made()
    version = versions.current(factory.project, "notes")
    assert version is not None
    assert [b["step"] for b in version.manifest["balance"]] == ["intake", "contract", "numbered"]
    assert version.manifest["balance"][-1]["created"] == 4
    assert version.manifest["augment"][0]["steps"][0]["operator"] == "numbered"


@pytest.mark.parametrize(
    ("augment", "message"),
    [
        ({"steps": [{"numbered": {"column": "txt"}}]}, "no column `txt`"),
        ({"steps": [{"text_length": {"column": "text", "at_least": 1}}]}, "`text_length` is 1:0: it makes no variants"),
        ({"steps": [{"numbered": {"column": "text"}}], "where": {"lable": ["a"]}}, "no column `lable`"),
        ({"steps": []}, "steps"),
        ({"steps": [{"numbered": {"column": "text"}}], "even": "label", "share": 0.5}, "remove `share`"),
    ],
)
def test_a_wrong_declaration_names_the_file_and_line(tmp_path: Path, augment: dict[str, Any], message: str) -> None:
    factory = augmented(tmp_path, augment)
    factory.material(notes("one"))
    with pytest.raises(SpecError, match=message) as raised:
        factory.made()
    assert "notes.yaml" in str(raised.value)


def test_a_step_that_makes_variants_has_no_place_in_a_recipe(tmp_path: Path) -> None:
    factory = new_factory(tmp_path, [{"numbered": {"column": "text"}}])
    factory.material(notes("one"))
    with pytest.raises(SpecError, match="declare it under `augment`"):
        factory.made()


def test_values_of_another_type_and_unique_columns_are_named(tmp_path: Path) -> None:
    factory = augmented(tmp_path, numbered(where={"label": [1]}))
    factory.material(notes("one"))
    with pytest.raises(RecipeError, match="`where` compares column `label`, which is String, with"):
        factory.made()
    factory.declare([], augment=[numbered()])
    factory.contract(more="    id: str = pa.Field(unique=True)\n")
    with pytest.raises(ContractError, match="no two rows have the same `id`"):
        factory.gold()
