"""Contact map: the organisation chart of one account, and who of us talks to whom. (Part of relationships.)"""

from __future__ import annotations

import datetime as dt

import networkx as nx
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kamlib import style, words
from kamlib.errors import InputError, suggest
from kamlib.exhibit import chart
from kamlib.relationships import ACTIVE_DAYS, weigh

STANCE_COLOUR = {-2: style.VERMILION, -1: style.ORANGE, 0: style.PALE, 1: style.SKY, 2: style.BLUE}
UNKNOWN_COLOUR = "white"


def pick_account(accounts: pd.DataFrame, wanted: str = "") -> pd.Series:
    """Return the row of `accounts` whose id or name is `wanted`; empty: the one with most revenue. InputError if none."""
    if not wanted:
        return accounts.sort_values(["revenue", "account_id"], ascending=[False, True], kind="stable").iloc[0]
    hit = accounts[(accounts.account_id == wanted) | (accounts.account_name == wanted)]
    if hit.empty:
        near = suggest(wanted, [*accounts.account_id, *accounts.account_name])
        raise InputError(
            f"account = '{wanted}' is no account's id or name.{near} Leave it empty for the largest.",
            f"account = '{wanted}' 不是任何客户的编号或名称。{near}留空则取收入最高的客户。",
        )
    return hit.iloc[0]


def org_chart_table(people: pd.DataFrame) -> pd.DataFrame:
    """Lay out who reports to whom; `people` is the `contact_table` of one account.

    One row per contact: account_name, contact_id, contact_name, title, department, role, stance, contact_age_days, reports_to,
    place_level (0 for those without a known manager), place_row (vertical place), in_cycle (the chain of managers
    comes back to the person: the link is cut and reported).
    """
    known = set(people.contact_id)
    graph = nx.DiGraph(
        [(boss, c) for c, boss in zip(people.contact_id, people.reports_to, strict=True) if boss in known]
    )
    graph.add_nodes_from(people.contact_id)
    cyclic = {node for part in nx.strongly_connected_components(graph) if len(part) > 1 for node in part} | set(
        nx.nodes_with_selfloops(graph)
    )
    graph.remove_edges_from([(a, b) for a, b in graph.edges if a in cyclic and b in cyclic])
    level, row = {}, {}
    for root in [node for node in people.contact_id if graph.in_degree(node) == 0]:
        _place(graph, root, 0, level, row)
    table = people[_SHOWN].copy()
    table["place_level"] = table.contact_id.map(level).astype(int)
    table["place_row"] = table.contact_id.map(row).astype(float)
    table["in_cycle"] = table.contact_id.isin(cyclic)
    return table.sort_values(["place_row", "place_level"], kind="stable", ignore_index=True)


_SHOWN = [
    "account_name", "contact_id", "contact_name", "title", "department", "role", "stance", "contact_age_days", "reports_to",
]  # fmt: skip


def _place(graph: nx.DiGraph, node: str, depth: int, level: dict[str, int], row: dict[str, float]) -> None:
    """Give each leaf a row of its own and every manager the middle of his people."""
    level[node] = depth
    children = list(graph.successors(node))
    for child in children:
        _place(graph, child, depth + 1, level, row)
    taken = [r for n, r in row.items() if graph.out_degree(n) == 0]
    row[node] = float(np.mean([row[c] for c in children])) if children else max(taken, default=-1.0) + 1


