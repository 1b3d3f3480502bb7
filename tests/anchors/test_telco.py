"""IBM Telco churn anchors (2.4, 2.5, 3.2): the classic file of 7,043 customers, and the five tables that replaced it.

The public data folder holds the newer tables (v11.1.3), whose contracts, payment methods and dependents differ, so the
printed digits cannot be reached on them; there the acceptance figures are tested. The digits are tested where the
classic file `telco_churn/WA_Fn-UseC_-Telco-Customer-Churn.csv` (IBM/telco-customer-churn-on-icp4d) has been added.
"""

import numpy as np
import pandas as pd
import pytest

from kamlib.models import leakage, logistic, profit, scored, survival
from kamlib.models.competing_risks import cumulative_incidence, share_at, time_until

STAKES = {"value": 200.0, "offer": 10.0, "contact": 1.0}
KNOWN_BEST = 0.87
"""Three families of models stop at .846 and the best published value is .851: above this, look for the leak."""


@pytest.fixture(scope="module")
def classic(public_data):
    path = public_data / "telco_churn" / "WA_Fn-UseC_-Telco-Customer-Churn.csv"
    if not path.is_file():
        pytest.skip("the classic Telco file is not among the public data; see the docstring of this file")
    data = pd.read_csv(path)
    charges = pd.to_numeric(data["TotalCharges"], errors="coerce")
    assert charges.isna().sum() == (data["tenure"] == 0).sum() == 11
    return data.assign(TotalCharges=charges.fillna(0.0), left=data["Churn"] == "Yes")


def dummies(data, without=()):
    return pd.get_dummies(data.drop(columns=list(without))).astype(float)


def curve(rows, age="tenure"):
    return cumulative_incidence(rows[age], np.where(rows["left"], "left", ""), ("left",))


def test_classic_curves(classic):
    """S(12) .8432, S(24) .7887, S(36) .7485, S(60) .6644, S(72) .5928, median not reached; month-to-month median 35
    (S24 .5859), one year S24 .9783, two years 1.0000; log-rank by contract 2352.87."""
    whole = curve(classic)
    seen = [share_at(whole, "open_share", month) for month in (12, 24, 36, 60, 72)]
    assert seen == pytest.approx([0.8432, 0.7887, 0.7485, 0.6644, 0.5928], abs=5.1e-5)
    assert np.isnan(time_until(whole))
    by_contract = {name: curve(rows) for name, rows in classic.groupby("Contract")}
    assert time_until(by_contract["Month-to-month"]) == 35
    at_24 = {name: round(share_at(table, "open_share", 24), 4) for name, table in by_contract.items()}
    assert at_24 == {"Month-to-month": 0.5859, "One year": 0.9783, "Two year": 1.0}
    found = survival.log_rank(classic["tenure"], classic["left"], classic["Contract"])
    assert (found["chi2"], found["dof"]) == (pytest.approx(2352.87, abs=5e-3), 2)


def test_classic_stratified_cox(classic):
    """lifelines `examples/Customer Churn.ipynb`: partial LL -10106.048, LR test 2614.826 on 16 df; coefficients -1.593 one
    year, -3.107 two years, .5635 electronic check; hazard ratio of online security .54."""
    strata = ["InternetService", "StreamingMovies", "StreamingTV", "PhoneService"]
    rows = classic.drop(columns=["customerID", "TotalCharges", "Churn"]).replace(r"^No .*", "No", regex=True)
    x = pd.get_dummies(rows.drop(columns=[*strata, "tenure", "left"]), drop_first=True).astype(float)
    found = survival.cox(rows["tenure"], rows["left"], x, strata=rows[strata].agg("|".join, axis=1))
    assert found.log_likelihood == pytest.approx(-10106.048, abs=5e-4)
    assert found.log_likelihood_ratio == pytest.approx(2614.826, abs=5e-4)
    table = found.table.set_index("covariate")
    printed = {"Contract_One year": -1.593, "Contract_Two year": -3.107, "PaymentMethod_Electronic check": 0.5635}
    assert table["coef"][list(printed)].to_dict() == pytest.approx(printed, abs=5e-4)
    assert table["hazard_ratio"]["OnlineSecurity_Yes"] == pytest.approx(0.54, abs=5e-3)
    assert len(table) == 16


@pytest.fixture(scope="module")
def classic_scores(classic):
    x = dummies(classic, ["customerID", "Churn", "left"])
    y = classic["left"].to_numpy(int)
    return y, logistic.out_of_fold(x, y, classic["customerID"])


def test_classic_model_out_of_fold(classic_scores):
    """Logistic, one-hot, ten folds: AUC .8454, PR AUC .653, Brier .1353, log loss .4172, lift 2.86 and 2.55, ECE .013 in the
    anchors, whose folds are others; and every acceptance figure of 3.2."""
    found = scored.judged(*classic_scores)
    assert found["auc"] == pytest.approx(0.8454, abs=1e-3)
    assert found["average_precision"] == pytest.approx(0.653, abs=2e-3)
    assert found["brier"] == pytest.approx(0.1353, abs=5e-4)
    assert found["log_loss"] == pytest.approx(0.4172, abs=1e-3)
    assert (found["lift_10"], found["lift_20"]) == (pytest.approx(2.86, abs=0.03), pytest.approx(2.55, abs=0.02))
    assert found["calibration_error"] == pytest.approx(0.013, abs=3e-3)
    accepted(found)


