"""Recipes of Data-Juicer as dataset files: what is called how, what is lost and named, and that the file runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.authoring.recipes.data_juicer import read_recipe
from lakehouse.authoring.recipes.draft import fits, write
from lakehouse.core.errors import SpecError
from lakehouse.operations.check import check
from lakehouse.production.engine.operator import OPERATORS
from tests.factory import Factory, notes
from tests.system.commands import called, called_json

WEB = """
project_name: 'Web Refine'
dataset_path: /data/web.jsonl
export_path: /data/out.jsonl
np: 8
process:
  - document_simhash_deduplicator: {tokenization: space, window_size: 6, ignore_pattern: '\\p{P}', num_blocks: 6, hamming_distance: 4}
  - clean_email_mapper:
  - clean_links_mapper: {repl: '<LINK>'}
  - whitespace_normalization_mapper
  - punctuation_normalization_mapper: {}
  - alphanumeric_filter: {tokenization: false, min_ratio: 0.5}
  - language_id_score_filter: {lang: en, min_score: 0.2}
  - text_length_filter: {max_len: 5000}
  - remove_long_words_mapper:
      max_len: 25
  - document_deduplicator: {lowercase: true}
  - document_minhash_deduplicator:
      tokenization: character
      window_size: 4
      num_permutations: 256
"""


def imported(factory: Factory, text: str, **options: Any) -> dict[str, Any]:
    """The dataset file that an import writes, read back."""
    draft = read_recipe(factory.write("theirs.yaml", text))
    made = write(factory.project, draft, **options)
    return dict(yaml.safe_load((factory.root / f"assets/datasets/{made.dataset}.yaml").read_text(encoding="utf-8")))


def losses(factory: Factory, *process: Any) -> list[str]:
    """What an import of these operators names as lost, without the file's name."""
    file = factory.write("theirs.yaml", yaml.safe_dump({"process": list(process)}, allow_unicode=True))
    return [f"{loss.what}: {loss.why}" for loss in read_recipe(file).losses]


def steps(factory: Factory, *process: Any, **settings: Any) -> list[dict[str, Any]]:
    file = factory.write("theirs.yaml", yaml.safe_dump({**settings, "process": list(process)}, allow_unicode=True))
    return read_recipe(file).steps


def test_a_recipe_becomes_a_dataset_file_in_their_order_and_with_their_defaults(notes_factory: Factory) -> None:
    declared = imported(notes_factory, WEB)
    assert (declared["dataset"], declared["sources"]) == ("web_refine", ["notes"])
    assert declared["recipe"] == [
        {
            "dedup_simhash": {
                "column": "text",
                "tokenization": "space",
                "window_size": 6,
                "ignore_pattern": "\\p{P}",
                "num_blocks": 6,
                "hamming_distance": 4,
            }
        },
        {"clean_email": {"column": "text"}},
        {"clean_links": {"column": "text", "repl": "<LINK>"}},
        {"normalise_whitespace": {"column": "text"}},
        {"punctuation_normalization": {"column": "text"}},
        {"alphanumeric": {"column": "text", "tokenization": False, "min_ratio": 0.5}},
        {"language_id_score": {"column": "text", "lang": "en", "min_score": 0.2}},
        {"text_length": {"column": "text", "at_least": 10, "at_most": 5000}},
        {"dedup_exact": {"columns": ["text"], "ignore_case": True}},
        {"dedup_minhash": {"column": "text", "threshold": 0.7, "unit": "characters", "size": 4}},
    ]


def test_what_has_no_counterpart_is_named_with_its_line_and_stands_in_the_file(notes_factory: Factory) -> None:
    draft = read_recipe(notes_factory.write("theirs.yaml", WEB))
    made = write(notes_factory.project, draft)
    assert [(loss.what, (loss.where or "").rpartition(":")[2]) for loss in made.losses] == [
        ("remove_long_words_mapper {max_len: 25}", "15"),
        ("document_minhash_deduplicator.num_permutations: 256", "21"),
    ]
    assert list(made.settings) == ["dataset_path", "export_path", "np"]
    text = (notes_factory.root / "assets/datasets/web_refine.yaml").read_text(encoding="utf-8")
    assert "# Left out: remove_long_words_mapper {max_len: 25}: no operator here does this." in text
    assert "dataset_path: /data/web.jsonl" in text


