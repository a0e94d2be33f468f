"""MB of text a CPU-second of every quality, statistics and cleaning operator.

`python benchmarks/operator_speed.py PATH ...`, with the paths of equality_datatrove.py; take 50 MB and more.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import polars as pl
from quality_documents import given

from lakehouse.core.spec import Call
from lakehouse.production.engine.operator import OPERATORS, Change, Keep, with_measured

KINDS = ("quality", "statistics", "repair", "chinese", "safety", "privacy", "measure")
PARAMS: dict[str, dict[str, Any]] = {
    "stopwords": {"words": ["the", "be", "to", "of", "and", "that", "have", "with", "a", "in"]},
    "language": {"keep": ["en", "zh"]},
    "sensitive_words": {"terms": ["casino", "viagra", "赌博", "枪支"]},
    "flagged_words": {"words": ["casino", "viagra", "xxx"]},
}


def main(paths: list[Path]) -> None:
    """Print a table row an operator."""
    texts = pl.DataFrame({"text": [text for path in paths for text in given(path)]}, schema={"text": pl.String})
    size = int(texts["text"].str.len_bytes().sum()) / 1e6
    print(f"{texts.height} documents, {size:.1f} MB\n\n| operator | MB a CPU-second |\n| --- | --- |")
    for name, entry in OPERATORS.entries().items():
        if entry.path.parent.name not in KINDS or entry.info.get("reads") or entry.info.get("files"):
            continue
        call = Call.model_validate({name: {"column": "text", **PARAMS.get(name, {})}})
        plan = entry.function(**OPERATORS.bind(call))
        assert isinstance(plan, Keep | Change)
        expressions = plan.signals if isinstance(plan, Keep) else plan.columns
        with_measured(texts.head(100).lazy(), expressions).collect()
        started = time.process_time()
        with_measured(texts.lazy(), expressions).collect()
        print(f"| {name} | {size / (time.process_time() - started):.0f} |")


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
