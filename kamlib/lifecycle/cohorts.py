"""Cohorts: do accounts won at the same time keep buying, and how far along the path from browsing to recommending are they?"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle

from kamlib import stats, style
from kamlib.exhibit import chart
from kamlib.settings import Settings
from kamlib.words import currency, language, number, say, share, word
from kamlib.workspace import Data

SMALL_CELL = 5
"""A rate over fewer accounts is hatched: one account more or less would move it by a fifth."""
YEAR_LATER = 4


# --- Do cohorts keep buying? ---------------------------------------------------------------------------------------


def cohort_table(order_days: pd.DataFrame, accounts: pd.DataFrame, as_of: dt.date, settings: Settings) -> pd.DataFrame:
    """Follow the accounts by the quarter of their first order.

    One row per cohort and quarter since: cohort ("2023 Q2", or "before_data"), n_quarters (0: the quarter of the first
    order), n_accounts (of the cohort), n_ordering (that ordered in that quarter), retention_rate with its Wilson interval,
    amount (ordered in that quarter, after discount), amount_each (ordered so far, per account of the cohort), quarter_open (the quarter is not over on `as_of`), small (fewer than 5
    accounts). An account whose first order lies within the dormancy floor of the start of the data, and which was not
    created after that start, may have bought before: such accounts form the cohort "before_data".
    """
    bought = order_days[order_days["order_date"] <= pd.Timestamp(as_of)]
    bought = bought[bought["account_id"].isin(accounts["account_id"])]
    if bought.empty:
        return pd.DataFrame(columns=_COHORT_COLUMNS)
    start = _cohort_start(bought, accounts, settings)
    bought = bought.merge(start, left_on="account_id", right_index=True)
    bought["n_quarters"] = bought["order_date"].dt.to_period("Q").astype("int64") - bought["start"]
    cells = bought.groupby(["cohort", "n_quarters"]).agg(n_ordering=("account_id", "nunique"), amount=("amount", "sum"))
    table = _triangle(start, pd.Timestamp(as_of).to_period("Q").ordinal).join(cells, on=["cohort", "n_quarters"])
    table = table.fillna({"n_ordering": 0, "amount": 0.0}).astype({"n_ordering": int})
    low, high = stats.wilson(table["n_ordering"], table["n_accounts"])
    table = table.assign(retention_rate=table["n_ordering"] / table["n_accounts"], retention_rate_low=low)
    ends = pd.PeriodIndex.from_ordinals(table["start"] + table["n_quarters"], freq="Q").end_time.normalize()
    quarter_open = np.asarray(ends > pd.Timestamp(as_of))
    table["amount_each"] = table.groupby("cohort")["amount"].cumsum() / table["n_accounts"]
    return table.assign(retention_rate_high=high, quarter_open=quarter_open, small=table["n_accounts"] < SMALL_CELL)[
        _COHORT_COLUMNS
    ]


_COHORT_COLUMNS = [
    "cohort", "n_quarters", "n_accounts", "n_ordering", "retention_rate", "retention_rate_low", "retention_rate_high",
    "amount", "amount_each", "quarter_open", "small",
]  # fmt: skip


def _cohort_start(bought: pd.DataFrame, accounts: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Return per account the cohort and the number of the quarter it starts in."""
    first, opening = bought.groupby("account_id")["order_date"].min(), bought["order_date"].min()
    created = accounts.set_index("account_id")["created_at"].reindex(first.index)
    edge = opening + pd.Timedelta(days=settings.lifecycle.dormant_floor_days)
    before = (first < edge) & ~(created >= opening)
    quarter = first.where(~before, opening).dt.to_period("Q")
    cohort = quarter.astype(str).str.replace("Q", " Q").mask(before, "before_data")
    return pd.DataFrame({"cohort": cohort, "start": quarter.astype("int64")})


def _triangle(start: pd.DataFrame, last: int) -> pd.DataFrame:
    """Return every cohort with every quarter from its own to the `last`, the accounts from before the data first."""
    sizes = start.value_counts().rename("n_accounts").reset_index()
    sizes = sizes.assign(new=sizes["cohort"] != "before_data").sort_values(["new", "start"])
    since = [range(last - first + 1) for first in sizes["start"]]
    return sizes.drop(columns="new").assign(n_quarters=since).explode("n_quarters", ignore_index=True).infer_objects()


