"""A source that is screened, from its declaration to what datasets hold."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner

from lakehouse.cli import cli
from lakehouse.core.errors import FactoryError, ScreeningError, SpecError
from lakehouse.operations import line
from lakehouse.operations.check import check
from lakehouse.reserve.screening import verdicts
from lakehouse.reserve.screening.screen import Screening, screen
from tests.factory import Factory, notes

CARD, KEY = "4111 1111 1111 1111", "AKIAIOSFODNN7EXAMPLE"
TEXTS = ("很好，会再来", f"my card is {CARD}, thanks", "fine\u200bly hid\u200bden", f"key {KEY} leaked", "一般", "see you soon")


def screened_notes(factory: Factory, screening: list[Any], texts: Iterable[str] = TEXTS) -> Screening:
    """Collect texts and screen them as declared."""
    factory.declare_source(screening=screening)
    factory.material(notes(*texts))
    factory.collect()
    done = screen(factory.project, "notes")
    assert done is not None
    return done


def findings(factory: Factory) -> pl.DataFrame:
    return verdicts.table(factory.project, "notes").read().with_columns(pl.col("_row_id").str.strip_prefix("notes/"))


def test_findings_name_row_kind_and_place_and_never_what_was_found(notes_factory: Factory) -> None:
    done = screened_notes(notes_factory, ["privacy", "hidden_text"])
    assert (done.live, done.looked, done.flagged, done.quarantined, done.unchanged) == (6, 6, 3, 2, False)
    rows = findings(notes_factory).select("_row_id", "detector", "kind", "column", "start", "end", "action").rows()
    assert rows == [
        ("01", "privacy", "bank_card", "text", 11, 30, "quarantine"),
        ("02", "hidden_text", "zero_width", "text", 4, 5, "warn"),
        ("02", "hidden_text", "zero_width", "text", 11, 12, "warn"),
        ("03", "privacy", "key", "text", 4, 24, "quarantine"),
    ]
    assert TEXTS[1][11:30] == CARD
    stored = b"".join(file.read_bytes() for file in (notes_factory.root / "lake" / "system").rglob("*") if file.is_file())
    assert findings(notes_factory)["hash"].str.len_chars().unique().to_list() == [32]
    assert KEY.encode() not in stored
    assert CARD.encode() not in stored


def test_quarantined_rows_stay_out_of_silver_with_their_reason_and_the_balance_holds(notes_factory: Factory) -> None:
    screened_notes(notes_factory, ["privacy", "hidden_text"])
    silver = notes_factory.silver()
    assert notes_factory.texts() == [TEXTS[0], TEXTS[2], TEXTS[4], TEXTS[5]]
    assert silver.balance[0].reasons == {"privacy:bank_card": 1, "privacy:key": 1}
    assert silver.balance[0].holds
    assert notes_factory.fates() == {
        "01": ("quarantined", "intake", "privacy:bank_card"),
        "03": ("quarantined", "intake", "privacy:key"),
    }
    traced = CliRunner().invoke(cli, ["row", "trace", "notes/03"], env={"LAKEHOUSE_PROJECT": str(notes_factory.root)})
    assert "privacy:key" in traced.output


def test_a_changed_action_decides_anew_without_looking_and_changes_the_version(notes_factory: Factory) -> None:
    screened_notes(notes_factory, ["privacy"])
    _, first = notes_factory.silver(), notes_factory.gold()
    done = screened_notes(notes_factory, [{"privacy": None, "action": "warn"}])
    assert (done.looked, done.flagged, done.quarantined) == (0, 2, 0)
    silver, second = notes_factory.silver(), notes_factory.gold()
    assert (first.rows, second.rows, silver.added, silver.measured) == (4, 6, 2, 2)
    assert second.change["reasons"] == ["source notes: screening keeps other rows out"]


def test_a_changed_threshold_decides_anew_from_the_scores(notes_factory: Factory) -> None:
    low = screened_notes(notes_factory, [{"hidden_text": {"at_least": 0.9}}])
    assert low.flagged == 0
    high = screened_notes(notes_factory, [{"hidden_text": {"at_least": 0.6}}])
    assert (high.looked, high.flagged) == (0, 1)


def test_only_new_and_changed_rows_are_looked_at(notes_factory: Factory) -> None:
    screened_notes(notes_factory, ["privacy"])
    more = [*TEXTS[:5], "see you tomorrow", f"again {KEY}"]
    done = screened_notes(notes_factory, ["privacy"], more)
    assert (done.looked, done.flagged) == (2, 3)
    done = screened_notes(notes_factory, ["privacy"], [TEXTS[0], "no card any more", *more[2:]])
    assert (done.looked, done.flagged) == (1, 2)
    assert findings(notes_factory)["_row_id"].to_list() == ["03", "06"]
    assert screened_notes(notes_factory, ["privacy"], [TEXTS[0], "no card any more", *more[2:]]).unchanged
    # A detector that is added looks at all rows; what the other found stands.
    done = screened_notes(notes_factory, ["privacy", "hidden_text"], [TEXTS[0], "no card any more", *more[2:]])
    assert (done.looked, done.flagged) == (7, 3)


def test_bronze_that_was_made_anew_is_looked_at_anew(notes_factory: Factory) -> None:
    screened_notes(notes_factory, ["privacy"])
    shutil.rmtree(notes_factory.root / "lake" / "bronze" / "notes")
    done = screened_notes(notes_factory, ["privacy"], ["fine", f"{KEY} here", "good"])
    assert (done.live, done.looked, done.flagged) == (3, 3, 1)
    assert findings(notes_factory).select("_row_id", "start").rows() == [("01", 0)]


def test_a_dataset_refuses_a_source_that_was_not_screened_as_declared(notes_factory: Factory) -> None:
    notes_factory.material(notes(*TEXTS))
    notes_factory.declare_source(screening=["privacy"])
    notes_factory.collect()
    with pytest.raises(ScreeningError, match=r"notes was never screened\n  fix: lakehouse source screen notes"):
        notes_factory.silver()
    screen(notes_factory.project, "notes")
    notes_factory.silver()
    notes_factory.declare_source(screening=["privacy", "hidden_text"])
    with pytest.raises(ScreeningError, match="not screened as it declares now"):
        notes_factory.silver()
    assert line.plans(notes_factory.project, ["notes"])[0].silver == ("source notes was not screened as it declares now",)
    screen(notes_factory.project, "notes")
    notes_factory.material(notes("other"))
    notes_factory.collect()
    with pytest.raises(ScreeningError, match="not screened since its rows changed"):
        notes_factory.silver()


def test_a_blocking_detector_refuses_the_source_above_its_rate(notes_factory: Factory) -> None:
    screened_notes(notes_factory, [{"privacy": None, "blocking": True, "max_rate": 0.2}])
    message = (
        r"notes.yaml:\d+: `privacy` flags 33.33% of the rows of notes; at most 20.00% are accepted\n  fix: lakehouse source screen notes"
    )
    with pytest.raises(ScreeningError, match=message):
        notes_factory.silver()
    screened_notes(notes_factory, [{"privacy": None, "blocking": True, "max_rate": 0.4}])
    assert notes_factory.silver().rows == 4


def test_without_screening_plans_are_what_they_were(notes_factory: Factory) -> None:
    notes_factory.material(notes(*TEXTS))
    notes_factory.collect()
    plain = notes_factory.silver().plan
    assert screen(notes_factory.project, "notes") is None
    screened_notes(notes_factory, ["hidden_text"])
    assert notes_factory.silver().plan != plain
    notes_factory.declare_source()
    assert notes_factory.silver().plan == plain


@pytest.mark.parametrize(
    ("screening", "message"),
    [
        (["privcy"], r"notes.yaml:\d+: unknown detector `privcy`\n  fix: did you mean `privacy`"),
        ([{"privacy": {"kind": ["key"]}}], r"unknown key `kind`\n  fix: did you mean `kinds`"),
        ([{"privacy": {"kinds": []}}], r"privacy looks for nothing"),
        ([{"privacy": {"columns": ["txt"]}}], r"no column `txt`\n  fix: did you mean `text`"),
        ([{"privacy": None, "action": "drop"}], r"`screening\[0\].action`: Input should be 'quarantine' or 'warn'"),
        ([{"privacy": None, "hidden_text": None}], r"write it as `detector: \{parameter: value\}`"),
        ([{"privacy": None, "max_rate": 2}], r"less than or equal to 1"),
    ],
    ids=["name", "parameter", "nothing", "column", "action", "two", "rate"],
)
def test_mistakes_are_named_with_file_and_line(notes_factory: Factory, screening: list[Any], message: str) -> None:
    notes_factory.declare_source(screening=screening)
    notes_factory.material(notes("a"))
    problems = [p for p in check(notes_factory.project) if isinstance(p, SpecError)]
    assert len(problems) == 1
    with pytest.raises(FactoryError, match=message):
        raise problems[0]


def test_the_commands_say_what_is_flagged(notes_factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(notes_factory.root))
    notes_factory.material(notes(*TEXTS))
    notes_factory.declare_source(screening=["privacy", "hidden_text"])
    done = CliRunner().invoke(cli, ["collect", "notes"])
    assert "screened notes: 6 looked at, 3 rows flagged, 2 kept out of datasets" in done.output, done.output
    shown = CliRunner().invoke(cli, ["source", "screen", "notes", "--rows", "1"])
    assert "notes/01  bank_card text 11-30 score 1.00" in shown.output, shown.output
    assert KEY not in shown.output
    told = json.loads(CliRunner().invoke(cli, ["source", "screen", "notes", "--json"]).output)
    assert (told["flagged"], [d["rows"] for d in told["detections"]], len(told["findings"])) == (3, [2, 1], 4)
    notes_factory.declare_source()
    none = CliRunner().invoke(cli, ["source", "screen", "notes"])
    assert isinstance(none.exception, SpecError)


def test_the_schema_knows_detectors_and_what_stands_beside_them(tmp_path: Path) -> None:
    import jsonschema

    from lakehouse.authoring.schema import source_schema

    item = source_schema()["properties"]["screening"]["items"]
    checked = {**item, "$defs": source_schema()["$defs"]}
    jsonschema.validate({"privacy": {"kinds": ["key"]}, "action": "warn", "max_rate": 0.1, "blocking": True}, checked)
    jsonschema.validate("hidden_text", checked)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"privacy": {"kind": ["key"]}}, checked)


SLOWLY = """
import sys, time
from pathlib import Path
from lakehouse.core.project import Project
from lakehouse.reserve.screening.screen import screen

