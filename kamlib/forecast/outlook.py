"""Who will bring more, who less: segments and accounts over the whole horizon, and how wrong each way of making them
agree was. Part of notebook 09."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import style
from kamlib.exhibit import chart
from kamlib.finance.growth import signed_money
from kamlib.forecast.levels import LEVELS, WAYS
from kamlib.words import money, names, say, share, short, word

NAMED = 12
"""Bars in a chart; what is smaller is summed."""


def segments_table(outlook: pd.DataFrame) -> pd.DataFrame:
    """Return the segments of an `outlook_table`, the largest first."""
    rows = outlook[outlook["forecast_level"] == "segment"]
    return (
        rows.drop(columns=["forecast_level", "account_id", "owner", "regular"])
        .rename(columns={"name": "segment"})
        .reset_index(drop=True)
    )


def accounts_table(outlook: pd.DataFrame) -> pd.DataFrame:
    """Return the accounts of an `outlook_table`, the largest expected change, up or down, first."""
    rows = (
        outlook[outlook["forecast_level"] == "account"]
        .drop(columns="forecast_level")
        .rename(columns={"name": "account_name"})
    )
    return rows.loc[rows["change_amount"].abs().sort_values(ascending=False, kind="stable").index].reset_index(
        drop=True
    )


def _draw(ax: Axes, rows: pd.DataFrame, names_: list[str]) -> Axes:
    """Draw for each row what is expected with its interval, and a mark for the year before; the first row on top."""
    y = np.arange(len(rows))[::-1]
    low, high = rows["expected_revenue_low"], rows["expected_revenue_high"]
    ax.hlines(
        y,
        low.fillna(rows["expected_revenue"]),
        high.fillna(rows["expected_revenue"]),
        color=style.SKY,
        lw=5,
        alpha=0.6,
        label=say(None, "80 % interval", "80 % 区间"),
    )
    ax.plot(rows["expected_revenue"], y, "o", color=style.BLUE, label=word("expected_revenue"))
    ax.plot(rows["before_revenue"], y, "|", color=style.ORANGE, ms=13, mew=2.5, label=word("before_revenue"))
    ax.set_yticks(y, names_)
    ax.set_xlim(left=0)
    ax.grid(axis="y", visible=False)
    style.money_axis(ax.xaxis)
    ax.legend(loc="upper center", bbox_to_anchor=(0.4, -0.1), ncols=3, fontsize=8)
    return ax


@chart(
    "dots", y="segment", x="expected_revenue", low="expected_revenue_low", high="expected_revenue_high", size=(8, 4.6)
)
def plot_segments(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the largest segments."""
    rows = table.head(NAMED)
    return _draw(ax or style.new_axes(), rows, [style.wrapped(word(name), 22) for name in rows["segment"]])


def segments_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Name the segments whose interval lies below or above the year before; the others are not told apart."""
    up = table[table["expected_revenue_low"] > table["before_revenue"]]
    down = table[table["expected_revenue_high"] < table["before_revenue"]]
    n, months = len(table), int(table["n_ahead"].iloc[0])
    if table["expected_revenue_low"].isna().all():
        return say(
            lang,
            f"{n} segments; too short a past to say how sure their forecasts are.",
            f"{n} 个细分；历史过短，无法说明预测的把握。",
        )
    if up.empty and down.empty:
        return say(
            lang,
            f"None of {n} segments is surely above or below the same {months} months a year before: every 80 % interval holds last year's figure.",
            f"{n} 个细分均不能确定高于或低于去年同期 {months} 个月：各 80 % 区间都包含去年数值。",
        )
    parts = [
        (say(lang, f"surely above last year: {names([word(x, lang) for x in up['segment']], lang)}", f"明显高于去年：{names([word(x, lang) for x in up['segment']], lang)}"), len(up)),
        (say(lang, f"below: {names([word(x, lang) for x in down['segment']], lang)}", f"低于去年：{names([word(x, lang) for x in down['segment']], lang)}"), len(down)),
    ]  # fmt: skip
    told = say(lang, "; ", "；").join(text for text, count in parts if count)
    return say(lang, f"Of {n} segments, {told} (80 %).", f"{n} 个细分中，{told}（80 %）。")


@chart(
    "dots",
    y="account_name",
    x="expected_revenue",
    low="expected_revenue_low",
    high="expected_revenue_high",
    size=(8, 5),
)
def plot_accounts(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the accounts with the largest expected change."""
    rows = table.head(NAMED)
    return _draw(ax or style.new_axes((8, 5)), rows, [style.wrapped(short(name), 24) for name in rows["account_name"]])


