"""Tenure compared: do some kinds of customers leave earlier, and what goes with leaving, everything else equal?

Groups and covariates are facts from before the customer stayed or left (region, kind, size), never what it did later: who
has a service contract today has stayed long enough to sign one (immortal time). Below the minimum of events of
`kamlib.models.survival` nothing is compared.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy import stats as sp

from kamlib import style
from kamlib.churn.survival import YEAR_DAYS, survival_table
from kamlib.exhibit import chart
from kamlib.models import survival
from kamlib.words import number, say, share, word

MOST_COVARIATES = 6


# --- Groups --------------------------------------------------------------------------------------------------------


def groups_table(tenures: pd.DataFrame, groups: pd.Series) -> pd.DataFrame:
    """Return a Kaplan–Meier curve per group of `groups` (by account_id) and the log-rank test between them.

    Groups with fewer than ten losses are taken together as "all_others". The rows of `survival_table` with segment, and
    n_accounts, log_rank_score and log_rank_p_rate, the same in every row. Empty unless two groups have ten losses.
    """
    names = tenures["account_id"].map(groups).fillna("unknown").astype(str)
    losses = tenures["churned"].groupby(names).sum()
    large = losses.index[losses >= survival.EVENTS]
    names = names.where(names.isin(large), "all_others")
    losses = tenures["churned"].groupby(names).sum()
    kept = names.isin(losses.index[losses >= survival.EVENTS])
    rows, names = tenures[kept], names[kept]
    if names.nunique() < 2:
        return pd.DataFrame(columns=_GROUPS)
    test = survival.log_rank(rows["tenure_days"], rows["churned"], names, rows["entry_days"])
    parts = [survival_table(part).assign(segment=name, n_accounts=len(part)) for name, part in rows.groupby(names)]
    table = pd.concat(parts, ignore_index=True)
    return table.assign(log_rank_score=test["chi2"], log_rank_p_rate=test["p"])[_GROUPS]


_GROUPS = [
    "segment", "n_accounts", "tenure_days", "survival_rate", "survival_rate_low", "survival_rate_high", "n_observed",
    "n_losses", "log_rank_score", "log_rank_p_rate",
]  # fmt: skip


@chart("survival", x="tenure_days", y="survival_rate", colour="segment", size=(8.5, 4.5))
def plot_groups(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw one curve per group with its interval, and below the axis how many of each were at risk."""
    ax = ax or style.new_axes(plot_groups.size)
    ticks = np.arange(0, table["tenure_days"].max() / YEAR_DAYS + 0.01, 2)
    lines = [f"{tick:.0f}" for tick in ticks]
    for i, (name, rows) in enumerate(table.groupby("segment", sort=True)):
        colour, years = style.CYCLE[i % len(style.CYCLE)], rows["tenure_days"] / YEAR_DAYS
        ax.fill_between(
            years, rows["survival_rate_low"], rows["survival_rate_high"], step="post", color=colour, alpha=0.12, lw=0
        )
        label = say(
            None, f"{word(name)} ({rows['n_losses'].sum()} losses)", f"{word(name)}（流失 {rows['n_losses'].sum()} 个）"
        )
        ax.step(years, rows["survival_rate"], where="post", color=colour, lw=2, label=label)
        at = [
            rows["n_observed"].to_numpy()[int(np.abs(years.to_numpy() - tick).argmin())] if tick <= years.max() else 0
            for tick in ticks
        ]
        lines = [f"{line}\n{n}" for line, n in zip(lines, at, strict=True)]
    ax.set_xticks(ticks, lines, fontsize=9)
    ax.set_ylim(0, 1.02)
    ax.set_xlim(0, table["tenure_days"].max() / YEAR_DAYS * 1.01)
    style.percent_axis(ax.yaxis)
    ax.set_xlabel(
        say(
            None,
            "years as a customer; below, customers at risk, in the order of the legend",
            "成为客户的年数；下方为各组处于观察中的客户数，顺序同图例",
        )
    )
    ax.set_ylabel(say(None, "share still customers", "仍为客户的占比"))
    ax.legend(loc="upper right", fontsize=9)
    return ax


