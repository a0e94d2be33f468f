"""A site and a hub on one machine: nothing released, another licence, released, and released again."""

from __future__ import annotations

import yaml

from tests.system.commands import lakehouse
from tests.system.test_sites import run_git, site_of, write

from .session import Run

DECLARATION = """
source: notes
description: Notes that the north has released.
owner: team:notes
license: CC0-1.0
connector:
  site:
    site: north
    dataset: notes
    set: {site: north}
key: [row_id]
"""


def make(run: Run) -> None:
    """43 notes at the site, of which 41 may leave it."""
    north = site_of(run.root.parent, "north")
    write(north / "words.txt", "北方秘密仓库\n")
    run_git(north)
    run.declare(yaml.safe_dump({"sites": {"north": {"releases": "../north/releases"}}}), name="lakehouse.yaml")
    run.declare(DECLARATION.replace("CC0-1.0", "CC-BY-4.0"), name="assets/sources/notes.yaml")
    run.note("the site has released nothing yet")
    run.lakehouse("collect notes", code=1)
    lakehouse(north, "run", "notes", "--to", "gold")
    lakehouse(north, "release", "notes")
    run.declare(DECLARATION, name="assets/sources/notes.yaml", shown=False)
    run.note("the site ran and released `notes` 1.0.0; here, `license:` says CC0-1.0")
    run.lakehouse("collect notes", code=1)
    run.declare(DECLARATION.replace("CC0-1.0", "CC-BY-4.0"), name="assets/sources/notes.yaml", shown=False)
    run.note("as declared; the first collection is killed")
    run.killed("collect notes", run.landed(1), "a file of the bundle had landed")
    run.lakehouse("collect notes")
    run.exact(41, "row_id", source="notes", sent="the site released")
    run.note("unchanged")
    run.lakehouse("collect notes")
    more = '{"customer": "customer-north-9999", "text": "包裹很快就到了，十分感谢", "topic": "delivery"}\n'
    with (north / "raw" / "notes.jsonl").open("a", encoding="utf-8") as file:
        file.write(more)
    lakehouse(north, "run", "notes", "--to", "gold")
    lakehouse(north, "release", "notes")
    run.note("the site got one note more, and released again")
    run.lakehouse("collect notes")
