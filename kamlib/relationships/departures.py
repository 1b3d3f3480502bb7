"""Departures: whose leaving would hurt most, and who has left already? (Part of relationships.)"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import style, words
from kamlib.exhibit import chart
from kamlib.relationships import REQUIRED_ROLES


def departure_table(people: pd.DataFrame, threads: pd.DataFrame) -> pd.DataFrame:
    """For each account the one contact whose departure would hurt most.

    Each active contact is taken out in turn: which required roles nobody else covers, and how many active contacts
    remain. The worst is the one that opens most gaps, then the strongest. One row per account that would lose a
    required role or its second-last thread: account_id, account_name, owner, contact_id, contact_name, title, role,
    strength_share, n_roles_lost, roles_lost, n_active_after, revenue, weighted_pipeline, at_stake; most at stake first.
    """
    active = people[people.is_active].copy()
    total = people.groupby("account_id").evidence.transform("sum")
    active["strength_share"] = active.evidence / total[active.index]
    ok = active[~(active.stance < 0)]
    holders = ok[ok.role.isin(REQUIRED_ROLES)].groupby(["account_id", "role"]).contact_id.agg(list)
    only = {(account, ids[0]): [] for (account, _), ids in holders.items() if len(ids) == 1}
    for (account, role), ids in holders.items():
        if len(ids) == 1:
            only[account, ids[0]].append(role)
    lost = [only.get(pair, []) for pair in zip(active.account_id, active.contact_id, strict=True)]
    active["n_roles_lost"] = np.array([len(roles) for roles in lost], dtype=int)
    active["roles_lost"] = [",".join(roles) for roles in lost]
    active["n_active_after"] = active.groupby("account_id").contact_id.transform("size") - 1
    hurt = active[(active.n_roles_lost > 0) | (active.n_active_after <= 1)]
    hurt = hurt.sort_values(
        ["n_roles_lost", "evidence", "contact_id"], ascending=[False, False, True], kind="stable"
    ).drop_duplicates("account_id")
    table = hurt.merge(threads[["account_id", "owner", "revenue", "weighted_pipeline", "at_stake"]], on="account_id")
    return table.sort_values(["at_stake", "account_id"], ascending=[False, True], kind="stable", ignore_index=True)[
        _DEPARTURE_COLUMNS
    ]


_DEPARTURE_COLUMNS = [
    "account_id", "account_name", "owner", "contact_id", "contact_name", "title", "role", "strength_share", "n_roles_lost",
    "roles_lost", "n_active_after", "revenue", "weighted_pipeline", "at_stake",
]  # fmt: skip


@chart("bar", y="account_name", x="at_stake", label="contact_name", size=(8, 6))
def plot_departure(table: pd.DataFrame, ax: Axes | None = None, *, top_n: int = 12) -> Axes:
    """Money that would hang in the air, with the person and the roles that would be vacant."""
    ax = ax or style.new_axes((8, 6))
    rows = table.head(top_n).iloc[::-1]
    place = np.arange(len(rows))  # two accounts may share a name
    ax.barh(place, rows.at_stake, color=np.where(rows.n_active_after <= 1, style.BAD, style.ORANGE))
    ax.set_yticks(place, rows.account_name.map(words.short))
    texts = []
    for row in rows.itertuples():
        gone = words.say(None, ", ", "、").join(words.word(role) for role in row.roles_lost.split(",") if role)
        texts.append(f"{row.contact_name}: {gone or words.word(row.role)}")
    style.bar_labels(ax, texts)
    ax.set_xlim(0, rows.at_stake.max() * 1.7)
    style.money_axis(ax.xaxis)
    ax.set_xlabel(
        words.say(
            None,
            "Revenue and weighted pipeline (red: at most one active contact would remain)",
            "收入与加权管道（红：离开后最多剩一位活跃联系人）",
        )
    )
    ax.grid(axis="y", visible=False)
    return ax


def departure_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Name the person whose departure would put most money at risk."""
    row = table.iloc[0]
    return words.say(
        lang,
        en=f"At {len(table)} accounts one departure opens a gap; {row.contact_name} of {words.short(row.account_name)} holds {words.money(row.at_stake, lang)}.",
        zh=f"{len(table)} 个客户会因一人离开出现缺口；{words.short(row.account_name)}的{row.contact_name}牵动{words.money(row.at_stake, lang)}。",
    )


