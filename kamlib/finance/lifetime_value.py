"""Lifetime value: what will today's customers contribute in the next years, and how sure is that?

Part of notebook 05. CLV = Σ m·S(t) ÷ (1 + d)^t over a finite number of years t, with the yearly contribution m held at what
the last window brought (no growth assumed), S(t) the chance that the account is still a customer after t years, and the
discount rate d. The chance of leaving is in S alone and the price of capital in d alone: nothing is discounted twice.
S follows the losses of notebook 07 by year of tenure: piecewise exponential hazards (Friedman 1982), each pulled to the
hazard of all years by as much as ten customer-years weigh. The interval holds what is not known of the hazards
(accounts drawn with replacement) and the chance of each account: whether it stays, and how its contribution moves.
Sources: Gupta, Lehmann and Stuart, "Valuing Customers" (2004); Fader and Hardie on retention that is not constant (2007).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import churn, lifecycle, style
from kamlib.churn import survival
from kamlib.exhibit import chart
from kamlib.finance.growth import comparable
from kamlib.words import money, say, share, short, word
from kamlib.workspace import Data

LEVEL = 0.9
PRIOR_YEARS = 10.0
"""Customer-years that the hazard of all tenures weighs in that of each year of tenure."""
NEIGHBOURS = 10
"""An account's contribution moves like that of accounts of its size: so many places above and below it by revenue."""
TOTAL, TOTAL_NAME = "all_accounts", "all customers · 全部客户"