def groups_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say whether the groups differ beyond chance, and where they stand after five years or at the shortest curve's end."""
    horizon = min(5 * YEAR_DAYS, table.groupby("segment")["tenure_days"].max().min())
    at = table[table["tenure_days"] <= horizon].groupby("segment")["survival_rate"].last()
    p, losses = table["log_rank_p_rate"].iloc[0], table.groupby("segment")["n_losses"].sum()
    parts = {code: [f"{word(name, code)} {share(at[name])}" for name in at.index] for code in ("en", "zh")}
    known = "< 0.001" if p < 0.001 else f"= {number(p, 3)}"
    years = number(horizon / YEAR_DAYS, 0 if horizon == 5 * YEAR_DAYS else 1)
    return say(
        lang,
        f"After {years} years still customers: {', '.join(parts['en'])}; {'more than chance explains' if p < 0.05 else 'no difference beyond chance'} "
        f"(log-rank p {known}, {int(losses.sum())} losses).",
        f"{years} 年后仍为客户：{'、'.join(parts['zh'])}；{'差异超出偶然' if p < 0.05 else '差异未超出偶然'}（对数秩检验 p {known}，{int(losses.sum())} 次流失）。",
    )


# --- Everything else equal -----------------------------------------------------------------------------------------


def covariates(accounts: pd.DataFrame) -> pd.DataFrame:
    """Return facts on file about each account, by account_id, the most important first: the logarithm to base 2 of its
    annual revenue (a ratio per doubling), foreign (its country is not the most frequent one), and its kind against the
    most frequent kind. What nobody filled in, or what is the same for all, is left out; rows with a gap are NaN."""
    rows = accounts.set_index("account_id")
    x = pd.DataFrame(index=rows.index)
    x["doubled_revenue"] = np.log2(rows["annual_revenue"].where(rows["annual_revenue"] > 0).astype(float))
    countries, kinds = (rows[name].value_counts().index for name in ("country", "account_type"))
    if len(countries):
        x["foreign"] = (rows["country"] != countries[0]).where(rows["country"].notna()).astype(float)
    for kind in kinds[1:]:
        x[f"kind:{kind}"] = (rows["account_type"] == kind).where(rows["account_type"].notna()).astype(float)
    return x[[name for name in x if x[name].notna().mean() >= 0.5 and x[name].std() > 0]]


