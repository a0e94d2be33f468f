"""Run inside a virtualenv with datatrove: its verdict, reason and text for every document, on the same words and sentences as ours.

`python datatrove_oracle.py DOCUMENTS.jsonl VERDICTS.jsonl`; the CPU seconds of each filter go to VERDICTS.jsonl.seconds.json.
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path

import datatrove.pipeline.filters.c4_filters as c4
import datatrove.pipeline.filters.fineweb_quality_filter as fineweb
import datatrove.pipeline.filters.gopher_quality_filter as quality
import datatrove.pipeline.filters.gopher_repetition_filter as repetition
from datatrove.data import Document

SENTENCE_END = re.compile(r"[.!?]+[\"')\]”’）」』》]*(?:\s+|\Z)|[。！？]+[\"')\]”’）」』》]*")


def words(text: str, language: str = "en") -> list[str]:
    return text.split()


def sentences(text: str, language: str = "en") -> list[str]:
    return [sentence for sentence in SENTENCE_END.split(text) if sentence.strip()]


def main(documents: Path, verdicts: Path) -> None:
    for module in (quality, repetition, fineweb):
        module.split_into_words = words
    c4.split_into_sentences = sentences
    filters = {
        "gopher_quality": quality.GopherQualityFilter(),
        "gopher_repetition": repetition.GopherRepetitionFilter(),
        "c4_unended": c4.C4QualityFilter(filter_no_terminal_punct=False),
        "c4_ended": c4.C4QualityFilter(),
        "c4_paragraph": c4.C4ParagraphFilter(),
        "fineweb_quality": fineweb.FineWebQualityFilter(),
    }
    for made in filters.values():
        made.stat_update = lambda *args, **kwargs: None
    seconds = dict.fromkeys(filters, 0.0)
    with documents.open(encoding="utf-8") as source, verdicts.open("w", encoding="utf-8") as target:
        for line in source:
            text = json.loads(line)["text"]
            out: dict[str, object] = {}
            for name, made in filters.items():
                document = Document(text=text, id="")
                started = time.process_time()
                answer = made.filter(document)
                seconds[name] += time.process_time() - started
                out[name] = None if answer is True else answer[1]
                if name in ("c4_unended", "c4_ended"):
                    out[f"{name}_text"] = document.text if answer is True else None
            target.write(json.dumps(out, ensure_ascii=False) + "\n")
    Path(f"{verdicts}.seconds.json").write_text(json.dumps(seconds), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
