"""Licences that are known, and what a mistyped one means."""

from __future__ import annotations

import pytest

from lakehouse.delivery.release.licenses import is_known, suggestion


@pytest.mark.parametrize(
    "given",
    ["MIT", "cc-by-4.0", "other", "proprietary", "Apache-2.0 OR MIT", "AGPL-3.0-or-later", "LicenseRef-house", "gfdl", "Research use only"],
)
def test_what_spdx_or_the_hub_know_and_terms_in_words(given: str) -> None:
    assert is_known(given)


@pytest.mark.parametrize(("given", "meant"), [("mitt", "mit"), ("CC BY 4.0", "cc-by-4.0"), ("apache2.0", "apache-2.0"), ("nosuch-9", None)])
def test_what_nobody_knows(given: str, meant: str | None) -> None:
    assert not is_known(given)
    assert suggestion(given) == meant
