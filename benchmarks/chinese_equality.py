"""`segment_chinese` against jieba and `convert_chinese` against OpenCC: equal texts, and MB of text a CPU-second of both.

`python benchmarks/chinese_equality.py PATH ...`, with the paths of equality_datatrove.py.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path

import opencc
import polars as pl
from quality_documents import given

from lakehouse.core.spec import Call
from lakehouse.production.engine.operator import OPERATORS, Change

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import jieba


def joined(words: Iterable[str]) -> str:
    """Words with a blank between them, none next to a blank."""
    out, after_blank = [], True
    for word in words:
        blank = word.isspace()
        out += [word] if blank or after_blank else [" ", word]
        after_blank = blank
    return "".join(out)


def compare(texts: pl.DataFrame, call: Call, library: Callable[[str], str]) -> str:
    """A table row: operator, texts, texts that differ, and the two speeds."""
    plan = OPERATORS.entry(call).function(**OPERATORS.bind(call))
    assert isinstance(plan, Change)
    texts.head(10).select(**plan.columns)
    size = int(texts["text"].str.len_bytes().sum()) / 1e6
    started = time.process_time()
    ours = texts.select(**plan.columns)["text"].to_list()
    spent = time.process_time() - started
    started = time.process_time()
    theirs = [library(text) for text in texts["text"]]
    library_spent = time.process_time() - started
    different = sum(a != b for a, b in zip(ours, theirs, strict=True))
    parameters = {name: value for name, value in call.params.items() if name != "column"}
    return f"| {call.name} {parameters} | {texts.height} | {different} | {size / spent:.1f} | {size / library_spent:.2f} |"


def main(paths: list[Path]) -> None:
    """Print a table row an operator and parameter."""
    texts = pl.DataFrame({"text": [text for path in paths for text in given(path)]}, schema={"text": pl.String})
    jieba.setLogLevel(60)
    jieba.initialize()
    print("| operator | texts | different | MB a CPU-second | the library's |\n| --- | --- | --- | --- | --- |")
    for hmm in (True, False):
        call = Call.model_validate({"segment_chinese": {"column": "text", "hmm": hmm}})
        print(compare(texts, call, lambda text, hmm=hmm: joined(jieba.cut(text, HMM=hmm))), flush=True)  # type: ignore[misc]
    for to, config in (("simplified", "t2s"), ("traditional", "s2t")):
        call = Call.model_validate({"convert_chinese": {"column": "text", "to": to}})
        print(compare(texts, call, opencc.OpenCC(config).convert), flush=True)


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
