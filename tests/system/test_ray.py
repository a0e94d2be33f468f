"""Ray: two nodes on one machine, one of them killed while units run; and a cluster that is not there."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.factory import Factory, new_factory

from .commands import environment

RECIPE = [
    {"fix_unicode": {"column": "text"}},
    {"normalise_whitespace": {"column": "text"}},
    {"text_length": {"column": "text", "at_least": 20}},
    {"dedup_exact": {"columns": ["text"]}},
    {"dedup_minhash": {"column": "text", "unit": "characters", "size": 5, "threshold": 0.8}},
]
FILES = 8

CLUSTER = """
import os, signal, sys, time
from pathlib import Path
from ray.cluster_utils import Cluster

# Two nodes of one CPU: the driver joins the first, the second is killed once the file that is named appears.
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
second = cluster.add_node(num_cpus=1)
cluster.wait_for_nodes()
print(cluster.address, flush=True)
mark = Path(sys.argv[1])
while not mark.exists():
    time.sleep(0.02)
if mark.read_text() == "kill":
    for processes in second.all_processes.values():
        for info in processes:
            os.kill(info.process.pid, signal.SIGKILL)
    print("killed", flush=True)
sys.stdin.read()
cluster.shutdown()
"""


def texts(count: int) -> list[dict[str, str | None]]:
    """Chinese reviews, some of them copies, near copies, garbled, too short or missing."""
    rows: list[dict[str, str | None]] = []
    for i in range(count):
        text: str | None = "".join(chr(0x4E00 + (i * 7919 + k * k * 104729) % 5000) for k in range(60))
        if i % 11 == 0:
            text = rows[i // 2]["text"] if i else text
        elif i % 13 == 0:
            text = "太短"
        elif i % 101 == 0:
            text = None
        elif i % 17 == 0 and text:
            text = text[:-1] + "。"
        rows.append({"id": f"{i:06}", "text": text, "label": "好"})
    return rows


def collected(root: Path) -> Factory:
    """A factory with its source in several bronze files."""
    factory = new_factory(root, RECIPE)
    rows = texts(4000)
    for part in range(1, FILES + 1):
        factory.material(rows[: len(rows) * part // FILES])
        factory.collect()
    return factory


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[str], Path]]:
    """A cluster of two nodes: its address, its process, and the file by which a test speaks to it."""
    pytest.importorskip("ray")
    mark = tmp_path / "mark"
    process = subprocess.Popen(
        [sys.executable, "-c", CLUSTER, str(mark)],
        env=environment(RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO="0"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    address = process.stdout.readline().strip()
    yield address, process, mark
    if not mark.exists():
        mark.write_text("end")
    process.stdin.close()
    process.stdout.close()
    process.wait(60)


def start(factory: Factory, address: str, to: str = "gold") -> subprocess.Popen[str]:
    (factory.root / "lakehouse.yaml").write_text(f"runner: ray\nray_address: '{address}'\n", encoding="utf-8")
    command = [sys.executable, "-m", "lakehouse.cli", "run", "notes", "--to", to]
    return subprocess.Popen(command, cwd=factory.root, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def staged(factory: Factory) -> int:
    return len(list(factory.root.glob(".lakehouse/staging/notes/*/new/*.signals.parquet")))


def test_a_node_that_is_killed_while_units_run_changes_nothing(tmp_path: Path, cluster: tuple[str, subprocess.Popen[str], Path]) -> None:
    address, process, mark = cluster
    whole, survived = collected(tmp_path / "whole"), collected(tmp_path / "survived")
    here = whole.silver()
    whole.gold()
    run = start(survived, address)
    deadline = time.monotonic() + 180
    while staged(survived) < 2 and run.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    done = staged(survived)
    mark.write_text("kill")
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "killed"
    said, complained = run.communicate(timeout=300)
    assert run.returncode == 0, complained
    assert 2 <= done < FILES
    assert "holds" in said
    (survived.root / "lakehouse.yaml").unlink()
    assert survived.silver().unchanged
    assert survived.silver().balance == here.balance
    assert survived.rows("silver", "notes_fates").equals(whole.rows("silver", "notes_fates"))
    assert survived.rows("gold").equals(whole.rows("gold"))
    ids = [factory.project.table("gold", "notes").metadata()["factory.content_id"] for factory in (survived, whole)]
    assert ids[0] == ids[1]


UNITS = """
import sys

from lakehouse.core.errors import StorageError
from lakehouse.core.runs.progress import silent
from lakehouse.core.project import Settings
from lakehouse.core.runs.workers import run_units


def square(n):
    if n == 30:
        raise StorageError("no room", where="unit 30", fix="make some")
    return n * n


if __name__ == "__main__":
    settings = Settings(runner=sys.argv[1], workers=2)
    print(list(run_units(square, range(25), settings, "squares", silent)))
    try:
        list(run_units(square, range(40), settings, "squares", silent))
    except StorageError as error:
        print(error)
"""


def test_results_are_in_order_and_what_a_unit_raises_is_the_same_under_every_runner(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    script = tmp_path / "units.py"
    script.write_text(UNITS, encoding="utf-8")
    said = []
    for runner in ("in_process", "processes", "ray"):
        command = [sys.executable, str(script), runner]
        done = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        said.append(done.stdout)
    assert said[0] == f"{[n * n for n in range(25)]}\nunit 30: no room\n  fix: make some\n"
    assert said[0] == said[1] == said[2]


def test_a_cluster_that_is_not_there_is_one_message(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    factory = new_factory(tmp_path, RECIPE)
    factory.material(texts(100))
    factory.collect()
    started = time.monotonic()
    run = start(factory, "127.0.0.1:9", "silver")
    _, complained = run.communicate(timeout=120)
    assert run.returncode == 1
    assert "no Ray cluster answers at 127.0.0.1:9" in complained
    assert "Traceback" not in complained
    assert time.monotonic() - started < 60
