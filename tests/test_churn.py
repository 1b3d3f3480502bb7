"""Churn: published figures, hand-made portfolios, identities, and the test of the early warning on its own past."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from kamlib import churn, lifecycle, stats, words
from kamlib.churn import backtest, compared, early_warning, reasons, retention, signals, survival
from kamlib.practice import Practice
from kamlib.practice.churn import QUESTIONS
from kamlib.sample import stories
from kamlib.settings import Settings

SETTINGS = Settings()
DAY0 = pd.Timestamp("2023-01-01")


def days(**timelines) -> pd.DataFrame:
    rows = [
        (account, DAY0 + pd.Timedelta(days=int(day)), 10.0)
        for account, all_days in timelines.items()
        for day in all_days
    ]
    return pd.DataFrame(rows, columns=["account_id", "order_date", "amount"]).astype({"order_date": "datetime64[us]"})


def accounts(*names: str, created=None) -> pd.DataFrame:
    dates = pd.to_datetime(created or [None] * len(names)).astype("datetime64[us]")
    return pd.DataFrame({"account_id": names, "account_name": names, "industry": "x", "created_at": dates})


def on(day: int) -> dt.date:
    return (DAY0 + pd.Timedelta(days=day)).date()


NO_RETURNS = pd.DataFrame({"account_id": [], "return_date": pd.to_datetime([]), "amount": []})
MONTHLY = range(0, 1096, 30)


@pytest.fixture(scope="module")
def portfolio():
    """Ten customers of a year ago, of whom one left and one left and came back; two won since; all seen to the end."""
    stay = {f"s{i}": MONTHLY for i in range(8)}
    order_days = days(
        **stay,
        gone=range(0, 800, 30),
        back=[*range(0, 600, 30), *range(900, 1096, 30)],
        new=range(800, 1096, 30),
        n2=[1000],
    )
    facts = (order_days, on(1095), SETTINGS, accounts(*stay, "gone", "back", "new", "n2"))
    known = lifecycle.silences(*facts)
    return facts, known, lifecycle.loss_events(known, on(1095))


# --- published figures ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("k", "n", "low", "high"), [(3, 30, 0.035, 0.256), (0, 30, 0.0, 0.114)])
def test_wilson_examples_of_the_methods_page(k, n, low, high):
    assert stats.wilson(k, n) == pytest.approx((low, high), abs=6e-4)


def test_retention_example_of_the_methods_page():
    """10.0 + 1.8 − 0.6 − 0.9 gives GRR 85 % and NRR 103 %."""
    start = pd.Series({"a": 4.0, "b": 3.0, "c": 2.1, "d": 0.9})
    end = pd.Series({"a": 5.8, "b": 2.4, "c": 2.1})
    table = retention.retention_table(start, end, pd.Series({"a": False, "b": False, "c": False, "d": True}))
    assert table["grr_rate"].iloc[0] == pytest.approx(0.85)
    assert table["nrr_rate"].iloc[0] == pytest.approx(1.03)
    assert table.set_index("step")["amount"].to_dict() == pytest.approx(
        {"revenue_then": 10.0, "lost_customers": -0.9, "contraction": -0.6, "expansion": 1.8, "revenue_now": 10.3}
    )


# --- rates ---------------------------------------------------------------------------------------------------------


def test_the_denominator_is_the_customers_at_the_start(portfolio):
    """D.11-5: customers won in the period stand in neither count."""
    facts, known, events = portfolio
    start, end = pd.Timestamp(on(730)), pd.Timestamp(on(1095))
    lost = churn.lost_flags(known, events, start, end)
    assert set(lost.index) == {
        *(f"s{i}" for i in range(8)),
        "gone",
    }  # `back` had left by then; the new ones were not there
    assert lost[lost].index.tolist() == ["gone"]
    assert set(churn.customers_on(known, events, end)) == {*(f"s{i}" for i in range(8)), "back", "new", "n2"}


def test_a_table_of_periods(portfolio):
    facts, known, events = portfolio
    revenue = churn.revenue_rows(facts[0], NO_RETURNS)
    table = churn.churn_table(known, revenue, on(1095), SETTINGS, months=12, periods=2)
    last = table.iloc[-1]
    assert (last["n_start"], last["n_churned"], last["n_pending"]) == (9, 1, 0)
    assert last["churn_rate"] == pytest.approx(1 / 9)
    assert (last["churn_rate_low"], last["churn_rate_high"]) == pytest.approx(stats.wilson(1, 9))
    assert last["lost_revenue"] == churn.revenue_year(revenue, on(730))["gone"]
    assert last["revenue_churn_rate"] == pytest.approx(last["lost_revenue"] / last["revenue_start"])
    assert table["mature"].tolist() == [True, False]
    assert table["period_end"].iloc[0] == table["period_start"].iloc[1] == pd.Timestamp("2024-12-31")


def test_rates_of_companies_with_a_known_hazard_are_unbiased_and_covered():
    """400 companies of 110 customers who order every 30 days and stop with a chance of 8 % in the last half-year: the rate
    counted from their orders is unbiased, and its interval covers 8 % in 93–97 % of them, give or take."""
    random, rates, covered = np.random.default_rng(11), [], []
    start = pd.Timestamp(on(730))
    for k in random.binomial(110, 0.08, 400):
        known = pd.DataFrame({"account_id": np.arange(110), "first_order": DAY0})
        events = pd.DataFrame({"account_id": np.arange(k), "churn_date": start + 60 * churn.DAY, "returned": pd.NaT})
        row = churn._rates(churn.lost_flags(known, events, start, on(912)), pd.Series(0.0, index=np.arange(110)), 6)
        rates.append(row["churn_rate"])
        covered.append(row["churn_rate_low"] <= 0.08 <= row["churn_rate_high"])
    assert np.mean(rates) == pytest.approx(0.08, abs=3 * np.std(rates) / np.sqrt(400))
    assert 0.92 <= np.mean(covered) <= 0.98


def test_retention_of_revenue_is_unbiased_and_covered():
    """120 companies of 120 customers of unequal size of whom each keeps 0 to 140 % of its revenue: the truth of gross and
    net retention lies in 92–98 % of their bootstrap intervals."""
    keeps = np.array([0.0, 0.6, 1.0, 1.4])
    truth = np.array([np.minimum(keeps, 1).mean(), keeps.mean()])
    found, covered = [], []
    for seed in range(120):
        random = np.random.default_rng(seed)
        size = random.lognormal(0, 0.5, 120)
        part = random.choice(keeps, 120)
        row = retention.retention_table(pd.Series(size), pd.Series(size * part), pd.Series(part == 0)).iloc[0]
        found.append([row["grr_rate"], row["nrr_rate"]])
        covered.append(
            [row[f"{n}_low"] <= t <= row[f"{n}_high"] for n, t in zip(("grr_rate", "nrr_rate"), truth, strict=True)]
        )
    error = np.std(found, axis=0) / np.sqrt(120)
    assert (np.abs(np.mean(found, axis=0) - truth) < 3 * error).all()
    assert ((np.mean(covered, axis=0) >= 0.91) & (np.mean(covered, axis=0) <= 0.985)).all()


def test_a_silence_that_is_not_decided_counts_as_pending_and_not_as_lost():
    order_days = days(a=MONTHLY, b=range(0, 960, 30))  # b silent since day 930
    known = lifecycle.silences(order_days, on(1095), SETTINGS, accounts("a", "b"))
    table = churn.churn_table(
        known, churn.revenue_rows(order_days, NO_RETURNS), on(1095), SETTINGS, months=6, periods=1
    )
    assert (table["n_start"].item(), table["n_churned"].item(), table["n_pending"].item()) == (2, 0, 1)


def test_a_period_without_customers_has_no_rate():
    order_days = days(a=range(0, 300, 30))
    known = lifecycle.silences(order_days, on(1500), SETTINGS, accounts("a"))
    revenue = churn.revenue_rows(order_days, NO_RETURNS)
    assert churn.churn_table(known, revenue, on(1500), SETTINGS, months=6, periods=2).empty
    assert retention.year_table(known, lifecycle.loss_events(known, on(1500)), revenue, on(1500)).empty


def test_six_months_of_three_percent_are_not_six_percent_a_year():
    flags = pd.Series([True] + [False] * 9)
    assert churn._rates(flags, pd.Series(1.0, index=flags.index), 6)["yearly_rate"] == pytest.approx(1 - 0.9**2)


def test_returns_reduce_revenue():
    back = pd.DataFrame({"account_id": ["a"], "return_date": [DAY0 + pd.Timedelta(days=20)], "amount": [4.0]})
    rows = churn.revenue_rows(days(a=[0, 10]), back)
    assert churn.revenue_year(rows, on(30))["a"] == 16.0
    assert churn.revenue_year(rows, on(15))["a"] == 20.0


def test_definitions_share_the_customers_and_differ_in_what_they_call_lost(portfolio):
    facts, known, _ = portfolio
    contracts = pd.DataFrame(
        {"account_id": ["s0", "s1", "s1"], "start_date": [DAY0] * 2 + [DAY0 + pd.Timedelta(days=900)],
         "end_date": [DAY0 + pd.Timedelta(days=n) for n in (899, 899, 1300)]}
    ).astype({"start_date": "datetime64[us]", "end_date": "datetime64[us]"})  # fmt: skip
    losses = pd.DataFrame({"account_id": ["gone", "s3", "new"], "lost_at": [pd.Timestamp(on(900))] * 3})
    table = compared.definition_table((*facts, contracts), losses, on(1095)).set_index("definition")
    assert table["n_churned"].to_dict() == {
        "tau2_70": 1, "tau2_100": 1, "tau2_130": 1, "recorded": 2, "contract_ended": 1,
        "start_active": 1, "start_ever": 1, "with_new": 1,
    }  # fmt: skip
    assert table["n_start"][["start_active", "start_ever", "with_new"]].tolist() == [9, 10, 11]
    assert table["n_start"]["contract_ended"] == 2
    assert table["n_start"]["recorded"] == 9


def test_every_definition_is_decided_by_the_last_month_that_is_compared():
    assert compared.last_decided(dt.date(2025, 12, 31), SETTINGS) == pd.Timestamp("2025-07-31")  # 144 days before
    assert compared.last_decided(dt.date(2025, 12, 22), SETTINGS) == pd.Timestamp("2025-07-31")
    assert compared.last_decided(dt.date(2025, 12, 21), SETTINGS) == pd.Timestamp("2025-06-30")


def test_segments_add_up_and_the_worst_of_many_is_not_called_proven():
    lost = pd.Series([True] + [False] * 39, index=[f"n{i}" for i in range(40)])
    mart = pd.DataFrame({"account_id": lost.index, "region": [f"r{i // 5}" for i in range(39)] + [None]})
    table = compared.segment_table(lost, mart)
    assert (table["n_start"].sum(), table["n_churned"].sum()) == (40, 1)
    assert "unknown" in set(table["segment"])
    assert table["shrunk_rate"].between(0, 0.2).all()
    assert "within chance" in compared.segments_claim(table)
    proven = pd.Series([True] * 20 + [False] * 80, index=[f"n{i}" for i in range(100)])
    mart = pd.DataFrame({"account_id": proven.index, "region": ["r1"] * 25 + ["r2"] * 75})
    assert "more than chance" in compared.segments_claim(compared.segment_table(proven, mart))


# --- retention of revenue ------------------------------------------------------------------------------------------

amounts = st.lists(st.tuples(st.floats(-50, 1e4), st.floats(-50, 1e4), st.booleans()), min_size=1, max_size=12)


@hypothesis_settings(max_examples=40, deadline=None)
@given(amounts)
def test_gross_retention_never_exceeds_one_and_the_bridge_closes(rows):
    start, end, lost = (pd.Series(column) for column in zip(*rows, strict=True))
    table = retention.retention_table(start, end, lost.astype(bool))
    if len(table):
        grr, nrr = table["grr_rate"].iloc[0], table["nrr_rate"].iloc[0]
        assert grr <= 1 + 1e-12
        assert grr <= nrr + 1e-12
        by_step = table.set_index("step")["amount"]
        inner = by_step[["lost_customers", "contraction", "expansion"]].sum()
        assert by_step["revenue_then"] + inner == pytest.approx(by_step["revenue_now"], abs=1e-6)
        changed = table[table["kind"] == "change"]["n_accounts"].sum()
        assert changed <= table["n_accounts"].iloc[0]


def test_retention_needs_a_full_year_before_the_start(portfolio):
    (order_days, *_), known, events = portfolio
    revenue = churn.revenue_rows(order_days, NO_RETURNS)
    assert len(retention.year_table(known, events, revenue, on(1095))) == 5
    assert retention.year_table(known, events, revenue, on(600)).empty


# --- reasons -------------------------------------------------------------------------------------------------------


def test_reasons_share_a_loss_and_silence_without_a_record_is_unknown():
    order_days = days(a=[700, 730], b=[720], c=[700], d=[10])
    events = pd.DataFrame(
        {"account_id": ["a", "b", "d"], "last_order": [DAY0 + pd.Timedelta(days=n) for n in (730, 720, 10)],
         "churn_date": [DAY0 + pd.Timedelta(days=n) for n in (821, 811, 101)], "returned": pd.NaT}
    )  # fmt: skip
    day = DAY0 + pd.Timedelta(days=850)
    losses = pd.DataFrame(
        {"account_id": ["a", "a", "c"], "lost_at": [day, day, day], "reason": ["price", "service", "price"],
         "weight": [3.0, 1.0, None], "competitor": [None, None, "Rival"]}
    )  # fmt: skip
    table = reasons.loss_table(losses, events, churn.revenue_rows(order_days, NO_RETURNS), on(1095))
    assert table.groupby("account_id")["reason_share"].sum().to_dict() == {
        "a": 1.0,
        "b": 1.0,
        "c": 1.0,
    }  # d is long ago
    by_reason = reasons.reasons_table(table).set_index("churn_reason")
    assert by_reason["weighted_index"].to_dict() == {"price": 1.75, "service": 0.25, "unknown": 1.0}
    assert by_reason["lost_revenue"].to_dict() == {"price": 25.0, "service": 5.0, "unknown": 10.0}
    assert by_reason["loss_share"].sum() == pytest.approx(1)
    assert by_reason["cum_revenue_share"].iloc[-1] == pytest.approx(1)
    assert "of 3 losses 1 have no known reason" in reasons.reasons_claim(by_reason.reset_index())


def test_every_reason_has_a_change_and_somebody_who_owns_it():
    for reason in reasons.REASONS:
        for kind in ("reason", "change", "duty"):
            assert f"{kind}_{reason}" in words.LABELS


# --- survival ------------------------------------------------------------------------------------------------------


def test_customers_from_before_the_data_enter_at_the_age_they_had(portfolio):
    order_days = days(old=MONTHLY, undated=MONTHLY, new=range(200, 500, 30), young=[1090])
    table = accounts("old", "undated", "new", "young", created=[DAY0 - pd.Timedelta(days=1000), None, None, None])
    known = lifecycle.silences(order_days, on(1095), SETTINGS, table)
    events = lifecycle.loss_events(known, on(1095))
    found = survival.tenure_table(known, events, table, on(1095), SETTINGS).set_index("account_id")
    assert set(found.index) == {"old", "new"}  # `undated` has no known age, `young` was not seen long enough
    assert found.loc["old"].to_dict() == {
        "entry_days": 1000, "tenure_days": 1000 + 1095 - 90, "churned": False, "before_data": True,
    }  # fmt: skip
    assert found.loc["new"].to_dict() == {
        "entry_days": 0,
        "tenure_days": 270 + 91,
        "churned": True,
        "before_data": False,
    }


def test_delayed_entry_is_unbiased_where_ignoring_it_is_not():
    """D.11-6: exponential lives of mean 1000 days, seen only from a random age on: the curve must still be exp(−t ÷ 1000)."""
    random = np.random.default_rng(3)
    entry, life = random.integers(0, 1500, 4000), np.ceil(random.exponential(1000, 4000)).astype(int)
    seen = life > entry
    tenures = pd.DataFrame(
        {"entry_days": entry[seen], "tenure_days": np.minimum(life, 2000)[seen], "churned": life[seen] <= 2000}
    )
    table = survival.survival_table(tenures[tenures["tenure_days"] > tenures["entry_days"]])
    at = table[table["tenure_days"] <= 1000].iloc[-1]
    assert at["survival_rate"] == pytest.approx(np.exp(-1), abs=0.04)
    naive = survival.survival_table(tenures.assign(entry_days=0))
    assert naive[naive["tenure_days"] <= 1000].iloc[-1]["survival_rate"] > np.exp(-1) + 0.1


def test_the_number_at_risk_stands_under_every_year_of_the_picture(tables):
    """D.11-6: a curve without its risk table hides where it may be read."""
    table = tables["survival"]
    labels = [text.get_text().split("\n") for text in survival.plot_survival(table).get_xticklabels()]
    assert len(labels) >= 10
    for year, n in labels:
        nearest = (table["tenure_days"] - round(int(year) * survival.YEAR_DAYS)).abs().idxmin()
        assert int(n) == table["n_observed"][nearest]


def test_the_restricted_mean_is_the_area_under_the_curve():
    tenures = pd.DataFrame(
        {"entry_days": 0, "tenure_days": [10] * 10 + [20] * 20, "churned": [True] * 10 + [False] * 20}
    )
    table = survival.survival_table(tenures)
    found = survival.mean_days(table)
    assert (found["mean"], found["horizon"]) == pytest.approx((10 + 10 * 2 / 3, 20))
    error = 10 * 2 / 3 * np.sqrt(10 / (30 * 20))  # Greenwood: the area after day 10, times the root of d ÷ n(n − d)
    assert found["mean"] - found["low"] == pytest.approx(1.959964 * error)
    assert np.isnan(survival.median_days(table))
    assert "median not reached" in survival.survival_claim(table)
    assert survival.survival_table(tenures.assign(churned=False)).empty


# --- early warning -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def warned(sample):
    points = signals.signal_table(sample)
    panel = backtest.panel_table(sample, backtest.cutoffs(sample)[-4:])
    bands = backtest.band_table(panel)
    return points, panel, bands, early_warning.warning_table(points, sample.mart, bands)


def test_points_are_the_sum_of_the_signals_that_speak(warned):
    table, *_ = warned
    assert (table[list(signals.POINTS)].sum(axis=1) == table["risk_points"]).all()
    for name, points in signals.POINTS.items():
        assert set(table[name].dropna()) <= {0.0, float(points)}
    assert ((table[list(signals.SILENCE)] > 0).sum(axis=1) <= 1).all()
    assert not table["state"].isin(["prospect", "churned"]).any()


def test_the_champion_who_left_is_on_the_list(warned):
    table = warned[3]
    row = table[table["account_id"] == stories.CHAMPION_ACCOUNT]
    assert row["champion_left"].item() == signals.POINTS["champion_left"]
    assert row.index.item() < 10
    assert "champion left" in early_warning.reasons_of(row.iloc[0], "en")


def test_the_outcome_lies_in_the_six_months_after_the_cutoff(warned, sample):
    _, panel, *_ = warned
    left = panel[panel["left"]]
    assert left["lead_days"].between(1, 184).all()
    assert panel.groupby(["cutoff", "account_id"]).size().max() == 1
    assert not (panel["pending"] & panel["left"]).any()
    assert max(panel["cutoff"]) + pd.DateOffset(months=6) <= pd.Timestamp(sample.as_of) - pd.Timedelta(days=90)


def test_bands_count_every_row_once(warned):
    _, panel, bands, _ = warned
    assert bands["n_accounts"].sum() == (~panel["pending"]).sum()
    assert bands["n_left"].sum() == panel["left"].sum()


def panel_of(points, left, cutoffs=2):
    parts = [
        pd.DataFrame(
            {"cutoff": DAY0 + pd.Timedelta(days=i), "account_id": [f"n{j}" for j in range(len(points))], "state": "repeat",
             "risk_points": points, "margin": 1.0, "gap_ratio": points[::-1], "revenue": points, "left": left, "lead_days": 30.0, "pending": False}
        )
        for i in range(cutoffs)
    ]  # fmt: skip
    return pd.concat(parts)


def test_a_perfect_and_a_useless_ranking_are_told_apart():
    left = [True, True] + [False] * 18
    table = backtest.backtest_table(panel_of(list(range(20, 0, -1)), left)).set_index("ranking")
    assert table.loc["by_points", ["n_alerts", "n_hits"]].tolist() == [4, 4]
    assert table["precision_rate"].to_dict() == pytest.approx(
        {"by_points": 1.0, "by_gap_ratio": 0.0, "by_revenue": 0.0, "everybody": 0.1}
    )
    assert table["lift_index"]["by_points"] == pytest.approx(10)
    assert table["recall_rate"]["by_points"] == 1
    assert backtest.backtest_table(panel_of([1, 2], [False, False])).empty


def test_the_visits_and_the_offers_come_from_the_list(warned, sample):
    points, _, _, table = warned
    visits = early_warning.saves_table(table, sample.frame("accounts"), sample.as_of, "en")
    assert visits["value_at_risk"].is_monotonic_decreasing
    assert (visits["risk_points"] >= early_warning.ALERT).all()
    offers = early_warning.upsell_table(sample.mart, points, sample.as_of)
    assert (offers["satisfaction_mean"] >= 4).all()
    assert not set(offers["account_name"]) & set(visits["account_name"])


def test_what_was_not_measured_is_neither_a_reason_nor_in_the_way(warned, sample):
    table = warned[3].assign(champion_left=pd.NA, payment_late=pd.NA)
    visits = early_warning.saves_table(table, sample.frame("accounts"), sample.as_of, "en")
    assert len(visits) == 5
    assert not visits["reasons"].str.contains("champion").any()
    assert visits["action"].notna().all()


# --- the sample ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tables(sample, warned):
    facts = (sample.order_days, sample.as_of, sample.settings, sample.frame("accounts"), sample.frame("contracts"))
    known = lifecycle.silences(*facts)
    events = lifecycle.loss_events(known, sample.as_of)
    revenue = churn.revenue_rows(sample.order_days, sample.frame("returns"))
    end = pd.Timestamp(sample.as_of)
    start = end - pd.DateOffset(years=1)
    lost = churn.lost_flags(known, events, start, end)
    losses = sample.frame("losses")
    listed = reasons.loss_table(losses, events, revenue, sample.as_of)
    return {
        "churn": churn.churn_table(known, revenue, sample.as_of, sample.settings),
        "definitions": compared.definition_table(facts, losses, compared.last_decided(sample.as_of, sample.settings)),
        "segments": compared.segment_table(lost, sample.mart),
        "retention": retention.year_table(known, events, revenue, sample.as_of),
        "reasons": reasons.reasons_table(listed),
        "survival": survival.survival_table(
            survival.tenure_table(known, events, facts[3], sample.as_of, sample.settings)
        ),
        "backtest": backtest.backtest_table(warned[1]),
        "warnings": warned[3],
    }


def test_revenue_of_the_last_year_is_the_one_of_the_mart(sample):
    revenue = churn.revenue_rows(sample.order_days, sample.frame("returns"))
    ours = churn.revenue_year(revenue, sample.as_of)
    mart = sample.mart.set_index("account_id")["revenue"]
    assert ours.sum() == pytest.approx(mart.sum(), abs=0.01)


def test_customers_of_today_are_those_whose_state_says_so(sample):
    facts = (sample.order_days, sample.as_of, sample.settings, sample.frame("accounts"), sample.frame("contracts"))
    known = lifecycle.silences(*facts)
    now = lifecycle.states(*facts).set_index("account_id")["state"]
    today = churn.customers_on(known, lifecycle.loss_events(known, sample.as_of), sample.as_of)
    assert set(today) == set(now.index[now.isin(lifecycle.CUSTOMERS)])


def test_late_deliveries_make_service_a_costly_reason(tables):
    assert "service" in set(tables["reasons"]["churn_reason"].head(2))


EXHIBITS = {
    "churn": (churn.plot_churn, churn.churn_claim),
    "definitions": (compared.plot_definitions, compared.definitions_claim),
    "segments": (compared.plot_segments, compared.segments_claim),
    "retention": (retention.plot_retention, retention.retention_claim),
    "reasons": (reasons.plot_reasons, reasons.reasons_claim),
    "survival": (survival.plot_survival, survival.survival_claim),
    "backtest": (backtest.plot_backtest, backtest.backtest_claim),
    "warnings": (early_warning.plot_warnings, early_warning.warnings_claim),
}


@pytest.mark.parametrize("name", EXHIBITS)
def test_every_exhibit_is_drawn_and_said_in_both_languages(tables, name):
    plot, claim = EXHIBITS[name]
    table = tables[name]
    for lang in words.LANGUAGES:
        assert "nan" not in claim(table, lang=lang)
        assert plot(table).figure
    assert claim(table, lang="en") != claim(table, lang="zh")
    assert not [column for column in table.columns if column not in words.LABELS]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.id)
def test_practice_takes_the_right_answer_and_hints_at_the_wrong_ones(sample, question):
    check = Practice(sample, "07")
    right = question.answer(sample)
    assert check(question.id, right).right is True
    assert check(question.id, None).right is None
    for trap, hint in question.traps:
        verdict = check(question.id, trap(sample))
        assert verdict.right is False, trap(sample)
        assert hint[0] in verdict.text
    for hint in question.hints:
        assert str(right) not in hint[0]
