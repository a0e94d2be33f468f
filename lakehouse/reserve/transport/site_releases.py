"""The exit of a site: the folder or URL of its released bundles. Nothing else of a site is read from outside."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lakehouse.core import versions
from lakehouse.core.errors import SourceError
from lakehouse.core.lake.store import object_store, storage_error
from lakehouse.core.project import Project
from lakehouse.core.spec.yamlfile import suggest

_CHUNK = 1 << 20
_DATA = re.compile(r"^data/[\w.-]+\.parquet$")
_MOST = 64 << 20
"""Bytes that a manifest or a list of checksums may have."""


@dataclass(frozen=True)
class File:
    """A file of data of a bundle."""

    path: str
    split: str
    rows: int
    sha256: str


@dataclass(frozen=True)
class SiteRelease:
    """The release of a dataset by a site, from its manifest and its checksums, both held against each other.

    Attributes:
        license: of the release.
    """

    label: str
    version: str
    license: str | None
    files: tuple[File, ...]


@dataclass(frozen=True)
class Exit:
    """The place of a site's bundles; `place` is absolute."""

    site: str
    place: str
    storage_options: Mapping[str, str]

    @classmethod
    def of(cls, project: Project, site: str) -> Exit:
        """The exit of a declared site.

        Raises:
            SourceError: `lakehouse.yaml` declares no such site.
        """
        known = project.settings.sites
        if site not in known:
            fix = suggest(site, known) if known else "declare it under `sites:`"
            raise SourceError(f"no site `{site}` is declared", where="lakehouse.yaml", fix=fix)
        return cls(site, project.place(known[site].releases), known[site].storage_options)

    def exported(self, dataset: str) -> SiteRelease | None:
        """The release of a dataset; None where there is none.

        Raises:
            SourceError: unreachable, or no bundle that its own checksums bear out.
        """
        texts = [self._text(dataset, name) for name in ("manifest.json", "SHA256SUMS")]
        if texts[0] is None or texts[1] is None:
            return None
        where = f"{self.place}/{dataset}"
        try:
            manifest = json.loads(texts[0])
            files = tuple(File(str(f["path"]), str(f["split"]), int(f["rows"]), str(f["sha256"])) for f in manifest["files"])
            plan, content, version = (str(manifest[name]) for name in ("plan_id", "content_id", "version"))
            label, terms = str(manifest["label"]), manifest.get("metadata", {}).get("license")
        except (ValueError, KeyError, TypeError) as error:
            raise SourceError(f"the manifest cannot be read: {error}", where=where, fix="let the site release it again") from error
        sums = {name: sha for sha, _, name in (line.partition("  ") for line in texts[1].splitlines())}
        if any(not _DATA.match(f.path) or sums.get(f.path) != f.sha256 for f in files) or not files:
            raise SourceError("manifest and checksums do not agree", where=where, fix="let the site release it again")
        if versions.version_id(plan, content) != version:
            raise SourceError("the version does not follow from its plan and content", where=where, fix="let the site release it again")
        return SiteRelease(label, version, terms, files)

    def read(self, dataset: str, path: str) -> Iterator[bytes]:
        """The bytes of a file of data, part by part.

        Raises:
            SourceError: it is gone, or the exit cannot be reached.
        """
        try:
            if "://" in self.place:
                import obstore

                for data in obstore.get(self._store(dataset), path).stream(min_chunk_size=_CHUNK):
                    yield bytes(data)
                return
            with Path(self.place, dataset, path).open("rb") as file:
                while data := file.read(_CHUNK):
                    yield data
        except Exception as error:
            if not self._is_of_the_exit(error):
                raise
            problem = storage_error(error, self.place)
            raise SourceError(f"{path} cannot be read: {problem.what}", where=f"{self.place}/{dataset}", fix="collect it again") from error

    def _text(self, dataset: str, name: str) -> str | None:
        try:
            if "://" not in self.place:
                if not Path(self.place).parent.is_dir():  # the folder itself comes with the first release
                    fix = "check `sites:` in lakehouse.yaml"
                    raise SourceError(f"the exit of site {self.site} is not there", where=self.place, fix=fix)
                file = Path(self.place, dataset, name)
                return file.read_bytes()[:_MOST].decode("utf-8", "replace") if file.is_file() else None
            import obstore

            return bytes(obstore.get(self._store(dataset), name).bytes())[:_MOST].decode("utf-8", "replace")
        except FileNotFoundError as error:
            if "NoSuchBucket" not in str(error):
                return None
            raise SourceError("the bucket does not exist", where=self.place, fix="check `sites:` in lakehouse.yaml") from error
        except Exception as error:
            if not self._is_of_the_exit(error):
                raise
            problem = storage_error(error, self.place)
            raise SourceError(problem.what, where=self.place, fix=problem.fix) from error

    def _store(self, dataset: str) -> Any:
        return object_store(f"{self.place}/{dataset}", self.storage_options)

    @staticmethod
    def _is_of_the_exit(error: Exception) -> bool:
        return isinstance(error, OSError) or type(error).__module__.startswith("obstore")
