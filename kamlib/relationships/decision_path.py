"""Decision path: from the user to the signature, with its gaps, and which functions of the account we reach.
(Part of relationships.)"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from matplotlib.axes import Axes

from kamlib import style, words
from kamlib.exhibit import chart
from kamlib.relationships import ACTIVE_DAYS
from kamlib.relationships.contact_map import STANCE_COLOUR, UNKNOWN_COLOUR
from kamlib.tables import ROLES

PATH = ("user", "technical_buyer", "buyer", "decision_maker", "approver")
"""Those who use, judge, buy, decide and sign (Webster and Wind 1972; Miller and Heiman 1985)."""


def path_table(people: pd.DataFrame, accounts: pd.DataFrame) -> pd.DataFrame:
    """The steps of a purchase at each account, in order, and who holds them; most revenue first.

    `people` is a `contact_table`, `accounts` has account_id, account_name, revenue. One row per account and step: account_id,
    account_name, step (0 …), role, contact_name (the strongest holder), n_holders, stance, is_active, contact_age_days, state:
    covered (active, stance not negative), silent (known otherwise) or unknown (a gap).
    """
    people = people.assign(covered=people.is_active & ~(people.stance < 0))
    order = ["covered", "strength_score", "contact_id"]
    people = people.sort_values(order, ascending=[False, False, True], kind="stable")
    accounts = accounts.sort_values(["revenue", "account_id"], ascending=[False, True], kind="stable")
    steps = pd.DataFrame({"step": range(len(PATH)), "role": PATH})
    table = accounts[["account_id", "account_name"]].merge(steps, how="cross")
    best = people.drop_duplicates(["account_id", "role"]).drop(columns="account_name")
    holders = people.groupby(["account_id", "role"]).size().rename("n_holders").reset_index()
    table = table.merge(best, on=["account_id", "role"], how="left").merge(
        holders, on=["account_id", "role"], how="left"
    )
    table["n_holders"] = table.n_holders.fillna(0).astype(int)
    table["is_active"] = table.is_active.eq(True)
    table["state"] = np.select([table.n_holders == 0, table.covered.eq(True)], ["unknown", "covered"], "silent")
    return table[_PATH].astype({"stance": float, "contact_age_days": float})


_PATH = [
    "account_id", "account_name", "step", "role", "contact_name", "n_holders", "stance", "is_active", "contact_age_days", "state",
]  # fmt: skip


@chart("matrix", x="role", y="account_name", label="contact_name", size=(9, 6))
def plot_path(table: pd.DataFrame, ax: Axes | None = None, *, top_n: int = 8) -> Axes:
    """One line per account from the user to the approver: filled by stance, dashed when silent, an empty box where nobody is known."""
    ax = ax or style.new_axes((9, 6))
    accounts = list(dict.fromkeys(table.account_id))[:top_n]
    for y, account in enumerate(accounts):
        rows = table[table.account_id == account]
        ax.plot([0, len(PATH) - 1], [y, y], color=style.PALE, lw=2, zorder=1)
        for row in rows.itertuples():
            known = row.state != "unknown"
            face = UNKNOWN_COLOUR if not known or pd.isna(row.stance) else STANCE_COLOUR[int(row.stance)]
            box = {
                "boxstyle": "round,pad=0.4",
                "facecolor": face,
                "edgecolor": style.INK if known else style.BAD,
                "linestyle": "-" if row.is_active else "--",
            }
            text = row.contact_name if known else words.say(None, "unknown", "未知")
            ink = style.BAD if not known else "white" if abs(row.stance) == 2 else style.INK
            ax.text(row.step, y, text, ha="center", va="center", fontsize=8, color=ink, bbox=box, zorder=2)
    ax.set_xticks(range(len(PATH)), [words.word(role) for role in PATH])
    ax.xaxis.tick_top()
    names = table.drop_duplicates("account_id").set_index("account_id").account_name
    ax.set_yticks(range(len(accounts)), [words.short(names[account]) for account in accounts])
    ax.set_xlim(-0.5, len(PATH) - 0.5)
    ax.set_ylim(len(accounts) - 0.4, -0.6)
    en = f"Blue supports us, orange and red do not; dashed: no two-way contact in {ACTIVE_DAYS} days; red: nobody known"
    ax.set_xlabel(words.say(None, en, f"蓝色支持，橙红不支持；虚线：{ACTIVE_DAYS}天无双向互动；红框：未知"))
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    return ax


def path_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Say at how many accounts the path is known to the end and spoken to, and which step is unknown most often."""
    states = table.pivot(index="account_id", columns="role", values="state")
    n, whole = len(states), int((states == "covered").all(axis=1).sum())
    known = int((states != "unknown").all(axis=1).sum())
    missing = (states == "unknown").sum()[list(PATH)]
    worst = missing.idxmax()
    return words.say(
        lang,
        en=f"The path from user to signature is known at {known} of {n} accounts and spoken to throughout at {whole}; the {words.word(worst, 'en').lower()} is unknown at {missing.max()}.",
        zh=f"{n} 个客户中，从使用者到审批者的决策链已知的有 {known} 个，全程有互动的有 {whole} 个；{words.word(worst, 'zh')}未知的最多（{missing.max()} 个）。",
    )


