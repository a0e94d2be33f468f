"""Folders and archives: what is read is what was looked at, the most files of one kind, and what is not read is said and is not read."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from typing import Any

import pytest
import yaml

from lakehouse.core.errors import SourceError
from lakehouse.reserve.bronze.collect import collect
from lakehouse.reserve.discovery.discover import discover
from lakehouse.reserve.discovery.patterns import pattern
from tests.authoring.desk import Desk


def _table(names: str, rows: int, separator: str = ",") -> bytes:
    body = "".join(separator.join([f"{i}", *[f"w{i}"] * names.count(",")]) + "\n" for i in range(rows))
    return (names.replace(",", separator) + "\n" + body).encode()


def _zip(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name, data in members.items():
            packed.writestr(name, data)
    return out.getvalue()


def _tar(members: dict[str, bytes], mode: str = "w") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as packed:  # type: ignore[call-overload]
        for name, data in members.items():
            about = tarfile.TarInfo(name)
            about.size = len(data)
            packed.addfile(about, io.BytesIO(data))
    return out.getvalue()


def _options(desk: Desk, file: str) -> Any:
    return yaml.safe_load((desk.root / file).read_text())["connector"]["files"]


@pytest.mark.parametrize(
    ("name", "data", "options", "rows"),
    [
        (
            "a.zip",
            _zip({"x/a.csv": _table("a,b", 20, ";"), "x/b.csv": _table("a,b", 30, ";"), "readme.md": b"# hi"}),
            {"members": "*.csv", "separator": ";"},
            50,
        ),
        ("b.tar", _tar({"a.json": json.dumps([{"a": i} for i in range(30)]).encode()}), {}, 30),
        ("c.tar.gz", _tar({"d/a.jsonl": b'{"a": 1}\n' * 20, "d/b.jsonl": b'{"a": 2, "c": "x"}\n' * 20}, "w:gz"), {}, 40),
        ("d.zip", _zip({"a.dat": _table("a,b", 20)}), {"format": "csv"}, 20),
        ("e.zip", _zip({"a.csv": _table("a,b", 20), "b.csv": _table("a,b", 90, ";")}), {"members": "b.csv", "separator": ";"}, 90),
    ],
)
def test_members_are_looked_at_as_they_are_read(desk: Desk, name: str, data: bytes, options: dict[str, Any], rows: int) -> None:
    file = desk.bring(name, data)
    made = desk.add(file)
    assert _options(desk, made.files[0]) == {"path": f"data/{name}", **options}
    assert collect(desk.project, made.source).findings == {}
    assert desk.project.table("bronze", made.source).read().height == rows
    assert all(group.type != "application/zip" for group in discover(file).groups)


def test_the_most_files_with_the_same_columns_are_read_and_the_others_are_not(desk: Desk) -> None:
    for name, data in {"a.csv": _table("x,y", 90), "b.csv": _table("a,b", 20), "c.csv": _table("a,b", 20), "d.txt": b"one\n"}.items():
        desk.bring(f"mixed/{name}", data)
    made = desk.add(desk.brought / "mixed")
    assert "a.csv has other columns and was left out" in made.notes
    assert any(note.startswith("2 files of the folder are not read (.csv, .txt)") for note in made.notes)
    gold = desk.gold(made.dataset)
    assert gold.columns == ["a", "b"]
    assert gold.height == 40


@pytest.mark.parametrize(
    ("chosen", "others", "path"),
    [
        (["a.csv", "b/c.csv"], [], ""),
        (["a.csv", "b/c.csv"], ["d.txt"], "**/*.csv"),
        (["b/a.csv", "b/c.csv"], ["d.csv"], "b"),
        (["b/a.csv", "b/c.csv"], ["d.csv", "b/e.txt"], "b/**/*.csv"),
        (["a.csv", "b.csv"], ["c/a.csv"], "*.csv"),
        (["a.csv", "b.csv"], ["c.csv"], "**/[!c]*.csv"),
        (["ab.csv"], ["ac.csv"], "ab.csv"),
    ],
)
def test_a_pattern_reads_the_chosen_files_alone(chosen: list[str], others: list[str], path: str) -> None:
    found = pattern(chosen, others, chosen[0], archive=False)
    assert (found.path, found.left, found.wrong) == (path, (), ())


def test_what_no_pattern_tells_apart_is_named(desk: Desk) -> None:
    for number in range(3):
        desk.bring(f"f/p{number}.csv", _table("a,b", 20))
    desk.bring("f/pq.csv", _table("x", 20))
    made = desk.add(desk.brought / "f")
    assert "1 file of another kind is read too, and fails, unless you move it: pq.csv" in made.notes


def test_links_are_named_and_those_to_folders_not_followed(desk: Desk) -> None:
    folder = desk.brought / "links"
    desk.bring("links/a.csv", _table("a,b", 30))
    (folder / "loop").symlink_to(".")
    (folder / "dead.csv").symlink_to("/nowhere")
    (folder / "out.csv").symlink_to(desk.bring("out.csv", _table("a,b", 5)))
    made = desk.add(folder)
    for words in ("to folders are not followed: loop", "lead to nothing and are left out: dead.csv", "lead out of the folder, and what"):
        assert any(words in note for note in made.notes)
    assert sorted(file.name for file in (desk.root / "data/links").rglob("*")) == ["a.csv", "out.csv"]
    assert desk.gold(made.dataset).height == 35


def test_pages_become_their_texts(desk: Desk) -> None:
    for i in range(4):
        desk.bring(f"site/{i}.html", f"<html><body><h1>Page {i}</h1><p>About thing {i * 7919} and its use.</p></body></html>".encode())
    gold = desk.gold(desk.add(desk.brought / "site").dataset)
    assert gold.height == 4
    assert not gold["text"].str.contains("<").any()


def test_no_material_and_the_factory_itself(desk: Desk) -> None:
    with pytest.raises(SourceError, match="no material is named"):
        desk.add("")
    with pytest.raises(SourceError, match="holds the factory itself"):
        desk.add(desk.root)
