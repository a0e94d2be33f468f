"""Archives are read member by member; what would harm is refused, and nothing of it is kept."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.core.errors import SourceError
from lakehouse.reserve.formats import unpack

from .conftest import Factory, killed

MEMBERS = {"b/二.csv": "id,text\n2,二\n", "a.csv": "id,text\n1,一\n", "README": "no table\n"}


def packed_zip(members: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        made.mkdir("b")
        for name, text in members.items():
            made.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def packed_tar(members: dict[str, str], mode: str = "w:gz", **links: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as made:  # type: ignore[call-overload]
        for name, target in links.items():
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            made.addfile(link)
        for name, text in members.items():
            about = tarfile.TarInfo(name)
            about.size = len(text.encode())
            made.addfile(about, io.BytesIO(text.encode()))
    return out.getvalue()


PACKED: dict[str, Callable[[dict[str, str]], bytes]] = {
    "all.zip": packed_zip,
    "all.tar.gz": packed_tar,
    "all.tar": lambda members: packed_tar(members, "w"),
    "all.tar.xz": lambda members: packed_tar(members, "w:xz"),
    "all.tar.bz2": lambda members: packed_tar(members, "w:bz2"),
}


@pytest.mark.parametrize("name", PACKED)
def test_each_member_that_matches_is_a_file(factory: Factory, name: str) -> None:
    factory.declare(f"data/{name}", key=["id"], options={"members": "*.csv"})
    factory.write(f"data/{name}", PACKED[name](MEMBERS))
    factory.collect()
    rows = factory.live().sort("id")
    assert rows["text"].to_list() == ["一", "二"]
    assert rows["_uri"].to_list() == [f"data/{name}!a.csv", f"data/{name}!b/二.csv"]
    assert factory.collect().unchanged
    factory.write(f"data/{name}", PACKED[name]({**MEMBERS, "c.csv": "id,text\n3,三\n"}))
    assert factory.collect().added == 1


class RawName(zipfile.ZipInfo):
    """An entry whose name is written in another encoding, as programs for Windows do."""

    encoding = "cp437"

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802 - of zipfile
        return self.filename.encode(self.encoding), self.flag_bits


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("gbk", "2024年的客户反馈/我们在上海的产品.csv"),
        ("big5", "我們在台北的產品與客戶的意見.csv"),
        ("shift_jis", "お客様からのご意見・ご要望.csv"),
        ("utf-8", "Größe und 大小.csv"),
        ("cp437", "Größe.csv"),
    ],
)
def test_names_of_members_are_read_in_the_encoding_of_their_system(factory: Factory, encoding: str, name: str) -> None:
    out, tape = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        entry = RawName(name)
        entry.encoding = encoding
        made.writestr(entry, "id\n1\n")
    factory.declare("data", key=["id"])
    factory.write("data/a.zip", out.getvalue())
    factory.collect()
    assert factory.live()["_uri"].to_list() == [f"data/a.zip!{name}"]
    if encoding != "cp437":  # a tar has no encoding that is meant where none is said
        with tarfile.open(fileobj=tape, mode="w", encoding=encoding, format=tarfile.GNU_FORMAT) as packed:
            about = tarfile.TarInfo(name)
            about.size = 5
            packed.addfile(about, io.BytesIO(b"id\n2\n"))
        factory.write("data/a.tar", tape.getvalue())
        factory.collect()
        assert sorted(factory.live()["_uri"]) == [f"data/a.tar!{name}", f"data/a.zip!{name}"]


def test_what_operating_systems_leave_is_no_material(factory: Factory) -> None:
    left = {"__MACOSX/b/._a.csv": "\0\x05\x16\7", "b/._a.csv": "\0", ".DS_Store": "\0", "b/Thumbs.db": "\0", "b/.git/x.csv": "id\n9\n"}
    factory.declare("data", key=["id"])
    factory.write("data/a.zip", packed_zip({"b/a.csv": "id\n1\n", **left}))
    factory.write("data/c/b.csv", b"id\n2\n")
    for name in ("._b.csv", "Thumbs.db", "desktop.ini", "~$b.docx", "__MACOSX/c/b.csv", "@eaDir/b.csv"):
        factory.write(f"data/c/{name}", b"\0")
    factory.collect()
    assert sorted(factory.live()["id"]) == ["1", "2"]


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.zip", packed_zip({"../out.csv": "id\n1\n"}), r"the member `../out.csv` leads out of the archive"),
        ("a.zip", packed_zip({"/etc/out.csv": "id\n1\n"}), r"leads out of the archive, to `/etc/out.csv`"),
        ("a.tar.gz", packed_tar({"x/../../out.csv": "id\n1\n"}), "leads out of the archive"),
        ("a.tar.gz", packed_tar({"a.csv": "id\n1\n"}, link="../../etc/passwd"), r"the member `link` leads out of the archive"),
        ("a.zip", packed_zip({"bomb.csv": "id\n" + "0" * 150_000_000}), r"a.zip!bomb.csv: unpacks to more than 1,000 times its size"),
        ("a.zip", packed_zip({"a.csv": "id\n1\n"})[:-30], "the file is damaged"),
        ("a.tar.gz", packed_tar({"a.csv": "id\n1\n"})[:-12], "ends early|damaged"),
        ("a.zip", packed_zip({"readme": "x"}), r"no member matches `\*.csv`(.|\n)*it has: readme"),
    ],
    ids=["parent", "absolute", "climbing", "link", "bomb", "zip cut short", "tar cut short", "nothing matches"],
)
def test_what_would_harm_is_refused_and_nothing_is_kept(factory: Factory, name: str, data: bytes, words: str) -> None:
    factory.declare(f"data/{name}", options={"members": "*.csv"})
    factory.write(f"data/{name}", data)
    with pytest.raises(SourceError, match=words):
        factory.collect()
    assert factory.lake_is_empty
    assert "no member" in words or not [f for f in (factory.project.state / "unpacked").rglob("*") if f.is_file()]


def test_a_link_within_the_archive_is_its_target(factory: Factory) -> None:
    factory.declare("data/a.tar.gz", key=["id"], options={"members": "*.csv"})
    factory.write("data/a.tar.gz", packed_tar({"x/a.csv": "id\n1\n"}, **{"y/link.csv": "../x/a.csv"}))
    assert factory.collect().added == 1


KILLED = """
import os, signal, sys
from pathlib import Path
from lakehouse.core.project import Project
from lakehouse.reserve.bronze import collect
from lakehouse.reserve.formats import unpack

members = unpack._members

def some(archive):
    for number, member in enumerate(members(archive)):
        if number == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        yield member

unpack._members = some
collect.collect(Project.open(Path(sys.argv[1])), "shop")
"""


def test_a_killed_unpacking_is_begun_again(factory: Factory) -> None:
    factory.declare("data/all.zip", key=["id"], options={"members": "*.csv"})
    factory.write("data/all.zip", packed_zip(MEMBERS))
    killed(KILLED, factory.root)
    assert factory.collect().added == 2


@given(st.lists(st.sampled_from(["a", "..", ".", "", "b"]), min_size=1, max_size=8))
def test_a_path_leads_out_exactly_if_some_part_of_it_climbs_above_the_root(parts: list[str]) -> None:
    from pathlib import Path

    path = "/".join(parts)
    depth = least = 0
    for part in parts:
        depth += {"..": -1, ".": 0, "": 0}.get(part, 1)
        least = min(least, depth)
    out = least < 0 or path.startswith("/")
    try:
        unpack._inside(Path("a.zip"), path, path)
        assert not out
    except SourceError:
        assert out
