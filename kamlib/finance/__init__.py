"""Finance: how much revenue hangs on few accounts, and what is left of it between list price and contribution?

Notebook 05, with `profitability`, `growth` and `receivables`. Money comes from the account mart: the window up to the
as-of date, without VAT. The steps from list price to
contribution are those of Kaplan & Narayanan, "Measuring and Managing Customer Profitability" (2001): net revenue =
list revenue − discounts − returns; gross margin = net revenue − cost of goods sold; contribution = gross margin −
cost-to-serve. Cost that names no account stays unallocated: spread by revenue it would make every account look average.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from ibis import Table
from matplotlib.axes import Axes
from matplotlib.container import BarContainer

from kamlib import stats, style
from kamlib.errors import InputError, suggest
from kamlib.exhibit import chart
from kamlib.mart.window import windows
from kamlib.words import money, say, share, short, word
from kamlib.workspace import Data

LARGE_CUSTOMER = 0.10
"""One customer from this share of revenue on is flagged: the convention of segment reporting (IFRS 8.34, ASC 280)."""


# --- How concentrated is revenue? ---------------------------------------------------------------------------------


def pareto_table(mart: pd.DataFrame, *, by: str = "account") -> pd.DataFrame:
    """Rank accounts by net revenue and cumulate their share of the total.

    One row per account with revenue, largest first: account_id, account_name, n_accounts, revenue, revenue_share,
    cum_share. `by="parent"` counts subsidiaries with their ultimate parent. Negative revenue (more returned than
    bought) stays in, at the end; shares are missing when the total is not positive.
    """
    rows = mart[["account_id", "account_name", "revenue"]].assign(n_accounts=1)
    rows = rows[rows["revenue"].fillna(0) != 0]
    if by == "parent":
        top = ultimate_parent(mart)
        sums = rows.groupby(rows["account_id"].map(top))[["revenue", "n_accounts"]].sum()
        called = mart.set_index("account_id")["account_name"]
        rows = sums.rename_axis("account_id").reset_index()
        rows["account_name"] = rows["account_id"].map(called).fillna(rows["account_id"])
    rows = rows.sort_values(["revenue", "account_id"], ascending=[False, True], ignore_index=True)
    total = rows["revenue"].sum()
    rows["revenue_share"] = rows["revenue"] / total if total > 0 else np.nan
    rows["cum_share"] = rows["revenue_share"].cumsum()
    return rows[["account_id", "account_name", "n_accounts", "revenue", "revenue_share", "cum_share"]]


def ultimate_parent(mart: pd.DataFrame) -> pd.Series:
    """Return the id at the top of each account's chain of parents, indexed by account_id; a loop ends where it began."""
    parent = mart.set_index("account_id")["parent_account_id"].dropna().to_dict()

    def top(account: str) -> str:
        seen = [account]
        while (above := parent.get(seen[-1])) is not None:
            if above in seen:
                return min(seen[seen.index(above) :])  # a loop has no top: all its members share one name
            seen.append(above)
        return seen[-1]

    return pd.Series({account: top(account) for account in mart["account_id"]}, dtype=object)


def concentration_table(mart: pd.DataFrame, *, by: str = "account") -> pd.DataFrame:
    """Say in one row per period how concentrated net revenue is: the last twelve months and the twelve before.

    n_accounts; cr1_share, cr5_share, cr10_share (of the largest); hhi_index on the scale 0–10,000; effective_index =
    10,000 ÷ HHI, the number of equal accounts that would be as concentrated; gini_index 0–1, corrected by n ÷ (n − 1);
    n_large with at least 10 %. Accounts with negative revenue count as 0; negative_revenue is their sum.
    """
    periods = {"window": mart, "window_before": mart.assign(revenue=mart["revenue_prev"])}
    return pd.DataFrame(
        [{"period": name} | _concentration(pareto_table(rows, by=by)) for name, rows in periods.items()]
    )


