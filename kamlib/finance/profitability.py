"""Profitability: which accounts earn the profit, which eat it, and are key accounts its main source?

Part of notebook 05. Contribution is net revenue less cost of goods less cost-to-serve, over the window of the account
mart. Where no service cost was delivered it equals the gross margin; where the cost of goods is unknown there is none.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import style
from kamlib.exhibit import chart
from kamlib.finance import serving
from kamlib.mart import key_accounts
from kamlib.words import money, say, share, short, word

MONEY_AXIS_BELOW = 0.2
"""A whale curve whose total is below this part of its peak (peak above 500 %) is drawn in money: shares would mislead."""
UNALLOCATED, UNALLOCATED_NAME = "unallocated_cost", "unallocated · 未分摊"


# --- The whale curve ----------------------------------------------------------------------------------------------


def whale_table(mart: pd.DataFrame, *, unallocated: float = 0.0) -> pd.DataFrame:
    """Rank accounts by contribution, most profitable first, and cumulate it.

    One row per account that had revenue or cost: account_id, account_name, is_key_account, accounts_share (rank ÷ n),
    revenue, cost_to_serve, contribution, cum_contribution, cum_share (÷ total of the accounts; missing when that is at most a fifth of
    the peak, where percentages mislead). Service cost that names no account follows as a last row, "unallocated_cost".
    Source: Kaplan & Narayanan (2001). The order is by profit; sorted by revenue it would be another curve.
    """
    columns = ["account_id", "account_name", "is_key_account", "revenue", "cost_to_serve", "contribution"]
    rows = mart.loc[mart["contribution"].notna() & ((mart["revenue"] != 0) | (mart["contribution"] != 0)), columns]
    rows = rows.sort_values(["contribution", "account_id"], ascending=[False, True], ignore_index=True)
    rows["accounts_share"] = (rows.index + 1) / max(len(rows), 1)
    if unallocated and len(rows):
        rows.loc[len(rows)] = [UNALLOCATED, UNALLOCATED_NAME, False, 0.0, unallocated, -unallocated, 1.0]
    rows["cum_contribution"] = rows["contribution"].cumsum().round(2)
    total, peak = _accounts(rows)["contribution"].sum(), _accounts(rows)["cum_contribution"].max()
    rows["cum_share"] = rows["cum_contribution"] / total if total > MONEY_AXIS_BELOW * max(peak, 0) else np.nan
    return rows[[*columns[:3], "accounts_share", *columns[3:], "cum_contribution", "cum_share"]]


def whale_summary(whale: pd.DataFrame) -> dict[str, float]:
    """Return the figures of a `whale_table`: n_accounts, n_losing, loss (their sum), total, peak, peak_share (÷ total; NaN
    on a money axis), n_peak (accounts up to the peak), erosion_share = peak_share − 1, best_fifth_share (what the most
    profitable 20 % of accounts, rounded up, bring of the total), unallocated."""
    rows = _accounts(whale)
    losing, in_shares = rows["contribution"] < 0, rows["cum_share"].notna().all()
    peak = max(rows["cum_contribution"].max(), 0.0)
    total = rows["contribution"].sum()
    fifth = rows["cum_contribution"].iloc[int(np.ceil(0.2 * len(rows))) - 1]
    return {
        "n_accounts": len(rows), "n_losing": int(losing.sum()), "loss": rows.loc[losing, "contribution"].sum(),
        "total": total, "peak": peak, "n_peak": int((rows["contribution"] > 0).sum()),
        "peak_share": peak / total if in_shares else np.nan, "erosion_share": peak / total - 1 if in_shares else np.nan,
        "best_fifth_share": fifth / total if in_shares else np.nan, "unallocated": -(whale["contribution"].sum() - total),
    }  # fmt: skip


def count_accounts(whale: pd.DataFrame) -> int:
    """Return how many accounts a `whale_table` holds, the row of unallocated cost left out."""
    return len(_accounts(whale))


def loss_makers(whale: pd.DataFrame) -> pd.DataFrame:
    """Return the accounts of a `whale_table` whose contribution is negative, the largest loss first."""
    rows = _accounts(whale)
    return rows[rows["contribution"] < 0].sort_values(["contribution", "account_id"], ignore_index=True)


def _accounts(whale: pd.DataFrame) -> pd.DataFrame:
    return whale[whale["account_id"] != UNALLOCATED]


@chart("line", x="accounts_share", y="cum_share", size=(8, 4.6))
def plot_whale(table: pd.DataFrame, ax: Axes | None = None, *, top_n: int = 3) -> Axes:
    """Draw cumulative contribution over the ranked accounts: the peak, what is lost after it, the `top_n` largest losses
    by name, key accounts as ticks at the bottom, unallocated cost as a last step."""
    ax = ax or style.new_axes(plot_whale.size)
    rows, found = _accounts(table), whale_summary(table)
    in_shares = np.isfinite(found["peak_share"])
    column = "cum_share" if in_shares else "cum_contribution"
    x, y = np.arange(len(rows) + 1), np.concatenate([[0], rows[column]])
    n, top = found["n_peak"], y.max()
    ax.plot(x, y, color=style.BLUE, lw=2)
    ax.fill_between(x[n:], y[n:], top, color=style.BAD, alpha=0.2, lw=0)
    ax.axhline(0, color=style.INK, lw=0.8)
    if in_shares:
        style.reference_line(ax, 1, "")
    _mark_peak(ax, n, top, found)
    _mark_losses(ax, rows.tail(min(top_n, found["n_losing"])), len(rows), column)
    _mark_unallocated(ax, table, column)
    ranks = np.flatnonzero(rows["is_key_account"].astype(bool)) + 0.5
    if len(ranks):
        foot = np.full(len(ranks), 0.02)
        ax.plot(
            ranks, foot, "|", ms=8, color=style.INK, transform=ax.get_xaxis_transform(), label=word("is_key_account")
        )
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 0.03), fontsize=8)
    ax.set_xlim(0, len(rows) * 1.14 + 0.5)
    ax.set_xticks([tick for tick in ax.get_xticks() if tick <= len(rows)])
    ax.margins(y=0.12)
    (style.percent_axis if in_shares else style.money_axis)(ax.yaxis)
    ax.set_xlabel(word("whale_rank"))
    ax.set_ylabel(word(column if in_shares or rows["cost_to_serve"].notna().any() else "unserved_margin"))
    return ax


def _mark_peak(ax: Axes, n: int, top: float, found: dict[str, float]) -> None:
    level = share(found["peak_share"]) if np.isfinite(found["peak_share"]) else money(top)
    text = say(
        None,
        f"peak {level}\n{n} of {found['n_accounts']} accounts",
        f"峰值 {level}\n{found['n_accounts']} 个客户中的 {n} 个",
    )
    ax.plot(n, top, "o", color=style.BLUE)
    ax.annotate(text, (n, top), (0, 6), textcoords="offset points", ha="center", va="bottom", fontsize=8)


def _mark_losses(ax: Axes, worst: pd.DataFrame, n: int, column: str) -> None:
    """Name the last accounts on the curve beside their end, one line each, the largest loss at the bottom."""
    text = "\n".join(
        f"{short(name)} {money(loss)}" for name, loss in zip(worst["account_name"], worst["contribution"], strict=True)
    )
    if text:
        ax.annotate(
            text, (n - 0.5, worst[column].iloc[-1]), (-6, -8), textcoords="offset points", ha="right", va="top",
            fontsize=8, color=style.BAD, linespacing=1.3,
        )  # fmt: skip


def _mark_unallocated(ax: Axes, table: pd.DataFrame, column: str) -> None:
    rest = table[table["account_id"] == UNALLOCATED]
    if rest.empty:
        return
    n, low, high = len(table) - 1, rest[column].iloc[0], table[column].iloc[-2]
    ax.plot([n, n], [low, high], color=style.GREY, lw=2)
    text = f"{word(UNALLOCATED)}\n{money(rest['contribution'].iloc[0])}"
    ax.annotate(text, (n, low), (5, 0), textcoords="offset points", va="top", fontsize=8, color=style.GREY)


def whale_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say how many accounts lose how much, and how high the profit of the others stands above the total."""
    found = whale_summary(table)
    n, losing, lost = found["n_accounts"], found["n_losing"], money(-found["loss"], lang)
    served = table["cost_to_serve"].notna().any()
    after = say(
        lang,
        "after cost-to-serve" if served else "before cost-to-serve",
        "扣除服务成本后" if served else "未计服务成本时",
    )
    if losing == 0:
        return say(lang, f"None of {n} accounts loses money {after}.", f"{n} 个客户{after}均不亏损。")
    worst = short(loss_makers(table)["account_name"].iloc[0])
    en = f"{losing} of {n} accounts lose {lost} {after} (most: {worst})"
    zh = f"{n} 个客户中 {losing} 个{after}亏损 {lost}（最多：{worst}）"
    if not np.isfinite(found["peak_share"]):
        return say(
            lang,
            f"{en}; the total is {money(found['total'], lang)}.",
            f"{zh}；合计 {money(found['total'], lang)}。",
        )
    peak = share(found["peak_share"])
    return say(lang, f"{en}; the others earn {peak} of the total.", f"{zh}；其余客户创造总额的 {peak}。")