def left_table(
    contacts: pd.DataFrame, relationships: pd.DataFrame, threads: pd.DataFrame, as_of: dt.date, *, days: int = 365
) -> pd.DataFrame:
    """Contacts of the accounts in `threads` who left within `days`, most at stake first.

    account_id, account_name, owner, contact_name, title, role (as last assessed), left_at, n_active (contacts active
    now), single_threaded, at_stake.
    """
    latest = (
        relationships.sort_values(["assessed_at", "contact_id"], na_position="first", kind="stable")
        .groupby("contact_id")
        .tail(1)
    )
    gone = contacts[contacts.left_at > pd.Timestamp(as_of) - pd.Timedelta(days=days)].merge(
        latest[["contact_id", "role"]], on="contact_id", how="left"
    )
    gone["role"] = gone.role.fillna("unknown")
    table = gone.merge(
        threads[["account_id", "account_name", "owner", "n_active", "single_threaded", "at_stake"]], on="account_id"
    )
    columns = [
        "account_id",
        "account_name",
        "owner",
        "contact_name",
        "title",
        "role",
        "left_at",
        "n_active",
        "single_threaded",
        "at_stake",
    ]
    return table.sort_values(["at_stake", "contact_id"], ascending=[False, True], kind="stable", ignore_index=True)[
        columns
    ]


@chart("bar", y="account_name", x="at_stake", label="contact_name")
def plot_left(table: pd.DataFrame, ax: Axes | None = None, *, top_n: int = 10) -> Axes:
    """What hangs on the accounts that lost a contact, with who left, in which role and when."""
    ax = ax or style.new_axes()
    rows = table.head(top_n).iloc[::-1]
    place = np.arange(len(rows))
    ax.barh(place, rows.at_stake, color=np.where(rows.single_threaded, style.BAD, style.PALE))
    style.bar_labels(
        ax, [f"{row.contact_name}, {words.word(row.role)}, {row.left_at:%Y-%m-%d}" for row in rows.itertuples()]
    )
    ax.set_yticks(place, rows.account_name.map(words.short))
    ax.set_xlim(0, rows.at_stake.max() * 1.6)
    style.money_axis(ax.xaxis)
    ax.set_xlabel(
        words.say(
            None, "Revenue and weighted pipeline (red: single-threaded now)", "收入与加权管道（红：目前为单线联系）"
        )
    )
    ax.grid(axis="y", visible=False)
    return ax


def left_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Say how many contacts left, and where that leaves us with a single thread."""
    bare = table[table.single_threaded]
    if bare.empty:
        return words.say(
            lang,
            f"{len(table)} contacts left; every account concerned still has several threads.",
            f"{len(table)} 位联系人离职，相关客户均仍有多条联系线。",
        )
    row = bare.iloc[0]
    lost = {"en": "a contact", "zh": "一位联系人"}
    if row.role != "unknown":
        lost = {"en": f"its {words.word(row.role, 'en')}", "zh": words.word(row.role, "zh")}
    return words.say(
        lang,
        en=f"{len(table)} contacts left; {words.short(row.account_name)} lost {lost['en'].lower()} and has {row.n_active or 'no'} active contact left.",
        zh=f"{len(table)} 位联系人离职；{words.short(row.account_name)}失去{lost['zh']}，目前仅剩 {row.n_active} 位活跃联系人。",
    )


def widening_table(
    threads: pd.DataFrame, coverage: pd.DataFrame, as_of: dt.date, *, most: int = 5, days: int = 30
) -> pd.DataFrame:
    """Whom to widen first: the `most` single-threaded accounts with most at stake.

    account_name, owner, n_active, roles_missing (required roles not covered), at_stake, action, due (`days` on).
    """
    table = (
        threads[threads.single_threaded].head(most).merge(coverage[["account_id", *REQUIRED_ROLES]], on="account_id")
    )
    gaps = [[role for role in REQUIRED_ROLES if row[role] != "covered"] for _, row in table.iterrows()]
    table["roles_missing"] = [words.say(None, ", ", "、").join(words.word(role) for role in roles) for roles in gaps]
    table["action"] = words.say(None, "Arrange a second contact in a missing role", "在缺口角色中建立第二联系人")
    table["due"] = pd.Timestamp(as_of) + pd.Timedelta(days=days)
    return table[["account_name", "owner", "n_active", "roles_missing", "at_stake", "action", "due"]]
