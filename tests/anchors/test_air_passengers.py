"""AirPassengers (Box and Jenkins 1970, series G; monthly, 1949–1960, thousands): the figures other programs print.

Trained to 1959, twelve months ahead. MASE is scaled by the seasonal naive error inside the training data, as in R's
forecast and in statsforecast.
"""

import numpy as np
import pytest

from kamlib.models import forecasting

PASSENGERS = np.array(
    """
112 118 132 129 121 135 148 148 136 119 104 118 115 126 141 135 125 149 170 170 158 133 114 140 145 150 178 163 172 178
199 199 184 162 146 166 171 180 193 181 183 218 230 242 209 191 172 194 196 196 236 235 229 243 264 272 237 211 180 201
204 188 235 227 234 264 302 293 259 229 203 229 242 233 267 269 270 315 364 347 312 274 237 278 284 277 317 313 318 374
413 405 355 306 271 306 315 301 356 348 355 422 465 467 404 347 305 336 340 318 362 348 363 435 491 505 404 359 310 337
360 342 406 396 420 472 548 559 463 407 362 405 417 391 419 461 472 535 622 606 508 461 390 432
""".split(),
    float,
)
TRAIN, TEST = PASSENGERS[:132], PASSENGERS[132:]


def mase(model):
    return np.abs(model(TRAIN, 12) - TEST).mean() / forecasting.scale(TRAIN)


@pytest.mark.parametrize(
    ("model", "published"),
    [(forecasting.seasonal_naive, 1.5709), (forecasting.holt_winters, 0.3384), (forecasting.theta, 0.8649)],
)
def test_mase_of_single_models(model, published):
    assert mase(model) == pytest.approx(published, abs=0.00015)


def test_the_selector_stays_under_a_mase_of_0_70():
    models = forecasting.candidates(TRAIN)
    assert "airline" in models
    tested = forecasting.backtest(TRAIN[-84:], 12, {n: m for n, m in models.items() if n != "airline"})
    chosen = forecasting.choose(forecasting.accuracy(tested, TRAIN[-84:]))
    assert mase(models[chosen]) <= 0.70


def test_the_airline_model_has_its_classic_digits():
    from statsmodels.tsa.statespace.sarimax import SARIMAX

    fit = SARIMAX(np.log(PASSENGERS), order=(0, 1, 1), seasonal_order=(0, 1, 1, 12)).fit(disp=False)
    ma, seasonal_ma, _ = fit.params
    assert (ma, seasonal_ma) == (pytest.approx(-0.4018, abs=1e-3), pytest.approx(-0.5569, abs=1e-3))
    assert fit.llf == pytest.approx(244.696, abs=1e-2)
    ahead = np.exp(fit.forecast(12))
    assert forecasting.airline(PASSENGERS, 12) == pytest.approx(ahead, rel=1e-9)  # ours is this model
