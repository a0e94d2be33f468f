"""What the docs say is so: pages written from the code are fresh, links lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from lakehouse.core.project import Project
from lakehouse.reserve.connectors import CONNECTORS
from lakehouse.reserve.source import feed

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTEXT.md", *(ROOT / "docs").rglob("*.md")])


@pytest.mark.line  # it runs every operator
def test_pages_written_from_the_code_are_fresh() -> None:
    done = subprocess.run([sys.executable, "docs/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}run: python docs/generate.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_pictures_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_decision_has_context_decision_and_what_was_rejected() -> None:
    for page in (ROOT / "docs" / "adr").glob("*.md"):
        text = page.read_text(encoding="utf-8")
        for part in ("**Context.**", "**Decision.**", "**Rejected.**"):
            assert part in text, f"{page.name} lacks {part}"


def test_the_index_of_decisions_lists_each_by_its_title() -> None:
    index = (ROOT / "docs" / "decisions.md").read_text(encoding="utf-8")
    for page in sorted((ROOT / "docs" / "adr").glob("*.md")):
        title = page.read_text(encoding="utf-8").splitlines()[0].partition(". ")[2] or page.read_text(encoding="utf-8").splitlines()[0][2:]
        assert f"| {int(page.name[:4])} | [{title}](adr/{page.name}) |" in index, page.name


def test_every_connector_has_a_page_and_only_connectors_have() -> None:
    assert {page.stem for page in (ROOT / "docs" / "connectors").glob("*.md")} == set(CONNECTORS.entries())


@pytest.mark.parametrize("name", CONNECTORS.entries())
def test_the_page_of_a_connector_shows_a_run_of_a_source_that_loads(name: str, tmp_path: Path) -> None:
    run = (ROOT / "docs" / "connectors" / f"{name}.md").read_text(encoding="utf-8").partition("## A run\n")[2].partition("## Going")[0]
    declared = re.findall(r"```yaml\n# (\S+)\n(.*?)```", run, re.DOTALL)
    for file, text in declared:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text, encoding="utf-8")
    project = Project.open(tmp_path)
    (source,) = project.sources
    assert project.source(source).connector.name == name
    feed(project, source)  # the connector takes its parameters
    assert f"$ lakehouse collect {source}" in run
    for seen in ("# kill -9 when", "killed while", "Collected\n", "error: ", "\n  fix: ", "Bronze has"):
        assert seen in run, f"the run of {name} shows no `{seen}`"
