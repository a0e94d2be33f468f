"""Pictures are graded by what they are: what a file does not say of itself is no gap, and digests are no texts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lakehouse.core import versions
from lakehouse.operations import line
from lakehouse.operations.maintenance.grade import assess
from tests.authoring.desk import Desk


@pytest.fixture
def tiles(tmp_path: Path) -> Desk:
    """120 pictures without EXIF, in two folders."""
    desk, chance = Desk(tmp_path), np.random.default_rng(1)
    for number in range(120):
        file = desk.brought / "tiles" / ("blue", "red")[number % 2] / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(chance.integers(0, 255, (8, 8, 3), dtype=np.uint8)).save(file)
    desk.add(desk.brought / "tiles")
    list(line.run(desk.project, ["tiles"], "gold"))
    return desk


def test_what_a_picture_does_not_say_is_no_gap_and_its_digest_is_no_text(tiles: Desk) -> None:
    graded = assess(tiles.project, versions.find(tiles.project, "tiles", "latest"))
    found = {each.indicator.name: each.indicator for each in graded.marked}
    assert (found["completeness"].numerator, found["completeness"].denominator) == (360, 360)  # data, file and label
    assert "but sha256, format, width, height, mode, frames, orientation, taken_at" in found["completeness"].how
    assert found["diversity"].how == "not measured: no column of text"
    assert not [each.how for each in found.values() if "sha256" in each.how and each.name != "completeness"]
    assert graded.grade == "C"
    assert "not measured, so at most C: accuracy" in graded.because
