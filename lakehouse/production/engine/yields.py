"""The yield of each step: which share of its rows it keeps, and which share is too small to be taken as meant."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lakehouse.core.errors import SpecError, YieldError
from lakehouse.core.project import Project
from lakehouse.core.spec import Call, YieldBounds, yamlfile
from lakehouse.core.text.numbers import counted
from lakehouse.production.engine.balance import Balance
from lakehouse.production.engine.operator import OPERATORS

ALL = "all"
"""The name of the whole, from the intake to the rows that meet the contract."""
_OF_THE_ENGINE = ("intake", "contract", "augment")


@dataclass(frozen=True, kw_only=True)
class LowYield:
    """A step that keeps fewer of its rows than the bounds allow, or all of them together.

    Attributes:
        share: of `entered`, what is kept.
        bound: the share that it is below.
        fails: whether the run fails for it.
        why: the rule by which most rows left.
    """

    step: str
    entered: int
    kept: int
    share: float
    bound: float
    fails: bool
    why: str

    def in_words(self) -> str:
        """The step with its counts."""
        what = "the recipe and the contract keep" if self.step == ALL else f"step {self.step} keeps"
        return f"{what} {self.kept:,} of {counted(self.entered, 'row')} ({_percent(self.share)}), below {_percent(self.bound)}{self.why}"

    @property
    def declaration(self) -> str:
        """What to declare if it is meant."""
        digits = max(2, -math.floor(math.log10(self.share))) if self.share > 0 else 2
        return f"yield: {{least: {{{self.step}: {math.floor(self.share * 10**digits) / 10**digits:.{digits}f}}}}}"

    def as_json(self) -> dict[str, Any]:
        """It as plain data."""
        return asdict(self)


def low_yields(bounds: YieldBounds, steps: Sequence[Balance]) -> tuple[LowYield, ...]:
    """The steps that keep too few of their rows, and then the whole, if it does.

    Variants are made of rows and take none away: they do not count. What a sampling step leaves out it was asked to, whatever the rows
    hold: it is not judged, and the whole is judged as if it had kept its rows.
    """
    counted = [step for step in steps if step.operator != "augment"]
    found = []
    sampled = 1.0
    for step in counted:
        gone = step.merged + step.dropped + step.quarantined
        if _samples(step.operator):
            sampled *= (step.entered - gone) / step.entered if step.entered else 1.0
        elif step.entered:
            found.append(_judged(bounds, step.step, step.entered, step.entered - gone, 1.0, _worst(step)))
    if counted and counted[0].entered and counted[-1].out:
        entered = counted[0].entered + sum(step.created for step in counted)
        found.append(_judged(bounds, ALL, entered, counted[-1].out, sampled, " (what was sampled out aside)" if sampled < 1 else ""))
    return tuple(each for each in found if each is not None)


def refuse(project: Project, dataset: str, found: Sequence[LowYield]) -> None:
    """Refuse a run in which a step keeps too few rows.

    Raises:
        YieldError: naming each step with its counts, and what to declare if it is meant.
    """
    failed = [each for each in found if each.fails]
    if failed:
        what = "; ".join(each.in_words() for each in failed)
        document = project.datasets[dataset].document
        raise YieldError(
            f"{dataset}: {what}; gold stays as it was",
            where=document.where(("yield",) if ("yield",) in document.lines else ("recipe",)),
            fix=f"look at what left: lakehouse row explain {dataset} ROW"
            + (f"; if it is meant, declare `{failed[0].declaration}`" if failed[0].kept else "; gold cannot be empty"),
        )


def check_steps(bounds: YieldBounds, steps: Sequence[str], document: yamlfile.Document) -> None:
    """Refuse bounds of steps that a recipe does not have.

    Raises:
        SpecError: with the step that was meant.
    """
    known = [*steps, "intake", "contract", ALL]
    for name in bounds.least:
        if name not in known:
            where = document.where(("yield", "least", name))
            raise SpecError(f"`yield.least` names `{name}`, which is no step", where=where, fix=yamlfile.suggest(name, known))


def _judged(bounds: YieldBounds, step: str, entered: int, kept: int, sampled: float, why: str) -> LowYield | None:
    share = kept / entered / sampled
    meant = bounds.least.get(step)
    bound = bounds.warn_below if meant is None else meant
    if share >= bound:
        return None
    fails = meant is not None or share < bounds.fail_below
    bound = bounds.fail_below if fails and meant is None else bound
    return LowYield(step=step, entered=entered, kept=kept, share=share, bound=bound, fails=fails, why=why)


def _samples(operator: str) -> bool:
    if operator in _OF_THE_ENGINE:
        return False
    try:
        return bool(OPERATORS.entry(Call.model_validate(operator)).info.get("samples"))
    except SpecError:  # an operator of a version made elsewhere
        return False


def _worst(step: Balance) -> str:
    reasons = sorted(step.reasons.items(), key=lambda item: -item[1])
    return f" ({reasons[0][0]} {reasons[0][1]:,})" if reasons else ""


def _percent(share: float) -> str:
    return f"{share * 100:.2g} %" if share < 0.1 else f"{share:.0%}".replace("%", " %")
