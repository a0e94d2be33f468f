"""Commands about where bytes are kept, and how: tier, scrub, keys."""

from __future__ import annotations

import getpass

import click
from rich.markup import escape

from lakehouse.cli import show
from lakehouse.core.project import Project
from lakehouse.core.storage.keys import listed, rotate, shred
from lakehouse.core.storage.scrub import scrub
from lakehouse.operations.maintenance.tiers import tier


@click.command("tier")
@click.option("--dry-run", is_flag=True, help="Only say what would be moved.")
@show.json_option
def tier_command(dry_run: bool, as_json: bool) -> None:
    """Compress blobs that are rarely used, and put those that are not used at all, with archives, into cold packs.

    Example: lakehouse tier --dry-run
    """
    with show.progress(quiet=as_json) as report:
        done = tier(Project.find(), dry_run=dry_run, progress=report)
    if as_json:
        show.dump(done)
        return
    rows = [(m.place, m.to, m.files, _megabytes(m.before), _megabytes(m.after)) for m in done.moved]
    if rows:
        title = "Would be moved" if dry_run else "Moved"
        show.table(title, ["place", "tier", "files", "MB before", "MB after"], rows, right=["files", "MB before", "MB after"])
    else:
        show.out.print("nothing is due")
    for place, why in done.kept:
        show.out.print(f"  {escape(place)} stays hot: {escape(why)}", soft_wrap=True)
    for table in done.compacted:
        show.out.print(f"  {table.table}: {table.files_before:,} files joined to {table.files_after:,}")


def _megabytes(size: int | None) -> str | None:
    return None if size is None else f"{size / 1e6:,.2f}"


@click.command("scrub")
@click.option("--repair", is_flag=True, help="Make missing and damaged shards again from the others.")
@show.json_option
def scrub_command(repair: bool, as_json: bool) -> None:
    """Read every shard of the cold packs; exit code 1 while anything is missing or damaged.

    Example: lakehouse scrub --repair
    """
    with show.progress(quiet=as_json) as report:
        done = scrub(Project.find(), repair=repair, progress=report)
    if as_json:
        show.dump(done)
    else:
        speed = f", {done.bytes / 1e6 / done.seconds:,.0f} MB/s" if done.bytes else ""
        show.out.print(
            f"{done.packs:,} pack{'s' if done.packs != 1 else ''}: {done.shards:,} shards intact, {done.bytes / 1e6:,.1f} MB read{speed}"
        )
        for fault in done.faults:
            state = f"{fault.state}, {'repaired' if fault.repaired else 'not repaired'}"
            show.out.print(f"  {fault.part} of {fault.pack} in {escape(fault.location)}: {state}", soft_wrap=True)
        for lost in done.lost:
            what = f"{lost.intact} shards are intact, {lost.needed} are needed" if lost.needed else "no manifest of it is left"
            show.out.print(f"[red]beyond repair[/] {lost.pack}: {what}; nothing of it was written", soft_wrap=True)
            for name in lost.items:
                show.out.print(f"  lost {escape(name)}", soft_wrap=True)
        if not done.whole and not repair and done.faults:
            show.out.print("lakehouse scrub --repair makes them again")
    if not done.whole:
        raise click.exceptions.Exit(1)


@click.group("keys")
def keys_command() -> None:
    """The keys of sources that are declared with `encrypt: true`; the master key is in LAKEHOUSE_MASTER_KEY.

    Example: lakehouse keys list
    """


@keys_command.command("list")
@show.json_option
def list_command(as_json: bool) -> None:
    """List the classes that have or had a key.

    Example: lakehouse keys list
    """
    found = listed(Project.find())
    if as_json:
        show.dump(found)
        return
    rows = [(each.of, each.key, each.state, each.master, f"{each.since:%Y-%m-%d %H:%M}") for each in found]
    show.table("Keys", ["class", "key", "state", "wrapped by", "since (UTC)"], rows)


@keys_command.command("rotate")
@click.option("--by", default=getpass.getuser, help="Who says so; the user of this machine unless said.")
@show.json_option
def rotate_command(by: str, as_json: bool) -> None:
    """Wrap all keys by the master key, those that LAKEHOUSE_OLD_MASTER_KEY wraps now. No data is written anew.

    Example: LAKEHOUSE_OLD_MASTER_KEY=... LAKEHOUSE_MASTER_KEY=... lakehouse keys rotate
    """
    done = rotate(Project.find(), by)
    if as_json:
        show.dump(done)
    else:
        show.out.print(f"rewrapped: {', '.join(done)}" if done else "all keys are wrapped by this master key: nothing to do")


@keys_command.command("shred")
@click.argument("name", metavar="CLASS")
@click.option("--why", "reason", required=True, help="The reason, for the record.")
@click.option("--by", default=getpass.getuser, help="Who says so; the user of this machine unless said.")
@click.confirmation_option(prompt="What is sealed under it can be read by no one afterwards. Go on?")
@show.json_option
def shred_command(name: str, reason: str, by: str, as_json: bool) -> None:
    """Destroy the key of a class, which makes what is sealed under it unreadable for good.

    Example: lakehouse keys shred customers_raw --why "contract ended" --yes
    """
    done = shred(Project.find(), name, by, reason)
    if as_json:
        show.dump(done)
    else:
        show.out.print(f"the key {done.key} of {done.of} is gone since {done.since:%Y-%m-%d %H:%M} UTC")
