"""Fields that are defined once: what contracts, sources and readers get from them."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from click.testing import CliRunner

from lakehouse.cli import cli
from lakehouse.core.errors import ContractError, FactoryError, SpecError
from lakehouse.core.project import Project
from lakehouse.core.spec.standards import load
from lakehouse.operations.check import check
from tests.factory import Factory, notes

STANDARDS = """standard: feedback
owner: team:nlp
fields:
  sentiment:
    meaning: Sentiment of the whole text.
    meaning_zh: 整条文本的情感倾向
    type: string
    codes: {a: good, b: bad}
    category: feedback
  amount:
    meaning: Price paid.
    meaning_zh: 支付金额
    type: int
    unit: CNY
    sensitivity: important
"""
CONTRACT = '''"""What a row promises."""

import pandera.polars as pa

from lakehouse import standard_field


class Rows(pa.DataFrameModel):
    """Labelled texts."""

    text: str
    label: str = standard_field("sentiment")
'''


@pytest.fixture
def standard(notes_factory: Factory) -> Factory:
    notes_factory.write("assets/standards/feedback.yaml", STANDARDS)
    notes_factory.write("contracts/rows.py", CONTRACT)
    return notes_factory


def test_a_contract_takes_checks_and_description_from_the_standard(standard: Factory) -> None:
    standard.material([*notes("one", "two"), {"id": "9", "text": "three", "label": "c"}])
    _, gold = standard.made()
    assert gold.rows == 2
    assert standard.rows("gold", "notes_quarantine")["_rules"].to_list() == [["label:isin(['a', 'b'])"]]
    label = standard.project.contract(standard.project.dataset("notes")).columns["label"]
    assert label["description"] == "Sentiment of the whole text. 整条文本的情感倾向"
    assert label["standard"]["name"] == "sentiment"


@pytest.mark.parametrize(
    ("old", "new", "differs"),
    [
        ("codes: {a: good, b: bad}", "codes: {a: good, b: bad, c: neither}", True),
        ("    category: feedback", "    unit: stars", True),
        ("of the whole text", "of the text", False),
        ("category: feedback", "category: other", False),
    ],
    ids=["codes", "unit", "words", "category"],
)
def test_the_definition_is_part_of_the_contracts_identity_and_its_words_are_not(
    standard: Factory, old: str, new: str, differs: bool
) -> None:
    def identity() -> str:
        return standard.project.contract(standard.project.dataset("notes")).hash

    before = identity()
    standard.write("assets/standards/feedback.yaml", STANDARDS.replace(old, new))
    assert (identity() != before) == differs


def test_a_contract_of_another_type_or_of_no_field_is_refused(standard: Factory) -> None:
    project = standard.project
    standard.write("contracts/rows.py", CONTRACT.replace("label: str", "label: int"))
    with pytest.raises(ContractError, match="column `label` is Int64, its standard `sentiment` string"):
        project.contract(project.dataset("notes"))
    standard.write("contracts/rows.py", CONTRACT.replace('"sentiment"', '"sentimnt"'))
    with pytest.raises(ContractError, match=r"(?s)contracts/rows.py:12: .*no field `sentimnt`.*did you mean `sentiment`"):
        project.contract(project.dataset("notes"))


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda f: f.declare_source(standards={"label": "sentimnt"}), r"notes.yaml:16: no field `sentimnt`"),
        (lambda f: f.declare_source(standards={"label": "amount"}), r"notes.yaml:16: column `label` is string, its standard `amount` int"),
        (lambda f: f.declare_source(standards={"lable": "sentiment"}), r"notes.yaml:16: no column `lable`"),
        (
            lambda f: f.write("assets/standards/more.yaml", STANDARDS.replace("d: feedback", "d: more", 1)),
            r"more.yaml:4: field `sentiment` is defined twice",
        ),
        (
            lambda f: f.write("assets/standards/feedback.yaml", STANDARDS.replace("type: string", "type: float")),
            r"feedback.yaml:4: .*a field of type float has no codes",
        ),
        (lambda f: f.write("assets/access.yaml", "purposes: {}\nroles: {}\n"), r"access.yaml:1: `purposes`"),
    ],
    ids=["unknown field", "type", "unknown column", "twice", "codes", "access"],
)
def test_check_names_each_mistake_with_its_line(standard: Factory, break_it: Callable[[Factory], object], message: str) -> None:
    assert check(standard.project) == []
    break_it(standard)
    problems: list[FactoryError] = check(standard.project)
    with pytest.raises(FactoryError, match=message):
        raise problems[0]


def test_the_command_lists_fields_with_their_users(standard: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(standard.root))
    standard.declare_source(standards={"label": "sentiment"})
    listed = json.loads(CliRunner().invoke(cli, ["govern", "standards", "--json"]).output)
    assert [(each["name"], each["used_by"]) for each in listed] == [
        ("sentiment", ["bronze/notes.label", "gold/notes.label"]),
        ("amount", []),
    ]
    assert "整条文本的情感倾向" in CliRunner().invoke(cli, ["govern", "standards"]).output


def test_a_project_without_standards_has_none(notes_factory: Factory) -> None:
    assert load(Project.open(notes_factory.root).root) == {}
    notes_factory.write("assets/standards/x.yaml", "standard: x\nfields: {}\n")
    with pytest.raises(SpecError, match=r"x.yaml:2"):
        load(notes_factory.root)
