"""The distributions of signals are those of what was measured."""

from __future__ import annotations

import pytest

from lakehouse.core.errors import NotFoundError
from lakehouse.production.inspection.profile import profile, profile_picture
from tests.factory import Factory
from tests.system.commands import called, called_json

TEXTS = ["a", "ab", "abc", "好的评价", "好的", None]
RECIPE = [
    {"text_length": {"column": "text", "at_least": 2}},
    {"language": {"column": "text", "keep": ["zh", "en"]}},
    {"dedup_exact": {"columns": ["text"]}},
]


@pytest.fixture
def profiled_factory(notes_factory: Factory) -> Factory:
    notes_factory.declare(RECIPE)
    notes_factory.material({"id": f"{i:03}", "text": text, "label": "x"} for i, text in enumerate(TEXTS))
    notes_factory.made()
    return notes_factory


def test_numbers_words_and_what_left(profiled_factory: Factory) -> None:
    length, code, score = profile(profiled_factory.project, "notes")
    assert (length.signal, length.rows, length.missing, length.least, length.median, length.most) == ("text_length__length", 5, 1, 1, 2, 4)
    assert sum(length.counts) == 5
    assert (length.edges[0], length.edges[-1]) == (pytest.approx(1.04), pytest.approx(3.96))
    assert (length.thresholds, length.leave) == ({"at_least": 2.0}, 2)
    assert (code.signal, code.shares["zh"], code.counts) == ("language__code", 2, [])
    assert score.signal == "language__score"


def test_the_command_and_its_picture(profiled_factory: Factory) -> None:
    said = called(profiled_factory.root, "recipe", "profile", "notes", "--picture", "signals.png")
    assert "text_length__length" in said
    assert (profiled_factory.root / "signals.png").read_bytes().startswith(b"\x89PNG")
    found = called_json(profiled_factory.root, "recipe", "profile", "notes")
    assert [one["signal"] for one in found] == ["text_length__length", "language__code", "language__score"]
    assert profile_picture([], "nothing").startswith(b"\x89PNG")


def test_a_dataset_that_was_not_made_has_no_profile(notes_factory: Factory) -> None:
    notes_factory.declare(RECIPE)
    notes_factory.material([{"id": "1", "text": "a", "label": "x"}])
    with pytest.raises(NotFoundError, match="not collected yet"):
        profile(notes_factory.project, "notes")
