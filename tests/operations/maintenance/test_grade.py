import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.cli import cli
from lakehouse.core import versions
from lakehouse.core.versions import GRADES
from lakehouse.operations.maintenance.grade import BOUNDS, ESSENTIAL, assess, grade, judge, letter_of
from lakehouse.operations.maintenance.indicators import INDICATORS, Indicator
from lakehouse.pilot.diagnose import diagnose

from .factory import clean_notes, made, new_line


def measured(name: str, low: float | None) -> Indicator:
    if low is None:
        return Indicator(
            name=name, numerator=None, denominator=None, value=None, low=None, high=None, rule=f"{name}/1", how="not measured: no rows"
        )
    return Indicator(name=name, numerator=low, denominator=1.0, value=low, low=low, high=1.0, rule=f"{name}/1", how="")


indicators = st.tuples(*(st.one_of(st.none(), st.floats(0, 1)).map(lambda low, name=name: measured(name, low)) for name in INDICATORS))


@pytest.mark.usefixtures("tracked")
def test_a_fresh_diagnosed_line_is_graded_with_every_indicator_and_its_counts(tmp_path: Path) -> None:
    factory = new_line(tmp_path)
    made(factory)
    ran = versions.find(factory.project, "notes", "latest").graded
    assert ran is not None
    assert ran["grade"] == "C"
    assert "not measured, so at most C: accuracy" in ran["because"]
    diagnose(factory.project, "notes")
    done = grade(factory.project, "notes")
    found = {m.indicator.name: m.indicator for m in done.marked}
    assert list(found) == list(INDICATORS)
    assert (found["completeness"].numerator, found["completeness"].denominator) == (240, 240)
    assert (found["consistency"].numerator, found["consistency"].denominator) == (120, 120)
    assert (found["uniqueness"].numerator, found["traceability"].numerator) == (120, 120)
    assert found["accuracy"].denominator == 120
    assert found["balance"].value == 1.0
    assert found["effectiveness"].denominator == 20  # 40 held-out rows, half of them of one label
    assert all(i.low is not None and i.high is not None and i.low <= (i.value or 0) <= i.high for i in found.values())
    version = versions.find(factory.project, "notes", "latest")
    assert version.graded is not None
    assert version.grade == done.grade
    assert not done.unchanged
    assert grade(factory.project, "notes").unchanged
    made(factory)  # which evaluates nothing anew, and so grades nothing
    assert versions.events(factory.project, "notes")["event"].to_list() == ["made", "evaluated", "gated", "graded", "graded"]


@pytest.mark.usefixtures("tracked")
def test_faults_are_counted_where_they_are(tmp_path: Path) -> None:
    factory = new_line(tmp_path)
    faulty_notes = clean_notes(120)
    for n in range(6):
        faulty_notes[n]["label"] = None
        faulty_notes[10 + n]["text"] = f"联系我 1381234567{n}，很好"
        faulty_notes[20 + n] |= {"text": "一模一样的话", "label": "positive"}
        faulty_notes[30 + n]["text"] = " "
    factory.material(faulty_notes)
    made(factory)
    factory.material([note for note in faulty_notes if note["id"] not in ("0050", "0051")])
    factory.collect()
    found = {m.indicator.name: m.indicator for m in grade(factory.project, "notes").marked}
    assert found["completeness"].numerator == 240 - 6 - 6
    assert found["identifiability"].numerator == 120 - 6
    assert found["uniqueness"].numerator == 120 - 5 - 4  # blanks come with two labels
    assert found["traceability"].numerator == 118
    assert found["accuracy"].value is None
    assert "lakehouse version diagnose notes" in found["accuracy"].how


