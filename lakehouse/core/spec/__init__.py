"""Declarations as people write them: frozen models, strict, no unknown keys. What is made of them is the workshops'."""

from lakehouse.core.spec.dataset import (
    ArchiveRule,
    Augmentation,
    Dataset,
    DowngradeRule,
    Maintenance,
    OnViolation,
    Regrade,
    Release,
    RetireRule,
    Splits,
)
from lakehouse.core.spec.demand import Annotation, Demand, QualityPlan
from lakehouse.core.spec.evaluation import Gate, HeldOut, Pilot, Repair, RepairLimits, RepairPolicy, Screen
from lakehouse.core.spec.rows_kept import YieldBounds
from lakehouse.core.spec.source import Detection, Source
from lakehouse.core.spec.words import LEVELS, NAME, PII, Call, ColumnType, Level, Model, Name, Owner, expand_privacy

__all__ = [
    "LEVELS",
    "NAME",
    "PII",
    "Annotation",
    "ArchiveRule",
    "Augmentation",
    "Call",
    "ColumnType",
    "Dataset",
    "Demand",
    "Detection",
    "DowngradeRule",
    "Gate",
    "HeldOut",
    "Level",
    "Maintenance",
    "Model",
    "Name",
    "OnViolation",
    "Owner",
    "Pilot",
    "QualityPlan",
    "Regrade",
    "Release",
    "Repair",
    "RepairLimits",
    "RepairPolicy",
    "RetireRule",
    "Screen",
    "Source",
    "Splits",
    "YieldBounds",
    "expand_privacy",
]
