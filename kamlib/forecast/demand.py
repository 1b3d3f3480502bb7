"""How much of each product will be asked for, and how much to keep in stock? Part of notebook 09.

Units per product and month are summed on the engine; all products are forecast at once, those bought now and then apart
from the others. The stock hint covers the demand of the lead time in nine of ten cases, by past errors of the same sum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import style
from kamlib.exhibit import chart
from kamlib.models import forecasting, intermittent
from kamlib.words import names, number, say, share, word

if TYPE_CHECKING:
    from kamlib.workspace import Data

NAMED = 14
LEVEL = 0.8
"""Its upper end is exceeded in one case in ten."""


def units(data: Data, months: pd.DatetimeIndex) -> pd.DataFrame:
    """Return the units ordered of each product in each of `months`: months × product_id, gaps filled with 0."""
    lines, orders = data.table("order_lines"), data.table("orders").select("order_id", "order_date")
    rows = lines.filter(lines.product_id.notnull()).inner_join(orders, "order_id")
    rows = rows.mutate(month=rows.order_date.cast("date").truncate("M")).group_by("product_id", "month")
    summed = rows.agg(units=lines.quantity.sum().cast("float64")).to_pandas()
    summed["month"] = pd.to_datetime(summed["month"])
    wide = summed.pivot_table(index="month", columns="product_id", values="units", aggfunc="sum")
    wide = wide.reindex(months).fillna(0.0)
    return wide.loc[:, (wide > 0).any()].sort_index(axis=1)


def no_units() -> pd.DataFrame:
    """Return what `units` returns when there is no month."""
    return pd.DataFrame(index=pd.DatetimeIndex([], name="month"))


def demand_table(wide: pd.DataFrame, products: pd.DataFrame, lead: int) -> pd.DataFrame:
    """Return what is expected of each product over the next `lead` months, the largest demand first.

    product_id, product_name, product_category, unit, regular, n_ahead, n_expected_units, n_stock_units (covers the
    demand in nine of ten cases; missing below nine past errors), n_before_units (of the same months a year before),
    mase_ratio (of the monthly forecasts; pooled over the products of the same kind). Empty below a year of months.
    """
    columns = ["product_id", "product_name", "product_category", "unit", "regular", "n_ahead", "n_expected_units",
               "n_stock_units", "n_before_units", "mase_ratio"]  # fmt: skip
    panel = wide.to_numpy(float)
    if len(panel) < forecasting.SEASON or not panel.size:
        return pd.DataFrame(columns=columns)
    regular = ~intermittent.is_intermittent(panel)
    table = pd.DataFrame({"product_id": wide.columns, "regular": regular, "n_ahead": lead})
    table["n_before_units"] = np.round(intermittent.seasonal_naive(panel, lead).sum(axis=0)).astype(int)
    for kind, models in ((True, intermittent.REGULAR), (False, intermittent.SPORADIC)):
        where = regular == kind
        if where.any():
            expected, stock, mase = _of_kind(panel[:, where], models, lead)
            table.loc[where, "n_expected_units"] = np.round(expected)
            table.loc[where, "n_stock_units"] = np.ceil(stock)
            table.loc[where, "mase_ratio"] = mase
    table = table.merge(
        products[["product_id", "product_name", "product_category", "unit"]], how="left", on="product_id"
    )
    table["product_name"] = table["product_name"].fillna(table["product_id"])
    table = table.astype({"n_expected_units": "Int64", "n_stock_units": "Int64"})
    return table.sort_values(["n_expected_units", "product_id"], ascending=[False, True])[columns].reset_index(
        drop=True
    )


def _of_kind(panel: np.ndarray, models: dict, lead: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Return expected sum and the upper bound of each product, and the pooled MASE, by the model least wrong so far."""
    wrong, sums = {name: [] for name in models}, {name: [] for name in models}
    for n in forecasting.origins(len(panel), lead):
        scales, actual = np.array([forecasting.scale(y) for y in panel[:n].T]), panel[n : n + lead]
        for name, model in models.items():
            error = actual - model(panel[:n], lead)
            wrong[name].append(np.abs(error).mean(axis=0) / scales)
            sums[name].append(error.sum(axis=0) / scales)
    mases = {name: np.nanmean(errors) for name, errors in wrong.items() if errors and np.isfinite(errors).any()}
    best = min(mases, key=mases.get) if mases else "mean"
    expected = models[best](panel, lead).sum(axis=0)
    high = forecasting.conformal(np.concatenate(sums[best]), LEVEL)[1] if mases else np.nan
    now = np.array([forecasting.scale(y) for y in panel.T])
    return expected, np.maximum(expected + high * now, expected), mases.get(best, np.nan)


