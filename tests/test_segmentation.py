"""Segments, tiers, tables, matrix, ABC and RFM: published numbers, invariants, and books of awkward size."""

import datetime as dt
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from kamlib import segmentation, words
from kamlib.errors import InputError
from kamlib.mart import COLUMNS
from kamlib.mart.window import windows
from kamlib.practice import Practice, matches
from kamlib.practice.segmentation import QUESTIONS
from kamlib.segmentation import matrix, ranking, scoring, tiering
from kamlib.settings import Settings, Tiers

RULE, AS_OF = Tiers(), dt.date(2025, 12, 31)
TEXTS = (
    "account_id",
    "account_name",
    "account_no",
    "region",
    "country",
    "industry",
    "account_type",
    "owner",
    "department",
)


def book(n: int, seed: int = 0) -> pd.DataFrame:
    """A mart of `n` invented accounts with correlated size, some of them without cost, wallet or history."""
    draw = np.random.default_rng(seed)
    size = np.exp(draw.normal(0, 1.2, n))
    mart = pd.DataFrame(np.nan, index=range(n), columns=list(COLUMNS))
    mart[list(TEXTS)] = mart[list(TEXTS)].astype(object)
    mart["account_id"] = [f"{i:04d}" for i in range(n)]
    mart["account_name"] = [f"Account {i}" for i in range(n)]
    mart["account_no"] = [f"{i:03d}" for i in range(n)]
    mart["region"] = draw.choice(np.array(["East", "North", None], dtype=object), n)
    mart["industry"] = draw.choice(np.array(["Machinery", "Chemicals", "Energy"], dtype=object), n)
    mart["owner"] = draw.choice(np.array(["Ada", "Bo"], dtype=object), n)
    mart["is_key_account"] = True
    mart["first_order"] = pd.Timestamp("2023-01-05")
    mart["employees"], mart["annual_revenue"] = (size * 400).round(), (size * 4e7).round()
    mart["revenue"] = (size * 1e6 * draw.lognormal(0, 0.4, n)).round(2)
    mart["revenue_prev"] = (mart["revenue"] * draw.lognormal(0, 0.2, n)).round(2)
    mart["growth"] = mart["revenue"] / mart["revenue_prev"] - 1
    mart["gross_margin"] = (mart["revenue"] * draw.uniform(0.1, 0.4, n)).round(2)
    mart["contribution"] = mart["gross_margin"] - 100_000
    mart["wallet"] = np.where(draw.random(n) < 0.8, mart["revenue"] * draw.uniform(0.9, 5, n), np.nan)
    mart["open_pipeline"] = mart["revenue"] * draw.uniform(0, 1, n)
    mart["influence"] = draw.integers(1, 6, n) * 20.0
    mart["n_orders"] = (draw.poisson(size * 8) + 1).astype(float)
    mart["tenure_days"] = draw.integers(30, 1095, n).astype(float)
    mart["recency_days"] = draw.integers(0, 120, n).astype(float)
    mart["active_month_share"] = draw.uniform(0.1, 1, n)
    mart["median_gap_days"] = 365 / mart["n_orders"]
    mart["gap_ratio"] = mart["recency_days"] / mart["median_gap_days"]
    mart["gap_variation_ratio"] = draw.uniform(0, 2.5, n)
    mart["n_answers"] = draw.integers(0, 6, n).astype(float)
    mart["satisfaction_mean"] = draw.uniform(1, 5, n)
    mart["recommend_mean"] = np.where(draw.random(n) < 0.5, draw.uniform(0, 10, n), np.nan)
    return mart


def prospect(mart: pd.DataFrame) -> pd.DataFrame:
    """`mart` and one more account that never ordered."""
    row = dict.fromkeys(COLUMNS, np.nan) | {"account_id": "new", "account_name": "Prospect", "is_key_account": False}
    zero = dict.fromkeys(("revenue", "revenue_prev", "n_orders", "contribution", "gross_margin", "n_answers"), 0.0)
    return pd.concat([mart, pd.DataFrame([row | zero])], ignore_index=True).astype({"first_order": "datetime64[ns]"})


def data_of(mart: pd.DataFrame, **tiers: object) -> SimpleNamespace:
    return SimpleNamespace(mart=mart, settings=Settings(tiers=Tiers(**tiers)), as_of=AS_OF)


