"""The material balance: in + created = out + merged + dropped + quarantined, for every step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from lakehouse.core.errors import BalanceError


@dataclass(frozen=True, kw_only=True)
class Balance:
    """Rows through one step.

    Attributes:
        entered: rows that came in.
        created: rows that a 1:N step added (a row cut into three adds two).
        changed: rows whose value a 1:1 step changed; they are among `out`.
        reasons: rows that left, by rule.
    """

    step: str
    operator: str
    entered: int
    created: int
    out: int
    merged: int
    dropped: int
    quarantined: int
    changed: int = 0
    reasons: dict[str, int] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether every row is accounted for."""
        return self.entered + self.created == self.out + self.merged + self.dropped + self.quarantined

    def as_json(self) -> dict[str, Any]:
        """The balance under the names of the equation (`in` is a word of Python)."""
        values = asdict(self)
        return {("in" if name == "entered" else name): value for name, value in values.items()}


def from_json(value: dict[str, Any]) -> Balance:
    """A balance as `as_json` wrote it."""
    return Balance(**{("entered" if name == "in" else name): item for name, item in value.items()})


def verify(steps: Sequence[Balance], dataset: str, *, entered: int, survived: int) -> None:
    """Check every step, that each takes in what the one before gave out, and both ends against counts made elsewhere.

    Args:
        entered: live rows of the sources.
        survived: rows of the table that they lead to.

    Raises:
        BalanceError: naming the step and the rows unaccounted for.
    """
    flow = entered
    for step in steps:
        if step.entered != flow:
            raise BalanceError(
                f"{dataset}: step {step.step} took in {step.entered} rows, {flow} were given", fix="report it: an operator is wrong"
            )
        if not step.holds:
            lost = step.entered + step.created - step.out - step.merged - step.dropped - step.quarantined
            raise BalanceError(f"{dataset}: step {step.step} leaves {lost} rows unaccounted for", fix="report it: an operator is wrong")
        flow = step.out
    if flow != survived:
        raise BalanceError(f"{dataset}: the steps gave out {flow} rows, the table holds {survived}", fix="run it again")
