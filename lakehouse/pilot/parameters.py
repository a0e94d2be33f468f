"""Types of parameters that evaluations and tasks share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

Positive = Annotated[int, Field(ge=1)]
Seeds = Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]
Analyzer = Literal["word", "char"]
Ngrams = Annotated[Sequence[Positive], Field(min_length=1, max_length=2)]
Features = Annotated[Sequence[str], Field(min_length=1)]
