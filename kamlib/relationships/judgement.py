"""Judgement: where do our judgements contradict what happened, and who has power and interest? (Part of relationships.)"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy.stats import rankdata

from kamlib import stats, style, words
from kamlib.exhibit import chart
from kamlib.relationships import contact_table
from kamlib.relationships.contact_map import STANCE_COLOUR

CLOSE, DISTANT = 4, 2
"""Declared relationship (1–5) from which somebody is called close, and up to which distant."""
AUTHORITY = {"approve": 1.0, "veto": 0.8, "advise": 0.5, "execute": 0.25}
"""What a say counts beside influence; unknown authority is not guessed, it leaves the power unknown."""
MIDDLE = 50.0


def contradictions_table(people: pd.DataFrame, threads: pd.DataFrame) -> pd.DataFrame:
    """Everybody whose relationship somebody declared, with what happened beside it; contradictions first, most at stake first.

    One row per contact: account_id, account_name, contact_id, contact_name, role, stance, relationship (declared, 1–5),
    strength_score (evidence), contact_age_days, contradiction (the first that holds, else none): close_silent (declared 4–5, no
    two-way contact in 90 days), often_silent (marked as met often, the same), distant_active (declared 1–2, active, in the
    upper quarter of strength), champion_silent, champion_against (a negative stance), blocker_friendly; at_stake.
    """
    table = people[people.relationship.notna()].merge(threads[["account_id", "at_stake"]], on="account_id")
    silent = ~table.is_active
    strong = table.strength_score >= table.strength_score.quantile(0.75)
    friend = table.role.isin(["champion", "coach"])
    rules = {
        "champion_against": friend & (table.stance < 0),
        "champion_silent": friend & silent,
        "close_silent": (table.relationship >= CLOSE) & silent,
        "often_silent": table.contact_state.eq("often") & silent,
        "distant_active": (table.relationship <= DISTANT) & ~silent & strong,
        "blocker_friendly": table.role.eq("blocker") & (table.stance > 0),
    }
    found = np.select([rule.fillna(False).to_numpy(bool) for rule in rules.values()], list(rules), "")
    table["contradiction"] = pd.Series(found, index=table.index, dtype=object).replace("", None)
    order = table.assign(none=table.contradiction.isna())
    order = order.sort_values(["none", "at_stake", "contact_id"], ascending=[True, False, True], kind="stable")
    return order[_CONTRADICTIONS].reset_index(drop=True)


_CONTRADICTIONS = [
    "account_id", "account_name", "contact_id", "contact_name", "role", "stance", "relationship", "strength_score",
    "contact_age_days", "contradiction", "at_stake",
]  # fmt: skip


@chart("scatter", x="relationship", y="strength_score", label="contact_name", size=(8, 5))
def plot_contradictions(table: pd.DataFrame, ax: Axes | None = None, *, top_n: int = 6) -> Axes:
    """Declared closeness against evidence; contradictions in red, the most expensive ones named."""
    ax = ax or style.new_axes((8, 5))
    ranks = table.groupby("relationship").cumcount()
    size = table.groupby("relationship").contact_id.transform("size")
    x = table.relationship + 0.5 * ((ranks + 0.5) / size - 0.5)  # side by side where many have the same
    wrong = table.contradiction.notna()
    ax.scatter(x[~wrong], table.strength_score[~wrong], color=style.PALE, s=22, label=words.say(None, "agrees", "一致"))
    ax.scatter(
        x[wrong], table.strength_score[wrong], color=style.BAD, s=26, label=words.say(None, "contradiction", "矛盾")
    )
    named = table[wrong].drop_duplicates("account_id").head(top_n)
    for place, row in enumerate(named.sort_values("strength_score").itertuples()):
        at, up = (x[row.Index], row.strength_score), 5 if place % 2 else -11
        ax.annotate(row.contact_name, at, xytext=(6, up), textcoords="offset points", fontsize=8)
    ax.set_xticks(range(1, 6))
    ax.set_xlim(0.5, 5.5)
    ax.set_xlabel(words.say(None, "Declared relationship, 1 distant … 5 close", "客情关系（自评），1 疏远 … 5 密切"))
    ax.set_ylabel(words.say(None, "Strength from evidence (strongest = 100)", "互动强度（最强者为100）"))
    ax.legend(fontsize=8, loc="upper left", ncols=2)
    return ax


def contradictions_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Count the contradictions, the commonest kind first, and say how far declared and evidence go together at all."""
    wrong, n = table[table.contradiction.notna()], len(table)
    rank, low, high = _agreement(table)
    known = np.isfinite(low)
    tail = (
        words.say(
            lang,
            f"; rank correlation of declared and evidence {rank:.2f} ({low:.2f} … {high:.2f})",
            f"；自评与互动的秩相关为 {rank:.2f}（{low:.2f} … {high:.2f}）",
        ).replace("-", "−")
        if known
        else ""
    )
    if wrong.empty:
        return words.say(
            lang,
            f"None of {n} judged contacts contradicts what happened{tail}.",
            f"{n} 位已评估联系人均与互动记录一致{tail}。",
        )
    kind = wrong.contradiction.value_counts(sort=True)
    first = kind[kind == kind.max()].index.sort_values()[0]
    return words.say(
        lang,
        en=f"{len(wrong)} of {n} judged contacts contradict what happened, most often “{words.word(first, 'en')}” ({kind.max()}){tail}.",
        zh=f"{n} 位已评估联系人中有 {len(wrong)} 位与互动记录矛盾，最常见的是“{words.word(first, 'zh')}”（{kind.max()} 位）{tail}。",
    )


