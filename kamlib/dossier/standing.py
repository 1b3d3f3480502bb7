"""What is open with one account: its deals, what it says of us, what it does not buy yet, and the signs of leaving.
Part of notebook 10."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import style
from kamlib.churn import early_warning
from kamlib.dossier import Company
from kamlib.exhibit import chart
from kamlib.words import money, names, number, say, share, word

SHOWN = 10


def deals_table(company: Company, account_id: str) -> pd.DataFrame:
    """Return the open deals of an account, the largest first: deal_id, deal_name, stage, amount, age_days, wait_days,
    usual_days, is_slow, is_stale, next_step, next_step_due, expected_close."""
    ageing = company.of(company.open_deals, account_id)
    more = company.data.frame("deals")[["deal_id", "deal_name", "next_step", "next_step_due", "expected_close"]]
    known = [
        c
        for c in ("deal_id", "stage", "amount", "age_days", "wait_days", "usual_days", "is_slow", "is_stale")
        if c in ageing
    ]
    table = ageing[known].merge(more, on="deal_id")
    shown = ["deal_id", "deal_name", *known[1:], "next_step", "next_step_due", "expected_close"]
    return table.sort_values(["amount", "deal_id"], ascending=[False, True], na_position="last")[shown].reset_index(
        drop=True
    )


@chart("bar", y="deal_name", x="amount", label="stage", size=(8, 3.6))
def plot_deals(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the largest open deals; orange waits longer than won deals did, grey is older than any deal that ever closed."""
    ax = ax or style.new_axes(plot_deals.size)
    rows = table.head(SHOWN).iloc[::-1]
    slow, stale = (rows[name].fillna(False).astype(bool) for name in ("is_slow", "is_stale"))
    colours = np.where(stale, style.GREY, np.where(slow, style.ORANGE, style.BLUE))
    y = np.arange(len(rows))
    ax.barh(y, rows["amount"].astype(float).fillna(0), color=colours, height=0.6)
    texts = [f"{word(row.stage)} · {row.age_days:.0f} {say(None, 'days', '天')}" for row in rows.itertuples()]
    style.bar_labels(ax, texts)
    ax.set_yticks(y, [style.wrapped(str(name), 26) for name in rows["deal_name"].fillna(rows["deal_id"])])
    ax.margins(x=0.3)
    style.money_axis(ax.xaxis)
    ax.grid(axis="y", visible=False)
    return ax


def deals_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say how much is open, and how much of it waits too long or has no next step."""
    total, n = table["amount"].sum(), len(table)
    slow = table[table["is_slow"].fillna(False).astype(bool)]
    idle = int(table["next_step"].isna().sum())
    return say(
        lang,
        f"{n} open deal{'s' * (n != 1)} over {money(total, 'en')}; {len(slow)} wait{'s' * (len(slow) == 1)} longer than won deals did, {idle} without a next step.",
        f"{n} 个在谈商机，合计 {money(total, 'zh')}；{len(slow)} 个停留超过赢单商机，{idle} 个没有下一步。",
    )


def voice_table(company: Company, account_id: str) -> pd.DataFrame:
    """Return what an account said of us, wave by wave: wave, n_invited, n_answers, satisfaction_mean, recommend_mean,
    all_satisfaction_mean (of all accounts, one vote each)."""
    surveys = company.surveys
    mine = company.of(surveys, account_id)
    if mine.empty:
        return pd.DataFrame(
            columns=["wave", "n_invited", "n_answers", "satisfaction_mean", "recommend_mean", "all_satisfaction_mean"]
        )
    table = mine.groupby("wave").agg(
        n_invited=("response_id", "size"),
        n_answers=("overall", "count"),
        satisfaction_mean=("overall", "mean"),
        recommend_mean=("recommend", "mean"),
    )
    every = surveys.groupby(["wave", "account_id"])["overall"].mean().groupby("wave").mean()
    table["all_satisfaction_mean"] = every.reindex(table.index)
    return table.reset_index()


@chart("line", x="wave", y=["satisfaction_mean", "all_satisfaction_mean"], size=(8, 3.4))
def plot_voice(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the account's mean answer by wave beside that of all; the number of answers stands at each point."""
    ax = ax or style.new_axes(plot_voice.size)
    ax.plot(
        table["wave"],
        table["all_satisfaction_mean"],
        color=style.PALE,
        lw=2,
        marker="o",
        label=word("all_satisfaction_mean"),
    )
    ax.plot(
        table["wave"], table["satisfaction_mean"], color=style.BLUE, lw=2, marker="o", label=word("satisfaction_mean")
    )
    for row in table.itertuples():
        where = row.satisfaction_mean if np.isfinite(row.satisfaction_mean) else row.all_satisfaction_mean
        if np.isfinite(where):
            ax.annotate(
                f"{row.n_answers}/{row.n_invited}",
                (row.wave, where),
                (0, 7),
                textcoords="offset points",
                ha="center",
                fontsize=8,
            )
    ax.set_ylim(0.8, 5.4)
    ax.set_yticks(range(1, 6))
    ax.legend(loc="lower left", ncols=2, fontsize=8)
    return ax


