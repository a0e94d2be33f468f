"""What a principal gets through the door, what is refused, and that either leaves its trace."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner

import lakehouse
from lakehouse.cli import cli
from lakehouse.core.errors import AccessError, FactoryError, NotFoundError, SpecError
from lakehouse.governance import audit
from lakehouse.governance.access.door import reading
from tests.factory import Factory

from .conftest import POLICY


def said(factory: Factory) -> list[dict[str, Any]]:
    return audit.entries(factory.project).to_dicts()


def test_a_grant_shows_its_rows_with_masks_and_without_the_systems_columns(governed: Factory) -> None:
    rows = lakehouse.read("gold/notes", "ana", "annotation")
    assert rows.columns == ["text", "label"]
    # A null label meets no comparison, so its row is not shown.
    assert rows.sort("label").rows() == [
        ("call [PHONE] today", "a"),
        ("write to [EMAIL]", "b"),
    ]
    (entry,) = said(governed)
    assert (entry["principal"], entry["action"], entry["table"], entry["purpose"]) == ("ana", "read", "gold/notes", "annotation")
    assert (entry["columns"], entry["rows"], entry["outcome"], entry["detail"]) == (
        ["text", "label"],
        2,
        "granted",
        "role annotators",
    )
    assert len(entry["version"]) == 12


def test_system_columns_are_shown_only_where_a_grant_names_them(governed: Factory) -> None:
    assert lakehouse.read("gold/notes", "li", "training").columns == ["text", "label", "_split"]
    with pytest.raises(AccessError, match="shows all of _row_id"):
        lakehouse.read("gold/notes", "li", "training", columns=["_row_id"])


def test_last4_and_hash_hide_values_and_keep_equality(governed: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = lakehouse.read("bronze/notes", "li", "training").sort("id")
    # A value of fewer than eight characters would be shown by half and more: nothing of it stays.
    assert rows["id"].to_list() == ["****", "****0001", "****0002", "****0004"]
    key = "a key that is long enough"
    inner = hashlib.sha256(f"{key}:nothing private".encode()).hexdigest()
    assert rows["text"][0] == hashlib.sha256(f"{key}:{inner}".encode()).hexdigest()
    assert lakehouse.read("bronze/notes", "li", "training").sort("id").equals(rows)
    monkeypatch.setenv("LAKEHOUSE_MASK_KEY", "another key, long enough")
    assert not lakehouse.read("bronze/notes", "li", "training").sort("id").equals(rows)
    monkeypatch.delenv("LAKEHOUSE_MASK_KEY")
    with pytest.raises(SpecError, match="needs a key of 16 characters or more in LAKEHOUSE_MASK_KEY"):
        lakehouse.read("bronze/notes", "li", "training")


def test_bronze_is_read_as_it_is_live(governed: Factory) -> None:
    governed.material([{"id": "customer-0001", "text": "new words", "label": "a"}])
    governed.collect()
    assert governed.project.table("bronze", "notes").read().height > 1
    assert lakehouse.read("bronze/notes", "li", "training")["id"].to_list() == ["****0001"]
    assert lakehouse.read("bronze/notes", "li", "training", version=0).height == 4


def test_a_masked_column_is_compared_as_it_is_shown(governed: Factory) -> None:
    hidden = ("text", "==", "call 13812345678 today")
    assert lakehouse.read("gold/notes", "ana", "annotation", where=[hidden]).is_empty()
    assert lakehouse.read("gold/notes", "ana", "annotation", where=[("text", "==", "call [PHONE] today")]).height == 1
    with pytest.raises(AccessError, match="`id` is not among the columns that role annotators shows"):
        lakehouse.read("gold/notes", "ana", "annotation", columns=["text"], where=[("id", "==", "0003")])


@pytest.mark.parametrize(
    ("principal", "purpose", "table", "columns", "why"),
    [
        ("eve", "training", "gold/notes", None, "no role names this principal"),
        ("li", "annotation", "gold/notes", None, "it may be read for training"),
        ("li", "training", "silver/notes", None, "no grant of engineers covers this table"),
        ("li", "training", "gold/notes", ["id"], "no grant of engineers shows all of id"),
        ("li", "training", "gold/notes/../../secrets", None, "no grant of engineers covers this table"),
    ],
    ids=["nobody", "purpose", "table", "column", "path"],
)
def test_what_is_not_allowed_is_refused_and_written_down(
    governed: Factory, principal: str, purpose: str, table: str, columns: list[str] | None, why: str
) -> None:
    with pytest.raises(AccessError) as refused:
        lakehouse.read(table, principal, purpose, columns=columns)
    assert refused.value.what == f"{principal} may not read {table} for {purpose}: {why}"
    (entry,) = said(governed)
    assert (entry["principal"], entry["table"], entry["outcome"], entry["rows"]) == (principal, table, "refused", None)
    assert entry["detail"] == refused.value.what


def test_without_a_policy_nobody_reads(governed: Factory) -> None:
    (governed.root / "assets" / "access.yaml").unlink()
    with pytest.raises(AccessError, match=r"there is no assets/access.yaml, so nobody may read"):
        lakehouse.read("gold/notes", "ana", "annotation")
    assert said(governed)[0]["outcome"] == "refused"


def test_columns_above_the_ceiling_are_left_out_or_refused_by_name(governed: Factory) -> None:
    governed.declare_source(sensitivity={"text": "important"})
    found = reading(governed.project, "gold/notes", "ana", "annotation")
    assert (found.rows.columns, found.left_out) == (["label"], ("text",))
    with pytest.raises(AccessError, match=r"column `text` of gold/notes is important \(notes.text is declared important\), above general"):
        lakehouse.read("gold/notes", "ana", "annotation", columns=["text"])
    assert lakehouse.read("gold/notes", "li", "training").columns == ["text", "label", "_split"]  # its ceiling is core


def test_what_cannot_be_read_is_one_message_and_written_down(governed: Factory) -> None:
    cases: list[tuple[dict[str, Any], type[FactoryError], str]] = [
        ({"table": "bronze/nothing"}, NotFoundError, "does not exist yet"),
        ({"version": "9.9.9", "table": "gold/notes"}, NotFoundError, "is no version of notes"),
        ({"version": "x", "table": "bronze/notes"}, NotFoundError, "is no version of bronze/notes"),
        ({"columns": ["labl"], "table": "bronze/notes"}, NotFoundError, "role engineers sees no column `labl`"),
        ({"where": [("label", "==", 3)], "table": "gold/notes"}, SpecError, "cannot be compared with 3"),
        ({"where": [("label", "like", "a")], "table": "gold/notes"}, SpecError, "no comparison"),
    ]
    for given, kind, message in cases:
        with pytest.raises(kind, match=message):
            lakehouse.read(principal="li", purpose="training", **given)
    assert [entry["outcome"] for entry in said(governed)] == ["failed"] * len(cases)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("purposes: [training]", "purposes: [trainign]", r"access.yaml:14: no purpose `trainign`"),
        ("text: hash", "text: blur", r"access.yaml:17: `roles.engineers.read\[0\].masks.text`: a mask is one of hide"),
        ('op: "!="', 'op: "like"', r"access.yaml:10: "),
        ("value: secret", "value: [secret]", r"access.yaml:10: .*take a list of values"),
        ("table: gold/notes\n", "table: /etc/passwd\n", r"access.yaml:9: "),
        ("ceiling: core", "celing: core", r"access.yaml:15: unknown key `celing`"),
    ],
    ids=["purpose", "mask", "operator", "value", "table", "key"],
)
def test_a_mistake_in_the_policy_is_named_with_its_line(governed: Factory, old: str, new: str, message: str) -> None:
    governed.write("assets/access.yaml", POLICY.replace(old, new, 1))
    with pytest.raises(SpecError, match=message):
        lakehouse.read("gold/notes", "ana", "annotation")
    assert said(governed)[0]["outcome"] == "failed"


def test_a_mask_that_does_not_fit_is_refused_and_null_fits_all(governed: Factory) -> None:
    governed.write(
        "assets/access.yaml",
        POLICY.replace("{text: hash, id: last4}", "{_findings: hash}").replace('"bronze/*"', '"bronze/*", columns: [_findings]'),
    )
    with pytest.raises(SpecError, match=r"which `hash` cannot mask"):
        lakehouse.read("bronze/notes", "li", "training")
    governed.write(
        "assets/access.yaml", POLICY.replace("{text: hash, id: last4}", "{text: null, id: hide}").replace("text: null", 'text: "null"')
    )
    rows = lakehouse.read("bronze/notes", "li", "training")
    assert rows.columns == ["text", "label"]
    assert rows["text"].null_count() == 4


def test_the_command_reads_writes_and_refuses_with_its_own_exit_code(governed: Factory, tmp_path: Path) -> None:
    run = CliRunner()
    out = tmp_path / "rows.parquet"
    common = ["--as", "ana", "--for", "annotation"]
    done = run.invoke(cli, ["govern", "read", "gold/notes", *common, "--columns", "text", "--where", "label", "==", "a", "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "1 row as role annotators" in done.output
    assert pl.read_parquet(out)["text"].to_list() == ["call [PHONE] today"]
    assert "[PHONE]" in run.invoke(cli, ["govern", "read", "gold/notes", *common]).output
    shown = json.loads(run.invoke(cli, ["govern", "read", "gold/notes", *common, "--limit", "1", "--json"]).output)
    assert len(shown["rows"]) == 1
    refused = run.invoke(cli, ["govern", "read", "gold/notes", "--as", "eve", "--for", "annotation", "--out", str(tmp_path / "eve.csv")])
    assert isinstance(refused.exception, AccessError)
    assert refused.exception.exit_code == 5
    assert not (tmp_path / "eve.csv").exists()
    listed = json.loads(run.invoke(cli, ["govern", "audit", "--who", "eve", "--json"]).output)
    assert [(entry["seq"], entry["outcome"]) for entry in listed] == [(4, "refused")]
    assert "4 entries, each as it was written" in run.invoke(cli, ["govern", "audit", "--verify"]).output
    assert "refused" in run.invoke(cli, ["govern", "audit"]).output


def test_an_older_version_is_as_sensitive_as_what_it_was_made_from(governed: Factory) -> None:
    governed.declare_source("other", columns={"id": "string", "text": "string", "label": "string"}, sensitivity={"text": "important"})
    governed.write("raw/other.jsonl", '{"id": "1", "text": "words of another", "label": "b"}\n')
    governed.declare([], sources=["notes", "other"])
    governed.collect("other")
    governed.made()
    assert reading(governed.project, "gold/notes", "ana", "annotation").left_out == ("text",)
    governed.declare([])  # the next version will not have it; this one has
    assert reading(governed.project, "gold/notes", "ana", "annotation").left_out == ("text",)
    (governed.root / "assets" / "sources" / "other.yaml").unlink()
    with pytest.raises(AccessError, match="too sensitive"):
        lakehouse.read("gold/notes", "ana", "annotation")


def test_a_wrong_column_does_not_tell_the_names_of_hidden_ones(governed: Factory) -> None:
    with pytest.raises(NotFoundError) as refused:
        lakehouse.read("bronze/notes", "li", "training", columns=["txt_"])
    assert "_uri" not in str(refused.value)
