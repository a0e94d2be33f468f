"""Compare MinHash minima with datatrove's on the same shingle hashes of real documents.

`python benchmarks/equality_minhash.py CORPUS DATATROVE_PYTHON`, with the interpreter of a virtualenv that has datatrove.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

from lakehouse.core.text.kernels import minhash

DOCUMENTS = 12_000


def main(corpus: Path, python: str) -> int:
    """Print how many signatures differ; returns the exit code."""
    texts = pl.read_ndjson(corpus / "documents" / "*.jsonl")["text"].head(DOCUMENTS)
    hashed = [np.array([hash_of(" ".join(w[i : i + 5])) for i in range(len(w) - 4)], dtype=np.uint64) for w in map(str.split, texts)]
    kept = [hashes for hashes in hashed if len(hashes)]
    offsets = np.cumsum([0, *map(len, kept)])
    a, b = minhash.permutations(112)
    ours = np.array([minhash.minima(hashes, a, b) for hashes in kept])
    with tempfile.TemporaryDirectory() as folder:
        given, out = Path(folder) / "hashes.npz", Path(folder) / "out.npy"
        np.savez(given, hashes=np.concatenate(kept), offsets=offsets)
        subprocess.run([python, Path(__file__).parent / "peers" / "datatrove_minima.py", given, out], check=True)
        theirs = np.load(out)
    different = int((ours != theirs).any(axis=1).sum())
    sys.stdout.write(f"{len(kept):,} documents, {offsets[-1]:,} shingles, {different} signatures differ\n")
    return 1 if different else 0


def hash_of(shingle: str) -> int:
    """A 64-bit hash of a shingle: any will do, both sides get the same."""
    h = 0xCBF29CE484222325
    for byte in shingle.encode():
        h = (h ^ byte) * 0x100000001B3 % (1 << 64)
    return h


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), sys.argv[2]))
