"""Texts that a spreadsheet would run: kept as texts, and given back as they were."""

import csv
import io

import duckdb
import openpyxl
import pandas as pd
import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from kamlib import formulas
from kamlib.sources.sql import literal

RUN = [
    "=cmd|' /C calc'!A0", "+1+cmd", "-2+3+cmd|' /C calc'!A0", "@SUM(1)", '=HYPERLINK("//evil","x")', "\t=1+1", "\r=1+1",
    "\n=1+1", " =1+1", "\u3000=1+1", "＝1+1", "＋1", "－1+1", "＠SUM(1)", "+86 10 5555 0112", "-",
]  # fmt: skip
PLAIN = ["", "Acme", "a=b", "1.5", "-1.5", "+3", "-2.5e-3", "'", "'quoted'", "''=1+1", "O'Neill", "客户", "5-7"]
SPREADSHEET_LETTERS = st.text(alphabet="=+-@'\t\r\n 1.eA＝－客,\"|", max_size=8)


@pytest.mark.parametrize("cell", RUN)
def test_what_a_spreadsheet_would_run_is_marked(cell):
    assert formulas.as_text(cell) == "'" + cell
    assert formulas.original("'" + cell) == cell


@pytest.mark.parametrize("cell", PLAIN)
def test_everything_else_is_left_alone(cell):
    assert formulas.as_text(cell) == cell
    assert formulas.original(cell) == cell


@given(SPREADSHEET_LETTERS)
def test_nothing_is_lost_and_the_engine_does_the_same(cell):
    kept = formulas.as_text(cell)
    assert formulas.original(kept) == (cell if kept != cell else formulas.original(cell))
    assert formulas.as_text(kept) == kept, "once is enough"
    marked, back = duckdb.sql(
        f"SELECT {formulas.as_text_sql('c')}, {formulas.original_sql('c')} FROM (SELECT {literal(cell)} AS c)"
    ).fetchone()
    assert (marked, back) == (kept, formulas.original(cell))


def test_a_table_survives_the_way_through_csv():
    table = pd.DataFrame({"=name": RUN, "amount": [-1.5] * len(RUN), "day": pd.Timestamp("2025-12-31")})
    text = formulas.write_csv(table)
    header, *rows = formulas.read_csv(text)
    assert header == ["=name", "amount", "day"]
    assert [row[0] for row in rows] == [cell.replace("\r", "\n") for cell in RUN]
    assert {(row[1], row[2]) for row in rows} == {("-1.5", "2025-12-31")}
    assert all(row[0].startswith("'") for row in csv.reader(io.StringIO(text)))
    assert table.columns[0] == "=name", "the table itself is as it was"


def test_workbooks_hold_texts(tmp_path):
    path = tmp_path / "book.xlsx"
    with xlsxwriter.Workbook(path, formulas.XLSX) as book:
        book.add_worksheet().write_column(0, 0, ["=1+1", "http://evil.example", "007"])
    cells = [row[0] for row in openpyxl.load_workbook(path).active.iter_rows()]
    assert [cell.value for cell in cells] == ["=1+1", "http://evil.example", "007"]
    assert {cell.data_type for cell in cells} == {"s"}, "neither formulas nor numbers"
    assert all(cell.hyperlink is None for cell in cells)
