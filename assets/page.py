"""The page of an asset: what a run of Dagster returns and what a report of the command line's work records are made here, alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import dagster as dg

STATE = "factory/state"
"""Tag of a materialisation: which state of the lake it shows, so that no state is shown twice."""


@dataclass(frozen=True, kw_only=True)
class Content:
    """What stands on a page."""

    metadata: Mapping[str, Any]
    checks: Sequence[dg.AssetCheckResult] = ()
    data_version: str | None = None


@dataclass(frozen=True, kw_only=True)
class Page:
    """The page of an asset, or of one of its partitions, for one state of the lake.

    Attributes:
        at: when the lake came into this state.
        content: draws the page; called only for a page that is shown.
        mark: what else tells the state from others.
        apart: checks that a run evaluates beside the asset, not in it.
    """

    key: dg.AssetKey
    at: datetime
    content: Callable[[], Content]
    partition: str | None = None
    mark: str = ""
    apart: Callable[[], Sequence[dg.AssetCheckResult]] = tuple

    @property
    def state(self) -> str:
        """The state, as the value of a tag."""
        return "-".join(part for part in (f"{self.at:%Y%m%dT%H%M%S.%f}", self.mark) if part)

    def result(self, **run: Any) -> dg.MaterializeResult:
        """The page as the result of a run, with what only the run knows; None leaves an entry out."""
        drawn = self.content()
        return dg.MaterializeResult(
            data_version=dg.DataVersion(drawn.data_version) if drawn.data_version is not None else None,
            metadata={**drawn.metadata, **{name: value for name, value in run.items() if value is not None}},
            check_results=list(drawn.checks),
            tags={STATE: self.state},
        )


def tags(pages: Sequence[Page]) -> dict[str, str]:
    """The tags of a run's materialisation that shows the last of the pages, if there are any."""
    return {STATE: pages[-1].state} if pages else {}
