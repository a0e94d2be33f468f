import shutil
from pathlib import Path

import pytest

from lakehouse.core.project import Project
from tests.factory import Factory, new_factory

POLICY = """purposes:
  training: Models are trained on it.
  annotation: People label it.
roles:
  annotators:
    principals: [ana]
    purposes: [annotation]
    read:
      - table: gold/notes
        rows: [{column: label, op: "!=", value: secret}]
        masks: {text: {redact: [email, phone]}}
  engineers:
    principals: [li, ana]
    purposes: [training]
    ceiling: core
    read:
      - {table: "bronze/*", masks: {text: hash, id: last4}}
      - {table: gold/notes, columns: [text, label, _split]}
"""
ROWS = [
    {"id": "customer-0001", "text": "call 13812345678 today", "label": "a"},
    {"id": "customer-0002", "text": "write to ana@example.org", "label": "b"},
    {"id": "0003", "text": "nothing private", "label": "secret"},
    {"id": "customer-0004", "text": "call 13812345678 today, again", "label": None},
]


@pytest.fixture(scope="session")
def four_notes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    factory = new_factory(tmp_path_factory.mktemp("governed"))
    factory.write("assets/access.yaml", POLICY)
    factory.material(ROWS)
    factory.made()
    return factory.root


@pytest.fixture
def governed(four_notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Factory:
    """Four notes in gold, two of them with private data, and a policy with two roles."""
    shutil.copytree(four_notes, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(tmp_path))
    monkeypatch.setenv("LAKEHOUSE_MASK_KEY", "a key that is long enough")
    return Factory(tmp_path)


@pytest.fixture
def project(governed: Factory) -> Project:
    return governed.project
