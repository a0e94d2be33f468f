"""Sources as people declare them."""

from __future__ import annotations

from typing import Any, Literal

import polars as pl
from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from lakehouse.core.spec.column_type import parsed
from lakehouse.core.spec.words import Call, ColumnType, Level, Model, Name, Owner


class Detection(Model):
    """A detector with its parameters, and what is done with rows that it flags: `{detector: {parameter: value}, action: warn}`."""

    name: str = Field(description="The detector, of the page of detectors.")
    params: dict[str, Any] = Field(default_factory=dict, description="Its parameters.")
    action: Literal["quarantine", "warn"] | None = Field(
        default=None, description="`quarantine` keeps flagged rows out of silver, `warn` only reports; without it, the detector's own."
    )
    max_rate: float = Field(default=0.0, ge=0, le=1, description="Share of the rows that may be flagged before the check fails.")
    blocking: bool = Field(default=False, description="Datasets refuse the source while the check fails.")

    @model_validator(mode="before")
    @classmethod
    def _from_mapping(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"name": value}
        if isinstance(value, dict) and not isinstance(value.get("name"), str):
            own = {key: item for key, item in value.items() if key in ("action", "max_rate", "blocking")}
            calls = [(key, item) for key, item in value.items() if key not in own]
            if len(calls) == 1 and (calls[0][1] is None or isinstance(calls[0][1], dict)):
                return {"name": calls[0][0], "params": calls[0][1] or {}, **own}
        raise ValueError("write it as `detector: {parameter: value}`, beside it `action`, `max_rate`, `blocking`")

    @property
    def call(self) -> Call:
        """The detector and its parameters alone."""
        return Call.model_validate({self.name: self.params})


class Column(Model):
    """A column of a source: `int`, or `{type: date, format: "%d.%m.%Y"}` where values are written in a way of their own."""

    type: ColumnType = Field(description="A type as it stands under types of columns.")
    format: str | None = Field(default=None, description="How dates and times are written, as `strftime` names it: `%d.%m.%Y`.")
    decimal: Literal[".", ","] = Field(default=".", description="The decimal mark of numbers.")
    thousands: Literal[",", ".", " ", "'"] | None = Field(default=None, description="The mark between groups of three digits.")
    nulls: list[str] | None = Field(default=None, description="Texts that mean no value, such as `NA`; without it, those of the source.")

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """For editors: the type alone, or a mapping."""
        return {"anyOf": [{"type": "string"}, handler.resolve_ref_schema(handler(core_schema))]}

    @model_validator(mode="before")
    @classmethod
    def _from_word(cls, value: Any) -> Any:
        return {"type": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _check(self) -> Column:
        if self.format is not None and not isinstance(self.dtype, pl.Date | pl.Datetime):
            raise ValueError(f"`format` is for dates and timestamps, and the type is {self.type}")
        if (self.decimal == "," or self.thousands is not None) and not self.dtype.is_numeric():
            raise ValueError(f"`decimal` and `thousands` are for numbers, and the type is {self.type}")
        if self.thousands == self.decimal:
            raise ValueError(f"`{self.decimal}` cannot be both the decimal mark and the mark between thousands")
        return self

    @property
    def dtype(self) -> pl.DataType:
        """The type in which its values are kept."""
        return parsed(self.type)


class Retention(Model):
    """The time for which rows may be kept; older ones are erased, from every version."""

    days: int = Field(gt=0, description="Days after which a row is due.")
    column: str | None = Field(default=None, description="Column of the date they are counted from; without it, when it was collected.")


class Source(Model):
    """Raw material, shared by datasets: `assets/sources/<source>.yaml`."""

    source: Name = Field(description="Its name, which is that of the file.")
    description: str = Field(description="What the material is, in a sentence.")
    owner: Owner = Field(description="Who answers for it: `team:NAME` or an e-mail address.")
    license: str = Field(description="SPDX identifier or the terms in words; carried to every row.")
    connector: Call = Field(description="What brings the material in, with its parameters: one of the page of connectors.")
    mode: Literal["collected", "virtual"] = Field(
        default="collected",
        description="`virtual` leaves the rows where they are: bronze holds which there are, values are read in place when needed.",
    )
    key: Literal["position", "content"] | list[str] = Field(
        default="position",
        description="What identifies an item: its place in its file, its content (n-th copy of it), or columns.",
    )
    columns: dict[str, Column] | None = Field(
        default=None, description="Expected columns and their types; without it, those of the first collection."
    )
    nulls: list[str] = Field(default_factory=list, description="Texts that mean no value in every column, such as `NA` or `-`.")
    privacy: dict[str, list[str]] = Field(default_factory=dict, description="Privacy classes a column may hold, e.g. {text: [pii]}.")
    sensitivity: dict[str, Level] = Field(
        default_factory=dict,
        description="How sensitive a column is, `*` for all others; without it, that of its standard, or by `privacy`.",
    )
    standards: dict[str, Name] = Field(default_factory=dict, description="The field of assets/standards that a column is, by column.")
    screening: list[Detection] = Field(
        default_factory=list, description="Detectors that look at rows when they arrive; what they find keeps rows out, or warns."
    )
    schedule: str | None = Field(default=None, description="Cron expression of the collection.")
    fresh_within_hours: float | None = Field(
        default=None, gt=0, description="The check of freshness fails when the last collection is older."
    )
    max_item_bytes: int = Field(default=32 * 1024 * 1024, gt=0, description="A larger item is set aside in blobs/ and quarantined.")
    encrypt: bool | Name | None = Field(
        default=None,
        description="What is kept of the source is sealed: `true`, under a key of its own; a name, under that of a class of sources.",
    )
    retention: Retention | None = Field(default=None, description="How long rows may be kept: `{days: 365, column: created}`.")
    max_vanished: float = Field(default=0.5, ge=0, le=1, description="Above this share of vanished items a collection is refused.")

    @model_validator(mode="after")
    def _check(self) -> Source:
        if self.columns is not None and isinstance(self.key, list):
            for column in self.key:
                if column not in self.columns:
                    raise ValueError(f"key column `{column}` is not among columns {sorted(self.columns)}")
        if self.columns is not None and self.retention and self.retention.column and self.retention.column not in self.columns:
            raise ValueError(f"retention column `{self.retention.column}` is not among columns {sorted(self.columns)}")
        for column in self.columns or ():
            if column.startswith("_"):
                raise ValueError(f"column `{column}`: names with a leading `_` belong to the system")
        return self