def voice_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say the last answer beside that of all, and how often nobody answered."""
    answered, silent = table[table["n_answers"] > 0], int((table["n_answers"] == 0).sum())
    if answered.empty:
        return say(lang, f"Asked in {len(table)} waves, never answered.", f"{len(table)} 次调查均未答复。")
    last = answered.iloc[-1]
    return say(
        lang,
        f"{last['wave']}: {number(last['satisfaction_mean'], 1)} of 5 (n = {int(last['n_answers'])}; all accounts {number(last['all_satisfaction_mean'], 1)}); {silent} of {len(table)} waves without an answer.",
        f"{last['wave']}：{number(last['satisfaction_mean'], 1)} 分（满分 5，n = {int(last['n_answers'])}；全部客户 {number(last['all_satisfaction_mean'], 1)}）；{len(table)} 次调查中 {silent} 次未答复。",
    )


def needs_table(company: Company, account_id: str) -> pd.DataFrame:
    """Return what an account buys, asks for, and might buy: product_need, need_kind ("bought", "explicit": an open deal,
    "latent": others like it buy it), amount (of twelve months, of the deal, or of a first year if bought), n_like."""
    spend = company.of(company.spend, account_id)
    bought = spend[(spend["years_ago"] == 0) & (spend["amount"] > 0)][["product_need", "amount"]].assign(
        need_kind="bought"
    )
    deals = company.of(company.data.frame("deals"), account_id)
    asked = (
        deals[(deals["status"] == "open") & deals["product_category"].notna()]
        .groupby("product_category", as_index=False)["amount"]
        .sum()
    )
    asked = asked.rename(columns={"product_category": "product_need"}).assign(need_kind="explicit")
    latent = (
        company.of(company.whitespace, account_id).rename(columns={"value_if": "amount"}).assign(need_kind="latent")
    )
    latent = latent[latent["n_like"] > 0].nlargest(5, "likeness_share") if len(latent) else latent
    parts = [p for p in (bought, asked, latent) if len(p)]
    columns = ["product_need", "need_kind", "amount", "n_like"]
    if not parts:
        return pd.DataFrame(columns=columns)
    table = pd.concat(parts, ignore_index=True).reindex(columns=columns)
    place = table["need_kind"].map({"bought": 0, "explicit": 1, "latent": 2})
    return (
        table.assign(place=place)
        .sort_values(["place", "amount"], ascending=[True, False])[columns]
        .reset_index(drop=True)
    )


NEED_COLOURS = {"bought": style.BLUE, "explicit": style.ORANGE, "latent": style.PALE}


@chart("bar", y="product_need", x="amount", colour="need_kind", size=(8, 4))
def plot_needs(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw what is bought, asked for and possible, one bar each."""
    from matplotlib.patches import Patch

    ax = ax or style.new_axes(plot_needs.size)
    rows = table.head(14).iloc[::-1]
    y = np.arange(len(rows))
    ax.barh(y, rows["amount"].astype(float).fillna(0), color=rows["need_kind"].map(NEED_COLOURS), height=0.65)
    ax.set_yticks(y, [word(name) for name in rows["product_need"]], fontsize=9)
    style.money_axis(ax.xaxis)
    ax.set_xlim(left=0)
    ax.grid(axis="y", visible=False)
    handles = [Patch(color=colour, label=word(f"need.{kind}")) for kind, colour in NEED_COLOURS.items()]
    ax.legend(handles=handles, loc="lower right", fontsize=8)
    return ax