def _agreement(table: pd.DataFrame, *, draws: int = 300) -> tuple[float, float, float]:
    """Rank correlation of declared and evidence with its bootstrap interval, whole accounts drawn; NaN below ten accounts."""
    if table.account_id.nunique() < 10 or table.relationship.nunique() < 2 or table.strength_score.nunique() < 2:
        return np.nan, np.nan, np.nan
    both = table[["relationship", "strength_score"]].to_numpy(float)

    def spearman(rows: np.ndarray) -> float:
        ranks = rankdata(rows, axis=0)
        return float(np.corrcoef(ranks.T)[0, 1]) if np.ptp(ranks, axis=0).all() else np.nan

    low, high = stats.bootstrap_interval(both, spearman, groups=table.account_id, n=draws)
    return spearman(both), low, high


# Power and interest


def people_before(
    contacts: pd.DataFrame, relationships: pd.DataFrame, activities: pd.DataFrame, accounts: pd.DataFrame, as_of: dt.date,
    *, days: int = 182,
) -> pd.DataFrame:  # fmt: skip
    """Return the `contact_table` as it was `days` ago: what was judged and had happened by then."""
    then = as_of - dt.timedelta(days=days)
    ties = relationships[relationships.assessed_at <= pd.Timestamp(then)]
    deeds = activities[activities.happened_at < pd.Timestamp(then) + pd.Timedelta(days=1)]
    return contact_table(contacts, ties, deeds, accounts, then)


