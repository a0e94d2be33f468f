"""A factory of one's own: a folder with everything a first dataset needs, made from a file of the user's or a sample."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import polars as pl
import yaml

from lakehouse.core.errors import FactoryError, SourceError, SpecError
from lakehouse.core.project import Project
from lakehouse.core.spec import NAME
from lakehouse.reserve.sample import sample_rows

_COPIED_BYTES = 64 * 1024 * 1024
"""A file up to this size is copied into the factory; a larger one stays where it is."""
_LABELS = 200


@dataclass(frozen=True)
class Scaffold:
    """What was made: the folder, the first dataset's name, the files written, and what the user should know."""

    root: Path
    dataset: str
    files: tuple[str, ...]
    notes: tuple[str, ...]


def scaffold(
    folder: Path, *, data: Path | None = None, name: str | None = None, text: str | None = None, label: str | None = None
) -> Scaffold:
    """Make a factory in `folder`, which must be new or empty.

    Raises:
        FactoryError: the folder is not empty. SourceError: the file cannot be read. SpecError: a named column is not there.
    """
    root = folder.resolve()
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise FactoryError(f"{folder} exists and is not empty", fix="name a new folder")
    if data is not None and not data.is_file():
        raise SourceError(f"{data} is no file", fix="name a CSV, JSON lines or Parquet file")
    sample = resources.files("lakehouse.authoring") / "template" / "tickets.csv"
    name = name or _name_of(data or Path("tickets.csv"))
    if not NAME.match(name):
        raise SpecError(f"`{name}` is no name for a dataset", fix="lower-case letters, digits and `_`, starting with a letter: --name NAME")
    root.mkdir(parents=True, exist_ok=True)
    try:
        return _fill(root, name, data, text, label or ("topic" if data is None else None), sample.read_bytes() if data is None else None)
    except BaseException:  # half a factory is worse than none
        shutil.rmtree(root)
        raise


def _fill(root: Path, name: str, data: Path | None, text: str | None, label: str | None, sample: bytes | None) -> Scaffold:
    notes: list[str] = []
    (root / "data").mkdir()
    if data is None:
        where = "data/tickets.csv"
        (root / where).write_bytes(sample or b"")
    elif data.stat().st_size <= _COPIED_BYTES:
        where = f"data/{data.name}"
        shutil.copyfile(data, root / where)
    else:
        where = str(data.resolve())
        notes.append(f"{data.name} is over 64 MiB and stays where it is: {where}")
    (root / "assets" / "sources").mkdir(parents=True)
    (root / "assets" / "datasets").mkdir()
    (root / "contracts").mkdir()
    source = f"{name}_raw"
    spec = {"source": source, "description": f"{Path(where).name} as it was received.", "owner": "team:data", "license": "proprietary"}
    _yaml(root / "assets" / "sources" / f"{source}.yaml", {**spec, "connector": {"files": {"path": where}}})
    rows = sample_rows(Project.open(root), source)
    strings = [c for c, t in rows.schema.items() if t == pl.String]
    for given in (text, label):
        if given is not None and given not in rows.columns:
            raise SpecError(f"{Path(where).name} has no column `{given}`", fix=f"columns: {', '.join(rows.columns)}")
    if label is None:
        label = next(
            (c for c in ("label", "category", "class", "topic", "sentiment") if c in strings and rows[c].n_unique() <= _LABELS), None
        )
    text = text or _longest(rows, [c for c in strings if c != label])
    if text is None:
        raise SpecError(f"{Path(where).name} has no text column", fix=f"name one: --text COLUMN; columns: {', '.join(rows.columns)}")
    chinese = rows.select(pl.col(text).str.count_matches(r"\p{Han}").sum() * 3 > pl.col(text).str.len_chars().sum()).item()
    _source(root, spec, where, rows, text)
    _contract(root, name, rows, text, label)
    _dataset(root, name, source, rows, text, label, chinese=bool(chinese))
    _write(root / "workspace.yaml", "load_from:\n  - python_module:\n      module_name: assets.definitions\n      location_name: factory\n")
    _write(root / ".gitignore", "/lake/\n/archive/\n/mlruns/\n/mlflow.db*\n/.lakehouse/\n/.dagster/\n/dvc-remote/\n__pycache__/\n.venv/\n")
    _write(root / "README.md", _README.format(name=name, where=where))
    _repository(root, notes)
    files = sorted(str(f.relative_to(root)) for f in root.rglob("*") if f.is_file() and ".git/" not in str(f) and ".dvc/" not in str(f))
    return Scaffold(root, name, tuple(files), tuple(notes))


def _name_of(data: Path) -> str:
    stem = data.name.split(".")[0]
    return re.sub(r"\W+", "_", stem.lower(), flags=re.ASCII).strip("_") or "dataset"


def _longest(rows: pl.DataFrame, columns: list[str]) -> str | None:
    lengths = {c: rows[c].str.len_chars().mean() or 0 for c in columns}
    return max(lengths, key=lambda c: float(str(lengths[c])), default=None)


def _source(root: Path, spec: dict[str, str], where: str, rows: pl.DataFrame, text: str) -> None:
    types = {pl.Int64: "int", pl.Float64: "float", pl.Boolean: "bool", pl.Binary: "binary"}
    columns = {c: types.get(type(t), "string") for c, t in rows.schema.items() if t in (*types, pl.String)}  # type: ignore[call-overload]
    declared = {**spec, "connector": {"files": {"path": where}}, "key": "position"}
    if len(columns) == rows.width:
        declared["columns"] = columns
    _yaml(root / "assets" / "sources" / f"{spec['source']}.yaml", {**declared, "privacy": {text: ["pii"]}})


