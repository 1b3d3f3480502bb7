"""Relationships: whom do we know at each account, how well, and what do we lose when one person leaves?

Strength comes from evidence, not from what somebody declared: every contact counts by its kind, half as much when it
was one-way, and fades with a half-life of 90 days (methods.md D.2).
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import style, words
from kamlib.exhibit import chart

TYPE_WEIGHT = {"visit": 3.0, "meeting": 2.5, "call": 1.5, "mail": 1.0, "chat": 1.0}
ONE_WAY = 0.5
HALF_LIFE_DAYS = 90
ACTIVE_DAYS = 90
SINGLE_SHARE = 0.7
REQUIRED_ROLES = ("decision_maker", "champion", "user", "technical_buyer")


def contact_table(
    contacts: pd.DataFrame,
    relationships: pd.DataFrame,
    activities: pd.DataFrame,
    accounts: pd.DataFrame,
    as_of: dt.date,
) -> pd.DataFrame:
    """Everybody we know at `accounts` (account_id, account_name) who has not left.

    One row per contact: account_id, account_name, contact_id, contact_name, title, department, reports_to; role, stance,
    influence, authority, relationship, contact_state and assessed_at of the latest assessment (of the account before that of
    a single deal where both are of one day); last_contact, contact_age_days, is_active (two-way
    contact in the last 90 days), evidence (weighted, faded contacts) and strength_score (evidence as a percentage of
    the strongest in this table).
    """
    here = contacts[contacts.left_at.isna()].merge(accounts[["account_id", "account_name"]], on="account_id")
    table = (
        here[_PERSON]
        .merge(latest_assessment(relationships)[_ASSESSED], on="contact_id", how="left")
        .merge(_evidence(activities, as_of), on="contact_id", how="left")
    )
    table["role"] = table.role.fillna("unknown")
    table["is_active"] = table.is_active.eq(True)
    table["evidence"] = table.evidence.fillna(0.0)
    strongest = table.evidence.max() if len(table) else 0
    table["strength_score"] = 100 * table.evidence / strongest if strongest else 0.0
    return table.sort_values(
        ["account_id", "strength_score", "contact_id"], ascending=[True, False, True], kind="stable", ignore_index=True
    )


_PERSON = ["account_id", "account_name", "contact_id", "contact_name", "title", "department", "reports_to"]
_ASSESSED = ["contact_id", "role", "stance", "influence", "authority", "relationship", "contact_state", "assessed_at"]


def latest_assessment(relationships: pd.DataFrame) -> pd.DataFrame:
    """Return the latest assessment of each contact; of one day, that of the account counts before that of a deal."""
    rows = relationships.assign(general=relationships.deal_id.isna())
    rows = rows.sort_values(["assessed_at", "general", "deal_id", "contact_id"], na_position="first", kind="stable")
    return rows.groupby("contact_id").tail(1).drop(columns="general")


def weigh(activities: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """Return the activities with age_days and weight; the same kind of contact with one person on one day counts once."""
    table = activities.dropna(subset=["contact_id"]).copy()
    table["day"] = table.happened_at.dt.normalize()
    table["two_way"] = table.two_way.eq(True)
    table = table.sort_values("two_way", kind="stable").drop_duplicates(
        ["contact_id", "person", "day", "type"], keep="last"
    )
    table["age_days"] = (pd.Timestamp(as_of) - table.day).dt.days
    table["weight"] = (
        table.type.map(TYPE_WEIGHT).astype(float)
        * np.where(table.two_way, 1.0, ONE_WAY)
        * 0.5 ** (table.age_days / HALF_LIFE_DAYS)
    )
    return table


def _evidence(activities: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    rows = weigh(activities, as_of)
    rows["recent"] = rows.two_way & (rows.age_days < ACTIVE_DAYS)
    by = rows.groupby("contact_id")
    table = by.agg(last_contact=("day", "max"), is_active=("recent", "any"), evidence=("weight", "sum")).reset_index()
    table["contact_age_days"] = (pd.Timestamp(as_of) - table.last_contact).dt.days
    return table


# Coverage of the roles that decide


def coverage_table(people: pd.DataFrame, accounts: pd.DataFrame, goals: dict[str, int] | None = None) -> pd.DataFrame:
    """Which required roles are covered at each account, largest revenue first.

    `people` is a `contact_table`, `accounts` has account_id, account_name, revenue. One row per account: account_id,
    account_name, owner, one column per required role ("covered": as many as `goals` asks are active and of a stance that
    is not negative; "silent": known, but not covered; "unknown"), covered_share (covered ÷ required), revenue.
    """
    people = people.assign(covered=people.is_active & ~(people.stance < 0))
    table = accounts[["account_id", "account_name", "owner", "revenue"]].copy()
    for role in REQUIRED_ROLES:
        enough = people[people.role == role].groupby("account_id").covered.sum() >= (goals or {}).get(role, 1)
        state = enough.map({True: "covered", False: "silent"})
        table[role] = table.account_id.map(state).astype(object).fillna("unknown")
    table["covered_share"] = (table[list(REQUIRED_ROLES)] == "covered").mean(axis=1)
    table = table.sort_values(["revenue", "account_id"], ascending=[False, True], kind="stable", ignore_index=True)
    return table[["account_id", "account_name", "owner", *REQUIRED_ROLES, "covered_share", "revenue"]]


@chart("matrix", y="account_name", x=list(REQUIRED_ROLES), size=(8, 6))
def plot_coverage(table: pd.DataFrame, ax: Axes | None = None, *, top_n: int = 15) -> Axes:
    """Accounts by required role: filled where covered, ringed where known but silent, empty where nobody is known."""
    ax = ax or style.new_axes((8, 6))
    rows = table.head(top_n).iloc[::-1]
    marks = {
        "covered": ("o", style.BLUE, style.BLUE),
        "silent": ("o", "white", style.ORANGE),
        "unknown": ("x", style.GREY, style.GREY),
    }
    for x, role in enumerate(REQUIRED_ROLES):
        for state, (marker, face, edge) in marks.items():
            y = np.flatnonzero((rows[role] == state).to_numpy())
            label = words.word(f"role_{state}") if x == 0 else None
            options = {"color": face} if marker == "x" else {"facecolor": face, "edgecolor": edge}
            ax.scatter(
                np.full(len(y), x),
                y,
                marker=marker,
                s=150 if marker == "o" else 50,
                linewidths=2,
                label=label,
                **options,
            )
    ax.set_xticks(range(len(REQUIRED_ROLES)), [words.word(role) for role in REQUIRED_ROLES])
    ax.set_yticks(range(len(rows)), rows.account_name.map(words.short))
    ax.set_xlim(-0.5, len(REQUIRED_ROLES) - 0.5)
    for y, share in enumerate(rows.covered_share):
        ax.text(1.01, y, words.share(share), transform=ax.get_yaxis_transform(), va="center", fontsize=9)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, fontsize=9)
    return ax


def coverage_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Say at how many accounts all required roles are covered, and which role is missing most often."""
    full, n = int((table.covered_share == 1).sum()), len(table)
    missing = {role: int((table[role] != "covered").sum()) for role in REQUIRED_ROLES}
    role = max(missing, key=missing.get)
    if full == n:
        return words.say(
            lang, f"All four deciding roles are covered at all {n} accounts.", f"{n} 个客户的四类关键角色均已覆盖。"
        )
    return words.say(
        lang,
        en=f"All four deciding roles are covered at {full} of {n} accounts; the {words.word(role, 'en').lower()} is missing at {missing[role]}.",
        zh=f"{n} 个客户中只有 {full} 个覆盖了全部四类关键角色；{words.word(role, 'zh')}缺口最多（{missing[role]} 个）。",
    )


