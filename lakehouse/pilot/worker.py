"""Run one evaluation: in a process of its own, so that its memory and CPU time are its own and a crash costs only it, or in this one.

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
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from lakehouse.core.errors import FactoryError, RecipeError
from lakehouse.core.project import Project
from lakehouse.core.spec import Call
from lakehouse.pilot.evaluation import EVALUATIONS, Data, DataOrigin
from lakehouse.pilot.scores import Scores


@dataclass(frozen=True, kw_only=True)
class MeasuredScores:
    """Scores and what they cost.

    Attributes:
        wall_seconds, cpu_seconds: of the whole evaluation.
        peak_memory_mb: resident memory above that of the idle interpreter.
    """

    scores: Scores
    wall_seconds: float
    cpu_seconds: float
    peak_memory_mb: float


EvaluationRunner = Callable[[Call, Data], MeasuredScores]


def runner_of(project: Project, dataset: str) -> EvaluationRunner:
    """The function that runs evaluations of a dataset, by the setting `evaluations`. The lock of the dataset's pilot must be held."""
    if project.settings.evaluations == "in_process":
        return evaluate_in_process
    return partial(evaluate, jobs=project.state / "pilot" / dataset)


def evaluate(call: Call, data: Data, jobs: Path) -> MeasuredScores:
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
        _write_job(folder, call, data)
        alive, held = os.pipe()
        began = time.perf_counter()
        try:
            # -P: a file of the project folder, such as `random.py`, is never taken for a module.
            command = [sys.executable, "-P", "-m", "lakehouse.pilot.worker", name]
            done = subprocess.run(command, stdin=alive, capture_output=True, text=True, check=False)
        finally:
            os.close(alive)
            os.close(held)
        wall = time.perf_counter() - began
        if done.returncode != 0:
            raise _failure(call, folder, done)
        cost: Mapping[str, float] = json.loads((folder / "cost.json").read_text(encoding="utf-8"))
        return MeasuredScores(scores=Scores.read(folder), wall_seconds=wall, **cost)


def evaluate_in_process(call: Call, data: Data) -> MeasuredScores:
    """Run an evaluation on `data` in this process: at once, but nothing protects the caller from its memory, or from a crash below Python.

    CPU time is what this process, all its threads together, took meanwhile; peak memory is by how much its own peak rose.

    Raises:
        RecipeError: the evaluation says that it cannot run, or it raised another error.
    """
    began, cpu, idle = time.perf_counter(), time.process_time(), _peak_memory_mb()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # as in a worker, whose warnings nobody reads
            scores = _run(call, data)
    except FactoryError as error:
        raise RecipeError(error.what, where=error.where, fix=error.fix) from error
    except Exception as error:
        fix = "see its input and memory needs"
        raise RecipeError(f"evaluation {call.name} ended with an error: {type(error).__name__}: {error}", fix=fix) from error
    return MeasuredScores(
        scores=scores,
        wall_seconds=time.perf_counter() - began,
        cpu_seconds=time.process_time() - cpu,
        peak_memory_mb=_peak_memory_mb() - idle,
    )


def main(name: str) -> int:
    """Run the job in folder `name`; returns the exit code."""
    folder = Path(name)
    threading.Thread(target=_end_with_caller, daemon=True).start()
    call, read = _read_job(folder)
    try:
        EVALUATIONS.entry(call)  # its libraries belong to the idle interpreter
        idle = _peak_memory_mb()
        scores = _run(call, read())
    except FactoryError as error:
        (folder / "error.json").write_text(json.dumps({"what": error.what, "where": error.where, "fix": error.fix}), encoding="utf-8")
        return error.exit_code
    used = resource.getrusage(resource.RUSAGE_SELF)
    scores.write(folder)
    cost = {"cpu_seconds": used.ru_utime + used.ru_stime, "peak_memory_mb": _peak_memory_mb() - idle}
    (folder / "cost.json").write_text(json.dumps(cost), encoding="utf-8")
    return 0


def _run(call: Call, data: Data) -> Scores:
    scores: Scores = EVALUATIONS.entry(call).function(**EVALUATIONS.bind(call))(data)
    return scores


def _write_job(folder: Path, call: Call, data: Data) -> None:
    data.train.write_parquet(folder / "train.parquet")
    for set_name, rows in data.sets.items():
        rows.write_parquet(folder / f"set.{set_name}.parquet")
    root = data.origin.root
    origin = {"dataset": data.origin.dataset, "root": None if root is None else str(root.resolve())}
    job = {"name": call.name, "params": call.params, "sets": list(data.sets), "origin": origin}
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")


def _read_job(folder: Path) -> tuple[Call, Callable[[], Data]]:
    """The call, and what reads its rows."""
    job: Mapping[str, Any] = json.loads((folder / "job.json").read_text(encoding="utf-8"))

    def data() -> Data:
        sets = {name: pl.read_parquet(folder / f"set.{name}.parquet") for name in job["sets"]}
        dataset, root = job["origin"]["dataset"], job["origin"]["root"]
        return Data(pl.read_parquet(folder / "train.parquet"), sets, DataOrigin(dataset, None if root is None else Path(root)))

    return Call.model_validate({job["name"]: job["params"]}), data


def _failure(call: Call, folder: Path, done: subprocess.CompletedProcess[str]) -> RecipeError:
    """The error of a worker that did not end well."""
    error = folder / "error.json"
    if error.exists():
        return RecipeError(**json.loads(error.read_text(encoding="utf-8")))
    if done.returncode < 0:
        return RecipeError(
            f"evaluation {call.name} was killed by {signal.Signals(-done.returncode).name}",
            fix="SIGKILL mostly comes from a kernel that is out of memory: free some, or lower max_features or ngrams",
        )
    last = (done.stderr.strip().splitlines() or ["no message"])[-1]
    return RecipeError(f"evaluation {call.name} ended with exit code {done.returncode}: {last}", fix="see its input and memory needs")


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
