"""What the models are told of each customer: days merged, time counted from the first order, nothing after the day."""

import datetime as dt

import pandas as pd
import pytest

from kamlib.models.repeat_purchases import bought_between, history

ORDERS = pd.DataFrame(
    {
        "account_id": ["a", "a", "a", "a", "b", "c"],
        "order_date": pd.to_datetime(
            ["2024-01-01", "2024-01-15", "2024-01-15", "2024-03-01", "2024-01-08", "2024-06-01"]
        ),
        "amount": [10.0, 20.0, 40.0, 5.0, 7.0, 9.0],
    }
)


def test_two_orders_on_one_day_are_one_purchase_and_the_first_is_no_repeat():
    found = history(ORDERS, dt.date(2024, 2, 12)).set_index("account_id")
    assert list(found.index) == ["a", "b"]  # c has not bought yet
    assert found.loc["a"].tolist() == [1, 2.0, 6.0, 60.0]  # weeks
    assert found.loc["b"].tolist() == [0, 0.0, 5.0, 0.0]


def test_days_are_seven_times_weeks():
    weeks, days = history(ORDERS, dt.date(2024, 6, 30)), history(ORDERS, dt.date(2024, 6, 30), unit_days=1)
    assert days[["t_x", "T"]].to_numpy() == pytest.approx(7 * weeks[["t_x", "T"]].to_numpy())
    assert (days["x"] == weeks["x"]).all()


def test_the_day_itself_belongs_to_what_was_known():
    day = dt.date(2024, 1, 15)
    assert history(ORDERS, day).set_index("account_id")["x"]["a"] == 1
    assert bought_between(ORDERS, day, dt.date(2024, 6, 1)).to_dict() == {"a": 1, "c": 1}


@pytest.mark.parametrize("day", [dt.date(2023, 1, 1)])
def test_before_the_first_order_there_is_nobody(day):
    assert history(ORDERS, day).empty
