"""Prediction: planted causes are found, noise is not, reasons multiply to the whole, and few losses give no model."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from kamlib import words
from kamlib.churn import alerts, backtest, prediction
from kamlib.churn.signals import POINTS
from kamlib.models import logistic, scored


def panel_of(seed, accounts=120, months=6, effect=1.6, rate=-3.0):
    """A made panel: every account has a lasting sign "late_deliveries" or not, which multiplies its odds of leaving."""
    random = np.random.default_rng(seed)
    rows = accounts * months
    sign = np.repeat(random.random(accounts) < 0.3, months)
    leaves = np.repeat(random.random(accounts) < expit(rate + effect * sign[::months] + 1.2), months)
    table = pd.DataFrame({
        "cutoff": np.tile(pd.date_range("2024-01-31", periods=months, freq="ME"), accounts),
        "account_id": np.repeat([f"n{i:03d}" for i in range(accounts)], months), "state": "repeat",
        **{name: (random.random(rows) < 0.2) * float(points) for name, points in POINTS.items()},
        "gap_ratio": random.gamma(2, 0.5, rows), "margin": random.gamma(1, 1e5, rows), "revenue": random.gamma(1, 1e6, rows),
        "left": leaves & (random.random(rows) < 0.7), "lead_days": 40.0, "pending": False,
    })  # fmt: skip
    table["late_deliveries"] = sign * 2.0
    table["risk_points"] = table[list(POINTS)].sum(axis=1)
    return table


@pytest.fixture(scope="module")
def made():
    panel = panel_of(1, accounts=250)
    return panel, prediction.scores_table(panel)


def test_a_planted_cause_is_found_on_accounts_never_seen(made):
    panel, scores = made
    table = prediction.models_table(scores, cost=5_000).set_index("ranking")
    assert table["auc_share_low"]["logistic_model"] > 0.5
    assert table["auc_share"]["logistic_model"] > table["auc_share"]["by_gap_ratio"]
    assert table["calibration_gap_rate"]["logistic_model"] < 0.06
    model = prediction.fitted(panel)
    assert model.coef.idxmax() == "late_deliveries"


def test_a_company_without_signals_raises_no_alarm():
    """Where nothing tells who leaves, the interval of the AUC lies above a half in at most one of twenty companies, give
    or take the error of 60 companies."""
    alarms, areas = [], []
    for seed in range(60):
        panel = panel_of(seed, effect=0.0, rate=-2.2).assign(late_deliveries=0.0)
        y, groups = panel["left"].to_numpy(int), panel["account_id"].to_numpy()
        model = logistic.out_of_fold(prediction.features(panel), y, groups, ridge=prediction.RIDGE, n=prediction.FOLDS)
        bounds = [scored.auc_interval(y, score, groups, n=200) for score in (panel["risk_points"], model)]
        alarms.append([low > 0.5 for low, _ in bounds])
        areas.append(scored.auc(y, model))
    assert np.mean(alarms, axis=0).max() <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 60)
    assert np.mean(areas) < 0.53


def test_the_interval_of_a_loss_rate_covers_the_truth_although_months_repeat():
    """200 companies whose accounts leave with probability .3 and then in every month: 95 % intervals cover 92–98 %, where
    intervals over rows would cover half of the time."""
    from kamlib import stats

    covered, naive = [], []
    for seed in range(200):
        leaves = np.random.default_rng(seed).random(80) < 0.3
        rows = pd.DataFrame({"account_id": np.repeat(np.arange(80), 6), "left": np.repeat(leaves, 6)})
        low, high = backtest.loss_interval(rows)
        covered.append(low <= 0.3 <= high)
        low, high = stats.wilson(rows["left"].sum(), len(rows))
        naive.append(low <= 0.3 <= high)
    assert 0.92 <= np.mean(covered) <= 0.98
    assert np.mean(naive) < 0.7


def test_said_and_seen_are_compared_on_every_row(made):
    _, scores = made
    table = prediction.calibration_table(scores)
    assert table["n_rows"].sum() == len(scores)
    assert table["n_left"].sum() == scores["left"].sum()
    assert (table["n_rows"].max() - table["n_rows"].min()) <= 1
    for lang, text in (("en", "percentage points"), ("zh", "个百分点")):
        assert text in prediction.calibration_text(table, lang)
    assert not [column for column in table.columns if column not in words.LABELS]


def test_reasons_multiply_to_the_odds_exactly(made):
    panel, _ = made
    now = panel[panel["cutoff"] == panel["cutoff"].max()].drop(columns="revenue")
    mart = panel.drop_duplicates("account_id")[["account_id", "revenue"]].assign(
        account_name=lambda rows: rows["account_id"]
    )
    model = prediction.fitted(panel)
    table = prediction.reasons_table(model, now, mart, top_n=10)
    factors = table.drop(columns=["account_name", "probability_share", "odds_index"])
    assert factors.prod(axis=1).to_numpy() == pytest.approx(table["odds_index"].to_numpy(), rel=1e-4)
    p = table["probability_share"]
    assert (p / (1 - p)).to_numpy() == pytest.approx(np.exp(model.intercept) * table["odds_index"].to_numpy(), rel=1e-9)
    assert p.is_monotonic_decreasing
    assert "late deliveries ×" in prediction.reasons_of(table.iloc[0], "en")


def test_below_twenty_lost_customers_there_is_no_model():
    panel = panel_of(2, accounts=40)
    panel["left"] = panel["account_id"].isin(["n001", "n002", "n003"])
    scores = prediction.scores_table(panel)
    table = prediction.models_table(scores)
    assert set(table["ranking"]) == set(prediction.SCORES)
    assert "On 3 lost customers, too few to fit a model (20 needed)" in prediction.models_claim(table, "en")
    assert prediction.calibration_table(scores).empty
    assert "cannot be said" in prediction.calibration_text(prediction.calibration_table(scores), "en")
    assert prediction.fitted(panel) is None
    assert prediction.reasons_table(None, panel, panel).empty


def test_where_nobody_left_nothing_is_judged():
    scores = prediction.scores_table(panel_of(2, accounts=40).assign(left=False))
    assert prediction.models_table(scores).empty
    assert alerts.gains_table(scores, prediction.rankings(scores)).empty


def test_undecided_rows_are_in_no_count(made):
    panel, _ = made
    open_rows = panel.assign(pending=panel.index % 5 == 0)
    assert len(backtest.decided(open_rows)) == (~open_rows["pending"]).sum()
    assert (
        backtest.backtest_table(open_rows).set_index("ranking").loc["everybody", "n_alerts"]
        == (~open_rows["pending"]).sum()
    )
    assert alerts.months_table(open_rows)["n_customers"].sum() == (~open_rows["pending"]).sum()


def test_gains_end_at_everything_and_a_list_twice_as_long_finds_no_less(made):
    _, scores = made
    table = alerts.gains_table(scores, prediction.SCORES)
    for _, rows in table.groupby("ranking"):
        assert rows["recall_rate"].is_monotonic_increasing
        assert rows["recall_rate"].iloc[[0, -1]].tolist() == [0, 1]


def test_months_and_managers_count_the_same_alerts(made):
    panel, _ = made
    accounts = pd.DataFrame({"account_id": panel["account_id"].unique()}).assign(owner=lambda rows: rows.index % 3)
    months, calendar = alerts.months_table(panel), alerts.calendar_table(panel, accounts)
    assert months["n_alerts"].sum() == calendar["n_alerts"].sum()
    assert (months["n_alerts"] == months["n_hits"] + months["n_false"]).all()
    assert len(calendar) == 3 * 6
    first = calendar[calendar["cutoff"] == calendar["cutoff"].min()]
    assert (first["n_new"] == first["n_alerts"]).all()
    assert calendar["n_new"].sum() < calendar["n_alerts"].sum()


def test_where_nothing_can_be_tested_nothing_is_said(made):
    panel, _ = made
    accounts = pd.DataFrame({"account_id": panel["account_id"].unique()}).assign(owner=None)
    assert alerts.months_table(panel.assign(left=False)).empty
    assert alerts.calendar_table(panel, accounts).empty
    quiet = alerts.months_table(panel.assign(risk_points=0.0))
    for lang in words.LANGUAGES:
        assert "n/a" not in alerts.months_claim(quiet, lang)
    empty = panel.head(0)
    activities = pd.DataFrame({"account_id": ["n1"], "type": ["visit"], "happened_at": pd.to_datetime(["2024-05-01"])})
    assert alerts.followed_table(empty, activities)["n_alerts"].sum() == 0
    assert alerts.months_table(empty).empty


def test_only_visits_after_the_alert_and_before_the_loss_count():
    panel = panel_of(0, accounts=4, months=1).assign(
        risk_points=5, left=[True, True, False, False], lead_days=[40.0, 40.0, np.nan, np.nan]
    )
    met = pd.DataFrame({
        "account_id": ["n000", "n001", "n002", "n003"], "type": ["visit", "visit", "call", "meeting"],
        "happened_at": pd.to_datetime(["2024-02-20", "2024-03-20", "2024-02-20", "2024-02-10 15:00"], format="ISO8601"),
    })  # fmt: skip
    table = alerts.followed_table(panel, met).set_index("followed")
    assert table["n_alerts"].to_dict() == {"visited": 2, "not_visited": 2}
    assert table["n_left"].to_dict() == {"visited": 1, "not_visited": 1}


DRAWN = {
    "models": (prediction.plot_models, prediction.models_claim),
    "months": (alerts.plot_months, alerts.months_claim),
    "calendar": (alerts.plot_calendar, alerts.calendar_claim),
    "gains": (alerts.plot_gains, alerts.gains_claim),
}


@pytest.mark.parametrize("name", DRAWN)
def test_every_exhibit_is_drawn_and_said_in_both_languages(made, name):
    panel, scores = made
    accounts = pd.DataFrame({"account_id": panel["account_id"].unique()}).assign(owner="Ada")
    table = {
        "models": lambda: prediction.models_table(scores),         "months": lambda: alerts.months_table(panel), "calendar": lambda: alerts.calendar_table(panel, accounts),
        "gains": lambda: alerts.gains_table(scores, prediction.SCORES),
    }[name]()  # fmt: skip
    plot, claim = DRAWN[name]
    assert plot(table).figure
    assert not [column for column in table.columns if column not in words.LABELS]
    said = [claim(table, lang=lang) for lang in words.LANGUAGES]
    assert said[0] != said[1]
    assert "nan" not in "".join(said)
