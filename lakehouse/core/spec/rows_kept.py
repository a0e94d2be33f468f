"""Bounds on the share of the rows that a dataset keeps."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from lakehouse.core.spec.words import Model

Share = Annotated[float, Field(ge=0, le=1)]


class YieldBounds(Model):
    """The least share of the rows that each step, and all of them together, may keep: `yield: {warn_below: 0.5, fail_below: 0.05}`."""

    warn_below: Share = Field(default=0.5, description="A step that keeps a smaller share of its rows is reported.")
    fail_below: Share = Field(default=0.05, description="A step that keeps a smaller share fails the run; gold stays as it was.")
    least: dict[str, Share] = Field(
        default_factory=dict,
        description="The least share that is meant, in place of both bounds, by step; `contract` is the contract, `all` the whole.",
    )

    @model_validator(mode="after")
    def _check(self) -> YieldBounds:
        if self.fail_below > self.warn_below:
            raise ValueError("`fail_below` is above `warn_below`: nothing would be reported before it fails")
        return self
