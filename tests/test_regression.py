"""Least squares: against statsmodels, on simulated truth, and refusals."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.stats.diagnostic import het_breuschpagan
from statsmodels.stats.outliers_influence import variance_inflation_factor

from kamlib.models.regression import least_squares


def made(n=60, seed=0):
    draw = np.random.default_rng(seed)
    x = pd.DataFrame({"a": draw.normal(size=n), "b": draw.normal(size=n)})
    x["b"] += x["a"]
    return 1 + 2 * x["a"] - x["b"] + draw.normal(size=n) * (1 + x["a"].abs()), x


def test_every_figure_equals_that_of_statsmodels():
    y, x = made()
    ours, design = least_squares(y, x), sm.add_constant(x)
    theirs = sm.OLS(y, design).fit()
    robust = theirs.get_robustcov_results("HC3", use_t=True)
    assert ours.table["coefficient"].tolist() == pytest.approx(theirs.params.tolist(), abs=1e-10)
    assert ours.table[["low", "high"]].to_numpy() == pytest.approx(robust.conf_int(), abs=1e-10)
    assert ours.r2 == pytest.approx(theirs.rsquared, abs=1e-12)
    assert ours.spread_p == pytest.approx(het_breuschpagan(theirs.resid, design)[1], abs=1e-12)
    assert ours.inflation == pytest.approx(variance_inflation_factor(design.to_numpy(), 1), abs=1e-9)
    frame = theirs.get_prediction(design.head(5)).summary_frame(alpha=0.2)
    assert ours.predict(x.head(5))[["low", "high"]].to_numpy() == pytest.approx(
        frame[["obs_ci_lower", "obs_ci_upper"]].to_numpy(), abs=1e-10
    )
    left_out = [(y[i] - sm.OLS(y.drop(i), design.drop(i)).fit().predict(design.loc[[i]]).iloc[0]) ** 2 for i in x.index]
    assert ours.q2 == pytest.approx(1 - sum(left_out) / ((y - y.mean()) ** 2).sum(), abs=1e-10)


def test_intervals_cover_the_truth_under_unequal_scatter():
    covered = np.array([
        [row.low <= truth <= row.high for row, truth in zip(least_squares(*made(seed=s)).table.itertuples(), (1, 2, -1), strict=True)]
        for s in range(200)
    ])  # fmt: skip
    assert (covered.mean(axis=0) >= 0.91).all()
    assert (covered.mean(axis=0) <= 0.99).all()


def test_too_few_rows_or_a_predictor_without_news_are_refused():
    y, x = made()
    assert least_squares(y.head(19), x.head(19)) is None
    assert least_squares(y, x.assign(c=x["a"] - x["b"])) is None
    assert least_squares(y * 0 + 3, x) is None
    gaps = x.assign(a=x["a"].where(x.index > 5))
    assert least_squares(y, gaps).n == 54
    assert np.isnan(least_squares(y, gaps).predict(gaps.head(1))).all(axis=None)