def scores_of(*rows: tuple) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["account_name", *scoring.SCORES])


# The golden rows of the founding documents ---------------------------------------------------------------------------

GOLDEN = scores_of(("ABC公司", 90, 80, 75, 85, 95), ("XYZ公司", 80, 75, 80, 90, 80))


def test_the_founding_rows_score_85_a_and_80_b_with_their_actions():
    graded = scoring.composite(GOLDEN, RULE).assign(provisional="")
    assert graded["composite_score"].tolist() == [85.0, 80.0]
    assert graded["tier"].tolist() == ["A", "B"]
    sheet = tiering.evaluation_table(graded, "zh")
    assert list(sheet.columns) == ["account_name", "composite_score", "tier", "recommended_action"]
    assert sheet.values.tolist() == [
        ["ABC公司", 85.0, "A级", "重点维护，提供更多定制化服务"],
        ["XYZ公司", 80.0, "B级", "加强沟通，定期反馈"],
    ]


def test_three_dimensions_weigh_50_25_25():
    rule = Tiers(weights={"purchasing_power": 40, "frequency": 20, "history": 20})
    shares = scoring.rule_table(book(30), rule).groupby("indicator")["weight_share"].first()
    assert shares[["purchasing_power", "frequency", "history"]].tolist() == [0.5, 0.25, 0.25]
    graded = scoring.composite(scores_of(("x", 90, 80, 70, np.nan, np.nan)), rule)
    assert graded["composite_score"].tolist() == [82.5]
    assert graded["coverage_share"].tolist() == [1.0]


def test_missing_is_not_zero():
    graded = scoring.composite(scores_of(("x", 90, 80, np.nan, np.nan, np.nan), ("none", *[np.nan] * 5)), RULE)
    assert graded["composite_score"].iloc[0] == pytest.approx(86.7)
    assert graded["coverage_share"].tolist() == pytest.approx([0.6, 0])
    assert graded["tier"].iloc[0] == "A"
    assert pd.isna(graded["tier"].iloc[1])


@pytest.mark.parametrize(
    ("score", "tier"), [(85, "A"), (84.96, "A"), (84.94, "B"), (70, "B"), (69.9, "C"), (60, "C"), (59.9, "D"), (0, "D")]
)
def test_a_cut_belongs_to_the_better_tier_and_the_digit_shown_decides(score, tier):
    assert scoring.composite(scores_of(("x", *[score] * 5)), RULE)["tier"].iloc[0] == tier


# Scores --------------------------------------------------------------------------------------------------------------


def test_percentile_is_rank_minus_a_half_and_ties_share():
    assert scoring.percentile(pd.Series([1, 2, 2, 4, np.nan])).tolist()[:4] == [12.5, 50, 50, 87.5]


def test_bands_earn_their_points_and_are_linear_between():
    mart = book(40)
    mart.loc[:6, "revenue"] = [100, 200, 400, 800, 1600, 50, 1200]
    mart["wallet"] = np.nan
    rule = Tiers(bands={"revenue": (100, 200, 400, 800, 1600)})
    scores = scoring.indicator_scores(mart, rule)["purchasing_power_score"]
    assert scores.head(7).tolist() == [20, 40, 60, 80, 100, 10, 90]


def test_pinned_bands_make_a_score_independent_of_who_else_is_in_the_file():
    rule = Tiers(
        bands=dict.fromkeys(("revenue", "wallet", "n_orders", "tenure_days", "active_month_share"), (1, 2, 4, 8, 16))
    )
    mart = book(60)
    alone = scoring.tiers(data_of(mart.head(1), **rule.model_dump()))
    among = scoring.tiers(data_of(mart, **rule.model_dump())).head(1)
    pd.testing.assert_frame_equal(alone, among)
    assert "few_peers" not in set(alone["provisional"])


def test_bands_are_half_as_populated_each_and_rounded_to_two_digits():
    mart = book(400)
    bands = scoring.band_table(mart, RULE).set_index("measure")
    values = bands[scoring.BAND_COLUMNS]
    assert (values.diff(axis=1).iloc[:, 1:] >= 0).all(axis=None)
    assert all(float(f"{v:.1e}") == v for v in values.loc[list(scoring.RANKED)].to_numpy().ravel())
    reached = [(mart["revenue"] >= band).mean() for band in values.loc["revenue"]]
    assert reached == pytest.approx([0.8, 0.4, 0.2, 0.1, 0.05], abs=0.02)
    assert bands["source"].to_dict() == dict.fromkeys(scoring.RANKED, "peers") | {
        "tenure_days": "record",
        "active_month_share": "fixed",
    }


