"""Run units of work in this process, in a pool of processes, or on Ray: the same function, the same results, in the order of the units."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

from lakehouse.errors import MissingExtraError
from lakehouse.progress import Progress
from lakehouse.project import Settings

U = TypeVar("U")
R = TypeVar("R")


def run_units(work: Callable[[U], R], units: Sequence[U], settings: Settings, what: str, progress: Progress) -> Iterator[R]:
    """`work` of every unit, in order.

    Polars and the kernels use all cores already in one process; a pool pays where steps hold the interpreter (a model call a text).
    """
    progress(what, 0, len(units))
    if settings.runner == "ray":
        yield from _on_ray(work, units, settings, what, progress)
        return
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


def _on_ray(work: Callable[[U], R], units: Sequence[U], settings: Settings, what: str, progress: Progress) -> Iterator[R]:
    """One Ray task a unit. Every node must see the project folder and the lake under the same paths."""
    try:
        import ray
    except ImportError:
        raise MissingExtraError("`runner: ray`", "ray") from None
    if not ray.is_initialized():
        ray.init(address=settings.ray_address, num_cpus=settings.workers if settings.ray_address == "local" else None, log_to_driver=False)
    task = ray.remote(work)
    waiting = [task.remote(unit) for unit in units]
    for done, reference in enumerate(waiting, start=1):
        yield ray.get(reference)
        progress(what, done, len(units))
