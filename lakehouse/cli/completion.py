"""Command `completion`: the script by which a shell completes commands, options and names."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion_command(shell: str) -> None:
    """Print the script that completes commands, options, datasets and sources.

    It belongs into the file that a shell reads when it starts: for bash ~/.bashrc,
    for zsh ~/.zshrc, for fish ~/.config/fish/completions/lakehouse.fish. In bash
    and zsh the line for that file is: eval "$(lakehouse completion bash)"

    Example: lakehouse completion bash
    """
    made = get_completion_class(shell)
    assert made is not None
    click.echo(made(click.get_current_context().find_root().command, {}, "lakehouse", "_LAKEHOUSE_COMPLETE").source())