def test_a_long_tail_of_small_customers_does_not_move_the_bands():
    mart = book(100).nlargest(100, "revenue", keep="all")
    mart["is_key_account"] = np.arange(100) < 20
    tail = book(400, 1).assign(is_key_account=False, revenue=10.0)
    tail["account_id"] = "t" + tail["account_id"]
    both = pd.concat([mart, tail], ignore_index=True)
    bands = [scoring.band_table(frame, RULE).query("source == 'peers'") for frame in (mart, both)]
    pd.testing.assert_frame_equal(*bands)


def test_the_key_accounts_of_the_sample_spread_over_all_tiers(sample):
    grades = scoring.tiers(sample)[sample.mart["is_key_account"]]["tier"].value_counts()
    assert set(grades.index) == {"A", "B", "C", "D"}
    assert grades.min() >= 2
    assert grades.max() <= 15


def test_a_survey_stands_for_loyalty_only_from_three_answers():
    mart = book(4)
    mart["n_answers"], mart["recommend_mean"] = [2, 3, 3, 0], [9, 9, np.nan, np.nan]
    mart["satisfaction_mean"], mart["revenue_prev"], mart["gap_ratio"] = 4.0, mart["revenue"] * 2, [1, 1, 1, np.nan]
    mart.loc[3, "revenue_prev"] = 0
    scores = scoring.indicator_scores(mart, RULE)
    assert scores["loyalty_source"].tolist() == ["behaviour", "survey", "survey", "unknown"]
    assert scores["loyalty_score"].tolist()[:3] == [75, 90, 75]
    assert np.isnan(scores["loyalty_score"].iloc[3])


def test_a_new_account_is_provisional_and_its_history_is_not_scored():
    mart = book(40)
    mart.loc[0, "tenure_days"] = 100
    graded = scoring.tiers(data_of(mart)).iloc[0]
    assert np.isnan(graded["history_score"])
    assert graded["is_new"]
    assert graded["provisional"] == "new_account"


def test_low_coverage_comes_before_other_reasons():
    mart = book(30)
    mart["influence"], mart["tenure_days"], mart["recommend_mean"] = np.nan, 10.0, np.nan
    mart["satisfaction_mean"], mart["revenue_prev"], mart["gap_ratio"] = np.nan, 0.0, np.nan
    assert set(scoring.tiers(data_of(mart))["provisional"]) == {"low_coverage"}


def test_an_account_without_orders_is_graded_on_what_is_known():
    graded = scoring.tiers(data_of(prospect(book(30)))).iloc[-1]
    assert graded["composite_score"] == 0
    assert graded["tier"] == "D"
    assert np.isnan(graded["history_score"])


def test_a_few_accounts_are_graded_provisionally():
    for n in (1, 4):
        graded = scoring.tiers(data_of(book(n)))
        assert len(graded) == n
        assert (graded["provisional"] != "").all()


def test_parameters_change_the_rule_or_say_what_is_wrong():
    rule = scoring.rule_of(RULE, "50,20,10,10,10", "90,80,70")
    assert rule.weights["purchasing_power"] == 50
    assert rule.cuts == {"A": 90, "B": 80, "C": 70}
    assert scoring.rule_of(RULE) == RULE
    assert scoring.rule_of(RULE, scale="percentile").scale == "percentile"
    with pytest.raises(InputError, match=r"'50,20'.*5 numbers"):
        scoring.rule_of(RULE, "50,20")
    with pytest.raises(InputError, match=r"'90,x,70'.*3 numbers"):
        scoring.rule_of(RULE, cuts="90,x,70")
    with pytest.raises(InputError, match="must fall"):
        scoring.rule_of(RULE, cuts="60,70,80")
    with pytest.raises(InputError, match="all weights are zero"):
        scoring.rule_of(RULE, "0,0,0,0,0")