def power_table(people: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
    """Power and interest of each judged contact, now and at an earlier date (`before`: a `contact_table` of then).

    One row per contact: account_name, contact_id, contact_name, role, stance, power_score (influence 1–5 × authority, 0–100),
    interest_score (half activity: the square root of its strength; half how far its stance is from neutral; 0–100), grid
    (manage_closely, keep_satisfied, keep_informed, monitor; unknown_power where influence or authority is not known),
    earlier_power_score, earlier_interest_score. Source: Mendelow (1981), with the scales of methods.md D.2.
    """
    table = _power(people)
    then = _power(before).set_index("contact_id")
    for name in ("power_score", "interest_score"):
        table[f"earlier_{name}"] = table.contact_id.map(then[name]).astype(float)
    strong, keen = table.power_score >= MIDDLE, table.interest_score >= MIDDLE
    choices = [table.power_score.isna(), strong & keen, strong, keen]
    table["grid"] = np.select(
        choices, ["unknown_power", "manage_closely", "keep_satisfied", "keep_informed"], "monitor"
    )
    return table.sort_values(
        ["power_score", "interest_score", "contact_id"],
        ascending=[False, False, True],
        kind="stable",
        ignore_index=True,
    )[_POWER]


_POWER = [
    "account_name", "contact_id", "contact_name", "role", "stance", "power_score", "interest_score", "grid",
    "earlier_power_score", "earlier_interest_score",
]  # fmt: skip


def _power(people: pd.DataFrame) -> pd.DataFrame:
    authority = people.authority.map(AUTHORITY).astype(float)
    power = 100 * people.influence.astype(float) / 5 * authority
    interest = 50 * np.sqrt(people.strength_score / 100) + 25 * people.stance.astype(float).abs().fillna(0)
    return people.assign(power_score=power, interest_score=interest)


@chart("scatter", x="interest_score", y="power_score", label="contact_name", colour="stance", size=(8, 5.5))
def plot_power(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Power over interest, coloured by stance, with an arrow from where the person stood half a year ago."""
    ax = ax or style.new_axes((8, 5.5))
    rows = table.dropna(subset=["power_score"])
    for row in rows.dropna(subset=["earlier_power_score"]).itertuples():
        start, end = (row.earlier_interest_score, row.earlier_power_score), (row.interest_score, row.power_score)
        if abs(end[0] - start[0]) + abs(end[1] - start[1]) > 3:
            ax.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": style.GREY, "lw": 1})
    faces = [style.PALE if pd.isna(s) else STANCE_COLOUR[int(s)] for s in rows.stance]
    ax.scatter(rows.interest_score, rows.power_score, c=faces, edgecolor=style.INK, s=80, zorder=3)
    for row in rows.itertuples():
        text = f"{row.contact_name} · {words.word(row.role)}"
        at = (row.interest_score, row.power_score)
        ax.annotate(text, at, xytext=(0, 9), textcoords="offset points", ha="center", fontsize=8, zorder=4)
    ax.axhline(MIDDLE, color=style.GREY, lw=1, ls="--")
    ax.axvline(MIDDLE, color=style.GREY, lw=1, ls="--")
    for x, y, name, ha in (
        (1, 1.02, "manage_closely", "right"),
        (0, 1.02, "keep_satisfied", "left"),
        (1, 0.02, "keep_informed", "right"),
        (0, 0.02, "monitor", "left"),
    ):
        ax.text(x, y, words.word(name), transform=ax.transAxes, ha=ha, fontsize=9, color=style.GREY)
    for stance, colour in sorted(STANCE_COLOUR.items(), reverse=True):
        ax.scatter([], [], color=colour, edgecolor=style.INK, s=50, label=words.word(f"stance_{stance}"))
    ax.legend(fontsize=8, ncols=5, loc="lower center", bbox_to_anchor=(0.5, 1.05), handletextpad=0.2)
    ax.set_xlim(-3, 103)
    ax.set_ylim(-6, 108)
    ax.set_xlabel(
        words.say(
            None,
            "Interest: activity and distance of the stance from neutral (0–100)",
            "关注度：互动与立场强度（0–100）",
        )
    )
    ax.set_ylabel(words.say(None, "Power: influence × authority (0–100)", "权力：影响力 × 决策权限（0–100）"))
    return ax


def power_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Say who must be managed closely, who of the powerful is against us or not interested, and whose power is unknown."""
    at, n = words.short(table.account_name.iloc[0]), len(table)
    unknown = int((table.grid == "unknown_power").sum())
    closely, dull = table[table.grid == "manage_closely"], table[table.grid == "keep_satisfied"]
    against = table[(table.power_score >= MIDDLE) & (table.stance < 0)]
    parts = {"en": [], "zh": []}
    for rows, en, zh in (
        (closely, "manage closely", "重点管理"), (dull, "powerful but hardly interested", "有权但关注度低"), (against, "powerful and against us", "有权且不支持"),
    ):  # fmt: skip
        if len(rows):
            for to, text in (("en", en), ("zh", zh)):
                parts[to].append(f"{text}{'：' if to == 'zh' else ': '}{words.names(rows.contact_name.tolist(), to)}")
    if unknown:
        parts["en"].append(f"power unknown: {unknown} of {n}")
        parts["zh"].append(f"权力未知：{n} 人中 {unknown} 人")
    nobody = ("nobody has power beyond the middle of the scale", "无人权力超过中线")
    return words.say(
        lang, f"{at}: {'; '.join(parts['en']) or nobody[0]}.", f"{at}：{'；'.join(parts['zh']) or nobody[1]}。"
    )