@pytest.mark.usefixtures("tracked")
def test_what_a_late_diagnosis_could_not_see_is_not_counted_as_good(tmp_path: Path) -> None:
    factory = new_line(tmp_path)
    first = made(factory)
    factory.material(clean_notes(150))
    made(factory)
    diagnose(factory.project, "notes", first)
    late = grade(factory.project, "notes", first)
    assert late.screen["contradiction"] is None
    assert late.screen["label_error"] is not None
    accuracy = next(m.indicator for m in late.marked if m.indicator.name == "accuracy")
    assert accuracy.value is None
    assert "another version stood" in accuracy.how
    factory.material(clean_notes(120))
    made(factory)  # the first version stands again
    assert not diagnose(factory.project, "notes").unchanged
    assert diagnose(factory.project, "notes").unchanged
    assert grade(factory.project, "notes").screen["contradiction"] == 0.0


@pytest.mark.usefixtures("tracked")
def test_rows_grow_old(tmp_path: Path) -> None:
    factory = new_line(tmp_path)
    factory.declare_source(fresh_within_hours=24)
    made(factory)
    version = versions.find(factory.project, "notes", "latest")
    for days, value in ((0, 1.0), (2, 0.0)):
        later = assess(factory.project, version, datetime.now(UTC) + timedelta(days=days))
        assert next(m.indicator.value for m in later.marked if m.indicator.name == "currency") == value


@given(indicators)
def test_a_grade_is_no_better_than_any_essential_indicator_or_what_is_missing_allows(found: tuple[Indicator, ...]) -> None:
    letter, marked, because = judge(found)
    for mark in marked:
        if mark.essential and mark.grade:
            assert GRADES.index(letter) >= GRADES.index(mark.grade)
        if mark.grade is None:
            assert letter in (("C", "D") if mark.essential else ("B", "C", "D"))
            assert any(mark.indicator.name in sentence for sentence in because) or letter == "D" or not mark.essential
    assert because


@given(indicators, st.sampled_from(sorted(INDICATORS)))
def test_a_better_indicator_never_makes_a_worse_grade(found: tuple[Indicator, ...], name: str) -> None:
    better = tuple(measured(name, 1.0) if each.name == name else each for each in found)
    known = next(each for each in found if each.name == name).low is not None
    if known:
        assert GRADES.index(judge(better)[0]) <= GRADES.index(judge(found)[0])


def test_all_good_is_a_and_one_fault_decides() -> None:
    perfect = [measured(name, 1.0) for name in INDICATORS]
    assert judge(perfect)[0] == "A"
    assert judge([measured(i.name, 0.96) if i.name == "completeness" else i for i in perfect])[::2] == (
        "B",
        ("worst essential: completeness B",),
    )
    assert judge([measured(i.name, 0.0) if i.name == "relevance" else i for i in perfect])[0] == "A"
    assert judge([measured(i.name, None) if i.name == "accuracy" else i for i in perfect])[::2] == (
        "C",
        ("not measured, so at most C: accuracy",),
    )
    assert judge([measured(i.name, None) if i.name == "relevance" else i for i in perfect])[0] == "B"


@pytest.mark.parametrize("name", INDICATORS)
def test_bounds_fall_from_a_to_c(name: str) -> None:
    assert list(BOUNDS[name]) == sorted(BOUNDS[name], reverse=True)
    assert [letter_of(measured(name, bound)) for bound in BOUNDS[name]] == ["A", "B", "C"]
    assert letter_of(measured(name, 0.0)) == "D"
    assert set(BOUNDS) == set(INDICATORS) >= ESSENTIAL


def test_the_command_prints_the_table_and_draws_the_picture(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    factory = new_line(tmp_path / "factory")
    shutil.copyfile(empty_store, factory.root / "mlflow.db")
    made(factory)
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(factory.root))
    picture = tmp_path / "grade.png"
    done = CliRunner().invoke(cli, ["version", "grade", "notes", "--picture", str(picture)])
    assert done.exit_code == 0, done.output
    assert "not measured, so at most C: accuracy" in done.output
    assert picture.read_bytes().startswith(b"\x89PNG")