# Threads


def threads_table(people: pd.DataFrame, activities: pd.DataFrame, mart: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """How many living dialogues hold each account, and what hangs on them; most at stake first.

    One row per account of `mart`: account_id, account_name, owner, n_contacts, n_active, n_roles, n_departments (of the
    active), top_contact, top_contact_share (of evidence), concentration_index (sum of squared shares), single_threaded (at
    most one active contact, or one holds over 70 %); on our side n_ours (people with two-way contact in the last 90 days),
    own_top_share, own_concentration_index, single_owner (at most one of us); revenue, weighted_pipeline, at_stake (their sum).
    """
    table = mart[["account_id", "account_name", "owner", "revenue", "weighted_pipeline"]].copy()
    active = people[people.is_active]
    total = people.groupby("account_id").evidence.transform("sum")
    shares = people.assign(part=people.evidence / total.where(total > 0))
    strongest = (
        shares.sort_values(["part", "contact_id"], ascending=[False, True], kind="stable")
        .drop_duplicates("account_id")
        .set_index("account_id")
    )
    rows = weigh(activities, as_of)
    ours = rows.groupby(["account_id", "person"]).weight.sum()
    part = ours / ours.groupby("account_id").transform("sum")
    own = part.groupby("account_id").max()
    recent = rows[rows.two_way & (rows.age_days < ACTIVE_DAYS)]
    counts = {
        "n_contacts": people.groupby("account_id").size(),
        "n_active": active.groupby("account_id").size(),
        "n_roles": active[active.role != "unknown"].groupby("account_id").role.nunique(),
        "n_departments": active.groupby("account_id").department.nunique(),
        "n_ours": recent.groupby("account_id").person.nunique(),
    }
    for name, values in counts.items():
        table[name] = table.account_id.map(values).fillna(0).astype(int)
    table["top_contact"] = table.account_id.map(strongest.contact_name)
    table["top_contact_share"] = table.account_id.map(strongest.part).astype(float)
    table["concentration_index"] = table.account_id.map(
        (shares.part**2).groupby(shares.account_id).sum(min_count=1)
    ).astype(float)
    table["own_top_share"] = table.account_id.map(own).astype(float)
    table["own_concentration_index"] = table.account_id.map((part**2).groupby("account_id").sum()).astype(float)
    table["single_owner"] = table.n_ours <= 1
    table["single_threaded"] = (table.n_active <= 1) | (table.top_contact_share > SINGLE_SHARE)
    table["at_stake"] = table.revenue.fillna(0) + table.weighted_pipeline.fillna(0)
    return table.sort_values(["at_stake", "account_id"], ascending=[False, True], kind="stable", ignore_index=True)[
        _THREAD_COLUMNS
    ]


_THREAD_COLUMNS = [
    "account_id", "account_name", "owner", "n_contacts", "n_active", "n_roles", "n_departments", "top_contact",
    "top_contact_share", "concentration_index", "single_threaded", "n_ours", "own_top_share", "own_concentration_index",
    "single_owner", "revenue", "weighted_pipeline", "at_stake",
]  # fmt: skip


@chart("bar", y="account_name", x="at_stake", colour="single_threaded", size=(8, 6))
def plot_threads(table: pd.DataFrame, ax: Axes | None = None, *, top_n: int = 15) -> Axes:
    """What hangs on each account, single-threaded ones in red, with the number of active contacts at the end."""
    ax = ax or style.new_axes((8, 6))
    rows = table.head(top_n).iloc[::-1]
    place = np.arange(len(rows))  # two accounts may share a name
    ax.barh(place, rows.at_stake, color=np.where(rows.single_threaded, style.BAD, style.PALE))
    ax.set_yticks(place, rows.account_name.map(words.short))
    texts = [
        words.say(
            None,
            f"theirs {r.n_active}, top {words.share(r.top_contact_share)}; ours {r.n_ours}, top {words.share(r.own_top_share)}",
            f"客户 {r.n_active} 人，最强 {words.share(r.top_contact_share)}；我方 {r.n_ours} 人，最强 {words.share(r.own_top_share)}",
        )
        for r in rows.itertuples()
    ]
    style.bar_labels(ax, texts)
    ax.set_xlim(0, max(rows.at_stake.max(), 1) * 1.6)
    style.money_axis(ax.xaxis)
    ax.set_xlabel(
        words.say(
            None,
            "Revenue of the window and weighted pipeline (red: single-threaded)",
            "期内收入与加权管道（红：单线联系）",
        )
    )
    ax.grid(axis="y", visible=False)
    return ax


def threads_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Say how many accounts hang on one person, and how much money that is."""
    single = table[table.single_threaded]
    stake, of = (
        words.money(single.at_stake.sum(), lang),
        words.share(single.at_stake.sum() / max(table.at_stake.sum(), 1e-9)),
    )
    ours = int(table.single_owner.sum())
    return words.say(
        lang,
        en=f"{len(single)} of {len(table)} accounts hang on one contact: {stake} of revenue and pipeline ({of}); {ours} hang on one of us.",
        zh=f"{len(table)} 个客户中有 {len(single)} 个依赖单一联系人，涉及收入与管道{stake}（{of}）；{ours} 个依赖我方单一人员。",
    )
