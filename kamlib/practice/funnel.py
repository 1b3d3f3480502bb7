"""Questions of notebook 03: what slow follow-up costs, win rates, CRM defaults, weighted amounts, the first deal to act on."""

from __future__ import annotations

import math

import pandas as pd

from kamlib import funnel
from kamlib.funnel import bottleneck, pipeline, weighted_pipeline, win_loss
from kamlib.practice import Pair, Question
from kamlib.words import number, share, word
from kamlib.workspace import Data

MILLION = 1_000_000


def _deals(data: Data) -> pd.DataFrame:
    return funnel.population(data.frame("deals"))


def _worst_stage(data: Data) -> pd.Series | None:
    """The stage that loses most money, as the notebook's defaults find it; None when no deal is old enough."""
    entries = funnel.stage_entries(_deals(data), data.frame("deal_stage_history"), data.settings.stages)
    table = bottleneck.bottleneck_table(entries, data.frame("activities"), data.as_of)
    return table.iloc[0] if len(table) else None


def follow_up_gain(data: Data) -> float:
    """Return by how much more often promptly followed deals move on, in that stage."""
    worst = _worst_stage(data)
    return math.nan if worst is None else worst["prompt_rate"] - worst["late_rate"]


def follow_up_ratio(data: Data) -> float:
    worst = _worst_stage(data)
    return math.nan if worst is None or not worst["late_rate"] else worst["prompt_rate"] / worst["late_rate"]


def win_rate(data: Data, *, with_open: bool = False) -> float:
    """Return won ÷ closed in the window, which is right; or with the open deals below the line, which is not."""
    table = win_loss.win_rate_table(_deals(data), data.as_of, months=data.settings.window_months)
    below = table[["n_won", "n_lost", *(["n_open_deals"] if with_open else [])]].sum().sum()
    return table["n_won"].sum() / below if below else math.nan


def value_win_rate(data: Data) -> float:
    closed = funnel.closed_within(_deals(data), data.as_of, data.settings.window_months)
    won = closed.loc[closed["status"] == "won", "amount"].sum()
    return won / closed["amount"].sum() if closed["amount"].sum() else math.nan


def _weighted(data: Data) -> pd.DataFrame:
    table = weighted_pipeline.weighted_table(
        _deals(data), data.frame("deal_stage_history"), data.settings.stages, data.as_of
    )
    return table[~table["stage"].isin(["stale", "total"])]


def _rosiest(data: Data) -> pd.Series | None:
    """The stage whose CRM default is furthest above the rate we really win."""
    table = _weighted(data)
    return None if table.empty else table.loc[(table["crm_rate"] - table["fitted_rate"]).astype(float).idxmax()]


def rosiest_stage(data: Data) -> str:
    row = _rosiest(data)
    return "" if row is None else word(row["stage"])


def gloomiest_stage(data: Data) -> str:
    table = _weighted(data)
    return (
        ""
        if table.empty
        else word(table.loc[(table["fitted_rate"] - table["crm_rate"]).astype(float).idxmax(), "stage"])
    )


def million_worth(data: Data, rate: str = "fitted_rate") -> float:
    row = _rosiest(data)
    return math.nan if row is None else MILLION * row[rate]


def _ageing(data: Data) -> pd.DataFrame:
    return pipeline.ageing_table(
        _deals(data), data.frame("deal_stage_history"), data.frame("activities"), data.settings.stages, data.as_of
    )


def first_deal(data: Data) -> str:
    table = pipeline.action_table(_ageing(data), _weighted(data), data.frame("accounts"), data.as_of)
    return table["deal_id"].iloc[0] if len(table) else ""


def largest_stale_deal(data: Data) -> str:
    stale = _ageing(data).query("is_stale").sort_values("amount", ascending=False, kind="stable")
    return stale["deal_id"].iloc[0] if len(stale) else ""


def _gain_because(data: Data) -> Pair:
    worst = _worst_stage(data)
    rates = share(worst["prompt_rate"]), share(worst["late_rate"])
    n = number(worst["n_prompt"]), number(worst["n_late"])
    return (
        f"{rates[0]} of {n[0]} promptly followed deals moved on, {rates[1]} of {n[1]} others. It is an association: an experiment would prove the cause.",
        f"及时跟进的 {n[0]} 个商机有 {rates[0]} 推进，其余 {n[1]} 个只有 {rates[1]}。这是相关性，因果需靠试验证明。",
    )


def _win_because(data: Data) -> Pair:
    wrong = share(win_rate(data, with_open=True), 1)
    return (
        f"Open deals are undecided, so they stay out. Counted as lost they would have made it {wrong}.",
        f"进行中商机尚无结果，不计入。若当作输单，结果会变成 {wrong}。",
    )


def _stage_because(data: Data) -> Pair:
    row = _rosiest(data)
    rates = share(row["crm_rate"]), share(row["fitted_rate"])
    return (
        f"The CRM says {rates[0]}; we win {rates[1]}. A default is an opinion until it is compared with history.",
        f"CRM 设为 {rates[0]}，实际为 {rates[1]}。默认赢率未经历史检验，只是一种看法。",
    )


