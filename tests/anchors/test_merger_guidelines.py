"""The example of the US Horizontal Merger Guidelines (2010, section 5.3): shares of 30, 30, 20 and 20 are an HHI of 2,600."""

import pandas as pd
import pytest

from kamlib import finance, stats


def test_the_example():
    """D.11-8: the index is stated on the scale of 0 to 10,000, and `stats.hhi` on 0 to 1."""
    mart = pd.DataFrame({"account_id": list("ABCD"), "account_name": list("ABCD"), "revenue": [30.0, 30, 20, 20]})
    row = finance.concentration_table(mart.assign(revenue_prev=mart["revenue"])).iloc[0]
    assert row["hhi_index"] == pytest.approx(2600, rel=1e-12)
    assert stats.hhi([30, 30, 20, 20]) == pytest.approx(0.26, rel=1e-12)
    assert row["effective_index"] == pytest.approx(10_000 / 2600)