@chart("heatmap", x="n_quarters", y="cohort", colour="retention_rate", size=(10, 3.8))
def plot_cohorts(table: pd.DataFrame, ax: Axes | None = None, *, smallest: int = 1) -> Axes:
    """Draw two triangles of the cohorts with at least `smallest` accounts: who still orders, and money per account so far.

    Open quarters and small cohorts are hatched.
    """
    ax = ax or style.new_axes(plot_cohorts.size)
    table = table[table["n_accounts"] >= smallest]
    left, right = style.panels(ax, 1, 2)[0]
    sizes, (unit, write) = table.groupby("cohort")["n_accounts"].first(), _in_unit(table["amount_each"].max())
    for panel, column in ((left, "retention_rate"), (right, "amount_each")):
        wide = table.pivot(index="cohort", columns="n_quarters", values=column).reindex(table["cohort"].unique())
        texts = wide.map(share) if panel is left else wide.map(write)
        style.heat_map(panel, wide.astype(float), texts, high=1 if panel is left else None)
        _hatch(panel, table, wide.index)
        names = [f"{word(cohort)} (n = {sizes[cohort]})" if panel is left else "" for cohort in wide.index]
        panel.set_yticks(range(len(wide)), names, fontsize=9)
        panel.tick_params(axis="x", labelsize=8)
        panel.set_xlabel(say(None, "quarters after the quarter of the first order", "首单季度之后的第几个季度"))
    left.set_title(say(None, "still ordering", "留存率"), fontsize=9)
    right.set_title(say(None, f"ordered so far per account, {unit}", f"每客户累计订单额（{unit}）"), fontsize=9)
    note = say(None, "fewer than 5 accounts,\nor quarter not over", "客户少于 5 个，\n或季度未结束")
    key = Patch(facecolor="white", hatch="///", edgecolor=style.GREY, label=note)
    left.legend(handles=[key], loc="lower right", fontsize=8, handleheight=2)
    return left


def _hatch(ax: Axes, table: pd.DataFrame, cohorts: pd.Index) -> None:
    rows = {cohort: i for i, cohort in enumerate(cohorts)}
    for cell in table[table["quarter_open"] | table["small"]].itertuples():
        corner = (cell.n_quarters - 0.5, rows[cell.cohort] - 0.5)
        ax.add_patch(Rectangle(corner, 1, 1, fc=(1, 1, 1, 0.25), ec=(0.6, 0.6, 0.6, 0.7), hatch="/", lw=0))


def _in_unit(most: float) -> tuple[str, Callable[[float], str]]:
    """Return the unit that keeps amounts up to `most` short enough for a cell, and the function that writes them in it."""
    steps = ((1e8, "亿"), (1e4, "万"), (1, "")) if language() == "zh" else ((1e6, " m"), (1e3, " k"), (1, ""))
    size, suffix = next((step for step in steps if most >= 10 * step[0]), steps[-1])
    digits = int(most < 100 * size and size > 1)
    yuan = "元" if currency() == "CNY" else f" {currency()}"
    unit = f"{suffix}{yuan}" if language() == "zh" else f"{currency()}{suffix}"
    return unit, lambda amount: number(amount / size, digits) if np.isfinite(amount) else ""


