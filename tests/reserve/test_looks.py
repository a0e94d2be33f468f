"""Which files a folder is said to hold, and which of them are read again."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from lakehouse.core.errors import SourceError
from lakehouse.reserve.transport import digests
from lakehouse.reserve.transport.file_stats import FileStats

from .conftest import Factory


def test_hidden_files_links_to_nothing_and_what_is_no_file_are_left_out(tmp_path: Path) -> None:
    for name in ("b.txt", "deep/a.txt", ".hidden", ".git/config"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "link.txt").symlink_to("b.txt")
    (tmp_path / "gone.txt").symlink_to("nowhere")
    (tmp_path / "circle").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe.txt")
    looks = FileStats()
    looks.below(str(tmp_path), hidden=False)
    assert sorted(looks.frame()["path"]) == [f"{tmp_path}/{name}" for name in ("b.txt", "deep/a.txt", "link.txt")]
    assert looks.frame().filter(path=f"{tmp_path}/link.txt")["size"].item() == len("b.txt")


def test_a_name_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "好.txt").write_text("fine")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xb4\xf3.txt")).write_text("a name in GB18030")
    looks = FileStats()
    looks.below(str(tmp_path), hidden=False)
    with pytest.raises(SourceError, match="not UTF-8") as raised:
        looks.frame()
    assert raised.value.where == f"{tmp_path}/\\xb4\\xf3.txt"


def test_only_a_file_that_looks_another_is_hashed_again(factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    factory.declare("data/*.txt")
    hashed: list[str] = []
    real = digests.file_digest
    monkeypatch.setattr(digests, "file_digest", lambda path: hashed.append(path.name) or real(path))
    for name in "abc":
        factory.write(f"data/{name}.txt", f"{name}\n".encode())
        long_ago = time.time() - 60
        os.utime(factory.project.root / f"data/{name}.txt", (long_ago, long_ago))
    monkeypatch.setattr(digests, "_RACY_NS", 0)
    first = factory.collect()
    assert sorted(hashed) == ["a.txt", "b.txt", "c.txt"]
    assert factory.collect().content_id == first.content_id
    assert sorted(hashed) == ["a.txt", "b.txt", "c.txt"]
    factory.write("data/b.txt", b"another\n")
    factory.write("data/d.txt", b"d\n")
    (factory.project.root / "data/c.txt").unlink()
    again = factory.collect()
    assert sorted(hashed[3:]) == ["b.txt", "d.txt"]
    assert sorted(factory.live()["text"]) == ["a", "another", "d"]
    assert (again.added, again.changed, again.vanished) == (1, 1, 1)


def test_a_file_changed_within_the_clock_tick_of_its_hash_is_hashed_again(factory: Factory) -> None:
    factory.declare("data/*.txt")
    factory.write("data/a.txt", b"one\n")
    factory.collect()
    file = factory.project.root / "data/a.txt"
    about = file.stat()
    file.write_bytes(b"two\n")
    os.utime(file, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert not factory.collect().unchanged
    assert factory.live()["text"].to_list() == ["two"]
