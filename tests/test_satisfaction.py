"""Satisfaction: shares, intervals and importance on frames that can be checked by hand, then on the sample."""

import datetime as dt
from random import Random

import numpy as np
import pandas as pd
import pytest
import small_company
from hypothesis import given
from hypothesis import strategies as st

from kamlib import satisfaction, stats, words
from kamlib.models import importance
from kamlib.practice import Practice
from kamlib.satisfaction import complaints, drivers, recovery, response, texts, topics, waves
from kamlib.tables import TABLES, TOPICS

AS_OF = dt.date(2025, 12, 31)


def surveys(rows):
    """Build a typed survey frame from (wave, account_id, overall, recommend[, topic scores])."""
    table = pd.DataFrame(
        [
            {
                "response_id": f"R{i}",
                "wave": wave,
                "account_id": account,
                "contact_id": f"{account}-{i}",
                "overall": overall,
                "recommend": recommend,
            }
            | dict(zip(TOPICS, scores or [np.nan] * 4, strict=True))
            for i, (wave, account, overall, recommend, *scores) in enumerate(rows)
        ],
        columns=["response_id", "wave", "account_id", "contact_id", "overall", "recommend", *TOPICS],
    )
    year = table.wave.str[:4].astype(int)
    table["invited_at"] = pd.to_datetime({"year": year, "month": 6, "day": 1})
    table["answered_at"] = table.invited_at.where(table.overall.notna()) + pd.Timedelta(days=5)
    return table.assign(comment="")


def empty(name):
    kinds = {"text": "str", "date": "datetime64[us]", "time": "datetime64[us]", "flag": "boolean"}
    return pd.DataFrame({c.name: pd.Series(dtype=kinds.get(c.type, "float64")) for c in TABLES[name].columns})


def test_one_account_one_vote():
    rows = surveys([("2025", "a", 5, 10)] * 8 + [("2025", "b", 1, 0), ("2025", "c", np.nan, np.nan)])
    row = satisfaction.levels_table(rows).iloc[0]
    assert (row.n_invited, row.n_answers, row.n_accounts) == (10, 9, 2)
    assert row.response_rate == 0.9
    assert row.t2b_rate == 0.5
    assert (row.t2b_rate_low, row.t2b_rate_high) == pytest.approx(stats.wilson(1, 2))
    by_answer = satisfaction.levels_table(rows, vote="answer").iloc[0]
    assert by_answer.t2b_rate == pytest.approx(8 / 9)
    assert by_answer.n_votes == pytest.approx(81 / 65)
    by_value = satisfaction.levels_table(rows, vote="value", value=pd.Series({"a": 1.0, "b": 3.0})).iloc[0]
    assert (by_value.vote, by_value.t2b_rate) == ("value", 0.25)
    assert by_value.n_votes == pytest.approx(16 / 10)
    nobody = satisfaction.levels_table(rows, vote="value", value=pd.Series({"a": 0.0, "z": 3.0})).iloc[0]
    assert np.isnan(nobody.t2b_rate)


def test_nothing_is_said_without_n_and_interval_or_of_fewer_than_ten_accounts():
    """D.11-9: an NPS (and a top-2-box) stands with its n and its interval, and below ten accounts it does not stand."""
    words.speak("en")
    few = surveys([("2025", f"a{i}", 5, 10) for i in range(9)])
    some = surveys([("2025", f"a{i}", 5, 10) for i in range(12)])
    many = surveys([("2025", f"a{i}", 5, 10 if i % 2 else 3) for i in range(40)])
    for make, claim in (
        (satisfaction.levels_table, satisfaction.levels_claim),
        (satisfaction.nps_table, satisfaction.nps_claim),
    ):
        said = claim(make(few))
        assert "cannot be" in said
        assert "9" in said
        assert "100" not in said
        assert "n = 12" in claim(make(some))
        assert "read with care" in claim(make(some))
        table = make(many)
        assert "n = 40" in claim(table)
        assert "95 % interval" in claim(table)
        assert "read with care" not in claim(table)
    ax = satisfaction.plot_nps(satisfaction.nps_table(few))
    assert not ax.containers or not len(ax.containers[0].lines[0].get_xdata())


def test_nps_as_published():
    rows = surveys(
        [("2025", f"p{i}", 5, 10) for i in range(12)]
        + [("2025", f"q{i}", 4, 8) for i in range(4)]
        + [("2025", f"d{i}", 2, 3) for i in range(4)]
    )
    row = satisfaction.nps_table(rows).iloc[0]
    assert row.nps == 40
    assert (round(row.nps_low), round(row.nps_high)) == (2, 67)
    assert row.promoter_share + row.passive_share + row.detractor_share == pytest.approx(1)


