"""A written contract keeps every row that it was measured on."""

from __future__ import annotations

import io
import math
import tempfile
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.authoring.choices import Choices
from lakehouse.authoring.contract_file import contract_text
from lakehouse.core.spec.contract import Contract
from lakehouse.core.spec.source import Column
from lakehouse.operations import line
from lakehouse.reserve.discovery.columns import described
from tests.authoring.desk import Desk

VALUES: dict[str, tuple[pl.DataType, st.SearchStrategy[object]]] = {
    "float": (pl.Float64(), st.floats()),
    "float32": (pl.Float32(), st.floats(width=32)),
    "int": (pl.Int64(), st.integers(-(2**63), 2**63 - 1)),
    "int8": (pl.Int8(), st.integers(-128, 127)),
    "bool": (pl.Boolean(), st.booleans()),
    "decimal(20, 4)": (pl.Decimal(20, 4), st.decimals(-(10**15), 10**15, places=4)),
    "date": (pl.Date(), st.dates(date(1800, 1, 1), date(2200, 1, 1))),
    "timestamp": (pl.Datetime("us"), st.datetimes(datetime(1800, 1, 1), datetime(2200, 1, 1))),
    "string": (pl.String(), st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=4)),
    "category": (pl.String(), st.sampled_from(["a", "b", "", "'", '"', "\\", "\n"])),
}


@st.composite
def frames(draw: st.DrawFn) -> dict[str, tuple[str, pl.Series]]:
    """Columns by name, each with the type that a declaration gives it."""
    rows = draw(st.integers(1, 12))
    names = draw(st.lists(st.sampled_from(["a", "pa", "pl", "str", "int", "float", "from_yaml", "Größe (m²)", "b", "class"]), unique=True))
    out = {}
    for name in names or ["a"]:
        kind = draw(st.sampled_from(sorted(VALUES)))
        dtype, values = VALUES[kind]
        empty = draw(st.booleans())
        held = draw(st.lists(st.none() | values if empty else values, min_size=rows, max_size=rows))
        out[name] = ("string" if kind == "category" else kind, pl.Series(name, held, dtype=dtype))
    return out


@settings(max_examples=150)
@given(frame=frames(), whole=st.booleans(), text=st.booleans())
def test_every_row_keeps_the_contract_that_was_measured_on_it(frame: dict[str, tuple[str, pl.Series]], whole: bool, text: bool) -> None:
    columns = [described(series, Column(type=kind)) for kind, series in frame.values()]
    texts = tuple(c.name for c in columns if text and c.form.dtype == pl.String)
    written = contract_text("Row", "rows", columns, Choices(kind="instructions", columns=(), texts=texts), whole=whole)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "rows.py").write_text(written, encoding="utf-8")
        contract = Contract.load(Path(folder), "rows.py:Row")
    rows = pl.DataFrame([series for _, series in frame.values()])
    assert contract.validate(rows).counts == {}, written


def test_the_greatest_number_is_not_rounded_away(desk: Desk) -> None:
    """299 / 7 has 17 digits; to 15 it is less."""
    made = desk.add(desk.bring("sevenths.csv", ("x\n" + "".join(f"{i / 7!r}\n" for i in range(300))).encode()))
    (run,) = line.run(desk.project, [made.dataset], "gold")
    assert run.gold is not None
    assert run.gold.rows == 300
    assert run.gold.violations == {}
    assert "le=42.714285714285715)" in (desk.root / made.files[2]).read_text()


@pytest.mark.parametrize("held", [[math.nan], [math.inf], [-math.inf], [math.nan, math.inf, -math.inf]])
def test_what_is_no_finite_number_stays_in(desk: Desk, held: list[float]) -> None:
    file = io.BytesIO()
    pl.DataFrame({"x": [float(i) for i in range(1, 60)] + held, "d": [Decimal(i) / 10 for i in range(59 + len(held))]}).write_parquet(file)
    made = desk.add(desk.bring("odd.parquet", file.getvalue()))
    assert desk.gold(made.dataset).height == 59 + len(held)
    names = [str(value).replace("nan", "NaN") for value in held]
    assert f"# {' and '.join(names)} among the values" in (desk.root / made.files[2]).read_text()


def test_the_file_says_what_it_was_measured_on(desk: Desk) -> None:
    made = desk.add(desk.bring("small.csv", b"x\n" + b"1\n2\n" * 40))
    assert "# Ranges and codes are those of all 80 rows measured: widen them" in (desk.root / made.files[2]).read_text()
    sampled = contract_text(
        "Row", "rows", [described(pl.Series("x", [1, 2, 3]), Column(type="int"))], Choices(kind="table", columns=()), whole=False
    )
    assert "# Only a sample was read, so no range and no code is promised" in sampled
    assert "ge=" not in sampled
