"""CRM opportunities (Maven Analytics, 8,800 deals): every figure that two people computed before us, to the printed digit.

File: crm_sales_opportunities/sales_pipeline.csv.gz of the public data; the figures are those of its plain arithmetic.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from deal_frames import CRM_AS_OF, CRM_STAGES, crm_deals, frame

from kamlib import funnel
from kamlib.funnel import cycle, pipeline, win_loss
from kamlib.models.competing_risks import cumulative_incidence, share_at, time_until
from kamlib.sources.mapping import import_data
from kamlib.stats import concentration_ratio, gini, hhi

NONE = frame("deal_stage_history")


@pytest.fixture(scope="module")
def deals(public_data):
    return funnel.population(crm_deals(public_data))


@pytest.fixture(scope="module")
def course(deals):
    return cycle.cycle_table(deals, CRM_AS_OF)


def test_counts_and_win_rates(deals):
    """Won 4,238, lost 2,473, engaging 1,589, prospecting 500; 63.15 % of the closed, 48.16 % of all, 51.06 % of the engaged."""
    counts = deals["status"].value_counts()
    assert (counts["won"], counts["lost"]) == (4238, 2473)
    assert deals["stage"].value_counts().to_dict() == {"engaging": 1589, "prospecting": 500}
    table = win_loss.win_rate_table(deals, CRM_AS_OF, by="product_category", months=24)
    won = table["n_won"].sum()
    assert round(100 * won / (won + table["n_lost"].sum()), 2) == 63.15
    assert round(100 * won / len(deals), 2) == 48.16
    assert round(100 * won / deals["created_at"].notna().sum(), 2) == 51.06


def test_won_value(deals):
    """10,005,534 won; mean 2,360.91, median 1,117."""
    amounts = deals.loc[deals["status"] == "won", "amount"]
    assert amounts.sum() == 10_005_534
    assert (round(amounts.mean(), 2), amounts.median()) == (2360.91, 1117)


def test_cycle_of_closed_deals(course, deals):
    """Won: mean 51.78, median 57; lost: 41.48, 14; all: 47.99, 45; the longest 138."""
    rows = cycle.cycle_quartiles(course).set_index("status")
    assert rows["average_days"].round(2).tolist() == [51.78, 41.48]
    assert rows["median_days"].tolist() == [57, 14]
    days = (deals["closed_at"] - deals["created_at"]).dt.days.dropna()
    assert (round(days.mean(), 2), days.median()) == (47.99, 45)
    assert funnel.longest_cycle(deals) == cycle.last_close(course) == 138
    assert cycle.cycle_claim(course) == (
        "Half of all deals are decided by day 69; won deals took 57 days (9–88). By day 138: 52 % won, 30 % lost."
    )


def test_time_to_close_with_open_deals_censored(course):
    """Kaplan–Meier median 69 days (45 among the closed); S(30) .6188, S(60) .5498, S(90) .3509, S(120) .2045."""
    assert time_until(course) == 69
    shares = [round(share_at(course, "open_share", day), 4) for day in (30, 60, 90, 120)]
    assert shares == [0.6188, 0.5498, 0.3509, 0.2045]


def test_cumulative_incidence(course):
    """Won by day 30 .2190, 60 .2647, 90 .3970, 138 .5194; lost .3017, open .1788: they sum to 1 within 1e-12."""
    won = [round(share_at(course, "won_share", day), 4) for day in (30, 60, 90, 138)]
    assert won == [0.2190, 0.2647, 0.3970, 0.5194]
    assert [round(share_at(course, f"{end}_share", 138), 4) for end in ("lost", "open")] == [0.3017, 0.1788]
    assert np.abs(course[["won_share", "lost_share", "open_share"]].sum(axis=1) - 1).max() < 1e-12


def test_the_same_digits_on_every_run_and_in_any_order(deals, course):
    again = cycle.cycle_table(deals.sample(frac=1, random_state=4), CRM_AS_OF)
    pd.testing.assert_frame_equal(course, again, check_exact=True)


def test_lost_deals_are_no_censored_deals(deals):
    """Taking lost deals as "might still be won" gives .678 instead of .5194: the mistake this would catch."""
    dated = deals.dropna(subset="created_at")
    days = (dated["closed_at"].fillna(pd.Timestamp(CRM_AS_OF)) - dated["created_at"]).dt.days
    wrong = cumulative_incidence(days, dated["status"], ("won",))
    assert round(share_at(wrong, "won_share", 138), 3) == 0.678


def test_the_first_quarter_is_an_artefact_of_where_the_file_starts(deals):
    """82.1 / 61.7 / 61.4 / 60.3 %: the file begins with deals that close, so the first quarter looks far too good."""
    table = win_loss.win_rate_table(deals, CRM_AS_OF, by="quarter", months=12)
    assert table["quarter"].tolist() == [f"2017 Q{q}" for q in (1, 2, 3, 4)]
    assert (100 * table["win_rate"]).round(1).tolist() == [82.1, 61.7, 61.4, 60.3]
    assert table["win_rate_low"].iloc[0] > table["win_rate_high"].iloc[1:].max()


def test_products_from_60_0_to_64_8_percent(deals):
    table = win_loss.win_rate_table(deals, CRM_AS_OF, by="product_category", months=24).set_index("product_category")
    assert table["win_rate"].idxmin() == "GTK 500"
    assert table["win_rate"].idxmax() == "MG Special"
    assert (100 * table["win_rate"].agg(["min", "max"])).round(1).tolist() == [60.0, 64.8]


def test_accounts_are_not_concentrated(deals):
    """HHI 135.8 points (0–10,000), Gini .202 (raw), the ten largest 20.7 % of the won value."""
    value = deals[deals["status"] == "won"].groupby("account_id")["amount"].sum()
    assert len(value) == 85
    assert round(10_000 * hhi(value), 1) == 135.8
    assert round(gini(value, corrected=False), 3) == 0.202
    assert round(100 * concentration_ratio(value, 10), 1) == 20.7


def test_1291_of_the_1589_dated_open_deals_are_stale(deals):
    ageing = pipeline.ageing_table(deals, NONE, frame("activities"), CRM_STAGES, CRM_AS_OF)
    assert (ageing["age_days"].notna().sum(), ageing["is_stale"].sum()) == (1589, 1291)


def test_velocity(deals):
    """60,147 a day with the prospecting deals, 45,751 with those in engaging only."""
    parts = (deals, deals[deals["stage"] != "prospecting"])
    speeds = [cycle.velocity_table(part, CRM_AS_OF).iloc[1]["velocity"] for part in parts]
    assert [round(speed) for speed in speeds] == [60_147, 45_751]


def test_deals_without_account_stay_in(deals):
    """1,425 deals without account, all open: an inner join would drop them, and raise the share of won deals."""
    orphans = deals[deals["account_id"].isna()]
    assert len(orphans) == 1425
    assert set(orphans["status"]) == {"open"}
    assert funnel.population_table(deals).set_index("rule")["n_deals"]["of_them_no_account"] == 1425


def test_the_import_reports_gtxpro(public_data, tmp_path):
    """GTXPro in the pipeline, GTX Pro in the price list: told with its rows, and priced nevertheless."""
    mapping = Path(__file__).parents[2] / "examples/crm_sales_opportunities.yml"
    ledger = import_data(mapping, public_data / "crm_sales_opportunities", tmp_path / "crm").ledger
    (found,) = [fault for fault in ledger.faults if "GTXPro, in the price list GTX Pro" in str(fault)]
    raw = pd.read_csv(public_data / "crm_sales_opportunities/sales_pipeline.csv.gz")
    assert found.n == (raw["product"] == "GTXPro").sum() == 1480
