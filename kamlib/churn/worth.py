"""Worth of saving: whose loss would cost most, from when on does an effort pay, and how sure is that?

Value at risk = P(loss within six months) × yearly contribution. An effort pays where the share of leavers it holds back
(the uplift) exceeds its break-even: cost ÷ value at risk. The uplift is an assumption until a control group measures it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import style
from kamlib.exhibit import chart
from kamlib.models import profit
from kamlib.words import money, say, share, short


def worth_table(warnings: pd.DataFrame, *, cost: float, uplift: float, spread: float = 0.5) -> pd.DataFrame:
    """Return for each listed customer with a value at risk what an effort of `cost` would bring.

    One row per customer, the most at risk first: account_id, account_name, owner, risk_points, yearly_margin,
    past_loss_rate, value_at_risk, threshold_rate (probability of leaving from which the effort pays at this `uplift`; above
    1: never), break_even_share (uplift at which it pays at this probability), save_gain (value at risk × uplift − cost) with
    save_gain_low and save_gain_high (`uplift` lower and higher by `spread`, a share of it), save_pays, effort_cost and uplift_share as given.
    """
    first = ["account_id", "account_name", "owner", "risk_points", "yearly_margin", "past_loss_rate", "value_at_risk"]
    rows = warnings.loc[warnings["value_at_risk"] > 0, first]
    rows = rows.sort_values(["value_at_risk", "account_id"], ascending=[False, True], ignore_index=True)
    at = rows["value_at_risk"]
    needed = profit.threshold(rows["yearly_margin"], offer=0.0, contact=cost, accepts=uplift)
    return rows.assign(
        threshold_rate=needed,
        break_even_share=cost / at,
        save_gain=at * uplift - cost,
        save_gain_low=at * uplift * (1 - spread) - cost,
        save_gain_high=at * uplift * (1 + spread) - cost,
        save_pays=rows["past_loss_rate"] >= needed,
        effort_cost=float(cost),
        uplift_share=uplift,
    )


@chart("bubble", x="past_loss_rate", y="yearly_margin", area="value_at_risk", label="account_name", size=(8.5, 5))
def plot_worth(table: pd.DataFrame, ax: Axes | None = None, *, top_n: int = 8) -> Axes:
    """Draw each customer by probability and yearly contribution, its area the product; above the line an effort pays."""
    ax = ax or style.new_axes(plot_worth.size)
    colours = np.where(table["save_pays"], style.BLUE, style.PALE)
    most = table["value_at_risk"].max()
    ax.set_yscale("log")
    ax.set_xlim(0, table["past_loss_rate"].max() * 1.25)
    ax.set_ylim(
        max(table["yearly_margin"].min() * 0.6, table["yearly_margin"].max() / 2000), table["yearly_margin"].max() * 2.5
    )
    rates = np.linspace(0.004, ax.get_xlim()[1], 200)
    uplift, cost = table["uplift_share"].iloc[0], table["effort_cost"].iloc[0]
    ax.plot(rates, cost / (uplift * rates), color=style.VERMILION, lw=1.4, ls="--", label=_line(uplift, cost))
    size = 30 + 600 * table["value_at_risk"] / most
    ax.scatter(
        table["past_loss_rate"], table["yearly_margin"], s=size, color=colours, alpha=0.75, ec="white", lw=0.8, zorder=3
    )
    top = table.head(top_n).assign(size=size)
    for row in top[
        top.groupby("past_loss_rate").cumcount() < 2
    ].itertuples():  # a third of a band would hide the others
        place = {"textcoords": "offset points", "va": "center", "fontsize": 8}
        ax.annotate(
            short(row.account_name), (row.past_loss_rate, row.yearly_margin), (row.size**0.5 / 2 + 3, 0), **place
        )
    style.percent_axis(ax.xaxis)
    style.money_axis(ax.yaxis)
    ax.set_xlabel(say(None, "share of customers like it that left within six months", "同类客户六个月内流失占比"))
    ax.set_ylabel(say(None, "yearly contribution (log scale)", "年贡献（对数刻度）"))
    ax.legend(loc="upper right", fontsize=9)
    return ax


def _line(uplift: float, cost: float) -> str:
    return say(
        None,
        f"pays above: {money(cost)} a customer holds {share(uplift)} of leavers",
        f"线上方合算：每客户投入{money(cost)}，留住 {share(uplift)}",
    )


def worth_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say for whom an effort pays, what it brings with its range, from which uplift on, and that nothing measured it."""
    paying, uplift = table[table["save_pays"]], table["uplift_share"].iloc[0]
    cost, at = table["effort_cost"].iloc[0], money(table["value_at_risk"].sum(), lang)
    if paying.empty:
        best = share(table["break_even_share"].min())
        return say(
            lang,
            f"{at} a year is at risk with {len(table)} customers; an effort of {money(cost, lang)} each pays for none at an uplift of "
            f"{share(uplift)} (assumed, without a control group); the first pays from {best} on.",
            f"{len(table)} 个客户合计风险价值每年 {at}；每户投入{money(cost, lang)}、挽留率 {share(uplift)}（假设值，无对照组）时无一合算，最低需 {best}。",
        )
    gain, low, high = (money(paying[name].sum(), lang) for name in ("save_gain", "save_gain_low", "save_gain_high"))
    even = share(cost * len(paying) / paying["value_at_risk"].sum(), 1)
    return say(
        lang,
        f"{at} a year is at risk; an effort of {money(cost, lang)} pays for {len(paying)} of {len(table)} customers and brings {gain} "
        f"({low} to {high}) if it holds {share(uplift)} of leavers (assumed, no control group); break-even {even}.",
        f"风险价值每年 {at}；每户投入{money(cost, lang)}对 {len(table)} 个客户中的 {len(paying)} 个合算，若能留住 {share(uplift)} 的流失者"
        f"（假设值，无对照组）可得 {gain}（{low}～{high}）；盈亏平衡点 {even}。",
    )
