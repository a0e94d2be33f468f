"""The command line: `lakehouse COMMAND`. The tree of commands is in `tree.py`; the file of each is named as it is."""

from __future__ import annotations

import json
import sys

import click

from lakehouse.cli.group import LazyGroup


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80})
@click.version_option(package_name="lakehouse-factory", prog_name="lakehouse")
def cli() -> None:
    """The data factory: declared datasets, made, checked, evaluated, released.

    Run it in a factory's folder. `lakehouse GROUP --help` lists a group.

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
        from lakehouse.cli import terminal  # rich takes time that a completion has not

        if "--json" in sys.argv:
            click.echo(json.dumps({"error": {"kind": type(error).__name__, "what": error.what, "where": error.where, "fix": error.fix}}))
        terminal.complain(error)
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
        # Polars and delta-rs panic over files that are not what they should be. The name of the class is all there is to tell it by: each
        # of their compiled modules makes a class of its own, and `pyo3_runtime`, where it says it is from, cannot be imported.
        what = f"a file of the lake is damaged: {str(error).splitlines()[0]}"
        click.secho(f"error: {what}\n  fix: remove the table's folder and run again; it is made anew from its sources", fg="red", err=True)
        sys.exit(1)
