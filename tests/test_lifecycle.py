"""Lifecycle: states on hand-made timelines and border days, invariants on random ones, and the planted stories."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from kamlib import lifecycle, words
from kamlib.lifecycle import cohorts, journey, next_orders, rhythm
from kamlib.practice import Practice
from kamlib.practice.lifecycle import QUESTIONS
from kamlib.sample import stories
from kamlib.settings import Settings

SETTINGS = Settings()
DAY0 = pd.Timestamp("2023-01-02")  # a Monday


def days(**timelines) -> pd.DataFrame:
    """Return order_days from day numbers per account: days(a=[0, 30])."""
    rows = [(account, DAY0 + pd.Timedelta(days=day)) for account, numbers in timelines.items() for day in numbers]
    frame = pd.DataFrame(rows, columns=["account_id", "order_date"]).astype({"order_date": "datetime64[us]"})
    return frame.assign(n_orders=1, amount=100.0)


def accounts(*names: str, created=None) -> pd.DataFrame:
    frame = pd.DataFrame({"account_id": list(names), "account_name": [name.upper() for name in names]})
    created = pd.to_datetime(created or [None] * len(names))
    return frame.assign(owner="Ada", industry="x", created_at=created.astype("datetime64[us]"))


def on(day: int) -> dt.date:
    return (DAY0 + pd.Timedelta(days=day)).date()


def state(order_days: pd.DataFrame, day: int, contracts=None) -> str:
    there = lifecycle.states(order_days, on(day), SETTINGS, accounts("a"), contracts)
    return there.set_index("account_id")["state"]["a"]


MONTHLY = list(range(0, 391, 30))


@pytest.mark.parametrize(
    ("numbers", "day", "expected"),
    [
        ([], 100, "prospect"),
        ([0], 0, "first_purchase"),
        ([0], 90, "first_purchase"),  # 90 days of silence are not yet more than 90
        ([0], 91, "dormant"),
        ([0], 180, "dormant"),
        ([0], 181, "churned"),
        ([0, 30], 30, "repeat"),
        ([0, 91], 91, "repeat"),  # back before τ2: the same customer
        ([0, 180], 180, "repeat"),
        ([0, 181], 181, "won_back"),
        ([0, 181, 200], 200, "repeat"),
        (MONTHLY, 364, "repeat"),
        (MONTHLY, 365, "loyal"),
        (MONTHLY, 390 + 90, "loyal"),
        (MONTHLY, 390 + 91, "dormant"),
        (MONTHLY, 390 + 181, "churned"),
        ([0, 90, 180, 270, 360], 365, "repeat"),  # five orders are not six
        ([0, 1, 2, 3, 4, 5, 80, 81, 82, 83, 84, 160, 161, 240, 320, 400], 400, "repeat"),  # more irregular than chance
        ([0, 30, 60, 90, 190, 220, 250, 280, 310, 340, 370], 370, "repeat"),  # silent beyond τ1 within the year
        ([0, 30, 60, 90, 190, *range(220, 560, 30)], 190 + 365, "loyal"),
    ],
)
def test_state_on_a_day(numbers, day, expected):
    assert state(days(a=numbers), day) == expected


def test_own_thresholds_are_the_90_percent_quantile_of_the_gaps_and_twice_that():
    gaps = [100, 110, 120, 130, 140]
    table = lifecycle.states(days(a=np.cumsum([0, *gaps])), on(700), SETTINGS, accounts("a"))
    assert table["tau1_days"].item() == pytest.approx(np.quantile(gaps, 0.9))
    assert table["tau2_days"].item() == pytest.approx(2 * np.quantile(gaps, 0.9))
    assert table["state"].item() == "repeat"
    silent = lifecycle.states(days(a=np.cumsum([0, *gaps])), on(600 + 137), SETTINGS, accounts("a"))
    assert silent["state"].item() == "dormant"
    assert silent["since"].item() == DAY0 + pd.Timedelta(days=600 + 137)


def test_an_account_with_two_orders_borrows_the_gaps_of_its_segment_known_on_that_day():
    others = {f"n{i:02d}": [0, 150, 300, 450] for i in range(8)}
    everyone = accounts("a", "b", *others)
    late = days(a=[500, 510], b=[200], **others)
    table = lifecycle.silences(late, on(700), SETTINGS, everyone).groupby("account_id").tail(1).set_index("account_id")
    assert table["tau1_days"]["a"] == pytest.approx(150, abs=1)  # 24 gaps of 150 days and its own of 10
    assert table["tau1_days"]["b"] == SETTINGS.lifecycle.dormant_floor_days  # on day 200 only 8 gaps were known


def test_frequent_buyers_lend_no_more_than_their_first_gaps():
    slow = {f"s{i}": [0, 200, 400, 600] for i in range(7)}
    table = lifecycle.silences(days(a=[700], f=range(0, 690, 2), **slow), on(700), SETTINGS, accounts("a", "f", *slow))
    assert table.set_index("account_id")["tau1_days"]["a"] == pytest.approx(200)


def contract(*spans: tuple[int, int]) -> pd.DataFrame:
    frame = pd.DataFrame(spans, columns=["start_date", "end_date"])
    return frame.apply(lambda column: (DAY0 + pd.to_timedelta(column, unit="D")).astype("datetime64[us]")).assign(
        account_id="a"
    )


@pytest.mark.parametrize(
    ("spans", "day", "expected"),
    [
        ([(0, 300)], 180, "dormant"),  # silent, and the contract runs
        ([(0, 300)], 181, "churned"),  # it does not help that the contract runs
        ([(0, 120)], 120, "dormant"),
        ([(0, 120)], 121, "churned"),  # ended without renewal, and silent
        ([(0, 120), (121, 300)], 125, "dormant"),  # renewed in time
        ([(0, 120), (130, 300)], 125, "churned"),  # not renewed when it ended
        ([(0, 60)], 61, "first_purchase"),  # the contract ended, but an order came less than τ1 ago
        ([(0, 60)], 91, "churned"),
        ([(-100, -10)], 91, "dormant"),  # a contract of the past decides nothing
    ],
)
def test_a_silent_account_is_lost_when_its_contract_has_ended(spans, day, expected):
    assert state(days(a=[0]), day, contract(*spans)) == expected


def test_since_and_spells_tell_the_whole_story():
    order_days = days(a=[10, 300])
    known = lifecycle.silences(order_days, on(320), SETTINGS, accounts("a", created=[DAY0]))
    spells = lifecycle.spells(known, on(320), SETTINGS, accounts("a", created=[DAY0]))
    assert list(spells["state"]) == ["prospect", "first_purchase", "dormant", "churned", "won_back"]
    assert [(day - DAY0).days for day in spells["start"]] == [0, 10, 101, 191, 300]
    assert spells["end"].isna().tolist() == [False] * 4 + [True]
    folded = lifecycle.fold_to_five(spells)
    assert list(folded["state"]) == ["prospect", "first_purchase", "churned", "repeat"]
    losses = lifecycle.loss_events(known, on(320))
    assert (losses["churn_date"].item() - DAY0).days == 101
    assert (losses["confirmed_on"].item() - DAY0).days == 191
    assert (losses["returned"].item() - DAY0).days == 300


def test_a_customer_on_file_only_after_the_first_order_was_never_a_prospect():
    table = accounts("a", created=[DAY0 + pd.Timedelta(days=50)])
    spells = lifecycle.spells(lifecycle.silences(days(a=[10]), on(60), SETTINGS, table), on(60), SETTINGS, table)
    assert list(spells["state"]) == ["first_purchase"]


def test_no_orders_and_no_accounts():
    none = days()
    assert set(lifecycle.states(none, on(5), SETTINGS, accounts("a", "b"))["state"]) == {"prospect"}
    assert lifecycle.states(none, on(5), SETTINGS, accounts()).empty
    assert journey.state_counts_table(
        lifecycle.spells(lifecycle.silences(none, on(5), SETTINGS, accounts("a")), on(5), SETTINGS, accounts("a")),
        on(5),
        SETTINGS,
    ).empty
    assert cohorts.cohort_table(none, accounts("a"), on(5), SETTINGS).empty
    assert rhythm.weekday_table(none, on(5)).empty


# --- invariants ----------------------------------------------------------------------------------------------------

NAMES = ("a", "b", "c", "d")
timelines = st.fixed_dictionaries({name: st.sets(st.integers(0, 900), max_size=14) for name in NAMES})
created = st.lists(st.one_of(st.none(), st.integers(-300, 600)), min_size=4, max_size=4)
spans = st.lists(st.tuples(st.integers(-200, 800), st.integers(1, 400)), max_size=3)


def company(lines, born, contracts):
    order_days = days(**{name: sorted(numbers) for name, numbers in lines.items()})
    dates = [None if day is None else DAY0 + pd.Timedelta(days=day) for day in born]
    rows = contract(*[(start, start + length) for start, length in contracts])
    return order_days, accounts(*NAMES, created=dates), rows


def spells_of(order_days, table, contracts, day):
    known = lifecycle.silences(order_days, on(day), SETTINGS, table, contracts)
    return lifecycle.spells(known, on(day), SETTINGS, table)


@hypothesis_settings(max_examples=25, deadline=None)
@given(timelines, created, spans, st.integers(0, 900))
def test_states_are_exhaustive_and_exclusive(lines, born, contracts, day):
    order_days, table, rows = company(lines, born, contracts)
    spells = spells_of(order_days, table, rows, 900)
    there = lifecycle.states_on(spells, on(day))
    assert there.index.is_unique
    assert set(there) <= set(lifecycle.STATES)
    first = order_days.groupby("account_id")["order_date"].min()
    for account, opened in table.set_index("account_id")["created_at"].items():
        start = min((d for d in (opened, first.get(account)) if not pd.isna(d)), default=order_days["order_date"].min())
        on_file = not pd.isna(start) and start <= pd.Timestamp(on(day))
        assert (account in there.index) == on_file
    inner = spells[spells["end"].notna()]
    assert (inner["end"].to_numpy() == spells["start"].shift(-1)[inner.index].to_numpy()).all()


@hypothesis_settings(max_examples=25, deadline=None)
@given(timelines, created, spans, st.integers(0, 900))
def test_a_past_day_is_told_as_it_was_on_that_day(lines, born, contracts, day):
    order_days, table, rows = company(lines, born, contracts)
    hindsight = lifecycle.states_on(spells_of(order_days, table, rows, 900), on(day))
    then = lifecycle.states(order_days, on(day), SETTINGS, table, rows).set_index("account_id")["state"]
    on_file = ~(table.set_index("account_id")["created_at"] > pd.Timestamp(on(day)))
    known = order_days[order_days["order_date"] <= pd.Timestamp(on(day))]
    blind = lifecycle.states(known, on(day), SETTINGS, table, rows).set_index("account_id")["state"]
    pd.testing.assert_series_equal(then, blind)
    both = then.index.intersection(hindsight.index)
    assert set(hindsight.index) == set(both)
    assert (then[both] == hindsight[both]).all()
    assert set(then.index) - set(both) <= set(on_file.index[table.set_index("account_id")["created_at"].isna()])


@hypothesis_settings(max_examples=12, deadline=None)
@given(timelines, created, spans, st.randoms())
def test_the_order_of_rows_does_not_matter(lines, born, contracts, random):
    order_days, table, rows = company(lines, born, contracts)
    mixed = [frame.sample(frac=1, random_state=random.randint(0, 99)) for frame in (order_days, table, rows)]
    expected = lifecycle.states(order_days, on(900), SETTINGS, table, rows)
    found = lifecycle.states(mixed[0], on(900), SETTINGS, mixed[1], mixed[2])
    pd.testing.assert_frame_equal(found, expected)


@hypothesis_settings(max_examples=12, deadline=None)
@given(timelines, created)
def test_counts_are_conserved_and_rates_sum_to_one(lines, born):
    order_days, table, rows = company(lines, born, [])
    spells = spells_of(order_days, table, rows, 900)
    counts = journey.state_counts_table(spells, on(900), SETTINGS)
    if len(counts):
        for day, part in counts.groupby("month_end"):
            assert part["n_accounts"].sum() == len(lifecycle.states_on(spells, day))
            assert part["state_share"].sum() == pytest.approx(1)
    moves = journey.transition_table(spells, on(900))
    if len(moves):
        by_row = moves.groupby("state_from")
        assert by_row["transition_rate"].sum().to_numpy() == pytest.approx(1)
        assert (by_row["n_moves"].sum() == by_row["n_from"].first()).all()
        assert (moves["transition_rate_low"] <= moves["transition_rate"] + 1e-12).all()
        assert (moves["transition_rate"] <= moves["transition_rate_high"] + 1e-12).all()


# --- journey, cohorts ----------------------------------------------------------------------------------------------


def test_moves_are_counted_from_quarter_end_to_quarter_end():
    table = accounts("a", "b")
    spells = spells_of(days(a=[0], b=range(0, 400, 30)), table, None, 400)  # as of 2024-02-06
    moves = journey.transition_table(spells, on(400), steps=3).set_index(["state_from", "state_to"])["n_moves"]
    # quarter-ends: 2023-04-30, 07-31, 10-31, 2024-01-31; a: dormant from 04-03, lost from 07-02; b always buys
    assert moves["dormant", "churned"] == 1
    assert moves["churned", "churned"] == 2
    assert moves["repeat", "repeat"] + moves["repeat", "loyal"] == 3
    assert moves.sum() == 6


def test_cohorts_keep_every_account_and_set_apart_those_from_before_the_data():
    order_days = days(old=[0, 100, 200, 300, 400], new=[95, 200], late=[300], dated=[10])
    table = accounts("old", "new", "late", "dated", created=[None, None, None, DAY0 + pd.Timedelta(days=2)])
    found = cohorts.cohort_table(order_days, table, on(400), SETTINGS)  # 2024-02-06: the quarter is not over
    sizes = found.groupby("cohort")["n_accounts"].first()
    assert sizes.to_dict() == {"before_data": 1, "2023 Q1": 1, "2023 Q2": 1, "2023 Q4": 1}
    assert found["amount"].sum() == order_days["amount"].sum()
    assert (found["n_quarters"] + 0).max() == 4
    assert found[found["cohort"] == "before_data"]["n_ordering"].tolist() == [1, 1, 1, 1, 1]
    assert found[found["cohort"] == "2023 Q2"]["n_ordering"].tolist() == [1, 1, 0, 0]
    assert found["quarter_open"].sum() == 4
    assert found["small"].all()
    assert "not enough data" in cohorts.cohorts_claim(found)


def test_money_of_a_cohort_is_cumulative_and_per_account():
    order_days = days(**{f"n{i}": [300, 400] if i else [300, 400, 500] for i in range(2)}, old=[0])
    found = cohorts.cohort_table(order_days, accounts("n0", "n1", "old"), on(520), SETTINGS)
    new = found[found["cohort"] == "2023 Q4"]  # 2023-10-29, 2024-02-06, 2024-05-16
    assert new["amount_each"].tolist() == [100, 200, 250]
    assert np.isnan(cohorts.second_year(found)["second"]) or cohorts.second_year(found)["n"] == 0


def test_the_second_year_counts_those_who_stopped_with_nothing():
    lines = {f"n{i}": [100, 200, 300, 500, 600] if i < 3 else [100, 200] for i in range(6)}
    found = cohorts.cohort_table(days(old=[0], **lines), accounts("old", *lines), on(1000), SETTINGS)
    assert cohorts.second_year(found) == {"n": 6, "first": 3 * 300 + 3 * 200, "second": 3 * 200}
    assert "in their second year 6 of them ordered 40 %" in cohorts.cohorts_claim(found)


def test_a_behaviour_without_a_source_is_not_measured():
    class Only:
        as_of = on(400)

        def has(self, name):
            return name in ("accounts", "orders")

        def frame(self, name):
            return accounts("a", "b") if name == "accounts" else days(a=[300], b=[10])

    table = cohorts.behaviour_table(Only()).set_index("behaviour_stage")
    assert table.index[table["measured"].astype(bool)].tolist() == ["buy"]
    assert table["n_accounts"]["buy"] == 1  # b bought more than 12 months ago
    assert np.isnan(table["n_accounts"]["browse"])
    assert "not measured: Browse" in cohorts.behaviour_claim(table.reset_index())


# --- rhythm --------------------------------------------------------------------------------------------------------


def test_weekdays_count_every_order_of_the_whole_years_once():
    order_days = days(a=range(0, 1000, 7))  # every Monday
    table = rhythm.weekday_table(order_days, on(1000))
    inside = order_days["order_date"] > pd.Timestamp(on(1000)) - pd.DateOffset(years=2)
    assert table["n_orders"].sum() == inside.sum()
    assert table["n_dates"].sum() == 731
    assert set(table.loc[table["n_orders"] > 0, "weekday"]) == {"mon"}
    assert "Monday brings 7.0 times" in rhythm.weekdays_claim(table)


def test_spring_festival_moves_between_january_and_february_but_not_between_years():
    """D.11-20: Spring Festival is not read as a slump."""
    months = pd.DataFrame({"month": pd.date_range("2023-01-01", "2024-12-01", freq="MS")})
    months["n_orders"] = [4, 16, *[10] * 10, 14, 6, *[10] * 10]
    table = rhythm.seasonality_table(months, dt.date(2024, 12, 31))
    single = table[table["season"] != "jan_feb"]
    assert single.groupby("year")["season_index"].mean().to_numpy() == pytest.approx(1)
    assert table[table["season"] == "jan_feb"]["season_index"].to_numpy() == pytest.approx(1)
    assert "differ by up to 100 % of a month between 2 years, together by 0 %" in rhythm.seasonality_claim(table)
    assert rhythm.seasonality_table(months, dt.date(2024, 12, 30))["year"].unique().tolist() == [2023]


def promotion(after: int) -> pd.DataFrame:
    """Twelve accounts order 1 a day; during 20 days of promotion 3, and in the 56 days after it `after` in total."""
    rows = []
    for i in range(12):
        for day in range(700):
            amount = 3.0 if 400 <= day < 420 else after / 56 if 420 <= day < 476 else 1.0
            rows.append((f"n{i}", DAY0 + pd.Timedelta(days=day), amount, "Sale" if 400 <= day < 420 else None))
    return pd.DataFrame(rows, columns=["account_id", "order_date", "amount", "promotion"])


def test_a_promotion_that_only_moves_purchases_adds_nothing():
    moved = rhythm.promotion_table(promotion(after=16), on(699)).iloc[0]
    assert (moved["during"], moved["afterwards"], moved["net"]) == pytest.approx((480, -480, 0), abs=1e-6)
    added = rhythm.promotion_table(promotion(after=56), on(699))
    assert added["net"].item() == pytest.approx(480)
    assert "added purchases" in rhythm.promotion_claim(added)
    assert "No order" in rhythm.promotion_claim(rhythm.promotion_table(promotion(56).assign(promotion=None), on(699)))


def test_a_season_that_lifts_everybody_is_no_promotion():
    busy = [
        (f"n{i}", DAY0 + pd.Timedelta(days=day), "Sale" if 400 <= day < 420 and i < 12 else None)
        for i in range(24)
        for day in range(700)
    ]
    busy += [row for row in busy if 400 <= (row[1] - DAY0).days < 476]  # all order twice as often in these days
    table = rhythm.promotion_table(
        pd.DataFrame(busy, columns=["account_id", "order_date", "promotion"]).assign(amount=1.0), on(699)
    ).iloc[0]
    assert table["net"] == pytest.approx(12 * 76)
    assert table["beyond"] == pytest.approx(0, abs=1e-6)
    assert table["n_others"] == 12


def test_few_accounts_do_not_judge_a_promotion():
    few = promotion(after=56)
    said = rhythm.promotion_claim(rhythm.promotion_table(few[few["account_id"].isin(["n0", "n1"])], on(699)))
    assert said == "Sale: not enough data (n = 2 accounts)."


# --- next orders, dormant, calls -----------------------------------------------------------------------------------


def test_the_next_order_is_the_last_one_and_the_own_gaps():
    order_days = days(a=[0, 10, 20, 30, 40, 60], b=[0, 10, 20])
    table, known = accounts("a", "b"), on(75)
    now = lifecycle.states(order_days, known, SETTINGS, table)
    row = next_orders.next_order_table(order_days, now, table, known)
    assert row["account_id"].tolist() == ["a"]  # b has only two gaps
    assert (row["next_order"].item() - DAY0).days == 70
    assert (row["next_order_high"].item() - DAY0).days == 60 + 16  # 90 % quantile of 10, 10, 10, 10, 20
    assert row["order_status"].item() == "due_now"
    later = next_orders.next_order_table(order_days, now, table, on(80))
    assert (later["order_status"].item(), later["late_days"].item()) == ("overdue", 4)


def test_the_interval_for_the_next_order_is_tested_on_the_past_only():
    regular = days(a=range(0, 600, 10), b=[0, 5])
    row = next_orders.coverage_table(regular).iloc[0]
    assert (row["n_orders"], row["n_inside"]) == (54, 54)
    random = np.random.default_rng(1)
    noisy = {f"n{i}": np.cumsum(random.integers(5, 60, 200)) for i in range(10)}
    assert next_orders.coverage_table(days(**noisy))["inside_rate"].item() == pytest.approx(0.8, abs=0.04)


def test_dormancy_is_the_accounts_own_and_not_ninety_days():
    order_days = days(slow=[0, 200, 400, 600, 800], weekly=range(0, 750, 7))
    table = accounts("slow", "weekly")
    facts = (order_days, on(900), SETTINGS, table)
    now, known = lifecycle.states(*facts), lifecycle.silences(*facts)
    silent = next_orders.dormant_table(order_days, known, now, table, on(900))
    assert silent["account_id"].tolist() == ["weekly"]
    assert silent["n_fixed"].item() == 2
    assert silent["value_before"].item() == 100.0 * sum(749 - 365 < day <= 749 for day in range(0, 750, 7))
    calls = next_orders.calls_table(
        next_orders.next_order_table(order_days, now, table, on(900)), silent, now, table, on(900), "en"
    )
    assert calls["account_id"].is_unique
    assert calls.iloc[0]["call_reason"] == "Dormant"
    assert calls["due"].dt.day_of_week.max() < 5


# --- the sample ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def facts(sample):
    return sample.order_days, sample.as_of, sample.settings, sample.frame("accounts"), sample.frame("contracts")


def test_the_planted_promotions_are_told_apart(sample):
    table = rhythm.promotion_table(sample.frame("orders"), sample.as_of).set_index("promotion")
    moved, added = table.loc[stories.PROMOTION], table.loc[stories.ADDING_PROMOTION]
    assert moved["during"] > 0 > moved["afterwards"]
    assert moved["net_low"] < 0 < moved["net_high"]
    assert added["net_low"] > 0


def test_spring_festival_of_the_sample_vanishes_when_january_and_february_are_taken_together(sample):
    wide = rhythm.seasonality_table(sample.months, sample.as_of).pivot(
        index="year", columns="season", values="season_index"
    )
    assert np.ptp(wide["jan_feb"]) < np.ptp(wide["month_01"]) / 2


def test_lost_accounts_of_the_late_deliveries_are_found(facts):
    now = lifecycle.states(*facts).set_index("account_id")["state"]
    assert (now[list(stories.LATE_LOST)] == "churned").mean() >= 0.75


def test_states_of_the_sample_reconcile_with_the_mart(sample, facts):
    now = lifecycle.states(*facts).merge(sample.mart, on="account_id")
    assert len(now) == len(sample.mart)
    assert (now["last_order"].isna() == (now["state"] == "prospect")).all()
    silent = now["recency_days"] > now["tau1_days"]
    assert (silent == now["state"].isin(["dormant", "churned"])).all()


EXHIBITS = {
    "counts": (journey.plot_state_counts, journey.state_counts_claim),
    "moves": (journey.plot_transitions, journey.transitions_claim),
    "cohorts": (cohorts.plot_cohorts, cohorts.cohorts_claim),
    "behaviour": (cohorts.plot_behaviour, cohorts.behaviour_claim),
    "weekdays": (rhythm.plot_weekdays, rhythm.weekdays_claim),
    "seasons": (rhythm.plot_seasonality, rhythm.seasonality_claim),
    "next": (next_orders.plot_next_orders, next_orders.next_orders_claim),
    "dormant": (next_orders.plot_dormant, next_orders.dormant_claim),
}


@pytest.fixture(scope="module")
def tables(sample, facts):
    order_days, as_of, settings, table, _ = facts
    known, now = lifecycle.silences(*facts), lifecycle.states(*facts)
    spells = lifecycle.spells(known, as_of, settings, table)
    return {
        "counts": journey.state_counts_table(spells, as_of, settings),
        "moves": journey.transition_table(spells, as_of),
        "cohorts": cohorts.cohort_table(order_days, table, as_of, settings),
        "behaviour": cohorts.behaviour_table(sample),
        "weekdays": rhythm.weekday_table(order_days, as_of),
        "seasons": rhythm.seasonality_table(sample.months, as_of),
        "next": next_orders.next_order_table(order_days, now, table, as_of),
        "dormant": next_orders.dormant_table(order_days, known, now, table, as_of),
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


def test_rates_of_the_sample_have_intervals_around_them(sample, facts):
    spells = lifecycle.spells(lifecycle.silences(*facts), facts[1], facts[2], facts[3])
    table = journey.rates_table(spells, sample.frame("surveys"), sample.as_of)
    assert len(table) == 8
    assert table["lifecycle_rate"].between(table["lifecycle_rate_low"], table["lifecycle_rate_high"]).all()


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.id)
def test_practice_takes_the_right_answer_and_hints_at_the_wrong_ones(sample, question):
    check = Practice(sample, "04")
    right = question.answer(sample)
    assert check(question.id, right).right is True
    assert check(question.id, None).right is None
    for trap, hint in question.traps:
        verdict = check(question.id, trap(sample))
        assert verdict.right is False, trap(sample)
        assert hint[0] in verdict.text
    for hint in question.hints:
        assert str(right) not in hint[0]
