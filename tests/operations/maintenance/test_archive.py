"""Archive and restore: what gold gives back, what still answers, and kills at every step."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from lakehouse.cli import cli
from lakehouse.core import versions
from lakehouse.core.errors import MaintenanceError, StorageError
from lakehouse.core.project import Project
from lakehouse.delivery.release.bundle import write_bundle
from lakehouse.operations.history.diff import diff
from lakehouse.operations.history.trace import recall, trace
from lakehouse.operations.maintenance.archive import archive, restore, verify
from tests.delivery.release.factory import collect, fates, make, new_project, reviews

OLD, NEW = "1.0.0", "1.1.0"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Two versions: the older holds rows 1 to 6, the newer 2 to 8, one of them changed."""
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(tmp_path / "factory"))
    project = new_project(tmp_path / "factory")
    collect(project, [*range(1, 9)])
    fates(project, ("reviews_raw/000", "merged", "2", "duplicate", None, "reviews_raw/001"))
    make(project, reviews(*range(1, 7)), OLD)
    changed = pl.concat([reviews(2, text="换"), reviews(*range(3, 9))])
    make(project, changed, NEW)
    return project


def gold_files(project: Project) -> set[str]:
    return {file.name for file in Path(project.table("gold", "reviews").uri).glob("*.parquet")}


def rows_of(project: Project, label: str = OLD) -> pl.DataFrame:
    return versions.rows(project, versions.find(project, "reviews", label)).sort("_row_id").collect()


