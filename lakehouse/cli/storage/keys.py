"""Commands `storage keys`: the keys of encrypted sources."""

from __future__ import annotations

import click

from lakehouse.cli import terminal
from lakehouse.cli.arguments import by_option, why_option
from lakehouse.core.project import Project
from lakehouse.core.storage.keys import listed, rotate, shred


@click.command("list")
@terminal.json_option
def list_command(as_json: bool) -> None:
    """List the classes that have or had a key.

    Example: lakehouse storage keys list
    """
    found = listed(Project.find())
    if as_json:
        terminal.dump(found)
        return
    rows = [(each.of, each.key, each.state, each.master, f"{each.since:%Y-%m-%d %H:%M}") for each in found]
    terminal.table("Keys", ["class", "key", "state", "wrapped by", "since (UTC)"], rows)


@click.command("rotate")
@by_option
@terminal.json_option
def rotate_command(by: str, as_json: bool) -> None:
    """Wrap all keys by the master key, those that LAKEHOUSE_OLD_MASTER_KEY wraps now. No data is written anew.

    Example: LAKEHOUSE_OLD_MASTER_KEY=... LAKEHOUSE_MASTER_KEY=... lakehouse storage keys rotate
    """
    done = rotate(Project.find(), by)
    if as_json:
        terminal.dump(done)
    else:
        terminal.out.print(f"rewrapped: {', '.join(done)}" if done else "all keys are wrapped by this master key: nothing to do")


@click.command("shred")
@click.argument("name", metavar="CLASS")
@why_option()
@by_option
@click.confirmation_option(prompt="What is sealed under it can be read by no one afterwards. Go on?")
@terminal.json_option
def shred_command(name: str, reason: str, by: str, as_json: bool) -> None:
    """Destroy the key of a class, which makes what is sealed under it unreadable for good.

    Example: lakehouse storage keys shred customers_raw --why "contract ended" --yes
    """
    done = shred(Project.find(), name, by, reason)
    if as_json:
        terminal.dump(done)
    else:
        terminal.out.print(f"the key {done.key} of {done.of} is gone since {done.since:%Y-%m-%d %H:%M} UTC")
