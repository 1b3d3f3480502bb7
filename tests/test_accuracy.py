"""The backtest as it is shown."""

import numpy as np
import pytest
from test_forecast import company, made_of

from kamlib import words
from kamlib.forecast import accuracy


@pytest.fixture(scope="module")
def fitted():
    words.speak("en", "CNY")
    return made_of(*company(np.random.default_rng(1)))


def test_the_seasonal_naive_forecast_is_always_there(fitted):
    table = accuracy.models_table(fitted[0])
    assert "seasonal_naive" in set(table["model"])
    assert table["chosen"].sum() == 1
    assert table["mase_ratio"].notna().all()
    both = table[["near_mase_ratio", "far_mase_ratio"]].mean(axis=1)
    assert both.to_numpy() == pytest.approx(table["mase_ratio"].to_numpy())  # the halves have as many steps


def test_claims_say_what_was_beaten_or_that_nothing_was(fitted):
    table = accuracy.models_table(fitted[0])
    assert "MASE" in accuracy.models_claim(table, "en")
    own = table.assign(chosen=table["model"] == "seasonal_naive")
    assert accuracy.models_claim(own, "en").startswith("No model beats")
    assert accuracy.models_claim(table.assign(n_origins=3), "en").startswith("Only 3 past origins")


def test_past_forecasts_stand_beside_what_came(fitted):
    total, made = fitted
    table = accuracy.past_table(made)
    assert len(table) == 6 * len(made.past)
    came = dict(zip(made.book.months, total.y, strict=True))
    assert all(came[row.month] == pytest.approx(row.revenue) for row in table.itertuples())
    assert (table["origin_month"] < table["month"]).all()
    assert "months came out above" in accuracy.past_claim(table, "en")


def test_charts_are_drawn(fitted):
    ax = accuracy.plot_models(accuracy.models_table(fitted[0]))
    assert ax.get_xlim()[0] <= 0
    ax.figure.canvas.draw()
    accuracy.plot_past(accuracy.past_table(fitted[1]), last_n=3).figure.canvas.draw()
