"""Recovery: complaints, the unhappy who must be called, and the key accounts nobody asked. (Part of satisfaction.)"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import stats, style, words
from kamlib.exhibit import chart
from kamlib.satisfaction import answered
from kamlib.tables import TOPICS

SEVERITIES = ("high", "medium", "low")
SEVERITY_COLOURS = (style.VERMILION, style.ORANGE, style.PALE)


# Complaints


def complaints_table(cases: pd.DataFrame, as_of: dt.date, *, months: int = 12) -> pd.DataFrame:
    """Complaints opened in the last `months` by topic, most first.

    One row per topic (unknown kept): topic, n_complaints, n_high, n_medium, n_low, complaint_share (sum 1), n_open,
    resolution_days (median of the closed ones), n_closed, reopened_rate (reopened ÷ closed) with its Wilson interval.
    """
    since = pd.Timestamp(as_of) - pd.DateOffset(months=months)
    rows = cases[(cases.type == "complaint") & (cases.opened_at > since)].copy()
    rows["topic"] = rows.topic.fillna("unknown")
    rows["days"] = (rows.closed_at - rows.opened_at).dt.total_seconds() / 86400
    rows["again"] = (rows.reopened.fillna(0) > 0) & rows.closed_at.notna()
    by = rows.groupby("topic")
    table = by.agg(
        n_complaints=("case_id", "size"),
        resolution_days=("days", "median"),
        n_closed=("days", "count"),
        n_again=("again", "sum"),
    )
    for severity in SEVERITIES:
        table[f"n_{severity}"] = by.severity.agg(lambda values, level=severity: (values == level).sum())
    table["complaint_share"] = table.n_complaints / table.n_complaints.sum()
    table["n_open"] = table.n_complaints - table.n_closed
    table["reopened_rate"] = table.n_again / table.n_closed.replace(0, np.nan)
    table["reopened_rate_low"], table["reopened_rate_high"] = stats.wilson(table.n_again, table.n_closed)
    table = table.sort_values(["n_complaints", "n_high"], ascending=False, kind="stable").reset_index()
    return table[_COMPLAINT_COLUMNS]


_COMPLAINT_COLUMNS = [
    "topic", "n_complaints", "complaint_share", "n_high", "n_medium", "n_low", "n_open", "n_closed",
    "resolution_days", "reopened_rate", "reopened_rate_low", "reopened_rate_high",
]  # fmt: skip


@chart("stacked_bar", y="topic", x=["n_high", "n_medium", "n_low"])
def plot_complaints(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Complaints by topic and severity; resolution time and the reopened share stand at the end of each bar."""
    ax = ax or style.new_axes()
    table = table.iloc[::-1]
    place, left = np.arange(len(table)), np.zeros(len(table))
    for severity, colour in zip(SEVERITIES, SEVERITY_COLOURS, strict=True):
        width = table[f"n_{severity}"].to_numpy()
        ax.barh(place, width, left=left, color=colour, label=words.word(severity))
        left = left + width
    for y, row in zip(place, table.itertuples(), strict=True):
        days = words.number(row.resolution_days, 1)
        text = words.say(
            None,
            f"{row.n_complaints}; {days} days; {words.share(row.reopened_rate)} reopened",
            f"{row.n_complaints}件；{days}天；重开{words.share(row.reopened_rate)}",
        )
        ax.annotate(text, (row.n_complaints, y), xytext=(5, 0), textcoords="offset points", va="center", fontsize=8)
    ax.set_yticks(place, [words.word(topic) for topic in table.topic])
    ax.set_xlim(0, table.n_complaints.max() * 1.35)
    ax.set_xlabel(
        words.say(
            None,
            "Complaints opened in the window; median days to close; share reopened",
            "期内投诉件数；处理天数中位数；重开比例",
        )
    )
    ax.legend(title=words.word("severity"), loc="lower right")
    ax.grid(axis="y", visible=False)
    return ax


