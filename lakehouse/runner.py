"""Run units of work: in this process, or in a pool of processes. The same function, the same results, in the order of the units."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

from lakehouse.progress import Progress
from lakehouse.project import Settings

U = TypeVar("U")
R = TypeVar("R")


def run_units(work: Callable[[U], R], units: Sequence[U], settings: Settings, what: str, progress: Progress) -> Iterator[R]:
    """`work` of every unit, in order.

    Polars and the kernels use all cores already in one process; a pool pays where steps hold the interpreter (a model call a text).
    """
    progress(what, 0, len(units))
    if settings.runner == "in_process" or len(units) < 2:
        for done, unit in enumerate(units, start=1):
            yield work(unit)
            progress(what, done, len(units))
        return
    # `spawn`: a forked child of a process that already runs Polars' threads can hang.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=min(settings.workers, len(units)), mp_context=context) as pool:
        for done, result in enumerate(pool.map(work, units), start=1):
            yield result
            progress(what, done, len(units))
