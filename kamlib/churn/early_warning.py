"""Early warning: which customers may leave next, for which reasons, and how much hangs on them?

The points of an account are the sum of its signals (`kamlib.churn.signals`). Points rank accounts. They are not
probabilities: how often accounts with so many points did leave is counted in the past, by `kamlib.churn.backtest`.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import style
from kamlib.churn.signals import POINTS, SILENCE
from kamlib.exhibit import chart
from kamlib.words import money, names, say, word

ALERT = 3
"""From so many points on somebody should go and see."""
DAY = pd.Timedelta(days=1)


def points_table(lang: str | None = None) -> pd.DataFrame:
    """Return the signals in words with their points: signal, risk_points."""
    return pd.DataFrame({"signal": [word(name, lang) for name in POINTS], "risk_points": POINTS.values()})


def band_of(signals: pd.DataFrame) -> pd.Series:
    """Return the band of points each account is in: "dormant", or "points_0", "points_1", "points_3", "points_5" (from
    so many points on) for those who still buy."""
    lowest = pd.cut(
        signals["risk_points"], [-1, 0, 2, 4, np.inf], labels=["points_0", "points_1", "points_3", "points_5"]
    )
    return lowest.astype(object).mask(signals["state"] == "dormant", "dormant")


def warning_table(signals: pd.DataFrame, mart: pd.DataFrame, bands: pd.DataFrame) -> pd.DataFrame:
    """Rank the customers that raise a signal by points, and those with equal points by what hangs on them.

    One row per customer with at least one point: account_id, account_name, owner, state, risk_points, yearly_margin
    (contribution of the window, net revenue where cost is not measured, 0 when negative), past_loss_rate (how often
    accounts of the same band left within six months in the past: `bands` of `backtest`), value_at_risk (the
    product of both), then the points of each signal.
    """
    rows = signals.assign(band=band_of(signals))[signals["risk_points"] > 0]
    rows = rows.merge(mart[["account_id", "account_name", "owner", "contribution", "revenue"]], on="account_id")
    rows["yearly_margin"] = rows["contribution"].fillna(rows["revenue"]).fillna(0.0).clip(lower=0)
    rows["past_loss_rate"] = rows["band"].map(bands.set_index("band")["past_loss_rate"]).astype(float)
    rows["value_at_risk"] = rows["yearly_margin"] * rows["past_loss_rate"]
    rows = rows.sort_values(
        ["risk_points", "yearly_margin", "account_id"], ascending=[False, False, True], ignore_index=True
    )
    first = [
        "account_id",
        "account_name",
        "owner",
        "state",
        "risk_points",
        "yearly_margin",
        "past_loss_rate",
        "value_at_risk",
    ]
    return rows[[*first, *POINTS]].astype({"risk_points": int} | dict.fromkeys(POINTS, "Int64"))


@chart("matrix", x="signal", y="account_name", size=(9, 5))
def plot_warnings(table: pd.DataFrame, ax: Axes | None = None, *, top_n: int = 15) -> Axes:
    """Draw the first `top_n` accounts against the signals: the points each one raises, their sum, and what hangs on them."""
    ax = ax or style.new_axes(plot_warnings.size)
    rows = table.head(top_n)
    columns = [name for name in POINTS if rows[name].notna().any()]
    points = rows[columns].astype(float)
    for (i, j), value in np.ndenumerate(points.to_numpy()):
        if value > 0:
            colour = style.VERMILION if value > 2 else style.ORANGE if value == 2 else style.SKY
            ax.scatter(j, i, s=150, marker="s", color=colour)
            ax.text(
                j, i, f"{value:.0f}", ha="center", va="center", fontsize=8, color="white" if value > 2 else style.INK
            )
    for i, row in enumerate(rows.itertuples()):
        ax.text(len(columns) + 0.1, i, f"{row.risk_points}", ha="center", va="center", fontsize=9)
        ax.text(len(columns) + 0.7, i, money(row.yearly_margin), va="center", fontsize=8)
    ax.text(len(columns) + 0.1, -1, say(None, "sum", "合计"), ha="center", va="center", fontsize=8)
    ax.text(len(columns) + 0.7, -1, say(None, "a year", "年金额"), va="center", fontsize=8)
    ax.set_xticks(range(len(columns)), [word(name) for name in columns], rotation=35, ha="right", fontsize=8)
    ax.set_xticks(ax.get_xticks(), ax.get_xticklabels(), rotation_mode="anchor")
    ax.set_yticks(range(len(rows)), rows["account_name"], fontsize=8)
    ax.set_xlim(-0.6, len(columns) + 2.4)
    ax.set_ylim(len(rows) - 0.4, -1.5)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    return ax


def warnings_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say how many customers stand at five points or more, what hangs on them, and who is first."""
    high = table[table["risk_points"] >= 5]
    rows = high if len(high) else table.head(1)
    worth = money(rows["yearly_margin"].sum(), lang)
    en = f"{len(high)} of {len(table)} customers with a signal stand at 5 points or more; {worth} a year hangs on them"
    zh = f"{len(table)} 个有预警信号的客户中 {len(high)} 个达到 5 分以上，涉及年金额 {worth}"
    if high.empty:
        en = f"No customer reaches 5 points; the highest has {rows['risk_points'].iloc[0]} ({worth} a year)"
        zh = f"没有客户达到 5 分；最高 {rows['risk_points'].iloc[0]} 分（年金额 {worth}）"
    who = names(list(rows["account_name"]), lang)
    return say(lang, f"{en}: {who}.", f"{zh}：{who}。")