def accepted(found):
    assert found["auc"] >= 0.84
    assert found["average_precision"] >= 0.64
    assert found["lift_10"] >= 2.75
    assert found["brier"] <= 0.137
    assert found["calibration_error"] <= 0.03


def test_classic_expected_profit(classic, classic_scores):
    """EMP 10.3054 at .516 contacted for the logistic model, 9.71 for the rule month-to-month and short tenure, 6.78 for
    contacting everybody; per customer, in the currency of the lifetime value."""
    y, p = classic_scores
    emp, contacted = profit.expected_maximum_profit(y, p, **STAKES)
    assert (emp, contacted) == (pytest.approx(10.3054, abs=0.03), pytest.approx(0.516, abs=0.01))
    rule = (classic["Contract"] == "Month-to-month").astype(int) + (classic["tenure"] <= 12)
    assert emp >= 10.2
    assert profit.expected_maximum_profit(y, rule, **STAKES)[0] < emp - 0.4
    assert profit.maximum_profit(y, np.zeros(len(y)), **STAKES)[0] == pytest.approx(6.78, abs=5e-3)


def test_classic_weights_against_imbalance_ruin_the_calibration(classic, classic_scores):
    """class_weight balanced: the ranking stays (.8452), the calibration error rises from .013 to .149."""
    y, p = classic_scores
    odds = p / (1 - p) * (1 - y.mean()) / y.mean()  # what equal weights of both classes do to the probabilities
    balanced = odds / (1 + odds)
    assert scored.auc(y, balanced) == pytest.approx(scored.auc(y, p))
    assert scored.calibration_error(y, balanced) == pytest.approx(0.149, abs=0.01)


# --- the five tables of the public data folder ---------------------------------------------------------------------

FACTS = ["Gender", "Senior Citizen", "Married", "Tenure in Months", "Phone Service", "Multiple Lines", "Internet Service",
         "Online Security", "Online Backup", "Device Protection Plan", "Premium Tech Support", "Streaming TV",
         "Streaming Movies", "Contract", "Paperless Billing", "Payment Method", "Monthly Charge", "Total Charges"]  # fmt: skip
"""The columns of the classic file, less Dependents, which the new tables count otherwise."""


@pytest.fixture(scope="module")
def tables(public_data):
    folder = public_data / "telco_churn"
    if not folder.is_dir():
        pytest.skip("the public set telco_churn is not here")
    parts = [
        pd.read_csv(folder / f"Telco_customer_churn_{name}.csv.gz", keep_default_na=False)
        for name in ("demographics", "services", "status")
    ]
    data = (
        parts[0]
        .merge(parts[1], on="Customer ID", suffixes=("", "_2"))
        .merge(parts[2], on="Customer ID", suffixes=("", "_3"))
    )
    assert (len(data), data["Churn Value"].sum()) == (7043, 1869)
    return data.assign(left=data["Churn Value"] == 1)


def test_curves_of_the_new_tables(tables):
    """Months of tenure begin with 1 instead of 0, which moves the curve in the fourth digit: .8434 for .8432."""
    whole = curve(tables, "Tenure in Months")
    seen = [share_at(whole, "open_share", month) for month in (12, 24, 36, 60, 72)]
    assert seen == pytest.approx([0.8432, 0.7887, 0.7485, 0.6644, 0.5928], abs=5e-4)
    assert np.isnan(time_until(whole))


@pytest.fixture(scope="module")
def scores(tables):
    y = tables["left"].to_numpy(int)
    return y, logistic.out_of_fold(dummies(tables[FACTS]), y, tables["Customer ID"])


def test_acceptance_on_the_new_tables(tables, scores):
    """Out of fold: AUC at least .84, PR AUC .64, lift 2.75, Brier at most .137, ECE .03, EMP 10.2 and above the rule."""
    found = scored.judged(*scores)
    accepted(found)
    assert not leakage.too_good(found["auc"], KNOWN_BEST)
    emp = profit.expected_maximum_profit(*scores, **STAKES)[0]
    rule = (tables["Contract"] == "Month-to-Month").astype(int) + (tables["Tenure in Months"] <= 12)
    assert emp >= 10.2
    assert profit.expected_maximum_profit(scores[0], rule, **STAKES)[0] < emp - 0.4


@pytest.mark.parametrize("leak", ["Satisfaction Score", "Churn Score"])
def test_a_column_written_after_the_churn_is_taken_for_a_leak(tables, leak):
    """Both are known only because it is known who left: the model then beats anything published."""
    y = tables["left"].to_numpy(int)
    found = scored.auc(y, logistic.out_of_fold(dummies(tables[[*FACTS, leak]]), y, tables["Customer ID"]))
    assert leakage.too_good(found, KNOWN_BEST)


def test_the_status_column_is_named_as_suspect(tables):
    x = dummies(tables[[*FACTS, "Customer Status"]])
    assert leakage.suspects(tables["left"], x).index.tolist() == ["Customer Status_Churned"]
