"""What is found in the catalogue, by which words and facets, on the terminal and in a browser."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.cli import cli
from lakehouse.core.errors import NotFoundError
from lakehouse.governance.catalogue.entries import CatalogueEntry, entries
from lakehouse.governance.catalogue.search import search
from tests.core.test_standards import CONTRACT, STANDARDS
from tests.factory import Factory, new_factory, notes

BROWSER = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)


@pytest.fixture(scope="module")
def made_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    factory = new_factory(tmp_path_factory.mktemp("shop"))
    factory.write("assets/standards/feedback.yaml", STANDARDS)
    factory.write("contracts/rows.py", CONTRACT)
    factory.declare_source(sensitivity={"text": "important"}, standards={"label": "sentiment"})
    release = {"license": "mit", "language": ["zh"], "tasks": ["text-classification"]}
    factory.declare([], description="中文商品评论，用于情感分类。", release=release)
    factory.declare([], "posts", description="Posts of a <script>document.title='evil'</script> forum.", owner="team:web")
    factory.material(notes("one", "two"))
    factory.made()
    return factory.root


@pytest.fixture
def shop(made_shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Factory:
    """A source, two datasets with words in two languages, one version, two standard fields."""
    shutil.copytree(made_shop, tmp_path / "shop")
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(tmp_path / "shop"))
    return Factory(tmp_path / "shop")


def names(factory: Factory, query: str = "", **facets: list[str]) -> list[str]:
    return [hit.name for hit in search(entries(factory.project), query, facets).hits]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("评论", "notes"),
        ("品评", "notes"),  # no segmenter would cut here
        ("情感倾向", "sentiment"),
        ("sentiments", "sentiment"),
        ("sent", "sentiment"),
        ("CNY", "amount"),
        ("forum posts", "posts"),
        ("notes 1.0.0", "notes 1.0.0"),
        ("team:web", "posts"),
    ],
    ids=["word", "across words", "standard", "stem", "prefix", "unit", "two words", "version", "owner"],
)
def test_a_word_finds_what_it_names_first(shop: Factory, query: str, first: str) -> None:
    assert names(shop, query)[0] == first


def test_facets_narrow_and_are_counted(shop: Factory) -> None:
    assert names(shop, kind=["dataset"]) == ["notes", "posts"]
    assert names(shop, kind=["dataset"], owner=["team:web"]) == ["posts"]
    assert names(shop, kind=["dataset", "source"], sensitivity=["重要"]) == ["notes", "posts", "notes"]
    assert names(shop, language=["zh"]) == ["notes", "notes 1.0.0"]
    found = search(entries(shop.project), "notes", {"kind": ["version"]})
    assert found.facets["released"] == {"no": 1}
    with pytest.raises(NotFoundError, match=r"(?s)no facet `licens`.*did you mean `licence`"):
        search([], "", {"licens": ["mit"]})


def test_what_is_not_there_is_not_found(shop: Factory) -> None:
    for query in ("论评", "zebra", '" OR "', "!!!", "评论 zebra"):
        assert names(shop, query) == []


WORD = st.text(st.sampled_from("评论商品情感abcxyz"), min_size=1, max_size=6)


@given(st.lists(WORD, min_size=1, max_size=6), st.data())
def test_every_piece_of_chinese_and_every_beginning_of_a_word_is_found(words: list[str], data: st.DataObject) -> None:
    known = [
        CatalogueEntry(kind="column", name=f"c{i}", title=word, text="", facets={"kind": ("column",)}, see="")
        for i, word in enumerate(words)
    ]
    word = data.draw(st.sampled_from(words))
    runs = re.findall(r"[a-z]+|[^a-z]+", word)
    run = data.draw(st.sampled_from(runs))
    piece = run if run.isascii() else run[data.draw(st.integers(0, len(run) - 1)) :]
    assert words.index(word) in [int(hit.name[1:]) for hit in search(known, piece).hits]


@given(st.text(max_size=20))
def test_no_query_breaks_the_search(query: str) -> None:
    search([CatalogueEntry(kind="source", name="a", title="b", text="c", facets={"kind": ("source",)}, see="")], query)


def test_the_command_prints_hits_and_writes_json(shop: Factory) -> None:
    said = CliRunner().invoke(cli, ["govern", "catalogue", "评论"])
    assert said.exit_code == 0, said.output
    assert "notes dataset  中文商品评论" in said.output
    found = json.loads(CliRunner().invoke(cli, ["govern", "catalogue", "--facet", "kind=standard", "--json"]).output)
    assert [hit["name"] for hit in found["hits"]] == ["sentiment", "amount"]
    assert "write NAME=VALUE" in CliRunner().invoke(cli, ["govern", "catalogue", "--facet", "kind"]).output


def test_the_page_needs_nothing_else_and_takes_no_markup(shop: Factory, tmp_path: Path) -> None:
    said = CliRunner().invoke(cli, ["govern", "catalogue", "--page", str(tmp_path / "page.html")])
    assert said.exit_code == 0, said.output
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert not re.findall(r"(?:src|href)=", text)
    assert "<script>document.title" not in text


@pytest.mark.skipif(BROWSER is None, reason="NO BROWSER: install chromium (apt-get install chromium) to see the page rendered")
def test_a_browser_searches_without_a_network(shop: Factory, tmp_path: Path) -> None:
    CliRunner().invoke(cli, ["govern", "catalogue", "--page", str(tmp_path / "page.html")], catch_exceptions=False)
    common = [str(BROWSER), "--headless=new", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={tmp_path / 'profile'}"]
    common += ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium's sandbox refuses to start as root
    common += ["--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=5000", "--dump-dom"]

    def shown(where: str) -> str:
        uri = f"{(tmp_path / 'page.html').as_uri()}#{where}"
        return subprocess.run([*common, uri], capture_output=True, text=True, timeout=120, check=False).stdout

    found = shown(f"q={quote('评论')}&kind=dataset")
    assert "<title>Catalogue</title>" in found, "no markup of an entry ran"
    assert re.findall(r"<article><p><b>([^<]*)</b>", found) == ["notes"]
    assert '<p id="count">1 of ' in found
    everything = shown("kind=dataset")
    assert re.findall(r"<article><p><b>([^<]*)</b>", everything) == ["notes", "posts"]
    assert "&lt;script&gt;" in everything
