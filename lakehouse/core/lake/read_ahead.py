"""Frames made one ahead of the writer that takes them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator

import polars as pl
import pyarrow as pa

from lakehouse.core.lake.parquet.files import arrow


def batches_ahead(
    frames: Iterable[pl.DataFrame], schema: pl.Schema, target: pa.Schema, failure: list[BaseException]
) -> Iterator[pa.RecordBatch]:
    """The frames as record batches, made one ahead in a thread of their own: a frame is read while the one before is written."""
    ready: queue.Queue[pa.Table | None] = queue.Queue(maxsize=1)
    abandoned = threading.Event()

    def put(item: pa.Table | None) -> None:
        while not abandoned.is_set():
            try:
                ready.put(item, timeout=0.2)
                return
            except queue.Full:
                continue

    def produce() -> None:
        try:
            for frame in frames:
                put(arrow(frame.select(schema.names())).cast(target))
                if abandoned.is_set():
                    return
        except BaseException as error:  # raised again by `write`, in the caller's thread
            failure.append(error)
        put(None)

    thread = threading.Thread(target=produce, name="delta-writer-input", daemon=True)
    thread.start()
    try:
        while (table := ready.get()) is not None:
            yield from table.to_batches()
        if failure:
            raise failure[0]
    finally:
        abandoned.set()
        thread.join()