def _worth_because(data: Data) -> Pair:
    lost = number(million_worth(data, "crm_rate") - million_worth(data))
    return (
        f"The default would have promised {lost} more per million, on every deal of this stage.",
        f"若用默认赢率，该阶段每一百万会多承诺 {lost}。",
    )


def _deal_because(data: Data) -> Pair:
    return (
        "It waits too long and still has the most to win. Stale deals may be larger, but nobody has yet seen one close.",
        "它停留过久，而可赢得的金额最大。陈旧商机金额可能更大，但从未见过这样的商机结单。",
    )


QUESTIONS = (
    Question(
        "03.p1",
        answer=follow_up_gain,
        tolerance=0.05,
        because=_gain_because,
        traps=(
            (
                follow_up_ratio,
                ("That is how many times as often. Asked is the difference of two shares.", "那是倍数。题目问的是两个比例之差。"),
            ),
            (
                lambda data: 100 * follow_up_gain(data),
                ("Write it as a share between 0 and 1.", "请写成 0 到 1 之间的比例。"),
            ),
            (
                lambda data: -follow_up_gain(data),
                ("The sign: take prompt minus late.", "注意正负号：用及时跟进减去未及时跟进。"),
            ),
        ),
        hints=(
            ("Look at the two dots of the top stage, on the right of 03.3.", "看 03.3 右侧第一个阶段的两个点。"),
            ("The table has both: prompt_rate and late_rate.", "表中有这两列：prompt_rate 和 late_rate。"),
            ("`bottlenecks.prompt_rate[0] - bottlenecks.late_rate[0]`", "`bottlenecks.prompt_rate[0] - bottlenecks.late_rate[0]`"),
        ),
    ),
    Question(
        "03.p2",
        answer=win_rate,
        tolerance=0.002,
        because=_win_because,
        traps=(
            (
                lambda data: win_rate(data, with_open=True),
                ("You counted the open deals as lost. They are not decided yet.", "你把进行中商机算成了输单。它们尚无结果。"),
            ),
            (
                value_win_rate,
                ("That is the win rate by amount. Asked is the one by number of deals.", "那是按金额的赢单率。题目问的是按商机数。"),
            ),
            (lambda data: 100 * win_rate(data), ("Write it as a share between 0 and 1.", "请写成 0 到 1 之间的比例。")),
        ),
        hints=(
            ("Only deals with a decision count.", "只计已有结果的商机。"),
            ("Sum n_won and n_lost over the rows of `channels`.", "把 `channels` 各行的 n_won 与 n_lost 分别相加。"),
            ("Won ÷ (won + lost), of the sums, not the mean of the three rates.", "用合计数计算：赢单 ÷（赢单 + 输单），不是三个比率的平均。"),
        ),
    ),
    Question(
        "03.p3",
        answer=rosiest_stage,
        because=_stage_because,
        traps=(
            (
                gloomiest_stage,
                ("There the default is too low. Where is it too high?", "那里的默认赢率偏低。哪里偏高？"),
            ),
        ),
        hints=(
            ("On the left of 03.7: look where the diamond stands right of the dot.", "看 03.7 左图：菱形位于圆点右侧的阶段。"),
            ("Where is the distance from dot to diamond largest?", "哪个阶段的圆点与菱形相距最远？"),
            ("The largest value of `worth.crm_rate - worth.fitted_rate`, stages only.", "`worth.crm_rate - worth.fitted_rate` 的最大值，只看各阶段。"),
        ),
    ),
    Question(
        "03.p4",
        answer=million_worth,
        tolerance=MILLION * 0.005,
        because=_worth_because,
        traps=(
            (
                lambda data: million_worth(data, "crm_rate"),
                ("You used the CRM's default. Use the rate we really win.", "你用了 CRM 默认赢率。请用实际赢率。"),
            ),
            (
                lambda data: million_worth(data) / MILLION,
                ("That is the rate. Multiply it by the amount.", "那是赢率。请乘以金额。"),
            ),
        ),
        hints=(
            ("Weighted amount = amount × win rate of the stage.", "加权金额 = 金额 × 该阶段赢率。"),
            ("The rate stands in the column fitted_rate of `worth`.", "赢率在 `worth` 的 fitted_rate 列。"),
            ("1,000,000 × fitted_rate in the row of the stage of question 3.", "1,000,000 × 第 3 题所在阶段那一行的 fitted_rate。"),
        ),
    ),
    Question(
        "03.p5",
        answer=first_deal,
        because=_deal_because,
        traps=(
            (
                largest_stale_deal,
                (
                    "Large, but older than any deal that was ever closed: decide or close it, do not chase it first.",
                    "金额大，但已超过历史上最长的结单周期：应清理，而不是最先追。",
                ),
            ),
        ),
        hints=(
            ("Late or waiting too long, and with the most to win.", "已逾期或停留过久，且可赢得的金额最大。"),
            ("Most to win is amount × rate, not amount.", "“可赢得”指金额 × 赢率，而不是金额。"),
            ("The first row of `actions`, column deal_id.", "`actions` 第一行的 deal_id。"),
        ),
    ),
)  # fmt: skip
