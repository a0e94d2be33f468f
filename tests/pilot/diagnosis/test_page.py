"""The page of a diagnosis as a reader sees it: complete, offline, and without what must not be seen."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from lakehouse.cli import cli
from lakehouse.core import versions
from lakehouse.core.errors import NotFoundError
from lakehouse.operations.repair.tickets import open_findings
from lakehouse.pilot.diagnose import diagnose, findings_of, page_of
from lakehouse.pilot.diagnosis.classes.kinds import CLASSES
from lakehouse.pilot.diagnosis.kinds import KINDS

from ..conftest import TRAIN, Factory, remarks

BROWSER = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)


def marked(n: int = 200) -> pl.DataFrame:
    """Remarks of which eight are swapped, one of them with markup of its own."""
    rows = remarks(n, wrong=8)
    evil = pl.when(pl.col("_row_id") == "orders_raw/0001").then(pl.lit("<script>document.title='evil'</script> 很差 退款"))
    return rows.with_columns(text=evil.otherwise(pl.col("text")))


def write(factory: Factory, monkeypatch: pytest.MonkeyPatch, to: Path) -> str:
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(factory.root))
    said = CliRunner().invoke(cli, ["version", "diagnose", "orders", "--top", "1", "--page", str(to)], catch_exceptions=False)
    assert said.exit_code == 0, said.output
    assert f"page: {to}" in said.output
    return to.read_text(encoding="utf-8")


def test_the_page_holds_every_kind_and_needs_nothing_else(factory: Factory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    factory.make(marked())
    page = write(factory, monkeypatch, tmp_path / "page.html")
    assert all(f'id="{kind}"' in page and of.title in page for kind, of in CLASSES.items())
    assert "很好 great wonderful" in page
    assert "data:image/png;base64," in page
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page)
    assert (tmp_path / "page.html").read_bytes() == page_of(factory.project, diagnose(factory.project, "orders"))
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith("page")] == ["page.html"]


@pytest.mark.skipif(BROWSER is None, reason="NO BROWSER: install chromium (apt-get install chromium) to see the page rendered")
def test_a_browser_shows_it_without_a_network(factory: Factory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    factory.make(marked())
    write(factory, monkeypatch, tmp_path / "page.html")
    command = [str(BROWSER), "--headless=new", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={tmp_path / 'profile'}"]
    command += ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium's sandbox refuses to start as root
    command += ["--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=5000", "--dump-dom", (tmp_path / "page.html").as_uri()]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False).stdout
    assert "<title>Diagnosis of orders 1.0.0</title>" in shown, "no script ran"
    assert "suggested 差评" in shown
    assert shown.count("<h2") == len(KINDS)


def test_a_text_that_may_be_private_is_left_out_with_its_words(factory: Factory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    version = factory.make(marked())
    versions.record(factory.project, "orders", version.version, "made", {**version.manifest, "privacy": {"text": ["email"]}})
    page = write(factory, monkeypatch, tmp_path / "page.html")
    assert "may hold email" in page
    assert "wonderful" not in page
    assert "退款" not in page
    assert "orders_raw/0003" in page


def test_a_page_that_is_gone_says_so(factory: Factory) -> None:
    factory.make(remarks(120, wrong=4))
    found = diagnose(factory.project, "orders")
    shutil.rmtree(factory.root / "mlruns")
    with pytest.raises(NotFoundError, match=r"page of the diagnosis of orders 1\.0\.0"):
        page_of(factory.project, found)


def test_topics_that_train_lacks_become_findings_and_tickets(factory: Factory) -> None:
    """The frozen set holds a topic that no train row has, and half of its remarks are of it."""
    rng = range(60)
    about = pl.Series([f"{('蓝牙 耳机 bluetooth', '耳机 headset battery')[i % 2]} 充电 charger item {i % 7}" for i in rng])
    other = remarks(60, start=9000, split="test").with_columns(text=about)
    frozen = pl.concat([remarks(60, start=8000, split="test"), other])
    factory.make(frozen, name="orders_frozen")
    factory.declare(held_out={"dataset": "orders_frozen"}, evaluations=[TRAIN])
    version = factory.make(remarks(400).with_columns(_root=pl.col("_row_id")))
    found = diagnose(factory.project, "orders")
    assert findings_of(factory.project, version) is not None
    drift = found.top("drift", 1)[0]["evidence"]
    assert (drift["set"], drift["what"]) == ("held_out", "the text")
    assert drift["low"] > 0.6
    assert set(drift["rows"][:20]) <= set(other["_row_id"])
    assert {"耳机", "charger"} & set(drift["terms"])
    assert found.summary["coverage"]["held_out"]["beyond"] >= 50
    opened = {ticket.title for ticket in open_findings(factory.project, version, found)}
    assert "held_out rows differ in the text" in opened
    assert sum(title.startswith("held_out rows hardly covered: ") for title in opened) == found.counts["coverage"]
    assert open_findings(factory.project, version, found) == []