@hypothesis_settings(max_examples=25, deadline=None)
@given(st.integers(1, 60), st.integers(0, 99), st.sampled_from(["bands", "percentile"]))
def test_scores_stay_between_0_and_100_and_follow_the_account_not_its_row(n, seed, scale):
    mart = prospect(book(n, seed))
    graded = scoring.tiers(data_of(mart, scale=scale))
    scores = graded[[*scoring.SCORES, "composite_score"]].to_numpy(float)
    known = scores[np.isfinite(scores)]
    assert known.min() >= 0
    assert known.max() <= 100
    mixed = mart.sample(frac=1, random_state=seed).reset_index(drop=True)
    mixed["account_name"] = [f"Other {i}" for i in mixed["account_id"]]
    again = scoring.tiers(data_of(mixed, scale=scale)).set_index("account_id").loc[graded["account_id"]].reset_index()
    pd.testing.assert_frame_equal(graded.drop(columns="account_name"), again.drop(columns="account_name"))


# The three tables ----------------------------------------------------------------------------------------------------


def test_the_three_tables_have_exactly_their_columns():
    accounts = segmentation.account_table(data_of(book(30)))
    assert list(tiering.basic_table(accounts)) == ["account_name", "account_no", "region", "industry"]
    scores = ["purchasing_power_score", "frequency_score", "history_score", "influence_score", "loyalty_score"]
    assert list(tiering.scores_table(accounts)) == ["account_name", *scores]
    assert list(tiering.evaluation_table(accounts)) == ["account_name", "composite_score", "tier", "recommended_action"]


def test_account_numbers_keep_their_zeros_and_gaps_are_named():
    mart = book(30)
    mart.loc[0, ["region", "account_no"]] = None
    sheet = tiering.basic_table(mart)
    assert "001" in set(sheet["account_no"])
    assert sheet["account_no"].map(type).eq(str).all()
    assert "unknown" in set(sheet["region"])
    assert "1" in tiering.basic_claim(sheet.assign(region="East", industry="Energy"))


def test_a_provisional_tier_says_so_in_both_languages():
    accounts = scoring.tiers(data_of(book(4)))
    assert tiering.evaluation_table(accounts, "en")["tier"].str.endswith("(provisional)").all()
    assert tiering.evaluation_table(accounts, "zh")["tier"].str.endswith("（暂定）").all()


def test_the_evaluation_claim_counts_tiers_and_near_misses():
    table = pd.DataFrame({"composite_score": [90.0, 84.0, 71.0, 66.0, 20.0]})
    claim = tiering.evaluation_claim(table)
    assert claim.startswith("A 1, B 2, C 1, D 1; 2 of 5 (40 %) within ±2 points of a cut: ")
    assert "40 %" in tiering.evaluation_claim(table, "zh")
    assert "widen" not in tiering.evaluation_claim(table.head(1))


def test_what_lifts_an_account_to_the_next_tier_does_lift_it():
    accounts = segmentation.account_table(data_of(book(120, 3)))
    table = tiering.next_tier_table(accounts, RULE)
    assert (table["gap_score"] > 0).all()
    assert "A" not in set(table["tier"])
    for row in table[table["needed_score"].notna()].itertuples():
        scores = accounts[accounts["account_id"] == row.account_id].copy()
        scores[f"{row.lever}_score"] = row.needed_score + 0.2
        assert scoring.composite(scores, RULE)["composite_score"].iloc[0] >= RULE.cuts[row.next_tier]


def test_portfolio_size_is_judged_against_15_to_35():
    assert "inside" in tiering.portfolio_claim(30)
    assert "outside" in tiering.portfolio_claim(40)
    assert "far above" in tiering.portfolio_claim(51)
    assert "超出" in tiering.portfolio_claim(14, "zh")


def test_status_and_tier_that_disagree_are_listed():
    accounts = pd.DataFrame({
        "account_id": list("abcd"), "account_name": list("abcd"), "owner": "Ada", "revenue": 1.0,
        "is_key_account": [True, True, False, False], "tier": ["A", "D", "B", "D"], "composite_score": [90, 30, 75, 20],
    })  # fmt: skip
    table = tiering.status_review_table(accounts)
    assert table[["account_id", "suggestion"]].values.tolist() == [["c", "promote"], ["b", "review"]]


# Segments ------------------------------------------------------------------------------------------------------------


