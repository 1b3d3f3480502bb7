"""Weighted pipeline: what is the open pipeline worth at the rates that we really win, rather than the CRM's defaults?"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from scipy import stats as sp

from kamlib import style
from kamlib.exhibit import chart
from kamlib.funnel import UNKNOWN, few_rows, longest_cycle, rate_dots, stage_entries, window_start
from kamlib.models.competing_risks import cumulative_incidence, share_at
from kamlib.settings import Stage
from kamlib.words import money, say, share, word

PRIOR = 10
"""Deals that the CRM's default probability counts for: p = (k + m·p0) / (n + m), m = 10."""
DRAWS = 2000

WEIGHTED = (
    "stage n_deals amount crm_rate n_decided observed_rate fitted_rate fitted_rate_low fitted_rate_high crm_amount "
    "weighted_amount weighted_amount_low weighted_amount_high"
).split()


def stage_rates(
    deals: pd.DataFrame, history: pd.DataFrame, stages: Sequence[Stage], as_of: dt.date, *, months: int = 24
) -> pd.DataFrame:
    """Return per stage how many of the deals that entered it in the last `months` were closed (n_decided), and the share
    won with open deals censored (observed_rate, Aalen–Johansen); index: stage, or "created" without history."""
    entries = stage_entries(deals, history, stages)
    entries = entries[entries["entered_at"] > window_start(as_of, months)]
    rows = {}
    for stage, group in entries.groupby("stage"):
        days = (group["closed_at"].fillna(pd.Timestamp(as_of)) - group["entered_at"]).dt.days
        course = cumulative_incidence(days, group["status"])
        rows[stage] = (group["closed_at"].notna().sum(), share_at(course, "won_share", np.inf))
    return pd.DataFrame.from_dict(rows, orient="index", columns=["n_decided", "observed_rate"])


def weighted_table(
    deals: pd.DataFrame, history: pd.DataFrame, stages: Sequence[Stage], as_of: dt.date, *, months: int = 24
) -> pd.DataFrame:
    """Weight the open pipeline with the CRM's default probabilities and with the rates observed per stage.

    crm_rate is the default p0 of the stage in `kam.toml` (else the mean of the deals' own probability, else the
    observed rate); fitted_rate = (k + 10·p0) ÷ (n_decided + 10) with k = observed_rate × n_decided, and its 95 % interval;
    crm_amount and weighted_amount = amount × rate, the latter with P10 and P90 of 2,000 seeded simulations, which draw
    both the rates and the deals. Deals older than any that ever closed are the row "stale", at 0. Last row: "total".
    Empty when no open deal carries an amount.
    """
    open_deals = deals[(deals["status"] == "open") & (deals["amount"] > 0)].sort_values("deal_id")
    if open_deals.empty:
        return pd.DataFrame(columns=WEIGHTED)
    rates, random = stage_rates(deals, history, stages, as_of, months=months), np.random.default_rng(0)
    defaults = {stage.name: stage.probability for stage in stages}
    stage = open_deals["stage"].astype(object).where(open_deals["stage"].notna(), UNKNOWN)
    stale = (pd.Timestamp(as_of) - open_deals["created_at"]).dt.days > longest_cycle(deals)
    live = set(stage[~stale])
    order = [*(name for name in defaults if name in live), *sorted(live - set(defaults))]
    rows, draws = [], []
    for name in order:
        part = open_deals[(stage == name) & ~stale]
        n, observed = _observed(rates, name)
        row = {"stage": name, "n_deals": len(part), "amount": part["amount"].sum(), "n_decided": n}
        p0 = defaults.get(name, part["probability"].mean())
        row |= {"observed_rate": observed, "crm_rate": p0 if np.isfinite(p0) else observed}
        fit, drawn = _fit(row, part["amount"].to_numpy(), random)
        rows.append(row | fit)
        draws.append(drawn)
    if stale.any():
        rows.append(_stale(open_deals[stale], stage[stale].map(defaults)))
    total = _total(rows, np.sum(draws, axis=0))
    return pd.DataFrame([*rows, total])[WEIGHTED]


def _observed(rates: pd.DataFrame, stage: str) -> tuple[int, float]:
    for name in (stage, "created"):
        if name in rates.index:
            return int(rates.loc[name, "n_decided"]), float(rates.loc[name, "observed_rate"])
    return 0, np.nan


def _fit(row: dict, amounts: np.ndarray, random: np.random.Generator) -> tuple[dict, np.ndarray]:
    k, p0 = np.nan_to_num(row["observed_rate"] * row["n_decided"]), row["crm_rate"]
    if not np.isfinite(p0):  # neither a default nor a closed deal: nothing is known of this stage
        return dict.fromkeys(WEIGHTED[6:], np.nan), np.zeros(DRAWS)
    won, lost = k + PRIOR * p0, row["n_decided"] - k + PRIOR * (1 - p0)
    rate = won / (won + lost)
    belief = sp.beta(max(won, 1e-9), max(lost, 1e-9))
    chances = belief.rvs(DRAWS, random_state=random)
    drawn = sum(amount * (random.random(DRAWS) < chances) for amount in amounts)
    low, high = np.quantile(drawn, [0.1, 0.9])
    fit = {
        "fitted_rate": rate, "fitted_rate_low": belief.ppf(0.025), "fitted_rate_high": belief.ppf(0.975),
        "crm_amount": row["amount"] * p0, "weighted_amount": row["amount"] * rate,
        "weighted_amount_low": low, "weighted_amount_high": high,
    }  # fmt: skip
    return fit, drawn