def test_the_made_dataset_passes_the_check_and_runs(notes_factory: Factory) -> None:
    imported(notes_factory, WEB)
    assert check(notes_factory.project) == []
    prose = "The river rises in the hills to the north, and most of it is snow. Write to me@example.org, and then wait."
    notes_factory.material(notes(prose, prose.upper(), "short", "数字 " * 20, f"{prose}  See http://example.org/a there."))
    notes_factory.made("web_refine")
    assert notes_factory.fates("web_refine")["02"][0] == "dropped"
    (text, *_) = notes_factory.texts("gold", "web_refine")
    assert text == prose.replace("me@example.org", "")


@pytest.mark.parametrize(
    ("operator", "lost"),
    [
        ({"perplexity_filter": {"lang": "en", "max_ppl": 1500}}, "needs a dataset of good text"),
        ({"flagged_words_filter": {"lang": "zh"}}, "needs the list of words"),
        ({"stopwords_filter": None}, "needs the list of words"),
        ({"alphanumeric_filter": {"tokenization": True}}, "letters to tokens"),
        ({"words_num_filter": {"lang": "zh", "tokenization": True}}, "segment_chinese"),
        ({"chinese_convert_mapper": {"mode": "s2tw"}}, "no regional words"),
        ({"text_length_filter": {"reversed_range": True}}, "keeps what is out of range"),
        ({"clean_email_mapper": {"pattern": "(?<=a)b"}}, "no regular expression"),
        ({"image_size_filter": None}, "no operator here does this"),
        ({"text_length_filter": {"min_len": "ten"}}, "text_length"),
    ],
)
def test_a_step_that_would_mean_something_else_is_left_out_and_says_why(notes_factory: Factory, operator: Any, lost: str) -> None:
    assert steps(notes_factory, operator) == []
    (said,) = losses(notes_factory, operator)
    assert lost in said
    assert next(iter(operator)) in said


def test_a_parameter_without_counterpart_is_named_and_the_step_stays(notes_factory: Factory) -> None:
    process = [
        {"fix_unicode_mapper": {"normalization": "NFKC"}},
        {"document_deduplicator": {"ignore_non_character": True}},
        {"document_minhash_deduplicator": {"tokenization": "sentencepiece", "lowercase": False}},
        {"words_num_filter": {"tokenization": True, "min_num": 3}},
        {"clean_html_mapper": {"num_proc": 4}},
    ]
    assert [next(iter(step)) for step in steps(notes_factory, *process)] == [
        "fix_unicode", "dedup_exact", "dedup_minhash", "words_num", "clean_html",
    ]  # fmt: skip
    assert [said.partition(":")[0] for said in losses(notes_factory, *process)] == [
        "fix_unicode_mapper.normalization",
        "document_deduplicator.ignore_non_character",
        "document_minhash_deduplicator.tokenization",
        "document_minhash_deduplicator.lowercase",
        "words_num_filter.tokenization",
        "clean_html_mapper.num_proc",
    ]


def test_columns_come_from_text_keys_and_from_each_operators_text_key(notes_factory: Factory) -> None:
    process = ["clean_html_mapper", {"clean_ip_mapper": {"text_key": "label"}}]
    assert steps(notes_factory, *process, text_keys=["body", "title"]) == [
        {"clean_html": {"column": "body"}},
        {"clean_ip": {"column": "label"}},
    ]
    file = notes_factory.write("theirs.yaml", "text_keys: body\nprocess: [clean_html_mapper]\n")
    with pytest.raises(SpecError, match="no column `body`"):
        write(notes_factory.project, read_recipe(file))
    assert write(notes_factory.project, read_recipe(file, "label")).steps == ({"clean_html": {"column": "label"}},)


