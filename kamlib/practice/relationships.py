"""Questions on relationships: what fades, what a thread is, and which gap to close first."""

from __future__ import annotations

import pandas as pd

from kamlib import relationships, words
from kamlib.mart import key_accounts
from kamlib.practice import Question
from kamlib.relationships import account_team
from kamlib.workspace import Data


def _people(data: Data) -> pd.DataFrame:
    frames = (data.frame(name) for name in ("contacts", "relationships", "activities"))
    return relationships.contact_table(*frames, key_accounts(data.mart), data.as_of)


def _threads(data: Data) -> pd.DataFrame:
    return relationships.threads_table(_people(data), data.frame("activities"), key_accounts(data.mart), data.as_of)


def _first_single(data: Data) -> str:
    threads = _threads(data)
    return (
        threads[threads.single_threaded].account_name.iloc[0]
        if threads.single_threaded.any()
        else threads.account_name.iloc[0]
    )


def _missing_role(data: Data) -> str:
    table = relationships.coverage_table(_people(data), key_accounts(data.mart))
    return max(relationships.REQUIRED_ROLES, key=lambda role: int((table[role] != "covered").sum()))


def _unknown_role(data: Data) -> str:
    table = relationships.coverage_table(_people(data), key_accounts(data.mart))
    return max(relationships.REQUIRED_ROLES, key=lambda role: int((table[role] == "unknown").sum()))


QUESTIONS = (
    Question(
        id="02.p1",
        answer=lambda data: 0.75,
        because=lambda data: (
            "A visit weighs 3; after two half-lives of 90 days a quarter of it is left.",
            "拜访权重为3；经过两个90天半衰期后只剩四分之一。",
        ),
        hints=(
            ("Look up in Method how much a visit weighs and how fast it fades.", "在“方法”中查拜访的权重和衰减速度。"),
            ("180 days are two half-lives.", "180天是两个半衰期。"),
            ("Halve the weight of a visit twice.", "把拜访的权重减半两次。"),
        ),
        tolerance=0.005,
        traps=(
            (
                lambda data: 1.5,
                ("That is one half-life. 180 days are more than one.", "这只经过了一个半衰期；180天不止一个。"),
            ),
            (
                lambda data: 0.0,
                (
                    "Strength fades, it does not stop: after 90 days half is left.",
                    "强度是逐渐衰减的，不会突然归零：90天后还剩一半。",
                ),
            ),
        ),
    ),
    Question(
        id="02.p2",
        answer=_first_single,
        because=lambda data: (
            f"Most money hangs on one person at {_first_single(data)}.",
            f"{_first_single(data)}依赖单一联系人且涉及金额最大。",
        ),
        hints=(
            ("Look at the chart of threads: red bars only.", "看联系线图：只看红色条。"),
            ("The longest red bar.", "最长的红色条。"),
            (
                "Filter `threads` by single_threaded and take the first row's account_name.",
                "用 single_threaded 筛选 threads，取第一行的 account_name。",
            ),
        ),
        traps=(
            (
                lambda data: (
                    _threads(data).account_name.iloc[0]
                    if _threads(data).account_name.iloc[0] != _first_single(data)
                    else None
                ),
                ("That account has most at stake, but several people hold it.", "该客户涉及金额最大，但有多人维系。"),
            ),
        ),
    ),
    Question(
        id="02.p3",
        answer=_missing_role,
        because=lambda data: (
            f"The {words.word(_missing_role(data), 'en').lower()} is covered at the fewest accounts; a silent contact covers nothing.",
            f"{words.word(_missing_role(data), 'zh')}覆盖的客户最少；沉默的联系人不算覆盖。",
        ),
        hints=(
            ("Count, for each role, the accounts where it is not covered.", "对每个角色，数一数未覆盖的客户。"),
            (
                "Both rings and crosses are gaps: known but silent is not covered.",
                "空心圈和叉都是缺口：已知但沉默不算覆盖。",
            ),
            (
                "Compare `(coverage[role] != 'covered').sum()` over the four roles; answer with the role's key.",
                "对四个角色比较 (coverage[role] != 'covered').sum()，用角色键名作答。",
            ),
        ),
        traps=(
            (
                lambda data: _unknown_role(data) if _unknown_role(data) != _missing_role(data) else None,
                (
                    "That role is unknown most often. Those who are known but silent are gaps as well.",
                    "这是“未知”最多的角色；已知但沉默的同样是缺口。",
                ),
            ),
        ),
    ),
    Question(
        id="02.p4",
        answer=lambda data: account_team.leaving_odds(24, 0.2),
        because=lambda data: (
            "He stays the first year with odds of 0.8 and the second with 0.8 again: 1 − 0.64 = 0.36.",
            "第一年留任概率0.8，第二年仍为0.8：1 − 0.64 = 0.36。",
        ),
        hints=(
            ("Ask for the odds that he is still there.", "先求他仍在职的概率。"),
            ("He must stay the first year and the second.", "他须第一年留任，第二年也留任。"),
            ("Multiply the odds of staying of both years and take them from 1.", "将两年的留任概率相乘，再用1减去。"),
        ),
        tolerance=0.005,
        traps=(
            (
                lambda data: 0.4,
                (
                    "Odds of two years do not add up: who has left cannot leave again.",
                    "两年的概率不能相加：已经离开的人不会再次离开。",
                ),
            ),
            (lambda data: 0.2, ("That is one year.", "这只是一年的概率。")),
        ),
    ),
)
