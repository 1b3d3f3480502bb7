"""Agreement on reasons: pairs by hand, and Cohen's kappa on his table."""

import numpy as np
import pandas as pd
import pytest

from kamlib.churn import agreement

DAY = pd.Timestamp("2025-06-30")


def test_the_last_case_of_the_year_before_is_compared_with_the_weightiest_reason():
    losses = pd.DataFrame({
        "account_id": ["a", "a", "b", "c", "d"], "lost_at": DAY, "churn_reason": ["service", "product", "product", "price", "service"],
        "reason_share": [0.7, 0.3, 1.0, 1.0, 1.0], "recorded": [True, True, True, True, False],
    })  # fmt: skip
    cases = pd.DataFrame({
        "account_id": ["a", "a", "a", "b", "c", "b"], "topic": ["product_quality", "delivery_speed", "product_quality", "after_sales", "after_sales", None],
        "opened_at": [DAY - pd.Timedelta(days=n) for n in (300, 10, -5, 20, 5, 1)],
    })  # fmt: skip
    table = agreement.agreement_table(losses, cases)
    assert table["account_id"].tolist() == ["a", "b"]  # price leaves no case, a silence no record
    assert table["case_reason"].tolist() == ["service", "service"]
    assert table["same"].tolist() == [True, False]
    assert "cannot be said: 2 losses" in agreement.agreement_text(table, "en")


def test_kappa_by_hand():
    """20 of 25 and 15 of 25 agree (70 %) where chance alone gives 50 %: kappa .4, the textbook example."""
    a, b = (pd.Series(list(text)) for text in ("y" * 25 + "n" * 25, "y" * 20 + "n" * 5 + "y" * 10 + "n" * 15))
    assert agreement.kappa(a, b) == pytest.approx(0.4)
    assert np.isnan(agreement.kappa(a.head(3), b.head(3)))


def test_enough_pairs_are_counted_with_an_interval():
    table = pd.DataFrame(
        {"churn_reason": ["service"] * 8 + ["product"] * 4, "case_reason": ["service"] * 10 + ["product"] * 2}
    )
    table["same"] = table["churn_reason"] == table["case_reason"]
    assert "10 of 12 losses (55 % – 95 %; kappa 0.57)" in agreement.agreement_text(table, "en")
