"""Effort: who gets more of us than the tier is entitled to, who less, and is effort where the value is?

A count of visits differs from what was promised by chance alone; only beyond that (Poisson, 90 %) is an account called
over- or under-served. What a tier is entitled to stands in `kam.toml` under `service`.
"""

from __future__ import annotations

import ibis
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from scipy import stats as sp

from kamlib import style
from kamlib.exhibit import chart
from kamlib.mart.window import windows
from kamlib.segmentation.tiering import short_name
from kamlib.stats import wilson
from kamlib.words import names, number, say, share, word
from kamlib.workspace import Data, to_frame

LEVEL, CASES = 0.9, 3
"""How sure we are before we say that visits differ from the standard; answered cases from which a response time counts."""
COLOURS = {"under_served": style.VERMILION, "over_served": style.ORANGE, "as_agreed": style.BLUE, "unknown": style.GREY}
MOST_LABELS = 7


def answered(data: Data, promised: pd.Series) -> pd.DataFrame:
    """Return by account how its cases of the window were answered: response_mean (median hours), n_answered and n_answered_late (later than
    the hours `promised`, by account_id); accounts with fewer than three answered cases are left out."""
    cases = data.table("cases")
    inside = cases.filter(windows(data)[0].holds(cases.opened_at) & cases.first_response_at.notnull())
    limits = ibis.memtable(promised.rename("promised").rename_axis("account_id").reset_index(), schema={"account_id": "string", "promised": "float64"})  # fmt: skip
    hours = (inside.first_response_at.epoch_seconds() - inside.opened_at.epoch_seconds()) / 3600
    joined = inside.mutate(hours=hours).join(limits, "account_id")
    found = joined.group_by("account_id").agg(
        response_mean=joined.hours.quantile(0.5),
        n_answered=joined.count(),
        n_answered_late=(joined.hours > joined.promised).sum(),
    )
    rows = to_frame(found)
    return rows[rows["n_answered"] >= CASES].set_index("account_id")


def effort_table(data: Data, accounts: pd.DataFrame) -> pd.DataFrame:
    """Hold what each account got in the window against what its tier is entitled to, under-served first, largest on top.

    account_id, account_name, owner, tier, n_visits, standard_visits_mean (a year's, scaled to the window), response_mean and
    standard_response_mean (median hours), n_answered and n_answered_late (cases), cost_to_serve, gross_margin, effort_share and value_share (of the accounts shown: cost of
    service, or visits where it is not known; positive gross margin, or revenue), service_verdict: under_served (fewer visits than
    the standard, or most of its cases answered later than promised, beyond chance), over_served, as_agreed, unknown (no tier, no activities).
    """
    table = accounts[
        ["account_id", "account_name", "owner", "tier", "n_visits", "cost_to_serve", "gross_margin"]
    ].copy()
    service = data.settings.service
    years = data.settings.window_months / 12
    table["standard_visits_mean"] = table["tier"].map({t: s.visits * years for t, s in service.items()}).astype(float)
    table["standard_response_mean"] = table["tier"].map({t: s.response_hours for t, s in service.items()}).astype(float)
    table = table.join(answered(data, table.set_index("account_id")["standard_response_mean"]), on="account_id")
    costs = data.has("service_costs")
    value = accounts["gross_margin"] if accounts["gross_margin"].notna().any() else accounts["revenue"]
    table["effort_share"] = _shares(accounts["cost_to_serve"] if costs else accounts["n_visits"])
    table["value_share"] = _shares(value)
    table["service_verdict"] = _verdicts(table) if data.has("activities") else "unknown"
    order = table["service_verdict"].map({name: place for place, name in enumerate(COLOURS)})
    table = table.assign(order=order).sort_values(
        ["order", "value_share", "account_id"], ascending=[True, False, True], ignore_index=True
    )
    return table[[
        "account_id", "account_name", "owner", "tier", "n_visits", "standard_visits_mean", "response_mean",
        "standard_response_mean", "n_answered", "n_answered_late", "cost_to_serve", "gross_margin", "effort_share", "value_share", "service_verdict",
    ]]  # fmt: skip


def _shares(values: pd.Series) -> pd.Series:
    positive = values.astype(float).clip(lower=0)
    return positive / positive.sum() if positive.sum() > 0 else positive * np.nan


def _verdicts(table: pd.DataFrame) -> np.ndarray:
    """Compare the exact Poisson interval of the visits with the standard. Source: Garwood (1936)."""
    visits, tail = table["n_visits"].to_numpy(float), (1 - LEVEL) / 2
    low = np.where(visits > 0, sp.chi2.ppf(tail, 2 * np.maximum(visits, 1)) / 2, 0)
    high = sp.chi2.ppf(1 - tail, 2 * visits + 2) / 2
    standard = table["standard_visits_mean"]
    late = wilson(table["n_answered_late"].fillna(0), table["n_answered"].fillna(0), LEVEL)[0] > 0.5
    return np.select(
        [standard.isna(), (high < standard) | np.nan_to_num(late).astype(bool), low > standard],
        ["unknown", "under_served", "over_served"],
        "as_agreed",
    )