@hypothesis_settings(max_examples=20, deadline=None)
@given(st.integers(1, 80), st.integers(0, 99), st.sampled_from(segmentation.DIMENSIONS))
def test_segments_add_up_to_the_whole(n, seed, segment_by):
    accounts = segmentation.account_table(data_of(prospect(book(n, seed))))
    table = segmentation.segment_table(accounts, segment_by)
    assert table["n_accounts"].sum() == n + 1
    assert table["account_share"].sum() == pytest.approx(1)
    assert table["revenue_share"].sum() == pytest.approx(1)
    assert table["revenue"].sum() == pytest.approx(accounts["revenue"].sum())
    mixed = segmentation.segment_table(accounts.sample(frac=1, random_state=seed), segment_by)
    pd.testing.assert_frame_equal(table, mixed)
    cells = segmentation.crosstab_table(accounts, segment_by, "region")
    assert cells["revenue_share"].sum() == pytest.approx(1)
    assert (
        cells.groupby("row_segment")["n_accounts"].sum().to_dict() == table.set_index("segment")["n_accounts"].to_dict()
    )


def test_a_segment_sums_before_it_divides_and_keeps_the_unknown():
    mart = book(6)
    mart["region"] = ["East", "East", None, "", "East", "East"]
    mart["revenue"], mart["revenue_prev"] = [100, 100, 10, 10, 0, 0], [50, 150, 0, 0, 0, 0]
    mart["gross_margin"], mart["contribution"] = [40, np.nan, np.nan, np.nan, 0, 0], np.nan
    table = segmentation.segment_table(mart, "region").set_index("segment")
    assert table.loc["East", "growth"] == 0
    assert table.loc["East", "gross_margin_share"] == 0.4
    assert table.loc["unknown", "n_accounts"] == 2
    assert np.isnan(table.loc["unknown", "growth"])
    assert np.isnan(table.loc["unknown", "gross_margin"])
    assert table["is_small"].tolist() == [True, True]


def test_one_dimension_is_crossed_with_the_tier():
    assert segmentation.dimensions_of("region") == ("region", "tier")
    assert segmentation.dimensions_of("tier") == ("tier", "industry")
    assert segmentation.dimensions_of("region, owner") == ("region", "owner")
    with pytest.raises(InputError, match="two separated by a comma"):
        segmentation.dimensions_of("region,owner,tier")


def test_half_a_year_on_record_is_no_base_for_growth():
    mart = book(30).assign(first_order=pd.Timestamp("2024-06-01"))
    accounts = segmentation.account_table(data_of(mart))
    assert segmentation.segment_table(accounts)["growth"].isna().all()
    assert accounts["growth"].isna().all()
    early = segmentation.account_table(data_of(mart.assign(first_order=pd.Timestamp("2024-01-20"))))
    assert segmentation.segment_table(early)["growth"].notna().all()


def test_size_needs_both_measures_and_conflicts_are_listed():
    accounts = pd.DataFrame({
        "account_name": list("abcde"),
        "employees": [2000, 2000, 350, None, None],
        "annual_revenue": [5e8, 3e7, 1e7, 5e8, None],
        "market_share": np.nan,
        "owner": "Ada",
    })  # fmt: skip
    accounts["size_band"] = segmentation.size_bands(accounts, Settings().sizes)
    assert accounts["size_band"].tolist() == ["L", "M", "S", "L", "unknown"]
    conflicts = segmentation.size_conflicts(accounts, Settings().sizes)
    assert conflicts["account_name"].tolist() == ["b", "c"]
    assert conflicts["employees_band"].tolist() == ["L", "M"]


# ABC and RFM ---------------------------------------------------------------------------------------------------------


def values(*contribution: float) -> pd.DataFrame:
    ids = [f"{i:02d}" for i in range(len(contribution))]
    return pd.DataFrame({"account_id": ids, "account_name": ids, "contribution": contribution, "revenue": 100.0})


def test_abc_classes_by_hand():
    table = ranking.abc_table(values(10, 50, 20, 15, 5))
    assert table.set_index("account_id")["abc_class"].to_dict() == {
        "01": "A",
        "02": "A",
        "03": "B",
        "00": "B",
        "04": "C",
    }
    assert ranking.abc_claim(table).startswith("40 % of accounts (2 of 5) bring 70 % of contribution")


def test_abc_equal_values_share_a_class_and_losses_are_class_c():
    assert set(ranking.abc_table(values(10, 10, 10, 10))["abc_class"]) == {"A"}
    table = ranking.abc_table(values(60, 60, -20))
    assert table["cum_share"].max() == pytest.approx(1.2)
    assert table["abc_class"].tolist() == ["A", "A", "C"]
    assert "1 lose money" in ranking.abc_claim(table)