def _stale(part: pd.DataFrame, defaults: pd.Series) -> dict:
    crm = (part["amount"] * defaults.fillna(part["probability"]).fillna(0)).sum()
    sums = {"n_deals": len(part), "amount": part["amount"].sum(), "crm_amount": crm}
    zero = dict.fromkeys(("fitted_rate", *WEIGHTED[-3:]), 0.0)
    return dict.fromkeys(WEIGHTED, np.nan) | zero | sums | {"stage": "stale", "crm_rate": crm / sums["amount"]}


def _total(rows: list[dict], draws: np.ndarray) -> dict:
    sums = pd.DataFrame(rows)[["n_deals", "amount", "crm_amount", "weighted_amount"]].sum()
    low, high = np.quantile(draws, [0.1, 0.9])
    return dict.fromkeys(WEIGHTED, np.nan) | sums.to_dict() | {
        "stage": "total", "n_deals": int(sums["n_deals"]), "crm_rate": sums["crm_amount"] / sums["amount"],
        "fitted_rate": sums["weighted_amount"] / sums["amount"], "weighted_amount_low": low, "weighted_amount_high": high,
    }  # fmt: skip


@chart("bar", y="stage", x="weighted_amount", low="weighted_amount_low", high="weighted_amount_high", size=(9, 4.2))
def plot_weighted(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw CRM default against observed: the rates with their intervals, and the amounts they give, P10 to P90."""
    ax = ax or style.new_axes()
    rates, amounts = style.panels(ax, 1, 2, sharey=True)[0]
    stages = table[table["stage"] != "total"]
    rate_dots(rates, stages, "fitted_rate", np.arange(len(stages)), style.BLUE, say(None, "observed", "实际赢单率"))
    default = say(None, "CRM default", "CRM默认赢率")
    rates.plot(stages["crm_rate"], np.arange(len(stages)), "D", color=style.ORANGE, label=default)
    rates.set_xlabel(word("win_rate"))
    rates.legend(fontsize=8, loc="lower right")
    _plot_amounts(amounts, table)
    rates.set_yticks(np.arange(len(table)), [f"{word(row.stage)}\nn = {row.n_deals:,}" for row in table.itertuples()])
    few_rows(rates, len(table))
    for panel in (rates, amounts):
        panel.grid(axis="y", visible=False)
        panel.tick_params(axis="y", length=0)
    return rates


def _plot_amounts(ax: Axes, table: pd.DataFrame) -> None:
    places, value = np.arange(len(table)), table["weighted_amount"]
    for column, shift, colour in (("crm_amount", -0.19, style.ORANGE), ("weighted_amount", 0.19, style.BLUE)):
        ax.barh(places + shift, table[column], height=0.36, color=colour)
    spread = np.clip([value - table["weighted_amount_low"], table["weighted_amount_high"] - value], 0, None)
    ax.errorbar(value, places + 0.19, xerr=spread, fmt="none", ecolor=style.INK, capsize=3, lw=1)
    ends = np.maximum(table["crm_amount"], table["weighted_amount_high"])
    for end, place, row in zip(ends, places, table.itertuples(), strict=True):
        text, beside = (
            f"{money(row.crm_amount)}\n{money(row.weighted_amount)}",
            {"textcoords": "offset points", "va": "center"},
        )
        ax.annotate(text, (end, place), (5, 0), fontsize=8, **beside)
    ax.margins(x=0.3)
    ax.set_xlabel(say(None, "Weighted amount; whiskers: P10 to P90", "加权金额；须线为 P10–P90"))
    ax.xaxis.set_major_locator(MaxNLocator(4))
    style.money_axis(ax.xaxis)


def weighted_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Compare the worth of the open pipeline at observed rates, with P10 and P90, to that at the CRM's defaults."""
    total = table.iloc[-1]
    amount, low, high = (money(total[f"weighted_amount{end}"], lang) for end in ("", "_low", "_high"))
    excess = total["crm_amount"] / total["weighted_amount"] - 1 if total["weighted_amount"] else np.nan
    more = say(lang, "more" if excess > 0 else "less", "高出" if excess > 0 else "低")
    return say(
        lang,
        f"At observed rates the open pipeline is worth {amount} (P10–P90 {low}–{high}); CRM defaults claim {share(abs(excess))} {more}.",
        f"按实际赢单率，进行中商机价值 {amount}（P10–P90：{low}–{high}）；CRM默认赢率{more} {share(abs(excess))}。",
    )
