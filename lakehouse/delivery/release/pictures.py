"""The pictures of the card, drawn into the bundle. The same manifest gives the same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lakehouse.delivery.release.shards import rows_by_split
from lakehouse.production.pictures import balance_picture, splits_picture


def draw(manifest: Mapping[str, Any], folder: Path) -> list[str]:
    """Draw into `folder` (made if missing); paths relative to its parent. No balance, no balance picture."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    if manifest.get("balance"):
        (folder / "balance.png").write_bytes(balance_picture(manifest["balance"], "where the rows went"))
        drawn.append("images/balance.png")
    (folder / "splits.png").write_bytes(splits_picture(rows_by_split(manifest["files"]), "rows by split"))
    return [*drawn, "images/splits.png"]
