"""Worth of saving: the arithmetic by hand, and that it pays exactly above the break-even."""

import pandas as pd
import pytest

from kamlib import words
from kamlib.churn import worth


@pytest.fixture
def listed():
    table = pd.DataFrame({
        "account_id": list("abcd"), "account_name": list("ABCD"), "owner": "x", "risk_points": [9, 5, 3, 1],
        "yearly_margin": [1e6, 1e5, 5e6, 0.0], "past_loss_rate": [0.5, 0.5, 0.02, 0.02],
    })  # fmt: skip
    return table.assign(value_at_risk=table["yearly_margin"] * table["past_loss_rate"])


def test_by_hand(listed):
    """One million at 50 % and an uplift of 20 % hold 100,000; an effort of 20,000 leaves 80,000 (30,000 to 130,000)."""
    table = worth.worth_table(listed, cost=20_000, uplift=0.2).set_index("account_id")
    assert table.index.tolist() == ["a", "c", "b"]  # d has nothing at risk
    row = table.loc["a", ["save_gain", "save_gain_low", "save_gain_high", "break_even_share", "threshold_rate"]]
    assert row.tolist() == pytest.approx([80_000, 30_000, 130_000, 0.04, 0.1])
    assert table["save_pays"].tolist() == [True, True, False]
    assert (table["save_pays"] == (table["save_gain"] >= 0)).all()
    assert (table["save_pays"] == (table["break_even_share"] <= 0.2)).all()


def test_the_claim_says_that_nothing_was_measured(listed):
    table = worth.worth_table(listed, cost=20_000, uplift=0.2)
    for lang, text in (("en", "no control group"), ("zh", "无对照组")):
        assert text in worth.worth_claim(table, lang)
    never = worth.worth_claim(worth.worth_table(listed, cost=1e9, uplift=0.2), "en")
    assert "pays for none" in never
    assert "control group" in never


def test_it_is_drawn_and_its_columns_have_labels(listed):
    table = worth.worth_table(listed, cost=20_000, uplift=0.2)
    assert worth.plot_worth(table).figure
    assert not [column for column in table.columns if column not in words.LABELS]
