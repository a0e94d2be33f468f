"""A killed run leaves every table readable; the next run goes on from the units that were finished."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from tests.factory import Factory, new_factory

MAKE = """
import sys
from pathlib import Path
from lakehouse.production.gold import make_gold
from lakehouse.production.silver import make_silver
from lakehouse.core.project import Project

project = Project.open(Path(sys.argv[1]))
make_silver(project, "notes")
make_gold(project, "notes")
"""

KILLED = """
import os, signal, sys
from pathlib import Path
from lakehouse.production import gold, silver
from lakehouse.production.engine import units
from lakehouse.core.project import Project

place = sys.argv[2]
kill = lambda *given, **named: os.kill(os.getpid(), signal.SIGKILL)
if place.startswith("unit"):
    whole, left = silver.run_unit, int(place[4:])
    def run(unit):
        global left
        if left == 0:
            kill()
        left -= 1
        return whole(unit)
    silver.run_unit = run
elif place == "record":
    gold.versions.record = kill
else:
    module = gold if place.startswith("gold") else silver
    whole, left = module.apply, int(place[-1])
    def apply(*given):
        global left
        if left == 0:
            kill()
        left -= 1
        return whole(*given)
    module.apply = apply
project = Project.open(Path(sys.argv[1]))
silver.make_silver(project, "notes")
gold.make_gold(project, "notes")
"""

ANY_YIELD = {"yield": {"warn_below": 0.0, "fail_below": 0.0}}
"""The texts resemble each other, so that most of them are merged."""
RECIPE = [
    {"normalise_whitespace": {"column": "text"}},
    {"text_length": {"column": "text", "at_least": 3}},
    {"dedup_exact": {"columns": ["text"]}},
    {"dedup_minhash": {"column": "text", "unit": "words", "size": 2, "threshold": 0.7}},
    {"dedup_lines": {"column": "text"}},
]
AUGMENT = [{"steps": [{"fill_template": {"column": "text", "templates": ["Once more: {text}"]}}], "share": 0.3}]
FOOT = "\nAll rights are reserved by the makers of this"


def collected(factory: Factory, rows: int, files: int) -> None:
    """A source in several bronze files, one a collection."""
    generator = random.Random(5)
    lines = [{"id": f"{i:06}", "text": " ".join(str(generator.randrange(500)) for _ in range(20)), "label": "a"} for i in range(rows)]
    for line in lines[::3]:
        line["text"] += FOOT
    for part in range(1, files + 1):
        factory.material(lines[: rows * part // files])
        factory.collect()


def run(factory: Factory, script: str, *arguments: str) -> int:
    return subprocess.run([sys.executable, "-c", script, str(factory.root), *arguments], capture_output=True, check=False).returncode


def readable(factory: Factory) -> None:
    """Every table that exists can be read whole."""
    for layer, name in (("silver", "notes"), ("silver", "notes_signals"), ("silver", "notes_fates"), ("gold", "notes")):
        table = factory.project.table(layer, name)  # type: ignore[arg-type]
        if table.exists():
            table.read()


def same_as_unkilled(killed: Factory, whole: Factory) -> None:
    silver, gold = killed.silver(), killed.gold()
    assert all(step.holds for step in silver.balance)
    assert gold.version == whole.gold().version
    assert killed.rows("gold").equals(whole.rows("gold"))
    assert killed.rows("silver", "notes_fates").equals(whole.rows("silver", "notes_fates"))
    assert killed.rows("gold")["_parent"].count() > 0
    assert not any((killed.root / ".lakehouse/staging").glob("notes*"))


@pytest.mark.slow
def test_killed_between_any_two_commits(tmp_path: Path) -> None:
    whole = new_factory(tmp_path / "whole", RECIPE, augment=AUGMENT, **ANY_YIELD)
    collected(whole, 400, 4)
    whole.silver()
    whole.gold()
    for place in ("unit2", "silver0", "silver1", "silver2", "gold0", "record"):
        killed = new_factory(tmp_path / place, RECIPE, augment=AUGMENT, **ANY_YIELD)
        collected(killed, 400, 4)
        assert run(killed, KILLED, place) == -signal.SIGKILL
        readable(killed)
        if place in ("unit2", "silver0"):
            assert killed.silver().reused == (2 if place == "unit2" else 4)
        same_as_unkilled(killed, whole)


@pytest.mark.slow
def test_killed_at_ten_random_moments(tmp_path: Path) -> None:
    whole = new_factory(tmp_path / "whole", RECIPE, augment=AUGMENT, **ANY_YIELD)
    collected(whole, 40_000, 8)
    started = time.monotonic()
    assert run(whole, MAKE) == 0
    length = time.monotonic() - started
    killed = new_factory(tmp_path / "killed", RECIPE, augment=AUGMENT, **ANY_YIELD)
    collected(killed, 40_000, 8)
    generator = random.Random(3)
    survived = 0
    for _ in range(10):
        process = subprocess.Popen([sys.executable, "-c", MAKE, str(killed.root)])
        time.sleep(generator.uniform(0.3, 1.0) * length)
        process.kill()
        survived += process.wait() == 0
        readable(killed)
    assert survived < 10
    same_as_unkilled(killed, whole)


@pytest.mark.slow
def test_a_full_disk_leaves_silver_as_it_was(tmp_path: Path) -> None:
    full = """
import resource, signal, sys
from pathlib import Path
from lakehouse.core.errors import FactoryError
from lakehouse.production.silver import make_silver
from lakehouse.core.project import Project

# A file may grow no further than this: the unprivileged, portable likeness of a full disk (EFBIG in place of ENOSPC).
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    make_silver(Project.open(Path(sys.argv[1])), "notes")
except (FactoryError, OSError) as error:
    sys.exit(9)
"""
    factory = new_factory(tmp_path, RECIPE)
    collected(factory, 200, 1)
    first = factory.silver()
    collected(factory, 4000, 1)
    assert run(factory, full) == 9
    assert factory.rows("silver").height == first.rows
    assert factory.silver().rows > first.rows


def test_units_that_a_killed_run_finished_are_reused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lakehouse.production import silver as module

    factory = new_factory(tmp_path, RECIPE)
    collected(factory, 40, 4)
    real, calls = module.run_unit, iter(range(100))

    def stops(unit: object) -> object:
        if next(calls) == 2:
            raise KeyboardInterrupt
        return real(unit)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "run_unit", stops)
    with pytest.raises(KeyboardInterrupt):
        factory.silver()
    monkeypatch.setattr(module, "run_unit", real)
    done = factory.silver()
    assert (done.units, done.reused) == (4, 2)
    assert pl.concat([factory.rows("silver").select("_row_id"), factory.rows("silver", "notes_fates").select("_row_id")]).height == 40