def complaints_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Name the topic with most complaints, its share, and how long closing takes."""
    top, n = table.iloc[0], int(table.n_complaints.sum())
    days = words.number(top.resolution_days, 0)
    return words.say(
        lang,
        en=f"{words.word(top.topic, 'en')} brings {words.share(top.complaint_share)} of {n} complaints; half of them take more than {days} days to close.",
        zh=f"{n} 件投诉中{words.word(top.topic, 'zh')}占{words.share(top.complaint_share)}，处理天数中位数为 {days} 天。",
    )


# The closed loop


def closed_loop_table(
    surveys: pd.DataFrame,
    cases: pd.DataFrame,
    activities: pd.DataFrame,
    mart: pd.DataFrame,
    as_of: dt.date,
    *,
    days: int = 365,
) -> pd.DataFrame:
    """Whom to call: contacts whose last answer within `days` was dissatisfied (1–2) or a detractor's (0–6).

    One row per contact, those nobody called first, then by revenue: account_id, account_name, owner, contact_id, answered_at, waiting_days,
    overall, recommend, worst_topic, n_open_cases, last_contact (last activity with this person), followed_up (there was
    one since the answer), revenue (of the account, in the window), comment.
    """
    rows = answered(surveys).sort_values(["answered_at", "response_id"], kind="stable")
    rows = rows[rows.answered_at > pd.Timestamp(as_of) - pd.Timedelta(days=days)]
    rows = rows.groupby(["account_id", "contact_id"], dropna=False, as_index=False).tail(1)
    rows = rows[(rows.overall <= 2) | (rows.recommend <= 6)].copy()
    if rows.empty:
        return pd.DataFrame(columns=_LOOP_COLUMNS)
    topics = rows[list(TOPICS)].astype(float)
    rows["worst_topic"] = topics.fillna(9).idxmin(axis=1).where(topics.notna().any(axis=1))
    rows["waiting_days"] = (pd.Timestamp(as_of) - rows.answered_at).dt.days
    open_cases = cases[cases.closed_at.isna()].groupby("account_id").size()
    rows["n_open_cases"] = rows.account_id.map(open_cases).fillna(0).astype(int)
    spoken = activities.groupby("contact_id").happened_at.max().dt.normalize().rename("last_contact")
    rows = rows.merge(spoken, left_on="contact_id", right_index=True, how="left")
    rows = rows.merge(mart[["account_id", "account_name", "owner", "revenue"]], on="account_id")
    rows["followed_up"] = rows.last_contact > rows.answered_at
    return rows.sort_values(
        ["followed_up", "revenue", "account_id", "response_id"],
        ascending=[True, False, True, True],
        kind="stable",
        ignore_index=True,
    )[_LOOP_COLUMNS]


_LOOP_COLUMNS = [
    "account_id", "account_name", "owner", "contact_id", "answered_at", "waiting_days", "overall", "recommend",
    "worst_topic", "n_open_cases", "last_contact", "followed_up", "revenue", "comment",
]  # fmt: skip


@chart("bar", y="account_name", x="waiting_days", colour="followed_up", size=(8, 5))
def plot_closed_loop(table: pd.DataFrame, ax: Axes | None = None, *, top_n: int = 12) -> Axes:
    """Days since the bad answer, one bar per contact; open loops stand first and in red."""
    ax = ax or style.new_axes((8, 5))
    rows = table.head(top_n).iloc[::-1]
    place = np.arange(len(rows))
    ax.barh(place, rows.waiting_days, color=np.where(rows.followed_up, style.PALE, style.BAD))
    texts = [
        words.say(
            None,
            f"answer {r.overall:.0f}, {words.word(r.worst_topic)}, {r.owner}",
            f"{r.overall:.0f} 分，{words.word(r.worst_topic)}，{r.owner}",
        )
        for r in rows.itertuples()
    ]
    style.bar_labels(ax, texts)
    ax.set_yticks(place, rows.account_name.map(words.short))
    ax.set_xlim(0, rows.waiting_days.max() * 1.6)
    ax.set_xlabel(
        words.say(
            None,
            "Days since the answer (red: nobody has been in touch since; grey: contacted)",
            "距答复的天数（红：此后未联系；灰：已联系）",
        )
    )
    ax.grid(axis="y", visible=False)
    return ax


def closed_loop_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Say how many unhappy contacts nobody has called since, and the revenue behind them."""
    waiting = table[~table.followed_up]
    behind = words.money(waiting.drop_duplicates("account_id").revenue.sum(), lang)
    who = words.names(waiting.account_name.drop_duplicates().map(words.short).tolist(), lang)
    if waiting.empty:
        return words.say(
            lang,
            f"All {len(table)} accounts of unhappy contacts were contacted after their answer.",
            f"{len(table)} 位不满意联系人均已回访。",
        )
    return words.say(
        lang,
        en=f"{len(waiting)} of {len(table)} unhappy contacts have heard nothing since they answered; {behind} of revenue: {who}.",
        zh=f"{len(table)} 位不满意联系人中有 {len(waiting)} 位答复后无人联系，涉及收入{behind}：{who}。",
    )


# Who was asked