@chart("bar", y="product_name", x="n_expected_units", high="n_stock_units", size=(8, 5))
def plot_demand(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw expected units as bars, the stock that covers nine cases of ten as a mark, last year's units as another."""
    ax = ax or style.new_axes((8, 5))
    rows = table.head(NAMED).iloc[::-1]
    y = np.arange(len(rows))
    ax.barh(y, rows["n_expected_units"].astype(float), color=style.BLUE, label=word("n_expected_units"))
    ax.plot(rows["n_stock_units"].astype(float), y, "D", color=style.INK, ms=5, label=word("n_stock_units"))
    ax.plot(rows["n_before_units"], y, "|", color=style.ORANGE, ms=12, mew=2.5, label=word("n_before_units"))
    ax.set_yticks(y, [style.wrapped(str(name), 26) for name in rows["product_name"]])
    ax.set_xlabel(
        say(
            None,
            f"units in the next {int(rows['n_ahead'].iloc[0])} months",
            f"未来 {int(rows['n_ahead'].iloc[0])} 个月件数",
        )
    )
    ax.set_xlim(left=0)
    ax.grid(axis="y", visible=False)
    ax.legend(loc="lower right", fontsize=8)
    return ax


def demand_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say how much is expected, which products need the largest reserve, and how good the forecast is."""
    known = table[table["n_stock_units"].notna()]
    months, n = int(table["n_ahead"].iloc[0]), len(table)
    total, before = int(table["n_expected_units"].sum()), int(table["n_before_units"].sum())
    en = f"{number(total)} units of {n} products are expected in {months} months ({number(before)} in the same months a year before)"
    zh = f"未来 {months} 个月 {n} 种产品预计需求 {number(total)} 件（去年同期 {number(before)} 件）"
    if known.empty:
        return say(lang, f"{en}; too short a past for a stock hint.", f"{zh}；历史过短，无法给出备货建议。")
    reserve = (known["n_stock_units"] - known["n_expected_units"]).astype(float)
    most = known.loc[reserve.sort_values(ascending=False, kind="stable").index[:2], "product_name"].tolist()
    extra = share(reserve.sum() / max(float(known["n_expected_units"].sum()), 1))
    return say(
        lang,
        f"{en}; to meet nine cases of ten product by product takes {extra} more, most of all for {names(most, lang)}.",
        f"{zh}；要使每种产品十次中九次够用，需多备 {extra}，其中{names(most, lang)}最多。",
    )


def stock_table(table: pd.DataFrame, top_n: int = 5) -> pd.DataFrame:
    """Return the products whose reserve is largest: product_name, n_expected_units, n_stock_units, n_reserve_units."""
    rows = table.dropna(subset="n_stock_units").assign(
        n_reserve_units=table["n_stock_units"] - table["n_expected_units"]
    )
    rows = rows.sort_values(["n_reserve_units", "product_id"], ascending=[False, True])
    return (
        rows[["product_name", "unit", "n_expected_units", "n_stock_units", "n_reserve_units"]]
        .head(top_n)
        .reset_index(drop=True)
    )
