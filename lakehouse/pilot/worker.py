"""Run one evaluation in a process of its own, so that its memory and CPU time are its own and a crash costs only it.

Called as `python -P -m lakehouse.pilot.worker JOB_FOLDER`; the folder holds `job.json`, `train.parquet` and one Parquet file a set. Its
standard input is a pipe that nobody writes to: it ends when the caller does, even one that was killed, and the worker ends with it.
"""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from lakehouse.core.errors import FactoryError, RecipeError
from lakehouse.core.spec import Call
from lakehouse.pilot.evaluation import EVALUATIONS, Data, Fitted, Scores


@dataclass(frozen=True)
class Measured:
    """Scores and what they cost: wall and CPU seconds, and peak resident memory (MB) above the idle interpreter's."""

    scores: Scores
    wall_seconds: float
    cpu_seconds: float
    peak_memory_mb: float


def evaluate(call: Call, data: Data, jobs: Path) -> Measured:
    """Run an evaluation on `data` in a fresh process.

    Args:
        jobs: folder of this caller alone; what a killed caller left in it is taken away.

    Raises:
        RecipeError: the evaluation says that it cannot run, or it crashed.
    """
    if jobs.exists():
        shutil.rmtree(jobs)
    jobs.mkdir(parents=True)
    with TemporaryDirectory(dir=jobs) as name:
        folder = Path(name)
        data.train.write_parquet(folder / "train.parquet")
        for set_name, rows in data.sets.items():
            rows.write_parquet(folder / f"set.{set_name}.parquet")
        (folder / "job.json").write_text(json.dumps({"name": call.name, "params": call.params, "sets": list(data.sets)}), encoding="utf-8")
        alive, held = os.pipe()
        began = time.perf_counter()
        try:
            # -P: a file of the project folder, such as `random.py`, is never taken for a module.
            command = [sys.executable, "-P", "-m", "lakehouse.pilot.worker", name]
            # From its job's folder the evaluation finds its project, whichever folder the caller stands in.
            environment = {**os.environ, "LAKEHOUSE_PROJECT": name}
            done = subprocess.run(command, stdin=alive, capture_output=True, text=True, check=False, env=environment)
        finally:
            os.close(alive)
            os.close(held)
        wall = time.perf_counter() - began
        if done.returncode != 0:
            error = folder / "error.json"
            if error.exists():
                raise RecipeError(**json.loads(error.read_text(encoding="utf-8")))
            if done.returncode < 0:
                raise RecipeError(
                    f"evaluation {call.name} was killed by {signal.Signals(-done.returncode).name}",
                    fix="SIGKILL mostly comes from a kernel that is out of memory: free some, or lower max_features or ngrams",
                )
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise RecipeError(
                f"evaluation {call.name} ended with exit code {done.returncode}: {last}", fix="see its input and memory needs"
            )
        result: Mapping[str, Any] = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        seconds = {int(seed): value for seed, value in result["seconds"].items()}
        files = {name: (folder / "files" / str(at)).read_bytes() for at, name in enumerate(result["files"])}
        predictions = pl.read_parquet(folder / "predictions.parquet")
        model = Fitted((folder / "model.pkl").read_bytes(), pl.read_parquet(folder / "example.parquet")) if result["model"] else None
        named = {name: result[name] for name in ("task", "steps", "said")}
        scores = Scores(predictions, seconds, result["notes"], result["metrics"], files, **named, model=model)
        return Measured(scores, wall, result["cpu_seconds"], result["peak_memory_mb"])


def main(name: str) -> int:
    """Run the job in folder `name`; returns the exit code."""
    folder = Path(name)
    threading.Thread(target=_end_with_caller, daemon=True).start()
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    call = Call.model_validate({job["name"]: job["params"]})
    try:
        run = EVALUATIONS.entry(call).function(**EVALUATIONS.bind(call))
        idle = _peak_memory_mb()
        data = Data(pl.read_parquet(folder / "train.parquet"), {s: pl.read_parquet(folder / f"set.{s}.parquet") for s in job["sets"]})
        scores: Scores = run(data)
    except FactoryError as error:
        (folder / "error.json").write_text(json.dumps({"what": error.what, "where": error.where, "fix": error.fix}), encoding="utf-8")
        return error.exit_code
    used = resource.getrusage(resource.RUSAGE_SELF)
    scores.predictions.write_parquet(folder / "predictions.parquet")
    (folder / "files").mkdir()
    for at, content in enumerate(scores.files.values()):
        (folder / "files" / str(at)).write_bytes(content)
    if scores.model is not None:
        (folder / "model.pkl").write_bytes(scores.model.pickled)
        scores.model.example.write_parquet(folder / "example.parquet")
    result = {
        "seconds": scores.seconds,
        "notes": dict(scores.notes),
        "metrics": {on: {name: list(values) for name, values in found.items()} for on, found in scores.metrics.items()},
        "files": list(scores.files),
        "task": scores.task,
        "steps": {name: list(values) for name, values in scores.steps.items()},
        "said": list(scores.said),
        "model": scores.model is not None,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "peak_memory_mb": _peak_memory_mb() - idle,
    }
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")
    return 0


def _end_with_caller() -> None:
    """Wait for the end of standard input, which is the caller's; then nobody reads the scores."""
    os.read(0, 1)
    os._exit(1)


def _peak_memory_mb() -> float:
    """Peak resident memory of this process: the kernel's mark, since Linux's ru_maxrss starts at that of the parent that forked it."""
    status = Path("/proc/self/status")
    if status.exists():
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="ascii"))
        if found:
            return int(found[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
