"""A disk that is full: one message, nothing lost, and the run is finished once there is room.

A limit on the size of any file a process writes (RLIMIT_FSIZE) stands in for a full disk: it needs no privilege, and the kernel refuses the
write in the middle of a file just as a full disk does, with EFBIG for ENOSPC. Where a small tmpfs can be mounted, the real thing is used.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from .commands import called, environment, lakehouse, lakehouse_json


def _factory(tmp_path: Path, rows: int) -> Path:
    texts = pl.DataFrame({"n": range(rows)}).select(
        text=pl.format("row {} says {} and then {}", "n", pl.col("n") * 7919, pl.col("n").hash(1))
    )
    texts.write_csv(tmp_path / "notes.csv")
    called(tmp_path, "init", "factory", "--data", "notes.csv")
    # The texts resemble each other on purpose: near-duplicates are what fills the tables.
    declared = tmp_path / "factory" / "assets" / "datasets" / "notes.yaml"
    declared.write_text(declared.read_text(encoding="utf-8") + "yield: {warn_below: 0.0, fail_below: 0.0}\n", encoding="utf-8")
    return tmp_path / "factory"


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 700 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", str(place)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"a tmpfs cannot be mounted here (it needs root): {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.parametrize("what", ["lake", "staging"])
def test_a_full_disk_is_one_message_and_the_run_is_finished_later(tmp_path: Path, tiny_disk: Path, what: str) -> None:
    folder = _factory(tmp_path, 20_000)
    settings = {}
    if what == "lake":
        settings["LAKEHOUSE_LAKE"] = str(tiny_disk / "lake")
    else:
        (folder / ".lakehouse").mkdir(exist_ok=True)
        (folder / ".lakehouse" / "staging").symlink_to(tiny_disk)
    command = [sys.executable, "-m", "lakehouse.cli", "run", "--to", "gold"]
    done = subprocess.run(command, cwd=folder, env=environment(**settings), capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "the disk is full; nothing was committed" in done.stderr
    assert "Traceback" not in done.stderr
    subprocess.run(["mount", "-o", "remount,size=500m", str(tiny_disk)], check=True)
    assert "holds" in lakehouse(folder, "run", "--to", "gold", **settings)


def test_a_refused_write_in_the_middle_of_a_file_leaves_the_last_version(tmp_path: Path) -> None:
    folder = _factory(tmp_path, 2_000)
    lakehouse(folder, "run", "--to", "gold")
    before = lakehouse_json(folder, "version", "list", "notes")
    with (folder / "data" / "notes.csv").open("a", encoding="utf-8") as data:
        data.writelines(f"late row {n} {n * 104729}\n" for n in range(60_000))
    limited = f"""
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({300_000}, {300_000}))
sys.argv = ["lakehouse", "run", "--to", "gold"]
from lakehouse.cli import main
main()
"""
    done = subprocess.run([sys.executable, "-c", limited], cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert lakehouse_json(folder, "version", "list", "notes") == before
    assert "holds" in lakehouse(folder, "run", "--to", "gold")
    assert len(lakehouse_json(folder, "version", "list", "notes")) == 2