# --- Are key accounts the main source of profit? ------------------------------------------------------------------


def key_share_table(mart: pd.DataFrame, *, unallocated: float = 0.0) -> pd.DataFrame:
    """Compare what key accounts are of the number of accounts, of revenue, gross margin and contribution.

    One row per measure: measure, total, key_amount, key_share. Three more rows ask whether the answer survives: without
    the key account that contributes most, and with all service cost, also the unallocated, spread by revenue and by
    number of orders (`serving.allocated`). All accounts are counted, so there is no sampling interval; these rows are the
    range. Measures the data lack are left out; the share of a total that is not positive is missing. Where no account is flagged as key, the
    30 largest stand in (`mart.key_accounts`), and the first row is called largest_accounts.
    """
    rows = mart[(mart["revenue"].fillna(0) != 0) | (mart["contribution"].fillna(0) != 0)]
    is_key = rows["account_id"].isin(key_accounts(mart)["account_id"])
    values = rows[["revenue", "gross_margin", "contribution"]].assign(**_alternatives(rows, is_key, unallocated))
    if rows["cost_to_serve"].isna().all() and not unallocated:  # contribution would be the gross margin once more
        values = values[["revenue", "gross_margin"]]
    values.insert(0, "accounts" if mart["is_key_account"].any() else "largest_accounts", 1.0)
    values = values.dropna(axis=1, how="all")
    table = pd.DataFrame({"measure": values.columns, "total": values.sum().to_numpy()})
    table["key_amount"] = values[is_key].sum().to_numpy()
    table["key_share"] = (table["key_amount"] / table["total"]).where(table["total"] > 0)
    return table if len(rows) else table.head(0)


