"""Compare `url_filter` and `c4_badwords` with datatrove 0.10.1 on made addresses and texts.

`python benchmarks/equality_datatrove_lists.py [--made N] [--fixture FILE]`: datatrove is installed once, in a virtualenv of its own under
build/. Exit code 1 where anything differs. The fixture holds 400 of the cases with datatrove's answers, for the tests.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

import polars as pl

from lakehouse.core.spec import Call
from lakehouse.production.engine.operator import OPERATORS, Keep, with_measured

HERE = Path(__file__).parent
BUILD = HERE.parent / "build" / "equality_datatrove"
NEEDS = ("datatrove==0.10.1", "orjson", "spacy", "nltk", "regex", "tldextract", "ftfy", "fasteners", "pyahocorasick")

LISTS = {
    "domains": [
        "# made up",
        "listed.com",
        "other.co.uk",
        "sub.host.org",
        "city.kobe.jp",
        "x.y.ck",
        "例子.公司.cn",
        "xn--fsqu00a.xn--55qx5d",
        "co.uk",
    ],
    "urls": ["https://fine.org/exact", "http://fine.org/?q=1"],
    "words": ["badword", "foo18", "under-score"],
    "soft_words": ["soft", "mild", "weak"],
    "substrings": ["nasty", "xx-yy"],
}
SUFFIXES = ["com", "org", "co.uk", "kobe.jp", "y.ck", "ck", "uk", "公司.cn", "xn--55qx5d", "nosuchtld", "sch.uk", "blogspot.com"]
LABELS = ["www", "listed", "other", "host", "sub", "city", "x", "例子", "xn--fsqu00a", "fine", "a", ""]
PIECES = [
    "badword",
    "Badword",
    "foo18",
    "soft",
    "mild",
    "weak",
    "na-sty",
    "NASTY",
    "xxyy",
    "underscore",
    "under_score",
    "page",
    "exact",
    "好",
    "q=1",
]
BAD_WORDS = {
    "en": ["bad", "very bad", "c++", "sm", "ass"],
    "hi": ["बुरा", "खराब"],
    "zh": ["坏", "很坏", "性", "vpn"],
    "ja": ["グロ", "悪い"],
}
WORDS = [
    "bad",
    "BAD",
    "very bad",
    "very  bad",
    "badly",
    "c++",
    "sm",
    "ass",
    "class",
    "बुरा",
    "बुराई",
    "खराब",
    "坏",
    "好",
    "性",
    "vpn",
    "vpns",
    "グロ",
    "悪い",
]
BETWEEN = [" ", "", ",", "_", "\n", "-", "²", "\u0301", "\u200d", "é", "1", "‿", "Ⅷ"]


def cases(made: int) -> dict[str, Any]:
    """Addresses and texts, the lists beside them."""
    draw = random.Random(11)

    def url() -> str:
        if draw.random() < 0.05:
            return draw.choice(LISTS["urls"])
        host = ".".join([*draw.choices(LABELS, k=draw.randint(0, 3)), draw.choice(SUFFIXES)])
        host = draw.choice([host] * 12 + [host + ".", host.replace(".", "。"), "192.0.2.7", "[2001:db8::1]", "localhost", f" {host} "])
        scheme = draw.choice(["http://"] * 4 + ["https://"] * 4 + ["//", "", "HTTP://", "a+b://", "://"])
        user, port = draw.choice([""] * 9 + ["me@", "me:pw@"]), draw.choice([""] * 6 + [":80", ":"])
        path = "".join(draw.choice("/-?#.&") + draw.choice(PIECES) for _ in range(draw.choice([0, 1, 1, 2, 3])))
        return f"{scheme}{user}{host}{port}{path}" or "http://fine.org"

    def text() -> tuple[str, str]:
        return draw.choice(list(BAD_WORDS)), "".join(
            draw.choice(BETWEEN) + draw.choice(WORDS) for _ in range(draw.randint(0, 4))
        ) + draw.choice(BETWEEN)

    return {"lists": LISTS, "bad_words": BAD_WORDS, "urls": [url() for _ in range(made)], "texts": [text() for _ in range(made)]}


def verdicts(column: list[str], name: str, params: dict[str, Any]) -> list[str | None]:
    """The reason of each row, null where it stays."""
    call = Call.model_validate({name: {"column": "text", **params}})
    plan = OPERATORS.entry(call).function(**OPERATORS.bind(call))
    assert isinstance(plan, Keep)
    rows = pl.DataFrame({"text": column}, schema={"text": pl.String}).with_columns(_row_id=pl.int_range(pl.len()).cast(pl.String))
    seen = with_measured(rows.lazy(), plan.signals).collect()
    leaves = {reason: verdict for reason, verdict in plan.leaves.items() if isinstance(verdict, pl.Expr)}
    return seen.select(pl.coalesce(pl.when(verdict).then(pl.lit(reason)) for reason, verdict in leaves.items())).to_series().to_list()


def ours(given: dict[str, Any], folder: Path) -> dict[str, list[Any]]:
    """As the oracle answers."""
    files = {}
    for name, entries in given["lists"].items():
        files[name] = str(folder / name)
        (folder / name).write_text("".join(f"{entry}\n" for entry in entries), encoding="utf-8")
    texts: list[bool | None] = [None] * len(given["texts"])
    for language, words in given["bad_words"].items():
        (folder / language).write_text("".join(f"{word}\n" for word in words), encoding="utf-8")
        at = [i for i, (own, _) in enumerate(given["texts"]) if own == language]
        found = verdicts([given["texts"][i][1] for i in at], "c4_badwords", {"words_file": str(folder / language), "language": language})
        for i, reason in zip(at, found, strict=True):
            texts[i] = reason is not None
    return {"urls": verdicts(given["urls"], "url_filter", files), "texts": texts}


def oracle(file: Path) -> dict[str, list[Any]]:
    """datatrove's answers; installs it where it is not yet."""
    python = BUILD / "venv" / "bin" / "python"
    if not python.exists():
        venv.create(BUILD / "venv", with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *NEEDS], check=True)
    answers = file.with_suffix(".verdicts.json")
    subprocess.run([python, HERE / "datatrove_lists_oracle.py", file, answers], check=True)
    found: dict[str, list[Any]] = json.loads(answers.read_text(encoding="utf-8"))
    return found


