"""Win-back: time to return with those still away, value before and after, too few losses."""

import datetime as dt

import pandas as pd
import pytest
from drawn import drawn_in_both_languages

from kamlib.lifecycle import win_back

AS_OF = dt.date(2025, 12, 31)
DAY = pd.Timedelta(days=1)


def company(returned_after):
    """Ten and more losses confirmed on 2024-01-01; `returned_after` days later an order, None: never."""
    lost = pd.Timestamp("2024-01-01")
    losses = pd.DataFrame(
        {
            "account_id": [f"n{i}" for i in range(len(returned_after))],
            "last_order": lost - 200 * DAY,
            "confirmed_on": lost,
        }
    )
    losses["returned"] = [lost + days * DAY if days is not None else pd.NaT for days in returned_after]
    orders = [("n0", pd.Timestamp("2022-01-03"), 1.0)]  # the data begin long before
    for row in losses.itertuples():
        orders += [(row.account_id, row.last_order, 100.0), (row.account_id, row.last_order - 100 * DAY, 100.0)]
        if pd.notna(row.returned):
            orders += [(row.account_id, row.returned, 50.0)]
    return losses, pd.DataFrame(orders, columns=["account_id", "order_date", "amount"])


def test_the_share_returned_counts_those_still_away():
    losses, orders = company([10, 20, 30, 40, 50, 60, 500, None, None, None])
    table = win_back.returns_table(losses, orders, AS_OF).set_index("away_days")
    assert table["returned_share"][60] == pytest.approx(0.6)
    assert table["returned_share"][500] == pytest.approx(0.7)
    row = table.iloc[0]
    assert (row["n_losses"], row["n_back"]) == (10, 7)
    assert (row["n_year"], row["value_before"], row["value_after"]) == (
        6,
        1200.0,
        300.0,
    )  # the seventh is back for less than a year


def test_an_account_whose_year_before_lies_partly_before_the_data_is_not_compared():
    losses, orders = company([10] * 10)
    late = orders[orders["order_date"] > pd.Timestamp("2022-12-01")]
    assert win_back.returns_table(losses, late, AS_OF)["n_year"].iloc[0] == 0


def test_the_claim_names_rate_time_and_value():
    said = drawn_in_both_languages(
        win_back.returns_table(*company([10, 20, 30, 40, 50, 60, None, None, None, None]), AS_OF),
        win_back.plot_returns,
        win_back.returns_claim,
    )
    assert "Within 365 days 60 %" in said["en"]
    assert "the 6 that returned took 35 days" in said["en"]
    assert "bought 25 % of what they used to" in said["en"]


def test_nobody_returned_and_few_losses():
    never = win_back.returns_table(*company([None] * 12), AS_OF)
    assert "Within 365 days 0 %" in win_back.returns_claim(never)
    assert win_back.plot_returns(never).figure
    assert win_back.returns_table(*company([10, None, None]), AS_OF).empty