@chart("scatter", size=(7.5, 4.4), x="value_share", y="effort_share", colour="service_verdict", label="account_name")
def plot_effort(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw each account's share of effort over its share of value; above the line it costs more than it brings."""
    ax = ax or style.new_axes(plot_effort.size)
    table = table.dropna(subset=["effort_share", "value_share"])
    for name, part in table.groupby("service_verdict"):
        ax.scatter(part["value_share"], part["effort_share"], s=34, color=COLOURS[name], edgecolor="white", label=f"{word(name)} ({len(part)})")  # fmt: skip
    top = float(np.nanmax([table["value_share"].max(), table["effort_share"].max(), 0.01])) * 1.12
    ax.plot([0, top], [0, top], color=style.GREY, lw=1, ls="--")
    ax.set_xlim(-0.01 * top, top)
    ax.set_ylim(-0.02 * top, top)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
        style.percent_axis(axis, 0 if top > 0.05 else 1)
    if len(table):
        ax.legend(
            loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4, fontsize=8, handletextpad=0.1, columnspacing=1
        )
    else:
        ax.text(0.5, 0.5, word("insufficient_data"), ha="center", transform=ax.transAxes, color=style.GREY, fontsize=14)
    ax.set_xlabel(say(None, "Share of value (gross margin)", "价值占比（毛利）"))
    effort = word("cost_to_serve" if table["cost_to_serve"].notna().any() else "n_visits")
    ax.set_ylabel(say(None, f"Share of effort ({effort.lower()})", f"投入占比（{effort}）"))
    ax.figure.draw_without_rendering()
    told = table.loc[(table["effort_share"] - table["value_share"]).abs().nlargest(MOST_LABELS).index]
    style.label_points(
        ax, told["value_share"], told["effort_share"], [short_name(name) for name in told["account_name"]]
    )
    return ax


def effort_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Count the accounts that get less and more than their tier is entitled to, and name the most valuable that get less."""
    if (table["service_verdict"] == "unknown").all():
        return say(lang, "Cannot be said: no visits are recorded", "无法判断：没有拜访记录")
    under, over = (table[table["service_verdict"] == name] for name in ("under_served", "over_served"))
    listed = names([short_name(name) for name in under["account_name"]], lang)
    who = say(lang, f": {listed}", f"：{listed}") if len(under) else ""
    above = (table["effort_share"] - table["value_share"]).fillna(0)
    far = table.loc[above.idxmax()]
    worst = say(lang, f"; furthest out: {short_name(far['account_name'])}, {share(far['effort_share'])} of effort for {share(far['value_share'])} of value", f"；投入产出最失衡：{short_name(far['account_name'])}（投入{share(far['effort_share'])}，价值{share(far['value_share'])}）") if above.max() > 0 else ""  # fmt: skip
    worth, cost = share(under["value_share"].sum()), share(over["effort_share"].sum())
    return say(
        lang,
        f"{len(under)} of {len(table)} accounts get less than their tier is entitled to ({worth} of value){who}; {len(over)} get more ({cost} of effort){worst}",
        f"{len(table)}个客户中{len(under)}个未达服务标准（占价值{worth}）{who}；{len(over)}个超出标准（占投入{cost}）{worst}",
    )  # fmt: skip


def service_table(table: pd.DataFrame) -> pd.DataFrame:
    """Sum `effort_table` by tier: tier, n_accounts, standard_visits_mean, visits_mean, standard_response_mean, response_mean
    (median of the accounts'), n_under, n_over, accounts_per_owner_mean."""
    known = table.dropna(subset="tier")
    found = known.groupby("tier").agg(
        n_accounts=("account_id", "size"), standard_visits_mean=("standard_visits_mean", "first"),
        visits_mean=("n_visits", "mean"), standard_response_mean=("standard_response_mean", "first"),
        response_mean=("response_mean", "median"), n_under=("service_verdict", lambda s: _count(s, "under_served")),
        n_over=("service_verdict", lambda s: _count(s, "over_served")), n_owners=("owner", "nunique"),
    )  # fmt: skip
    found["accounts_per_owner_mean"] = found["n_accounts"] / found["n_owners"].where(found["n_owners"] > 0)
    return found.drop(columns="n_owners").reset_index()


def _count(verdicts: pd.Series, name: str) -> float:
    """Count a verdict; missing where none could be given."""
    return float((verdicts == name).sum()) if (verdicts != "unknown").any() else np.nan


def load_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Name the owner with the most accounts among those shown, beside the usual load."""
    load = table["owner"].value_counts()
    if load.empty:
        return say(lang, "No account has an owner", "客户均无负责人")
    return say(
        lang,
        f"Most accounts: {load.index[0]} with {load.iloc[0]}; the middle owner has {number(load.median(), 1)}",
        f"负责客户最多：{load.index[0]}（{load.iloc[0]}个）；中位数{number(load.median(), 1)}个",
    )
