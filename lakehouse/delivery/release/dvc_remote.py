"""DVC's default remote: whether it is here, as it is not in a clone of a factory whose remote is a folder of its own."""

from __future__ import annotations

import configparser
import subprocess
from pathlib import Path


def missing_remote(root: Path) -> tuple[str, str] | None:
    """What to say where DVC's default remote is a folder that is not here, as in a clone of a factory whose remote lies in its folder."""
    name, url = _default_remote(root)
    if name is None:
        return "no DVC remote is configured here, and the cache does not hold the bytes", "dvc remote add -d NAME URL"
    if url is None or "://" in url or (place := (root / ".dvc" / url).resolve()).is_dir():
        return None
    origin = subprocess.run(
        ["git", "-C", str(root), "remote", "get-url", "origin"], capture_output=True, text=True, check=False
    ).stdout.strip()
    there = Path(origin) / place.name if origin.startswith("/") else None
    known = str(there) if there is not None and there.is_dir() else "PATH_OR_URL"
    what = f"the DVC remote `{name}` is the folder {place}, which is not here; it stayed where the factory was made"
    return what, f"dvc remote modify --local {name} url {known}"


def _default_remote(root: Path) -> tuple[str | None, str | None]:
    """The name of DVC's default remote and its URL, as .dvc/config and .dvc/config.local give them."""
    found = configparser.ConfigParser()
    found.read([root / ".dvc" / "config", root / ".dvc" / "config.local"], encoding="utf-8")
    name = found.get("core", "remote", fallback=None)
    section = next((s for s in found.sections() if s.strip("'") == f'remote "{name}"'), None)
    return name, found.get(section, "url", fallback=None) if section is not None else None
