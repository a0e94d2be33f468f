"""A recipe of FineWeb's rules through the engine: fates with reasons and evidence, rewritten texts, thresholds tried on stored signals."""

from __future__ import annotations

import json

from tests.factory import Factory, notes

PROSE = (
    "The river rises in the hills to the north, and most of it is snow that the spring sets free.\n"
    "Where the valley narrows, people have kept a bridge for longer than the records of the parish go back.\n"
    "Read our cookie policy before you go on with this text.\n"
    "It is said that every stone in it was paid for with a sheep, though nobody can show who kept the count.\n"
    "Today the road passes below, and travellers stop only to eat. Some ask about the sheep."
)
FINEWEB = [
    {"gopher_repetition": {"column": "text"}},
    {"gopher_quality": {"column": "text"}},
    {"c4_lines": {"column": "text", "filter_no_terminal_punct": False}},
    {"c4_quality": {"column": "text"}},
    {"fineweb_quality": {"column": "text"}},
]


def test_every_row_that_leaves_has_its_rule_and_the_others_lose_only_lines(notes_factory: Factory) -> None:
    notes_factory.declare(FINEWEB)
    notes_factory.material(notes(PROSE, "on and on " * 60, "A short one.", PROSE.replace("sheep,", "sheep { },"), None))
    notes_factory.made()
    assert notes_factory.texts("gold") == [PROSE.replace("Read our cookie policy before you go on with this text.\n", "")]
    assert notes_factory.fates() == {
        "01": ("dropped", "gopher_repetition", "top_2_gram"),
        "02": ("dropped", "gopher_repetition", "top_2_gram"),
        "03": ("dropped", "c4_quality", "curly_bracket"),
        "04": ("quarantined", "gopher_repetition", "no_signal"),
    }
    evidence = {row["_row_id"][-2:]: json.loads(row["evidence"]) for row in notes_factory.rows("silver", "notes_fates").to_dicts()}
    assert evidence["03"]["curly_bracket_line"] == 2
    assert evidence["01"]["top_2_gram"] > 0.2


def test_a_changed_threshold_reads_no_text_again(notes_factory: Factory) -> None:
    notes_factory.declare([{"words_num": {"column": "text", "min_num": 3}}])
    notes_factory.material(notes("one two", "one two three", "one"))
    notes_factory.made()
    signals = notes_factory.rows("silver", "notes_signals")
    version = notes_factory.project.table("silver", "notes_signals").version()
    notes_factory.declare([{"words_num": {"column": "text", "min_num": 2}}])
    notes_factory.silver()
    assert notes_factory.texts() == ["one two", "one two three"]
    assert notes_factory.project.table("silver", "notes_signals").version() == version
    assert signals["words_num__num_words"].to_list() == [2, 3, 1]
