"""Small cells of shared exhibits: left out, and not given back by any total."""

import datetime as dt
import json
from dataclasses import replace

import pandas as pd
import pytest
from conftest import SAMPLE
from hypothesis import given
from hypothesis import strategies as st

import kamlib as kam
from kamlib.exhibit import chart
from kamlib.privacy import small_cells
from kamlib.sources.ledger import Access
from kamlib.workspace import Data

BAR = {"kind": "bar"}
SEGMENTS = pd.DataFrame({"segment": list("abcde"), "n_accounts": [9, 2, 5, 0, 4], "revenue": [9.0, 2, 5, 0, 4]})


def test_a_small_row_goes_and_the_next_smallest_with_it():
    assert small_cells.shown(SEGMENTS, BAR).segment.tolist() == ["a", "c", "d"], "2 + 4: no difference shows the 2"
    three = SEGMENTS.assign(n_accounts=[9, 2, 5, 1, 4])
    assert small_cells.shown(three, BAR).segment.tolist() == ["a", "c", "e"], "2 + 1 hide each other"
    for stacked in ({"kind": "waterfall"}, {"kind": "stacked_column", "colour": "segment"}):
        assert small_cells.shown(SEGMENTS, stacked).empty, "rows add up in the picture: all or nothing"
    assert len(small_cells.shown(SEGMENTS, {"kind": "stacked_column"})) == 3, "each row is a column of its own"
    assert small_cells.shown(SEGMENTS.head(1), BAR).equals(SEGMENTS.head(1))


def test_rows_about_one_account_are_no_cells():
    table = SEGMENTS.assign(account_id=list("ABCDE"))
    assert small_cells.shown(table, BAR, n=2, of="accounts").equals(table)


def test_an_exhibit_of_two_accounts_is_not_shown_and_deals_do_not_count():
    table = pd.DataFrame({"stage": ["a", "b"], "n_deals": [1, 2]})
    assert small_cells.shown(table, BAR, n=2, of="accounts").empty
    assert small_cells.shown(table, BAR, n=2, of="deals").equals(table)


@given(st.lists(st.integers(0, 6), min_size=12, max_size=12))
def test_no_total_gives_back_a_small_cell(counts):
    grid = pd.DataFrame(
        [(row, column) for row in "abc" for column in "wxyz"], columns=["row_segment", "column_segment"]
    ).assign(n_accounts=counts)
    out = small_cells.small(grid, grid.n_accounts)
    assert out[grid.n_accounts.isin([1, 2])].all()
    assert not out[grid.n_accounts == 0].any()
    for line in small_cells.lines(grid):
        hidden, rest = grid.n_accounts[line][out[line]].sum(), grid.n_accounts[line][~out[line]].sum()
        assert hidden == 0 or hidden >= 3 or rest == 0, "three or more behind every difference, as far as there are any"


@chart("bar", x="revenue", y="segment")
def plot(table, ax=None):
    ax.barh(table.segment, table.revenue)
    return ax


def claim(table, lang="en"):
    return f"b has {table.set_index('segment').revenue.get('b', float('nan'))}"


def total(table, lang="en"):
    return f"{table.revenue.sum()} in all"


def needs_b(table, lang="en"):
    return f"b has {table.set_index('segment').revenue['b']}"


@pytest.mark.parametrize("claim", [claim, needs_b])
def test_what_cannot_be_said_without_the_rows_left_out_is_not_said(claim, tmp_path):
    shown = exhibit(tmp_path, claim)
    assert shown["status"] == "insufficient_data"
    assert shown["claim"]["en"] == "Not shown: fewer than 3 accounts or people stand behind it."
    assert shown["n"] is None
    assert not list(tmp_path.rglob("*.svg"))


def test_table_chart_and_claim_leave_out_the_same(tmp_path):
    shown = exhibit(tmp_path, total)
    assert shown["claim"]["en"] == "14.0 in all (Rows left out for privacy are not counted.)"
    assert shown["footer"]["en"].endswith("2 rows left out: fewer than 3 behind them")
    assert shown["footer"]["zh"].endswith("略去 2 行：不足 3 个主体")
    assert pd.read_csv(tmp_path / "exhibits/05.1.csv").segment.tolist() == ["a", "c", "d"]
    assert exhibit(tmp_path, total, shared=False)["claim"]["en"] == "20.0 in all"


def exhibit(folder, claim, shared=True):
    data = kam.load(SAMPLE)
    assert isinstance(data, Data)
    assert data.as_of == dt.date(2025, 12, 31)
    data = replace(data, ledger=replace(data.ledger, access=Access(shared=shared)))
    kam.Exhibits(data, "05", run_dir=str(folder))("05.1", SEGMENTS, plot, claim, needs=("orders",), n=20)
    return json.loads((folder / "exhibits/05.1.json").read_text(encoding="utf-8"))