def _concentration(pareto: pd.DataFrame) -> dict[str, float]:
    revenue = pareto["revenue"]
    ratio = {f"cr{top}_share": stats.concentration_ratio(revenue, top) for top in (1, 5, 10)}
    positive = revenue.clip(lower=0)
    return {
        "n_accounts": int((revenue > 0).sum()),
        **ratio,
        "hhi_index": 1e4 * stats.hhi(revenue),
        "effective_index": stats.effective_number(revenue),
        "gini_index": stats.gini(positive[positive > 0]),
        "n_large": int((positive >= LARGE_CUSTOMER * positive.sum()).sum() if positive.sum() > 0 else 0),
        "negative_revenue": float(revenue.clip(upper=0).sum()),
    }


@chart("pareto", x="account_name", y="revenue", line="cum_share", size=(8, 4.8))
def plot_pareto(table: pd.DataFrame, ax: Axes | None = None, *, top_n: int = 10) -> Axes:
    """Draw the `top_n` largest accounts and the sum of the others as columns, with the cumulative line."""
    ax = ax or style.new_axes(plot_pareto.size)
    head, rest = table.head(top_n), table.iloc[top_n:]
    total = table["revenue"].sum()
    labels, heights = [short(name) for name in head["account_name"]], list(head["revenue"])
    if len(rest):
        labels, heights = [*labels, _others(len(rest))], [*heights, rest["revenue"].sum()]
    colours = [style.BLUE if total > 0 and h >= LARGE_CUSTOMER * total else style.SKY for h in head["revenue"]]
    bars = ax.bar(range(len(labels)), heights, color=[*colours, style.PALE][: len(labels)])
    ax.set_xticks(range(len(labels)), labels, rotation=40, ha="right", rotation_mode="anchor", fontsize=8)
    ax.grid(axis="x", visible=False)
    ax.set_ylabel(word("revenue"))
    style.money_axis(ax.yaxis)
    if total > 0:
        style.reference_line(ax, LARGE_CUSTOMER * total, share(LARGE_CUSTOMER))
        _cumulate(ax, bars, np.array(heights), total)
    return ax


def _cumulate(ax: Axes, bars: BarContainer, heights: np.ndarray, total: float) -> None:
    """Draw the cumulative line on the scale of the bars, so that bars stack up to it, with shares on the right."""
    line = heights.cumsum()
    ax.plot(range(len(line)), line, color=style.ORANGE, marker="o", ms=4)
    halo = {"fc": "white", "ec": "none", "pad": 0.6, "alpha": 0.85}
    ax.bar_label(bars, [share(height / total) for height in heights], padding=4, fontsize=8, bbox=halo)
    named = len(line) - 2 if len(line) > 1 else 0
    ax.annotate(
        share(line[named] / total), (named, line[named]), (-4, 5), textcoords="offset points", ha="right", fontsize=8
    )
    ax.set_ylim(min(0, heights.min() * 1.2), line.max() * 1.08)
    right = ax.twinx()
    right.set_ylim(np.array(ax.get_ylim()) / total)
    right.grid(visible=False)
    style.percent_axis(right.yaxis)
    right.set_ylabel(word("cum_share"))


