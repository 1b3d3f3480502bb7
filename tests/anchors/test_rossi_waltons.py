"""Survival anchors (2.3): the data sets inside the lifelines package, their figures to the printed digit.

Not reached, since the kit has no such model: Weibull (waltons lambda 55.7331, rho 3.4505; rossi AFT LL -679.917) and
concordance. veteran and WHAS500 lie in scikit-survival, which is not installed.
"""

import numpy as np
import pandas as pd
import pytest
from lifelines import datasets

from kamlib.churn import survival as tenure
from kamlib.models import survival
from kamlib.models.competing_risks import cumulative_incidence, share_at, time_until


def curve(days, left):
    return cumulative_incidence(days, np.where(left, "left", ""), ("left",))


def test_waltons_curve():
    """Median 56, S(50) = .6168. The anchors print .5183–.6690 beside S(50): that interval belongs to day 51, the next
    age with a loss; at day 50 lifelines gives .5372–.6868, and so do we."""
    data = datasets.load_waltons()
    tenures = pd.DataFrame({"tenure_days": data["T"].astype(int), "churned": data["E"] == 1, "entry_days": 0})
    table = tenure.survival_table(tenures)
    names = ["survival_rate", "survival_rate_low", "survival_rate_high"]
    assert tenure.median_days(table) == 56
    assert table[table["tenure_days"] <= 50].iloc[-1][names].tolist() == pytest.approx(
        [0.6168, 0.5372, 0.6868], abs=6e-5
    )
    day_51 = table.set_index("tenure_days").loc[51, names].tolist()
    assert day_51[1:] == pytest.approx([0.5183, 0.6690], abs=6e-4)
    assert (table["n_observed"].iloc[0], table["n_losses"].sum()) == (163, data["E"].sum())


def test_waltons_log_rank():
    """miR-137 against control: 122.249, p = 2.04e-28."""
    data = datasets.load_waltons()
    found = survival.log_rank(data["T"], data["E"], data["group"])
    assert found["chi2"] == pytest.approx(122.249, abs=5e-4)
    assert found["p"] == pytest.approx(2.04e-28, rel=5e-3)


ROSSI = {
    "fin": -0.3794,
    "age": -0.0574,
    "race": 0.3139,
    "wexp": -0.1498,
    "mar": -0.4337,
    "paro": -0.0849,
    "prio": 0.0915,
}


@pytest.fixture(scope="module")
def rossi():
    data = datasets.load_rossi()
    return survival.cox(data["week"], data["arrest"], data.drop(columns=["week", "arrest"]))


def test_rossi_cox(rossi):
    """Seven coefficients, hazard ratios fin .684 and prio 1.096, partial log-likelihood -658.748, test 33.27 on 7 df."""
    rows = rossi.table.set_index("covariate")
    assert rows["coef"].to_dict() == pytest.approx(ROSSI, abs=5.1e-5)
    assert rows["hazard_ratio"][["fin", "prio"]].tolist() == pytest.approx([0.684, 1.096], abs=5e-4)
    assert rossi.log_likelihood == pytest.approx(-658.748, abs=5e-4)
    assert rossi.log_likelihood_ratio == pytest.approx(33.27, abs=5e-3)
    assert rossi.n_events == 114


def test_rossi_proportionality(rossi):
    """wexp 7.31 (p .0068) and age fail. The printed 11.45 (p .0007) for age ranks equal weeks by the order of the rows;
    we give them one rank, so that shuffling the file changes nothing: 11.16 (p .0008)."""
    rows = rossi.table.set_index("covariate")
    assert rows["ph_chi2"]["wexp"] == pytest.approx(7.31, abs=5e-3)
    assert rows["ph_chi2"]["age"] == pytest.approx(11.45, abs=0.3)
    assert rows["ph_p"][rows["ph_p"] < 0.05].index.tolist() == ["age", "wexp"]
    data = datasets.load_rossi().sample(frac=1, random_state=1)
    again = survival.cox(data["week"], data["arrest"], data.drop(columns=["week", "arrest"]))
    assert again.table["ph_chi2"].tolist() == pytest.approx(rossi.table["ph_chi2"].tolist())


def test_other_curves():
    """dd: median 4, S(10) = .1813. lung: median 310, S(365) = .4092. GBSG2: median 1807."""
    dd, lung, gbsg2 = datasets.load_dd(), datasets.load_lung(), datasets.load_gbsg2()
    regimes = curve(dd["duration"], dd["observed"] == 1)
    patients = curve(lung["time"], lung["status"] == 1)
    assert (time_until(regimes), round(share_at(regimes, "open_share", 10), 4)) == (4, 0.1813)
    assert (time_until(patients), round(share_at(patients, "open_share", 365), 4)) == (310, 0.4092)
    assert time_until(curve(gbsg2["time"], gbsg2["cens"] == 1)) == 1807


def test_lung_and_gbsg2_cox():
    """lung: age .0111, sex -.5526 (HR .575), ph.ecog .4637. GBSG2: horTh -.3462 beside the other seven
    covariates (-.34628: the anchors cut the digit, R prints -0.34628)."""
    lung = datasets.load_lung().dropna(subset=["age", "sex", "ph.ecog"])
    rows = survival.cox(lung["time"], lung["status"] == 1, lung[["age", "sex", "ph.ecog"]]).table.set_index("covariate")
    assert rows["coef"].tolist() == pytest.approx([0.0111, -0.5526, 0.4637], abs=5.1e-5)
    assert rows["hazard_ratio"]["sex"] == pytest.approx(0.575, abs=5e-4)
    gbsg2 = datasets.load_gbsg2()
    x = pd.get_dummies(gbsg2.drop(columns=["time", "cens"]), drop_first=True).astype(float)
    rows = survival.cox(gbsg2["time"], gbsg2["cens"] == 1, x).table.set_index("covariate")
    assert rows["coef"]["horTh_yes"] == pytest.approx(-0.34628, abs=5e-6)
