"""Contracts: promises about a table, one Pandera model on Polars, loaded from the project's folder."""

from __future__ import annotations

import importlib.util
import re
import sys
import traceback
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING, Any

import polars as pl

from lakehouse.core.code_digest import code_digest
from lakehouse.core.errors import ContractError
from lakehouse.core.hashing import digest
from lakehouse.core.spec import standards
from lakehouse.core.spec.column_type import parsed

if TYPE_CHECKING:
    import pandera.polars as pa


@dataclass(frozen=True)
class Validation:
    """Outcome of a validation.

    Attributes:
        valid: the rows that keep every rule, contract columns first, other columns kept.
        invalid: the rows that break one, with `_rules`: every rule broken, sorted, as `column:rule`.
        counts: rows broken per rule.
    """

    valid: pl.DataFrame
    invalid: pl.DataFrame
    counts: dict[str, int]


@dataclass(frozen=True)
class Contract:
    """A loaded contract.

    Attributes:
        reference: `contracts/FILE.py:Model` as declared.
        code: code version of the file.
        columns: per column its type, nullability, uniqueness, description and checks, all as text.
    """

    reference: str
    code: str
    columns: dict[str, dict[str, Any]]
    description: str
    _schema: Any

    @classmethod
    def load(cls, root: Path, reference: str) -> Contract:
        """Load `FILE.py:Model` below `root`.

        Raises:
            ContractError: missing file or class, a class that is no Pandera Polars model, code that does not run.
        """
        file_name, _, class_name = reference.partition(":")
        path = root / file_name
        if not path.is_file():
            raise ContractError(f"contract file {file_name} does not exist", fix=f"write a Pandera model `{class_name}` there")
        with standards.of_project(root):
            model = _model(path, file_name, class_name)
        try:
            schema = model.to_schema()
        except Exception as error:  # Pandera has no one class for a model that makes no schema
            raise ContractError(f"`{class_name}` is no valid model: {type(error).__name__}: {error}", where=file_name) from error
        columns = {name: _describe(column) for name, column in schema.columns.items()}
        if not columns:
            raise ContractError("the contract promises no column, so no column would be released", where=reference, fix="name the columns")
        if any(name.startswith("_") for name in columns):
            raise ContractError("names with a leading `_` belong to the system", where=reference)
        for name, column in columns.items():
            if "standard" in column and column["type"] != str(parsed(column["standard"]["type"])):
                what = f"column `{name}` is {column['type']}, its standard `{column['standard']['name']}` {column['standard']['type']}"
                raise ContractError(what, where=reference, fix="change the type of the one or the other")
        return cls(reference, code_digest(path), columns, (model.__doc__ or "").strip(), schema)

    @property
    def hash(self) -> str:
        """Identity of the promise: its columns and its code, not the words that describe them."""
        promised = {name: {k: v for k, v in column.items() if k != "description"} for name, column in self.columns.items()}
        return digest({"columns": promised, "code": self.code})

    @property
    def words(self) -> dict[str, str | None]:
        """The descriptions of the contract and of each column."""
        return {"": self.description, **{name: column["description"] for name, column in self.columns.items()}}

    def validate(self, rows: pl.DataFrame) -> Validation:
        """Split `rows` into those that keep and those that break the contract.

        Raises:
            ContractError: a column is missing or of another type, a check cannot run, or a check speaks of the whole table.
        """
        from pandera.errors import SchemaErrors

        missing = [name for name in self.columns if name not in rows.columns]
        if missing:
            raise ContractError(
                f"the table lacks column `{missing[0]}`",
                where=self.reference,
                fix=f"it has: {', '.join(c for c in rows.columns if c[0] != '_')}",
            )
        promised = rows.select(list(self.columns))
        self._refuse_table_checks(promised)
        try:
            self._schema.validate(promised, lazy=True)
            return Validation(rows, rows.clear().with_columns(pl.Series("_rules", [], pl.List(pl.String))), {})
        except SchemaErrors as error:
            cases = error.failure_cases
        except Exception as error:  # a check is the user's code: whatever it raises is a mistake in the contract
            raise ContractError(f"a check does not run: {type(error).__name__}: {error}", where=self.reference) from error
        shape = cases.filter(pl.col("index").is_null())
        if shape.height:
            case = shape.row(0, named=True)
            if not str(case["check"]).startswith(("dtype(", "column_in", "not_nullable")):
                raise ContractError(f"check `{case['check']}` does not run: {case['failure_case']}", where=self.reference)
            raise ContractError(
                f"column `{case['column']}` does not fit the contract: {case['check']}, found {str(case['failure_case']).splitlines()[0]}",
                where=self.reference,
                fix="change the contract's type, or the recipe, so that they agree",
            )
        rules = (
            cases.select(pl.col("index").cast(pl.Int64), pl.concat_str("column", pl.lit(":"), pl.col("check")).alias("rule"))
            .unique()
            .sort("index", "rule")
        )
        broken = rules.group_by("index").agg(pl.col("rule").alias("_rules"))
        indexed = rows.with_row_index("_index").with_columns(pl.col("_index").cast(pl.Int64))
        joined = indexed.join(broken, left_on="_index", right_on="index", how="left", maintain_order="left")
        counts = dict(rules.group_by("rule").len().sort("rule").iter_rows())
        return Validation(
            joined.filter(pl.col("_rules").is_null()).drop("_index", "_rules"),
            joined.filter(pl.col("_rules").is_not_null()).drop("_index"),
            counts,
        )

    def _refuse_table_checks(self, rows: pl.DataFrame) -> None:
        # Pandera reports a failed table-level check at row 0 and would blame an innocent row.
        from pandera.api.polars.types import PolarsData

        if rows.height < 2:
            return
        sample = rows.head(2)
        checks = [(None, check) for check in self._schema.checks]
        checks += [(name, check) for name, column in self._schema.columns.items() for check in column.checks]
        for column, check in checks:
            try:
                result = check._check_fn(PolarsData(sample.lazy(), column))
                height = result.collect().height if isinstance(result, pl.LazyFrame) else 1
            except Exception:  # a check that raises, or that meets another type than it promises, is named by the validation
                continue
            if height != sample.height:
                raise ContractError(
                    f"check `{check.name}` speaks of the whole table, not of a row",
                    where=self.reference,
                    fix="keep rules about single rows in a contract; it must give one true or false per row",
                )