@given(
    st.lists(
        st.tuples(st.sampled_from(["2024", "2025"]), st.sampled_from("abcdef"), st.integers(1, 5), st.integers(0, 10)),
        min_size=1,
        max_size=30,
    )
)
def test_shares_sum_to_one_and_order_does_not_matter(rows):
    frame = surveys(rows)
    levels = satisfaction.levels_table(frame)
    assert levels.filter(like="level_").sum(axis=1).to_numpy() == pytest.approx(1)
    assert (levels.t2b_rate_low <= levels.t2b_rate + 1e-12).all()
    assert (levels.t2b_rate <= levels.t2b_rate_high + 1e-12).all()
    shuffled = satisfaction.levels_table(frame.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(levels, shuffled)
    found = satisfaction.nps_table(frame)
    assert found.nps.between(-100, 100).all()
    assert ((found.nps_low <= found.nps + 1e-9) | (found.n_accounts < 5)).all()


def test_importance_is_the_part_of_r2_and_finds_the_driver_that_was_planted():
    random = np.random.default_rng(3)
    scores = random.integers(1, 6, (240, 4))
    overall = np.clip(np.round(0.7 * scores[:, 2] + 0.2 * scores[:, 0] + 0.4 + random.normal(0, 0.4, 240)), 1, 5)
    rows = surveys([("2025", f"a{i % 40}", overall[i], 8, *scores[i]) for i in range(240)])
    table = topics.topics_table(rows, draws=50).set_index("topic")
    assert table.importance_share.sum() == pytest.approx(1)
    assert table.index[0] == TOPICS[2]
    assert table.importance_share[TOPICS[2]] > 0.7
    assert (table.importance_share_low <= table.importance_share).all()
    assert (table.importance_share <= table.importance_share_high).all()
    assert table.quadrant[TOPICS[2]] == "concentrate"
    expected = importance.lmg(rows.overall, rows[list(TOPICS)])
    assert table.r2_index.iloc[0] == pytest.approx(expected.sum())


def test_too_few_answers_are_said_not_ranked():
    rows = surveys([("2025", f"a{i}", 1 + i % 5, 8, *[1 + i % 5, 3, 4, 5]) for i in range(39)])
    table = topics.topics_table(rows)
    assert table.importance_share.isna().all()
    assert set(table.quadrant) == {"insufficient_data"}
    assert "n = 39" in topics.topics_claim(table)
    assert "数据不足" in topics.topics_claim(table, "zh")
    assert table.correlation_index.notna().any()
    assert (table.correlation_index_low < table.correlation_index_high)[table.correlation_index.notna()].all()
    assert not table.is_clear.any()
    assert topics.plot_topics(table).get_xlim() == (-1.05, 1.05)


def test_the_map_has_both_crosshairs_and_marks_what_the_whiskers_leave_open():
    """D.11-11: importance–performance with cross-hairs at the target as well as at the means."""
    random = np.random.default_rng(5)
    scores = random.integers(1, 6, (240, 4))
    overall = np.clip(np.round(0.7 * scores[:, 2] + 0.9 + random.normal(0, 0.4, 240)), 1, 5)
    table = topics.topics_table(surveys([("2025", f"a{i}", overall[i], 8, *scores[i]) for i in range(240)]), draws=50)
    ax = topics.plot_topics(table, target=4.2)
    upright = [
        line.get_xdata()[0] for line in ax.lines if len(line.get_xdata()) == 2 and len(set(line.get_xdata())) == 1
    ]
    assert 4.2 in upright
    assert table.performance_mean.mean() in upright
    assert set(table.quadrant) <= {"concentrate", "low_priority"}
    assert set(table.quadrant_mean) != set(table.quadrant)
    assert table.set_index("topic").is_clear[TOPICS[2]]


def test_negative_betas_are_not_importance():
    """D.11-10: two topics that repeat each other get no negative importance, whatever a regression says of them."""
    random = np.random.default_rng(8)
    felt = random.normal(3.5, 0.8, 200)
    scores = np.clip(np.round(np.column_stack([felt + random.normal(0, s, 200) for s in (0.2, 0.6, 0.9, 1.2)])), 1, 5)
    overall = np.clip(np.round(felt + random.normal(0, 0.3, 200)), 1, 5)
    rows = surveys([("2025", f"a{i}", overall[i], 8, *scores[i]) for i in range(200)])
    table = topics.topics_table(rows, draws=100)
    assert (table.importance_share_low > 0).all()
    assert table.johnson_share.to_numpy() == pytest.approx(table.importance_share.to_numpy(), abs=0.05)
    assert table.vif_index.min() >= 1
    assert not any("beta" in column for column in table.columns)


def test_the_panel_compares_the_same_accounts_only():
    rows = surveys(
        [("2024", f"a{i}", 4, 8, 4, 4, 4, 4) for i in range(12)]
        + [("2025", f"a{i}", 3, 8, 4, 4, 4, 4) for i in range(12)]
        + [("2025", f"new{i}", 5, 9, 5, 5, 5, 5) for i in range(20)]
    )
    table = waves.trend_table(rows)
    last = table[(table.measure == "overall") & (table.wave == "2025")].iloc[0]
    assert last.n_panel == 12
    assert last.change_mean == -1
    assert last.score_mean > 4
    assert "−1.0" in waves.trend_claim(table)


def test_complaints_count_topics_severity_and_reopening():
    opened = pd.to_datetime(["2025-03-01", "2025-04-01", "2025-05-01", "2023-01-01", "2025-06-01"])
    cases = pd.DataFrame(
        {
            "case_id": list("12345"), "account_id": "a", "type": ["complaint"] * 4 + ["question"], "topic": ["delivery_speed", "delivery_speed", None, "delivery_speed", "after_sales"],
            "opened_at": opened, "closed_at": [opened[0] + pd.Timedelta(days=4), pd.NaT, opened[2] + pd.Timedelta(days=1), pd.NaT, pd.NaT],
            "severity": ["high", "low", "medium", "high", "low"], "reopened": [1, 0, np.nan, 0, 0],
        }
    )  # fmt: skip
    table = complaints.complaints_table(cases, AS_OF).set_index("topic")
    assert table.n_complaints.to_dict() == {"delivery_speed": 2, "unknown": 1}
    assert table.complaint_share.sum() == pytest.approx(1)
    assert table.loc["delivery_speed", ["n_high", "n_low", "n_open", "n_closed", "resolution_days"]].tolist() == [
        1,
        1,
        1,
        1,
        4.0,
    ]
    assert table.reopened_rate["delivery_speed"] == 1


def test_the_closed_loop_keeps_the_last_bad_answer_and_sees_later_contact():
    rows = surveys(
        [("2024", "a", 1, 2, 1, 2, 3, 4), ("2025", "b", 2, 8, 5, 1, 3, 4), ("2025", "c", 5, 10), ("2025", "d", 4, 6)]
    )
    mart = pd.DataFrame(
        {"account_id": list("abcd"), "account_name": list("ABCD"), "owner": "Li", "revenue": [1.0, 2.0, 3.0, 4.0]}
    )
    called = pd.DataFrame(
        {"contact_id": ["b-1", "d-3", "d-9"], "happened_at": pd.to_datetime(["2025-07-01", "2025-06-01", "2025-09-01"])}
    )
    table = recovery.closed_loop_table(rows, empty("cases"), called, mart, AS_OF)
    assert table.account_id.tolist() == ["d", "b"]
    assert table.followed_up.tolist() == [False, True]
    assert table.worst_topic.tolist()[1] == TOPICS[1]
    assert table.waiting_days.tolist() == [208, 208]
    assert "1 of 2" in recovery.closed_loop_claim(table)


def test_who_was_never_asked_comes_first():
    accounts = pd.DataFrame(
        {"account_id": list("abc"), "account_name": list("ABC"), "owner": "Li", "revenue": [1.0, 2.0, 3.0]}
    )
    rows = surveys([("2024", "a", 4, 8), ("2025", "b", np.nan, np.nan)])
    table = recovery.cadence_table(rows, accounts, AS_OF)
    assert table.account_id.tolist() == ["b", "c", "a"]
    assert table.n_invited.tolist() == [1, 0, 1]
    assert "2 of 3 key accounts never answered" in recovery.cadence_claim(table)


def test_nothing_measured_gives_empty_tables():
    none, cases = empty("surveys"), empty("cases")
    mart = pd.DataFrame(
        {"account_id": ["a"], "account_name": ["A"], "owner": ["Li"], "revenue": [1.0], "last_contact": [pd.NaT]}
    )
    for table in (
        satisfaction.levels_table(none), satisfaction.nps_table(none), topics.topics_table(none), waves.trend_table(none), waves.comparison_table(none),
        drivers.rules_table(none), drivers.asymmetry_table(none), texts.texts_table(none), satisfaction.votes_table(none, mart.set_index("account_id").revenue),
        response.response_table(none, mart, empty("relationships")), complaints.per_revenue_table(cases, mart, AS_OF),
        complaints.effort_table(cases, AS_OF), recovery.follow_up_table(none, empty("activities")),
        topics.account_topics_table(none, mart), complaints.complaints_table(cases, AS_OF), recovery.closed_loop_table(none, cases, empty("activities"), mart, AS_OF),
    ):  # fmt: skip
        assert table.empty
        assert len(table.columns) > 3


def test_claims_speak_both_languages_with_the_same_numbers(sample):
    words.speak("en", "CNY")
    frames = sample.frame("surveys"), sample.frame("cases")
    for table, claim in (
        (satisfaction.levels_table(frames[0]), satisfaction.levels_claim),
        (satisfaction.nps_table(frames[0]), satisfaction.nps_claim),
        (topics.topics_table(frames[0], draws=20), topics.topics_claim),
        (complaints.complaints_table(frames[1], sample.as_of), complaints.complaints_claim),
    ):
        en, zh = claim(table, "en"), claim(table, "zh")
        assert en != zh
        assert en.endswith(".")
        assert zh.endswith("。")
        for figure in table.iloc[-1:][[c for c in table.columns if c == "n_accounts"]].to_numpy().ravel():
            assert (str(figure) in en) == (str(figure) in zh)


def test_practice_accepts_the_right_answer_and_hints_at_the_likely_wrong_one(sample):
    for lang in ("en", "zh"):
        check = Practice(sample, "06", lang=lang)
        for question in check.questions.values():
            assert check(question.id, None).right is None
            assert check(question.id, question.answer(sample)).right is True
            for trap, hint in question.traps:
                if trap(sample) is None:
                    continue
                verdict = check(question.id, trap(sample))
                assert verdict.right is False
                assert hint[lang == "zh"] in verdict.text


@pytest.mark.parametrize("seed", range(12))
def test_every_table_and_picture_survives_odd_companies_and_absent_tables(seed):
    random = Random(seed)
    frames = small_company.make(random, AS_OF)
    kept = {name: frame for name, frame in frames.items() if seed % 3 and random.random() < 0.7}
    data = small_company.data(kept | {name: frames[name] for name in ("accounts", "orders")}, AS_OF)
    words.speak("en")
    rows, cases = data.frame("surveys"), data.frame("cases")
    found, complained = topics.topics_table(rows, draws=20), complaints.complaints_table(cases, AS_OF)
    said = texts.texts_table(rows)
    for table, plot, claim in (
        (satisfaction.levels_table(rows), satisfaction.plot_levels, satisfaction.levels_claim),
        (satisfaction.nps_table(rows), satisfaction.plot_nps, satisfaction.nps_claim),
        (found, topics.plot_topics, topics.topics_claim),
        (waves.trend_table(rows), waves.plot_trend, waves.trend_claim),
        (topics.account_topics_table(rows, data.mart), topics.plot_account_topics, topics.account_topics_claim),
        (complained, complaints.plot_complaints, complaints.complaints_claim),
        (recovery.closed_loop_table(rows, cases, data.frame("activities"), data.mart, AS_OF), recovery.plot_closed_loop, recovery.closed_loop_claim),
        (recovery.cadence_table(rows, data.mart, AS_OF), recovery.plot_cadence, recovery.cadence_claim),
        (waves.comparison_table(rows), waves.plot_comparison, waves.comparison_claim),
        (drivers.rules_table(rows), drivers.plot_rules, drivers.rules_claim),
        (drivers.asymmetry_table(rows), drivers.plot_asymmetry, drivers.asymmetry_claim),
        (said, texts.plot_texts, texts.texts_claim),
        (satisfaction.votes_table(rows, data.mart.set_index("account_id").revenue), satisfaction.plot_votes, satisfaction.votes_claim),
        (response.response_table(rows, data.mart, data.frame("relationships")), response.plot_response, response.response_claim),
        (complaints.per_revenue_table(cases, data.mart, AS_OF), complaints.plot_per_revenue, complaints.per_revenue_claim),
    ):  # fmt: skip
        if len(table):
            plot(table)
            assert claim(table, "en") != claim(table, "zh")
    recovery.topic_actions_table(complained, found, said, data.mart, AS_OF)
    followed = recovery.follow_up_table(rows, data.frame("activities"))
    assert recovery.follow_up_claim(followed) != recovery.follow_up_claim(followed, "zh")
    loop = recovery.closed_loop_table(rows, cases, data.frame("activities"), data.mart, AS_OF)
    assert len(recovery.calls_table(loop)) <= 5