def customers_table(data: Data) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return today's customers whose cost of goods is known, and the tenures of all (`survival.tenure_table`).

    Of each customer: account_id, account_name, owner, yearly_contribution and yearly_revenue (of the window, for 12
    months), change_share (of contribution on the window before ÷ revenue then, the outermost 5 % drawn in; missing without
    it), tenure_days (age to which its staying is known; missing for customers won back and those of unknown age).
    """
    accounts = data.frame("accounts")
    silences = lifecycle.silences(data.order_days, data.as_of, data.settings, accounts, data.frame("contracts"))
    events = lifecycle.loss_events(silences, data.as_of)
    tenures = survival.tenure_table(silences, events, accounts, data.as_of, data.settings)
    rows = data.mart[data.mart["account_id"].isin(churn.customers_on(silences, events, data.as_of))]
    rows = rows[rows["contribution"].notna()].sort_values(["revenue", "account_id"], ignore_index=True)
    table = rows[["account_id", "account_name", "owner"]].copy()
    table["yearly_contribution"] = rows["contribution"] * 12 / data.settings.window_months
    table["yearly_revenue"] = rows["revenue"] * 12 / data.settings.window_months
    before = rows["revenue_prev"].where((rows["revenue_prev"] > 0) & comparable(data))
    moved = (rows["contribution"] - rows["contribution_prev"]) / before
    table["change_share"] = moved.clip(*moved.quantile([0.05, 0.95])) if moved.notna().any() else np.nan
    staying = tenures[~tenures["churned"].astype(bool)].set_index("account_id")["tenure_days"]
    table["tenure_days"] = table["account_id"].map(staying).astype(float)
    return table, tenures


def yearly_hazards(tenures: pd.DataFrame, weights: np.ndarray | None = None) -> np.ndarray:
    """Return losses per customer-year by year of tenure, one row per row of `weights` (how often each account was drawn).

    (losses + `PRIOR_YEARS` × the hazard of all) ÷ (customer-years + `PRIOR_YEARS`); the last column is for the years that
    nobody was seen in: the hazard of all.
    """
    start, end = (tenures[name].to_numpy(float) / survival.YEAR_DAYS for name in ("entry_days", "tenure_days"))
    years = np.arange(int(np.ceil(end.max(initial=1.0))))
    seen = np.clip(np.minimum(end[:, None], years + 1) - np.maximum(start[:, None], years), 0, None)
    last = np.ceil(end)[:, None] == years + 1  # an age of exactly two years ends the second
    left = last * tenures["churned"].to_numpy(float)[:, None]
    weights = np.ones((1, len(tenures))) if weights is None else weights
    lost, exposed = weights @ left, weights @ seen
    pooled = lost.sum(axis=1, keepdims=True) / np.maximum(exposed.sum(axis=1, keepdims=True), 1e-9)
    by_year = (lost + PRIOR_YEARS * pooled) / (exposed + PRIOR_YEARS)
    return np.hstack([by_year, pooled])


def staying_rates(hazards: np.ndarray, ages: np.ndarray, years: int) -> np.ndarray:
    """Return the chance that an account of each age (in years; missing: of unknown age) is a customer 1 … `years` years on:
    one layer per row of `hazards`, one row per account, one column per year."""
    last = hazards.shape[1] - 1
    sums = np.hstack([np.zeros((len(hazards), 1)), hazards.cumsum(axis=1)])

    def until(age: np.ndarray) -> np.ndarray:
        year = np.minimum(np.floor(age).astype(int), last)
        return sums[:, year] + (age - year) * hazards[:, year]

    ahead = np.arange(1, years + 1)
    age = np.where(np.isfinite(ages), ages, last)[:, None]  # of unknown age: the hazard of all
    return np.exp(until(age * np.ones(1)) - until(age + ahead))


def clv_table(
    customers: pd.DataFrame, tenures: pd.DataFrame, *, years: int = 5, discount: float = 0.1, draws: int = 400
) -> pd.DataFrame:
    """Return the lifetime value of each customer over `years` years at the yearly rate `discount`, the largest first.

    account_id, account_name, owner, yearly_contribution, staying_share (the chance to be a customer at the end), clv with
    clv_low and clv_high (90 %), undiscounted (the same at a rate of 0); the last row, "all_accounts", is the sum, whose
    interval is its own. Amounts count at the end of each year. Empty where no contribution is known, or where nobody was
    ever lost: then nothing tells how many will be.
    """
    columns = ["account_id", "account_name", "owner", "yearly_contribution"]
    if customers.empty or not tenures["churned"].any():
        return pd.DataFrame(columns=[*columns, "staying_share", "clv", "clv_low", "clv_high", "undiscounted"])
    customers = customers.sort_values(["yearly_revenue", "account_id"], ignore_index=True)
    tenures = tenures.sort_values(
        ["tenure_days", "entry_days", "churned"]
    )  # draws do not hang on what accounts are called
    worth = 1 / (1 + discount) ** np.arange(1, years + 1)
    ages = customers["tenure_days"].to_numpy(float) / survival.YEAR_DAYS
    stays = staying_rates(yearly_hazards(tenures), ages, years)[0]
    yearly = customers["yearly_contribution"].to_numpy(float)
    table = customers[columns].assign(staying_share=stays[:, -1], clv=yearly * (stays @ worth))
    drawn = _draw(customers, tenures, ages, worth, draws)
    bounds = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    table["clv_low"], table["clv_high"] = np.quantile(drawn, bounds, axis=0)
    table["undiscounted"] = yearly * stays.sum(axis=1)
    table = table.sort_values(["clv", "account_id"], ascending=[False, True], ignore_index=True)
    low, high = np.quantile(drawn.sum(axis=1), bounds)
    sums = table[["yearly_contribution", "clv", "undiscounted"]].sum()
    table.loc[len(table)] = {
        "account_id": TOTAL, "account_name": TOTAL_NAME, "owner": "", "staying_share": stays[:, -1].mean(),
        "clv_low": low, "clv_high": high, **sums,
    }  # fmt: skip
    return table.round({"clv": 2, "clv_low": 2, "clv_high": 2, "undiscounted": 2})


def _draw(
    customers: pd.DataFrame, tenures: pd.DataFrame, ages: np.ndarray, worth: np.ndarray, draws: int
) -> np.ndarray:
    """Draw what each customer (columns) might bring: hazards of accounts drawn anew, who stays, what staying brings."""
    random, n, years = np.random.default_rng(0), len(customers), len(worth)
    picked = random.multinomial(len(tenures), np.full(len(tenures), 1 / len(tenures)), size=draws)
    stays = staying_rates(yearly_hazards(tenures, picked.astype(float)), ages, years)
    here = random.random((draws, n, 1)) < stays
    moves = customers["change_share"].dropna().to_numpy(float)
    place = np.clip(np.arange(n)[:, None] + random.integers(-NEIGHBOURS, NEIGHBOURS + 1, (draws, n, years)), 0, n - 1)
    place = (place * (len(moves) / n)).astype(int)  # donors stand in the same order of revenue
    steps = moves[place] if len(moves) else np.zeros((draws, n, years))
    steps = steps - steps.mean(axis=(0, 2), keepdims=True)  # up or down, but no growth assumed
    base, size = (customers[name].to_numpy(float)[:, None] for name in ("yearly_contribution", "yearly_revenue"))
    return ((base + size * steps.cumsum(axis=2)) * here) @ worth


def last_time_table(data: Data) -> pd.DataFrame:
    """Set what would have been expected a year ago, with what was known then, against what came; one row, or none.

    on_day, n_accounts, expected_then with its interval (90 %), realised (contribution of the same customers
    in the 12 months since), is_inside. Empty where the data do not reach back, or the window is no year.
    """
    then = (pd.Timestamp(data.as_of) - pd.DateOffset(years=1)).date()
    first = data.mart["first_order"].min()
    if data.settings.window_months != 12 or not first <= pd.Timestamp(then) - pd.DateOffset(months=11):
        return pd.DataFrame(
            columns=["on_day", "n_accounts", "expected_then", "expected_then_low", "expected_then_high", "realised"]
        )
    expected = clv_table(*customers_table(data.at(then)), years=1, discount=0.0)
    rows = accounts_of(expected)
    realised = data.mart.set_index("account_id")["contribution"].reindex(rows["account_id"]).sum()
    table = expected[expected["account_id"] == TOTAL][["clv", "clv_low", "clv_high"]]
    table = table.set_axis(["expected_then", "expected_then_low", "expected_then_high"], axis=1).reset_index(drop=True)
    table.insert(0, "on_day", pd.Timestamp(then))
    table.insert(1, "n_accounts", len(rows))
    return table.assign(
        realised=realised, is_inside=table["expected_then_low"].le(realised) & table["expected_then_high"].ge(realised)
    )


def accounts_of(clv: pd.DataFrame) -> pd.DataFrame:
    """Return the customers of a `clv_table`, without the row of their sum."""
    return clv[clv["account_id"] != TOTAL]


@chart("dots", y="account_name", x="clv", low="clv_low", high="clv_high", size=(8, 4))
def plot_clv(table: pd.DataFrame, ax: Axes | None = None, *, top_n: int = 12) -> Axes:
    """Draw the `top_n` customers of the largest value, either sign, with their intervals, and what they bring in a year."""
    ax = ax or style.new_axes(plot_clv.size)
    rows = accounts_of(table)
    head = rows.loc[sorted(rows["clv"].abs().nlargest(top_n, keep="first").index)]
    at = np.arange(len(head))
    ax.hlines(
        at, head["clv_low"], head["clv_high"], color=style.SKY, lw=4, label=say(None, "90 % interval", "90 % 区间")
    )
    colours = np.where(head["clv"] < 0, style.BAD, style.BLUE)
    ax.scatter(head["clv"], at, c=colours, s=36, zorder=3, label=word("clv"))
    ax.plot(head["yearly_contribution"], at, "|", color=style.INK, ms=9, label=word("yearly_contribution"))
    ax.axvline(0, color=style.INK, lw=0.8)
    ax.set_yticks(at, [short(name) for name in head["account_name"]], fontsize=8)
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    ax.locator_params(axis="x", nbins=6)
    style.money_axis(ax.xaxis)
    ax.set_xlabel(word("clv"))
    ax.legend(loc="lower right", fontsize=8)
    return ax


def clv_claim(
    table: pd.DataFrame,
    lang: str | None = "en",
    *,
    years: int = 5,
    discount: float = 0.1,
    lacking: tuple[str, ...] = (),
) -> str:
    """Say what all customers are worth with the interval, what it is undiscounted and what the ten largest are of it.

    `lacking` is `margins.unmeasured`: without service costs the contribution is a gross margin, and the claim says so.
    """
    total, rows = table.iloc[-1], accounts_of(table)
    clv, low, high, plain = (money(total[name], lang) for name in ("clv", "clv_low", "clv_high", "undiscounted"))
    n, rate, stay = len(rows), share(discount), share(total["staying_share"])
    span = "1 year" if years == 1 else f"{years} years"
    en = (
        f"{n} customers are expected to contribute {clv} in {span} at {rate} (90 %: {low} to {high}; undiscounted "
        f"{plain}); {stay} stay to the end"
    )
    zh = (
        f"{n} 个客户未来 {years} 年预期贡献 {clv}（折现率 {rate}；90 % 区间 {low} 至 {high}；不折现 {plain}）；"
        f"平均 {stay} 留到期末"
    )
    if n > 10 and total["clv"] > 0:
        top = share(rows["clv"].nlargest(10).sum() / total["clv"])
        en, zh = f"{en}, and the 10 largest bring {top}", f"{zh}，前 10 大占 {top}"
    if "service_costs" in lacking:
        en, zh = (
            f"{en}; before cost-to-serve (service_costs not measured)",
            f"{zh}；未计服务成本（service_costs 未测量）",
        )
    return say(lang, f"{en}.", f"{zh}。")
