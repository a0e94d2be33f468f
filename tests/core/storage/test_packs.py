"""Packs survive the loss of as many locations as they have parity, say what is lost beyond that, and kills."""

from __future__ import annotations

import io
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.cli import cli
from lakehouse.core.errors import SpecError, StorageError
from lakehouse.core.project import Project
from lakehouse.core.storage.packs import PackMember, forget, locations, open_item, pack, register
from lakehouse.core.storage.reed_solomon import parity, recover
from lakehouse.core.storage.scrub import scrub
from tests.examples import examples

FILES = {"blobs/ab/" + "ab" * 32: random.Random(1).randbytes(3_000_001), "landing/shop/cd/x": "一页".encode() * 500, "empty": b""}


def new_project(root: Path, policy: str = "data: 4, parity: 2", number: int = 6) -> Project:
    (root / "assets" / "sources").mkdir(parents=True)
    places = ", ".join(f"cold/{n}" for n in range(number))
    (root / "lakehouse.yaml").write_text(f"storage: {{locations: [{places}], {policy}}}\n")
    return Project.open(root)


def packed(project: Project, files: dict[str, bytes] = FILES) -> str:
    return pack(project, [PackMember(name, partial(io.BytesIO, data)) for name, data in files.items()]).pack


def contents(project: Project) -> dict[str, bytes]:
    found = {}
    for name in FILES:
        stream = open_item(project, name)
        assert stream is not None, name
        with stream:
            found[name] = stream.read()
    return found


def shards(project: Project, number: int) -> dict[str, bytes]:
    """The files of a location."""
    root = Path(locations(project)[number].at)
    return {str(file.relative_to(root)): file.read_bytes() for file in sorted(root.rglob("*")) if file.is_file()}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("packed")
    packed(new_project(root))
    return root