def _alternatives(rows: pd.DataFrame, is_key: pd.Series, unallocated: float) -> dict[str, pd.Series]:
    """Contribution under other rules, per account; nothing when no cost of goods or no service cost is known."""
    best = rows["contribution"].where(is_key).idxmax() if rows["contribution"].where(is_key).notna().any() else None
    found = {} if best is None else {"contribution_without_best": rows["contribution"].drop(best)}
    return found | serving.allocated(rows, unallocated)


@chart("bar", x="key_share", y="measure", size=(8, 3.6))
def plot_key_share(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the share of key accounts in each measure as bars, those under other rules paler."""
    ax = ax or style.new_axes(plot_key_share.size)
    kinds = {
        "accounts": style.GREY,
        "largest_accounts": style.GREY,
        "revenue": style.GREY,
        "gross_margin": style.BLUE,
        "contribution": style.BLUE,
    }
    at, value = np.arange(len(table)), table["key_share"].fillna(0)
    ax.barh(at, value, color=[kinds.get(name, style.SKY) for name in table["measure"]], height=0.62)
    for y, row in zip(at, table.itertuples(), strict=True):
        what = f"{row.key_amount:,.0f}" if row.Index == 0 else money(row.key_amount)
        spot = max(value.iloc[y], 0)
        ax.annotate(
            f"{share(row.key_share)} ({what})", (spot, y), (4, 0), textcoords="offset points", va="center", fontsize=8
        )
    ax.set_yticks(at, [word(name) for name in table["measure"]])
    ax.invert_yaxis()
    style.reference_line(ax, 0.5, say(None, "half", "一半"), axis="x")
    ax.set_xlim(min(0, value.min() * 1.1), max(1.0, value.max()) * 1.3)
    ax.grid(axis="y", visible=False)
    style.percent_axis(ax.xaxis)
    ax.set_xlabel(word("key_share"))
    return ax


def key_share_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say whether key accounts bring more than half of contribution, whichever way it is counted; of the gross margin,
    when no service cost is known, of revenue, when no cost is."""
    shares = table.set_index("measure")["key_share"]
    what = next(name for name in ("contribution", "gross_margin", "revenue") if name in shares.index)
    called = word("unserved_margin" if what == "gross_margin" else what, lang)
    ways = shares[shares.index.str.startswith(what)]
    n, of, part = f"{table['key_amount'].iloc[0]:,.0f}", share(shares.iloc[0]), share(shares[what])
    flagged, span = "accounts" in shares.index, f"{share(ways.min())}–{share(ways.max())}"
    who = say(
        lang,
        "Key accounts" if flagged else "The largest accounts",
        "大客户" if flagged else "最大的客户（未标记大客户）",
    )
    range_ = say(lang, f" (counted otherwise {span})", f"（其他算法 {span}）") if len(ways) > 1 else ""
    verdict = "main" if (ways > 0.5).all() else "not_main" if (ways <= 0.5).all() else "depends_main"
    told = word(verdict, lang)
    if ways.isna().any():
        told = say(lang, "a share of what is not positive means nothing", "合计不为正，占比没有意义")
    elif shares.iloc[0] == 1:
        told = say(lang, "every account is one, so this says nothing", "所有客户都是大客户，无从比较")
    elif what == "revenue":
        told = say(
            lang, "of profit nothing can be said, orders.cogs is not measured", "利润无从判断，orders.cogs 未测量"
        )
    return say(
        lang,
        f"{who} ({n}, {of} of accounts) bring {part} of {called.lower()}{range_}: {told}.",
        f"{who} {n} 个（占客户数 {of}）带来{called}的 {part}{range_}：{told}。",
    )
