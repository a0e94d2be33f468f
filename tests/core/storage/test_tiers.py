"""Tiers: what is old is compressed and packed, what a release needs stays, and readers do not notice."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest
import yaml
from click.testing import CliRunner

from lakehouse.authoring.schema import settings_schema
from lakehouse.cli import cli
from lakehouse.core import versions
from lakehouse.core.errors import NotFoundError, SpecError, StorageError
from lakehouse.core.project import Project
from lakehouse.core.storage.blobs import Blobs
from lakehouse.core.storage.scrub import scrub
from lakehouse.operations.maintenance.archive import archive, restore
from lakehouse.operations.maintenance.compaction import MANY
from lakehouse.operations.maintenance.tiers import tier
from tests.delivery.release.factory import make, new_project, reviews

PAGE = "一页，又一页。".encode() * 20_000
NOISE = os.urandom(50_000)
SETTINGS = """storage:
  locations: [cold/0, cold/1, cold/2, cold/3, cold/4, cold/5]
  pack_at_least: 1
  {}
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(tmp_path))
    new_project(tmp_path)
    return tmp_path


def declared(root: Path, text: str = "{warm_after_days: 10, cold_after_days: 20}", lake: str = "lake") -> Project:
    (root / "lakehouse.yaml").write_text(SETTINGS.format(text.strip("{}").replace(", ", "\n  ")) + f'lake: "{lake}"\n')
    return Project.open(root)


def kept(project: Project, data: bytes, place: str = "blobs", days: int = 0) -> str:
    """Keep a blob that was last used some days ago."""
    blobs = Blobs(project, place)
    sink = blobs.sink()
    sink.write(data)
    sha256 = sink.close()
    if "://" not in project.lake and Path(blobs.path(sha256)).exists():
        os.utime(blobs.path(sha256), (time.time() - days * 86_400,) * 2)
    return sha256


def read(project: Project, sha256: str, place: str = "blobs") -> bytes:
    with Blobs(project, place).open(sha256) as stream:
        return stream.read()


def files(root: Path, place: str) -> set[str]:
    return {file.name for file in (root / "lake" / place).rglob("*") if file.is_file()}


def test_what_is_unused_is_compressed_then_packed_and_read_as_before(root: Path) -> None:
    project = declared(root)
    new, old, oldest = (kept(project, PAGE + bytes([n]), days=days) for n, days in enumerate((1, 11, 21)))
    noise = kept(project, NOISE, "landing/reviews_raw", days=11)
    planned = tier(project, dry_run=True)
    assert [(m.place, m.to, m.files, m.after) for m in planned.moved] == [("blobs", "warm", 2, None), ("blobs", "cold", 1, None)]
    assert files(root, "blobs") == {new, old, oldest}
    warm, cold = tier(project).moved
    assert (warm.to, warm.files, cold.to, cold.files) == ("warm", 2, "cold", 1)
    assert warm.after is not None
    assert warm.after < warm.before / 100
    assert files(root, "blobs") == {new, f"{old}.zst"}
    assert files(root, "landing/reviews_raw") == {noise}, "what compression does not make smaller stays"
    assert [read(project, sha256) for sha256 in (new, old, oldest)] == [PAGE + bytes([n]) for n in range(3)]
    assert kept(project, PAGE + b"\2") == oldest, "what is cold is not kept again"
    assert files(root, "blobs") == {new, f"{old}.zst"}
    assert tier(project).moved == ()
    os.utime(Blobs(project, "landing/reviews_raw").path(noise), (time.time() - 21 * 86_400,) * 2)
    assert [(m.to, m.files) for m in tier(project).moved] == [("cold", 1)], "looking whether it shrinks was no use of it"


def test_blobs_that_are_wanted_no_more_leave_every_tier(root: Path) -> None:
    project, place = declared(root), "landing/reviews_raw"
    new, old, oldest = (kept(project, PAGE + bytes([n]), place, days) for n, days in enumerate((1, 11, 21)))
    tier(project)
    Blobs(project, place).keep_only({old})
    assert files(root, place) == {f"{old}.zst"}
    for gone in (new, oldest):
        with pytest.raises(NotFoundError, match=f"no blob {gone}"):
            read(project, gone, place)
    assert not list((root / "cold").rglob("*.shard"))


def test_what_a_release_was_made_from_stays_hot(root: Path) -> None:
    project = declared(root)
    version = make(project, reviews(1, 2, 3))
    versions.record(project, "reviews", version.version, "released", {"label": "1.0.0"})
    needed = kept(project, PAGE, "landing/reviews_raw", days=30)
    done = tier(project)
    assert done.kept == (("landing/reviews_raw", "reviews@v1.0.0 was made from it"),)
    assert (done.moved, files(root, "landing/reviews_raw")) == ((), {needed})
    tier(declared(root, "{warm_after_days: 10, cold_after_days: 20, keep_hot: nothing}"))
    assert files(root, "landing/reviews_raw") == set()