def hazards_table(tenures: pd.DataFrame, x: pd.DataFrame) -> pd.DataFrame:
    """Fit a Cox model with late entry on as many of the columns of `x` as ten losses each allow, in their order.

    One row per covariate: covariate, hazard_ratio with its interval, p_rate, ph_p_rate (test that the ratio is the same
    at every age), n_accounts, n_losses. Empty below ten losses, or without covariates.
    """
    rows = tenures.join(x, on="account_id")
    names = list(x.columns)[: min(int(tenures["churned"].sum()) // survival.EVENTS, MOST_COVARIATES)]
    rows = rows.dropna(subset=names)
    names = names[: int(rows["churned"].sum()) // survival.EVENTS]
    names = [name for name in names if rows.loc[rows["churned"].astype(bool), name].nunique() > 1]
    if not names:
        return pd.DataFrame(columns=_HAZARDS)
    found = survival.cox(rows["tenure_days"], rows["churned"], rows[names], rows["entry_days"])
    table = found.table.rename(columns={"p": "p_rate", "ph_p": "ph_p_rate"})
    return table.assign(n_accounts=len(rows), n_losses=found.n_events)[_HAZARDS].round(6)


_HAZARDS = [
    "covariate", "hazard_ratio", "hazard_ratio_low", "hazard_ratio_high", "p_rate", "ph_p_rate", "n_accounts", "n_losses",
]  # fmt: skip


@chart("dots", x="hazard_ratio", y="covariate", low="hazard_ratio_low", high="hazard_ratio_high", size=(8.5, 3.2))
def plot_hazards(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the hazard ratios with intervals on a logarithmic axis; right of 1 customers leave sooner."""
    ax = ax or style.new_axes(plot_hazards.size)
    at = np.arange(len(table))
    sure = (table["hazard_ratio_low"] > 1) | (table["hazard_ratio_high"] < 1)
    colours = np.where(sure, style.BLUE, style.GREY)
    ax.hlines(at, table["hazard_ratio_low"], table["hazard_ratio_high"], color=colours, lw=2)
    ax.scatter(table["hazard_ratio"], at, color=colours, s=55, zorder=3)
    ax.set_xscale("log")
    low, high = table["hazard_ratio_low"].min(), table["hazard_ratio_high"].max()
    ax.set_xlim(min(low, 0.8) / 1.1, max(high, 1.25) * 3)
    ticks = [tick for tick in (0.1, 0.2, 0.5, 1, 2, 5, 10) if ax.get_xlim()[0] <= tick <= max(high, 1.25) * 1.1]
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()
    for y, row in zip(at, table.itertuples(), strict=True):
        text = f"{row.hazard_ratio:.2f} ({row.hazard_ratio_low:.2f} – {row.hazard_ratio_high:.2f})"
        text += say(None, "; changes with age", "；随年限变化") if row.ph_p_rate < 0.05 else ""
        ax.annotate(text, (row.hazard_ratio_high, y), (6, 0), textcoords="offset points", va="center", fontsize=9)
    ax.set_yticks(at, [name_of(covariate) for covariate in table["covariate"]])
    ax.invert_yaxis()
    ax.axvline(1, color=style.GREY, lw=1, ls="--")
    ax.margins(y=0.2)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel(say(None, "hazard ratio (1 = leaves as readily as the others)", "风险比（1 = 与其他客户相同）"))
    return ax


def name_of(covariate: str, lang: str | None = None) -> str:
    """Return a covariate in words; a kind of account is the company's own word."""
    return covariate.removeprefix("kind:") if covariate.startswith("kind:") else word(covariate, lang)


def hazards_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say what goes with leaving sooner or later beyond chance, and whether hazards are proportional."""
    sure = table[(table["hazard_ratio_low"] > 1) | (table["hazard_ratio_high"] < 1)]
    n, losses = int(table["n_accounts"].iloc[0]), int(table["n_losses"].iloc[0])
    bent = table[table["ph_p_rate"] < 0.05]["covariate"]
    found = {}
    for code in ("en", "zh"):
        listed = [f"{name_of(row.covariate, code)} × {number(row.hazard_ratio, 2)}" for row in sure.itertuples()]
        found[code] = say(code, ", ", "、").join(listed)
    en = (
        f"the rate of leaving changes with {found['en']}"
        if len(sure)
        else f"none of {len(table)} facts on file changes the rate of leaving beyond chance"
    )
    zh = f"影响流失速率的有：{found['zh']}" if len(sure) else f"{len(table)} 项档案信息均未显著改变流失速率"
    en += (
        "; hazards are not proportional for " + ", ".join(name_of(c, "en") for c in bent)
        if len(bent)
        else "; hazards are proportional as far as can be seen"
    )
    zh += "；不满足比例风险：" + "、".join(name_of(c, "zh") for c in bent) if len(bent) else "；未见违反比例风险"
    return say(
        lang,
        f"Everything else equal, {en} ({n} customers, {losses} losses).",
        f"其他条件相同时，{zh}（{n} 个客户，{losses} 次流失）。",
    )


# --- By year of tenure ---------------------------------------------------------------------------------------------


def yearly_table(tenures: pd.DataFrame, *, most: int = 10, level: float = 0.95) -> pd.DataFrame:
    """Return the rate of leaving in each year of tenure: tenure_year (1 = the first), n_losses, years_mean (customer years
    under observation), hazard_rate (losses per customer year) with Garwood's exact Poisson interval. Source: Garwood (1936)."""
    rows = []
    for year in range(most):
        low, high = year * YEAR_DAYS, (year + 1) * YEAR_DAYS
        inside = tenures["tenure_days"].clip(upper=high) - tenures["entry_days"].clip(lower=low)
        seen = inside.clip(lower=0).sum() / YEAR_DAYS
        left = int((tenures["churned"] & (tenures["tenure_days"] > low) & (tenures["tenure_days"] <= high)).sum())
        if seen > 0:
            a = (1 - level) / 2
            bounds = sp.chi2.ppf(a, 2 * left) / 2 if left else 0.0, sp.chi2.ppf(1 - a, 2 * left + 2) / 2
            rows.append((year + 1, left, seen, left / seen, bounds[0] / seen, bounds[1] / seen))
    names = ["tenure_year", "n_losses", "years_mean", "hazard_rate", "hazard_rate_low", "hazard_rate_high"]
    return pd.DataFrame(rows, columns=names)
