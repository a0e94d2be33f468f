"""Run inside a virtualenv with datatrove: its URLFilter and C4BadWordsFilter with the lists of CASES.json.

`python datatrove_lists_oracle.py CASES.json VERDICTS.json`; nothing is downloaded.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from pathlib import Path

os.environ["TLDEXTRACT_PUBLIC_SUFFIX_LIST_URLS"] = ""  # the list inside tldextract

import datatrove.pipeline.filters.c4_filters as c4
from datatrove.data import Document
from datatrove.pipeline.filters.url_filter import URLFilter


def main(cases: Path, verdicts: Path) -> None:
    warnings.simplefilter("ignore")
    given = json.loads(cases.read_text(encoding="utf-8"))
    lists = {name: [f"{entry}\n" for entry in entries] for name, entries in given["lists"].items()}
    by_url = URLFilter(
        extra_domains=lists["domains"],
        extra_urls=lists["urls"],
        banned_words=lists["words"],
        soft_banned_words=lists["soft_words"],
        banned_subwords=lists["substrings"],
        use_integrated_lists=False,
    )
    c4.cached_asset_path_or_download = lambda *args, **kwargs: str(file)
    by_word = c4.C4BadWordsFilter()
    by_word.stat_update = lambda *args, **kwargs: None
    out: dict[str, list[object]] = {"urls": [], "texts": []}
    for url in given["urls"]:
        answer = by_url.filter(Document(text="", id="", metadata={"url": url}))
        out["urls"].append(None if answer is True else answer[1])
    file = cases.with_suffix(".words")
    for language, text in given["texts"]:
        file.write_text("".join(f"{word}\n" for word in given["bad_words"][language]), encoding="utf-8")
        out["texts"].append(by_word.filter(Document(text=text, id="", metadata={"language": language})) is not True)
    verdicts.write_text(json.dumps(out, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
