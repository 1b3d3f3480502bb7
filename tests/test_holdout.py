"""Holdout: the year that judges is hidden from what it judges; groups, totals and verdicts."""

import datetime as dt

import numpy as np
import pandas as pd
from drawn import drawn_in_both_languages
from test_expected_orders import company

from kamlib.lifecycle import holdout

AS_OF = dt.date(2024, 12, 29)


def test_the_time_that_judges_changes_what_came_and_not_what_was_expected():
    orders = company(1)
    other = orders[(orders["order_date"] <= pd.Timestamp("2023-12-31")) | (orders["account_id"] > "n075")]
    one, two = holdout.holdout_table(orders, AS_OF), holdout.holdout_table(other, AS_OF)
    assert (one["expected_mean"] == two["expected_mean"]).all()
    assert (one["actual_mean"] != two["actual_mean"]).any()


def test_groups_hold_every_account_once_and_sum_to_the_whole():
    table = holdout.holdout_table(company(2), AS_OF)
    for model in holdout.MODELS:
        rows = table[table["expected_by"] == model]
        whole, groups = rows[rows["expected_group"] == "all"].iloc[0], rows[rows["expected_group"] != "all"]
        assert groups["n_accounts"].sum() == whole["n_accounts"]
        assert (groups["n_accounts"] * groups["actual_mean"]).sum() == np.float64(
            whole["n_accounts"] * whole["actual_mean"]
        ).round(9)
        assert groups["expected_mean"].is_monotonic_increasing


def test_a_model_that_is_true_is_calibrated():
    off = []
    for seed in range(6):
        table = holdout.holdout_table(company(seed, n=250), AS_OF)
        groups = table[(table["expected_by"] == "bgnbd") & (table["expected_group"] != "all")]
        off.append(
            (
                (groups["actual_mean_low"] <= groups["expected_mean"])
                & (groups["expected_mean"] <= groups["actual_mean_high"])
            ).mean()
        )
    assert np.mean(off) >= 0.8


def test_better_is_only_said_where_the_difference_is_proven():
    table = holdout.holdout_table(company(3), AS_OF)
    rule = table["expected_by"].isin(holdout.RULES)
    for low, high, said in (
        (0.1, 0.4, "the model is better"),
        (-0.1, 0.4, "no proven difference"),
        (-0.4, -0.1, "the rule is better"),
    ):
        assert said in holdout.holdout_claim(
            table.assign(gain_mean_low=np.where(rule, low, 0), gain_mean_high=np.where(rule, high, 0))
        )


def test_short_data_are_split_in_half_and_very_short_ones_not_tested():
    orders = company(1)
    assert holdout.holdout_table(orders, dt.date(2022, 6, 1)).empty
    assert holdout.holdout_table(orders, dt.date(2023, 1, 2))["n_weeks"].iloc[0] == 26
    assert holdout.holdout_table(orders, AS_OF)["n_weeks"].iloc[0] == 52
    assert holdout.holdout_table(orders.head(0), AS_OF).empty


def test_it_is_drawn_and_said():
    drawn_in_both_languages(holdout.holdout_table(company(1), AS_OF), holdout.plot_holdout, holdout.holdout_claim)
