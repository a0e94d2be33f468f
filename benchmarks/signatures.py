"""MinHash signatures of every document of a folder of JSON lines, read, simplified, hashed: `python benchmarks/signatures.py FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl

from lakehouse.core.text import shingles
from lakehouse.core.text.kernels.simplify import FOLDED

if __name__ == "__main__":
    texts = pl.read_ndjson(Path(sys.argv[1]) / "*.jsonl").select("text")
    texts.select(shingles.signature("text", "words", 5, FOLDED)).write_parquet(Path(sys.argv[1]) / "signatures.parquet")
