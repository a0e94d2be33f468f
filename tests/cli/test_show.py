"""`lakehouse show`: rows as a person sees them, and exactly as JSON."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from lakehouse.cli import cli, terminal
from lakehouse.cli.values import exact, readable
from lakehouse.core import versions
from lakehouse.core.errors import AccessError, FactoryError, NotFoundError, SpecError
from lakehouse.governance import audit
from lakehouse.operations.show.choice import Choice
from lakehouse.operations.show.reader import TableReader
from lakehouse.operations.show.rows import source_rows
from lakehouse.reserve.bronze import table as bronze
from tests.factory import Factory, new_factory, notes

LONG = "A very long note about a parcel that came late, and about everything that was in it. " * 20
ESCAPE = "a text \x1b]0;another title\x07 with \x1b[2J escapes"


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Factory:
    """Twelve notes: one too short, two copies, one that breaks the contract, one with terminal escapes; two items unreadable."""
    factory = new_factory(tmp_path, [{"text_length": {"column": "text", "at_least": 3}}, {"dedup_exact": {"columns": ["text"]}}])
    factory.contract(shortest=6)
    texts = ["no", "a copied note", "a copied note", "short", ESCAPE, LONG, *(f"note number {i}" for i in range(6))]
    factory.material(notes(*texts))
    with (tmp_path / "raw/notes.jsonl").open("ab") as file:
        file.write(b'{"id": "98", "text": broken \x1b[31m\n' + b"\xff\xfe not text\n")
    factory.made()
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "80")
    return factory


def run(*arguments: str) -> str:
    done = CliRunner().invoke(cli, ["show", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def rows(*arguments: str) -> list[dict[str, Any]]:
    return list(json.loads(run(*arguments, "--json"))["rows"])


def refused(*arguments: str) -> FactoryError:
    with pytest.raises(FactoryError) as raised:
        CliRunner().invoke(cli, ["show", *arguments], catch_exceptions=False)
    return raised.value


def test_the_newest_version_is_shown_or_the_one_that_is_named(shown: Factory) -> None:
    found = rows("notes", "--limit", "100")
    assert list(found[0]) == ["_row_id", "_split", "text", "label"]
    assert {row["text"] for row in found} == {ESCAPE, LONG, "a copied note", *(f"note number {i}" for i in range(6))}
    shown.material(notes("another note"))
    shown.made()
    assert [row["text"] for row in rows("notes")] == ["another note"]
    assert len(rows("notes", "--version", "1.0.0")) == 9
    assert "no version yet" not in run("notes", "--version", versions.versions(shown.project, "notes")[0].version)
    assert "no rows" in run("notes", "--where", "text = 'x'")


def test_rows_are_chosen_by_split_condition_columns_and_limit(shown: Factory) -> None:
    everything = rows("notes", "--limit", "100")
    train = [row for row in everything if row["_split"] == "train"]
    assert rows("notes", "--limit", "100", "--split", "train") == train
    assert rows("notes", "--limit", "2") == everything[:2]
    chosen = rows("notes", "--where", "text LIKE 'note%' AND text <> 'note number 3'", "--columns", "text")
    assert [row["text"] for row in chosen] == [f"note number {i}" for i in (0, 1, 2, 4, 5)]
    assert list(chosen[0]) == ["text"]


def test_a_sample_is_the_same_for_the_same_seed(shown: Factory) -> None:
    samples = [tuple(row["_row_id"] for row in rows("notes", "--limit", "3", "--sample", str(seed))) for seed in range(12)]
    assert samples == [tuple(row["_row_id"] for row in rows("notes", "--limit", "3", "--sample", str(seed))) for seed in range(12)]
    assert len(set(samples)) > 4
    assert all(len(set(sample)) == 3 for sample in samples)
    assert len(rows("notes", "--limit", "100", "--sample", "1")) == 9


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("nope = 'x'", "there is no column `nope`"),
        ("text", "it gives String, neither true nor false"),
        ("text = 3", "cannot compare string"),
        ("text = 'x') OR (1 = 1", "invalid expression"),
        ("SELECT 1", "expected an expression"),
        ("text = 'x'; DROP TABLE x", "invalid expression"),
        ("CAST(text AS INT) > 3", "conversion from `str` to `i32` failed"),
        ("", "unable to parse"),
    ],
)
def test_a_bad_condition_gets_one_message_with_the_columns(shown: Factory, sql: str, what: str) -> None:
    error = refused("notes", "--where", sql)
    assert isinstance(error, SpecError)
    assert what in error.what
    assert "\n" not in str(error).replace("\n  fix:", "")
    assert "columns: _row_id (String), _split (String), text (String), label (String)" in (error.fix or "")


def test_dropped_and_quarantined_rows_are_shown_with_reason_and_text(shown: Factory) -> None:
    (dropped,) = rows("notes", "--dropped")
    assert (dropped["row"], dropped["step"], dropped["rule"], dropped["values"]["text"]) == ("notes/00", "text_length", "too_short", "no")
    found = {row["row"]: row for row in rows("notes", "--quarantined")}
    assert found["notes/03"]["step"] == "contract"
    assert found["notes/03"]["rule"] == "text:str_length(6, None)"
    assert found["notes/03"]["values"] == {"text": "short", "label": "a"}
    unreadable = [row for row in found.values() if row["step"] == "intake"]
    assert len(unreadable) == 2
    assert base64.b64decode(unreadable[1]["values"]["_raw"]).startswith(b"\xff\xfe")
    page = run("notes", "--quarantined")
    for words in ("why: contract: text:str_length(6, None)", "text: short", "why: intake: malformed_json"):
        assert words in page
    assert [row["row"] for row in rows("notes", "--quarantined", "--where", "step = 'contract'")] == ["notes/03"]
    assert rows("notes", "--quarantined", "--where", "step = 'contract'", "--columns", "text")[0]["values"] == {"text": "short"}


def test_merged_rows_stand_beside_those_they_were_merged_into(shown: Factory) -> None:
    (pair,) = rows("notes", "--merged")
    assert {pair["row"], pair["other"]} == {"notes/01", "notes/02"}
    assert pair["values"]["text"] == pair["other_values"]["text"] == "a copied note"
    page = run("notes", "--merged")
    assert "this row" in page
    assert page.count("a copied note") == 2
    (line,) = [line for line in page.splitlines() if line.startswith("text")]
    assert line.count("a copied note") == 2


def test_a_similarity_stands_beside_a_near_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    factory = new_factory(tmp_path, [{"dedup_minhash": {"column": "text", "threshold": 0.7, "unit": "words", "size": 2}}])
    words = "the parcel with the camera came late and damaged since its box was wet and open so please send another one very soon"
    factory.material(notes(words, f"{words} indeed"))
    factory.made()
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(tmp_path))
    (pair,) = rows("notes", "--merged")
    assert 0.7 < float(pair["evidence"]) < 1
    assert f"similarity {pair['evidence']}" in run("notes", "--merged")


def test_a_source_shows_live_rows_and_apart_what_could_not_be_read(shown: Factory) -> None:
    (shown.root / "assets/datasets/notes.yaml").unlink()
    found = rows("notes", "--limit", "100")
    assert len(found) == 12
    assert list(found[0]) == ["_row_id", "id", "text", "label"]
    bad = rows("notes", "--findings")
    assert [row["_findings"] for row in bad] == [["malformed_json"], ["invalid_utf8"]]
    page = run("notes", "--findings")
    assert "\\xff\\xfe not text" in page
    assert "broken ␛[31m" in page
    assert "notes.jsonl" in page
    assert "is a source" in CliRunner().invoke(cli, ["show", "notes", "--merged"]).output


def test_terminal_escapes_are_marks(shown: Factory) -> None:
    for arguments in (["notes", "--limit", "100"], ["notes", "--where", "text LIKE '%escapes'"]):
        page = run(*arguments)
        assert "\x1b" not in page
        assert "\x07" not in page
        assert "␛]0;another title␇" in page
    (row,) = rows("notes", "--where", "text LIKE '%escapes'")
    assert row["text"] == ESCAPE


@pytest.mark.parametrize("width", [40, 80, 200])
def test_every_line_holds_and_long_values_are_cut(shown: Factory, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setattr(terminal.out, "_width", width)
    page = run("notes", "--limit", "100")
    lines = [line for line in page.splitlines() if line]
    assert max(map(cell_len, lines)) <= width
    assert "…" in page
    assert ("  text: " in page) == (width == 40)


def test_one_message_for_what_is_not_there(shown: Factory) -> None:
    assert isinstance(refused("nots"), NotFoundError)
    assert refused("nots").fix == "did you mean `notes`?"
    assert "is no version of notes" in refused("notes", "--version", "9.9.9").what
    assert refused("notes", "--split", "trian").fix == f"splits: {', '.join(versions.versions(shown.project, 'notes')[0].held_rows)}"
    assert "has no column `txt`" in refused("notes", "--columns", "txt").what
    assert "has a column `txt`" in refused("notes", "--merged", "--columns", "txt").what
    shown.declare([], dataset="later")
    assert refused("later").what == "later has no version yet"
    assert refused("later", "--merged").what == "later was not made yet"


POLICY = """purposes: {annotation: People label it.}
roles:
  annotators:
    principals: [ana]
    purposes: [annotation]
    ceiling: core
    read:
      - {table: gold/notes, columns: [text, label], masks: {text: last4}, rows: [{column: text, op: "!=", value: note number 1}]}
      - {table: silver/notes_fates, columns: [_row_id, fate, step, rule, evidence, other]}
