"""Pipeline: how long open deals wait, the stock that adds up, the weighted amount, and the deals to act on."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from deal_frames import AS_OF, CRM_AS_OF, CRM_STAGES, STAGES, crm_deals, day, frame, frames, random_book, story
from hypothesis import given, settings
from hypothesis import strategies as st
from test_history import seen

from kamlib import funnel
from kamlib.funnel import bottleneck, pipeline
from kamlib.funnel import weighted_pipeline as weighted
from kamlib.workspace import history

NONE = frame("activities")
seeds = st.integers(0, 10_000)


def won_in(stage: str, days: int, number: int):
    closed = str((pd.Timestamp("2025-01-01") + pd.Timedelta(days=days)).date())
    return story(f"W{number}", [(stage, "2025-01-01")], "won", closed)


def test_ageing_compares_with_won_deals_in_the_same_stage():
    past = [won_in("needs", days, number) for number, days in enumerate((10, 20, 30, 40, 50) * 2)]
    rows = [
        *past,
        story("D1", [("needs", "2025-11-01"), ("proposal", "2025-12-20")]),
        story("D2", [("needs", "2025-11-21")]),
    ]
    deals, history = frames(rows)
    deals.loc[deals["deal_id"] == "D2", "next_step_due"] = day("2025-12-29")
    activities = frame("activities", [{"deal_id": "D2", "happened_at": day("2025-12-21 18:00")}])
    table = pipeline.ageing_table(deals, history, activities, STAGES, AS_OF).set_index("deal_id")
    assert table.loc["D2", ["wait_days", "usual_days", "quiet_days", "overdue_days", "is_slow"]].tolist() == [
        40,
        40,
        10,
        2,
        False,
    ]
    # nobody ever left proposal: the whole cycle is the yardstick, from creation
    assert table.loc["D1", ["wait_days", "usual_days", "is_slow", "is_stale"]].tolist() == [60, 40, True, True]
    assert np.isnan(table.loc["D1", "overdue_days"])


def snapshots(folder):
    """Three monthly exports without stage history; twelve won deals, one open one, all seen in needs and in proposal."""
    won = {"created_at": "2025-01-05", "closed_at": "2025-03-25", "account_id": "A1", "amount": 10}
    names, days = [f"W{i}" for i in range(12)], [dt.date(2025, 1, 31), dt.date(2025, 2, 28), dt.date(2025, 3, 31)]
    exports = {}
    for on, stage, status in zip(days, ("needs", "proposal", "proposal"), ("open", "open", "won"), strict=True):
        past = [won | {"deal_id": name, "stage": stage, "status": status} for name in names]
        if status == "open":
            past = [row | {"closed_at": None} for row in past]
        now = {
            "deal_id": "D1",
            "stage": stage,
            "status": "open",
            "created_at": "2025-01-05",
            "account_id": "A1",
            "amount": 10,
        }
        exports[on] = {"deals": pd.DataFrame([*past, now])}
    return seen(folder, exports)


def test_waits_carry_the_bounds_of_moves_that_only_snapshots_saw(tmp_path):
    data = snapshots(tmp_path)
    deals, moves = data.frame("deals"), data.frame("deal_stage_history")
    table = pipeline.ageing_table(deals, moves, NONE, STAGES, data.as_of).iloc[0]
    # seen in proposal on 28 February, on 31 January not yet: 31 to 58 days; won ones then left on 25 March: 25 to 52
    assert table[["wait_days_low", "wait_days", "wait_days_high"]].tolist() == [31, 44.5, 58]
    assert table[["usual_days_low", "usual_days", "usual_days_high"]].tolist() == [25, 38.5, 52]
    stock = pipeline.stock_table(pipeline.ageing_table(deals, moves, NONE, STAGES, data.as_of), STAGES).iloc[0]
    assert stock[["n_slow", "n_slow_low", "n_slow_high"]].tolist() == [1, 0, 1]
    assert "1 (100 %; between 0 and 1) wait longer" in pipeline.stock_claim(stock.to_frame().T)


def test_stays_have_the_bounds_that_the_workspace_tells(tmp_path):
    """The oracle is `history.stage_durations`, SQL over the snapshots."""
    data = snapshots(tmp_path)
    stays = funnel.stage_visits(data.frame("deals"), data.frame("deal_stage_history"), STAGES)
    stays["until"] = stays["until"].fillna(pd.Timestamp(data.as_of))
    ours = funnel.days_between(stays["entered_at"], stays["until"], stays["entered_after"], stays["until_after"])
    theirs = history.stage_durations(data)
    assert stays["deal_id"].tolist() == theirs["deal_id"].tolist()
    for one, other in (("days_low", "stay_days_low"), ("days", "stay_days"), ("days_high", "stay_days_high")):
        assert ours[one].tolist() == theirs[other].tolist()
    entries = funnel.stage_entries(data.frame("deals"), data.frame("deal_stage_history"), STAGES)
    table = bottleneck.bottleneck_table(entries, NONE, data.as_of, horizon_days=1).set_index("stage")
    assert table.loc["needs", ["stage_days_low", "stage_days_high"]].tolist() == [1, 54]


@given(seeds)
@settings(max_examples=10, deadline=None)
def test_stock_keeps_every_open_deal_and_its_money(seed):
    deals, history, activities = random_book(seed, 60)
    deals = funnel.population(deals)
    open_deals = deals[deals["status"] == "open"]
    ageing = pipeline.ageing_table(deals, history, activities, STAGES, AS_OF)
    for level in ("stage", "group"):
        table = pipeline.stock_table(ageing, STAGES, level=level)
        assert table["n_deals"].sum() == len(open_deals)
        assert table["amount"].sum() == pytest.approx(open_deals["amount"].sum())
        assert (table["n_slow"] <= table["n_deals"]).all()
        if len(open_deals):
            assert table["deals_share"].sum() == pytest.approx(1)


def test_stock_shows_stages_that_nobody_configured_last():
    deals, history = frames(
        [story("D1", [("needs", "2025-11-01")]), story("D2", [("needs", "2025-11-01")], stage="demo")]
    )
    deals = pd.concat([deals, deals.head(1).assign(deal_id="D3", stage=None)], ignore_index=True)
    table = pipeline.stock_table(pipeline.ageing_table(deals, history, NONE, STAGES, AS_OF), STAGES)
    assert table["stage"].tolist() == ["needs", "demo", "unknown"]
    assert table["stage_group"].tolist() == ["interested_customers", "unknown", "unknown"]
    assert len(pipeline.plot_stock(table).get_yticks()) == 3


def test_the_four_groups_end_with_the_deals_won():
    deals, history = frames(
        [won_in("needs", 20, 1), story("D1", [("needs", "2025-11-01")]), story("D2", [("proposal", "2025-12-01")])]
    )
    ageing = pipeline.ageing_table(deals, history, NONE, STAGES, AS_OF)
    table = pipeline.group_table(ageing, deals, STAGES, AS_OF)
    assert table["stage_group"].tolist() == ["interested_customers", "negotiation_customers", "won_customers"]
    assert table["n_deals"].tolist() == [1, 1, 1]
    assert table["deals_share"].sum() == pytest.approx(1)


def test_crm_set_has_1291_stale_deals(public_data):
    deals = funnel.population(crm_deals(public_data))
    ageing = pipeline.ageing_table(deals, frame("deal_stage_history"), NONE, CRM_STAGES, CRM_AS_OF)
    assert funnel.longest_cycle(deals) == 138
    assert pipeline.ageing_claim(ageing).startswith("1,291 of 1,589 dated open deals are older")
    stock = pipeline.stock_table(ageing, CRM_STAGES).set_index("stage")
    assert stock["n_deals"].to_dict() == {"prospecting": 500, "engaging": 1589}
    assert stock.loc["engaging", "n_stale"] == 1291
    assert pipeline.stale_table(ageing)["n_stale"].sum() == 1291
    assert "worth" not in pipeline.stock_claim(stock.reset_index())
    assert len(pipeline.plot_stock(stock.reset_index()).figure.axes) == 1  # no panel of amounts
    rates = weighted.weighted_table(deals, frame("deal_stage_history"), CRM_STAGES, CRM_AS_OF)
    assert rates.empty  # open deals carry no amount
    actions = pipeline.action_table(ageing, rates, frame("accounts"), CRM_AS_OF)
    assert actions["wait_days"].tolist() == [138] * 5
    assert pipeline.action_claim(actions).startswith("5 stalled deals need a hand; ")
    assert "days" in pipeline.plot_actions(actions).texts[0].get_text()


# --- weighted pipeline --------------------------------------------------------------------------------------------


def test_rate_is_shrunk_to_the_default_by_ten_deals():
    rows = [won_in("needs", 20, i) for i in range(12)]
    rows += [story(f"L{i}", [("needs", "2025-01-01")], "lost", "2025-02-01") for i in range(18)]
    rows += [story("D1", [("needs", "2025-12-20")], amount=1000.0)]
    table = weighted.weighted_table(*frames(rows), STAGES, AS_OF).set_index("stage")
    row = table.loc["needs"]
    # D1, eleven days old, is censored before anything ended: 12 of 30
    assert row[["n_decided", "observed_rate"]].tolist() == pytest.approx([30, 0.4])
    assert row["fitted_rate"] == pytest.approx((12 + 10 * 0.3) / 40)
    assert row[["crm_amount", "weighted_amount"]].tolist() == pytest.approx([300, 375])
    assert row["fitted_rate_low"] < row["fitted_rate"] < row["fitted_rate_high"]


def test_a_stage_never_left_keeps_the_default():
    rows = [won_in("needs", 20, 1), story("D1", [("negotiation", "2025-12-30")], amount=10.0)]
    table = weighted.weighted_table(*frames(rows), STAGES, AS_OF).set_index("stage")
    assert table.loc["negotiation", "fitted_rate"] == pytest.approx(0.8)


def test_stale_deals_count_for_nothing_and_say_so():
    rows = [won_in("needs", 20, i) for i in range(12)] + [story("D1", [("needs", "2024-12-01")], amount=10.0)]
    table = weighted.weighted_table(*frames(rows), STAGES, AS_OF).set_index("stage")
    assert table.loc["stale", ["n_deals", "amount", "crm_amount", "weighted_amount"]].tolist() == [1, 10, 3, 0]


@given(seeds)
@settings(max_examples=8, deadline=None)
def test_weighted_amounts_add_up_and_stay_below_the_pipeline(seed):
    deals, history, _ = random_book(seed, 60)
    deals = funnel.population(deals)
    table = weighted.weighted_table(deals, history, STAGES, AS_OF)
    if table.empty:
        return
    parts, total = table.iloc[:-1], table.iloc[-1]
    for column in ("n_deals", "amount", "crm_amount", "weighted_amount"):
        assert parts[column].sum() == pytest.approx(total[column])
    assert total["amount"] == pytest.approx(deals.loc[deals["status"] == "open", "amount"].sum())
    assert 0 <= total["weighted_amount_low"] <= total["weighted_amount_high"] <= total["amount"] + 1e-6


def test_weighted_is_the_same_on_a_second_run_and_in_any_order():
    deals, history, _ = random_book(8)
    first = weighted.weighted_table(deals, history, STAGES, AS_OF)
    second = weighted.weighted_table(
        deals.sample(frac=1, random_state=2), history.sample(frac=1, random_state=2), STAGES, AS_OF
    )
    pd.testing.assert_frame_equal(first, second)


def test_observed_rate_recovers_a_known_one_although_deals_are_open():
    """Deals win with 40 %; winners take longer, so counting only closed deals would say less."""
    random, stories = np.random.default_rng(3), []
    for number in range(3000):
        start = pd.Timestamp(AS_OF) - pd.Timedelta(days=int(random.integers(1, 200)))
        won = random.random() < 0.4
        end = start + pd.Timedelta(days=int(random.integers(60, 120) if won else random.integers(1, 60)))
        closed = end <= pd.Timestamp(AS_OF)
        status = ("won" if won else "lost") if closed else "open"
        stories.append(story(f"D{number}", [("needs", str(start.date()))], status, str(end.date()) if closed else None))
    deals, history = frames(stories)
    rates = weighted.stage_rates(deals, history, STAGES, AS_OF)
    assert rates.loc["needs", "observed_rate"] == pytest.approx(0.4, abs=0.04)
    counts = deals["status"].value_counts()
    assert counts["won"] / (counts["won"] + counts["lost"]) < 0.36


# --- actions ------------------------------------------------------------------------------------------------------


def test_actions_name_deal_owner_and_date_and_leave_stale_deals_to_tidying():
    past = [won_in("needs", days, number) for number, days in enumerate((10, 20, 30, 40, 90) * 2)]
    deals, history = frames([
        *past,
        story("D1", [("needs", "2025-11-11")], amount=500.0, next_step="Call", next_step_due=day("2026-01-05")),
        story("D2", [("needs", "2025-12-21")], amount=400.0, next_step_due=day("2025-12-28"), account_id="A9"),
        story("D3", [("needs", "2025-11-11")], amount=900.0),
        story("D4", [("needs", "2025-12-30")], amount=9000.0),  # in time
        story("D5", [("needs", "2024-01-01")], amount=9000.0),  # stale
    ])  # fmt: skip
    ageing = pipeline.ageing_table(deals, history, NONE, STAGES, AS_OF)
    rates = weighted.weighted_table(deals, history, STAGES, AS_OF)
    accounts = frame("accounts", [{"account_id": "A1", "account_name": "Acme"}])
    table = pipeline.action_table(ageing, rates, accounts, AS_OF)
    assert table[["deal_id", "action"]].to_numpy().tolist() == [
        ["D3", "agree_next_step"], ["D1", "decide_or_close"], ["D2", "do_overdue_step"],
    ]  # fmt: skip
    assert table["account_name"].tolist() == ["Acme", "Acme", "unknown"]
    assert table["act_by"].eq(pd.Timestamp("2026-01-07")).all()
    assert pipeline.stale_table(ageing)[["owner", "n_stale", "amount"]].to_numpy().tolist() == [["Wu", 1, 9000]]


def test_nothing_open_gives_empty_tables():
    ageing = pipeline.ageing_table(frame("deals"), frame("deal_stage_history"), NONE, STAGES, AS_OF)
    rates = weighted.weighted_table(frame("deals"), frame("deal_stage_history"), STAGES, AS_OF)
    assert ageing.empty
    assert pipeline.stock_table(ageing, STAGES).empty
    assert pipeline.action_table(ageing, rates, frame("accounts"), AS_OF).empty
    assert pipeline.stale_table(ageing).empty


def test_the_sample_pipeline_ties_to_the_mart(sample):
    deals = funnel.population(sample.frame("deals"))
    ageing = pipeline.ageing_table(
        deals, sample.frame("deal_stage_history"), sample.frame("activities"), sample.settings.stages, sample.as_of
    )
    stock = pipeline.stock_table(ageing, sample.settings.stages)
    orphans = deals.loc[(deals["status"] == "open") & deals["account_id"].isna(), "amount"].sum()
    assert stock["amount"].sum() == pytest.approx(sample.mart["open_pipeline"].sum() + orphans)
    rates = weighted.weighted_table(deals, sample.frame("deal_stage_history"), sample.settings.stages, sample.as_of)
    actions = pipeline.action_table(ageing, rates, sample.frame("accounts"), sample.as_of)
    assert len(actions) == 5
    for plot, claim, table in (
        (pipeline.plot_stock, pipeline.stock_claim, stock), (weighted.plot_weighted, weighted.weighted_claim, rates),
        (pipeline.plot_actions, pipeline.action_claim, actions),
    ):  # fmt: skip
        assert plot(table) is not None
        assert claim(table, "en") != claim(table, "zh")