def accounts_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say which account is expected to fall and to rise most, and how many changes are more than noise."""
    worst, best = table.loc[table["change_amount"].idxmin()], table.loc[table["change_amount"].idxmax()]
    sure = (
        (table["expected_revenue_high"] < table["before_revenue"])
        | (table["expected_revenue_low"] > table["before_revenue"])
    ).sum()
    fall, rise = (signed_money(float(row["change_amount"])) for row in (worst, best))
    return say(
        lang,
        f"Largest expected changes on the same months a year before: {short(worst['account_name'])} {money(worst['change_amount'], lang)}, "
        f"{short(best['account_name'])} +{money(best['change_amount'], lang)}; {sure} of {len(table)} accounts leave their 80 % interval.",
        f"较去年同期预计变化最大：{short(worst['account_name'])} {money(worst['change_amount'], lang)}，{short(best['account_name'])} "
        f"+{money(best['change_amount'], lang)}；{len(table)} 个客户中 {sure} 个超出 80 % 区间。",
    )


@chart("column", x="way", y="mase_ratio", colour="forecast_level", size=(8, 4))
def plot_ways(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the error of each way at each level as bars from zero."""
    ax = ax or style.new_axes((8, 4))
    panels = style.panels(ax, 1, len(LEVELS), sharey=True)[0]
    for panel, level in zip(panels, LEVELS, strict=True):
        rows = table[table["forecast_level"] == level].set_index("way").loc[list(WAYS)].iloc[::-1]
        colours = np.where(rows["chosen"], style.BLUE, style.PALE)
        panel.barh([word(f"way.{way}") for way in rows.index], rows["mase_ratio"].fillna(0), color=colours)
        style.bar_labels(panel, [f"{m:.2f}" for m in rows["mase_ratio"]])
        panel.set_title(word(f"level.{level}"), fontsize=10, loc="left")
        panel.set_xlabel(word("mase_ratio"), fontsize=8)
        panel.margins(x=0.25)
        panel.grid(axis="y", visible=False)
    return panels[0]


def ways_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say what agreement costs at each level, and what the intervals covered."""
    cell = table.set_index(["forecast_level", "way"])
    way = table.loc[table["chosen"], "way"].iloc[0]
    told = {
        level: f"{cell.at[(level, way), 'mase_ratio']:.2f} ({cell.at[(level, 'unreconciled'), 'mase_ratio']:.2f})"
        for level in LEVELS
    }
    covered = [share(cell.at[(level, way), "held_share"]) for level in LEVELS]
    name_en, name_zh = word(f"way.{way}", "en"), word(f"way.{way}", "zh")
    return say(
        lang,
        f"“{name_en}” makes all levels agree; MASE, in brackets unreconciled: total {told['total']}, segments {told['segment']}, "
        f"accounts {told['account']}; 80 % intervals held {covered[0]}, {covered[1]}, {covered[2]} of past months.",
        f"“{name_zh}”使各层一致；MASE（括号内为未协调）：合计 {told['total']}，细分 {told['segment']}，客户 {told['account']}；"
        f"80 % 区间覆盖了历史月份的 {covered[0]}、{covered[1]}、{covered[2]}。",
    )


def pipeline_table(deals: pd.DataFrame, fan: pd.DataFrame) -> pd.DataFrame:
    """Set the open deals due within the horizon beside the forecast: n_deals, amount, weighted_amount (by the CRM's
    probability; a judgement, not a forecast), expected_revenue, weighted_share (of it). Never to be added."""
    ahead = fan[fan["expected_revenue"].notna()]
    end = ahead["month"].max() + pd.offsets.MonthEnd(0)
    due = deals[(deals["status"] == "open") & (deals["expected_close"] <= end)]
    weighted, expected = float((due["amount"] * due["probability"]).sum()), float(ahead["expected_revenue"].sum())
    row = [len(due), float(due["amount"].sum()), weighted, expected, weighted / expected if expected > 0 else np.nan]
    return pd.DataFrame([row], columns=["n_deals", "amount", "weighted_amount", "expected_revenue", "weighted_share"])


def action_table(accounts: pd.DataFrame, as_of: dt.date, lang: str, top_n: int = 5) -> pd.DataFrame:
    """Say whom to see because less is expected of them than a year before, surely or by the most: action, account_name,
    owner, change_amount, sure, due (within 30 days)."""
    rows = accounts[accounts["change_amount"] < 0].copy()
    rows["sure"] = rows["expected_revenue_high"] < rows["before_revenue"]
    rows = rows.sort_values(["sure", "change_amount"], ascending=[False, True], kind="stable").head(top_n)
    rows["action"] = say(lang, "ask what they plan, and why less", "询问采购计划及减少原因")
    rows["due"] = pd.Timestamp(as_of) + pd.Timedelta(days=30)
    return rows[["action", "account_name", "owner", "change_amount", "sure", "due"]].reset_index(drop=True)