def pareto_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say how much the ten largest bring, and whether one alone passes 10 %."""
    n, top = len(table), min(10, len(table))
    first = table.iloc[0]
    if not table["revenue"].sum() > 0:
        return say(lang, f"Net revenue of {n} accounts is not positive.", f"{n} 个客户的净收入合计不为正。")
    some, one = share(table["cum_share"].iloc[top - 1]), share(first["revenue_share"], 1)
    above = first["revenue_share"] >= LARGE_CUSTOMER
    en = f"The {top} largest of {n} accounts bring {some} of net revenue; {short(first['account_name'])} alone {one}"
    zh = f"{n} 个客户中最大的 {top} 个贡献净收入的 {some}；{short(first['account_name'])} 一家占 {one}"
    return say(
        lang,
        f"{en}, {'above' if above else 'below'} the 10 % flag.",
        f"{zh}，{'超过' if above else '未到'} 10 % 警戒线。",
    )


def _others(n: int) -> str:
    return say(None, f"other ({n})", f"其他（{n}）")


# --- From list price to contribution -------------------------------------------------------------------------------


def waterfall_table(mart: pd.DataFrame, *, account: str = "", unallocated: float = 0.0) -> pd.DataFrame:
    """Walk from list revenue to contribution, for one account or, with `account=""`, for all of them.

    One row per step: step, kind ("total" or "change"), amount (changes are signed), level (running sum after the step),
    start_share (of the first row). Steps that were not measured are left out. Revenue of accounts whose cost of goods
    is not known in full is taken out as `uncosted_revenue`, since nothing can be said about their margin. `unallocated`
    is service cost that names no account; it counts for the whole portfolio only.
    """
    rows = find_account(mart, account).to_frame().T.infer_objects() if account else mart
    costed = rows[rows["cogs"].notna()]
    changes = ["discount", "returns_amount"] if rows["list_revenue"].notna().any() else ["returns_amount"]
    start = "list_revenue" if "discount" in changes else "order_revenue"
    steps = [(start, "total", rows[start].sum())]
    steps += [(name, "change", -rows[name].sum()) for name in changes if rows[name].notna().any()]
    steps.append(("revenue", "total", rows["revenue"].sum()))
    if len(costed):
        steps += _costs(rows, costed, 0.0 if account else unallocated)
    table = pd.DataFrame(steps if len(rows) else [], columns=["step", "kind", "amount"]).round(2)
    first = table["amount"].iloc[:1].sum()
    table["level"] = (first + table["amount"].where(table["kind"] == "change", 0).cumsum()).round(2)
    table["start_share"] = table["amount"] / first if first > 0 else np.nan
    return table


def _costs(rows: pd.DataFrame, costed: pd.DataFrame, unallocated: float) -> list[tuple[str, str, float]]:
    """The steps from net revenue down, for the accounts whose cost of goods is known."""
    steps = []
    if len(costed) < len(rows) and rows.loc[rows["cogs"].isna(), "revenue"].sum() != 0:
        steps.append(("uncosted_revenue", "change", -rows.loc[rows["cogs"].isna(), "revenue"].sum()))
    steps.append(("cogs", "change", -costed["cogs"].sum()))
    steps.append(("gross_margin", "total", costed["gross_margin"].sum()))
    if costed["cost_to_serve"].notna().any():
        steps.append(("cost_to_serve", "change", -costed["cost_to_serve"].sum()))
        steps.append(("contribution", "total", costed["contribution"].sum()))
    if unallocated:
        steps.append(("unallocated_cost", "change", -unallocated))
        steps.append(("contribution_after", "total", costed["contribution"].sum() - unallocated))
    return steps


def find_account(mart: pd.DataFrame, account: str = "") -> pd.Series:
    """Return the row of the account with the id `account`; with "", that of the largest by net revenue."""
    rows = mart[mart["account_id"] == account] if account else mart
    if rows.empty:
        raise InputError(
            f"account = '{account}' is not in the accounts table.{suggest(account, mart['account_id'])} "
            'Give an account_id, or "" for the largest account.',
            f"account = '{account}' 不在客户表中。{suggest(account, mart['account_id'])}"
            '请填写 account_id，或留空 "" 取收入最高的客户。',
        )
    return rows.sort_values(["revenue", "account_id"], ascending=[False, True]).iloc[0]


@chart("waterfall", x="step", y="amount", colour="kind", size=(8, 4.6))
def plot_waterfall(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw totals as full columns and each change as a floating piece between them, with amounts and shares."""
    ax = ax or style.new_axes(plot_waterfall.size)
    amount, change, at = table["amount"].to_numpy(), (table["kind"] == "change").to_numpy(), np.arange(len(table))
    base = np.where(change, table["level"] - amount, 0)
    colours = np.select(
        [~change & (amount >= 0), ~change, amount < 0], [style.BLUE, style.BAD, style.ORANGE], style.SKY
    )
    ax.bar(at, amount, bottom=base, color=colours, width=0.66)
    ax.hlines(table["level"].iloc[:-1], at[:-1] + 0.33, at[1:] - 0.33, color=style.GREY, lw=0.8)
    ax.axhline(0, color=style.INK, lw=0.8)
    for x, low, size, falls, part in zip(at, base, amount, change & (amount < 0), table["start_share"], strict=True):
        text = money(size) + (f"\n{share(part)}" if np.isfinite(part) else "")
        spot, shift, align = (low + size, -3, "top") if falls else (max(low, low + size), 3, "bottom")
        ax.annotate(text, (x, spot), (0, shift), textcoords="offset points", ha="center", va=align, fontsize=8)
    ax.set_xticks(at, [style.wrapped(word(step), 11) for step in table["step"]], fontsize=8 if len(table) < 9 else 7)
    ax.grid(axis="x", visible=False)
    ax.margins(y=0.16)
    ax.set_ylabel(word("amount_in_window"))
    style.money_axis(ax.yaxis)
    return ax


