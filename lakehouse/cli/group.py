"""Groups of commands whose modules are imported when a command is called, so that `--help` and completion answer at once."""

from __future__ import annotations

import gc
import importlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from lakehouse.cli.tree import SECTIONS, Branch, Leaf, Node, function_of, module_of, unknown


class LazyGroup(click.Group):
    """A group of the tree; the group at the top has its sections."""

    def __init__(
        self, *args: Any, path: tuple[str, ...] = (), sections: Mapping[str, Mapping[str, Node]] = SECTIONS, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.path = path
        self.sections = sections
        self.nodes = {name: node for nodes in sections.values() for name, node in nodes.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the tree."""
        return list(self.nodes)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command by its name, with its module; while a shell completes, without."""
        node = self.nodes.get(cmd_name)
        path = (*self.path, cmd_name)
        if isinstance(node, Branch):
            return LazyGroup(cmd_name, path=path, sections={"Commands": node.nodes}, help=node.help)
        if node is None:
            return None
        return _Completed(path, node) if ctx.resilient_parsing else load(path)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The sections, each command with its line, all in one column."""
        width = max(map(len, self.nodes))
        for title, nodes in self.sections.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), node.text) for name, node in nodes.items()])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the arguments begin with; of an unknown one, where it is (click.UsageError)."""
        if args and args[0] not in self.nodes and not args[0].startswith("-") and not ctx.resilient_parsing:
            raise click.UsageError(unknown(self.path, args[0]))
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Commands that begin so, from the tree."""
        found = [CompletionItem(name, help=node.text) for name, node in self.nodes.items() if name.startswith(incomplete)]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]


def load(path: tuple[str, ...]) -> click.Command:
    """The command that these names lead to."""
    # Modules stay: looking for garbage among what they bring takes 13 % of the time of `lakehouse check`.
    gc.disable()
    module = importlib.import_module(module_of(path))
    gc.freeze()
    gc.enable()
    command: click.Command = getattr(module, function_of(path))
    return command


class _Completed(click.Command):
    """A command while a shell completes its arguments: names of datasets and sources are those of files, and need no import."""

    def __init__(self, path: tuple[str, ...], node: Leaf) -> None:
        super().__init__(path[-1], context_settings={"allow_extra_args": True, "ignore_unknown_options": True}, add_help_option=False)
        self.path, self.takes = path, node.takes

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Names for the first argument, at once; else those of the command itself, once it is imported."""
        if self.takes is not None and not ctx.args and not incomplete.startswith("-"):
            return self._names(incomplete)
        from click.shell_completion import _resolve_incomplete

        command = load(self.path)
        context = command.make_context(self.path[-1], [*ctx.args], parent=ctx.parent, resilient_parsing=True)
        asked, incomplete = _resolve_incomplete(context, ctx.args, incomplete)
        first = next((param for param in command.params if isinstance(param, click.Argument)), None)
        return self._names(incomplete) if self.takes is not None and asked is first else asked.shell_complete(context, incomplete)

    def _names(self, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(name) for name in _declared(f"{self.takes}s") if name.startswith(incomplete)]


def _declared(kind: str) -> list[str]:
    """Names of declarations: those of their files, in the factory at or above the working folder."""
    begin = Path(os.environ.get("LAKEHOUSE_PROJECT", ".")).resolve()
    for folder in (begin, *begin.parents):
        if (assets := folder / "assets" / kind).is_dir():
            return sorted(file.stem for file in assets.iterdir() if file.suffix in (".yaml", ".yml"))
    return []