"""


def test_where_there_is_a_policy_rows_come_through_the_door(shown: Factory) -> None:
    shown.write("assets/access.yaml", POLICY)
    error = refused("notes")
    assert isinstance(error, AccessError)
    assert "purposes: annotation" in (error.fix or "")
    ana = ["--as", "ana", "--for", "annotation"]
    found = rows("notes", *ana, "--limit", "100")
    assert len(found) == 8
    assert all(row["text"].startswith("****") for row in found)
    assert [row["text"] for row in rows("notes", *ana, "--where", "text = '****er 2'")] == ["****er 2"]
    assert "there is no column `_row_id`" in refused("notes", *ana, "--where", "_row_id = 'notes/01'").what
    assert isinstance(refused("notes", *ana, "--split", "train"), AccessError)
    assert isinstance(refused("notes", "--as", "eve", "--for", "annotation"), AccessError)
    assert "no grant of annotators covers this table" in refused("notes", *ana, "--merged").what
    said = audit.entries(shown.project).select("principal", "table", "outcome", "rows").rows()
    assert said[0] == ("ana", "gold/notes", "granted", 8)
    assert said[-2:] == [("ana", "silver/notes_fates", "granted", 1), ("ana", "bronze/notes", "refused", None)]


@given(
    st.lists(st.dictionaries(st.integers(0, 7), st.sampled_from(["a", "b", "c"]), max_size=8), min_size=1, max_size=4),
    st.integers(1, 9),
    st.one_of(st.none(), st.integers(0, 3)),
)
def test_only_live_rows_of_a_source_are_shown(
    tmp_path_factory: pytest.TempPathFactory, collections: list[dict[int, str]], limit: int, seed: int | None
) -> None:
    factory = new_factory(tmp_path_factory.mktemp("live"))
    factory.declare_source(max_vanished=1.0)
    for held in collections:
        factory.material([{"id": str(key), "text": text, "label": "x"} for key, text in held.items()] or [{"id": "z", "text": "z"}])
        factory.collect()
    live = bronze.live(bronze.table(factory.project, "notes").scan()).collect().select("_row_id", "id", "text", "label")
    for where in (None, "text <> 'a'"):
        expected = live if where is None else live.filter(pl.col("text") != "a")
        found = source_rows(TableReader(factory.project), "notes", Choice(limit=limit, seed=seed, where=where)).rows
        assert found.height == min(limit, expected.height)
        assert found["_row_id"].n_unique() == found.height
        assert found.join(expected, on=found.columns, how="semi", nulls_equal=True).height == found.height


def test_values_are_readable_and_exact() -> None:
    from datetime import UTC, date, datetime
    from decimal import Decimal

    row = {
        "raw": b"\x00" * 12345,
        "turns": [{"role": "user", "raw": b"ab"}],
        "at": datetime(2026, 11, 25, 8, 8, tzinfo=UTC),
        "day": date(2026, 11, 25),
        "price": Decimal("12.50"),
        "score": 0.123456789,
        "bad": float("nan"),
        "big": 2**60,
        "none": None,
    }
    assert [readable(value) for value in row.values()] == [
        "<12,345 bytes>",
        '[{"role": "user", "raw": "<2 bytes>"}]',
        "2026-11-25 08:08:00+00:00",
        "2026-11-25",
        "12.50",
        "0.123457",
        "nan",
        str(2**60),
        "-",
    ]
    kept = json.loads(json.dumps(exact(row)))
    assert base64.b64decode(kept["raw"]) == row["raw"]
    assert kept["turns"] == [{"role": "user", "raw": "YWI="}]
    assert (kept["at"], kept["price"], kept["score"], kept["bad"], kept["big"]) == (
        "2026-11-25T08:08:00+00:00",
        "12.50",
        0.123456789,
        "NaN",
        2**60,
    )
