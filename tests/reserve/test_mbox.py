"""Mailboxes: a mail is an item, a broken one costs nobody else."""

from __future__ import annotations

import mailbox
from email.message import EmailMessage
from pathlib import Path

import pytest

from lakehouse.authoring.source_file import write_source
from lakehouse.core.errors import SourceError
from lakehouse.reserve.discovery.discover import discover

from .conftest import Factory
from .test_media import kept

TEXTS = ["第一封信", "From the start quoted\n\nFrom the middle too", "third"]


def written(file: Path) -> bytes:
    """A mailbox by the standard library."""
    box = mailbox.mbox(file)
    for number, text in enumerate(TEXTS):
        message = EmailMessage()
        message["Subject"], message["From"] = f"信 {number}", "Ada <ada@example.org>"
        message.set_content(text)
        box.add(message)
    box.close()
    return file.read_bytes()


@pytest.mark.parametrize("ending", ["mbox", "mbx", "mbox.xz"])
def test_mails_are_rows(factory: Factory, tmp_path: Path, ending: str) -> None:
    import lzma

    data = written(tmp_path / "box")
    factory.declare()
    factory.write(f"data/a.{ending}", lzma.compress(data) if ending.endswith("xz") else data)
    made = factory.collect()
    assert (made.added, made.findings) == (3, {})
    rows = factory.live().sort("title")
    assert rows["text"].to_list() == ["第一封信", "From the start quoted\nFrom the middle too", "third"]
    assert rows["title"].to_list() == ["信 0", "信 1", "信 2"]
    assert factory.collect().unchanged


def test_broken_and_large_mails_cost_nobody_else(factory: Factory, tmp_path: Path) -> None:
    start = b"From ada@example.org Sat Nov 28 10:00:00 2026\n"
    large = b"Subject: large\nFrom: Ada <a@example.org>\n\n" + b"word\n" * 30_000
    factory.declare(max_item_bytes=100_000)
    factory.write("data/a.mbox", start + b"just words\n\n" + start + large + b"\n" + written(tmp_path / "box"))
    made = factory.collect()
    assert made.findings == {"not_a_document": 1, "oversized": 1}
    assert made.added == 5
    blob = factory.live()["_blob"].drop_nulls().item()
    assert kept(factory, blob) == large + b"\n"
    assert b"just words" in factory.live()["_raw"].drop_nulls().item()


def test_discovery_tells_a_mailbox_by_its_content(factory: Factory, tmp_path: Path) -> None:
    factory.write("data/inbox", written(tmp_path / "box"))
    found = discover(factory.root / "data/inbox")
    assert (found.rows, found.whole, found.text) == (3, True, "text")
    assert "format: mbox" in write_source(factory.project, found, "shop").file.read_text()
    assert factory.collect().added == 3


def test_what_is_no_mailbox(factory: Factory) -> None:
    factory.declare()
    factory.write("data/a.mbox", b"Subject: x\n\nFrom here on\n")
    with pytest.raises(SourceError, match=r"data/a.mbox: no mailbox"):
        factory.collect()