def cadence_table(surveys: pd.DataFrame, accounts: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """When each account of `accounts` (account_id, account_name, owner, revenue) was last asked and last answered.

    Never asked first, then the longest silence: account_id, account_name, owner, n_invited, n_answers, last_invited,
    last_answered, silent_days (as_of − last_answered; NaN when never), revenue.
    """
    by = surveys.groupby("account_id").agg(
        n_invited=("response_id", "size"),
        n_answers=("overall", "count"),
        last_invited=("invited_at", "max"),
        last_answered=("answered_at", "max"),
    )
    table = accounts[["account_id", "account_name", "owner", "revenue"]].merge(
        by, left_on="account_id", right_index=True, how="left"
    )
    table[["n_invited", "n_answers"]] = table[["n_invited", "n_answers"]].fillna(0).astype(int)
    table["silent_days"] = (pd.Timestamp(as_of) - table.last_answered).dt.days
    table = table.sort_values(
        ["n_answers", "silent_days", "account_id"], ascending=[True, False, True], kind="stable", ignore_index=True
    )
    return table[
        [
            "account_id",
            "account_name",
            "owner",
            "n_invited",
            "n_answers",
            "last_invited",
            "last_answered",
            "silent_days",
            "revenue",
        ]
    ]


@chart("bar", y="account_name", x="silent_days", size=(8, 5))
def plot_cadence(table: pd.DataFrame, ax: Axes | None = None, *, top_n: int = 15) -> Axes:
    """Days since the last answer per account; accounts that never answered are hatched to the edge."""
    ax = ax or style.new_axes((8, 5))
    rows = table.assign(never=table.silent_days.isna()).head(top_n).iloc[::-1]
    place, edge = (
        np.arange(len(rows)),
        max(table.silent_days.max() if table.silent_days.notna().any() else 0, 365) * 1.1,
    )
    bars = ax.barh(
        place,
        rows.silent_days.fillna(edge),
        color=np.where(rows.never, "white", style.BLUE),
        edgecolor=np.where(rows.never, style.BAD, style.BLUE),
    )
    for bar, never, row in zip(bars, rows.never, rows.itertuples(), strict=True):
        if never:
            bar.set_hatch("///")
        asked = words.say(
            None, f"asked {row.n_invited}×, answered {row.n_answers}×", f"邀请{row.n_invited}次，答复{row.n_answers}次"
        )
        ax.annotate(
            asked,
            (bar.get_width(), bar.get_y() + bar.get_height() / 2),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
        )
    ax.set_yticks(place, rows.account_name.map(words.short))
    ax.set_xlim(0, edge * 1.3)
    style.reference_line(ax, 180, words.say(None, "half a year", "半年"), axis="x")
    ax.set_xlabel(
        words.say(None, "Days since the last answer (hatched: never answered)", "距上次答复的天数（斜线：从未答复）")
    )
    ax.grid(axis="y", visible=False)
    return ax


def cadence_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Say how many accounts never answered, and how many were never even asked."""
    silent, never_asked = int((table.n_answers == 0).sum()), int((table.n_invited == 0).sum())
    if not silent:
        row = table.loc[table.silent_days.idxmax()]
        name, days = words.short(row.account_name), words.number(row.silent_days)
        return words.say(
            lang,
            en=f"All {len(table)} key accounts answered at least once; {name} has been silent longest, {days} days.",
            zh=f"{len(table)} 个大客户均至少答复过一次；{name}沉默最久，已 {days} 天。",
        )
    return words.say(
        lang,
        en=f"{silent} of {len(table)} key accounts never answered a survey; {never_asked} were never asked.",
        zh=f"{len(table)} 个大客户中 {silent} 个从未答复过调查，其中 {never_asked} 个从未被邀请。",
    )


def topic_actions_table(complaints: pd.DataFrame, topics: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """Who does what about each topic by when: topic, performance_mean, n_complaints, action, responsible, due.

    Topics to concentrate on are due in 30 days, the others in 90.
    """
    table = topics[["topic", "performance_mean", "quadrant"]].merge(
        complaints[["topic", "n_complaints"]], on="topic", how="left"
    )
    table["n_complaints"] = table.n_complaints.fillna(0).astype(int)
    table["action"] = [words.word(f"action_{topic}") for topic in table.topic]
    table["responsible"] = [words.word(f"responsible_{topic}") for topic in table.topic]
    wait = table.quadrant.map({"concentrate": 30}).fillna(90)
    table["due"] = pd.Timestamp(as_of) + pd.to_timedelta(wait, unit="D")
    return table.sort_values(["due", "performance_mean"], kind="stable", ignore_index=True)


def calls_table(loop: pd.DataFrame, *, most: int = 5) -> pd.DataFrame:
    """The first calls to make: of the `closed_loop_table`, accounts nobody called since their answer, once each.

    account_name, owner, worst_topic, waiting_days, revenue, comment.
    """
    waiting = loop[~loop.followed_up.astype(bool)].drop_duplicates("account_id").head(most)
    return waiting[["account_name", "owner", "worst_topic", "waiting_days", "revenue", "comment"]]
