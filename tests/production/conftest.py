"""What tests of operators share."""

from __future__ import annotations

import pytest

from tests.production.variants_oracle import GROUPS


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("words") / "synonyms.csv"
    file.write_text("\ufeff" + "\r\n".join(",".join(group) for group in GROUPS) + "\r\n\r\n", encoding="utf-8")
    return str(file)