def test_an_archived_version_is_given_back_and_comes_back_byte_for_byte(project: Project) -> None:
    before, files = rows_of(project), gold_files(project)
    found = archive(project, "reviews", OLD, "unused", "li")
    assert found.moved > 0
    assert len(gold_files(project)) < len(files)
    assert (Path(found.place) / "SHA256SUMS").exists()
    checked = subprocess.run(["sha256sum", "--check", "SHA256SUMS"], cwd=found.place, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
    assert rows_of(project, NEW).height == 7
    with pytest.raises(StorageError, match=r"the rows of reviews 1.0.0 \(\w+\) are archived in .*archive/reviews/") as told:
        rows_of(project)
    assert told.value.fix is not None
    assert told.value.fix.endswith("--restore")
    assert archive(project, "reviews", OLD, "unused", "li").unchanged
    back = restore(project, "reviews", OLD, "li")
    assert back.moved == found.moved
    assert gold_files(project) == files
    assert rows_of(project).equals(before)
    with pytest.raises(MaintenanceError, match="is not archived"):
        restore(project, "reviews", OLD, "li")
    again = archive(project, "reviews", OLD, "unused", "li")
    assert (again.unchanged, again.moved) == (False, found.moved)


def test_recall_trace_diff_and_compare_answer_for_an_archived_version(project: Project) -> None:
    asked = ("reviews_raw/001", "reviews_raw/005", "reviews_raw/000")
    recalled = [recall(project, item).held for item in asked]
    traced = [trace(project, item).held for item in asked]
    apart = diff(project, "reviews", OLD, NEW)
    archive(project, "reviews", OLD, "unused", "li")
    assert [recall(project, item).held for item in asked] == recalled
    assert [trace(project, item).held for item in asked] == traced
    assert [held.how for held in recalled[2]] == ["merged"]
    with pytest.raises(StorageError, match="are archived in"):
        diff(project, "reviews", OLD, NEW)  # a changed row asks for values
    restore(project, "reviews", OLD, "li")
    assert diff(project, "reviews", OLD, NEW).rows.equals(apart.rows)


def test_versions_without_changed_values_are_told_apart_while_archived(project: Project) -> None:
    make(project, reviews(*range(3, 9)), "1.2.0")
    archive(project, "reviews", OLD, "unused", "li")
    found = diff(project, "reviews", OLD, "1.2.0")
    assert (found.added, found.removed, found.changed, found.same) == (2, 2, 0, 4)
    side = CliRunner().invoke(cli, ["version", "compare", "reviews", OLD, "1.2.0"], env={"COLUMNS": "200"})
    assert side.exit_code == 0, side.exception


def test_what_is_needed_is_not_archived(project: Project) -> None:
    with pytest.raises(MaintenanceError, match="is needed: it is the version that gold holds"):
        archive(project, "reviews", NEW, "unused", "li")
    versions.record(project, "reviews", versions.find(project, "reviews", OLD).version, "released", {"label": OLD})
    with pytest.raises(MaintenanceError, match="is needed: it is the current release"):
        archive(project, "reviews", OLD, "unused", "li")
    assert not (project.root / "archive").exists()


def test_files_that_another_version_needs_stay(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    table = project.table("gold", "reviews")
    make(project, reviews(1, 2), OLD)
    first = gold_files(project)
    make(project, reviews(3), "1.0.1")
    table.restore(0)
    make(project, reviews(4), "1.0.2")
    shared = versions.find(project, "reviews", "1.0.1")
    versions.record(project, "reviews", "aaaa11112222", "made", {**shared.manifest, "label": "1.0.3", "gold": {"delta_version": 2}})
    make(project, reviews(5), "1.0.4")
    assert archive(project, "reviews", OLD, "unused", "li").moved == 0
    assert first <= gold_files(project)


def test_an_archive_that_was_changed_is_refused_and_gold_stays(project: Project) -> None:
    found = archive(project, "reviews", OLD, "unused", "li")
    version, (file,) = versions.find(project, "reviews", OLD), list((Path(found.place) / "data").iterdir())
    whole, files = file.read_bytes(), gold_files(project)
    for damage, what in ((whole[:-1] + b"x", "was changed"), (None, "is missing")):
        file.unlink() if damage is None else file.write_bytes(damage)
        with pytest.raises(MaintenanceError, match=what):
            restore(project, "reviews", OLD, "li")
        assert gold_files(project) == files
    with pytest.raises(MaintenanceError, match="is not there"):
        restore(project, "reviews", OLD, "li", place="elsewhere")
    assert not (project.root / "elsewhere").exists()
    moved = project.root / "elsewhere" / "reviews" / version.version
    moved.parent.mkdir(parents=True)
    file.write_bytes(whole)
    Path(found.place).rename(moved)
    verify(project, version, str(moved))
    assert CliRunner().invoke(cli, ["version", "archive", "reviews", OLD, "--restore", "--from", "elsewhere"]).exit_code == 0
    assert rows_of(project).height == 6


def test_an_archived_release_still_has_the_lake_say_so(project: Project) -> None:
    archive(project, "reviews", OLD, "unused", "li")
    with pytest.raises(StorageError, match="are archived in"):
        write_bundle(project, versions.find(project, "reviews", OLD))
    listed = CliRunner().invoke(cli, ["version", "list", "reviews"], env={"COLUMNS": "200"})
    assert "1.0.0 archived in" in listed.output


KILLED = """
import os, signal, sys
from pathlib import Path
from lakehouse.core import versions
from lakehouse.operations.maintenance import archive as module
from lakehouse.core.project import Project

place, what = sys.argv[1:]
def dies(*given, **named): os.kill(os.getpid(), signal.SIGKILL)
def after(name):
    real = getattr(module, name)
    setattr(module, name, lambda *given, **named: (real(*given, **named), dies()))
if place in ("_copy", "put_file", "verify", "_keep_index"):
    after(place)
elif place == "before the event":
    versions.record = dies
else:
    real = versions.record
    versions.record = lambda *given: (real(*given), dies())
project = Project.open(Path.cwd())
run = module.archive if what == "archive" else lambda p, d, r, why, by: module.restore(p, d, r, by)
run(project, "reviews", "1.0.0", "unused", "li")
"""


def killed(project: Project, place: str, what: str) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, place, what], cwd=project.root, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("place", ["_copy", "put_file", "verify", "_keep_index", "before the event", "after the event"])
def test_killed_while_archiving(project: Project, place: str) -> None:
    before, held = rows_of(project), recall(project, "reviews_raw/001").held
    killed(project, place, "archive")
    assert recall(project, "reviews_raw/001").held == held
    done = archive(project, "reviews", OLD, "unused", "li")
    assert done.moved > 0
    index = project.table("system", "archived").read()
    assert index.height == before.height, "a row stands in the index once"
    assert versions.events(project, "reviews").filter(event="archived").height == 1
    restore(project, "reviews", OLD, "li")
    assert rows_of(project).equals(before)


@pytest.mark.slow
@pytest.mark.parametrize("place", ["verify", "_copy", "before the event", "after the event"])
def test_killed_while_restoring(project: Project, place: str) -> None:
    before = rows_of(project)
    archive(project, "reviews", OLD, "unused", "li")
    killed(project, place, "restore")
    if versions.find(project, "reviews", OLD).archived:
        restore(project, "reviews", OLD, "li")
    assert rows_of(project).equals(before)
    assert versions.events(project, "reviews").filter(event="restored").height == 1


def test_a_copy_that_a_kill_left_short_is_made_again(project: Project) -> None:
    before = rows_of(project)
    found = archive(project, "reviews", OLD, "unused", "li")
    for file in (Path(found.place) / "data").iterdir():
        Path(project.table("gold", "reviews").uri, file.name).write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    restore(project, "reviews", OLD, "li")
    assert rows_of(project).equals(before)