def test_a_pattern_written_as_a_raw_string_of_python_is_what_stands_in_it(notes_factory: Factory) -> None:
    assert steps(notes_factory, {"clean_ip_mapper": {"pattern": r"r'\d+'"}}) == [{"clean_ip": {"column": "text", "pattern": r"\d+"}}]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("dataset_path: x\n", "no list `process:`"),
        ("process: {a: 1}\n", "no list `process:`"),
        ("process:\n  - [1, 2]\n", "no operator"),
        ("process:\n  - clean_ip_mapper: 7\n", "no mapping of parameters"),
        ("process:\n  - {a: 1\n", "not valid YAML"),
        ("text_keys: 3\nprocess: [clean_ip_mapper]\n", "text_keys"),
    ],
)
def test_a_file_that_is_no_recipe_is_refused_with_its_line(tmp_path: Path, text: str, what: str) -> None:
    file = tmp_path / "theirs.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SpecError, match=what) as refused:
        read_recipe(file)
    assert "theirs.yaml:" in str(refused.value)


def test_nothing_is_overwritten_and_the_source_must_be_known(notes_factory: Factory) -> None:
    draft = read_recipe(notes_factory.write("theirs.yaml", "process: [clean_ip_mapper]\n"))
    with pytest.raises(SpecError, match="dataset notes exists"):
        write(notes_factory.project, draft, name="notes")
    with pytest.raises(SpecError, match="no source `note`"):
        write(notes_factory.project, draft, name="other", source="note")
    with pytest.raises(SpecError, match="no name for a dataset"):
        write(notes_factory.project, draft, name="Other-One")
    notes_factory.declare_source("more")
    with pytest.raises(SpecError, match="2 are declared"):
        write(notes_factory.project, draft, name="other")
    assert not (notes_factory.root / "assets/datasets/other.yaml").exists()
    notes_factory.write("contracts/other.py", "# mine\n")
    assert list(write(notes_factory.project, draft, name="other", source="more").files) == ["assets/datasets/other.yaml"]
    assert (notes_factory.root / "contracts/other.py").read_text(encoding="utf-8") == "# mine\n"


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["text_length_filter", "clean_email_mapper", "document_minhash_deduplicator", "nothing_mapper", "clean_html_mapper"]
            ),
            st.dictionaries(
                st.sampled_from(["min_len", "pattern", "repl", "tokenization", "text_key", "window_size", "odd"]),
                st.none() | st.booleans() | st.integers(-3, 30) | st.text("ab: #{}'\"\n\\中", max_size=6),
                max_size=3,
            ),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_every_parameter_is_in_a_step_or_among_the_losses(
    tmp_path_factory: pytest.TempPathFactory, process: list[tuple[str, dict[str, Any]]]
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_text(yaml.safe_dump({"process": [{name: params} for name, params in process]}, allow_unicode=True), encoding="utf-8")
    draft = read_recipe(file)
    assert len(draft.lines) == len(process)
    for line, (name, params) in zip(draft.lines, process, strict=True):
        if line.step is None:
            assert any(loss.what.startswith(name) for loss in line.losses)
            continue
        ((operator, ours),) = line.step.items()
        assert fits(line.step) is None
        assert operator in OPERATORS.entries()
        for parameter in params:
            known = {"min_len": "at_least", "tokenization": "unit", "window_size": "size", "text_key": "column"}.get(parameter, parameter)
            assert known in ours or any(loss.what.startswith(f"{name}.{parameter}") for loss in line.losses)


def test_the_command_names_losses_writes_and_says_what_is_next(notes_factory: Factory) -> None:
    notes_factory.write("theirs.yaml", WEB)
    folder = notes_factory.root
    assert "dedup_simhash" in called(folder, "recipe", "import", "theirs.yaml", "--dry-run")
    assert not (folder / "assets/datasets/web_refine.yaml").exists()
    said = called(folder, "recipe", "import", "theirs.yaml", "--strict", code=2)
    assert "2 parts of the recipe have no counterpart" in said
    assert "theirs.yaml:15: remove_long_words_mapper" in said
    assert not (folder / "assets/datasets/web_refine.yaml").exists()
    found = called_json(folder, "recipe", "import", "theirs.yaml", "--name", "web")
    assert (found["dataset"], len(found["steps"]), len(found["losses"]), found["written"]) == ("web", 10, 2, True)
    assert "all in order" in called(folder, "check")
    assert "warning: left out: theirs.yaml:15: remove_long_words_mapper" in called(folder, "recipe", "import", "theirs.yaml")