def _first(verdicts: list[Any], wanted: Any) -> list[int]:
    return [i for i, verdict in enumerate(verdicts) if verdict == wanted][: 200 // len(set(verdicts))]


def main() -> int:
    """Compare; print what differs."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--made", type=int, default=20_000)
    parser.add_argument("--fixture", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        given = cases(arguments.made)
        file = Path(folder) / "cases.json"
        file.write_text(json.dumps(given, ensure_ascii=False), encoding="utf-8")
        theirs, mine = oracle(file), ours(given, Path(folder))
    differing = 0
    for kind in ("urls", "texts"):
        wrong = [i for i in range(arguments.made) if theirs[kind][i] != mine[kind][i]]
        differing += len(wrong)
        print(f"{kind}: {arguments.made - len(wrong)} of {arguments.made} alike, {len(set(theirs[kind]))} verdicts")
        for i in wrong[:20]:
            print(f"  {given[kind][i]!r}: datatrove {theirs[kind][i]}, ours {mine[kind][i]}")
    if arguments.fixture:
        # As many of each verdict.
        chosen = {kind: [i for v in sorted(set(theirs[kind]), key=str) for i in _first(theirs[kind], v)] for kind in ("urls", "texts")}
        short = {kind: [given[kind][i] for i in chosen[kind]] for kind in chosen}
        answers = {f"{kind}_verdicts": [theirs[kind][i] for i in chosen[kind]] for kind in chosen}
        arguments.fixture.write_text(json.dumps({**given, **short, **answers}, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
    return int(differing > 0)


if __name__ == "__main__":
    sys.exit(main())
