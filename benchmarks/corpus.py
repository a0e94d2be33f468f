"""The corpus of the benchmarks: real pages and poems as documents, with planted defects whose labels are known.

`python benchmarks/corpus.py FOLDER --megabytes 110` fetches Debian documentation packages (`apt-get download`) and the npm package of
Chinese classics through whatever registries the machine has configured, and writes

- `FOLDER/documents/*.jsonl`: `id`, `text`; about as many megabytes of text as asked for;
- `FOLDER/planted.parquet`: `id`, `defect` (exact_copy, near_copy, garbled, private), `of` (the original) and `similarity` (exact Jaccard of
  5-word or 5-character shingles of the simplified texts).
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import subprocess
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import polars as pl
from quality_documents import plain_text

from lakehouse.core.text.kernels.simplify import BLANK, GONE, simplified

HELP = (
    *("en-us", "de", "fr", "es", "zh-cn", "ja", "cs", "da", "el", "fi", "hu", "it", "ko", "nl"),
    *("pl", "pt", "pt-br", "ru", "sv", "tr", "zh-tw", "ca", "sl", "sk", "et", "eu", "km", "hi"),
)
PACKAGES = [
    *("linux-doc-6.1", "python3.11-doc", "rust-doc", "python-pandas-doc", "cppreference-doc-en-html", "erlang-doc", "openjdk-17-doc"),
    *("debian-handbook", *(f"libreoffice-help-{language}" for language in HELP)),
]
CLASSICS = "chinese-poetry@2.0.1"
_LONGEST = 20_000
_SHARD = 32_000_000


def fetch(folder: Path) -> tuple[Path, Path]:
    """The unpacked pages and classics under `folder`, fetched once."""
    pages, classics = folder / "pages", folder / "classics"
    if not pages.exists():
        (folder / "deb").mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", "-q", *PACKAGES], cwd=folder / "deb", check=True, capture_output=True)
        for package in sorted((folder / "deb").glob("*.deb")):
            subprocess.run(["dpkg-deb", "-x", package, f"{pages}.part"], check=True)
        Path(f"{pages}.part").rename(pages)
    if not classics.exists():
        subprocess.run(["npm", "pack", "--silent", CLASSICS], cwd=folder, check=True, capture_output=True)
        with tarfile.open(next(folder.glob("chinese-poetry-*.tgz"))) as archive:
            archive.extractall(f"{classics}.part", filter="data")
        Path(f"{classics}.part").rename(classics)
    return pages, classics


def _page(path: Path) -> list[str]:
    return _parts(plain_text(path.read_text(encoding="utf-8", errors="replace")))


def _source(path: Path) -> list[str]:
    return _parts(path.read_text(encoding="utf-8", errors="replace"))


def _parts(text: str) -> list[str]:
    return [text[start : start + _LONGEST] for start in range(0, len(text), _LONGEST)]


def page_texts(pages: Path) -> Iterator[str]:
    """The text of every HTML page, then the source of every page, cut at 20,000 characters, in a fixed shuffled order."""
    files = sorted(path for path in pages.rglob("*.html") if path.is_file() and not path.is_symlink())
    random.Random(1).shuffle(files)
    with multiprocessing.Pool() as pool:
        for read in (_page, _source):
            for parts in pool.imap(read, files, chunksize=64):
                yield from (part for part in parts if part.strip())


def poem_texts(classics: Path, together: int = 20) -> Iterator[str]:
    """The poems of the classics, so many to a document."""
    held: list[str] = []
    for poem in _poems(classics):
        held.append(poem)
        if len(held) == together:
            yield "\n\n".join(held)
            held = []


def _poems(classics: Path) -> Iterator[str]:
    for file in sorted(classics.rglob("*.json")):
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except ValueError:
            continue
        for item in found if isinstance(found, list) else ():
            lines = item.get("paragraphs") if isinstance(item, dict) else None
            if isinstance(lines, list) and lines and all(isinstance(line, str) for line in lines):
                yield "\n".join(lines)


def _by_word(text: str) -> bool:
    """Whether a text has blanks between its words."""
    return len(text.split()) * 12 > len(text)


def _tokens(text: str, by_word: bool) -> list[str]:
    codes = [simplified(c) for c in text]
    kept = "".join(chr(c) if c != BLANK else " " for c in codes if c != GONE)
    return kept.split() if by_word else list(kept.replace(" ", ""))


def jaccard(left: str, right: str, by_word: bool) -> float:
    """The exact Jaccard similarity of the shingles of five words or characters."""
    one, two = ({tuple(t[i : i + 5]) for i in range(max(1, len(t) - 4))} for t in (_tokens(left, by_word), _tokens(right, by_word)))
    return len(one & two) / len(one | two)


def _near_copy(text: str, draw: random.Random) -> str:
    pieces = text.split(" ")
    if len(pieces) < 40:  # a text without blanks: characters are exchanged
        pieces = list(text)
        for at in draw.sample(range(len(pieces)), max(1, int(len(pieces) * draw.uniform(0.001, 0.02)))):
            pieces[at] = draw.choice("天地人日月山水风花雪")
        return "".join(pieces)
    for at in draw.sample(range(len(pieces)), max(1, int(len(pieces) * draw.uniform(0.001, 0.03)))):
        pieces[at] = draw.choice(("river", "stone", "winter", "engine", "42", "letter"))
    return " ".join(pieces)


def _private(draw: random.Random) -> str:
    digits = "".join(draw.choice("0123456789") for _ in range(8))
    mail, link, address = f"user{digits}@example.org", f"https://example.org/{digits}?a=b", f"10.{digits[0]}.3.{digits[1]}"
    return f"\nWrite to {mail} or call 138{digits}, see {link} from {address}\n"


def documents(texts: Iterable[str], megabytes: float, seed: int = 1) -> Iterator[tuple[dict[str, str], dict[str, object] | None]]:
    """Documents with their labels: 5 % exact copies, 3 % near copies of earlier ones, 1 % garbled, 2 % private."""
    draw, written, earlier = random.Random(seed), 0, list[tuple[str, str]]()
    for number, text in enumerate(texts):
        name, made, label = f"d{number:07d}", text, None
        chance = draw.random()
        if chance < 0.05 and len(earlier) > 100:
            of, made = earlier[draw.randrange(len(earlier))]
            label = {"id": name, "defect": "exact_copy", "of": of, "similarity": 1.0}
        elif chance < 0.083 and len(earlier) > 100:
            of, source = earlier[draw.randrange(len(earlier))]
            if len(source) > 200:
                made = _near_copy(source, draw)
                label = {"id": name, "defect": "near_copy", "of": of, "similarity": jaccard(source, made, _by_word(source))}
        elif chance < 0.093:
            made = (text[:2000] + " naïve café — “quoted” 数据").encode().decode("latin-1")
            label = {"id": name, "defect": "garbled", "of": None, "similarity": None}
        elif chance < 0.113:
            made = text + _private(draw)
            label = {"id": name, "defect": "private", "of": None, "similarity": None}
        else:
            if len(earlier) < 20_000:
                earlier.append((name, text))
        yield {"id": name, "text": made}, label
        written += len(made.encode())
        if written >= megabytes * 1e6:
            return


def _mixed(pages: Iterator[str], poems: Iterator[str]) -> Iterator[str]:
    """Pages, and a document of poems after every fourth."""
    for number, page in enumerate(pages):
        yield page
        if number % 4 == 3 and (poem := next(poems, None)) is not None:
            yield poem


def write(folder: Path, megabytes: float, cache: Path) -> None:
    """Write the corpus into `folder`."""
    pages, classics = fetch(cache)
    (folder / "documents").mkdir(parents=True, exist_ok=True)
    labels: list[dict[str, object]] = []
    shard, size, handle = 0, 0, None
    for document, label in documents(_mixed(page_texts(pages), poem_texts(classics)), megabytes):
        if handle is None or size > _SHARD:
            if handle is not None:
                handle.close()
            handle, size, shard = (folder / "documents" / f"{shard:04d}.jsonl").open("w", encoding="utf-8"), 0, shard + 1
        line = json.dumps(document, ensure_ascii=False) + "\n"
        handle.write(line)
        size += len(line.encode())
        if label:
            labels.append(label)
    if handle is not None:
        handle.close()
    schema = {"id": pl.String, "defect": pl.String, "of": pl.String, "similarity": pl.Float64}
    pl.DataFrame(labels, schema=schema).write_parquet(folder / "planted.parquet")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--megabytes", type=float, default=110)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "lakehouse-benchmarks")
    given = parser.parse_args()
    write(given.folder, given.megabytes, given.cache)
