"""Answers of models, kept in `system/answers`: the same request is sent once, ever, whichever dataset makes it."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from datetime import UTC, datetime

import polars as pl
import polars_hash as plh
from deltalake.exceptions import CommitFailedError, DeltaError

from lakehouse.core.errors import LockedError
from lakehouse.core.lake.store import storage_error
from lakehouse.core.lake.table import Table
from lakehouse.core.project import Project
from lakehouse.core.runs.progress import Progress
from lakehouse.production.engine.operator import Answer, Ask

SCHEMA = pl.Schema(
    {"_request": pl.String(), "model": pl.String(), "at": pl.Datetime("us", "UTC"), "text": pl.String(), "tokens": pl.Int64()}
)
"""`_request` is the hex SHA-256 of the request, which is not kept itself, `at` when the answer was kept; `tokens` counts both ways."""
_BATCH_ANSWERS, _BATCH_SECONDS = 200, 20.0
"""Answers are committed after so many, or after so long: that much is lost when the machine dies."""
_MANY_FILES = 64
"""A run that leaves more files puts the small ones together: a reader opens each."""
_FIRST_COMMITS = 4
"""Runs that may make the table at the same time."""


def answered(project: Project, ask: Ask, requests: pl.Series, progress: Progress) -> pl.DataFrame:
    """The answers to `requests`: `text` and `error`, one row a request, in order; a null request has neither.

    What was answered before is looked up, equal requests are sent once, and answers are kept as they come, also when an error ends the
    run. An error is not kept: the request is sent again the next time. Where two runs ask the same at the same time, the answer that is
    kept first holds for both.

    Raises:
        EndpointError: the model cannot be asked.
        StorageError: answers cannot be kept.
    """
    table = project.table("system", "answers")
    frame = pl.DataFrame({"request": requests.cast(pl.String)}).with_columns(_request=_identity(pl.col("request")))
    distinct = frame.drop_nulls().unique("_request", keep="first", maintain_order=True)
    have = _known(table, distinct["_request"])
    missing = distinct.join(have, on="_request", how="anti", maintain_order="left")
    what = f"asking for {ask.column}"
    progress(what, have.height, distinct.height)
    errors = pl.DataFrame(schema={"_request": pl.String, "error": pl.String})
    if missing.height:
        errors = _Asked(table, missing, progress, what, have.height).all(ask)
        have = _known(table, distinct["_request"])
    answers = frame.join(have, on="_request", how="left", maintain_order="left")
    answers = answers.join(errors, on="_request", how="left", maintain_order="left")
    # An answer that another run has kept meanwhile counts for more than this run's error.
    return answers.select("text", error=pl.when(pl.col("text").is_null()).then("error"))


def _identity(request: pl.Expr) -> pl.Expr:
    hashed: pl.Expr = plh.concat_str(request).chash.sha2_256()
    return pl.when(request.is_not_null()).then(hashed)


def _known(table: Table, wanted: pl.Series) -> pl.DataFrame:
    """`_request` and `text` of those of the `wanted` requests that were answered: the first answer of each."""
    if not table.exists():
        return pl.DataFrame(schema={"_request": pl.String, "text": pl.String})
    looked_up = table.scan().join(pl.LazyFrame({"_request": wanted}), on="_request", how="semi").select("_request", "at", "text")
    found = looked_up.collect(engine="streaming")
    return found.sort("at", "text").unique("_request", keep="first", maintain_order=True).select("_request", "text")


def _append(table: Table, rows: pl.DataFrame) -> None:
    """Commit answers beside those of other runs; only two first commits, each of which makes the table, conflict."""
    for _ in range(_FIRST_COMMITS):
        try:
            table.write(rows, "append")
            return
        except LockedError:
            continue
    table.write(rows, "append")


class _Asked:
    """Requests that are sent in this run, and what came of them that is not committed yet."""

    def __init__(self, table: Table, missing: pl.DataFrame, progress: Progress, what: str, before: int) -> None:
        self.table = table
        self.missing = missing.with_columns(model=pl.col("request").str.json_path_match("$.model"))
        self.progress = progress
        self.what = what
        self.before = before
        self.pending: list[Answer] = []
        self.errors: list[Answer] = []

    def all(self, ask: Ask) -> pl.DataFrame:
        """Send everything; `_request` and `error` of those that have none."""
        answers = ask.send(self.missing["request"].to_list())
        committed, done = time.monotonic(), 0
        try:
            for answer in answers:
                done += 1
                if answer.text is None:
                    self.errors.append(answer)
                else:
                    self.pending.append(answer)
                if len(self.pending) >= _BATCH_ANSWERS or (self.pending and time.monotonic() - committed >= _BATCH_SECONDS):
                    self._commit()
                    committed = time.monotonic()
                self.progress(self.what, self.before + done, self.before + self.missing.height)
        finally:
            if isinstance(answers, Generator):
                answers.close()
            self._commit()
        self._put_together()
        return self._requests([answer.at for answer in self.errors]).select(
            "_request", error=pl.Series([answer.error or "no answer" for answer in self.errors], dtype=pl.String)
        )

    def _requests(self, at: Sequence[int]) -> pl.DataFrame:
        return self.missing[pl.Series(at, dtype=pl.UInt32)].select("_request", "model")

    def _commit(self) -> None:
        if not self.pending:
            return
        rows = self._requests([answer.at for answer in self.pending]).with_columns(
            at=pl.lit(datetime.now(UTC), SCHEMA["at"]),
            text=pl.Series([answer.text for answer in self.pending], dtype=pl.String),
            tokens=pl.Series([answer.tokens for answer in self.pending], dtype=pl.Int64),
        )
        _append(self.table, rows.select(SCHEMA.names()))
        self.pending = []

    def _put_together(self) -> None:
        if len(self.table.files()) <= _MANY_FILES:
            return
        try:
            self.table.delta().optimize.compact()
        except CommitFailedError:
            return  # another run does it at the same time
        except (DeltaError, OSError) as error:
            raise storage_error(error, self.table.uri) from error
