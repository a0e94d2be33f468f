"""Run units of work in this process, in a pool of processes, or on Ray: the same function, the same results, in the order of the units.

A unit whose worker dies is run again; units that are finished are not. What a unit raises is raised here as it is.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import Any, TypeVar

from lakehouse.core.errors import FactoryError, MissingExtraError, WorkerError
from lakehouse.core.project import Settings
from lakehouse.core.runs.progress import Progress

U = TypeVar("U")
R = TypeVar("R")

_ATTEMPTS = 3
"""A unit is given up when so many processes or nodes have died while they ran it."""


def run_units(work: Callable[[U], R], units: Sequence[U], settings: Settings, what: str, progress: Progress) -> Iterator[R]:
    """`work` of every unit, in order. `str` of a unit names it to a user.

    Polars and the kernels use all cores already in one process; a pool pays where steps hold the interpreter (a model call a text).

    Raises:
        WorkerError: a unit's worker died again and again, or the Ray cluster cannot be reached.
        MissingExtraError: `runner: ray` without Ray.
    """
    progress(what, 0, len(units))
    if settings.runner == "ray" and units:
        results = _on_ray(work, units, settings)
    elif settings.runner == "in_process" or len(units) < 2:
        results = map(work, units)
    else:
        results = _on_processes(work, units, min(settings.workers, len(units)))
    for done, result in enumerate(results, start=1):
        yield result
        progress(what, done, len(units))


def _on_processes(work: Callable[[U], R], units: Sequence[U], workers: int) -> Iterator[R]:
    """A pool of processes; when one dies, which takes the pool down, the units in flight run alone, so that the deadly one is known.

    All others are finished before it is reported.
    """
    # `spawn`: a forked child of a process that already runs Polars' threads can hang.
    context = multiprocessing.get_context("spawn")
    results: dict[int, R] = {}
    deaths: Counter[int] = Counter()
    suspects: list[int] = []
    deadly: dict[int, BrokenProcessPool] = {}
    following = 0
    while suspects or following + len(results) + len(deadly) < len(units):
        todo = deque(suspects[:1] or [i for i in range(following, len(units)) if i not in results and i not in deadly])
        running: dict[Future[R], int] = {}
        pool = ProcessPoolExecutor(max_workers=1 if suspects else workers, mp_context=context)
        try:
            while todo or running:
                while todo and len(running) <= workers:
                    running[pool.submit(work, units[todo[0]])] = todo[0]
                    todo.popleft()
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    results[running[future]] = future.result()
                    del running[future]
                while following in results:
                    yield results.pop(following)
                    following += 1
            suspects = suspects[1:]
        except BrokenProcessPool as error:
            died = suspects[:1] or sorted(running.values())
            deaths.update(died)
            suspects = suspects or died
            if suspects and deaths[suspects[0]] >= _ATTEMPTS:
                deadly[suspects[0]] = error
                suspects = suspects[1:]
        finally:
            pool.shutdown(cancel_futures=True)
    for index, cause in deadly.items():
        raise _given_up(units[index], "process") from cause


def _on_ray(work: Callable[[U], R], units: Sequence[U], settings: Settings) -> Iterator[R]:
    """One Ray task a unit, a few per CPU in flight. Every node must see the project folder and the lake under the same paths.

    Ray runs a task again whose process or node died. Results are small and live in this process, so that no node takes any with it.
    """
    try:
        import ray
        from ray import exceptions
    except ImportError:
        raise MissingExtraError("`runner: ray`", "ray") from None
    lost = (exceptions.WorkerCrashedError, exceptions.NodeDiedError, exceptions.ObjectLostError, exceptions.OutOfMemoryError)
    ours = not ray.is_initialized()
    if ours:
        _connect(ray, settings)
    try:
        # Settings come with the task; credentials do not, since Ray shows the environment of its tasks to whoever may see the cluster.
        environment = {key: value for key, value in os.environ.items() if key.startswith("LAKEHOUSE_")}
        task = ray.remote(max_retries=_ATTEMPTS - 1, runtime_env={"env_vars": environment})(work)
        waiting: deque[tuple[U, Any]] = deque()
        left = iter(units)
        while True:
            room = 2 * max(1, int(ray.cluster_resources().get("CPU", 1))) - len(waiting)
            waiting.extend((unit, task.remote(unit)) for unit in islice(left, max(0, room)))
            if not waiting:
                return
            unit, reference = waiting.popleft()
            try:
                result = ray.get(reference)
            except exceptions.RayTaskError as error:
                if isinstance(error.cause, FactoryError):
                    raise error.cause from None
                raise
            except lost as error:
                raise _given_up(unit, "process or node") from error
            yield result
    finally:
        if ours:
            ray.shutdown()


def _connect(ray: Any, settings: Settings) -> None:
    address = settings.ray_address
    try:
        host, _, port = address.removeprefix("ray://").rpartition(":")
        if host and port.isdecimal():  # Ray itself would try for minutes
            socket.create_connection((host, int(port)), timeout=5).close()
        ray.init(address=address, num_cpus=settings.workers if address == "local" else None, log_to_driver=False, logging_level="ERROR")
    except (OSError, RuntimeError, ValueError) as error:
        raise WorkerError(
            f"no Ray cluster answers at {address}: {str(error).splitlines()[0]}",
            where="lakehouse.yaml: ray_address",
            fix="start it (ray start --head), correct the address, or use `runner: processes`",
        ) from error


def _given_up(unit: object, what: str) -> WorkerError:
    return WorkerError(
        f"{unit}: the {what} that worked on it died {_ATTEMPTS} times (killed, out of memory, or crashed by a step)",
        fix="finished units are kept: run again with fewer `workers` or more memory, or find the step with `runner: in_process`",
    )
