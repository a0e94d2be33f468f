"""TextCases under noise: the operators that make variants, and spaces that come and go. The same row always gets the same noise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import polars_hash as plh
from numpy.typing import NDArray
from pydantic import AfterValidator, ValidationError

from lakehouse.core.errors import FactoryError, RecipeError, SpecError
from lakehouse.core.spec import Call
from lakehouse.pilot.evaluation import DataOrigin
from lakehouse.production.engine.operator import OPERATORS, SEED, Change

# Imported so that what they compute is part of what an evaluation is known by.

Noise = Callable[[pl.DataFrame], pl.Series]
"""From rows (`_row_id` and the input) to the input under noise."""

WHITESPACE = "whitespace"
EVERYWHERE = ({"typos": {"rate": 0.05}}, "case_noise", {"punctuation_noise": {"rate": 0.3}}, {WHITESPACE: {"rate": 0.1}})
CHINESE = ({"homophones": {"rate": 0.05}}, {"look_alikes": {"rate": 0.05}})
_HAN = r"\p{Han}"


def call_of(declared: Any) -> Call:
    """A noise as it is declared: `name` or `{name: {parameter: value}}`.

    Raises:
        SpecError: no call, or no operator that makes one variant of a text from its seed.
    """
    try:
        call = Call.model_validate(declared)
    except ValidationError as error:
        raise SpecError(f"noise {declared!r} is no call", fix="write it as `name: {parameter: value}`") from error
    rates = call.params.get("rate")
    for rate in rates if isinstance(rates, list) else [rates]:
        if call.name == WHITESPACE:
            if set(call.params) - {"rate"} or not (rate is None or (isinstance(rate, int | float) and 0 <= rate <= 1)):
                raise SpecError(f"noise {declared!r}: whitespace has one parameter, `rate`, 0 to 1", fix="whitespace: {rate: 0.1}")
            continue
        entry = OPERATORS.entry(call)
        if not entry.info.get("seeded") or entry.info.get("transport"):
            known = ", ".join(sorted(n for n, e in OPERATORS.entries().items() if e.info.get("seeded") and not e.info.get("transport")))
            raise SpecError(f"operator `{call.name}` makes no noise", fix=f"one of: {WHITESPACE}, {known}")
        OPERATORS.bind(Call.model_validate({call.name: {"column": "text", **call.params} | ({} if rate is None else {"rate": rate})}))
    return call


def _checked(declared: Any) -> Any:
    try:
        call_of(declared)
    except FactoryError as error:
        raise ValueError(f"{error.what}; {error.fix}" if error.fix else error.what) from error
    return declared


CheckedNoise = AfterValidator(_checked)
"""For a parameter that holds a noise: refuses at the declaration what is none."""


def noises(declared: Sequence[Any] | None, input: str, texts: pl.Series, origin: DataOrigin) -> dict[str, Noise]:
    """Noise by name: `<operator>_<rate>`, or the operator's name where it has no rate; a list of rates makes one of each.

    Args:
        declared: calls; None takes EVERYWHERE, and CHINESE where any of `texts` has a Chinese character.

    Raises:
        SpecError: a call that is none. MissingExtraError: an operator's packages are not installed. RecipeError: a file is not there.
    """
    if declared is None:
        declared = [*EVERYWHERE, *(CHINESE if texts.str.contains(_HAN).any() else ())]
    found: dict[str, Noise] = {}
    for each in declared:
        call = call_of(each)
        rates = call.params.get("rate")
        for rate in rates if isinstance(rates, list) else [rates]:
            name, made = _noise(call, rate, input, origin)
            same = sum(known == name or known.startswith(f"{name}-") for known in found)
            found[name if not same else f"{name}-{same + 1}"] = made
    return found


def _noise(call: Call, rate: Any, input: str, origin: DataOrigin) -> tuple[str, Noise]:
    if call.name == WHITESPACE:
        share = 0.1 if rate is None else float(rate)
        return f"{WHITESPACE}_{share:g}", lambda rows: whitespace(rows[input], _seeds(rows), share)
    params: Mapping[str, Any] = {"column": input, **call.params} | ({} if rate is None else {"rate": rate})
    entry = OPERATORS.entry(call)
    bound = OPERATORS.bind(Call.model_validate({call.name: dict(params)}))
    files = {name: str(origin.file(bound[name])) for name in entry.info.get("files", ()) if bound.get(name) is not None}
    plan = entry.function(**bound | files)
    if not isinstance(plan, Change) or set(plan.columns) != {input}:
        raise RecipeError(f"noise `{call.name}` does not change `{input}`", fix="leave out its `column`")
    expression = plan.columns[input]

    def apply(rows: pl.DataFrame) -> pl.Series:
        return rows.with_columns(_seeds(rows).alias(SEED)).select(expression.alias(input)).to_series().fill_null("")

    return (f"{call.name}_{bound['rate']:g}" if "rate" in bound else call.name), apply


def _seeds(rows: pl.DataFrame) -> pl.Series:
    """The first 60 bits of SHA-256 over the row's id, as UInt64."""
    hashed: pl.Expr = plh.concat_str(pl.concat_str(pl.lit("noise:"), pl.col("_row_id"))).chash.sha2_256()
    return rows.select(hashed.str.slice(0, 15).str.to_integer(base=16, dtype=pl.Int64).cast(pl.UInt64)).to_series()


def whitespace(texts: pl.Series, seeds: pl.Series, rate: float) -> pl.Series:
    """Blanks as people type them: a share `rate` of them is lost or doubled, and as many gaps between Chinese characters get one.

    Only U+0020 is lost or doubled, both as likely. A null becomes an empty text.
    """
    texts = texts.fill_null("")
    codes = np.frombuffer("".join(texts.to_list()).encode("utf-32-le"), dtype=np.uint32)
    lengths = texts.str.len_chars().to_numpy().astype(np.int64)
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    row = np.repeat(np.arange(len(lengths)), lengths)
    drawn = _mixed(seeds.to_numpy()[row], np.arange(len(codes), dtype=np.int64) - starts[row])
    hit = (drawn >> np.uint64(11)).astype(np.float64) / (1 << 53) < rate
    han = ((codes >= 0x4E00) & (codes <= 0x9FFF)) | ((codes >= 0x3400) & (codes <= 0x4DBF))
    gap = np.zeros(len(codes), dtype=bool)
    gap[:-1] = han[:-1] & han[1:] & (row[:-1] == row[1:])
    copies = np.ones(len(codes), dtype=np.int64)
    copies[hit & (codes == 0x20)] = 2 * (drawn[hit & (codes == 0x20)] & np.uint64(1)).astype(np.int64)
    copies[hit & gap] = 2
    written = np.repeat(codes, copies)
    ends = np.cumsum(copies)
    written[ends[hit & gap] - 1] = 0x20
    text = written.astype("<u4").tobytes().decode("utf-32-le")
    bounds = np.concatenate([np.zeros(1, np.int64), ends])[starts]
    # Cutting one string into its rows is the only step a row at a time.
    return pl.Series(texts.name, [text[a:b] for a, b in pairwise(bounds.tolist())], dtype=pl.String)


def _mixed(seeds: NDArray[np.uint64], places: NDArray[np.int64]) -> NDArray[np.uint64]:
    """SplitMix64 (Steele, Lea and Flood 2014) of each seed, read at a place."""
    with np.errstate(over="ignore"):
        z = seeds + (places.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(z ^ (z >> np.uint64(31)), dtype=np.uint64)