# Titles and functions


@cache
def _functions() -> dict[str, list[re.Pattern]]:
    """Return the words of each function; a Latin one begins a word (up to three letters: is one), so that no "cto" is in director."""
    raw = yaml.safe_load(Path(__file__).with_name("titles.yml").read_text(encoding="utf-8"))

    def pattern(word: str) -> re.Pattern:
        if not word.isascii():
            return re.compile(re.escape(word))
        return re.compile(rf"\b{re.escape(word)}" + (r"\b" if len(word) <= 3 else ""), re.IGNORECASE)

    return {name: [pattern(word) for word in kinds] for name, kinds in raw.items()}


def _named(text: str) -> dict[str, int]:
    """Return the functions that `text` names, each with the length of its longest word in it."""
    hits = {
        name: max((len(found[0]) for kind in kinds if (found := kind.search(text))), default=0)
        for name, kinds in _functions().items()
    }
    return {name: size for name, size in hits.items() if size}


def function_of(title: str | None, department: str | None = None) -> tuple[str, float]:
    """Return (function, confidence 0–1) of a job title in Chinese or English: 1 when its words name one function only, 0.7
    when they name several (the longest word wins), 0.5 when only the department says it, ("unknown", 0) when nothing does."""
    hits = _named("" if pd.isna(title) else str(title))
    if hits:
        best = max(hits, key=lambda name: (name != "management", hits[name]))
        return best, 1.0 if len(set(hits) - {"management"}) <= 1 else 0.7
    place = "" if pd.isna(department) else str(department)
    hits = dict.fromkeys([place], 1) if place in _functions() else _named(place)
    return (max(hits, key=hits.get), 0.5) if hits else ("unknown", 0.0)


def functions_table(people: pd.DataFrame) -> pd.DataFrame:
    """Role × function matrix over all `people`: who is known, who is spoken to, how long ago.

    One row per role and function that occurs: role, function, n_contacts, n_active, contact_age_days (the shortest), confidence
    (mean of the titles read).
    """
    read = [function_of(title, department) for title, department in zip(people.title, people.department, strict=True)]
    rows = people.assign(function=[name for name, _ in read], confidence_mean=[sure for _, sure in read])
    by = rows.groupby(["role", "function"], as_index=False)
    table = by.agg(
        n_contacts=("contact_id", "size"),
        n_active=("is_active", "sum"),
        contact_age_days=("contact_age_days", "min"),
        confidence_mean=("confidence_mean", "mean"),
    )
    order = [*ROLES, "unknown"]
    return table.sort_values(
        ["role", "function"], key=lambda c: c.map(order.index) if c.name == "role" else c, ignore_index=True
    )


@chart("heatmap", y="role", x="function", size=(8.5, 5))
def plot_functions(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Share of the known that is active, by role and function of the title; in each cell active of known."""
    ax = ax or style.new_axes((8.5, 5))
    roles, functions = list(dict.fromkeys(table.role)), sorted(set(table.function), key=lambda f: (f == "unknown", f))
    share = table.assign(share=table.n_active / table.n_contacts).pivot(
        index="role", columns="function", values="share"
    )
    text = table.assign(text=[f"{a}/{n}" for a, n in zip(table.n_active, table.n_contacts, strict=True)]).pivot(
        index="role", columns="function", values="text"
    )
    share, text = (frame.reindex(index=roles, columns=functions) for frame in (share, text))
    share.columns = [f"function_{name}" for name in functions]
    style.heat_map(ax, share, text.fillna(""), low=0, high=1)
    ax.set_xlabel(
        words.say(
            None,
            "Function by job title; in the cells: active of known contacts",
            "按职务归类的职能；格内为活跃/已知联系人",
        )
    )
    return ax


def functions_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Say how many titles could not be read, and which function is reached least."""
    n = table.n_contacts.sum()
    unread = int(table[table.function == "unknown"].n_contacts.sum())
    by = table[table.function != "unknown"].groupby("function")[["n_active", "n_contacts"]].sum()
    if by.empty:
        return words.say(lang, f"No title of {n} contacts names a function.", f"{n} 位联系人的职务均无法归类。")
    worst = (by.n_active / by.n_contacts).idxmin()
    a, k = by.loc[worst]
    return words.say(
        lang,
        en=f"We reach {words.word(f'function_{worst}', 'en')} least: {a} of {k} known contacts are active; {unread} of {n} titles could not be read.",
        zh=f"{words.word(f'function_{worst}', 'zh')}触达最少：{k} 位已知联系人中 {a} 位活跃；{n} 个职务中 {unread} 个无法归类。",
    )


def unread_titles(people: pd.DataFrame) -> list[str]:
    """Return the job titles that name no function, for the dictionary `titles.yml`."""
    return sorted({title for title in people.title.dropna() if function_of(title)[0] == "unknown"})
