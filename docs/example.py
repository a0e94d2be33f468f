"""The example of an operator's page, run: rows in, and their values, signals and fates out."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml

from lakehouse.authoring.recipes.draft import flow as flow
from lakehouse.core.registry import Entry
from lakehouse.core.row_model import FATES
from lakehouse.core.spec import Call
from lakehouse.production.augment import seeds
from lakehouse.production.engine.decide import decide
from lakehouse.production.engine.measure import measure
from lakehouse.production.engine.operator import OPERATORS, SEED, Change, Cut, Keep, Merge
from lakehouse.production.engine.recipe import Recipe, Step

HERE = Path(__file__).parent
EXAMPLES: Mapping[str, Any] = yaml.safe_load((HERE / "examples.yaml").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Example:
    """A step with its parameters, and what it does to rows: a table of text."""

    step: Mapping[str, Any]
    gold: list[str]
    head: list[str]
    rows: list[list[str]]
    files: Mapping[str, list[str]] = field(default_factory=dict)


def run(entry: Entry) -> Example | None:
    """Run the example of `entry` through the engine's own measuring and deciding; None for an operator that asks a model."""
    if entry.name == "generate":
        return None
    with tempfile.TemporaryDirectory() as folder:
        for name, lines in EXAMPLES[entry.name].get("files", {}).items():
            file = Path(folder) / name
            file.parent.mkdir(exist_ok=True)
            file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return _run(entry, Path(folder))


def _run(entry: Entry, folder: Path) -> Example:
    """In a project folder that holds the files of the example."""
    given = EXAMPLES[entry.name]
    target = {"columns": ["text"]} if "columns" in entry.params.model_fields else {"column": "text"}
    target = target if set(target) & set(entry.params.model_fields) else {}
    step = {entry.name: {**target, **given["params"]}}
    call = Call.model_validate(step)
    params = OPERATORS.bind(call)
    plan = entry.function(**params | {name: str(folder / params[name]) for name in entry.info.get("files", ()) if params.get(name)})
    inputs = [row if isinstance(row, dict) else {"text": row} for row in given["rows"]]
    number = pl.int_range(1, pl.len() + 1).cast(pl.String).str.zfill(2)
    frame = pl.DataFrame(inputs).with_columns(
        _row_id=number, _content=pl.concat_str(pl.lit("digest-"), number), _parent=pl.lit(None, pl.String)
    )
    if entry.info.get("seeded"):
        return _varied(step, inputs, frame, plan)
    signals = list(plan.signals) if isinstance(plan, Keep | Merge | Cut) else ["changed"] if isinstance(plan, Change) else []
    keys = {f"{entry.name}__{signal}": "x" for signal in signals}
    compiled = Step(
        name=entry.name,
        operator=entry.name,
        cardinality=entry.info["cardinality"],
        params=params,
        code="",
        plan=plan,
        stage=0,
        signals=keys,
    )
    own = [c for c in frame.columns if not c.startswith("_")]
    columns = tuple(dict.fromkeys([*own, *(plan.columns if isinstance(plan, Change) else ())]))
    recipe = Recipe(steps=(compiled,), columns=columns, values_key="", privacy={}, lineage={})
    theirs = [row if isinstance(row, dict) else {"text": row} for row in given.get("gold", [])]
    gold = pl.DataFrame(theirs, schema=None if theirs else {"text": pl.String})
    gold = gold.with_columns(_row_id=pl.int_range(1, pl.len() + 1).cast(pl.String), _content=pl.lit("x"))
    if isinstance(plan, Keep | Change) and plan.model is not None:
        plan.model.file = folder / "model.npz"
        np.savez(plan.model.file, **dict(plan.model.prepare(gold)))
    measured = measure(recipe, frame.drop("_parent"), set(keys))
    tables = {str(params[entry.info["reads"]]): gold} if "reads" in entry.info else {}
    unfit = pl.DataFrame(schema={"_row_id": pl.String, "_content": pl.String, "_findings": pl.List(pl.String)})
    decided = decide(recipe, measured.signals, unfit, tables)
    values = measured.values
    if isinstance(plan, Cut):
        cut = values.select("_row_id").join(decided.cuts[entry.name], on="_row_id", how="left", maintain_order="left")["cut"]
        values = values.with_columns(plan.apply(values[plan.column], cut))
    return _table(step, given, inputs, plan, measured.signals, values, decided.fates)