def waterfall_claim(table: pd.DataFrame, lang: str | None = "en", *, name: str = "") -> str:
    """Say what is left at the end and what discounts and serving took. `name` is the account, "" the whole portfolio."""
    first, last = table.iloc[0], table[table["kind"] == "total"].iloc[-1]
    who, left = short(name) or say(lang, "All accounts", "全部客户"), money(last["amount"], lang)
    label, start = word(last["step"], lang), word(first["step"], lang)
    if not first["amount"] > 0:
        return say(lang, f"{who}: {label} {left}.", f"{who}：{label} {left}。")
    taken = table[table["step"].isin(["discount", "cost_to_serve"])]
    parts = [f"{word(row.step, lang)} {share(-row.start_share)}" for row in taken.itertuples()]
    if last["step"] == "revenue":
        parts.append(say(lang, "cost of goods (orders.cogs) not measured", "销售成本（orders.cogs）未测量"))
    en = f"{who}: {label.lower()} {left}, {share(last['start_share'])} of {start.lower()}"
    zh = f"{who}：{label} {left}，占{start}的 {share(last['start_share'])}"
    return say(
        lang, f"{'; '.join([en, *(part[0].lower() + part[1:] for part in parts)])}.", f"{'；'.join([zh, *parts])}。"
    )


# --- Do the totals tie to the ledger? -----------------------------------------------------------------------------


def unallocated_cost(data: Data) -> float:
    """Return the service cost of the window that names no known account; 0 when service cost is not measured."""
    costs = _in_window(data, "service_costs", "cost_date")
    return _total(costs.anti_join(data.table("accounts"), "account_id"))


def reconciliation_table(data: Data) -> pd.DataFrame:
    """Compare the mart with sums taken straight from the delivered tables, in the window; one row per measure.

    measure, source (sum over the table), mart (sum over accounts), apart (what belongs to no account, or whose account
    lacks the cost of some orders), difference = source − mart − apart: 0.00 when every cent is accounted for.
    """
    mart, orders = data.mart, _in_window(data, "orders", "order_date")
    uncosted = orders.filter(orders["account_id"].isin(mart.loc[mart["cogs"].isna(), "account_id"].tolist()))
    rows = [
        ("order_revenue", ("orders",), _total(orders), 0.0),
        ("cogs", ("orders",), _total(orders, "cogs"), _total(uncosted, "cogs")),
        ("returns_amount", ("returns",), _total(_in_window(data, "returns", "return_date")), 0.0),
        ("cost_to_serve", ("service_costs",), _total(_in_window(data, "service_costs", "cost_date")), unallocated_cost(data)),
        ("receivable", ("invoices", "payments"), _total(data.table("invoices")) - _total(data.table("payments")), 0.0),
    ]  # fmt: skip
    measured = {name for name, needs, *_ in rows if data.has(*needs) and mart[name].notna().any()}
    rows = [(name, source, mart[name].sum(), apart) for name, _, source, apart in rows if name in measured]
    table = pd.DataFrame(rows, columns=["measure", "source", "mart", "apart"])
    table["difference"] = (table["source"] - table["mart"] - table["apart"]).round(2) + 0.0
    return table.round(2)


def _in_window(data: Data, table: str, date: str) -> Table:
    rows = data.table(table)
    return rows.filter(windows(data)[0].holds(rows[date]))


def _total(rows: Table, column: str = "amount") -> float:
    """Sum on the engine, in decimals: exact to the cent."""
    return float(rows[column].sum().execute() or 0)
