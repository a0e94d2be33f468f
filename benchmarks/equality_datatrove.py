"""Compare verdict, reason and text of the quality operators with datatrove 0.10.1, on the same words and sentences; and their speed.

`python benchmarks/equality_datatrove.py [--made N] [--fixture FILE] [PATH ...]`: each PATH a Delta table or Parquet file with a column
`text`, or a folder of .html, .rst or .txt files. datatrove is installed once, in a virtualenv
of its own under build/. Exit code 1 where anything differs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import venv
from pathlib import Path
from typing import Any

import polars as pl
from quality_documents import given, synthetic

from lakehouse.core.spec import Call
from lakehouse.production.engine.operator import OPERATORS, Change, Keep, with_measured

HERE = Path(__file__).parent
BUILD = HERE.parent / "build" / "equality_datatrove"
NEEDS = ("datatrove==0.10.1", "orjson", "spacy", "nltk", "regex", "tldextract", "ftfy")
RENAMED = {"< 3 paragraphs": "too_few_paragraphs"}
"""datatrove's reasons that have another name here."""
RECIPES: dict[str, list[dict[str, dict[str, Any]]]] = {
    "gopher_quality": [{"gopher_quality": {}}],
    "gopher_repetition": [{"gopher_repetition": {}}],
    "c4_unended": [{"c4_lines": {"filter_no_terminal_punct": False}}, {"c4_quality": {}}],
    "c4_ended": [{"c4_lines": {}}, {"c4_quality": {}}],
    "c4_paragraph": [{"c4_paragraph": {}}],
    "fineweb_quality": [{"fineweb_quality": {}}],
}


def ours(texts: pl.Series, recipe: list[dict[str, dict[str, Any]]]) -> pl.DataFrame:
    """`reason` (null: stays) and `text` of every document after a recipe's steps."""
    frame = pl.DataFrame({"text": texts}).with_columns(reason=pl.lit(None, pl.String))
    for step in recipe:
        (name, params), *_ = step.items()
        call = Call.model_validate({name: {"column": "text", **params}})
        plan = OPERATORS.entry(call).function(**OPERATORS.bind(call))
        if isinstance(plan, Change):
            frame = frame.lazy().with_columns(**plan.columns).collect()
        else:
            assert isinstance(plan, Keep)
            signals = with_measured(frame.lazy(), plan.signals).collect()
            verdicts = {reason: verdict for reason, verdict in plan.leaves.items() if isinstance(verdict, pl.Expr)}
            reasons = signals.select(pl.coalesce(pl.when(verdict).then(pl.lit(reason)) for reason, verdict in verdicts.items()))
            frame = frame.with_columns(reason=reasons.to_series())
    return frame


def oracle(documents: Path, verdicts: Path, python: Path | None) -> None:
    """Write datatrove's answers; installs it where no interpreter with it is given."""
    if python is None:
        python = BUILD / "venv" / "bin" / "python"
        if not python.exists():
            venv.create(BUILD / "venv", with_pip=True)
            subprocess.run([python, "-m", "pip", "install", "-q", *NEEDS], check=True)
    subprocess.run([python, HERE / "datatrove_oracle.py", documents, verdicts], check=True)


def write_fixture(path: Path, texts: pl.Series, theirs: list[dict[str, Any]]) -> None:
    """Write the shortest documents for every reason of every filter, with datatrove's answers: 300 at most, none over 1,500 bytes."""
    short = [row for row in texts.str.len_bytes().arg_sort() if len(texts[row].encode()) <= 1500]
    chosen: dict[int, None] = {}
    for share in (4, 8, 12, 16, 20):
        for name in RECIPES:
            for reason in sorted({str(answer[name]) for answer in theirs}):
                rows = [row for row in short if str(theirs[row][name]) == reason]
                chosen |= dict.fromkeys(rows[:: max(1, len(rows) // share)][:share])
        if len(chosen) >= 300:
            break
    with path.open("w", encoding="utf-8") as file:
        for row in list(chosen)[:300]:
            file.write(json.dumps({"text": texts[row], **theirs[row]}, ensure_ascii=True) + "\n")


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="*", type=Path)
    parser.add_argument("--made", type=int, default=10_000, help="made documents, besides the given ones")
    parser.add_argument("--python", type=Path, help="an interpreter that has datatrove 0.10.1 already")
    parser.add_argument("--fixture", type=Path, help="write made documents and datatrove's answers for the tests to this file")
    given_args = parser.parse_args()
    BUILD.mkdir(parents=True, exist_ok=True)
    parts = [("made", list(synthetic(given_args.made, seed=7))), *((str(path), list(given(path))) for path in given_args.paths)]
    for name, documents in parts:
        print(f"{name}: {len(documents)} documents, {sum(len(d.encode()) for d in documents) / 1e6:.1f} MB")
    texts = pl.Series("text", [document for _, documents in parts for document in documents], dtype=pl.String)
    size = int(texts.str.len_bytes().sum()) / 1e6
    documents, answers = BUILD / "documents.jsonl", BUILD / "verdicts.jsonl"
    pl.DataFrame({"text": texts}).write_ndjson(documents)
    oracle(documents, answers, given_args.python)
    theirs = [json.loads(line) for line in answers.read_text(encoding="utf-8").split("\n") if line]
    seconds = json.loads(Path(f"{answers}.seconds.json").read_text(encoding="utf-8"))
    if given_args.fixture:
        write_fixture(given_args.fixture, texts.head(len(parts[0][1])), theirs[: len(parts[0][1])])
    wrong = 0
    for name, recipe in RECIPES.items():
        ours(texts.head(10), recipe)
        started = time.process_time()
        found = ours(texts, recipe)
        spent = time.process_time() - started
        expected = pl.Series([RENAMED.get(answer[name], answer[name]) for answer in theirs], dtype=pl.String)
        differs = found["reason"].ne_missing(expected)
        if f"{name}_text" in theirs[0]:
            kept = pl.Series([answer[f"{name}_text"] for answer in theirs], dtype=pl.String)
            differs |= expected.is_null() & found["text"].ne_missing(kept)
        wrong += int(differs.sum())
        dropped = int(expected.is_not_null().sum())
        speed = f"{size / spent:.1f} MB a CPU-second, datatrove {size / seconds[name]:.2f}: {seconds[name] / spent:.0f} times"
        print(f"{name}: {differs.sum()} of {len(texts)} differ ({dropped} dropped, {expected.n_unique() - 1} reasons); {speed}")
        for row in differs.arg_true().head(3):
            print(f"  datatrove {expected[row]}, here {found['reason'][row]}: {texts[row][:300]!r}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
