"""Win-back: who returns after being lost, how soon, and what is an account worth that came back?"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import style
from kamlib.exhibit import chart
from kamlib.lifecycle.journey import ordered_in_year
from kamlib.models.competing_risks import cumulative_incidence, share_at
from kamlib.words import money, number, say, share

LEAST_LOSSES = 10
"""With fewer losses the share that returns is not said."""
YEAR = 365
LEAST_BACK = 5
"""From so many accounts back for a year on, what they buy is compared."""


def returns_table(losses: pd.DataFrame, order_days: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """Follow the losses of `kamlib.lifecycle.loss_events` from the day each was known, whether or not it has returned yet.

    One row per distinct number of days: away_days, n_away, n_came_back, returned_share with its interval (Kaplan–Meier, as one minus; accounts still
    away are censored on `as_of`), and in every row n_losses, n_back, n_year (back for a year or more, with a whole year of data before the loss), value_before (orders in the 12 months up
    to the last order before the loss) and value_after (in the 12 months from the return on), both summed over n_year. Empty with fewer than 10 losses.
    """
    today = pd.Timestamp(as_of)
    if len(losses) < LEAST_LOSSES:
        return pd.DataFrame(columns=_RETURNS)
    back = losses["returned"].notna()
    days = (losses["returned"].fillna(today) - losses["confirmed_on"]).dt.days
    table = cumulative_incidence(days, np.where(back, "returned", ""), causes=("returned",))
    table = table.rename(columns={"day": "away_days", "n_at_risk": "n_away", "n_returned": "n_came_back"}).astype(
        {"n_came_back": int}
    )
    opening = order_days["order_date"].min() + pd.DateOffset(months=12)  # the year before must lie in the data
    seen = losses[(losses["returned"] + pd.DateOffset(months=12) <= today) & (losses["last_order"] >= opening)]
    return table.assign(
        n_losses=len(losses), n_back=int(back.sum()), n_year=len(seen),
        value_before=ordered_in_year(order_days, seen, "last_order", after=False).sum(),
        value_after=ordered_in_year(order_days, seen, "returned", after=True).sum(),
    )[_RETURNS]  # fmt: skip


_RETURNS = [
    "away_days", "n_away", "n_came_back", "returned_share", "returned_share_low", "returned_share_high", "n_losses", "n_back",
    "n_year", "value_before", "value_after",
]  # fmt: skip


@chart(
    "survival", x="away_days", y="returned_share", low="returned_share_low", high="returned_share_high", size=(9, 3.8)
)
def plot_returns(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the share that has returned by the days since the loss was known, and what the returned bought before and after."""
    ax = ax or style.new_axes(plot_returns.size)
    left, right = style.panels(ax, 1, 2, width_ratios=[1.7, 1])[0]
    days = [0, *table["away_days"]]
    left.step(days, [0, *table["returned_share"]], where="post", color=style.PURPLE, lw=2)
    left.fill_between(
        days,
        [0, *table["returned_share_low"]],
        [0, *table["returned_share_high"]],
        step="post",
        color=style.PURPLE,
        alpha=0.18,
        lw=0,
    )
    for at in (0, 180, 365, 545, 730):
        if at <= table["away_days"].max():
            risk = int(table.loc[table["away_days"] >= at, "n_away"].iloc[0])
            left.annotate(
                f"{risk}", (at, 0.97), (0, 4), textcoords="offset points", ha="center", fontsize=8, color=style.GREY
            )
    left.set_ylim(0, 1.05)
    style.percent_axis(left.yaxis)
    left.set_ylabel(say(None, "have bought again", "已恢复购买占比"))
    left.set_xlabel(
        say(None, "days since known as lost (grey: still away and watched)", "确认流失后的天数（灰字：仍在观察的户数）")
    )
    _draw_value(table.iloc[0], right)
    return left


def _draw_value(row: pd.Series, ax: Axes) -> None:
    """Draw what the returned bought before and after, unless they are too few to compare."""
    if row["n_year"] < LEAST_BACK:
        ax.set_axis_off()
        text = say(
            None,
            f"value before and after:\nnot enough data (n = {int(row['n_year'])},\nat least {LEAST_BACK} needed)",
            f"回流前后采购额：\n数据不足（n = {int(row['n_year'])}，\n至少需 {LEAST_BACK} 个）",
        )
        ax.text(0.5, 0.5, text, ha="center", va="center", color=style.GREY, fontsize=9, transform=ax.transAxes)
        return
    ax.bar([0, 1], [row["value_before"], row["value_after"]], color=[style.PALE, style.PURPLE], width=0.6)
    ax.bar_label(ax.containers[0], [money(row["value_before"]), money(row["value_after"])], padding=3, fontsize=8)
    texts = [say(None, "year before\nthe loss", "流失前\n一年"), say(None, "year after\nthe return", "回流后\n一年")]
    ax.set_xticks([0, 1], texts, fontsize=9)
    ax.set_title(f"n = {int(row['n_year'])}", fontsize=9, color=style.GREY)
    ax.margins(y=0.18)
    style.money_axis(ax.yaxis)
    ax.grid(axis="x", visible=False)


def returns_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say what share has returned a year after the loss, how long half of them took, and what they buy since."""
    row = table.iloc[0]
    at, n = min(YEAR, int(table["away_days"].max())), int(row["n_losses"])
    rate, low, high = (
        share(share_at(table.rename(columns={"away_days": "day"}), f"returned_share{end}", at))
        for end in ("", "_low", "_high")
    )
    en = f"Within {at} days {rate} of lost accounts buy again (95 % interval {low} to {high}, n = {n} losses)"
    zh = f"确认流失后 {at} 天内 {rate} 恢复购买（95 % 区间 {low}～{high}，n = {n} 次流失）"
    if row["n_back"]:
        took = np.repeat(table["away_days"].to_numpy(float), table["n_came_back"].to_numpy(int))
        en, zh = (
            f"{en}, the {int(row['n_back'])} that returned took {number(np.median(took))} days (median)",
            f"{zh}，{int(row['n_back'])} 个已回流客户的中位用时为 {number(np.median(took))} 天",
        )
    if row["n_year"] >= LEAST_BACK and row["value_before"] > 0:
        kept = share(row["value_after"] / row["value_before"])
        en += f"; in their first year back {int(row['n_year'])} bought {kept} of what they used to"
        zh += f"；其中 {int(row['n_year'])} 个回流满一年，采购额为流失前的 {kept}"
    return say(lang, f"{en}.", f"{zh}。")
