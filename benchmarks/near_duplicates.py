"""Recall and precision of near-duplicate detection on planted pairs: `python benchmarks/near_duplicates.py CORPUS`, as corpus.py made it.

A planted copy differs from its original in some words, and their exact Jaccard similarity is known. Found means: in one component. A pair
found is right if its similarity is at least the threshold less twice the standard deviation of an estimate by 112 hashes.
"""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl
from corpus import jaccard

from lakehouse.core.text import shingles
from lakehouse.core.text.kernels.near_duplicates import near_duplicate_clusters
from lakehouse.core.text.kernels.simplify import FOLDED

SURE = 0.8


def main(corpus: Path) -> None:
    """Print a table row a threshold and unit."""
    texts = pl.read_ndjson(corpus / "documents" / "*.jsonl")
    planted = pl.read_parquet(corpus / "planted.parquet").filter(pl.col("defect") == "near_copy")
    spaced = texts.select("id", words=pl.col("text").str.count_matches(r"\S+") * 12 > pl.col("text").str.len_chars())
    planted = planted.join(spaced, on="id")
    sys.stdout.write("| unit | threshold | pairs with similarity >= 0.8 | found | recall | merged pairs looked at | right | precision |\n")
    sys.stdout.write("| --- | --- | --- | --- | --- | --- | --- | --- |\n")
    for unit in ("words", "characters"):
        pairs = planted.filter(pl.col("words") == (unit == "words"))
        wanted = pl.concat([pairs["id"], pairs["of"]]).unique()
        rows = texts.filter(pl.col("id").is_in(wanted.implode())).sort("id").with_row_index("at")
        rows = rows.with_columns(shingles.signature("text", unit, 5, FOLDED).alias("signature"))
        signatures = shingles.matrix(rows["signature"])
        by_word = unit == "words"
        text, at = dict(rows.select("id", "text").iter_rows()), dict(rows.select("id", "at").iter_rows())
        alike = [jaccard(text[one], text[of], by_word) for one, of in pairs.select("id", "of").iter_rows()]
        pairs = pairs.with_columns(similarity=pl.Series(alike, dtype=pl.Float64))
        for threshold in (0.7, 0.75, 0.8):
            component = near_duplicate_clusters(signatures, shingles.BANDS, shingles.ROWS, threshold)
            same = [component[at[one]] == component[at[of]] for one, of in pairs.select("id", "of").iter_rows()]
            found = pairs.with_columns(found=pl.Series(same, dtype=pl.Boolean)).filter(pl.col("similarity") >= SURE)
            merged = [(i, int(c)) for i, c in enumerate(component) if int(c) != i]
            names = rows["id"].to_list()
            tolerance = 2 * (threshold * (1 - threshold) / shingles.HASHES) ** 0.5
            right = sum(_best(text, names, component, i, by_word) >= threshold - tolerance for i, _ in merged)
            recall = found["found"].mean()
            sys.stdout.write(
                f"| {unit} | {threshold} | {found.height:,} | {found['found'].sum():,} | {recall:.4f} | {len(merged):,} | {right:,} | "
                f"{right / max(len(merged), 1):.4f} |\n"
            )


def _best(text: dict[str, str], names: list[str], component: object, i: int, by_word: bool) -> float:
    """The similarity of a text to the one of its component that it is most like: it was joined by that pair."""
    members = [j for j, c in enumerate(component) if c == component[i] and j != i]  # type: ignore[index, arg-type, var-annotated]
    return max(jaccard(text[names[i]], text[names[j]], by_word) for j in members[:20])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