def test_abc_without_profit_or_cost_says_so():
    assert "No account" in ranking.abc_claim(ranking.abc_table(values(-5, -1)))
    table = ranking.abc_table(values(np.nan, np.nan))
    assert "revenue" in table
    assert "by revenue" in ranking.abc_claim(table)


def test_contribution_gives_way_to_revenue_when_costs_are_mostly_unknown():
    known = values(*[5.0] * 9, np.nan)
    assert ranking.value_measure(known) == "contribution"
    assert ranking.abc_table(known)["abc_class"].iloc[-1] == "C"
    assert ranking.value_measure(values(*[5.0] * 8, np.nan, np.nan)) == "revenue"


def test_rfm_thirds_below_50_accounts_and_equal_values_share_a_band():
    """D.11-12: RFM quintiles with 30 accounts."""
    rfm = ranking.rfm_table(book(49))
    assert set(rfm["n_bands"]) == {3}
    assert set(ranking.rfm_table(book(50))["n_bands"]) == {5}
    assert rfm.groupby("n_orders")["f_band"].nunique().max() == 1
    assert ranking.groups(pd.Series([7, 7, 7, 7]), 3).nunique() == 1


def test_recency_is_judged_by_the_accounts_own_rhythm():
    mart = book(3)
    mart["recency_days"], mart["median_gap_days"] = [60.0, 60.0, 60.0], [365.0, 7.0, np.nan]
    rfm = ranking.rfm_table(mart)
    assert rfm["gap_ratio"].tolist() == pytest.approx([60 / 365, 60 / 7, 60 / 186])
    assert rfm["r_band"].tolist() == [3, 1, 2]


@hypothesis_settings(max_examples=20, deadline=None)
@given(st.integers(1, 80), st.integers(0, 99))
def test_rankings_lose_nobody_and_follow_the_account(n, seed):
    mart = prospect(book(n, seed))
    abc, grid = ranking.abc_table(mart), ranking.rfm_grid(ranking.rfm_table(mart))
    assert len(abc) == n + 1
    assert abc["value_share"].sum() == pytest.approx(1) or mart["contribution"].sum() <= 0
    assert grid["n_accounts"].sum() == n
    mixed = mart.sample(frac=1, random_state=seed)
    pd.testing.assert_frame_equal(abc, ranking.abc_table(mixed))
    pd.testing.assert_frame_equal(grid, ranking.rfm_grid(ranking.rfm_table(mixed)))


# Matrix and actions --------------------------------------------------------------------------------------------------


def test_quadrants_are_exclusive_and_move_with_the_cuts():
    accounts = segmentation.account_table(data_of(book(30)))
    table = matrix.matrix_table(accounts)
    assert set(table["quadrant"]) <= set(matrix.QUADRANTS)
    for row in table.itertuples():
        high = row.value_score >= 50, row.potential_score >= 50
        names = {(True, True): "strategic", (True, False): "core", (False, True): "growth_account"}
        assert row.quadrant == names.get(high, "standard")
    assert set(matrix.matrix_table(accounts, 100, 100)["quadrant"]) == {"standard"}
    assert set(matrix.matrix_table(accounts, 0, 0)["quadrant"]) == {"strategic"}
    assert matrix.quadrant_table(table)["n_accounts"].sum() == 30


def test_potential_uses_what_is_known_and_never_a_wallet_smaller_than_our_sales():
    accounts = segmentation.account_table(data_of(book(30)))
    accounts.loc[0, "wallet"] = accounts.loc[0, "revenue"] / 2
    accounts[["open_pipeline", "influence"]] = np.nan
    table = matrix.matrix_table(accounts).set_index("account_id")
    assert table.loc["0000", "wallet_share"] == pytest.approx(2)
    assert np.isnan(table.loc["0000", "wallet_gap"])
    assert np.isfinite(table.loc["0000", "potential_score"])
    accounts[["wallet", "growth"]] = np.nan
    assert set(matrix.matrix_table(accounts)["quadrant"]) == {"unknown"}


