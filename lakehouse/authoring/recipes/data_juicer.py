"""A recipe of Data-Juicer (https://github.com/datajuicer/data-juicer) in this factory's operators, by its 1.6 parameters and defaults."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lakehouse.authoring.recipes.draft import Draft, DraftStep, Loss, checked, flow, list_under
from lakehouse.core.errors import SpecError
from lakehouse.core.spec import yamlfile
from lakehouse.production.engine.operator import OPERATORS


@dataclass(frozen=True)
class _Counterpart:
    """How an operator of Data-Juicer is called here.

    Attributes:
        renamed: their parameter to ours, where the names differ.
        defaults: their defaults where ours differ, under their names.
        neutral: parameters with the one value that needs no counterpart, because it is what ours does.
        fixed: parameters that ours settles by itself, with how.
        needs: the reason to leave the step out: ours requires something that theirs brings along.
    """

    operator: str
    renamed: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    neutral: Mapping[str, Any] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)
    needs: str = ""


_BANDS = "signatures have 112 hashes in 16 bands of 7 rows here, and every candidate is verified against the threshold"
_MINHASH = _Counterpart(
    "dedup_minhash",
    renamed={"jaccard_threshold": "threshold", "window_size": "size", "tokenization": "unit"},
    defaults={"jaccard_threshold": 0.7, "window_size": 5, "tokenization": "space"},
    neutral={"lowercase": True, "ignore_pattern": None, "tokenizer_model": None},
    fixed={
        **dict.fromkeys(("num_permutations", "num_bands", "num_rows_per_band"), _BANDS),
        **dict.fromkeys(("union_find_parallel_num", "union_threshold"), "clusters are found without partitions here"),
    },
)
_EXACT = _Counterpart("dedup_exact", renamed={"lowercase": "ignore_case"}, neutral={"ignore_non_character": False, "backend": None})
_WORDS = "the list of words, which Data-Juicer downloads: give your own as `words: [...]`"
_COUNTERPARTS = {
    "whitespace_normalization_mapper": _Counterpart("normalise_whitespace"),
    "fix_unicode_mapper": _Counterpart("fix_unicode", neutral={"normalization": "NFC"}),
    "chinese_convert_mapper": _Counterpart("convert_chinese", renamed={"mode": "to"}, defaults={"mode": "s2t"}),
    "text_length_filter": _Counterpart("text_length", renamed={"min_len": "at_least", "max_len": "at_most"}, defaults={"min_len": 10}),
    "flagged_words_filter": _Counterpart("flagged_words", needs=_WORDS),
    "stopwords_filter": _Counterpart("stopwords", needs=_WORDS),
    "perplexity_filter": _Counterpart(
        "perplexity", needs="a dataset of good text to learn from, `dataset: NAME`; its numbers are on another scale than those of KenLM"
    ),
    "document_deduplicator": _EXACT,
    "ray_document_deduplicator": _EXACT,
    "document_minhash_deduplicator": _MINHASH,
    "ray_bts_minhash_deduplicator": _MINHASH,
    "document_simhash_deduplicator": _Counterpart("dedup_simhash"),
}
"""Operators whose name or parameters differ; the others are called as ours are, with `_mapper` or `_filter` behind."""

_UNITS = {"space": "words", "character": "characters"}
_VARIANTS = {"s2t": "traditional", "t2s": "simplified"}
_RUNNING = re.compile(
    r"^(num_proc|np|batch_size|batch_mode|cpu_required|gpu_required|mem_required|memory|num_cpus|num_gpus|runtime_env|accelerator|turbo|"
    r"skip_op_error|auto_op_parallelism|work_dir|stats_export_path|ray_execution_mode|(image|audio|video|query|response|history)s?_key|"
    r"system_key|instruction_key|prompt_key|index_key|(image|audio|video)_bytes_key|save_stats_in_one_file|hf_model|model_key)$"
)
"""Parameters that every operator of Data-Juicer takes and that set how it runs, or the column of a picture."""


def read_recipe(file: Path, column: str | None = None) -> Draft:
    """Read a Data-Juicer configuration.

    Args:
        column: the text column, in place of what the recipe names (`text_keys`; `text` by default).

    Raises:
        SpecError: no YAML, or no `process:` list of operators, with file and line.
    """
    document = yamlfile.read(file, str(file))
    process = list_under(document, "process")
    settings = {key: value for key, value in document.data.items() if key not in ("process", "text_keys", "project_name")}
    keys = document.data.get("text_keys", "text")
    keys = [keys] if isinstance(keys, str) else keys
    if not isinstance(keys, list) or not keys or not all(isinstance(key, str) for key in keys):
        raise SpecError("`text_keys` is no column name or list of them", where=document.where(("text_keys",)), fix="text_keys: text")
    lines = []
    if len(keys) > 1:
        why = f"Data-Juicer's operators read the first key of the list, {keys[0]}, and so do these steps"
        lines.append(DraftStep(None, (Loss(f"text_keys {flow(keys[1:])}", why, document.where(("text_keys",))),)))
    text = column or keys[0]
    lines += [_line(entry, text, document, index) for index, entry in enumerate(process)]
    title = document.data.get("project_name")
    title = title if isinstance(title, str) and title.strip() else file.stem
    name = re.sub(r"\W+", "_", title.lower(), flags=re.ASCII).strip("_")
    return Draft(name, f"Imported from the Data-Juicer recipe {file.name}.", text, tuple(lines), settings)


def _line(entry: Any, column: str, document: yamlfile.Document, index: int) -> DraftStep:
    where = document.where(("process", index))
    if isinstance(entry, str):
        entry = {entry: None}
    if not isinstance(entry, dict) or len(entry) != 1:
        raise SpecError("an entry of `process:` is no operator", where=where, fix="write it as `- name: {parameter: value}`")
    ((name, given),) = entry.items()
    if given is not None and not isinstance(given, dict):
        raise SpecError(f"`{name}` has no mapping of parameters", where=where, fix=f"write it as `- {name}: {{parameter: value}}`")
    params = dict(given or {})
    shown = f"{name} {flow(params)}" if params else str(name)
    counterpart = _COUNTERPARTS.get(name) or _same_name(str(name))
    if counterpart is None:
        return DraftStep(None, (Loss(shown, "no operator here does this", where),))
    if counterpart.needs:
        return DraftStep(None, (Loss(shown, f"`{counterpart.operator}` needs {counterpart.needs}", where),))
    if (why := _changed_meaning(str(name), params)) is not None:
        return DraftStep(None, (Loss(shown, why, where),))
    column = str(params.pop("text_key", None) or column)
    known = OPERATORS.entries()[counterpart.operator].params.model_fields
    ours: dict[str, Any] = {"column": column} if "column" in known else {"columns": [column]}
    losses = []
    for parameter, value in {**counterpart.defaults, **params}.items():
        loc = ("process", index, name, parameter)
        why = counterpart.fixed.get(parameter)
        if parameter in counterpart.neutral:
            if value not in (counterpart.neutral[parameter], None):
                why = f"`{counterpart.operator}` does as {parameter}: {flow(counterpart.neutral[parameter])} would"
        elif parameter == "tokenization" and "unit" not in counterpart.renamed.values() and value is True:
            why = f"`{counterpart.operator}` counts words parted by spaces, not the pieces of a tokenizer: look at the threshold again"
        elif why is None:
            target = counterpart.renamed.get(parameter, parameter)
            if target not in known:
                running = "it sets how the operator runs, not what it does"
                why = running if _RUNNING.match(parameter) else f"`{counterpart.operator}` has no such parameter"
            else:
                ours[target], why = _value(target, value)
        if why is not None:
            losses.append(Loss(f"{name}.{parameter}: {flow(value)}", why, document.where(loc)))
    return checked({counterpart.operator: ours}, losses, shown, where)


def _same_name(name: str) -> _Counterpart | None:
    base = re.sub(r"_(mapper|filter|deduplicator)$", "", name)
    return _Counterpart(base) if base != name and base in OPERATORS.entries() else None


def _changed_meaning(name: str, params: Mapping[str, Any]) -> str | None:
    """Why thresholds of these parameters would mean something else here."""
    if params.get("reversed_range") is True:
        return "reversed_range keeps what is out of range; here a filter keeps what is in range"
    if name == "alphanumeric_filter" and params.get("tokenization") is True:
        return "with tokenization its ratio is letters to tokens, which no operator here measures"
    unspaced = str(params.get("lang", "")) in ("zh", "ja", "th")
    if unspaced and params.get("tokenization") is True and name in ("words_num_filter", "word_repetition_filter"):
        return "words are parted by spaces here, and the language has none: put segment_chinese before it, or count characters"
    if name == "chinese_convert_mapper" and params.get("mode", "s2t") not in _VARIANTS:
        return "convert_chinese writes plain simplified or traditional characters (modes t2s and s2t), no regional words"
    return None


def _value(target: str, value: Any) -> tuple[Any, str | None]:
    """A value as our parameter takes it, and what is lost."""
    if target == "unit":
        unit = _UNITS.get(str(value))
        return unit or "words", None if unit else "the units here are space (words) and character; words are taken"
    if target == "to":
        return _VARIANTS[str(value)], None
    if target in ("pattern", "repl") and isinstance(value, str) and (raw := re.fullmatch(r"r(['\"])(.*)\1", value, re.DOTALL)):
        return raw[2], None  # Data-Juicer reads a value written as a raw string of Python as its content
    if target == "ignore_pattern" and value == "":
        return None, None
    return value, None
