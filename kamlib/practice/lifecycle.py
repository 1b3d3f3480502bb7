"""Questions on the lifecycle: what becomes of the dormant, where a threshold lies, what January says, whom to call."""

from __future__ import annotations

import numpy as np
import pandas as pd

from kamlib import lifecycle
from kamlib.lifecycle import journey, next_orders, rhythm
from kamlib.models.bgnbd import BgNbd
from kamlib.practice import Question
from kamlib.words import number, share
from kamlib.workspace import Data

TYPICAL = (0.243, 4.414, 0.793, 2.426)
"""BG/NBD of CDNOW, in weeks: Fader, Hardie and Lee (2005)."""
GAPS = (40, 60, 80, 100, 120)
"""Days between the orders of the account of question 2."""


def _facts(data: Data) -> tuple:
    return data.order_days, data.as_of, data.settings, data.frame("accounts"), data.frame("contracts")


def _dormant_moves(data: Data) -> pd.Series:
    known = lifecycle.silences(*_facts(data))
    spells = lifecycle.spells(known, data.as_of, data.settings, data.frame("accounts"))
    moves = journey.transition_table(spells, data.as_of)
    return moves[moves["state_from"] == "dormant"].set_index("state_to")["transition_rate"]


def _lost_rate(data: Data) -> float:
    return float(_dormant_moves(data).get("churned", 0.0))


def _kept_rate(data: Data) -> float:
    return 1 - _lost_rate(data)


def _tau1(data: Data) -> float:
    return max(float(np.quantile(GAPS, lifecycle.QUANTILE)), data.settings.lifecycle.dormant_floor_days)


def _weakest(data: Data, month: str) -> int:
    seasons = rhythm.seasonality_table(data.months, data.as_of)
    there = seasons[seasons["season"] == month].set_index("year")["season_index"]
    return int(there.idxmin()) if len(there) else 0


def _dormant(data: Data) -> pd.DataFrame:
    facts = _facts(data)
    known, now = lifecycle.silences(*facts), lifecycle.states(*facts)
    return next_orders.dormant_table(data.order_days, known, now, facts[3], data.as_of)


def _worth_most(data: Data) -> str:
    return next(iter(_dormant(data)["account_id"]), "")


def _silent_longest(data: Data) -> str:
    return next(iter(_dormant(data).sort_values("silence_days", ascending=False)["account_id"]), "")


QUESTIONS = (
    Question(
        id="04.p1",
        answer=_kept_rate,
        because=lambda data: (
            f"{share(_lost_rate(data))} of dormant accounts are lost one step later; for {share(_kept_rate(data))} "
            "the warning came in time.",
            f"一期之后 {share(_lost_rate(data))} 的沉默客户流失；对其余 {share(_kept_rate(data))}，预警来得及。",
        ),
        hints=(
            ("Dormant is a warning, not an end.", "沉默是预警，不是终点。"),
            ("Find the row of dormant accounts in 04.2.", "看 04.2 中“沉默”一行。"),
            (
                "Add up that row's rates for all states but lost; write a share from 0 to 1.",
                "把该行中除流失以外的比率相加，写成 0 到 1 之间的小数。",
            ),
        ),
        tolerance=0.05,
        traps=(
            (
                _lost_rate,
                (
                    "That is the share that was lost; the question is about the others.",
                    "这是流失的占比，问的是其余客户。",
                ),
            ),
        ),
    ),
    Question(
        id="04.p2",
        answer=_tau1,
        because=lambda data: (
            f"{number(_tau1(data), 1)} days: the 90 % quantile of its five gaps, and above the floor of "
            f"{data.settings.lifecycle.dormant_floor_days} days.",
            f"{number(_tau1(data), 1)} 天：五个间隔的 90 % 分位数，且高于 {data.settings.lifecycle.dormant_floor_days} 天的下限。",
        ),
        hints=(
            ("The threshold is the account's own, taken from its gaps.", "阈值取自客户自身的间隔。"),
            ("It is not the mean: nine of ten gaps shall be shorter.", "不是平均数：十个间隔中应有九个更短。"),
            (
                "numpy.quantile of the five gaps at 0.9; then compare with the floor in kam.toml and take the larger.",
                "对五个间隔用 numpy.quantile 取 0.9，再与 kam.toml 的下限比较，取较大者。",
            ),
        ),
        tolerance=0.5,
        traps=(
            (
                lambda data: max(GAPS),
                (
                    "That is the longest gap; one gap in ten may be longer than τ1.",
                    "这是最长间隔；十个间隔中可有一个超过 τ1。",
                ),
            ),
            (
                lambda data: float(np.mean(GAPS)),
                (
                    "That is the mean: half of all normal gaps would raise an alarm.",
                    "这是平均数：一半的正常间隔都会报警。",
                ),
            ),
        ),
    ),
    Question(
        id="04.p3",
        answer=lambda data: _weakest(data, "month_01"),
        because=lambda data: (
            "That January held the whole holiday. January and February together show no such hole.",
            "那年一月完整包含春节假期；一、二月合计则看不到这个缺口。",
        ),
        hints=(
            ("Look at the pale column at the far left of 04.6.", "看 04.6 最左侧的浅色柱。"),
            ("Each mark is a year; the legend says which.", "每个标记代表一年，见图例。"),
            ("Read which year's mark is lowest above Jan.", "读出一月上方最低的标记属于哪一年。"),
        ),
        traps=(
            (
                lambda data: _weakest(data, "month_02"),
                ("That is the weakest February; look one column to the left.", "这是最弱的二月，请看左边一列。"),
            ),
        ),
    ),
    Question(
        id="04.p4",
        answer=_worth_most,
        because=lambda data: (
            "It used to buy most of all dormant accounts, and it is not lost yet.",
            "它在沉默客户中原采购额最大，且尚未流失。",
        ),
        hints=(
            ("The hour is best spent where most can be saved.", "时间应花在能挽回最多的地方。"),
            ("Days of silence say who is late, not what is at stake.", "沉默天数说明谁晚了，不说明涉及多少金额。"),
            (
                "Take account_id from the first row of the dormant list of 04.8.",
                "取 04.8 沉默名单第一行的 account_id。",
            ),
        ),
        traps=(
            (
                _silent_longest,
                ("That one is silent for the longest time. How much did it buy?", "这是沉默最久的客户。它原来买多少？"),
            ),
        ),
    ),
    Question(
        id="04.p5",
        answer=lambda data: float(BgNbd(*TYPICAL).alive(0, 0.0, 104.0)),
        because=lambda data: (
            "In BG/NBD accounts leave only after a repeat purchase, so who never made one is alive for ever. "
            f"It expects {number(float(BgNbd(*TYPICAL).expected(52, 0, 0.0, 104.0)), 2)} orders in the next year: rank by that.",
            "BG/NBD 假设只在回购之后才会离开，从未回购者因此永远“存活”；"
            f"模型预期其未来一年下单 {number(float(BgNbd(*TYPICAL).expected(52, 0, 0.0, 104.0)), 2)} 次，应按此排序。",
        ),
        hints=(
            ("When does the model let an account leave?", "模型假设客户在什么时候离开？"),
            ("Only right after a repeat purchase. How many has this one made?", "只在回购之后。该客户回购过几次？"),
            (
                "None, so it had no occasion to leave: which probability is certainty?",
                "没有，因此没有离开的机会：必然事件的概率是多少？",
            ),
        ),
        traps=(
            (
                lambda data: 0.0,
                (
                    "So common sense says; the model cannot. When does it let accounts leave?",
                    "常识如此，但模型做不到。它假设何时离开？",
                ),
            ),
        ),
    ),
)
