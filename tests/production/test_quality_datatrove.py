"""The quality operators against datatrove 0.10.1: its verdicts on 300 made documents, written by benchmarks/equality_datatrove.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from lakehouse.production.engine.operator import Change, Keep, with_measured

from .test_operators import plan, verdicts

FIXTURE = Path(__file__).parent / "fixtures" / "datatrove_verdicts.jsonl"
ANSWERS = [json.loads(line) for line in FIXTURE.read_text(encoding="utf-8").split("\n") if line]
DOCUMENTS = pl.DataFrame({"text": [answer["text"] for answer in ANSWERS]})
TOO_FEW = {"< 3 paragraphs": "too_few_paragraphs"}


def after(*steps: tuple[str, dict[str, Any]]) -> tuple[list[str | None], list[str]]:
    """The reason for which each document leaves (None: stays), and its text, after the steps."""
    rows, reasons = DOCUMENTS, [None] * DOCUMENTS.height
    for name, params in steps:
        made = plan(name, column="text", **params)
        if isinstance(made, Change):
            rows = rows.with_columns(**made.columns)
        else:
            reasons = verdicts(made, rows)  # type: ignore[assignment]
    return reasons, rows["text"].to_list()


@pytest.mark.parametrize("name", ["gopher_quality", "gopher_repetition", "fineweb_quality", "c4_paragraph"])
def test_reasons_are_datatroves(name: str) -> None:
    reasons, _ = after((name, {}))
    assert reasons == [TOO_FEW.get(answer[name], answer[name]) for answer in ANSWERS]


@pytest.mark.parametrize(("name", "ended"), [("c4_ended", True), ("c4_unended", False)])
def test_c4_reasons_and_texts_are_datatroves(name: str, ended: bool) -> None:
    reasons, kept = after(("c4_lines", {"filter_no_terminal_punct": ended}), ("c4_quality", {}))
    assert reasons == [answer[name] for answer in ANSWERS]
    for reason, text, answer in zip(reasons, kept, ANSWERS, strict=True):
        assert reason or text == answer[f"{name}_text"]


def test_the_documents_meet_every_reason() -> None:
    unmet = {"gopher_long_doc"}
    for name in ("gopher_quality", "gopher_repetition", "fineweb_quality"):
        made = plan(name, column="text")
        assert set(made.leaves) - unmet == {answer[name] for answer in ANSWERS} - {None}


@pytest.mark.parametrize("name", ["gopher_quality", "gopher_repetition", "fineweb_quality", "c4_quality", "c4_paragraph"])
def test_a_null_text_has_no_signals(name: str) -> None:
    made = plan(name, column="text")
    assert isinstance(made, Keep)
    rows = pl.DataFrame({"text": [None, "a text. " * 40]}, schema={"text": pl.String})
    signals = rows.select(**made.signals)
    assert set(signals.row(0)) == {None}
    assert None not in signals.row(1)
    assert verdicts(made, rows)[0] == "no_signal"


def test_signals_of_one_struct_cost_one_call_of_its_kernel() -> None:
    calls = []

    def lengths(texts: pl.Series) -> pl.Series:
        calls.append(len(texts))
        return pl.DataFrame({"bytes": texts.str.len_bytes(), "characters": texts.str.len_chars()}).to_struct(texts.name)

    found = pl.col("text").map_batches(lengths, return_dtype=pl.Struct({"bytes": pl.UInt32, "characters": pl.UInt32}), is_elementwise=True)
    signals = {
        "bytes": found.struct.field("bytes"),
        "characters": found.struct.field("characters"),
        "upper": pl.col("text").str.to_uppercase(),
    }
    measured = with_measured(pl.LazyFrame({"text": ["好a", "b"]}), signals).collect()
    assert sum(calls) == 2  # rows, in one batch or two
    assert measured.to_dict(as_series=False) == {"text": ["好a", "b"], "bytes": [4, 1], "characters": [2, 1], "upper": ["好A", "B"]}