def test_an_archived_version_is_packed_and_restored_from_what_is_left(root: Path) -> None:
    project = declared(root, "{cold_after_days: 0}")
    make(project, reviews(*range(1, 7)), "1.0.0")
    make(project, reviews(*range(3, 9)), "1.1.0")
    before = versions.rows(project, versions.find(project, "reviews", "1.0.0")).sort("_row_id").collect()
    done = archive(project, "reviews", "1.0.0", "unused", "li")
    (moved,) = tier(project).moved
    assert (moved.place, moved.to, moved.files) == (f"archive/reviews/{done.version}", "cold", 1)
    assert sorted(file.name for file in Path(done.place).rglob("*") if file.is_file()) == ["SHA256SUMS", "manifest.json"]
    for number in (0, 3):
        next((root / "cold" / str(number)).rglob("*.shard")).unlink()
    restore(project, "reviews", "1.0.0", "li")
    assert versions.rows(project, versions.find(project, "reviews", "1.0.0")).sort("_row_id").collect().equals(before)


def test_a_damaged_warm_blob_is_told(root: Path) -> None:
    project = declared(root)
    sha256 = kept(project, PAGE, days=11)
    tier(project)
    file = Path(Blobs(project).path(sha256) + ".zst")
    whole = file.read_bytes()
    for damage in (whole[:-1], whole[:20] + bytes([whole[20] ^ 255]) + whole[21:]):
        file.write_bytes(damage)
        with pytest.raises(StorageError, match=f"what is kept of `{sha256}` (is damaged|was cut short)"):
            read(project, sha256)


def test_a_lake_on_a_store(root: Path) -> None:
    project = declared(root, "{warm_after_days: 0, cold_after_days: 0}", (root / "lake").as_uri())
    (root / "lake" / "system" / "packs").mkdir(parents=True)
    sha256 = kept(project, PAGE)
    assert [m.to for m in tier(project).moved] == ["warm", "cold"]
    assert files(root, "blobs") == set()
    assert read(project, sha256) == PAGE
    assert tier(project).moved == ()


def test_small_files_of_the_lakes_own_tables_are_joined(root: Path) -> None:
    project = declared(root)
    version = make(project, reviews(1, 2))
    for number in range(MANY):
        versions.record(project, "reviews", version.version, "downgraded", {"grade": "D", "reason": str(number), "by": "li"})
    before = versions.events(project, "reviews")
    (done,) = tier(project).compacted
    assert (done.table, done.files_after) == ("system/versions", 1)
    assert done.files_before > MANY
    assert versions.events(project, "reviews").equals(before)
    assert tier(project).compacted == ()


KILLED = """
import os, signal, sys
from pathlib import Path
from lakehouse.operations.maintenance import tiers
from lakehouse.core.project import Project
from lakehouse.core.storage.blobs import Blobs
from lakehouse.core.storage import packs

def dies(*given, **named): os.kill(os.getpid(), signal.SIGKILL)
def after(owner, name):
    real = getattr(owner, name)
    setattr(owner, name, lambda *given, **named: (real(*given, **named), dies()))
place = sys.argv[1]
if place == "drop":
    Blobs.drop = dies
elif place == "drop cold":
    real = Blobs.drop
    Blobs.drop = lambda self, sha256, form: dies() if form else real(self, sha256, form)
elif place == "pack":
    after(packs, "pack")
else:
    after(Blobs, "_put")
tiers.tier(Project.open(Path.cwd()))
"""


@pytest.mark.parametrize("place", ["_put", "drop", "pack", "drop cold"])
def test_killed_while_moving(root: Path, place: str) -> None:
    project = declared(root)
    held = {kept(project, PAGE + bytes([n]), days=days): PAGE + bytes([n]) for n, days in enumerate((11, 21, 22))}
    done = subprocess.run([sys.executable, "-c", KILLED, place], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert {sha256: read(project, sha256) for sha256 in held} == held
    for sha256 in held:  # reading it above was use of it
        for file in (root / "lake" / "blobs").glob(f"*/{sha256}*"):
            days = {PAGE + b"\0": 11}.get(held[sha256], 21)
            os.utime(file, (time.time() - days * 86_400,) * 2)
    tier(project)
    warm = hashlib.sha256(PAGE + b"\0").hexdigest()
    assert files(root, "blobs") == {f"{warm}.zst"}
    assert {sha256: read(project, sha256) for sha256 in held} == held
    assert scrub(project).whole


def test_the_command_and_its_mistakes(root: Path) -> None:
    with pytest.raises(SpecError, match="no tier is declared"):
        tier(Project.open(root))
    project = declared(root)

    def run(*given: str) -> str:
        return CliRunner().invoke(cli, list(given), env={"COLUMNS": "120"}).output

    assert "nothing is due" in run("storage", "tier")
    kept(project, PAGE, days=30)
    assert "Would be moved" in run("storage", "tier", "--dry-run")
    assert "blobs" in run("storage", "tier")
    text = (root / "lakehouse.yaml").read_text()
    jsonschema.validate(yaml.safe_load(text), settings_schema())
    for wrong, what in (
        ("cold_after_days: 1, locations: []", "needs `locations`"),
        ("cold_after_days: 1, warm_after_days: 2", "is more than"),
    ):
        whole = f"storage: {{{wrong}}}\n" if "locations" in wrong else SETTINGS.format(wrong.replace(", ", "\n  "))
        (root / "lakehouse.yaml").write_text(whole)
        with pytest.raises(SpecError, match=what):
            Project.open(root)
