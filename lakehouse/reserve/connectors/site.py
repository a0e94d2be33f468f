"""`site`: the rows that a site has released, and nothing else of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from pydantic import Field

from lakehouse.core.errors import SourceError
from lakehouse.core.hashing import digest
from lakehouse.core.runs.progress import Progress
from lakehouse.reserve.connectors import CONNECTORS
from lakehouse.reserve.landing.landing import Landing, Piece, Remote
from lakehouse.reserve.material import Options, RawFile, Value
from lakehouse.reserve.transport.site_releases import Exit, File, SiteRelease

_NAME = Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")


@dataclass(frozen=True)
class Site:
    """A dataset of a site."""

    site: str
    dataset: str
    split: str | None
    set: Mapping[str, Value]

    grows = False

    @property
    def identity(self) -> str:
        """Over site and dataset."""
        return digest([self.site, self.dataset])

    def fetch(self, landing: Landing, progress: Progress) -> None:
        """File after file of the bundle; one that was fetched before is not fetched again."""
        place = Exit.of(landing.project, self.site)
        where = f"{place.place}/{self.dataset}"
        found = place.exported(self.dataset)
        if found is None:
            raise SourceError(
                f"site {self.site} has released nothing of {self.dataset}", where=where, fix=f"there: lakehouse release {self.dataset}"
            )
        self._terms(landing, found, where)
        if landing.pieces and landing.cursor["version"] != found.version:
            landing.overtaken()
        done, held = {piece.name for piece in landing.pieces}, {piece.cursor["sha256"]: piece for piece in landing.before}
        for number, file in enumerate(found.files):
            progress(f"{landing.source}: files of {self.site}", number, len(found.files))
            if file.path in done:
                continue
            cursor = {"version": found.version, "split": file.split, "sha256": file.sha256}
            uri = f"site://{self.site}/{self.dataset}@{found.label}/{file.path}"
            known = held.get(file.sha256)
            blob, size = (known.blob, known.bytes) if known else self._fetched(place, file, landing, where)
            landing.add(file.path, uri, blob, size, cursor)

    def _terms(self, landing: Landing, found: SiteRelease, where: str) -> None:
        """That the licence which every row will carry is the one under which the site lets them go."""
        declared = landing.project.source(landing.source).license
        if found.license is None or found.license.casefold() != declared.casefold():
            raise SourceError(
                f"site {self.site} releases {self.dataset} under `{found.license}`, the source declares `{declared}`",
                where=where,
                fix=f"declare `license: {found.license}`, if these terms allow what the source is for",
            )

    def _fetched(self, place: Exit, file: File, landing: Landing, where: str) -> tuple[str, int]:
        sink, sum_, size = landing.sink(), hashlib.sha256(), 0
        for data in place.read(self.dataset, file.path):
            sink.write(data)
            sum_.update(data)
            size += len(data)
        blob = sink.close()
        if sum_.hexdigest() != file.sha256:
            raise SourceError(f"{file.path} does not match its checksum", where=where, fix="let the site release it again")
        return blob, size

    def file(self, piece: Piece, landing: Landing) -> RawFile:
        """Parquet, with the split as a column where one is named."""
        split = {self.split: str(piece.cursor["split"])} if self.split else {}
        return RawFile(
            uri=piece.uri,
            name=piece.name,
            open=partial(landing.open, piece),
            format="parquet",
            options=Options(),
            set={**self.set, **split},
            digest=piece.blob,
        )


@CONNECTORS.register(version=1)
def site(
    site: Annotated[str, _NAME], dataset: Annotated[str, _NAME], split: str | None = None, set: dict[str, Value] | None = None
) -> Remote:
    """Rows that a site has released: a factory in a domain of its own, which raw data does not leave.

    `sites:` of `lakehouse.yaml` names the place of the site's released bundles, its exit; nothing else of the site is read. What is in a
    bundle passed the site's own release: its contract, its forbidden privacy classes, its gates. A bundle is held to its manifest and
    checksums, and its licence to that of the source. Its column `row_id` is the row's identity at the site: take it as `key: [row_id]`.

    Args:
        site: its name in `lakehouse.yaml`.
        dataset: its name at the site.
        split: a column that gets the split each row is in at the site.
        set: constant columns of every row.
    """
    return Site(site, dataset, split, set or {})
