"""The eleven indicators of a version: the numerator, the denominator and the interval of each.

Their names follow the families of ISO/IEC 5259-2 and GB/T 36344; each one's text names what is counted, and no conformity is claimed.
Every value lies in [0, 1] and more is better.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl
from polars import selectors as cs

from lakehouse.core.hashing import row_digest
from lakehouse.core.spec import expand_privacy
from lakehouse.operations.maintenance.evidence import Evidence, sample
from lakehouse.operations.maintenance.intervals import entropy, evenness, ratio_of_groups, wilson
from lakehouse.operations.maintenance.trigrams import covered, distinct
from lakehouse.production.operators.privacy.redact import redact


@dataclass(frozen=True, kw_only=True)
class Indicator:
    """One indicator of a version.

    Attributes:
        value: numerator / denominator; None, like both and the bounds, where it could not be measured.
        low: lower limit of the value's 95 % interval.
        high: its upper limit.
        rule: name and version of the rule that counted.
        how: what was counted over what, in words; why not, where it could not be measured.
    """

    name: str
    numerator: float | None
    denominator: float | None
    value: float | None
    low: float | None
    high: float | None
    rule: str
    how: str

    def as_json(self) -> dict[str, Any]:
        """The indicator as plain data."""
        return asdict(self)


_KNOWN = 20_000
"""Train rows that relevance looks at."""

Rule = Callable[[Evidence], Indicator]


def measure(evidence: Evidence) -> tuple[Indicator, ...]:
    """All indicators of a version, in the order of INDICATORS."""
    return tuple(rule(evidence) for rule in INDICATORS.values())


def completeness(e: Evidence) -> Indicator:
    """Cells that hold something, of all cells but those of what files may say of themselves."""
    rows = e.rows.drop(e.told, strict=False)
    if not rows.width:
        return _unmeasured("completeness", "all columns are what files say of themselves")
    filled = pl.all().is_not_null()
    blank = cs.string().str.strip_chars().str.len_bytes().eq(0).fill_null(False)
    counts = rows.select(filled.sum()).row(0)
    texts = rows.select(blank.sum())
    blanks = texts.row(0) if texts.width else ()  # a contract may have no column of text
    left_out = [name for name in e.rows.columns if name in e.told]
    what = "cells that are neither null nor blank, of all cells of the contract's columns"
    what += f" but {', '.join(left_out)}, which a file may not say of itself" if left_out else ""
    return _share("completeness", sum(counts) - sum(blanks), rows.height * rows.width, what)


def consistency(e: Evidence) -> Indicator:
    """Rows that keep the contract, of the rows that came to it."""
    contract = [step for step in e.version.manifest["balance"] if step["operator"] == "contract"]
    if not contract:
        return _unmeasured("consistency", "the balance has no step of the contract")
    what = "rows that keep the contract, of the rows that the recipe let through to it"
    return _share("consistency", contract[0]["out"], contract[0]["in"], what)


def accuracy(e: Evidence) -> Indicator:
    """Labelled rows without a finding of a wrong label, of the labelled rows."""
    if e.findings is None:
        return _unmeasured("accuracy", f"no diagnosis of this version (lakehouse version diagnose {e.version.dataset})")
    if not e.contradictions:
        return _unmeasured("accuracy", "diagnosed while another version stood, so contradictions were not looked for")
    suspect = e.findings.filter(pl.col("kind").is_in(["label_error", "contradiction"]))["_row_id"].n_unique()
    what = "labelled rows without a finding label_error or contradiction, of the labelled rows: an estimate by models that had not seen "
    return _share("accuracy", max(0, e.labelled - suspect), e.labelled, what + "the row, checked by no person")


def uniqueness(e: Evidence) -> Indicator:
    """Rows that repeat no other row, of all rows."""
    values = e.rows.select(row_digest(dict(e.rows.schema), sorted(e.rows.columns)).alias("values"))
    what = "rows less those that repeat all values of another row, of all rows; the recipe decides how near others may be"
    return _share("uniqueness", values["values"].n_unique(), e.rows.height, what)


def identifiability(e: Evidence) -> Indicator:
    """Rows of a sample in which no private data is recognised."""
    texts = sample(e.rows, e.keys).select(cs.string())
    if not texts.width:
        return _unmeasured("identifiability", "no column of text to look at")
    found = pl.Series([False] * texts.height, dtype=pl.Boolean)
    for column in texts.columns:
        plan = redact(column=column, kinds=sorted(expand_privacy(["pii"])))  # type: ignore[arg-type]
        found = found | texts.select((plan.columns[column] != pl.col(column)).fill_null(False)).to_series()
    what = f"rows in which `redact` finds no {', '.join(sorted(expand_privacy(['pii'])))}, of {texts.height:,} rows looked at; "
    return _share("identifiability", texts.height - int(found.sum()), texts.height, what + "names and addresses are not recognised")


def traceability(e: Evidence) -> Indicator:
    """Rows whose source row is live now, of all rows."""
    if not e.live.len() and e.rows.height and not e.sources:
        return _unmeasured("traceability", "no source of this version is in the lake")
    there = e.roots.is_in(e.live.implode()).sum()
    return _share("traceability", int(there), e.rows.height, "rows whose root is a row that its source holds today, of all rows")


def balance(e: Evidence) -> Indicator:
    """Entropy of the labels over the largest there could be."""
    if e.label is None:
        return _unmeasured("balance", "no evaluation names a label")
    counts = e.rows[e.label].drop_nulls().value_counts()["count"].to_list()
    if len(counts) < 2:
        return _unmeasured("balance", f"column `{e.label}` has fewer than two values")
    bits, most = entropy(counts), entropy([1] * len(counts))
    what = f"entropy of column `{e.label}` in bits, of the largest with {len(counts)} values"
    return _made("balance", bits, most, evenness(counts), what)


def diversity(e: Evidence) -> Indicator:
    """Different trigrams of characters in groups of rows of a sample."""
    if e.text is None:
        return _unmeasured("diversity", "no column of text")
    above, below = distinct(sample(e.rows, e.keys)[e.text])
    if not sum(below):
        return _unmeasured("diversity", "the texts are too short for trigrams")
    what = f"different trigrams of characters of column `{e.text}`, of all (distinct-3, Li et al. 2016), in {len(above)} groups of 50 rows"
    return _made("diversity", sum(above), sum(below), ratio_of_groups(above, below), what)


def currency(e: Evidence) -> Indicator:
    """Rows whose source was collected lately, of all rows."""
    if not e.sources:
        return _unmeasured("currency", "no source of this version is in the lake")
    fresh = [name for name, source in e.sources.items() if source.fresh(e.at)]
    rows = int(e.roots.str.split("/").list.first().is_in(fresh).sum())
    limits = ", ".join(f"{name} {source.hours:,.0f} h" for name, source in sorted(e.sources.items()))
    what = f"rows of sources collected within their hours, of all rows ({limits}; a year where the source declares none)"
    return _share("currency", rows, e.rows.height, what)


def relevance(e: Evidence) -> Indicator:
    """Trigrams of the held-out texts that the train rows know."""
    if e.text is None or e.scored is None or e.text not in e.scored.columns:
        return _unmeasured("relevance", "no held-out or test rows with a column of text to compare with")
    known = sample(e.rows.filter(e.train), e.keys.filter(e.train), _KNOWN)
    if known.is_empty():
        return _unmeasured("relevance", "no train rows")
    above, below = covered(sample(e.scored, e.scored_keys)[e.text], known[e.text])
    if not sum(below):
        return _unmeasured("relevance", "the texts are too short for trigrams")
    what = f"trigrams of characters of {e.scored_set} rows that occur in {known.height:,} train rows, of all in these {e.scored_set} rows"
    return _made("relevance", sum(above), sum(below), ratio_of_groups(above, below), what)


def effectiveness(e: Evidence) -> Indicator:
    """The gain of a model trained on the version over the share of the most frequent label."""
    if e.predictions is None:
        return _unmeasured("effectiveness", "no evaluation by classification whose predictions are kept")
    n = e.predictions.height
    hits = int((e.predictions["label"] == e.predictions["predicted"]).sum())
    majority = int(e.predictions["label"].value_counts()["count"].max())  # type: ignore[arg-type]
    if majority == n:
        return _unmeasured("effectiveness", "all rows scored on have one label")
    low, high = wilson(hits, n)
    base = majority / n
    interval = tuple(max(0.0, (bound - base) / (1 - base)) for bound in (low, high))
    what = f"{e.scored_set} rows right by the first seed above the {majority:,} of the most frequent label, of the other {n - majority:,}"
    return _made("effectiveness", max(0, hits - majority), n - majority, (interval[0], interval[1]), what)


INDICATORS: dict[str, Rule] = {
    rule.__name__: rule
    for rule in (
        completeness,
        consistency,
        accuracy,
        uniqueness,
        identifiability,
        traceability,
        balance,
        diversity,
        currency,
        relevance,
        effectiveness,
    )
}
"""By name, in the order in which they are shown."""


def _share(name: str, hits: int, of: int, how: str) -> Indicator:
    if not of:
        return _unmeasured(name, "there are no rows")
    return _made(name, hits, of, wilson(hits, of), how)


def _made(name: str, above: float, below: float, interval: tuple[float, float], how: str) -> Indicator:
    low, high = interval
    return Indicator(name=name, numerator=above, denominator=below, value=above / below, low=low, high=high, rule=f"{name}/1", how=how)


def _unmeasured(name: str, why: str) -> Indicator:
    return Indicator(
        name=name, numerator=None, denominator=None, value=None, low=None, high=None, rule=f"{name}/1", how=f"not measured: {why}"
    )
