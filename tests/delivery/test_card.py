"""The card: what a reader learns of the rows, and that nothing in them acts in it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.core.hashing import row_digest
from lakehouse.core.project import Project
from lakehouse.core.spec import Source
from lakehouse.delivery.release.bundle import Bundle, verify_bundle, write_bundle
from lakehouse.delivery.release.card.text import plain
from lakehouse.production.manifest import place_of
from tests.delivery.release.factory import COLUMNS, content, make, new_project, reviews
from tests.factory import new_factory, notes

from .test_load import typed


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    return new_project(tmp_path / "factory")


def card_of(bundle: Bundle) -> str:
    return (bundle.folder / "README.md").read_text(encoding="utf-8")


def labelled(*labels: str, text: str = "a note") -> pl.DataFrame:
    """Gold rows of train with these labels."""
    rows = reviews(*range(len(labels)), split="train").with_columns(label=pl.Series(labels), text=pl.lit(text))
    return rows.with_columns(row_digest(dict(rows.schema), ["text", "label", "_row_id", "_split"]).alias("_hash"))


def test_a_folder_of_every_type_loads_with_the_features_of_its_card(project: Project) -> None:
    from datasets import ClassLabel, Features, Image, List, Value, load_dataset

    rows, columns = typed()
    bundle = write_bundle(project, make(project, rows, columns=columns))
    assert verify_bundle(bundle.folder) == []
    head = yaml.safe_load(card_of(bundle).split("---\n")[1])
    kinds = Features._from_yaml_list(head["dataset_info"]["features"])
    loaded = load_dataset(str(bundle.folder))
    assert loaded["train"].features == kinds
    assert kinds == {
        "text": Value("string"),
        "label": ClassLabel(names=["negative", "positive"]),
        "tags": List(Value("string")),
        "meta": {"page": Value("int64"), "lang": Value("string")},
        "turns": List({"role": Value("string"), "content": Value("string")}),
        "seen": Value("timestamp[us, tz=UTC]"),
        "day": Value("date32"),
        "price": Value("decimal128(10, 2)"),
        "raw": Value("binary"),
        "picture": Image(),
        "row_id": Value("string"),
    }
    row = loaded["train"][0]
    assert (row["label"], row["price"], row["picture"].size, row["turns"]) == (
        0,
        Decimal("1.50"),
        (3, 2),
        [{"role": "user", "content": "hi"}],
    )
    assert "| `picture` | Image |" in card_of(bundle)
    assert content(write_bundle(project, make(project, rows, columns=columns)).folder)["README.md"]


def test_the_card_shows_rows_and_labels_by_split(project: Project) -> None:
    bundle = write_bundle(project, make(project, reviews(*range(12), text="x" * 300)))
    card = card_of(bundle)
    assert "## Distribution of `label`" in card
    assert "| negative | 3 (50.0%) | 1 (33.3%) | 2 (66.7%) |" in card
    assert "The first rows of train" in card
    assert "| `row_id` | reviews_raw/002 |" in card
    assert f"| `text` | {'x' * 200}… |" in card
    assert "reviews_raw/008" not in card
    first = content(bundle.folder)
    assert content(write_bundle(project, make(project, reviews(*range(12), text="x" * 300))).folder)["README.md"] != b""
    assert first.keys() == content(bundle.folder).keys()


def test_a_value_does_nothing_in_a_card(project: Project) -> None:
    attack = "<img src=x onerror=alert(1)>\x1b[31m | **bold** [link](javascript:x) `code`\n# head"
    columns: dict[str, Any] = {**COLUMNS, "label": {**COLUMNS["label"], "checks": []}}
    scores = {"name": "train", "metrics": {"test": {f"f1 of {attack}": 0.5}}}
    version = make(project, labelled(attack, "fine", text=attack), columns=columns, violations={attack: 2})
    version.evaluations["train"] = scores
    version.manifest["inputs"][0]["description"] = attack
    card = card_of(write_bundle(project, version))
    assert "<img" not in card
    assert "\x1b" not in card
    assert "**bold**" not in card
    assert "[link](" not in card
    assert "\n# head" not in card
    assert r"&lt;img src=x onerror=alert(1)>␛\[31m \| \*\*bold\*\* \[link\](javascript:x) \`code\`␊# head" in card


@given(st.text())
def test_plain_text_has_no_tag_and_no_free_sign(text: str) -> None:
    shown = plain(text)
    assert "<" not in shown
    assert "\n" not in shown
    assert not any(sign in shown.replace(f"\\{sign}", "") for sign in "`*[]|")


def test_how_to_load_cite_and_ask(project: Project) -> None:
    metadata = {"description": "d", "owner": "team:nlp", "license": "mit", "hub": "acme/reviews"}
    card = card_of(write_bundle(project, make(project, reviews(*range(6)), metadata=metadata)))
    assert 'load_dataset("acme/reviews", revision="v1.0.0", split="train")' in card
    entry = card.split("```bibtex\n")[1].split("```")[0]
    assert entry.startswith("@misc{reviews_1_0_0,\n  title = {reviews},\n  author = {{team:nlp}},\n  year = {2")
    assert "  version = {1.0.0},\n  url = {https://huggingface.co/datasets/acme/reviews}\n}" in entry
    assert "Contact: team:nlp." in card
    metadata |= {"citation": "@article{x}", "contact": "li@example.org"}
    card = card_of(write_bundle(project, make(project, reviews(*range(6)), metadata=metadata)))
    assert "```bibtex\n@article{x}\n```\n\nContact: li@example.org." in card


def test_a_version_knows_where_its_rows_came_from(tmp_path: Path) -> None:
    factory = new_factory(tmp_path, release={"license": "mit", "hub": "acme/notes", "contact": "li@example.org"})
    factory.material(notes("a", "b"))
    factory.made()
    from lakehouse.core import versions

    version = versions.find(factory.project, "notes", "latest")
    (given,) = version.manifest["inputs"]
    assert (given["connector"], given["place"], given["rows"]) == ("files", "raw/notes.jsonl", 2)
    assert (version.manifest["metadata"]["hub"], version.manifest["metadata"]["contact"]) == ("acme/notes", "li@example.org")
    card = card_of(write_bundle(factory.project, version))
    assert f"| `notes` | Notes. | CC0-1.0 | files raw/notes.jsonl | {given['collected_at'][:10]} | 2 |" in card


@pytest.mark.parametrize(
    ("connector", "place"),
    [
        ({"http": {"files": ["https://li:secret@example.org/a.csv?token=abc#x", "b"]}}, "https://example.org/a.csv and 1 more"),
        ({"sql": {"url": "postgresql://li:secret@db.example/shop", "table": "orders"}}, "postgresql://db.example/shop"),
        ({"files": {"path": "/home/li/data"}}, "data"),
        ({"files": {"path": "data/tickets.csv"}}, "data/tickets.csv"),
        ({"kafka": {"brokers": "localhost:9092", "topic": "notes"}}, "notes"),
        ({"other": {"token": "secret"}}, None),
    ],
)
def test_a_place_is_shown_without_secrets(connector: dict[str, Any], place: str | None) -> None:
    declared = {"source": "s", "description": "d", "owner": "team:x", "license": "mit", "connector": connector}
    assert place_of(Source.model_validate(declared)) == place
