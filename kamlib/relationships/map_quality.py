"""Map quality: how complete and how fresh is what we know of each account, and do both sides talk? (Part of relationships.)

A number of its own: coverage says whom we reach, this says whether the map can be trusted to tell.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import stats, style, words
from kamlib.exhibit import chart
from kamlib.relationships import ACTIVE_DAYS, weigh

FIELDS = ("title", "department", "role", "stance", "influence", "authority", "relationship")
FRESH_DAYS = 180


def quality_table(people: pd.DataFrame, accounts: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """Completeness and freshness of the contact map of each account, worst first.

    One row per account: account_id, account_name, owner, n_contacts, completeness_share (filled ÷ all of title, department, role,
    stance, influence, authority, declared relationship; an unknown role is not filled), n_no_authority, n_no_manager (report to
    nobody known, beyond one head), fresh_share (judged in the last 180 days), judgement_age_days (median age of the judgements), revenue.
    An account without contacts has no completeness and a freshness of 0.
    """
    filled = people[list(FIELDS)].notna()
    filled["role"] = people.role != "unknown"
    known = people.reports_to.isin(people.contact_id)
    age = (pd.Timestamp(as_of) - people.assessed_at).dt.days
    rows = people.assign(
        part=filled.mean(axis=1), no_say=people.authority.isna(), no_boss=~known, fresh=age <= FRESH_DAYS, age=age
    )
    by = rows.groupby("account_id").agg(
        n_contacts=("contact_id", "size"), completeness_share=("part", "mean"), n_no_authority=("no_say", "sum"),
        n_no_manager=("no_boss", "sum"), fresh_share=("fresh", "mean"), judgement_age_days=("age", "median"),
    )  # fmt: skip
    by["n_no_manager"] = (by.n_no_manager - 1).clip(lower=0)
    table = accounts[["account_id", "account_name", "owner", "revenue"]].merge(
        by, left_on="account_id", right_index=True, how="left"
    )
    counts = ["n_contacts", "n_no_authority", "n_no_manager"]
    table[counts] = table[counts].fillna(0).astype(int)
    table["fresh_share"] = table.fresh_share.fillna(0.0)
    worst = table.assign(score=table.completeness_share.fillna(0) + table.fresh_share)
    return worst.sort_values(
        ["score", "revenue", "account_id"], ascending=[True, False, True], kind="stable", ignore_index=True
    )[_QUALITY]


_QUALITY = [
    "account_id", "account_name", "owner", "n_contacts", "completeness_share", "n_no_authority", "n_no_manager", "fresh_share",
    "judgement_age_days", "revenue",
]  # fmt: skip


@chart("dots", y="account_name", x="completeness_share", size=(8, 4.5))
def plot_quality(table: pd.DataFrame, ax: Axes | None = None, *, top_n: int = 10) -> Axes:
    """The worst maps first: completeness as a full dot, freshness as a hollow one."""
    ax = ax or style.new_axes((8, 4.5))
    rows = table.head(top_n).iloc[::-1]
    place = np.arange(len(rows))
    ax.hlines(place, rows.fresh_share, rows.completeness_share.fillna(rows.fresh_share), color=style.PALE, lw=3)
    label = words.say(None, "complete: fields filled", "完整度：已填字段")
    ax.scatter(rows.completeness_share, place, color=style.BLUE, s=50, zorder=3, label=label)
    label = words.say(None, f"fresh: judged in the last {FRESH_DAYS} days", f"新鲜度：近{FRESH_DAYS}天内评估")
    ax.scatter(rows.fresh_share, place, facecolor="white", edgecolor=style.ORANGE, s=90, lw=2, zorder=2, label=label)
    ax.set_yticks(place, [f"{words.short(r.account_name)} (n = {r.n_contacts})" for r in rows.itertuples()])
    ax.set_xlim(-0.03, 1.05)
    style.percent_axis(ax.xaxis)
    ax.set_xlabel(words.say(None, "Share of fields and of contacts (n: contacts)", "字段与联系人占比（n：联系人数）"))
    ax.legend(fontsize=8, ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1))
    ax.grid(axis="y", visible=False)
    return ax


def quality_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """State completeness and freshness over all contacts, and how many have no known authority."""
    n, none = int(table.n_contacts.sum()), int((table.n_contacts == 0).sum())
    if not n:
        return words.say(
            lang, f"None of {len(table)} accounts has a contact on the map.", f"{len(table)} 个客户均无联系人记录。"
        )
    full, fresh = (
        (table[name].fillna(0) * table.n_contacts).sum() / n for name in ("completeness_share", "fresh_share")
    )
    silent = int(table.n_no_authority.sum())
    return words.say(
        lang,
        en=f"The map of {len(table)} accounts is {words.share(full)} complete and {words.share(fresh)} fresh; authority is unknown for {silent} of {n} contacts, {none} accounts have nobody.",
        zh=f"{len(table)} 个客户的联系人图完整度{words.share(full)}、新鲜度{words.share(fresh)}；{n} 位联系人中 {silent} 位决策权限未知，{none} 个客户没有联系人。",
    )


# How we talk


def dialogue_quality_table(
    people: pd.DataFrame, activities: pd.DataFrame, accounts: pd.DataFrame, as_of: dt.date
) -> pd.DataFrame:
    """How we talk with each account in the last 90 days; longest silence first.

    One row per account: account_id, account_name, owner, n_activities (one a day, kind, person and contact), two_way_rate with its
    Wilson interval, face_share (visits and meetings), n_channels, senior_share (activities with decision makers and approvers),
    contact_age_days (since anybody had two-way contact), is_silent (none in 90 days), revenue.
    """
    rows = weigh(activities[activities.account_id.isin(accounts.account_id)], as_of)
    two_way = rows[rows.two_way].groupby("account_id").age_days.min()
    rows = rows[rows.age_days < ACTIVE_DAYS]
    top = people[people.role.isin(["decision_maker", "approver"])].contact_id
    rows = rows.assign(face=rows.type.isin(["visit", "meeting"]), senior=rows.contact_id.isin(top))
    by = rows.groupby("account_id").agg(
        n_activities=("day", "size"), n_two_way=("two_way", "sum"), face_share=("face", "mean"), n_channels=("type", "nunique"), senior_share=("senior", "mean"),
    )  # fmt: skip
    table = accounts[["account_id", "account_name", "owner", "revenue"]].merge(
        by, left_on="account_id", right_index=True, how="left"
    )
    counts = ["n_activities", "n_two_way", "n_channels"]
    table[counts] = table[counts].fillna(0).astype(int)
    table["two_way_rate"] = table.n_two_way / table.n_activities.where(table.n_activities > 0)
    table["two_way_rate_low"], table["two_way_rate_high"] = stats.wilson(table.n_two_way, table.n_activities)
    table["contact_age_days"] = table.account_id.map(two_way).astype(float)
    table["is_silent"] = ~(table.contact_age_days < ACTIVE_DAYS)
    order = table.assign(age=table.contact_age_days.fillna(np.inf))
    return order.sort_values(
        ["age", "revenue", "account_id"], ascending=[False, False, True], kind="stable", ignore_index=True
    )[_DIALOGUE]


_DIALOGUE = [
    "account_id", "account_name", "owner", "n_activities", "two_way_rate", "two_way_rate_low", "two_way_rate_high", "face_share",
    "n_channels", "senior_share", "contact_age_days", "is_silent", "revenue",
]  # fmt: skip


def dialogue_quality_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Say how many accounts are silent and how often we are answered."""
    silent, n = int(table.is_silent.sum()), len(table)
    done = int(table.n_activities.sum())
    answered = (table.two_way_rate * table.n_activities).sum() / done if done else np.nan
    return words.say(
        lang,
        en=f"{silent} of {n} accounts had no two-way contact for {ACTIVE_DAYS} days; {words.share(answered)} of {done} activities were answered.",
        zh=f"{n} 个客户中有 {silent} 个 {ACTIVE_DAYS} 天无双向互动；{done} 次活动中{words.share(answered)}得到回应。",
    )
