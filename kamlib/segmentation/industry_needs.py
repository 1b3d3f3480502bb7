"""Needs: what do customers of an industry ask of us, by rule and by what they complained about and rated low?

The rule comes first (`kam.toml`, `needs`; else what trade knows of a sector), the evidence beside it: cases by topic, and the
topic that the industry rates lowest. Where they disagree, the rule is old or the evidence thin; the count says which.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import style
from kamlib.exhibit import chart
from kamlib.mart.window import windows
from kamlib.stats import wilson
from kamlib.tables import TOPICS
from kamlib.words import names, say, share, word
from kamlib.workspace import Data

SECTORS = {
    "needs_finance": r"financ|bank|insur|securit|金融|银行|保险|证券",
    "needs_public": r"govern|public|health|hospital|educat|政府|医疗|医院|教育",
    "needs_trade": r"retail|trade|wholesale|food serv|consumer|零售|贸易|批发|消费",
    "needs_manufacturing": r"manufact|machin|equipment|robot|metal|automot|energy|electr|chemi|logist|制造|机械|设备|机器人|冶金|汽车|能源|电子|化工|机床",
}
"""What an industry is called that has the needs of a sector, asked in this order."""
LEAST = 5
"""Cases or answers of an industry from which its evidence is shown."""
MOST_SHOWN = 8


def need_of(industry: str, given: dict[str, str], lang: str | None = None) -> str:
    """Return what customers of `industry` need: as given, else as its sector does, else "" (not known)."""
    if industry in given:
        return given[industry]
    text = f"{industry} {word(industry, 'en')}".lower()
    found = next((sector for sector, name in SECTORS.items() if re.search(name, text)), "")
    return word(found, lang) if found else ""


def needs_table(data: Data, accounts: pd.DataFrame) -> pd.DataFrame:
    """Return one row per industry and topic, industries with the most revenue first: industry, topic, n_accounts,
    revenue_share, n_cases (of the window), n_complaints, topic_share (of the industry's cases) with _low and _high, rating_mean
    (1 to 5) and n_answers. Shares and ratings are missing below five cases or answers."""
    industry = accounts.set_index("account_id")["industry"].fillna("unknown")
    cases = _counted(data, industry)
    table = pd.MultiIndex.from_product([_by_revenue(accounts), TOPICS], names=["industry", "topic"]).to_frame(
        index=False
    )
    sums = accounts.assign(industry=accounts["industry"].fillna("unknown")).groupby("industry")
    table["n_accounts"] = table["industry"].map(sums.size())
    total = accounts["revenue"].sum()
    table["revenue_share"] = table["industry"].map(sums["revenue"].sum()) / (total if total > 0 else np.nan)
    table = table.merge(cases, how="left", on=["industry", "topic"]).fillna({"n_cases": 0, "n_complaints": 0})
    of = table.groupby("industry")["n_cases"].transform("sum")
    enough = of >= LEAST
    table["topic_share"] = (table["n_cases"] / of.where(of > 0)).where(enough)
    low, high = wilson(table["n_cases"], of)
    table["topic_share_low"], table["topic_share_high"] = pd.Series(low).where(enough), pd.Series(high).where(enough)
    table = table.merge(_ratings(data, industry), how="left", on=["industry", "topic"]).fillna({"n_answers": 0})
    table["rating_mean"] = table["rating_mean"].where(table["n_answers"] >= LEAST)
    return table.astype({"n_cases": int, "n_complaints": int, "n_answers": int})


def _by_revenue(accounts: pd.DataFrame) -> list[str]:
    filled = accounts.assign(industry=accounts["industry"].fillna("unknown"))
    return list(filled.groupby("industry")["revenue"].sum().sort_values(ascending=False, kind="stable").index)


def _counted(data: Data, industry: pd.Series) -> pd.DataFrame:
    cases = data.table("cases")
    inside = cases.filter(windows(data)[0].holds(cases.opened_at) & cases.topic.notnull())
    rows = inside.group_by("account_id", "topic").agg(
        n_cases=inside.count(), n_complaints=(inside.type == "complaint").sum()
    )
    frame = rows.to_pandas().assign(industry=lambda rows: rows["account_id"].map(industry)).dropna(subset="industry")
    return frame.groupby(["industry", "topic"], as_index=False)[["n_cases", "n_complaints"]].sum()


def _ratings(data: Data, industry: pd.Series) -> pd.DataFrame:
    """Return the mean rating of each topic, one vote per account, and the accounts that answered."""
    surveys = data.table("surveys")
    answered = surveys.filter(windows(data)[0].holds(surveys.answered_at))
    votes = answered.group_by("account_id").agg(**{topic: answered[topic].mean() for topic in TOPICS}).to_pandas()
    votes = votes.melt("account_id", var_name="topic", value_name="rating").dropna(subset="rating")
    votes["industry"] = votes["account_id"].map(industry)
    found = votes.groupby(["industry", "topic"], as_index=False).agg(
        rating_mean=("rating", "mean"), n_answers=("rating", "size")
    )
    return found.astype({"rating_mean": float})


def advice_table(table: pd.DataFrame, given: dict[str, str], lang: str | None = None) -> pd.DataFrame:
    """Say for each industry what it needs and what its cases and ratings say: industry, n_accounts, revenue_share, need,
    need_evidence (the most frequent topic of its cases, the lowest rated topic), recommended_action."""
    rows = []
    for industry, part in table.groupby("industry", sort=False):
        topic = part.loc[part["topic_share"].idxmax()] if part["topic_share"].notna().any() else None
        low = part.loc[part["rating_mean"].idxmin()] if part["rating_mean"].notna().any() else None
        need = need_of(industry, given, lang) or say(lang, "not stated: fill in [needs]", "未填写：请在 [needs] 中补充")
        first = part.iloc[0]
        worst = topic["topic"] if topic is not None else (low["topic"] if low is not None else "")
        action = word(f"need_{worst}", lang) if worst else word("need_ask", lang)
        rows.append(
            (industry, first["n_accounts"], first["revenue_share"], need, _evidence(topic, low, part, lang), action)
        )
    return pd.DataFrame(
        rows, columns=["industry", "n_accounts", "revenue_share", "need", "need_evidence", "recommended_action"]
    )


def _evidence(topic: pd.Series | None, low: pd.Series | None, part: pd.DataFrame, lang: str | None) -> str:
    told = []
    if topic is not None:
        n = int(part["n_cases"].sum())
        told.append(
            say(
                lang,
                f"cases: {word(topic['topic'], lang).lower()} {share(topic['topic_share'])} of {n}",
                f"工单：{word(topic['topic'], lang)}占{n}个的{share(topic['topic_share'])}",
            )
        )
    if low is not None:
        told.append(
            say(
                lang,
                f"rated lowest: {word(low['topic'], lang).lower()} {low['rating_mean']:.1f} (n = {low['n_answers']})",
                f"评分最低：{word(low['topic'], lang)}{low['rating_mean']:.1f}（n = {low['n_answers']}）",
            )
        )
    return say(lang, "; ", "；").join(told) or say(
        lang, f"too few cases and answers (under {LEAST})", f"工单和答复不足{LEAST}个"
    )


@chart("heatmap", size=(7, 3.4), x="topic", y="industry", colour="topic_share")
def plot_needs(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw which share of an industry's cases each topic has, with the cases; blank below five cases."""
    ax = ax or style.new_axes(plot_needs.size)
    order = list(dict.fromkeys(table["industry"]))[:MOST_SHOWN]
    cells = table.set_index(["industry", "topic"])
    shares, counts = (cells[name].unstack().reindex(index=order, columns=TOPICS) for name in ("topic_share", "n_cases"))
    texts = pd.DataFrame([[f"{share(v)}  ({n})" for v, n in zip(*pair, strict=True)] for pair in zip(shares.to_numpy(), counts.to_numpy(), strict=True)])  # fmt: skip
    style.heat_map(ax, shares, texts, high=max(0.6, float(np.nanmax(shares.to_numpy(), initial=0))))
    ax.xaxis.tick_top()
    return ax


def needs_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Name the topic that leads overall, and the industries whose leading topic is another beyond chance."""
    of = table.groupby("topic")["n_cases"].sum()
    n = int(of.sum())
    if n < LEAST:
        return say(lang, f"Cannot be said: {n} cases", f"无法判断：仅{n}个工单")
    top, overall = of.idxmax(), of / n
    apart = table[table["topic_share_low"] > table["topic"].map(overall)].sort_values("topic_share", ascending=False)
    listed = names(
        [
            f"{word(r.industry, lang)} ({word(r.topic, lang).lower()} {share(r.topic_share)})"
            for r in apart.itertuples()
        ],
        lang,
    )
    differ = (
        say(lang, f"; beyond chance above it: {listed}", f"；显著更高：{listed}")
        if len(apart)
        else say(lang, "; no industry differs beyond chance", "；各行业差异均在随机范围内")
    )
    return say(
        lang,
        f"{word(top, lang)} leads with {share(overall[top])} of {n} cases{differ}",
        f"{word(top, lang)}最多，占{n}个工单的{share(overall[top])}{differ}",
    )
