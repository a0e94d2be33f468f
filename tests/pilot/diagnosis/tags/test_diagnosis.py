"""The diagnosis of tags of tokens: sentences of characters and of words, some of whose tags were taken off or moved."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from lakehouse.cli import cli
from lakehouse.core.errors import SpecError
from lakehouse.core.versions import find
from lakehouse.operations.repair import policies
from lakehouse.operations.repair.reports import open_report
from lakehouse.operations.repair.review import decide, export
from lakehouse.operations.repair.tickets import open_findings
from lakehouse.pilot.diagnose import diagnose
from lakehouse.pilot.diagnosis.kinds import KINDS
from lakehouse.pilot.diagnosis.tags.out_of_fold import out_of_fold
from lakehouse.pilot.models.random_field import RandomField

from ...conftest import Factory
from ...diagnosis.test_columns import hashed
from ...tasks.test_tasks import news

pytest.importorskip("pycrfsuite", reason="NO CRFSUITE: pip install '.[sequences]'")
TRAIN = {"task": "sequence_labelling", "input": "tokens", "label": "tags", "seeds": [1], "epochs": 15, "log_model": False}


def sentences(wrong: int = 0, n: int = 240) -> tuple[pl.DataFrame, dict[str, int]]:
    """Sentences of characters about who is where; of the first train rows the first tag is taken off. The ids of these, and the place."""
    made = news(n)
    split = ["test" if at % 5 == 0 else "train" for at in range(n)]
    ids = [f"news/{at:04}" for at in range(n)]
    tags, places = made["tags"].to_list(), {}
    for at in [at for at in range(n) if split[at] == "train"][:wrong]:
        first = next(i for i, tag in enumerate(tags[at]) if tag != "O")
        tags[at][first] = "O"
        places[ids[at]] = first
    rows = made.with_columns(
        pl.Series("tags", tags), pl.Series("_row_id", ids), pl.Series("_root", ids), pl.Series("_split", split)
    ).with_columns(paper=pl.Series([("早报", "evening")[at % 2] for at in range(n)]))
    return rows, places


def stored(factory: Factory, rows: pl.DataFrame) -> None:
    factory.declare(evaluations=[{"train": TRAIN}])
    digest = hashed(rows.with_columns(pl.col("tokens", "tags").list.join(" ")))["_hash"]
    factory.make(rows.with_columns(digest))


def test_tags_taken_off_are_found_with_their_tokens(factory: Factory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rows, places = sentences(12)
    stored(factory, rows)
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(factory.root))
    page = tmp_path / "page.html"
    said = CliRunner().invoke(cli, ["version", "diagnose", "orders", "--top", "3", "--page", str(page)], catch_exceptions=False)
    assert said.exit_code == 0
    for words in ("240 labelled rows of", "tokens, of which models", "suggested B-", "Not looked for: it judges a row by its one label"):
        assert words in " ".join(said.output.split())
    found = json.loads(CliRunner().invoke(cli, ["version", "diagnose", "orders", "--json", "--top", "100"], catch_exceptions=False).output)
    assert found["unchanged"]
    errors = found["findings"]["label_error"]
    named = {one["_row_id"]: one["evidence"]["tokens"] for one in errors}
    assert len(set(named) & set(places)) >= 7
    assert len(set(named) - set(places)) <= 6
    assert set(list(named)[:5]) <= set(places)
    truth = news(240)
    for row in set(named) & set(places):
        worst = named[row][0]
        at = int(row.removeprefix("news/"))
        assert (worst["at"], worst["given"]) == (places[row], "O")
        assert worst["token"] == truth["tokens"][at][places[row]]
        assert worst["suggested"] == truth["tags"][at][places[row]]
    scores = [one["score"] for one in errors]
    assert scores == sorted(scores)
    reasons = {kind for kind in KINDS if "not_looked_for" in found["summary"].get(kind, {})}
    assert reasons == {"contradiction", "low_value", "influence", "neighbours", "leak"}
    assert "Rows with tags that are likely wrong" in page.read_text(encoding="utf-8")


def test_a_careless_paper_is_a_slice_and_longer_rows_have_moved(factory: Factory) -> None:
    rows, _ = sentences(0, 400)
    chance = np.random.default_rng(1)
    tags = [
        [tag if paper == "evening" or chance.random() > 0.4 else "O" for tag in of]
        for of, paper in rows.select("tags", "paper").iter_rows()
    ]
    longer = pl.when(pl.col("_split") == "test").then(pl.concat_list("tokens", pl.lit(["嘿"] * 9)))
    ends = pl.when(pl.col("_split") == "test").then(pl.concat_list("tags", pl.lit(["O"] * 9)))
    rows = rows.with_columns(pl.Series("tags", tags)).with_columns(longer.otherwise("tokens"), ends.otherwise("tags"))
    stored(factory, rows)
    found = diagnose(factory.project, "orders")
    first = found.top("slice", 1)[0]["evidence"]
    assert first["conditions"]["paper"] == "早报"
    assert first["error"] > found.summary["errors"] / found.summary["tokens"]
    what = {one["evidence"]["what"] for one in found.top("drift", 10)}
    assert {"the tokens", "column number of tokens", "column tags"} <= what
    assert "嘿" in next(one["evidence"]["terms"] for one in found.top("drift", 10) if one["evidence"]["what"] == "the tokens")


def test_tickets_name_rows_and_no_line_relabels_them(factory: Factory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, _ = sentences(12)
    stored(factory, rows)
    project = factory.project
    version, found = find(project, "orders", "latest"), diagnose(project, "orders")
    ticket = next(one for one in open_findings(project, version, found) if one.kind == "label_error")
    assert all(one.suggested is None and one.p_given is not None for one in ticket.rows)  # so that no policy relabels
    export(project, ticket, tmp_path / "tags.csv")
    exported = pl.read_csv(tmp_path / "tags.csv")
    assert exported["given"].str.contains("B-").any()
    assert exported["text"].null_count() == 0
    (tmp_path / "reports.jsonl").write_text('{"row": "news/0003"}\n', encoding="utf-8")
    report, _counts = open_report(project, version, tmp_path / "reports.jsonl")
    assert report is not None
    assert report.rows[0].given == " ".join(rows["tags"][3])
    (tmp_path / "odd.jsonl").write_text('{"row": "news/0003", "label": "O"}\n', encoding="utf-8")
    with pytest.raises(SpecError, match="each token has its own"):
        open_report(project, version, tmp_path / "odd.jsonl")
    file = tmp_path / "decide.csv"
    file.write_text(f"ticket,row,decision,label\n{ticket.ticket},{ticket.rows[0].row},relabel,O O\n", encoding="utf-8")
    monkeypatch.setattr(policies, "contents", lambda _project, _dataset, asked: {row: (row, row) for row in asked})
    with pytest.raises(SpecError, match="a tag for each token, which no line sets"):
        decide(project, file, "ana")


def test_no_model_has_seen_the_group_of_a_row() -> None:
    # Each group has a word of its own that alone says whether it is a name: only a model that saw the group could know.
    n = 60
    rows = pl.DataFrame(
        {
            "tokens": [[f"w{at // 3}"] for at in range(n)],
            "tags": [["B-X" if at // 3 % 2 else "O"] for at in range(n)],
            "_row_id": [f"x/{at:02}" for at in range(n)],
            "_cluster": [f"x/{at // 3 * 3:02}" for at in range(n)],
        }
    )
    learner = RandomField(input="tokens", label="tags", epochs=20)
    secret, seen = out_of_fold(rows, learner, "tags"), out_of_fold(rows.drop("_cluster"), learner, "tags")
    assert seen.error.mean() < 0.3 < 0.45 < secret.error.mean()
    assert secret.probabilities.sum(axis=1) == pytest.approx(np.ones(n), abs=1e-6)
