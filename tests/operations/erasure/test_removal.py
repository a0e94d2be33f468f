"""Erasing any rows leaves what a factory that never had them makes; and what a removal takes out of rows and texts."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.operations.erasure.erase import erase
from lakehouse.operations.erasure.removal import Removal
from tests.examples import examples
from tests.factory import Factory, Row, new_factory

BY_ROW = [{"fix_unicode": {"column": "text"}}, {"text_length": {"column": "text", "at_least": 3}}]
WORDS = st.text("书手机很好 ab\uff21", min_size=1, max_size=6)
SPLITS = {"by": "row", "train": 0.5, "test": 0.5, "seed": 1}


def made(root: Path, rows: list[Row]) -> Factory:
    factory = new_factory(root, BY_ROW, splits=SPLITS)
    factory.contract(shortest=4)
    factory.material(rows)
    factory.made()
    return factory


def tables(factory: Factory) -> list[pl.DataFrame]:
    names = (("silver", "notes"), ("silver", "notes_signals"), ("silver", "notes_fates"), ("gold", "notes"), ("gold", "notes_quarantine"))
    return [factory.rows(layer, name) for layer, name in names]


@settings(max_examples=examples(0.04))
@given(st.lists(WORDS, min_size=2, max_size=7), st.data())
def test_erasing_equals_never_having_had(texts: list[str], data: st.DataObject) -> None:
    rows: list[Row] = [{"id": f"{n:03}", "text": text, "label": "x"} for n, text in enumerate(texts)]
    rows.append({"id": "999", "text": "这一条总是留下", "label": "x"})
    gone = data.draw(st.sets(st.sampled_from(range(len(texts))), min_size=1))
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        had = made(Path(one), rows)
        erase(had.project, "notes", [f"notes/{n:03}" for n in gone], "asked", "gdpr-17", "li")
        had.made()
        never = made(Path(other), [row for n, row in enumerate(rows) if n not in gone])
        for mine, theirs in zip(tables(had), tables(never), strict=True):
            assert mine.equals(theirs)


def test_children_go_with_their_row_and_neighbours_do_not() -> None:
    removal = Removal({"s/1": "erased~a"}).of("silver/notes")
    rows = pl.DataFrame(
        {
            "_row_id": ["s/1", "s/1#0", "s/1#0#typos.1", "s/10", "s/2", "s/1x#0"],
            "_root": ["s/1", "s/1", "s/1", "s/10", "s/2", "s/1x"],
            "_cluster": ["s/1", "s/1", "s/1", "s/1#2", "s/10", None],
        }
    )
    assert removal.cut(rows).rows() == [("s/10", "s/10", "erased~a"), ("s/2", "s/2", "s/10"), ("s/1x#0", "s/1x", None)]


@given(st.text(max_size=8), st.text(min_size=12, max_size=20))
def test_a_text_loses_ids_and_values_and_stays_json(key: str, value: str) -> None:
    row = f"s/{key}"
    said = {"rows": [{"row": row}, {"row": f"{row}#0"}], "text": f"before {value} after", "other": "t/1"}
    texts = pl.DataFrame({"payload": [json.dumps(said, ensure_ascii=False), None]})
    (left, none) = Removal({row: "erased~a"}, [value]).of("system/tickets").cut(texts)["payload"]
    assert none is None
    found = json.loads(left)
    assert found["rows"] == [{"row": "erased~a"}, {"row": "erased~a#0"}]
    assert (found["other"], value in found["text"]) == ("t/1", False)


def test_own_columns_of_a_source_are_left_as_they_are() -> None:
    rows = pl.DataFrame({"_row_id": ["s/2"], "other": ["s/1"], "payload": ["see s/1"], "evidence": ["s/1"]})
    for table in ("bronze/s", "silver/notes", "gold/notes"):
        assert Removal({"s/1": "erased~a"}).of(table).cut(rows).equals(rows)
    assert Removal({"s/1": "erased~a"}).of("silver/notes_fates").cut(rows).row(0) == ("s/2", "erased~a", "see s/1", "erased~a")


def test_bounds_of_files_that_a_vacuum_took_leave_the_log(tmp_path: Path) -> None:
    factory = new_factory(tmp_path)
    factory.material([{"id": f"{n}", "text": f"第{n}号的话", "label": "x"} for n in range(3)])
    factory.made()
    table = factory.project.table("silver", "notes")
    table.write(table.read().filter(pl.col("_row_id") != "notes/2"), "overwrite")
    table.vacuum([], 0)
    assert any("notes/2" in file.read_text() for file in Path(table.uri, "_delta_log").glob("*.json"))
    erase(factory.project, "notes", ["notes/2"], "asked", "gdpr-17", "li")
    assert not any("notes/2" in file.read_text() for file in Path(table.uri, "_delta_log").glob("*.json"))
    assert table.read().height == 2