def cohorts_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say how many newly won accounts still bought a year after their first order, all cohorts together."""
    full = table[(table["n_quarters"] == YEAR_LATER) & ~table["quarter_open"].astype(bool)]
    new, old = full[full["cohort"] != "before_data"], full[full["cohort"] == "before_data"]
    n, k = int(new["n_accounts"].sum()), int(new["n_ordering"].sum())
    if n < SMALL_CELL:
        return say(
            lang,
            f"Retention of new accounts after a year: not enough data (n = {n}).",
            f"新客户一年后的留存：数据不足（n = {n}）。",
        )
    low, high = stats.wilson(k, n)
    en = f"{k} of {n} new accounts ({share(k / n)}; 95 % interval {share(low)} to {share(high)}) bought again four quarters later"
    zh = f"{n} 个新客户中有 {k} 个（{share(k / n)}，95 % 区间 {share(low)}～{share(high)}）在第四个季度仍有购买"
    if len(old):
        rate, many = float(old["retention_rate"].iloc[0]), int(old["n_accounts"].iloc[0])
        en += f", against {share(rate)} of {many} from before the data"
        zh += f"；数据起点之前的 {many} 个老客户为 {share(rate)}"
    kept = second_year(table)
    if kept["n"] >= SMALL_CELL:
        ratio = share(kept["second"] / kept["first"])
        en += f"; in their second year {kept['n']} of them ordered {ratio} of the first year's amount"
        zh += f"；其中 {kept['n']} 个的第二年订单额为第一年的 {ratio}"
    return say(lang, f"{en}.", f"{zh}。")


def second_year(table: pd.DataFrame) -> dict[str, float]:
    """Compare what new accounts ordered in quarters 4 to 7 with quarters 0 to 3: {"n", "first", "second"}, cohorts whose
    quarter 7 is over; whoever stopped counts with nothing."""
    over = table[(table["n_quarters"] == 2 * YEAR_LATER - 1) & ~table["quarter_open"].astype(bool)]
    over = over[over["cohort"] != "before_data"]
    rows = table[table["cohort"].isin(over["cohort"]) & (table["n_quarters"] < 2 * YEAR_LATER)]
    first = rows["n_quarters"] < YEAR_LATER
    sums = {"first": float(rows.loc[first, "amount"].sum()), "second": float(rows.loc[~first, "amount"].sum())}
    return {"n": int(over["n_accounts"].sum()) if sums["first"] > 0 else 0} | sums


# --- How far along the path are accounts? --------------------------------------------------------------------------


SOURCES = {
    "browse": (("behaviours", "browse"),),
    "enquire": (("behaviours", "enquire"), ("deals", ""), ("cases", "question")),
    "buy": (("orders", ""),),
    "feedback": (("behaviours", "feedback"), ("surveys", "")),
    "recommend_us": (("behaviours", "recommend"),),
}
"""Behaviour stage → the tables that show it, each with the stage or type of row that counts; "" takes every row."""


def behaviour_table(data: Data) -> pd.DataFrame:
    """Count the accounts seen in each behaviour stage in the 12 months up to the as-of date.

    One row per stage, in order: behaviour_stage, sources (tables that were delivered, comma-separated; empty: none was), measured,
    n_accounts (seen there at least once; missing when not measured), n_of (accounts on file), seen_share with its
    Wilson interval. A stage without a source is not measured, which is not the same as zero.
    """
    on_file = set(data.frame("accounts")["account_id"])
    rows = []
    for stage, sources in SOURCES.items():
        found = [(table, kind) for table, kind in sources if data.has(table)]
        seen = set().union(*(_accounts_seen(data, table, kind) for table, kind in found)) & on_file
        listed = ", ".join(table for table, _ in found)
        rows.append((stage, listed, bool(found), len(seen) if found else np.nan, len(on_file)))
    table = pd.DataFrame(rows, columns=["behaviour_stage", "sources", "measured", "n_accounts", "n_of"])
    low, high = stats.wilson(table["n_accounts"], table["n_of"])
    return table.assign(seen_share=table["n_accounts"] / table["n_of"], seen_share_low=low, seen_share_high=high)


_DATED = {
    "behaviours": "happened_at", "deals": "created_at", "cases": "opened_at", "orders": "order_date",
    "surveys": "answered_at",
}  # fmt: skip


def _accounts_seen(data: Data, table: str, kind: str) -> set[str]:
    rows = data.frame(table)
    since = pd.Timestamp(data.as_of) + pd.Timedelta(days=1) - pd.DateOffset(years=1)
    if kind:
        rows = rows[rows["stage" if table == "behaviours" else "type"] == kind]
    return set(rows.loc[rows[_DATED[table]] >= since, "account_id"].dropna())


@chart("bar", x="behaviour_stage", y="seen_share", low="seen_share_low", high="seen_share_high", size=(8, 3.6))
def plot_behaviour(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the share of accounts seen in each stage with its interval; a stage without a source says so."""
    ax = ax or style.new_axes(plot_behaviour.size)
    known = table["measured"].astype(bool)
    at, width = np.arange(len(table)), table["seen_share"].fillna(0)
    ax.barh(at, width, color=style.SKY, height=0.6)
    seen = table[known]
    spread = np.array([seen["seen_share"] - seen["seen_share_low"], seen["seen_share_high"] - seen["seen_share"]])
    ax.errorbar(seen["seen_share"], at[known], xerr=spread.clip(0), fmt="none", ecolor=style.INK, lw=1, capsize=3)
    for y, row in zip(at, table.itertuples(), strict=True):
        text = f"{int(row.n_accounts)} ({share(row.seen_share)})" if row.measured else word("not_measured")
        x = row.seen_share_high if row.measured else 0
        ax.annotate(text, (x, y), (6, 0), textcoords="offset points", va="center", fontsize=9)
    ax.set_yticks(at, [word(stage) for stage in table["behaviour_stage"]])
    ax.invert_yaxis()
    ax.set_xlim(0, 1.08)
    style.percent_axis(ax.xaxis)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel(say(None, "share of accounts on file seen there in 12 months", "近 12 个月出现该行为的客户占比"))
    return ax


def behaviour_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say how many accounts were seen in each stage, and which stages nobody measures."""
    known = table["measured"].astype(bool)
    n = int(table["n_of"].iloc[0])
    parts = [f"{word(row.behaviour_stage, lang)} {int(row.n_accounts):,}" for row in table[known].itertuples()]
    blind = [word(stage, lang) for stage in table.loc[~known, "behaviour_stage"]]
    en, zh = f"Of {n:,} accounts in 12 months: {', '.join(parts)}", f"近 12 个月 {n:,} 个客户中：{'，'.join(parts)}"
    if blind:
        en, zh = f"{en}; not measured: {', '.join(blind)}", f"{zh}；未测量：{'、'.join(blind)}"
    return say(lang, f"{en}.", f"{zh}。")