def test_actions_name_owner_reason_and_date_most_urgent_first():
    accounts = segmentation.account_table(data_of(book(30)))
    table = matrix.matrix_table(accounts)
    actions = matrix.action_table(table, tiering.next_tier_table(accounts, RULE), AS_OF)
    assert len(actions) == 10
    assert actions["due_date"].is_monotonic_increasing
    assert (actions["due_date"] > pd.Timestamp("2025-12-31")).all()
    assert actions["owner"].notna().all()
    assert (actions["why"] != "").all()
    strategic = table[table["quadrant"] == "strategic"].nlargest(1, "revenue")["account_name"].iloc[0]
    assert actions["account_name"].iloc[0] == strategic


# Pictures and sentences ----------------------------------------------------------------------------------------------


def exhibits_of(accounts: pd.DataFrame, lang: str) -> list[tuple]:
    """Every exhibit of the notebook as (table, plot, claim)."""
    return [
        (segmentation.segment_table(accounts), segmentation.plot_segments, segmentation.segments_claim),
        (
            segmentation.crosstab_table(accounts, "industry", "tier"),
            segmentation.plot_crosstab,
            segmentation.crosstab_claim,
        ),
        (tiering.basic_table(accounts), tiering.plot_basic, tiering.basic_claim),
        (tiering.scores_table(accounts), tiering.plot_scores, tiering.scores_claim),
        (tiering.evaluation_table(accounts, lang), tiering.plot_evaluation, tiering.evaluation_claim),
        (matrix.matrix_table(accounts), matrix.plot_matrix, matrix.matrix_claim),
        (ranking.abc_table(accounts), ranking.plot_abc, ranking.abc_claim),
        (ranking.rfm_grid(ranking.rfm_table(accounts)), ranking.plot_rfm, ranking.rfm_claim),
    ]


def losing(mart: pd.DataFrame) -> pd.DataFrame:
    return mart.assign(revenue=-mart["revenue"], contribution=-1.0, gross_margin=-1.0)


def unmeasured(mart: pd.DataFrame) -> pd.DataFrame:
    columns = ["gross_margin", "contribution", "wallet", "influence", "open_pipeline", "n_answers", "satisfaction_mean"]
    return mart.assign(**dict.fromkeys([*columns, "recommend_mean", "employees", "annual_revenue", "owner"], np.nan))


AWKWARD = {
    "one account": book(1),
    "four accounts": book(4),
    "a prospect": prospect(book(30)),
    "only a prospect": prospect(book(1)).tail(1).reset_index(drop=True),
    "all alike": pd.concat([book(1)] * 12, ignore_index=True).assign(account_id=list("abcdefghijkl")),
    "all losing": losing(book(20)),
    "nothing but orders": unmeasured(book(40)),
    "many segments": book(60).assign(industry=[f"Industry {i % 25}" for i in range(60)]),
}


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_books_are_drawn_and_described(name, lang):
    words.speak(lang)
    accounts = segmentation.account_table(data_of(AWKWARD[name]))
    for table, plot, claim in exhibits_of(accounts, lang):
        if len(table):
            plot(table).figure.canvas.draw()
            assert "nan" not in claim(table, lang=lang)
    next_tier = tiering.next_tier_table(accounts, RULE)
    tiering.next_tier_claim(next_tier, lang)
    matrix.action_table(matrix.matrix_table(accounts), next_tier, AS_OF, lang)
    matrix.quadrant_table(matrix.matrix_table(accounts), lang)
    tiering.status_review_table(accounts)
    segmentation.size_conflicts(accounts, Settings().sizes)
    words.speak("en")


def test_every_column_of_an_exhibit_has_a_label_in_both_languages():
    for table, _, _ in exhibits_of(segmentation.account_table(data_of(book(30))), "en"):
        for column in table.columns:
            assert column in words.LABELS, column


def test_legal_forms_are_left_out_of_chart_labels():
    assert tiering.short_name("杭州骏泽饮料装备集团股份有限公司") == "杭州骏泽饮料装备"
    assert tiering.short_name("Borneax Machinery Co., Ltd.") == "Borneax Machinery"
    assert tiering.short_name("Sundvall Industrial S.A. de C.V.") == "Sundvall Industrial"
    assert tiering.short_name("有限公司") == "有限公司"


