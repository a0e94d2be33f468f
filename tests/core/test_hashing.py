"""Identities: no two rows share an encoding, order and layout do not matter, code counts and words about it do not."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.core.code_digest import code_digest
from lakehouse.core.hashing import canonical, content_id, digest, row_digest
from lakehouse.production.engine.recipe import compile_recipe, source_columns
from lakehouse.production.inputs import read_inputs
from lakehouse.production.manifest import plan_of
from tests.factory import Factory, notes

SNAPSHOT = Path(__file__).with_name("identities.json")


def digests(rows: list[tuple[Any, ...]], dtypes: list[Any]) -> list[str]:
    frame = pl.DataFrame(rows, schema={f"c{i}": t for i, t in enumerate(dtypes)}, orient="row")
    return frame.select(row_digest(dict(frame.schema), frame.columns)).to_series().to_list()


tricky = st.none() | st.sampled_from(["", "-", "1:a", "a", "2:c1=", "0:", "1:c", "好"]) | st.text(max_size=4)


@given(st.lists(st.tuples(tricky, tricky), min_size=2, max_size=8))
def test_different_rows_have_different_digests(rows: list[tuple[Any, ...]]) -> None:
    found = digests(rows, [pl.String, pl.String])
    assert None not in found
    assert len(set(found)) == len(set(rows))


NESTED = [
    (pl.List(pl.String), [None, [], [None], [""], ["a"], ["a", "b"], ["a,b"]]),
    (pl.Struct({"a": pl.Int64, "b": pl.String}), [None, {"a": None, "b": None}, {"a": 1, "b": None}, {"a": 1, "b": ""}]),
    (pl.Binary, [None, b"", b"-", b"\x00", b"\x00\x00"]),
    (pl.Float64, [None, 0.1, 1e-7, 1e22, float("nan"), float("inf"), 0.30000000000000004, 0.3]),
    (pl.Int64, [None, 0, 1, -1, 2**62]),
    (pl.Boolean, [None, True, False]),
    (pl.Datetime("us", "UTC"), [None, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC)]),
]


@pytest.mark.parametrize(("dtype", "values"), NESTED, ids=[str(t) for t, _ in NESTED])
def test_every_type_keeps_its_values_apart(dtype: Any, values: list[Any]) -> None:
    found = digests([(v,) for v in values], [dtype])
    assert len(set(found)) == len(values)
    assert found == digests([(v,) for v in values], [dtype])


def test_a_digest_is_sha256_of_names_lengths_and_values() -> None:
    frame = pl.DataFrame({"b": ["好"], "a": [None]}, schema={"b": pl.String, "a": pl.Int64})
    expected = hashlib.sha256("1:a=-1:b=3:好".encode()).hexdigest()
    assert frame.select(row_digest(dict(frame.schema), ["b", "a"])).item() == expected


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=8), st.randoms())
def test_a_content_id_does_not_depend_on_the_order_of_rows(rows: dict[str, str], random: Any) -> None:
    keys = list(rows)
    random.shuffle(keys)
    frame, shuffled = (
        pl.DataFrame({"id": k, "hash": [rows[i] for i in k]}, schema={"id": pl.String, "hash": pl.String}) for k in (list(rows), keys)
    )
    assert content_id(frame, "id", "hash") == content_id(shuffled, "id", "hash")


def test_a_content_id_sees_every_row() -> None:
    frame = pl.DataFrame({"id": ["a", "b"], "hash": ["x", "y"]})
    ids = [content_id(f, "id", "hash") for f in (frame, frame.head(1), frame.head(0), frame.with_columns(hash=pl.lit("x")))]
    assert len(set(ids)) == 4


def test_canonical_json_has_one_text_for_one_value() -> None:
    assert canonical({"b": [1, "好"], "a": None}) == '{"a":null,"b":[1,"好"]}'
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical(float("nan"))


CODE = '"""Doc."""\n\n\ndef f(x: int) -> int:\n    """More doc."""\n    return x + 1  # a comment\n'


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        (CODE.replace("Doc.", "Other words."), True),
        (CODE.replace("More doc.", "Other words."), True),
        (CODE.replace("  # a comment", ""), True),
        (CODE.replace("x + 1", "(x + 1)"), True),
        (CODE.replace("x + 1", "x + 2"), False),
        (CODE.replace("f(x", "g(x"), False),
        (CODE + "\n\nY = 1\n", False),
    ],
)
def test_a_code_digest_sees_code_not_words(tmp_path: Path, changed: str, same: bool) -> None:
    one, other = tmp_path / "one.py", tmp_path / "other.py"
    one.write_text(CODE, encoding="utf-8")
    other.write_text(changed, encoding="utf-8")
    assert (code_digest(one) == code_digest(other)) is same


FIXED = [
    {"normalise_whitespace": {"column": "text"}},
    {"text_length": {"column": "text", "at_least": 2}},
    {"dedup_exact": {"columns": ["text"]}},
    {"dedup_minhash": {"column": "text", "unit": "characters", "size": 3}},
]


def test_identities_of_a_fixed_project_are_those_pinned(notes_factory: Factory) -> None:
    """An identity that changes makes every dataset anew: mean it, then write the snapshot again (see the message)."""
    notes_factory.declare(FIXED)
    notes_factory.material(notes("很好", "A  fine thing", "a", None))
    gold = notes_factory.made()[1]
    project = notes_factory.project
    dataset = project.dataset("notes")
    recipe = compile_recipe(project, "notes", source_columns(project, dataset))
    inputs = read_inputs(project, dataset, recipe)
    contract = project.contract(dataset)
    plan = plan_of(inputs, recipe, contract, dataset)
    found = {
        "source": inputs.content["notes"],
        "plan": digest(plan),
        "content": project.table("gold", "notes").metadata()["factory.content_id"],
        "signals": sorted(recipe.signal_keys),
        "contract columns": digest(contract.columns),
        "row hashes": project.table("gold", "notes").read().sort("_row_id")["_hash"].to_list(),
    }
    assert gold.rows == 2
    pinned = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    assert found == pinned, f"if this is meant, write tests/core/identities.json: {json.dumps(found, indent=2)}"


SCRIPT = """
import polars as pl
from lakehouse.core.hashing import row_digest
frame = pl.DataFrame({"a": ["x"]})
print(frame.select(row_digest(dict(frame.schema), ["a"])).item())
"""


def test_identities_do_not_depend_on_the_process() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == hashlib.sha256(b"1:a=1:x").hexdigest()