def loosened(old: dict[str, dict[str, Any]], new: dict[str, dict[str, Any]]) -> list[str]:
    """Promises that a contract no longer makes: columns gone, types changed, checks gone, nulls or copies newly allowed."""
    reasons = []
    for name, before in old.items():
        after = new.get(name)
        if after is None:
            reasons.append(f"column `{name}` is gone")
            continue
        if after["type"] != before["type"]:
            reasons.append(f"column `{name}` changed type from {before['type']} to {after['type']}")
        reasons += [f"column `{name}` no longer promises {check}" for check in before["checks"] if check not in after["checks"]]
        if after["nullable"] and not before["nullable"]:
            reasons.append(f"column `{name}` may now be null")
        if before["unique"] and not after["unique"]:
            reasons.append(f"column `{name}` is no longer unique")
    return reasons


class _Fresh(SourceFileLoader):
    """Loads a file as it is: Python matches kept bytecode by the file's size and second of change, so it may be another file's."""

    def get_code(self, fullname: str) -> CodeType:
        code: CodeType = self.source_to_code(self.get_data(self.path), self.path)
        return code


def _model(path: Path, file_name: str, class_name: str) -> type[pa.DataFrameModel]:
    import pandera.polars as pa

    name = f"_lakehouse_contract_{re.sub(r'[^0-9A-Za-z]', '_', str(path))}"
    spec = importlib.util.spec_from_file_location(name, path, loader=_Fresh(name, str(path)))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # pandera resolves annotations through the module's namespace
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        inside = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        line = (error.lineno if isinstance(error, SyntaxError) else inside[-1] if inside else None) or 1
        raise ContractError(f"the contract does not load: {type(error).__name__}: {error}", where=f"{file_name}:{line}") from error
    found = getattr(module, class_name, None)
    if not (isinstance(found, type) and issubclass(found, pa.DataFrameModel)):
        known = [
            n for n, v in vars(module).items() if isinstance(v, type) and issubclass(v, pa.DataFrameModel) and v is not pa.DataFrameModel
        ]
        raise ContractError(
            f"{file_name} has no Pandera Polars model `{class_name}`", where=file_name, fix=f"it has: {', '.join(known) or 'none'}"
        )
    return found


def _describe(column: Any) -> dict[str, Any]:
    return {
        "type": str(column.dtype),
        "nullable": bool(column.nullable),
        "unique": bool(column.unique),
        "description": column.description,
        "checks": sorted(str(check.error or check.name) for check in column.checks),
        **{key: value for key, value in (column.metadata or {}).items() if key == "standard"},
    }