def needs_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say what it buys most, what it asks for, and what others like it buy."""
    kinds = {kind: table[table["need_kind"] == kind] for kind in NEED_COLOURS}

    def listed(kind: str, language: str) -> str:
        rows = kinds[kind]["product_need"].head(2)
        return names([word(n, language) for n in rows], language) if len(rows) else say(language, "nothing", "无")

    return say(
        lang,
        f"Buys most: {listed('bought', 'en')}; asks for: {listed('explicit', 'en')}; others like it also buy: {listed('latent', 'en')}.",
        f"主要采购：{listed('bought', 'zh')}；明确需求：{listed('explicit', 'zh')}；同类客户还采购：{listed('latent', 'zh')}。",
    )


def risk_table(company: Company, account_id: str) -> pd.DataFrame:
    """Return the signs of leaving that an account shows: signal, points, measured (its tables were delivered), and in every
    row risk_points, past_loss_rate of accounts with so many points with its interval, n_accounts behind it.

    Empty for an account that never bought or is lost.
    """
    columns = [
        "signal",
        "points",
        "measured",
        "risk_points",
        "past_loss_rate",
        "past_loss_rate_low",
        "past_loss_rate_high",
        "n_accounts",
    ]
    mine = company.signals[company.signals["account_id"] == account_id]
    if mine.empty:
        return pd.DataFrame(columns=columns)
    band = company.bands.set_index("band").loc[early_warning.band_of(mine).iloc[0]]
    rows = [[name, mine[name].iloc[0], bool(pd.notna(mine[name].iloc[0]))] for name in early_warning.POINTS]
    table = pd.DataFrame(rows, columns=columns[:3]).assign(risk_points=int(mine["risk_points"].iloc[0]))
    for name in columns[4:]:
        table[name] = band[name]
    return table.sort_values("points", ascending=False, kind="stable", na_position="last")[columns].reset_index(
        drop=True
    )


@chart("bar", y="signal", x="points", size=(8, 3.8))
def plot_risk(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the points of every sign; quiet ones have no bar, signs that could not be read say so."""
    ax = ax or style.new_axes(plot_risk.size)
    rows = table.iloc[::-1]
    y = np.arange(len(rows))
    ax.barh(y, rows["points"].astype(float).fillna(0), color=style.VERMILION, height=0.6)
    for at, row in zip(y, rows.itertuples(), strict=True):
        if not row.measured:
            ax.annotate(word("not_measured"), (0.05, at), va="center", fontsize=8, color=style.GREY)
    ax.set_yticks(y, [word(name) for name in rows["signal"]], fontsize=8)
    ax.set_xlim(0, max(early_warning.POINTS.values()) + 0.5)
    ax.set_xlabel(word("risk_points"))
    ax.grid(axis="y", visible=False)
    return ax


def risk_claim(table: pd.DataFrame, lang: str | None = "en") -> str:
    """Say the points, what they consist of, and how often accounts like this left."""
    row, on = table.iloc[0], table[table["points"].fillna(0) > 0]["signal"]
    rate = share(row["past_loss_rate"])
    span = f"{share(row['past_loss_rate_low'])}–{share(row['past_loss_rate_high'])}"
    n = int(row["n_accounts"])
    past_en = (
        f"of accounts with so many points {rate} left within six months (95 %: {span}, n = {n})"
        if n
        else "no past accounts with so many points"
    )
    past_zh = f"同等分数的客户六个月内流失 {rate}（95 %：{span}，n = {n}）" if n else "历史上没有同等分数的客户"
    if on.empty:
        return say(lang, f"No sign of leaving; {past_en}.", f"没有流失迹象；{past_zh}。")
    return say(
        lang,
        f"{row['risk_points']} points: {names([word(s, 'en').lower() for s in on], 'en')}; {past_en}.",
        f"{row['risk_points']} 分：{names([word(s, 'zh') for s in on], 'zh')}；{past_zh}。",
    )
