"""Which of several files are read as one source: those of one likeness with the same columns, the most of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass

from lakehouse.core.errors import SourceError
from lakehouse.reserve.discovery.file_type import Look
from lakehouse.reserve.discovery.sampling import BYTES, ITEMS, Budget, Sample, sample

_SAMPLED = 50
"""Files whose items are sampled; of others the columns alone are looked at."""
_GLANCE = Budget(64 * 1024, 20)
_SHOWN = 3


@dataclass(frozen=True)
class AlikeFiles:
    """Files that are read as one source.

    Attributes:
        main_name: of the largest of them.
        main: the look at it.
        alike: their names.
        samples: of some of them, by name.
        notes: what was left out, and why.
    """

    main_name: str
    main: Look
    alike: tuple[str, ...]
    samples: Mapping[str, Sample]
    notes: tuple[str, ...]


def alike(looks: Mapping[str, Look]) -> AlikeFiles | None:
    """The files of the likeness and the columns with the most files, of several the one with the most bytes; None: none can be read.

    Raises:
        SourceError: none of them can be sampled.
    """
    readable = {name: one for name, one in looks.items() if one.is_readable}
    if not readable:
        return None
    names = _most({name: _likeness(one) for name, one in readable.items()}, readable)
    sampled = names if len(names) <= _SAMPLED else [names[at * len(names) // _SAMPLED] for at in range(_SAMPLED)]
    budget = Budget(max(1024 * 1024, BYTES // len(sampled)), max(1, ITEMS // len(sampled)))
    held: dict[str, Sample] = {}
    notes: list[str] = []
    for name in names:
        try:
            held[name] = sample(readable[name], budget if name in sampled else _GLANCE)
        except SourceError as error:
            if len(names) == 1:
                raise
            notes.append(f"{name} was left out: {error.what}")
            last = error
    if not held:
        raise last
    same = _most({name: _columns(readable[name], one) for name, one in held.items()}, readable)
    if other := [name for name in held if name not in same]:
        more = f" and {len(other) - _SHOWN} more" if len(other) > _SHOWN else ""
        notes.append(f"{', '.join(other[:_SHOWN])}{more} has other columns and was left out")
    main = max(same, key=lambda name: readable[name].size)
    kept = {name: held[name] for name in same if name in sampled} or {main: sample(readable[main], budget)}
    return AlikeFiles(main, readable[main], tuple(same), kept, tuple(notes))


def _most(traits: Mapping[str, Hashable], looks: Mapping[str, Look]) -> list[str]:
    """The names that share the trait of the most files, then of the most bytes."""
    counts, sizes = Counter(traits.values()), Counter[Hashable]()
    for name, trait in traits.items():
        sizes[trait] += looks[name].size
    chosen = max(counts, key=lambda trait: (counts[trait], sizes[trait]))
    return [name for name, trait in traits.items() if trait == chosen]


def _columns(look: Look, taken: Sample) -> Hashable:
    """What the columns of files have to share: their names, or without a header their number; objects of JSON may have any keys."""
    layout = look.layout
    if layout is not None and layout.format in ("json", "jsonl"):
        return ""
    if layout is not None and layout.structure == "csv" and not layout.header:
        return tuple(taken.kinds)
    return frozenset(taken.kinds)


def _likeness(one: Look) -> tuple[Hashable, ...]:
    """The common traits of files that are read as one source."""
    if one.layout is None:
        if one.sheet is not None:
            return (one.format, one.sheet.name if not one.sheet.only else "", one.sheet.header, one.sheet.skip_before_header)
        return (one.format, one.record)
    layout = one.layout
    csv = (layout.separator, layout.quote, layout.header, layout.skip_before_header) if layout.structure == "csv" else ()
    # The encoding of JSON has to be declared; other texts are each read in their own.
    declared = one.encoding and one.encoding.declared if layout.format in ("json", "jsonl") else None
    return (layout.structure, one.record, declared, *csv)
