"""How wrong were we? The rolling-origin backtest of the total, model by model, and the forecasts of then beside what
came. Part of notebook 09."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import style
from kamlib.exhibit import chart
from kamlib.forecast import Fit
from kamlib.forecast.levels import Forecasts
from kamlib.models import forecasting
from kamlib.words import say, share, word


def models_table(fitted: Fit | None) -> pd.DataFrame:
    """Return how wrong each model was at past origins, the best first.

    model, chosen, n_origins, n_forecasts, mase_ratio (1: as wrong as the seasonal naive forecast inside the past),
    near_mase_ratio and far_mase_ratio (first and second half of the horizon), bias_share (of the mean actual).
    """
    columns = [
        "model",
        "chosen",
        "n_origins",
        "n_forecasts",
        "mase_ratio",
        "near_mase_ratio",
        "far_mase_ratio",
        "bias_share",
    ]
    if fitted is None or fitted.tested.empty:
        return pd.DataFrame(columns=columns)
    tested, half = fitted.tested, fitted.tested["step"].max() / 2
    near, far = (
        forecasting.accuracy(part, fitted.y).set_index("model")["mase"] if len(part) else pd.Series(dtype=float)
        for part in (tested[tested["step"] <= half], tested[tested["step"] > half])
    )
    table = fitted.accuracy.rename(columns={"n": "n_forecasts", "mase": "mase_ratio"})
    table["chosen"] = table["model"] == fitted.model
    table["near_mase_ratio"], table["far_mase_ratio"] = table["model"].map(near), table["model"].map(far)
    table["bias_share"] = table["bias"] / tested["actual"].mean()
    return table[columns]


@chart("bar", x="mase_ratio", y="model", size=(8, 4))
def plot_models(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the errors as bars from zero, the chosen model in colour."""
    ax = ax or style.new_axes((8, 4))
    rows = table.iloc[::-1]
    colours = np.where(rows["chosen"], style.BLUE, style.PALE)
    ax.barh([word(f"model.{name}") for name in rows["model"]], rows["mase_ratio"], color=colours)
    bias = [say(None, f"bias {_signed(b)}", f"偏差 {_signed(b)}") for b in rows["bias_share"]]
    style.bar_labels(ax, [f"{m:.2f} · {b}" for m, b in zip(rows["mase_ratio"], bias, strict=True)])
    ax.set_xlabel(word("mase_ratio"))
    ax.margins(x=0.2)
    ax.grid(axis="y", visible=False)
    return ax


def _signed(value: float) -> str:
    return f"{'+' if value > 0 else ''}{share(value, 1)}"


def models_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say which model was chosen, and by how much it beats the seasonal naive forecast."""
    rows = table.set_index("model")
    own, best = rows.loc["seasonal_naive", "mase_ratio"], rows[rows["chosen"]].iloc[0]
    name, n = rows.index[rows["chosen"]][0], int(best["n_origins"])
    if n < forecasting.LEAST_ORIGINS:
        return say(
            lang,
            f"Only {n} past origins: nothing is chosen by them, the same month a year before is the forecast.",
            f"仅 {n} 个历史起点，不足以择优：采用去年同月值。",
        )
    if name == "seasonal_naive":
        return say(
            lang,
            f"No model beats the same month a year before (MASE {own:.2f}, {n} origins): that is the forecast.",
            f"没有模型优于去年同月值（MASE {own:.2f}，{n} 个起点），故采用之。",
        )
    return say(
        lang,
        f"“{word(f'model.{name}', 'en')}” was least wrong: MASE {best['mase_ratio']:.2f} against {own:.2f} of the same "
        f"month a year before ({n} origins).",
        f"“{word(f'model.{name}', 'zh')}”误差最小：MASE {best['mase_ratio']:.2f}，去年同月值为 {own:.2f}（{n} 个起点）。",
    )


def past_table(made: Forecasts | None) -> pd.DataFrame:
    """Return what was expected of the total at every past origin, made the way it is made now: origin_month (the last
    month known), month, expected_revenue, revenue."""
    columns = ["origin_month", "month", "expected_revenue", "revenue"]
    if made is None or not made.past:
        return pd.DataFrame(columns=columns)
    every, horizon = made.book.months, made.expected.shape[1]
    rows = [
        pd.DataFrame({
            "origin_month": every[n - 1], "month": every[n : n + horizon],
            "expected_revenue": made.past[n][made.way][0], "revenue": made.came[n][0],
        })
        for n in made.past
    ]  # fmt: skip
    return pd.concat(rows, ignore_index=True)


@chart("line", x="month", y=["revenue", "expected_revenue"], colour="origin_month", size=(8, 4.2))
def plot_past(table: pd.DataFrame, ax: Axes | None = None, *, last_n: int = forecasting.MOST_ORIGINS) -> Axes:
    """Draw what came, and over it the last `last_n` forecasts of then."""
    ax = ax or style.new_axes((8, 4.2))
    table = table[table["origin_month"].isin(table["origin_month"].drop_duplicates().tail(last_n))]
    came = table.drop_duplicates("month").sort_values("month")
    ax.plot(came["month"], came["revenue"], color=style.INK, lw=2.2, marker="o", ms=4, label=word("revenue"))
    for i, (_, rows) in enumerate(table.groupby("origin_month")):
        label = say(None, "forecasts made before", "当时的预测") if i == 0 else None
        ax.plot(rows["month"], rows["expected_revenue"], color=style.BLUE, lw=1, alpha=0.7, label=label)
    ax.set_ylim(bottom=0)
    style.money_axis(ax.yaxis)
    ax.legend(loc="lower left", fontsize=8)
    return ax


def past_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say how often what came was higher than expected, and how far apart the two were."""
    error = table["revenue"] - table["expected_revenue"]
    n, above = len(table), int((error > 0).sum())
    typical = share((error.abs() / table["revenue"].where(table["revenue"] > 0)).median(), 1)
    return say(
        lang,
        f"{above} of {n} months came out above what had been forecast; a single month was off by {typical} (median).",
        f"{n} 个月中 {above} 个月高于预测；单月误差中位数 {typical}。",
    )