def harm(project: Project, number: int, how: str, at: int) -> None:
    """Delete a location, flip a bit of its shard, cut it short, or change its manifest."""
    place = Path(locations(project)[number].at)
    if how == "deleted":
        shutil.rmtree(place)
        return
    (file,) = place.rglob("manifest.json" if how == "manifest" else "*.shard")
    data = bytearray(file.read_bytes())
    data[at % len(data)] ^= 1
    file.write_bytes(data[: len(data) // 2] if how == "short" else data)


HARMS = st.sampled_from(["deleted", "flipped", "short"])


@settings(max_examples=examples(0.2))
@given(
    lost=st.lists(st.integers(0, 5), min_size=1, max_size=2, unique=True), how=st.lists(HARMS, min_size=2, max_size=2), at=st.integers(0)
)
def test_any_two_of_six_locations_may_be_lost(template: Path, lost: list[int], how: list[str], at: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        project = Project.open(shutil.copytree(template, Path(folder, "factory")))
        before = [shards(project, number) for number in range(6)]
        for number, what in zip(lost, how, strict=False):
            harm(project, number, what, at)
        assert contents(project) == FILES
        found = scrub(project)
        assert {Path(fault.location).name for fault in found.faults} == {str(number) for number in lost}
        assert not found.whole
        assert scrub(project, repair=True).whole
        assert [shards(project, number) for number in range(6)] == before
        again = scrub(project)
        assert (again.whole, again.faults, again.shards) == (True, (), 6)


@settings(max_examples=examples(0.1))
@given(lost=st.lists(st.integers(0, 5), min_size=3, max_size=6, unique=True), how=HARMS)
def test_a_third_loss_is_told_and_nothing_is_overwritten(template: Path, lost: list[int], how: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        project = Project.open(shutil.copytree(template, Path(folder, "factory")))
        for number in lost:
            harm(project, number, how, 7)
        left = [shards(project, number) for number in range(6)]
        found = scrub(project, repair=True)
        (gone,) = found.lost
        assert (gone.intact, gone.needed, set(gone.items)) == (6 - len(lost), 4, set(FILES))
        assert [shards(project, number) for number in range(6)] == left
        with pytest.raises(StorageError, match=r"pack \w+ has \d readable shards of 6 and needs 4"):
            contents(project)


@given(
    data=st.integers(1, 6),
    extra=st.integers(1, 4),
    length=st.integers(1, 50),
    seed=st.integers(0, 2**32),
    chosen=st.randoms(use_true_random=False),
)
def test_any_so_many_blocks_give_all(data: int, extra: int, length: int, seed: int, chosen: random.Random) -> None:
    blocks = [random.Random(seed + n).randbytes(length) for n in range(data)]
    row = [*blocks, *parity(blocks, extra)]
    kept = chosen.sample(range(data + extra), data)
    assert recover({number: row[number] for number in kept}, data, data + extra) == blocks


def test_the_command_says_what_is_wrong_repairs_it_and_says_what_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(tmp_path))
    project = new_project(tmp_path)
    name = packed(project)
    fine = CliRunner().invoke(cli, ["storage", "scrub"])
    assert fine.exit_code == 0
    assert "1 pack: 6 shards intact" in fine.output
    harm(project, 1, "flipped", 5)
    harm(project, 2, "manifest", 5)
    told = CliRunner().invoke(cli, ["storage", "scrub"])
    assert told.exit_code == 1
    assert f"shard 1 of {name} in {tmp_path}/cold/1: damaged, not repaired" in told.output
    assert f"manifest of {name} in {tmp_path}/cold/2: damaged, not repaired" in told.output
    mended = CliRunner().invoke(cli, ["storage", "scrub", "--repair", "--json"])
    assert mended.exit_code == 0
    assert {(fault["part"], fault["repaired"]) for fault in json.loads(mended.output)["faults"]} == {("shard 1", True), ("manifest", True)}
    for number in range(3):
        harm(project, number, "deleted", 0)
    lost = CliRunner().invoke(cli, ["storage", "scrub", "--repair"])
    assert lost.exit_code == 1
    assert f"beyond repair {name}: 3 shards are intact, 4 are needed; nothing of it was written" in lost.output
    assert "lost landing/shop/cd/x" in lost.output


def test_replicas_are_whole_copies(tmp_path: Path) -> None:
    project = new_project(tmp_path, "replicas: 2", 2)
    packed(project)
    one, two = (next(Path(place.at).rglob("*.shard")) for place in locations(project))
    assert one.read_bytes() == two.read_bytes() == b"".join(FILES[name] for name in sorted(FILES))
    harm(project, 0, "flipped", 9)
    assert contents(project) == FILES
    assert scrub(project, repair=True).whole
    assert one.read_bytes() == two.read_bytes()


def test_locations_may_be_urls_and_named_in_another_order(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    packed(project)
    places = ", ".join(f'"{(tmp_path / "cold" / str(n)).as_uri()}"' for n in (3, 1, 5, 0, 2, 4))
    (tmp_path / "lakehouse.yaml").write_text(f"storage: {{locations: [{places}]}}\n")
    project = Project.open(tmp_path)
    assert contents(project) == FILES
    for number in (0, 4):
        (next(Path(tmp_path, "cold", str(number)).rglob("*.shard"))).unlink()
    assert contents(project) == FILES
    assert scrub(project, repair=True).whole
    assert scrub(project).faults == ()


def test_a_lost_lake_leaves_packs_that_still_say_what_they_hold(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    packed(project)
    shutil.rmtree(project.lake)
    harm(project, 0, "deleted", 0)
    found = scrub(project, repair=True)
    assert (found.packs, found.whole, found.lost) == (1, True, ())


def test_a_pack_of_which_nothing_is_wanted_is_removed(tmp_path: Path) -> None:
    project = new_project(tmp_path)
    name = packed(project)
    forget(project, lambda name: name == "empty")
    assert open_item(project, "empty") is None
    assert Path(locations(project)[0].at, "packs", name).exists()
    forget(project, lambda name: True)
    assert all(not shards(project, number) for number in range(6))
    assert scrub(project).packs == 0


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("locations: [a, b, c]", "names 3 places; 4 data and 2 parity shards need 6"),
        ("locations: [a, a], replicas: 2", "names a place twice"),
        ("locations: [a, b, c], replicas: 2", "names 3 places; 2 replicas need 2"),
        ("locations: [a, b], replicas: 2, data: 3", "either `replicas`, or `data` and `parity`"),
    ],
)
def test_a_wrong_declaration_is_told(tmp_path: Path, text: str, what: str) -> None:
    (tmp_path / "lakehouse.yaml").write_text(f"storage: {{{text}}}\n")
    with pytest.raises(SpecError, match=what):
        Project.open(tmp_path)


KILLED = """
import io, os, signal, sys
from pathlib import Path
from lakehouse.core.project import Project
from lakehouse.core.storage import packs
from lakehouse.core.lake.location import Location
from tests.examples import examples

left = int(sys.argv[1])
real = Location.put
def put(self, name, file):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    real(self, name, file)
Location.put = put
packs.pack(Project.open(Path.cwd()), [packs.PackMember("one", lambda: io.BytesIO(b"1" * 1000))])
"""


@pytest.mark.parametrize("written", [0, 4, 9])
def test_killed_while_packing(tmp_path: Path, written: int) -> None:
    project = new_project(tmp_path)
    done = subprocess.run([sys.executable, "-c", KILLED, str(written)], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert open_item(project, "one") is None
    name = packed(project)
    assert contents(project) == FILES
    assert {found for number in range(6) for found in shards(project, number)} == {
        f"packs/{name}/{part}" for part in ("manifest.json", *(f"{n}.shard" for n in range(6)))
    }
    assert [each.state for each in register(project).values()] == ["removed", "packed"]
    assert scrub(project).whole
    assert not any((project.state / "packs").glob("*/*"))
