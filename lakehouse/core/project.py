"""A factory is a folder: its declarations, contracts, settings and lake."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from pydantic import Field, ValidationError, field_validator, model_validator

from lakehouse.core.errors import FactoryError, NotFoundError, SpecError
from lakehouse.core.lake.table import Table
from lakehouse.core.spec import LEVELS, Dataset, Level, Model, Name, Source, standards, yamlfile
from lakehouse.core.spec.contract import Contract

S = TypeVar("S")


class Storage(Model):
    """`storage` in lakehouse.yaml: the places of cold packs, how many losses they survive, and what becomes cold."""

    locations: list[str] = Field(default_factory=list, description="Folders (relative to the project) or URLs, one a shard of each pack.")
    data: int = Field(default=4, ge=1, le=128, description="Shards that are needed to read a pack.")
    parity: int = Field(default=2, ge=1, le=127, description="Shards beyond these: so many locations may be lost.")
    replicas: int | None = Field(default=None, ge=2, le=128, description="Whole copies, one a location, in place of shards.")

    warm_after_days: float | None = Field(default=None, ge=0, description="Blobs unused for so long are compressed.")
    cold_after_days: float | None = Field(default=None, ge=0, description="Blobs and archives unused for so long go into cold packs.")
    keep_hot: Literal["released", "nothing"] = Field(
        default="released", description="`released`: blobs of the sources that a current release was made from stay as they are."
    )
    pack_bytes: int = Field(default=256 * 1024 * 1024, gt=0, description="A pack is filled up to about so many bytes.")
    encrypt: list[Level] = Field(
        default_factory=list, description="Sources with a column so sensitive are sealed, e.g. [important, core]; `encrypt` of one wins."
    )
    pack_at_least: int = Field(default=1024 * 1024, ge=1, description="Less than so many bytes wait for more before they are packed.")

    @model_validator(mode="after")
    def _check(self) -> Storage:
        if len(set(self.locations)) < len(self.locations):
            raise ValueError("`locations` names a place twice")
        needed = self.data_shards + self.parity_shards
        if self.locations and len(self.locations) != needed:
            what = f"{self.replicas} replicas" if self.replicas else f"{self.data} data and {self.parity} parity shards"
            raise ValueError(f"`locations` names {len(self.locations)} places; {what} need {needed}")
        if self.replicas and (self.data, self.parity) != (4, 2):
            raise ValueError("either `replicas`, or `data` and `parity`")
        if self.cold_after_days is not None:
            if not self.locations:
                raise ValueError("`cold_after_days` needs `locations` for the packs")
            if self.warm_after_days is not None and self.warm_after_days > self.cold_after_days:
                raise ValueError("`warm_after_days` is more than `cold_after_days`")
        return self

    @property
    def data_shards(self) -> int:
        """Shards that are needed to read a pack."""
        return 1 if self.replicas else self.data

    @property
    def parity_shards(self) -> int:
        """Shards that may be lost."""
        return self.replicas - 1 if self.replicas else self.parity


def refuse_secrets(options: dict[str, str]) -> dict[str, str]:
    """Options without credentials.

    Raises:
        ValueError: one is among them.
    """
    for name in options:
        if _SECRET.search(name):
            raise ValueError(f"`{name}` is a credential: set it in the environment; this file is shared")
    return options


class SiteSettings(Model):
    """A factory in a domain of its own, of which only what it releases is taken."""

    releases: str = Field(description="Folder (relative to the project) or URL of its released bundles: its `releases/`.")
    storage_options: dict[str, str] = Field(default_factory=dict, description="Options of that store; no secrets.")
    command: list[str] = Field(
        default_factory=list,
        description="Runs `lakehouse` there, e.g. [ssh, north.example, lakehouse]; without it, it runs by itself.",
    )

    @field_validator("storage_options")
    @classmethod
    def _no_secrets(cls, options: dict[str, str]) -> dict[str, str]:
        return refuse_secrets(options)


class Settings(Model):
    """`lakehouse.yaml` in the project folder; every key has a default and the file may be missing.

    Environment variables win: LAKEHOUSE_LAKE, LAKEHOUSE_RUNNER, LAKEHOUSE_WORKERS, LAKEHOUSE_EVALUATIONS,
    MLFLOW_TRACKING_URI. Credentials of a store or a server come from the environment only.
    """

    lake: str = Field(default="lake", description="Folder (relative to the project) or object-store URL such as s3://bucket/prefix.")
    storage_options: dict[str, str] = Field(default_factory=dict, description="Options of the store, such as an endpoint; no secrets.")
    archive: str = Field(
        default="archive", description="Folder (relative to the project) or URL that `lakehouse version archive` writes to."
    )
    storage: Storage = Field(default_factory=Storage, description="Cold packs: their places and what becomes cold.")
    sites: dict[Name, SiteSettings] = Field(default_factory=dict, description="Sites whose releases sources here take.")
    tracking_uri: str | None = Field(default=None, description="MLflow server or database URL; default: sqlite in the project folder.")
    runner: Literal["in_process", "processes", "ray"] = Field(
        default="in_process", description="Where units of work run: here, in processes of this machine, or on a Ray cluster."
    )
    ray_address: str = Field(default="local", description="Ray cluster for `runner: ray`; `local` starts one for the run.")
    workers: int = Field(default=2, ge=1, description="Processes that work at a time; with `in_process`, threads.")
    evaluations: Literal["isolated", "in_process"] = Field(
        default="isolated",
        description="`isolated`: each evaluation in a process of its own. `in_process`: in the caller's, for tests and notebooks.",
    )
    unit_bytes: int = Field(default=128 * 1024 * 1024, gt=0, description="Text bytes that one unit of work holds.")

    @field_validator("storage_options")
    @classmethod
    def _no_secrets(cls, options: dict[str, str]) -> dict[str, str]:
        return refuse_secrets(options)


_SECRET = re.compile(r"secret|password|token|credential|sas_key|account_key|access_key", re.IGNORECASE)
"""Names of what opens a store, as delta-rs and Polars spell them for S3, Azure and Google."""


@dataclass(frozen=True)
class Declared(Generic[S]):
    """A declaration with the document it was read from, for messages that name the line."""

    spec: S
    document: yamlfile.Document


@dataclass(frozen=True)
class Project:
    """The project folder at `root`."""

    root: Path
    settings: Settings

    @classmethod
    def find(cls, start: Path | None = None) -> Project:
        """The project at or above `start` (default: LAKEHOUSE_PROJECT or the working folder).

        Raises:
            NotFoundError: no folder with `assets/datasets` or `assets/sources` at or above it.
        """
        begin = (start or Path(os.environ.get("LAKEHOUSE_PROJECT", "."))).resolve()
        for folder in (begin, *begin.parents):
            if (folder / "assets" / "datasets").is_dir() or (folder / "assets" / "sources").is_dir():
                return cls.open(folder)
        raise NotFoundError(f"no data factory at or above {begin}", fix="change into one, or make one: lakehouse init DIR")

    @classmethod
    def open(cls, root: Path) -> Project:
        """The project whose folder is `root`."""
        file = root / "lakehouse.yaml"
        settings = yamlfile.validate(yamlfile.read(file, "lakehouse.yaml"), Settings) if file.exists() else Settings()
        changes: dict[str, Any] = {}
        if lake := os.environ.get("LAKEHOUSE_LAKE"):
            changes["lake"] = lake
        if runner := os.environ.get("LAKEHOUSE_RUNNER"):
            changes["runner"] = runner
        if workers := os.environ.get("LAKEHOUSE_WORKERS"):
            changes["workers"] = int(workers) if workers.isdecimal() else workers
        if evaluations := os.environ.get("LAKEHOUSE_EVALUATIONS"):
            changes["evaluations"] = evaluations
        if uri := os.environ.get("MLFLOW_TRACKING_URI"):
            changes["tracking_uri"] = uri
        try:
            return cls(root.resolve(), Settings.model_validate({**settings.model_dump(), **changes}))
        except ValidationError as error:
            key, given = str(error.errors()[0]["loc"][0]), error.errors()[0]["input"]
            raise SpecError(f"LAKEHOUSE_{key.upper()} is `{given}`: {error.errors()[0]['msg']}", fix="change it or unset it") from error

    @property
    def lake(self) -> str:
        """Root of the lake: an absolute folder or a URL."""
        return self.place(self.settings.lake)

    def place(self, given: str) -> str:
        """A folder, relative to the project unless absolute, or a URL, as an absolute address."""
        return given.rstrip("/") if "://" in given else str((self.root / given).resolve())

    @property
    def state(self) -> Path:
        """Local folder for locks, staged units and downloads; deletable when nothing runs."""
        return self.root / ".lakehouse"

    @property
    def tracking_uri(self) -> str:
        """MLflow's tracking store."""
        return self.settings.tracking_uri or f"sqlite:///{self.root / 'mlflow.db'}"

    def table(self, layer: Literal["bronze", "silver", "gold", "system"], name: str) -> Table:
        """The Delta table `<layer>/<name>`."""
        return Table(f"{self.lake}/{layer}/{name}", self.settings.storage_options, partial(self._sealed, layer, name))

    def class_of(self, source: str) -> str | None:
        """The class under whose key what is kept of a source is sealed; None where it is not."""
        if source in self.broken("sources"):
            raise self.broken("sources")[source]  # whether it is sealed is not known
        declared = self.sources.get(source)
        if declared is None:
            return None
        encrypt = declared.spec.encrypt
        if encrypt is None:
            encrypt = bool(self.settings.storage.encrypt) and self._level(declared.spec) in self.settings.storage.encrypt
        return encrypt if isinstance(encrypt, str) else source if encrypt else None

    def classes_of(self, dataset: str) -> tuple[str, ...]:
        """The classes of a dataset's sources, sorted."""
        declared = self.datasets.get(dataset)
        return tuple(sorted({of for each in (declared.spec.sources if declared else ()) if (of := self.class_of(each))}))

    def _level(self, spec: Source) -> Level:
        """The highest sensitivity of a column of a source, as far as it is declared."""
        levels: list[Level] = [
            *spec.sensitivity.values(),
            *(standards.find(self.root, name).sensitivity for name in spec.standards.values()),
        ]
        levels += ["important"] if any(spec.privacy.get(column) for column in spec.privacy.keys() - spec.sensitivity.keys()) else []
        return max(levels, key=LEVELS.index, default="general")

    def _sealed(self, layer: str, name: str) -> tuple[str, ...]:
        """The classes under which the data files of a table are sealed; the lake's own tables are not."""
        if layer == "bronze":
            return (of,) if (of := self.class_of(name)) else ()
        if layer == "system":
            return ()
        of_dataset = [name] if name in self.datasets else [each for each in self.datasets if name.startswith(f"{each}_")]
        return self.classes_of(max(of_dataset, key=len)) if of_dataset else ()

    def release_folder(self, dataset: str) -> Path:
        """The folder of the released bundle of a dataset."""
        return self.root / "releases" / dataset

    @property
    def sources(self) -> dict[str, Declared[Source]]:
        """All declared sources by name, those left out whose file has a mistake (`broken`)."""
        return self._sources[0]

    @property
    def datasets(self) -> dict[str, Declared[Dataset]]:
        """All declared datasets by name, those left out whose file has a mistake (`broken`)."""
        return self._datasets[0]

    def broken(self, kind: Literal["sources", "datasets"]) -> dict[str, FactoryError]:
        """The mistakes in declarations, by the name of the file: one wrong file stops what needs it, and nothing else."""
        return self._sources[1] if kind == "sources" else self._datasets[1]

    def set_aside(self, kind: Literal["sources", "datasets"], name: str, error: FactoryError) -> None:
        """Treat a declaration as one whose file has a mistake, for one was found in what it means."""
        (self.sources if kind == "sources" else self.datasets).pop(name)
        self.broken(kind)[name] = error

    def whole(self) -> Project:
        """Itself, for what looks at all declarations: to leave one out would leave out its rows.

        Raises:
            SpecError: the first mistake in any.
        """
        for error in (*self.broken("sources").values(), *self.broken("datasets").values()):
            raise error
        return self

    @cached_property
    def _sources(self) -> tuple[dict[str, Declared[Source]], dict[str, FactoryError]]:
        return self._load("sources", "source")

    @cached_property
    def _datasets(self) -> tuple[dict[str, Declared[Dataset]], dict[str, FactoryError]]:
        return self._load("datasets", "dataset")

    def files(self, kind: Literal["sources", "datasets"]) -> list[Path]:
        """The declaration files of a kind, sorted."""
        return sorted([*(self.root / "assets" / kind).glob("*.yaml"), *(self.root / "assets" / kind).glob("*.yml")])

    def load(self, file: Path) -> Declared[Source] | Declared[Dataset]:
        """Read one declaration file; its folder decides its kind."""
        document = yamlfile.read(file, str(file.relative_to(self.root)))
        if file.parent.name == "sources":
            return Declared(yamlfile.validate(document, Source), document)
        return Declared(yamlfile.validate(document, Dataset), document)

    def _load(self, kind: Literal["sources", "datasets"], field: str) -> tuple[dict[str, Any], dict[str, FactoryError]]:
        found: dict[str, Any] = {}
        broken: dict[str, FactoryError] = {}
        for file in self.files(kind):
            try:
                declared = self.load(file)
                name = getattr(declared.spec, field)
                if name != file.stem:
                    raise SpecError(
                        f"the file is named `{file.stem}` but declares `{name}`",
                        where=declared.document.where((field,)),
                        fix=f"rename the file to {name}{file.suffix}",
                    )
                if name in found:
                    raise SpecError(f"`{name}` is declared twice", where=declared.document.where((field,)))
                found[name] = declared
            except SpecError as error:
                broken[file.stem] = error
                found.pop(file.stem, None)
        return found, broken

    def source(self, name: str) -> Source:
        """The declared source `name`.

        Raises:
            NotFoundError: with the nearest known name. SpecError: its file has a mistake.
        """
        if name in self.broken("sources"):
            raise self.broken("sources")[name]
        if name not in self.sources:
            fix = yamlfile.suggest(name, self.sources) if self.sources else f"declare it in assets/sources/{name}.yaml"
            raise NotFoundError(f"no source `{name}`", fix=fix)
        return self.sources[name].spec

    def dataset(self, name: str) -> Dataset:
        """The declared dataset `name`.

        Raises:
            NotFoundError: with the nearest known name. SpecError: its file has a mistake.
        """
        if name in self.broken("datasets"):
            raise self.broken("datasets")[name]
        if name not in self.datasets:
            fix = yamlfile.suggest(name, self.datasets) if self.datasets else f"declare it in assets/datasets/{name}.yaml"
            raise NotFoundError(f"no dataset `{name}`", fix=fix)
        return self.datasets[name].spec

    def contract(self, dataset: Dataset) -> Contract:
        """The contract of a dataset, loaded from the project folder."""
        return Contract.load(self.root, dataset.contract)