def _contract(root: Path, name: str, rows: pl.DataFrame, text: str, label: str | None) -> None:
    types = {pl.Int64: "int", pl.Float64: "float", pl.Boolean: "bool", pl.String: "str"}
    lines = []
    for column, dtype in rows.schema.items():
        kind = types.get(type(dtype))  # type: ignore[call-overload]
        if kind is None or not column.isidentifier():
            continue
        rules = []
        if column == text:
            rules.append('str_length={"min_value": 1}')
        elif column == label:
            values = sorted(rows[column].drop_nulls().unique().to_list())
            if len(values) <= 20:
                rules.append(f"isin={values!r}")
        elif rows[column].null_count():
            rules.append("nullable=True")
        lines.append(f"    {column}: {kind} = pa.Field({', '.join(rules)})")
    title = "".join(part.title() for part in name.split("_"))
    body = "\n".join(lines)
    _write(
        root / "contracts" / f"{name}.py",
        f'"""What a row of {name} promises."""\n\nimport pandera.polars as pa\n\n\n'
        f'class {title}(pa.DataFrameModel):\n    """A row of {name}."""\n\n{body}\n',
    )


def _dataset(root: Path, name: str, source: str, rows: pl.DataFrame, text: str, label: str | None, *, chinese: bool) -> None:
    title = "".join(part.title() for part in name.split("_"))
    unit = {"unit": "characters", "size": 3} if chinese else {"unit": "words", "size": 3}
    recipe: list[dict[str, object]] = [
        {"fix_unicode": {"column": text}},
        {"normalise_whitespace": {"column": text}},
        {"redact": {"column": text, "kinds": ["email", "phone", "url", "ip", "cn_id", "bank_card"]}},
        {"text_length": {"column": text, "at_least": 2}},
    ]
    if label is not None:
        recipe.append({"label_conflict": {"column": text, "label": label}})
    recipe += [{"dedup_exact": {"columns": [text]}}, {"dedup_minhash": {"column": text, "threshold": 0.8, **unit}}]
    spec: dict[str, object] = {
        "dataset": name,
        "description": f"{name}, cleaned and without duplicates.",
        "owner": "team:data",
        "sources": [source],
        "contract": f"contracts/{name}.py:{title}",
        "on_violation": {"action": "quarantine", "max_rate": 0.02},
        "recipe": recipe,
        "splits": {"by": "cluster", "train": 0.8, "validation": 0.1, "test": 0.1, "seed": 7},
    }
    if label is not None:
        analyzer: dict[str, object] = {"analyzer": "char", "ngrams": [1, 3]} if chinese else {"analyzer": "word", "ngrams": [1, 2]}
        evaluation = {"train": {"task": "text_classification", "input": text, "label": label, **analyzer}}
        spec["pilot"] = {"evaluations": [evaluation], "gates": [{"metric": "macro_f1", "at_least": 0.0}]}
    spec["release"] = {"license": "other", "forbid": ["pii"]}
    _yaml(root / "assets" / "datasets" / f"{name}.yaml", spec)


def _repository(root: Path, notes: list[str]) -> None:
    inside = subprocess.run(["git", "-C", str(root), "rev-parse", "--show-toplevel"], capture_output=True, check=False).returncode == 0
    if not inside:
        _run(root, "git", "init", "-q", "-b", "main")
    else:
        notes.append("the folder lies in a git repository already: that one is used")
    dvc = (sys.executable, "-m", "dvc")
    _run(root, *dvc, "init", "-q", *(["--subdir"] if inside else []))
    _run(root, *dvc, "config", "core.analytics", "false")
    # A folder stands in for an object store until one is configured: dvc remote modify storage url s3://...
    _run(root, *dvc, "remote", "add", "-q", "-d", "storage", "dvc-remote")
    _run(root, "git", "add", "-A", ".")
    has_identity = subprocess.run(["git", "-C", str(root), "config", "user.email"], capture_output=True, check=False).returncode == 0
    identity = [] if has_identity else ["-c", "user.name=lakehouse", "-c", "user.email=lakehouse@localhost"]
    _run(root, "git", *identity, "commit", "-q", "-m", "A new data factory", "--", ".")


def _run(root: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        messages = (done.stderr or done.stdout).strip().splitlines()
        raise FactoryError(f"`{' '.join(command[:4])}` failed: {messages[-1] if messages else done.returncode}", fix="is git installed?")


def _yaml(path: Path, value: dict[str, object]) -> None:
    _write(path, yaml.safe_dump(value, sort_keys=False, allow_unicode=True, default_flow_style=None, width=120))


def _write(path: Path, content: str) -> None:
    path.write_text(content, encoding="utf-8")


_README = """# A data factory

`{where}` becomes the dataset `{name}`:

    lakehouse check            # are all declarations in order?
    lakehouse plan             # what would a run change, and why?
    lakehouse run {name}       # collect, clean, validate, split, evaluate
    lakehouse release {name}   # bundle, DVC, git tag
    lakehouse ui               # the same in the Dagster UI

Declarations: `assets/sources/{name}_raw.yaml`, `assets/datasets/{name}.yaml`; the contract: `contracts/{name}.py`.
"""