def progress(what, done, total):
    print(what, flush=True)
    time.sleep(float(sys.argv[2]))

screen(Project.open(Path(sys.argv[1])), "notes", progress=progress)
"""


def test_a_killed_screening_leaves_the_last_state_and_the_next_one_finishes(notes_factory: Factory) -> None:
    screened_notes(notes_factory, ["privacy"])
    before = findings(notes_factory)
    more = [*TEXTS, *(f"again {KEY}" if i % 7 == 0 else f"text {i}" for i in range(500))]
    notes_factory.declare_source(screening=["privacy", "hidden_text", {"bursts": {"at_least": 5}}])
    notes_factory.material(notes(*more))
    notes_factory.collect()
    generator = random.Random(3)
    for _ in range(3):
        run = subprocess.Popen(
            [sys.executable, "-c", SLOWLY, str(notes_factory.root), "0.5"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert run.stdout is not None
        run.stdout.readline()
        time.sleep(generator.random() * 0.5)
        run.send_signal(signal.SIGKILL)
        run.communicate()
        assert findings(notes_factory).equals(before)
        with pytest.raises(ScreeningError):
            notes_factory.silver()
    done = screen(notes_factory.project, "notes")
    assert done is not None
    assert (done.live, done.quarantined) == (506, 2 + 72)
    assert notes_factory.silver().balance[0].quarantined == 74
    again = screen(notes_factory.project, "notes")
    assert again is not None
    assert again.unchanged
