"""The command line: `lakehouse COMMAND`. Commands are imported when they are called, so that `--help` answers at once."""

from __future__ import annotations

import gc
import importlib
import json
import sys

import click

_COMMANDS = {
    "init": ("lakehouse.cli.start", "Make a new factory folder."),
    "check": ("lakehouse.cli.declare", "Validate every declaration and contract."),
    "schema": ("lakehouse.cli.declare", "Write JSON schemas for editors."),
    "operators": ("lakehouse.cli.declare", "List operators, connectors, detectors and evaluations."),
    "import-recipe": ("lakehouse.cli.adopt", "Turn a recipe of Data-Juicer, or a preset, into a dataset file."),
    "discover": ("lakehouse.cli.discover", "Say what a file, a folder or a source holds; write a first source."),
    "plan": ("lakehouse.cli.make", "Show what a run would change, and why."),
    "collect": ("lakehouse.cli.collect", "Collect sources into bronze."),
    "sites": ("lakehouse.cli.sites", "Show what sites have released, or let them process."),
    "watch": ("lakehouse.cli.watch", "Watch what runs now, and how far it is."),
    "screen": ("lakehouse.cli.screen", "Show what detectors find in a source."),
    "run": ("lakehouse.cli.make", "Make datasets: collect, silver, gold, pilot."),
    "status": ("lakehouse.cli.look", "Show every source and dataset."),
    "versions": ("lakehouse.cli.look", "List the versions of a dataset."),
    "balance": ("lakehouse.cli.look", "Show where the rows of a dataset went."),
    "diff": ("lakehouse.cli.look", "Compare two versions."),
    "compare": ("lakehouse.cli.maintain", "Put versions side by side: rows, signals, scores, slices, grade."),
    "grade": ("lakehouse.cli.maintain", "Grade a version by measured indicators."),
    "downgrade": ("lakehouse.cli.keep", "Lower the grade of a version by hand."),
    "retire": ("lakehouse.cli.keep", "Withdraw a version, or reinstate it."),
    "archive": ("lakehouse.cli.keep", "Move a version's rows to an archive, or back."),
    "maintain": ("lakehouse.cli.keep", "Retire, downgrade, archive versions by the dataset's rules."),
    "erase": ("lakehouse.cli.erase", "Erase rows for good, from every version and every byte of the lake."),
    "erasures": ("lakehouse.cli.erase", "List what was erased, and what was out of reach."),
    "tier": ("lakehouse.cli.store", "Compress what is rarely used, pack what is cold."),
    "scrub": ("lakehouse.cli.store", "Read every shard of the cold packs, and repair them."),
    "keys": ("lakehouse.cli.store", "List, rotate, shred the keys of encrypted sources."),
    "profile": ("lakehouse.cli.threshold", "Show how signals are distributed, with their thresholds."),
    "tune": ("lakehouse.cli.threshold", "Show what another threshold would do."),
    "explain": ("lakehouse.cli.threshold", "Show all signals and verdicts of a row."),
    "diagnose": ("lakehouse.cli.diagnose", "Find the rows of a version that are likely wrong."),
    "tickets": ("lakehouse.cli.repair", "List, open, export and decide tickets."),
    "repair": ("lakehouse.cli.repair", "Repair what tickets name, and judge the version made."),
    "catalogue": ("lakehouse.cli.find", "Find sources, datasets, versions, fields and columns by words and facets."),
    "lineage": ("lakehouse.cli.find", "Show what columns and rows are made from; write OpenLineage events."),
    "standards": ("lakehouse.cli.govern", "List the standard fields: meaning, type, codes, sensitivity, who uses them."),
    "sensitivity": ("lakehouse.cli.govern", "Show how sensitive every column is, and why."),
    "read": ("lakehouse.cli.govern", "Read a table as a principal, for a purpose; it is written down."),
    "audit": ("lakehouse.cli.govern", "List who read what, and verify that nothing was changed since."),
    "trace": ("lakehouse.cli.look", "Follow a row back to its source bytes."),
    "recall": ("lakehouse.cli.look", "Find every version that holds a row."),
    "release": ("lakehouse.cli.deliver", "Release a version: bundle, DVC, git tag, Hub."),
    "bundle": ("lakehouse.cli.deliver", "Write the bundle of the released version again (DVC's stage)."),
    "rollback": ("lakehouse.cli.deliver", "Make an older release the current one again."),
    "pull": ("lakehouse.cli.deliver", "Bring a released bundle here."),
    "ui": ("lakehouse.cli.start", "Open the Dagster UI."),
}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        # Modules stay: to look for garbage among what they bring, over and over, takes a third of the time of importing them.
        gc.disable()
        module = importlib.import_module(_COMMANDS[cmd_name][0])
        gc.freeze()
        gc.enable()
        command: click.Command = getattr(module, f"{cmd_name.replace('-', '_')}_command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            from lakehouse.core.spec.yamlfile import suggest

            raise click.UsageError(f"no command `{args[0]}`; {suggest(args[0], _COMMANDS)}")
        return super().resolve_command(ctx, args)


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="lakehouse-factory", prog_name="lakehouse")
def cli() -> None:
    """The data factory: declared datasets, made, checked, evaluated, released.

    A dataset is one YAML file in assets/datasets; run the command from the factory's folder.

    Example: lakehouse run reviews
    """


def main() -> None:
    """Run the command line; a user's mistake is one message and an exit code, never a traceback."""
    from lakehouse.core.errors import FactoryError

    try:
        code = cli(standalone_mode=False)  # a command that raised click's Exit comes back as its exit code
        sys.exit(code if isinstance(code, int) else 0)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except FactoryError as error:
        if "--json" in sys.argv:
            click.echo(json.dumps({"error": {"kind": type(error).__name__, "what": error.what, "where": error.where, "fix": error.fix}}))
        click.secho(f"error: {error}", fg="red", err=True)
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        click.secho("stopped; what was finished is kept, run it again to go on", fg="yellow", err=True)
        sys.exit(130)
    except OSError as error:
        from lakehouse.core.lake.store import storage_error

        click.secho(f"error: {storage_error(error, str(error.filename or 'the lake'))}", fg="red", err=True)
        sys.exit(1)
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        # Polars and delta-rs panic over files that are not what they should be.
        what = f"a file of the lake is damaged: {str(error).splitlines()[0]}"
        click.secho(f"error: {what}\n  fix: remove the table's folder and run again; it is made anew from its sources", fg="red", err=True)
        sys.exit(1)
