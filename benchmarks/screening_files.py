"""How well the detector `files` tells files that do something: `python benchmarks/screening_files.py CLEAN PROGRAMS`.

CLEAN is a folder of honest files (pictures, PDFs, pages); PROGRAMS one of a system's own programs and scripts, such as /usr/bin. Files of
CLEAN, at most 6,000 of them, are looked at as they are; then up to 100 of each kind are planted among them: programs and scripts under the
name of a picture or a text, pictures under the name of a PDF, real PDFs with a script of their own, Office files with a macro project,
packages with a program inside, zip archives that unpack to a thousand times their size. Prints a line a kind. Random numbers are seeded.
"""

from __future__ import annotations

import argparse
import io
import random
import time
import zipfile
from pathlib import Path

import polars as pl
import pypdf
import pypdf.errors
from pypdf.generic import DictionaryObject, NameObject, TextStringObject

from lakehouse.reserve.screening.detector import DETECTORS

_EACH, _CLEAN = 100, 6_000
Named = tuple[str, bytes]


def honest(folder: Path, rng: random.Random) -> list[Named]:
    """Files below a folder with their names."""
    files = sorted(file for file in folder.rglob("*") if file.is_file() and not file.is_symlink() and 0 < file.stat().st_size < 30_000_000)
    chosen = rng.sample(files, min(_CLEAN, len(files)))
    return [(file.name, file.read_bytes()) for file in chosen]


def zipped(members: dict[str, bytes]) -> bytes:
    """A zip archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def with_script(data: bytes) -> bytes | None:
    """A PDF that runs a script when it is opened; None for one that cannot be written again."""
    try:
        writer = pypdf.PdfWriter(clone_from=io.BytesIO(data))
        script = {NameObject("/S"): NameObject("/JavaScript"), NameObject("/JS"): TextStringObject("app.alert('x');")}
        writer.root_object[NameObject("/OpenAction")] = DictionaryObject(script)
        out = io.BytesIO()
        writer.write(out)
        return out.getvalue()
    except pypdf.errors.PyPdfError:  # an old file that pypdf does not write
        return None


def planted(clean: list[Named], programs: Path, rng: random.Random) -> dict[str, list[Named]]:
    """Files of each kind."""
    own = [file for file in sorted(programs.iterdir()) if file.is_file() and not file.is_symlink() and file.stat().st_size < 5_000_000]
    rng.shuffle(own)
    heads = {file: file.read_bytes() for file in own}
    elf = [data for data in heads.values() if data.startswith(b"\x7fELF")][:_EACH]
    scripts = [data for data in heads.values() if data.startswith(b"#!")][:_EACH]
    pdfs = [data for name, data in clean if name.endswith(".pdf") and len(data) < 1_000_000]
    pictures = [data for name, data in clean if name.endswith((".png", ".gif", ".jpg"))][:_EACH]
    scripted = [made for data in pdfs if (made := with_script(data)) is not None]
    pages = [data for name, data in clean if name.endswith(".html")][:_EACH]
    return {
        "program": [(f"photo-{n}.png", data) for n, data in enumerate(elf)],
        "script": [(f"notes-{n}.txt", data) for n, data in enumerate(scripts)],
        "mismatch": [(f"paper-{n}.pdf", data) for n, data in enumerate(pictures)],
        "pdf_action": [(f"form-{n}.pdf", data) for n, data in enumerate(scripted)],
        "macro": [
            (f"sheet-{n}.xlsm", zipped({"xl/workbook.xml": b"<a/>", "xl/vbaProject.bin": data[:2000]})) for n, data in enumerate(pages)
        ],
        "packed_executable": [(f"album-{n}.zip", zipped({"readme.txt": b"hi", "setup.exe": data})) for n, data in enumerate(elf)],
        "bomb": [(f"data-{n}.zip", zipped({"a.bin": bytes(150_000_000 + n)})) for n in range(5)],
    }


def flagged(files: list[Named]) -> tuple[set[int], float]:
    """Numbers of the files that are flagged, and CPU seconds."""
    look = DETECTORS.entries()["files"].function(column="data", name="name")
    rows = pl.DataFrame({"name": [name for name, _ in files], "data": [data for _, data in files]})
    started = time.process_time()
    found = look.find(rows)
    return set(found.filter(pl.col("score") >= 0.6)["_at"].to_list()), time.process_time() - started


def main(clean: Path, programs: Path) -> None:
    """Print the table."""
    rng = random.Random(11)
    files = honest(clean, rng)
    alarms, seconds = flagged(files)
    megabytes = sum(len(data) for _, data in files) / 1e6
    share = f"flagged {len(alarms)} ({len(alarms) / len(files):.3%})"
    print(f"clean: {len(files):,} files, {megabytes:,.0f} MB, {share}, {megabytes / seconds:.0f} MB a CPU second")
    for at in sorted(alarms)[:20]:
        print("  flagged:", files[at][0])
    print("| kind | planted | found | precision |\n| --- | --- | --- | --- |")
    for kind, bad in planted(files, programs, rng).items():
        if not bad:
            print(f"| {kind} | 0 | | |")
            continue
        hits, _ = flagged([*files[:1000], *bad])
        right = {at for at in hits if at >= 1000}
        print(f"| {kind} | {len(bad)} | {len(right) / len(bad):.1%} | {len(right) / max(1, len(hits)):.1%} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clean", type=Path)
    parser.add_argument("programs", type=Path)
    given = parser.parse_args()
    main(given.clean, given.programs)