def _varied(step: Mapping[str, Any], inputs: list[dict[str, Any]], frame: pl.DataFrame, plan: Change) -> Example:
    """Two variants of each row."""
    extra = [column for column in inputs[0] if column != "text"]
    made = []
    for number in range(2):
        seed = seeds(pl.concat_str("_row_id", pl.lit(f"#{entry_name(step)}.{number}")), 0).alias(SEED)
        made.append(frame.with_columns(seed).with_columns(**plan.columns)["text"].to_list())
    rows = [[code(row["text"]), *(code(row[c]) for c in extra), code(a), code(b)] for row, a, b in zip(inputs, *made, strict=True)]
    return Example({"steps": [step], "copies": 2}, [], ["text", *extra, "a variant", "another"], rows)


def entry_name(step: Mapping[str, Any]) -> str:
    """The operator of a step."""
    return str(next(iter(step)))


def _table(
    step: Mapping[str, Any],
    given: Mapping[str, Any],
    inputs: list[dict[str, Any]],
    plan: Any,
    signals: pl.DataFrame,
    values: pl.DataFrame,
    fates: Any,
) -> Example:
    assert list(fates.columns) == list(FATES)
    name = entry_name(step)
    fate = {row["_row_id"]: row for row in fates.iter_rows(named=True)}
    measured = {row["_row_id"]: row for row in signals.iter_rows(named=True)}
    rows = []
    for number, row in enumerate(inputs, 1):
        key = f"{number:02}"
        shown = [code(row["text"])] + [code(value) for column, value in row.items() if column != "text"]
        if isinstance(plan, Cut) and key in fate:
            rows.append([*shown, _verdict(fate[key])])
        elif isinstance(plan, Change | Cut):
            made = "text" if isinstance(plan, Cut) or "text" in plan.columns else next(iter(plan.columns))
            after = values.filter(pl.col("_row_id") == key)[made].item()
            rows.append([*shown, "as it was" if after == row.get(made, "") else code(after)])
        elif isinstance(plan, Keep | Merge):
            found = {c: measured[key][f"{name}__{c}"] for c in plan.signals}
            rows.append([*shown, ", ".join(f"{c} {_number(v)}" for c, v in found.items() if _short(v)), _verdict(fate.get(key))])
        else:
            pieces = values.filter(pl.col("_row_id").str.starts_with(f"{key}#") | (pl.col("_row_id") == key))["text"].to_list()
            rows.append([*shown, " ".join(code(piece) for piece in pieces)])
    extra = [column for column in inputs[0] if column != "text"]
    last = ["after"] if isinstance(plan, Change | Cut) else ["signals", "verdict"] if isinstance(plan, Keep | Merge) else ["rows after"]
    theirs = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in given.get("gold", [])]
    return Example(step, theirs, ["text", *extra, *last], rows, given.get("files", {}))


def _verdict(fate: Mapping[str, Any] | None) -> str:
    if fate is None:
        return "stays"
    if fate["fate"] == "merged":
        alike = f", similarity {float(fate['evidence']):.2f}" if fate["evidence"] else ""
        return f"merged into row {int(fate['other'])}{alike}"
    return f"{fate['fate']}: `{fate['rule']}`"


def _short(value: Any) -> bool:
    return value is None or isinstance(value, int | float | bool) or (isinstance(value, str) and len(value) < 20)


def _number(value: Any) -> str:
    return "null" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def code(value: Any) -> str:
    """A text as it stands in a cell of a table: line feeds as a sign, blanks that cannot be seen by their code."""
    if value is None:
        return "null"
    text = str(value).replace("\n", "⏎").replace("|", "\\|")
    for blank in ("\u00a0", "\u00ad", "\u200b", "\u3000"):
        text = text.replace(blank, f"<U+{ord(blank):04X}>")
    return f"`{text}`" if text else "empty"
