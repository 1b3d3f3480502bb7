"""Questions on churn: what belongs below the line, what a small n allows, which retention hides losses, whom to visit."""

from __future__ import annotations

import pandas as pd

from kamlib import churn, lifecycle, stats
from kamlib.churn import early_warning, retention, signals
from kamlib.practice import Question
from kamlib.words import share
from kamlib.workspace import Data

START, LOST, WON = 50, 5, 10
"""The portfolio of question 1: customers on the first day, of these lost in the year, won in the year."""
BRIDGE = {"start": 10.0, "expansion": 1.8, "contraction": -0.6, "lost": -0.9}
"""The revenue of question 2, in millions."""


def _known(data: Data) -> pd.DataFrame:
    return lifecycle.silences(
        data.order_days, data.as_of, data.settings, data.frame("accounts"), data.frame("contracts")
    )


def _retention(data: Data) -> pd.DataFrame:
    known = _known(data)
    revenue = churn.revenue_rows(data.order_days, data.frame("returns"))
    return retention.year_table(known, lifecycle.loss_events(known, data.as_of), revenue, data.as_of)


def _retained(data: Data, name: str) -> float:
    table = _retention(data)
    return float(table[name].iloc[0]) if len(table) else 0.0


def _list(data: Data) -> pd.DataFrame:
    unknown = pd.DataFrame({"band": [], "past_loss_rate": []})  # the ranking needs no rates of the past
    return early_warning.warning_table(signals.signal_table(data), data.mart, unknown)


def _most_at_stake(data: Data) -> str:
    high = _list(data).query("risk_points >= 5").sort_values("yearly_margin", ascending=False, kind="stable")
    return next(iter(high["account_id"]), "")


def _most_points(data: Data) -> str:
    return next(iter(_list(data)["account_id"]), "")


def _gross() -> float:
    return (BRIDGE["start"] + BRIDGE["contraction"] + BRIDGE["lost"]) / BRIDGE["start"]


QUESTIONS = (
    Question(
        id="07.p1",
        answer=lambda data: LOST / START,
        because=lambda data: (
            f"{LOST} of {START}; with so few the 95 % interval runs from {share(stats.wilson(LOST, START)[0])} to "
            f"{share(stats.wilson(LOST, START)[1])}.",
            f"{START} 个中 {LOST} 个；客户这么少，95 % 区间为 {share(stats.wilson(LOST, START)[0])}～{share(stats.wilson(LOST, START)[1])}。",
        ),
        hints=(
            ("Who could have left in this year?", "谁有可能在这一年流失？"),
            ("Customers won in the year had less than a year to leave.", "年内新客户可流失的时间不足一年。"),
            (
                "Lost customers of the first day, divided by all customers of the first day.",
                "期初客户中流失的个数除以期初客户总数。",
            ),
        ),
        tolerance=0.002,
        traps=(
            (
                lambda data: LOST / (START + WON),
                (
                    "New customers are in the denominator; that makes churn look better the more you win.",
                    "分母混入了新客户：新客户越多，流失率越显得低。",
                ),
            ),
            (
                lambda data: 1 - LOST / START,
                ("That is the retention rate.", "这是保留率。"),
            ),
        ),
    ),
    Question(
        id="07.p2",
        answer=lambda data: _gross(),
        because=lambda data: (
            f"Gross retention leaves expansion out: {share(_gross())}. Net retention adds it: "
            f"{share(sum(BRIDGE.values()) / BRIDGE['start'])}.",
            f"毛留存不计增购：{share(_gross())}；净留存计入增购：{share(sum(BRIDGE.values()) / BRIDGE['start'])}。",
        ),
        hints=(
            ("Gross retention can never exceed one.", "毛留存不可能超过 1。"),
            ("What others bought more does not bring back what was lost.", "别人的增购补不回流失的收入。"),
            ("Start less contraction less lost, divided by the start.", "期初减去减购与流失，再除以期初。"),
        ),
        tolerance=0.005,
        traps=(
            (
                lambda data: sum(BRIDGE.values()) / BRIDGE["start"],
                ("That is net retention: expansion hides what was lost.", "这是净留存：增购掩盖了流失。"),
            ),
        ),
    ),
    Question(
        id="07.p3",
        answer=lambda data: _retained(data, "grr_rate"),
        because=lambda data: (
            f"Gross revenue retention is {share(_retained(data, 'grr_rate'))}, net {share(_retained(data, 'nrr_rate'))}: "
            "the difference is what the same customers bought more.",
            f"毛收入留存为 {share(_retained(data, 'grr_rate'))}，净收入留存为 {share(_retained(data, 'nrr_rate'))}，差额是同批客户的增购。",
        ),
        hints=(
            (
                "Read the waterfall of 07.4 from the left, and stop before the green column.",
                "从左读 07.4 的瀑布图，到绿色柱之前为止。",
            ),
            ("Two red pieces are taken off the first column.", "从第一根柱中减去两段红色。"),
            ("One plus the two negative shares written above the red pieces.", "1 加上两段红色上方标注的负比例。"),
        ),
        tolerance=0.011,
        traps=(
            (
                lambda data: _retained(data, "nrr_rate"),
                ("That is the last column: it includes what customers bought more.", "这是最后一根柱，含增购。"),
            ),
        ),
    ),
    Question(
        id="07.p4",
        answer=_most_at_stake,
        because=lambda data: (
            "Of all with five points or more it brings the largest yearly margin: as likely to leave as they are, and more to lose.",
            "在 5 分以上的客户中它的年贡献最大：流失可能相近，损失更大。",
        ),
        hints=(
            ("Points say how likely, not how much.", "分值说明可能性，不说明金额。"),
            ("Compare the margins at the right edge of 07.8.", "比较 07.8 右侧的年贡献。"),
            (
                "Sort the rows of the list with risk_points of 5 or more by yearly_margin; take account_id of the first.",
                "把名单中 risk_points 不低于 5 的行按 yearly_margin 排序，取第一行的 account_id。",
            ),
        ),
        traps=(
            (
                _most_points,
                (
                    "That one has the most points. Does most money hang on it, too?",
                    "它的分值最高。涉及的金额也最大吗？",
                ),
            ),
        ),
    ),
)
