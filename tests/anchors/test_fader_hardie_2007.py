"""Fader and Hardie (2007), How to project customer retention: two segments of a subscription, years 0 to 12.

Fitted to years 0–7 of 1,000 customers; the High End pair is also asserted in github.com/jdmaturen/shifted_beta_geometric_py, which has the
five cohorts too; the other figures are recomputed. A constant rate of churn is the baseline to beat.
"""

import numpy as np
import pandas as pd
import pytest

from kamlib.models import sbg
from kamlib.models.sbg import Sbg

SEGMENTS = {
    "High End": {"fit": (0.668, 3.806), "height": -1611.16, "year_12": 0.378, "from_four": 0.307},
    "Regular": {"fit": (0.704, 1.182), "height": -1680.27, "year_12": 0.170, "from_four": 0.160},
}


@pytest.fixture(scope="module")
def shares(public_data):
    path = public_data / "subscription_retention" / "fader_hardie_2007_table1.csv"
    if not path.is_file():
        pytest.skip(
            "Fader and Hardie's table is not here: put subscription_retention/ into the folder of public data sets"
        )
    table = pd.read_csv(path)
    return {name: table.filter(regex=f"(?i){name.replace(' ', '.?')}").iloc[:, 0].to_numpy(float) for name in SEGMENTS}


@pytest.mark.parametrize("segment", SEGMENTS)
def test_the_fit_to_seven_years_and_the_projection_to_twelve(shares, segment):
    published, seen = SEGMENTS[segment], shares[segment] * 10
    fit = sbg.fit(*sbg.ends(seen[:8]))
    assert fit.converged
    assert fit.values == pytest.approx(published["fit"], abs=6e-4)
    assert fit.log_likelihood == pytest.approx(published["height"], abs=1e-2)
    assert float(Sbg(*fit.values).survival(12)) == pytest.approx(published["year_12"], abs=6e-4)
    early = Sbg(*sbg.fit(*sbg.ends(seen[:5])).values)
    assert float(early.survival(12)) == pytest.approx(published["from_four"], abs=6e-4)


@pytest.mark.parametrize("segment", SEGMENTS)
def test_a_constant_rate_of_churn_is_beaten(shares, segment):
    seen = shares[segment] * 10
    model = Sbg(*sbg.fit(*sbg.ends(seen[:8])).values)
    constant = (seen[1:8].sum() / seen[:7].sum()) ** np.arange(8, 13)  # one rate, most likely from the same years
    actual = seen[8:] / 1000
    assert np.abs(model.survival(np.arange(8, 13)) - actual).max() < 0.02
    assert np.abs(constant - actual).max() > 0.07


def test_five_cohorts_of_different_age():
    sizes = [10_000, 8_000, 6_480, 5_307, 4_391]
    fit = sbg.fit(*sbg.ends(*(sizes[: len(sizes) - i] for i in range(4))))
    assert fit.values == pytest.approx([3.80, 15.19], abs=6e-3)