@chart("tree", x="place_level", y="place_row", label="contact_name", colour="stance", size=(10, 6))
def plot_org_chart(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Boxes from left to right; colour is stance, the frame says how long ago we spoke (dashed: over 90 days or never)."""
    ax = ax or style.new_axes((10, 6))
    spot = table.set_index("contact_id")
    for row in table.itertuples():
        if row.reports_to in spot.index and not row.in_cycle:
            boss = spot.loc[row.reports_to]
            middle = row.place_level - 0.5
            ax.plot(
                [boss.place_level, middle, middle, row.place_level],
                [boss.place_row] * 2 + [row.place_row] * 2,
                color=style.GREY,
                lw=1,
                zorder=1,
            )
    _boxes(ax, table)
    _unknown_managers(ax, table)
    ax.set_xlim(-0.5, table.place_level.max() + 0.5)
    ax.set_ylim(table.place_row.max() + 0.7, -0.7)
    _stance_legend(ax)
    ax.axis("off")
    return ax


def _boxes(ax: Axes, table: pd.DataFrame) -> None:
    for row in table.itertuples():
        silent = not row.contact_age_days <= ACTIVE_DAYS
        face = UNKNOWN_COLOUR if pd.isna(row.stance) else STANCE_COLOUR[int(row.stance)]
        dark = row.stance in (-2, 2)
        box = {
            "boxstyle": "round,pad=0.4",
            "facecolor": face,
            "edgecolor": style.INK,
            "linestyle": "--" if silent else "-",
            "linewidth": 1.2,
        }
        text = f"{row.contact_name} · {words.word(row.role)}\n{row.title if pd.notna(row.title) else '?'}"
        ax.text(
            row.place_level,
            row.place_row,
            text,
            ha="center",
            va="center",
            fontsize=8,
            color="white" if dark else style.INK,
            bbox=box,
            zorder=2,
        )


def _unknown_managers(ax: Axes, table: pd.DataFrame) -> None:
    """Draw a dashed empty box before everybody whose manager is recorded, but not (or no longer) among the contacts."""
    lost = table[table.reports_to.notna() & ~table.reports_to.isin(table.contact_id)]
    box = {"boxstyle": "round,pad=0.3", "facecolor": "white", "edgecolor": style.BAD, "linestyle": "--"}
    for row in lost.itertuples():
        at = (row.place_level - 0.4, row.place_row)
        ax.plot([at[0], row.place_level], [row.place_row] * 2, color=style.BAD, lw=1, ls="--", zorder=1)
        ax.text(*at, "?", ha="center", va="center", fontsize=9, color=style.BAD, bbox=box, zorder=2)


def _stance_legend(ax: Axes) -> None:
    for stance in sorted(STANCE_COLOUR, reverse=True):
        ax.scatter([], [], color=STANCE_COLOUR[stance], marker="s", s=60, label=words.word(f"stance_{stance}"))
    ax.plot(
        [],
        [],
        color=style.INK,
        ls="--",
        label=words.say(None, f"no contact for {ACTIVE_DAYS} days", f"{ACTIVE_DAYS} 天无联系"),
    )
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, 0), ncols=6, fontsize=8, handlelength=1.5)


def org_chart_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Count who is known, who is silent and what the chart cannot show."""
    silent = int((~(table.contact_age_days <= ACTIVE_DAYS)).sum())
    tops = int((table.place_level == 0).sum())
    at, known = words.short(table.account_name.iloc[0]), "one person" if len(table) == 1 else f"{len(table)} people"
    en = f"At {at} we know {known}, {silent} of them silent for {ACTIVE_DAYS} days"
    zh = f"{at}：已知 {len(table)} 人，其中 {silent} 人 {ACTIVE_DAYS} 天无联系"
    if table.in_cycle.any():
        who = table[table.in_cycle].contact_name.tolist()
        return words.say(
            lang,
            f"{en}; the reporting line of {words.names(who, lang)} runs in a circle.",
            f"{zh}；{words.names(who, lang)}的汇报关系成环。",
        )
    if tops > 1:
        return words.say(lang, f"{en}; {tops} have no known manager.", f"{zh}；{tops} 人的上级未知。")
    return words.say(lang, f"{en}.", f"{zh}。")


def dialogue_table(people: pd.DataFrame, activities: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """Who of us talks to whom at one account; `people` is its `contact_table`.

    One row per pair: account_name, person, contact_id, contact_name, department, role, stance, n_activities (one a day and kind),
    last_contact, strength (weighted, faded contacts), strength_share (of the account). Contacts nobody talks to have
    one row without a person.
    """
    rows = weigh(activities[activities.contact_id.isin(people.contact_id)], as_of)
    rows["person"] = rows.person.fillna("?")
    pairs = rows.groupby(["person", "contact_id"], as_index=False).agg(
        n_activities=("weight", "size"), last_contact=("day", "max"), strength=("weight", "sum")
    )
    table = people[["account_name", "contact_id", "contact_name", "department", "role", "stance"]].merge(
        pairs, on="contact_id", how="left"
    )
    table["n_activities"] = table.n_activities.fillna(0).astype(int)
    table["strength"] = table.strength.fillna(0.0)
    table["strength_share"] = table.strength / max(table.strength.sum(), 1e-9)
    table = table.sort_values(["strength", "contact_id"], ascending=[False, True], kind="stable", ignore_index=True)
    return table[
        [
            "account_name",
            "person",
            "contact_id",
            "contact_name",
            "department",
            "role",
            "stance",
            "n_activities",
            "last_contact",
            "strength_share",
        ]
    ]


@chart("network", x="person", y="contact_name", area="strength_share")
def plot_dialogue(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Our people at the left, theirs at the right by department; the thicker the line, the stronger the dialogue."""
    ax = ax or style.new_axes()
    ours = table.dropna(subset=["person"]).groupby("person").strength_share.sum().sort_values(ascending=False).index
    theirs = table.drop_duplicates("contact_id").sort_values(
        ["department", "contact_id"], na_position="last", kind="stable"
    )
    span = max(len(theirs) - 1, 1)
    left = {name: span * (i + 0.5) / max(len(ours), 1) for i, name in enumerate(ours)}
    right = {contact: float(i) for i, contact in enumerate(theirs.contact_id)}
    for row in table.dropna(subset=["person"]).itertuples():
        ax.plot(
            [0, 1],
            [left[row.person], right[row.contact_id]],
            color=style.GREY,
            alpha=0.6,
            lw=0.5 + 12 * row.strength_share,
            zorder=1,
        )
    _people(ax, left, theirs, right)
    ax.set_xlim(-0.5, 2.0)
    ax.set_ylim(span + 0.6, -0.6)
    _stance_legend(ax)
    ax.axis("off")
    return ax


def _people(ax: Axes, left: dict[str, float], theirs: pd.DataFrame, right: dict[str, float]) -> None:
    for name, y in left.items():
        ax.scatter(0, y, s=160, color=style.INK, zorder=2)
        ax.annotate(name, (0, y), xytext=(-10, 0), textcoords="offset points", ha="right", va="center", fontsize=9)
    for row in theirs.itertuples():
        face = UNKNOWN_COLOUR if pd.isna(row.stance) else STANCE_COLOUR[int(row.stance)]
        ax.scatter(1, right[row.contact_id], s=160, color=face, edgecolor=style.INK, zorder=2)
        text = f"{row.contact_name} · {words.word(row.role)} · {_department(row.department)}"
        ax.annotate(
            text, (1, right[row.contact_id]), xytext=(10, 0), textcoords="offset points", va="center", fontsize=9
        )


def _department(name: str) -> str:
    """A department of the shipped vocabulary in the session's language, any other as the CRM has it."""
    if pd.isna(name):
        return "?"
    return words.word(f"department_{name}") if f"department_{name}" in words.LABELS else name


def dialogue_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Name the pair that holds most of the relationship, and how many contacts nobody talks to."""
    spoken = table.dropna(subset=["person"])
    at, nobody = words.short(table.account_name.iloc[0]), int(table.person.isna().sum())
    if spoken.empty:
        return words.say(
            lang, f"At {at} no dialogue is on record ({nobody} known).", f"{at}：{nobody} 位联系人均无互动记录。"
        )
    row = spoken.iloc[0]
    part = words.share(row.strength_share)
    en = f"At {at}, {row.person} and {row.contact_name} carry {part} of the dialogue"
    zh = f"{at}：{row.person}与{row.contact_name}承担了{part}的互动"
    if nobody:
        return words.say(
            lang,
            f"{en}; none of us talks to {nobody} of the contacts.",
            f"{zh}；另有 {nobody} 位联系人无任何互动记录。",
        )
    return words.say(lang, f"{en}; every contact has one of us.", f"{zh}；每位联系人都有人维系。")
