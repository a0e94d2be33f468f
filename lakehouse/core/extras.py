"""How an extra is installed here. The package is on no registry, so its name alone installs nothing."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote, urlsplit

PACKAGE = "lakehouse-factory"


def install_command(extra: str) -> str:
    """The line that installs an extra: from where the package was installed (PEP 610), else by the packages that make it up."""
    try:
        about = metadata.distribution(PACKAGE)
    except metadata.PackageNotFoundError:  # it runs from its folder
        return f"pip install '.[{extra}]'"
    origin = json.loads(about.read_text("direct_url.json") or "{}")
    place = Path(unquote(urlsplit(str(origin.get("url", ""))).path))
    if str(origin.get("url", "")).startswith("file:") and place.exists():
        editable = "-e " if (origin.get("dir_info") or {}).get("editable") else ""
        return f"pip install {editable}'{place}[{extra}]'"
    named = f"extra == '{extra}'"
    packages = [line.partition(";")[0].strip() for line in about.requires or () if named in line.replace('"', "'")]
    return "pip install " + " ".join(f"'{package}'" for package in packages)
