"""Recovery: the unhappy who must be called, the key accounts nobody asked, and who does what. (Part of satisfaction.)"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import stats, style, words
from kamlib.exhibit import chart
from kamlib.satisfaction import FEWEST, answered
from kamlib.tables import TOPICS

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

    Those that never answered first, then the longest silence: account_id, account_name, owner, n_invited, n_answers, last_invited,
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
        ["silent_days", "account_id"], ascending=[False, True], kind="stable", na_position="first"
    )
    table = table.reset_index(drop=True)
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
    ax.axvline(180, color=style.GREY, lw=1, ls="--")
    ax.set_xlabel(
        words.say(
            None,
            "Days since the last answer (dashed: half a year; hatched: never answered)",
            "距上次答复的天数（虚线：半年；斜线：从未答复）",
        )
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


# Who does what


def topic_actions_table(
    complaints: pd.DataFrame, topics: pd.DataFrame, texts: pd.DataFrame, mart: pd.DataFrame, as_of: dt.date
) -> pd.DataFrame:
    """Everything that speaks about each topic side by side, and who does what by when.

    topic, quadrant, importance_share, performance_mean, n_complaints, n_blame (comments), measured_share (product quality: value
    returned ÷ ordered; delivery speed: late ÷ delivered orders, both in the window), action, responsible, due: in 30 days
    for topics to concentrate on, in 90 for the others.
    """
    table = topics[["topic", "quadrant", "importance_share", "performance_mean"]]
    table = table.merge(complaints[["topic", "n_complaints"]], on="topic", how="left")
    table = table.merge(texts[["topic", "n_blame"]], on="topic", how="left")
    table[["n_complaints", "n_blame"]] = table[["n_complaints", "n_blame"]].astype(float).fillna(0).astype(int)
    ordered, orders = mart.order_revenue.sum(), mart.n_orders.where(mart.late_delivery_share.notna(), 0)
    measured = {
        "product_quality": mart.returns_amount.sum() / ordered if ordered else np.nan,
        "delivery_speed": (mart.late_delivery_share * orders).sum() / orders.sum() if orders.sum() else np.nan,
    }
    table["measured_share"] = table.topic.map(measured).astype(float)
    table["action"] = [words.word(f"action_{topic}") for topic in table.topic]
    table["responsible"] = [words.word(f"responsible_{topic}") for topic in table.topic]
    wait = table.quadrant.map({"concentrate": 30}).fillna(90)
    table["due"] = pd.Timestamp(as_of) + pd.to_timedelta(wait, unit="D")
    return table.sort_values(["due", "performance_mean"], kind="stable", ignore_index=True)


def follow_up_table(surveys: pd.DataFrame, activities: pd.DataFrame, *, days: int = 60) -> pd.DataFrame:
    """Did it help to call? Contacts with a bad answer (1–3 overall) who answered again, with and without contact within `days`.

    One row per group (contacted or not): contacted, n_contacts (pairs of answers, the first bad one of each contact), before_mean,
    after_mean, change_mean with its t-interval. Low answers rise by themselves (regression to the mean), and nobody drew
    lots for who was called: compare the two rows, and call it an association.
    """
    rows = answered(surveys).dropna(subset=["contact_id"]).sort_values(["answered_at", "response_id"], kind="stable")
    after = rows.groupby("contact_id")
    rows = rows.assign(later=after.overall.shift(-1), later_at=after.answered_at.shift(-1))
    bad = rows[(rows.overall <= 3) & rows.later.notna()].drop_duplicates("contact_id")
    spoken = bad[["response_id", "contact_id", "answered_at"]].merge(
        activities[["contact_id", "happened_at"]], on="contact_id"
    )
    soon = spoken.happened_at.between(
        spoken.answered_at, spoken.answered_at + pd.Timedelta(days=days), inclusive="right"
    )
    bad = bad.assign(
        contacted=bad.response_id.isin(spoken.response_id[soon]), change=(bad.later - bad.overall).astype(float)
    )
    found = []
    for contacted, some in bad.groupby("contacted"):
        low, high = stats.mean_interval(some.change) if len(some) >= 5 else (np.nan, np.nan)
        means = {"before_mean": some.overall.mean(), "after_mean": some.later.mean(), "change_mean": some.change.mean()}
        found.append(
            {"contacted": contacted, "n_contacts": len(some), **means, "change_mean_low": low, "change_mean_high": high}
        )
    columns = [
        "contacted",
        "n_contacts",
        "before_mean",
        "after_mean",
        "change_mean",
        "change_mean_low",
        "change_mean_high",
    ]
    return pd.DataFrame(found, columns=columns)


def follow_up_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Compare those called after a bad answer with those not, or say that there are too few."""
    if len(table) < 2 or table.n_contacts.min() < FEWEST:
        n = words.say(lang, " and ", "与").join(str(k) for k in table.n_contacts) or "0"
        return words.say(
            lang,
            f"Whether calling helps cannot be said: {n} unhappy contacts answered again ({FEWEST} needed with and without a call).",
            f"回访是否有效无法判断：再次答复的不满意联系人仅 {n} 位（回访与未回访各需至少 {FEWEST} 位）。",
        )
    left, called = (
        f"{row.change_mean:+.1f} ({row.change_mean_low:+.1f} … {row.change_mean_high:+.1f}, n = {row.n_contacts})"
        for row in table.itertuples()
    )
    return words.say(
        lang,
        f"After a bad answer, satisfaction moved by {called} where somebody called within two months and {left} where nobody did.".replace(
            "-", "−"
        ),
        f"给出低分后，两个月内有人回访的变化为 {called}，无人回访的为 {left}。".replace("-", "−"),
    )


def calls_table(loop: pd.DataFrame, *, most: int = 5) -> pd.DataFrame:
    """The first calls to make: of the `closed_loop_table`, accounts nobody called since their answer, once each.

    account_name, owner, worst_topic, waiting_days, revenue, comment.
    """
    waiting = loop[~loop.followed_up.astype(bool)].drop_duplicates("account_id").head(most)
    return waiting[["account_name", "owner", "worst_topic", "waiting_days", "revenue", "comment"]]
