"""The declaration of a dataset, from what its material is: a recipe, splits, an evaluation and gates that fit it."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from lakehouse.authoring.choices import Choices
from lakehouse.authoring.yaml_file import rendered
from lakehouse.core.spec import PII
from lakehouse.reserve.discovery.discover import Discovery

LICENSE = "other"
"""Of a release, until a person names the terms."""
_EVALUATED = 50
"""Fewest rows that are split and evaluated: a tenth of fewer tests nothing."""
_GATED = 200
"""Fewest rows of which the test split can tell a model from a guess."""
_WORDS = {
    "text": "cleaned and without duplicates",
    "table": "typed and validated",
    "chat": "conversations, cleaned and without duplicates",
    "preference": "preferences, cleaned and without duplicates",
    "instructions": "questions and answers, cleaned and without duplicates",
    "parallel": "parallel texts, cleaned and without duplicates",
    "documents": "texts of documents, cleaned and without duplicates",
    "images": "pictures, without duplicates",
    "sounds": "recordings of sound, without duplicates",
    "films": "films, without duplicates",
}
Comments = dict[tuple[str | int, ...], str]


def dataset_text(name: str, source: str, title: str, found: Discovery, choices: Choices) -> str:
    """The text of `assets/datasets/NAME.yaml`."""
    recipe, reasons = recipe_for(choices, found)
    spec: dict[str, Any] = {
        "dataset": name,
        "description": f"{name}: {_WORDS[choices.kind]}.",
        "owner": "team:data",
        "sources": [source],
        "contract": f"contracts/{name}.py:{title}",
        "on_violation": {"action": "quarantine", "max_rate": 0.02},
    }
    comments: Comments = {
        (
            "on_violation",
        ): "Rows that break the contract are kept aside with every rule they break; more than max_rate of them stop the run."
    }
    if recipe:
        spec["recipe"] = recipe
        comments |= {("recipe", at): words for at, words in enumerate(reasons) if words}
    spec["splits"] = splits_for(choices, found)
    if found.rows < _EVALUATED:
        comments[("splits",)] = f"Fewer than {_EVALUATED} rows: all of them are train, and nothing is evaluated."
    elif (evaluation := evaluation_for(choices)) is not None:
        metric = "mae" if choices.number else "macro_f1"
        gates = [{"metric": metric, "versus": "baseline", "margin": 0.0}] if found.rows >= _GATED and choices.sure else []
        spec["pilot"] = {"evaluations": [{"train": evaluation}], **({"gates": gates} if gates else {})}
        guess = "the mean" if choices.number else "the most frequent class"
        comments[("pilot",)] = f"The gate asks for more than a guess: better than {guess} by a 95 % interval."
        if not gates:
            few = f"fewer than {_GATED} rows cannot tell a model from a guess"
            why = few if found.rows < _GATED else f"the label was guessed; add [{{metric: {metric}, versus: baseline}}] where it is right"
            comments[("pilot",)] = f"No gate: {why}."
    spec["release"] = {"license": LICENSE, "forbid": ["pii"], **_language(found)}
    comments[("release",)] = (
        "forbid: every column of the released rows is looked through for private data; a release that holds any is refused."
    )
    return rendered(spec, "dataset", comments)


def recipe_for(choices: Choices, found: Discovery) -> tuple[list[dict[str, Any]], list[str]]:
    """The steps that fit the material, and why each is there."""
    steps: list[tuple[dict[str, Any], str]] = []
    if found.described is not None and found.described.type == "text/html":
        steps.append(_pages("text"))
    for column in choices.texts:
        steps.append(({"fix_unicode": {"column": column}}, ""))
        if choices.kind in ("text", "documents", "parallel"):
            steps.append(({"normalise_whitespace": {"column": column}}, ""))
        steps.append(({"redact": {"column": column, "kinds": list(PII)}}, "private data becomes a mark such as [EMAIL]"))
    for column in choices.beside:
        steps.append(({"redact": {"column": column, "kinds": list(PII)}}, "beside the texts"))
    for column, kinds in choices.private.items():
        steps.append(({"redact": {"column": column, "kinds": kinds}}, "found in the sample"))
    main = choices.texts[0] if choices.texts else None
    if choices.kind in ("text", "documents") and main is not None:
        steps.append(({"text_length": {"column": main, "at_least": 2}}, ""))
    if choices.kind == "text" and main is not None and choices.label is not None and not choices.number:
        steps.append(({"label_conflict": {"column": main, "label": choices.label}}, "one text under two labels is set aside"))
    if choices.compared:
        steps.append(({"dedup_exact": {"columns": list(choices.compared)}}, "copies are merged into the first"))
    if choices.kind in ("text", "documents") and main is not None and main in choices.compared and _is_long(found, main):
        unit = "characters" if choices.chinese else "words"
        near = {"column": main, "threshold": 0.8, "unit": unit, "size": 3}
        steps.append(({"dedup_minhash": near}, "near-copies too, so that none is in train and test"))
    return [step for step, _ in steps], [why for _, why in steps]


def _pages(column: str) -> tuple[dict[str, Any], str]:
    """The step that takes the text out of web pages: the main one, where the extra for it is there."""
    if find_spec("resiliparse") is not None:
        return {"extract_text": {"column": column, "favour": "recall"}}, "pages become their text"
    return {"clean_html": {"column": column}}, "pages lose their tags; `extract_text`, of the extra `html`, finds their main text"


def splits_for(choices: Choices, found: Discovery) -> dict[str, Any]:
    """Shares of the splits, near-copies kept together where they are known."""
    by = "cluster" if choices.compared else "row"
    if found.rows < _EVALUATED:
        return {"by": by, "train": 1.0, "validation": 0.0, "test": 0.0, "seed": 7}
    return {"by": by, "train": 0.8, "validation": 0.1, "test": 0.1, "seed": 7}


def evaluation_for(choices: Choices) -> dict[str, Any] | None:
    """The parameters of `train` that fit; None where there is nothing to predict."""
    label = choices.label
    if choices.kind == "text" and label is not None:
        analyzer: dict[str, Any] = {"analyzer": "char", "ngrams": [1, 3]} if choices.chinese else {"analyzer": "word", "ngrams": [1, 2]}
        task = "regression" if choices.number else "text_classification"
        return {"task": task, "input": choices.texts[0], "label": label, **analyzer}
    if choices.kind == "table" and label is not None and choices.features:
        task = "tabular_regression" if choices.number else "tabular_classification"
        return {"task": task, "features": list(choices.features), "label": label}
    if choices.kind == "images" and label is not None:
        return {"task": "image_classification", "input": "data", "label": label}
    if choices.kind == "documents":
        return {"task": "language_modelling", "input": "text"}
    return None


def _is_long(found: Discovery, column: str) -> bool:
    """Whether texts are long enough to be compared by their shingles."""
    return any(c.name == column and (c.length or 0) >= 10 for c in found.columns)


def _language(found: Discovery) -> dict[str, list[str]]:
    column = next((c for c in found.columns if c.name == found.text), None)
    codes = [code for code, share in (column.languages if column is not None else {}).items() if share >= 0.1]
    return {"language": codes} if codes else {}
