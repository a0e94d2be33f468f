"""Every mistake in a declaration is one message with file, line, what is wrong and what was meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from lakehouse.authoring.schema import dataset_schema, source_schema
from lakehouse.core.errors import FactoryError, NotFoundError, SpecError
from lakehouse.core.project import Project
from lakehouse.operations import line
from lakehouse.operations.check import check
from tests.factory import Factory, notes

REPOSITORY = Path(__file__).parents[2]

GOOD = """dataset: notes
description: Notes.
owner: team:nlp
sources: [notes]
contract: contracts/rows.py:Rows
on_violation: {action: quarantine, max_rate: 0.02}
recipe:
  - text_length: {column: text, at_least: 4}
  - language: {column: text, keep: [zh, en]}
splits: {train: 0.8, validation: 0.1, test: 0.1}
pilot:
  evaluations:
    - train: {task: text_classification, input: text, label: label}
  gates:
    - {metric: macro_f1, at_least: 0.8}
"""

MISTAKES = {
    "an unknown key": ("owner:", "ownr:", 3, "unknown key `ownr`", "did you mean `owner`?"),
    "an unknown nested key": ("max_rate", "max_rat", 6, "unknown key `max_rat`", "did you mean `max_rate`?"),
    "a wrong type": ("max_rate: 0.02", "max_rate: few", 6, "`on_violation.max_rate`", None),
    "a value not among those allowed": ("action: quarantine", "action: ignore", 6, "'quarantine' or 'fail'", None),
    "a bool where text is meant": ("[zh, en]", "[zh, no]", 9, "`no` is read by YAML as false, not as text", 'put it in quotes: "no"'),
    "a number where text is meant": ("description: Notes.", "description: 2024", 2, "got 2024", 'put it in quotes: "2024"'),
    "an unknown operator": ("text_length:", "text_lenght:", 8, "unknown operator `text_lenght`", "did you mean `text_length`?"),
    "an unknown parameter": ("at_least: 4", "atleast: 4", 8, "unknown key `atleast`", "did you mean `at_least`?"),
    "a missing parameter": ("column: text, keep: [zh, en]", "keep: [zh, en]", 9, "`column` is missing", "add `column: ...`"),
    "a wrong parameter": ("at_least: 4", "at_least: four", 8, "`recipe[0].text_length.at_least`", None),
    "two operators in one item": ("- text_length: {column: text, at_least: 4}", "- {text_length: {}, redact: {}}", 8, "write it as", None),
    "an unknown source": ("[notes]", "[note]", 4, "unknown source `note`", "did you mean `notes`?"),
    "a missing contract file": ("rows.py", "row.py", 5, "contract file contracts/row.py does not exist", "write a Pandera model"),
    "a missing contract class": ("py:Rows", "py:Row", None, "has no Pandera Polars model `Row`", "it has: Rows"),
    "a contract that is no path": ("contracts/rows.py:Rows", "Rows", 5, "`contract`", None),
    "splits that do not add up": ("test: 0.1", "test: 0.3", 10, "must add up to 1", None),
    "gates without an evaluation": (
        "  evaluations:\n    - train: {task: text_classification, input: text, label: label}\n",
        "",
        11,
        "gates need at least one evaluation",
        None,
    ),
    "an unknown evaluation": ("- train:", "- trian:", 13, "unknown evaluation `trian`", "did you mean `train`?"),
    "a gate on an unknown evaluation": (
        "metric: macro_f1,",
        "metric: macro_f1, evaluation: other,",
        15,
        "unknown evaluation `other`",
        None,
    ),
    "a key given twice": ("owner: team:nlp", "owner: team:nlp\nowner: team:cv", 4, "key `owner` is given twice", "keep one of them"),
    "broken YAML": ("[zh, en]", "[zh, en", 9, "not valid YAML", "check indentation, quotes and brackets"),
    "a bad name": ("dataset: notes", "dataset: Notes", 1, "lower-case letters", None),
    "a bad owner": ("team:nlp", "me", 3, "an owner is `team:NAME` or an e-mail address", None),
    "a value of no plain kind": ("description: Notes.", "description: !!binary aGk=", 1, "no text, number, list or mapping", None),
    "no mapping at all": (GOOD, "- a\n- b\n", 1, "the file must hold a mapping", "start it with"),
    "an empty file": (GOOD, "", 1, "the file must hold a mapping", "start it with"),
}


def told(factory: Factory, old: str, new: str) -> list[FactoryError]:
    assert GOOD.count(old) == 1
    factory.write("assets/datasets/notes.yaml", GOOD.replace(old, new))
    return check(factory.project)


def test_a_good_declaration_has_no_mistake(notes_factory: Factory) -> None:
    assert told(notes_factory, "description: Notes.", "description: Better notes.") == []


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_its_line_and_a_way_out(notes_factory: Factory, mistake: str) -> None:
    old, new, at, what, fix = MISTAKES[mistake]
    (problem,) = told(notes_factory, old, new)
    assert what in problem.what
    assert problem.where == (f"assets/datasets/notes.yaml:{at}" if at else "contracts/rows.py")
    if fix is not None:
        assert fix in (problem.fix or "")


FORMAL = [m for m in MISTAKES if m not in ("a key given twice", "broken YAML", "a value of no plain kind", "an empty file")]
MEANING = ("source", "contract f", "contract c", "splits", "gate", "operators", "bad name", "bad owner")


@pytest.mark.parametrize("mistake", [m for m in FORMAL if not any(word in m for word in MEANING)])
def test_editors_refuse_the_mistake_too(mistake: str) -> None:
    old, new, *_ = MISTAKES[mistake]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(GOOD.replace(old, new)), dataset_schema())


def test_schemas_accept_the_real_declarations() -> None:
    for kind, schema in (("datasets", dataset_schema()), ("sources", source_schema())):
        jsonschema.Draft202012Validator.check_schema(schema)
        files = sorted((REPOSITORY / "assets" / kind).glob("*.yaml"))
        assert files
        for file in files:
            jsonschema.validate(yaml.safe_load(file.read_text(encoding="utf-8")), schema)
    jsonschema.validate(yaml.safe_load(GOOD), dataset_schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"source": "a", "conector": {}}, source_schema())


def test_several_mistakes_are_all_listed(notes_factory: Factory) -> None:
    broken = GOOD.replace("[notes]", "[note]").replace("rows.py", "row.py").replace("text_length", "text_lenght")
    notes_factory.write("assets/datasets/notes.yaml", broken)
    notes_factory.write("assets/datasets/other.yaml", GOOD.replace("dataset: notes", "dataset: other").replace("- train", "- trian"))
    problems = check(notes_factory.project)
    assert [(p.where, p.what.split(" does")[0]) for p in problems] == [
        ("assets/datasets/notes.yaml:4", "unknown source `note`"),
        ("assets/datasets/notes.yaml:5", "contract file contracts/row.py"),
        ("assets/datasets/notes.yaml:8", "unknown operator `text_lenght`"),
        ("assets/datasets/other.yaml:13", "unknown evaluation `trian`"),
    ]


def test_several_mistakes_of_form_stand_under_the_first(notes_factory: Factory) -> None:
    (problem,) = told(notes_factory, "description: Notes.\nowner: team:nlp", "owner: me\nownr: x")
    assert problem.where == "assets/datasets/notes.yaml:1"
    assert "`description` is missing" in problem.what
    assert "also assets/datasets/notes.yaml:2: `owner`" in (problem.fix or "")
    assert "also assets/datasets/notes.yaml:3: unknown key `ownr`" in (problem.fix or "")


def test_a_file_that_is_not_utf8(notes_factory: Factory) -> None:
    (notes_factory.root / "assets/datasets/notes.yaml").write_bytes("dataset: 评论".encode("gbk"))
    (problem,) = check(notes_factory.project)
    assert "the file is not UTF-8 text" in str(problem)
    assert problem.fix == "save it as UTF-8"


def test_names_of_files_and_datasets_agree(notes_factory: Factory) -> None:
    notes_factory.write("assets/datasets/notes.yml", GOOD)
    with pytest.raises(SpecError, match="`notes` is declared twice") as twice:
        notes_factory.project.dataset("notes")
    assert twice.value.where == "assets/datasets/notes.yml:1"
    (notes_factory.root / "assets/datasets/notes.yml").rename(notes_factory.root / "assets/datasets/other.yaml")
    with pytest.raises(SpecError, match="the file is named `other` but declares `notes`") as renamed:
        notes_factory.project.dataset("other")
    assert notes_factory.project.dataset("notes").dataset == "notes"
    assert renamed.value.fix == "rename the file to notes.yaml"


def decontaminate(dataset: str) -> list[Any]:
    return [{"decontaminate": {"column": "text", "dataset": dataset}}]


def test_datasets_are_ordered_by_what_they_refer_to(notes_factory: Factory) -> None:
    notes_factory.declare(decontaminate("exam"))
    notes_factory.declare([], "exam")
    notes_factory.declare(decontaminate("notes"), "last", pilot={"held_out": {"dataset": "exam"}})
    assert line.order(notes_factory.project, ["last"]) == ["exam", "notes", "last"]
    assert line.order(notes_factory.project, ["exam"]) == ["exam"]


def test_a_circle_of_datasets_is_shown(notes_factory: Factory) -> None:
    notes_factory.declare(decontaminate("exam"))
    notes_factory.declare(decontaminate("notes"), "exam")
    (problem,) = check(notes_factory.project)
    assert problem.what == "datasets refer to each other in a circle: exam -> notes -> exam"
    assert problem.where is not None
    assert problem.where.startswith("assets/datasets/notes.yaml:")


def test_a_reference_to_an_unknown_dataset(notes_factory: Factory) -> None:
    notes_factory.declare(decontaminate("exma"))
    notes_factory.declare([], "exam")
    (problem,) = check(notes_factory.project)
    assert "unknown dataset `exma`" in str(problem)
    assert "did you mean `exam`?" in str(problem)


def test_unknown_names_are_answered_with_the_nearest_known(notes_factory: Factory) -> None:
    with pytest.raises(NotFoundError, match="did you mean `notes`"):
        notes_factory.project.dataset("note")
    with pytest.raises(NotFoundError, match="did you mean `notes`"):
        notes_factory.project.source("note")
    with pytest.raises(NotFoundError, match="no data factory at or above"):
        Project.find(Path("/"))


def test_settings_come_from_the_file_and_the_environment(notes_factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    notes_factory.write("lakehouse.yaml", "workers: 3\nlake: elsewhere\n")
    assert notes_factory.project.settings.workers == 3
    assert notes_factory.project.lake == str((notes_factory.root / "elsewhere").resolve())
    monkeypatch.setenv("LAKEHOUSE_LAKE", "s3://bucket/prefix/")
    assert notes_factory.project.lake == "s3://bucket/prefix"
    monkeypatch.setenv("LAKEHOUSE_WORKERS", "many")
    with pytest.raises(SpecError, match="LAKEHOUSE_WORKERS"):
        _ = notes_factory.project
    monkeypatch.delenv("LAKEHOUSE_WORKERS")
    monkeypatch.setenv("LAKEHOUSE_RUNNER", "spark")
    with pytest.raises(SpecError, match="LAKEHOUSE_RUNNER"):
        _ = notes_factory.project
    monkeypatch.delenv("LAKEHOUSE_RUNNER")
    notes_factory.write("lakehouse.yaml", "worker: 3\n")
    with pytest.raises(SpecError, match=r"lakehouse.yaml:1: unknown key `worker`"):
        _ = notes_factory.project


def test_two_source_types_for_one_column(notes_factory: Factory) -> None:
    notes_factory.declare_source("more", columns={"id": "int", "text": "string", "label": "string"})
    notes_factory.declare([], sources=["notes", "more"])
    notes_factory.material(notes("one"))
    notes_factory.material([{"id": 1, "text": "x", "label": "y"}], "more")
    notes_factory.collect()
    notes_factory.collect("more")
    with pytest.raises(FactoryError, match="column `id` is String in one source and Int64 in more"):
        notes_factory.silver()


@pytest.mark.parametrize(
    "name", ["AWS_SECRET_ACCESS_KEY", "aws_access_key_id", "azure_storage_account_key", "google_service_account_token"]
)
def test_a_credential_in_the_project_file_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "assets" / "sources").mkdir(parents=True)
    (tmp_path / "lakehouse.yaml").write_text(f"lake: s3://bucket/lake\nstorage_options: {{{name}: x}}\n")
    with pytest.raises(SpecError, match=f"`{name}` is a credential: set it in the environment") as raised:
        Project.open(tmp_path)
    assert "lakehouse.yaml:2" in str(raised.value)