# Practice ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.id)
def test_practice_accepts_the_right_answer_and_hints_at_the_likeliest_wrong_one(sample, question):
    right = question.answer(sample)
    check = Practice(sample, "01", lang="en")
    assert check(question.id, None).right is None
    assert check(question.id, right).right
    for trap, (hint, _) in question.traps:
        if not matches(trap(sample), right, question.tolerance):
            assert hint in check(question.id, trap(sample)).text
    for hint, _ in question.hints:
        assert hint in check(question.id, "x").text
        assert str(right) not in hint


def test_question_2_is_78_75_whatever_the_data(sample):
    question = QUESTIONS[1]
    assert question.answer(sample) == pytest.approx(78.75)
    assert [trap(sample) for trap, _ in question.traps] == pytest.approx([63, 235 / 3])


def test_segments_of_the_sample_tie_to_the_ledger(sample):
    window = windows(sample)[0]
    total = 0.0
    for table, date, sign in (("orders", "order_date", 1), ("returns", "return_date", -1)):
        rows = sample.frame(table)
        inside = rows[date].dt.date.between(window.start, window.end)
        total += sign * rows.loc[inside, "amount"].sum()
    segments = segmentation.segment_table(sample.mart, "region")
    assert segments["revenue"].sum() == pytest.approx(total, abs=0.005)


CURRENCIES = {
    "accounts.csv": "account_id,account_name,industry,parent_account_id\nA,Alpha,Energy,\nB,Beta,Energy,A\nC,Gamma,Trade,\n",
    "orders.csv": "order_id,account_id,order_date,amount,currency\n"
    "1,A,2025-03-01,100,USD\n2,B,2025-04-01,300,CNY\n3,C,2025-05-01,500,CNY\n",
}


def test_money_of_several_currencies_is_converted_or_refused(tmp_path):
    """D.11-18: currency mixed."""
    import kamlib as kam

    for name, text in CURRENCIES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="USD"):
        kam.load(tmp_path)
    (tmp_path / "kam.toml").write_text("[rates]\nUSD = 7\n", encoding="utf-8")
    data = kam.load(tmp_path, "2025-12-31")
    segments = segmentation.segment_table(data.mart, "industry").set_index("segment")["revenue"]
    assert segments.to_dict() == {"Energy": 1000, "Trade": 500}


def test_parent_and_subsidiary_each_count_once(tmp_path):
    """D.11-19: parent/child double counted."""
    import kamlib as kam

    for name, text in CURRENCIES.items():
        (tmp_path / name).write_text(text.replace("USD", "CNY"), encoding="utf-8")
    accounts = segmentation.account_table(kam.load(tmp_path, "2025-12-31"))
    for by in segmentation.DIMENSIONS:
        assert segmentation.segment_table(accounts, by)[["n_accounts", "revenue"]].sum().tolist() == [3, 900]
    assert ranking.abc_table(accounts)["revenue"].sum() == 900
    claim = tiering.groups_claim(accounts, accounts)
    assert claim.startswith("3 accounts of 2 groups of companies")
    assert claim.endswith("sharing one: Alpha, Beta")


def test_a_dimension_that_nobody_filled_in_is_called_so():
    accounts = segmentation.account_table(data_of(book(20).assign(industry=None)))
    claim = segmentation.segments_claim(segmentation.segment_table(accounts, "industry"))
    assert claim.startswith("Industry is not recorded for any of 20 accounts")


def test_without_potential_the_tier_says_what_to_do():
    accounts = segmentation.account_table(data_of(unmeasured(book(40)).assign(growth=np.nan)))
    placed = matrix.matrix_table(accounts)
    assert set(placed["quadrant"]) == {"unknown"}
    assert matrix.axes_claim(placed).startswith("Whether value and potential differ cannot be said")
    actions = matrix.action_table(placed, tiering.next_tier_table(accounts, RULE), AS_OF)
    assert len(actions) == 10
    assert actions["due_date"].is_monotonic_increasing
    assert actions["recommended_action"].iloc[0] == words.word(f"action_{actions['tier'].iloc[0]}", "en")


def test_returns_beyond_purchases_are_not_called_losses():
    table = ranking.abc_table(values(np.nan, np.nan, np.nan).assign(revenue=[90.0, 20.0, -5.0]))
    assert "1 returned more than they bought" in ranking.abc_claim(table)
    assert "lose money" not in ranking.abc_claim(table)


def test_where_nobody_is_flagged_there_is_no_status_to_review():
    accounts = segmentation.account_table(data_of(book(30).assign(is_key_account=False)))
    assert tiering.status_review_table(accounts).empty