def reasons_of(row: pd.Series, lang: str | None = None) -> str:
    """Return the signals of one row of the list in words, the heaviest first."""
    on = [(row[name], name) for name in POINTS if pd.notna(row[name]) and row[name] > 0]
    return say(lang, ", ", "、").join(word(name, lang) for _, name in sorted(on, key=lambda item: -item[0]))


def saves_table(
    table: pd.DataFrame, accounts: pd.DataFrame, as_of: dt.date, lang: str | None = None, *, top_n: int = 5
) -> pd.DataFrame:
    """Turn the list into visits: of the accounts with three points or more, the `top_n` with the most value at risk.

    account_name, owner, account_tier, risk_points, yearly_margin, value_at_risk, reasons (in words), action (what the
    heaviest reason asks for), responsible (the sales director goes along to key accounts and tier A), due (within 5
    working days).
    """
    by = ["value_at_risk", "risk_points", "yearly_margin"]
    rows = table[table["risk_points"] >= ALERT].sort_values(by, ascending=False, kind="stable").head(top_n)
    rows = rows.merge(accounts[["account_id", "account_tier", "is_key_account"]], on="account_id", how="left")
    heavy = rows["is_key_account"].fillna(False).astype(bool) | (rows["account_tier"] == "A")
    return rows[["account_name", "owner", "account_tier", "risk_points", "yearly_margin", "value_at_risk"]].assign(
        reasons=[reasons_of(row, lang) for _, row in rows.iterrows()],
        action=[word(f"save_{_heaviest(row)}", lang) for _, row in rows.iterrows()],
        responsible=[word("save_by_both" if both else "save_by_owner", lang) for both in heavy],
        due=pd.Timestamp(np.busday_offset(np.datetime64(as_of), 5, roll="backward")),
    )


def _heaviest(row: pd.Series) -> str:
    """Return the signal with most points; of equals one that says why before one that says that the customer is silent."""
    points = pd.Series({name: 0.0 if pd.isna(row[name]) else float(row[name]) for name in POINTS})
    causes = points.drop(list(SILENCE))
    return causes.idxmax() if causes.max() >= 2 else points.idxmax()


def upsell_table(mart: pd.DataFrame, signals: pd.DataFrame, as_of: dt.date, *, top_n: int = 5) -> pd.DataFrame:
    """List whom to offer more: satisfied (mean of 4 or more), at most two points, positive contribution, a share
    of wallet below a half.

    account_name, owner, satisfaction_mean, n_answers, wallet_share (net revenue ÷ yearly spend in our category),
    open_wallet (the rest of that spend), contribution, due (30 days after `as_of`). The largest open wallet first.
    """
    calm = signals.loc[signals["risk_points"] <= 2, "account_id"]
    rows = mart[mart["account_id"].isin(calm) & (mart["satisfaction_mean"] >= 4) & (mart["wallet"] > 0)]
    rows = rows.assign(wallet_share=rows["revenue"] / rows["wallet"], open_wallet=rows["wallet"] - rows["revenue"])
    rows = rows[(rows["contribution"].fillna(rows["revenue"]) > 0) & (rows["wallet_share"] < 0.5)]
    columns = ["account_name", "owner", "satisfaction_mean", "n_answers", "wallet_share", "open_wallet", "contribution"]
    rows = rows.nlargest(top_n, "open_wallet").reset_index(drop=True)[columns]
    return rows.assign(due=pd.Timestamp(as_of) + 30 * DAY)
