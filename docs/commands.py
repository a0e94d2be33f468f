"""The page of commands, written from the tree that the command line itself goes by."""

from __future__ import annotations

import inspect
import re
import textwrap

import click

from lakehouse.cli.group import load
from lakehouse.cli.tree import SECTIONS, Branch, Node, walk

_INTRO = """# Commands

Every command has `--help`, and `--json` where it reports something. Exit codes: 0 done, 1 it failed, 2 a mistake in the call or in a
declaration, 3 held by another run, 4 gates failed, 5 refused by the policy of access, 130 stopped.
`lakehouse completion bash`, `zsh` or `fish` prints the script by which a shell completes commands, options, datasets and sources.
This page is written from the code (`python docs/generate.py`).
"""


def commands_page() -> str:
    """The text of docs/commands.md: the sections of `lakehouse --help`, then every command."""
    parts = [_INTRO]
    for title, nodes in SECTIONS.items():
        parts += [f"## {title}\n", "| command | what it does |\n| --- | --- |"]
        parts += [f"| [`lakehouse {name}`](#lakehouse-{name}) | {node.text} |" for name, node in nodes.items()]
        parts.append("")
    return "\n".join([*parts, *(_described(path, node) for path, node in walk())])


def _described(path: tuple[str, ...], node: Node) -> str:
    """What a group holds, or a command's usage, help, options and example."""
    head = f"{'#' * (len(path) + 1)} lakehouse {' '.join(path)}\n"
    if isinstance(node, Branch):
        about, example = _parted(node.help)
        rows = "\n".join(f"| `{name}` | {each.text} |" for name, each in node.nodes.items())
        return f"{head}\n{about}\n\n| command | what it does |\n| --- | --- |\n{rows}\n\n```\n{example}\n```\n"
    command = load(path)
    context = click.Context(command, info_name=f"lakehouse {' '.join(path)}")
    about, example = _parted(inspect.cleandoc(command.help or ""))
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    rows = "\n".join(_option(option, context) for option in command.params if isinstance(option, click.Option))
    options = f"\n| option | what it is |\n| --- | --- |\n{rows}\n" if rows else ""
    return f"{head}\n{about}\n\n```\n{usage}\n```\n{options}\n```\n{example}\n```\n"


def _parted(text: str) -> tuple[str, str]:
    """A help text without its example, each paragraph on a line of its own, and the example."""
    about, _, example = text.partition("Example: ")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in about.strip().split("\n\n")), example.strip()


def _option(option: click.Option, context: click.Context) -> str:
    record = option.get_help_record(context)
    assert record is not None
    name, text = (part.replace("|", "\\|") for part in record)
    return f"| `{name}` | {re.sub(r' +', ' ', textwrap.dedent(text))} |"
