"""Ridge logistic regression: scikit-learn as an oracle, reasons that add up, and known coefficients found again."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from kamlib.models import logistic


def made(n, seed, coef=(1.0, -0.5, 0.0), intercept=-1.5):
    random = np.random.default_rng(seed)
    x = pd.DataFrame(random.normal(size=(n, 3)), columns=["a", "b", "c"])
    return x, (random.random(n) < expit(intercept + x.to_numpy() @ np.array(coef))).astype(int)


@pytest.mark.parametrize("ridge", [0.1, 1.0, 30.0])
def test_agrees_with_scikit_learn(ridge):
    from sklearn.linear_model import LogisticRegression

    x, y = made(300, 0)
    ours = logistic.fit(x, y, ridge)
    z = (x - x.mean()) / x.std(ddof=0)
    theirs = LogisticRegression(C=1 / ridge, tol=1e-10, max_iter=1000).fit(z, y)
    assert ours.coef.to_numpy() == pytest.approx(theirs.coef_[0], abs=1e-6)
    assert ours.intercept == pytest.approx(theirs.intercept_[0], abs=1e-6)


def test_reasons_add_up_to_the_score_exactly_and_the_mean_probability_is_the_share_of_events():
    x, y = made(200, 1)
    model = logistic.fit(x, y)
    total = model.intercept + model.reasons(x).sum(axis=1)
    assert total.to_numpy() == pytest.approx(logit(model.probability(x)), abs=1e-12)
    assert model.probability(x).mean() == pytest.approx(y.mean(), abs=1e-9)
    assert model.reasons(x).mean().abs().max() < 1e-12  # against the average row


def test_known_coefficients_are_found_without_bias():
    """Three true coefficients, 200 simulated companies of 2,000: the mean estimate within three of its standard errors."""
    found = []
    for seed in range(200):
        x, y = made(2000, seed)
        model = logistic.fit(x, y, 0.01)
        found.append((model.coef / model.scale).to_numpy())
    error = np.std(found, axis=0) / np.sqrt(200)
    assert (np.abs(np.mean(found, axis=0) - [1.0, -0.5, 0.0]) < 3 * error + 0.005).all()


def test_a_separating_or_constant_column_stays_finite():
    x = pd.DataFrame({"tells": [0, 0, 0, 1, 1, 1], "same": 1.0})
    model = logistic.fit(x, [0, 0, 0, 1, 1, 1])
    assert np.isfinite(model.coef).all()
    assert model.coef["same"] == 0
    assert logistic.fit(x[["same"]], [0, 1, 0, 0, 0, 0]).probability(x) == pytest.approx(1 / 6)


def test_rows_of_one_account_are_held_out_together_and_events_are_dealt_out():
    groups = np.repeat([f"n{i}" for i in range(60)], 3)
    y = np.repeat([1] * 20 + [0] * 40, 3)
    held = list(logistic.folds(y, groups, 10))
    assert sum(held).tolist() == [1] * 180
    for mask in held:
        assert not set(groups[mask]) & set(groups[~mask])
        assert y[mask].sum() == 6


def test_out_of_fold_probabilities_of_noise_do_not_rank():
    """An account's own rows would give it away; held out together they cannot."""
    from kamlib.models import scored

    random = np.random.default_rng(5)
    groups = np.repeat(np.arange(150), 6)
    y = np.repeat((random.random(150) < 0.3).astype(int), 6)
    x = pd.DataFrame(np.repeat(random.normal(size=(150, 4)), 6, axis=0))
    assert scored.auc(y, logistic.fit(x, y).probability(x)) > 0.55
    assert scored.auc(y, logistic.out_of_fold(x, y, groups)) < 0.58
