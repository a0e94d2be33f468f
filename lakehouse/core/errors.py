"""Errors of the factory, one class per failure. A message names the culprit, what is wrong and the way out."""

from __future__ import annotations

from typing import Any

from lakehouse.core.extras import install_command


class FactoryError(Exception):
    """Base of every failure a user can cause or mend; the command line prints it without a traceback.

    Args:
        what: what is wrong, naming the dataset, file, row or column.
        where: `file:line` or a table, if known.
        fix: what to do about it.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str | None = None, fix: str | None = None) -> None:
        self.what = what
        self.where = where
        self.fix = fix
        super().__init__(what, where, fix)

    def __reduce__(self) -> tuple[Any, ...]:
        # An error crosses from a worker process to the one that reports it.
        return _again, (type(self), self.what, self.where, self.fix)

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        return f"{head}\n  fix: {self.fix}" if self.fix else head


def _again(kind: type[FactoryError], what: str, where: str | None, fix: str | None) -> FactoryError:
    error = kind.__new__(kind, what, where, fix)
    FactoryError.__init__(error, what, where=where, fix=fix)
    return error


class SpecError(FactoryError):
    """A declaration (YAML file) is wrong: unknown key, wrong type, unknown name, cycle."""

    exit_code = 2


class NotFoundError(FactoryError):
    """A named project, dataset, source, version or row does not exist."""

    exit_code = 2


class ContractError(FactoryError):
    """A contract cannot be loaded, or a table has not the shape it promises."""


class SourceError(FactoryError):
    """A source cannot be read as a whole: missing file, wrong checksum, truncated Parquet, missing columns."""


class ShapeError(SourceError):
    """A source's columns are not those it had, or not those declared."""


class ScreeningError(FactoryError):
    """A source was not screened as it declares, or more of its rows are flagged than a blocking detector allows."""


class RecipeError(FactoryError):
    """A step of a recipe cannot run at all (not: fails on some rows; those are quarantined)."""


class BalanceError(FactoryError):
    """Rows are unaccounted for: in + created != out + merged + dropped + quarantined."""


class ViolationRateError(FactoryError):
    """More rows break the contract than `on_violation.max_rate` allows; gold stays as it was."""


class YieldError(FactoryError):
    """A step keeps fewer of its rows than `yield` allows; gold stays as it was."""


class NondeterminismError(FactoryError):
    """The same plan gave other content: an operator or a source is not deterministic."""


class HeldOutError(FactoryError):
    """A frozen held-out set is not the one that was pinned."""


class LockedError(FactoryError):
    """Another run holds the dataset or source."""

    exit_code = 3


class StorageError(FactoryError):
    """The lake cannot be read or written: disk full, no permission, unreachable store."""


class WorkerError(FactoryError):
    """Units cannot be worked on: their processes or nodes die, or the cluster cannot be reached."""


class EndpointError(FactoryError):
    """A model's endpoint cannot be reached, refuses, or answers with something else than it should."""


class ReleaseError(FactoryError):
    """A version cannot be released: failed gates, forbidden data, moved tag, bundle does not verify."""


class HardGateError(ReleaseError):
    """A version is kept from release before any score: licence, private data, grade, screening for poisoning, or it was retired."""

    exit_code = 4


class AccessError(FactoryError):
    """A principal may not read a table, a column of it, or for this purpose; the refusal is in the audit log."""

    exit_code = 5


class MaintenanceError(FactoryError):
    """A version cannot be lowered, retired, reinstated, archived or restored as asked."""


class MissingExtraError(FactoryError):
    """A feature needs packages that the core installation leaves out."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(
            f"{feature} needs packages that are not installed",
            fix=f"install the extra `{extra}`: {install_command(extra)}",
        )
