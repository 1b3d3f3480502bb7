"""Calibration: bins and skill by hand, the same truth as scikit-learn's Brier score, nothing learnt from the future."""

import numpy as np
import pandas as pd
import pytest
from deal_frames import AS_OF, STAGES, cut, frame, simulated

from kamlib.funnel import calibration, past


def predicted(n: int, rates, won) -> pd.DataFrame:
    return pd.DataFrame({
        "deal_id": [f"D{i}" for i in range(n)], "day": pd.Timestamp("2025-03-31"), "our_rate": rates, "crm_rate": 0.5,
        "base_rate": 0.5, "is_won": won,
    })  # fmt: skip


def test_bins_and_skill_by_hand():
    table = calibration.calibration_table(predicted(20, [0.9] * 10 + [0.1] * 10, [True] * 10 + [False] * 10))
    crm, ours = (table[table["forecaster"] == name] for name in ("crm", "ours"))
    assert crm[["n_deals", "predicted_rate", "observed_rate"]].to_numpy().tolist() == [[20, 0.5, 0.5]]
    assert ours["n_deals"].sum() == 20
    assert ours["observed_rate"].tolist() == [0, 1]
    assert crm["skill_rate"].iloc[0] == pytest.approx(0)
    assert ours["skill_rate"].iloc[0] == pytest.approx(1 - 0.01 / 0.25)


def test_skill_is_that_of_the_brier_score():
    from sklearn.metrics import brier_score_loss

    random = np.random.default_rng(2)
    rates = random.random(300)
    rows = predicted(300, rates, random.random(300) < rates)
    skill, low, high = calibration._skill(rows, rows["our_rate"])
    scores = [brier_score_loss(rows["is_won"], rows[name]) for name in ("our_rate", "base_rate")]
    assert skill == pytest.approx(1 - scores[0] / scores[1])
    assert low < skill < high


def test_repeated_deals_widen_the_interval():
    random = np.random.default_rng(3)
    rates = random.random(100)
    rows = predicted(100, rates, random.random(100) < rates)
    many = pd.concat([rows] * 9, ignore_index=True)
    (_, low, high), (_, lower, higher) = (calibration._skill(part, part["our_rate"]) for part in (rows, many))
    assert higher - lower == pytest.approx(high - low, rel=0.25)  # nine copies know no more than one


def test_pipelines_of_a_simulated_company_are_calibrated():
    stories, ends = simulated(np.random.default_rng(8), 2500), past.quarter_ends(AS_OF, 8)
    books = [past.Book(day, until, *cut(stories, day)) for day, until in zip(ends, ends[1:], strict=False)]
    rows = calibration.predictions(books, cut(stories, AS_OF)[0], STAGES, AS_OF, horizon_days=120)
    assert (rows["day"] + pd.Timedelta(days=120) <= pd.Timestamp(AS_OF)).all()
    table = calibration.calibration_table(rows)
    ours = table[table["forecaster"] == "ours"]
    assert ((ours["predicted_rate"] - ours["observed_rate"]).abs() < 0.12).all()
    assert ours["skill_rate_low"].iloc[0] > 0.1


def test_deals_that_all_ended_as_everybody_knew_show_no_skill():
    table = calibration.calibration_table(predicted(12, [0.2] * 12, [False] * 12).assign(base_rate=0.0))
    assert calibration.calibration_claim(table).startswith("Cannot be said")


def test_too_few_predictions_say_nothing():
    assert calibration.calibration_table(predicted(9, [0.5] * 9, [True] * 9)).empty
    assert calibration.calibration_table(calibration.predictions([], frame("deals"), STAGES, AS_OF)).empty


def test_the_sample_trusts_observed_rates_more_than_defaults(sample):

    deals = past.decided(sample.frame("deals"))
    rows = calibration.predictions(past.books(sample), deals, sample.settings.stages, sample.as_of)
    table = calibration.calibration_table(rows)
    skill = table.drop_duplicates("forecaster").set_index("forecaster")
    assert skill.loc["ours", "skill_rate_low"] > skill.loc["crm", "skill_rate_high"]
    assert calibration.calibration_claim(table).startswith(f"Brier skill on {len(rows)} past open deals")
    assert len(calibration.plot_calibration(table).containers) == 2
