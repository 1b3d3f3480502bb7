"""Questions of notebook 09: MASE, intervals, the holiday that moves, stock."""

from __future__ import annotations

import numpy as np

from kamlib import forecast
from kamlib.forecast import accuracy, demand, levels
from kamlib.models import calendar
from kamlib.practice import Question
from kamlib.workspace import Data

HORIZON, LEAD = 6, 2


def _models(data: Data) -> tuple[forecast.Fit | None, object]:
    fitted = forecast.fit_total(forecast.complete_months(data.months, data.as_of), HORIZON)
    return fitted, accuracy.models_table(fitted)


def beaten(data: Data) -> int:
    """Return how many models were less wrong than the same month a year before."""
    _, table = _models(data)
    own = table.loc[table["model"] == "seasonal_naive", "mase_ratio"].min()
    return int((table["mase_ratio"] < own).sum())


def festival_month(data: Data) -> str:
    """Return the month, "YYYY-MM", after the as-of date that holds most of the next Spring Festival."""
    months = calendar.months_after(data.as_of, 12)
    return f"{months[calendar.festival_share(months).argmax()]:%Y-%m}"


def _other_month(data: Data) -> str:
    """The February or January beside it."""
    right = festival_month(data)
    return right[:-2] + ("01" if right.endswith("02") else "02")


def stock_first(data: Data) -> str:
    """Return the product_id whose expected demand over the lead time is largest."""
    book = levels.book_of(data.months, data.mart, data.as_of, "region")
    if book is None:
        return ""
    table = demand.demand_table(demand.units(data, book.months), data.frame("products"), LEAD)
    return str(table.loc[0, "product_id"]) if len(table) else ""


PAST = np.array([100, 120, 90, 110], float)
FORECAST = np.array([110, 110, 110, 110], float)

QUESTIONS = (
    Question(
        id="09.p1",
        answer=lambda data: float(np.abs(PAST - FORECAST).mean() / 20),
        because=lambda data: ("The errors are 10, 10, 20 and 0: 10 on average, half of 20.", "误差为 10、10、20、0，平均 10，是 20 的一半。"),
        hints=(
            ("MASE divides the mean absolute error by that of the same month a year before.", "MASE 用平均绝对误差除以“去年同月值”的平均绝对误差。"),
            ("Take each error without its sign, then the mean.", "先取各误差的绝对值，再求平均。"),
            ("(10 + 10 + 20 + 0) ÷ 4, then ÷ 20.", "(10 + 10 + 20 + 0) ÷ 4，再 ÷ 20。"),
        ),
        tolerance=0.005,
        traps=(
            (
                lambda data: float((FORECAST - PAST).mean() / 20),
                ("That is the bias: misses up and down cancel in it.", "那是偏差：正负误差在其中相互抵消。"),
            ),
        ),
    ),
    Question(
        id="09.p2",
        answer=beaten,
        because=lambda data: (
            f"{beaten(data)}. Only these have earned the right to be looked at.",
            f"{beaten(data)} 个。只有它们才值得采用。",
        ),
        hints=(
            ("Read 09.6 from the bottom up.", "从下往上看 09.6。"),
            ("Find the bar “same month a year before”.", "找到“去年同月值”的横条。"),
            ("Count the bars that are shorter than it.", "数出比它短的横条。"),
        ),
    ),
    Question(
        id="09.p3",
        answer=festival_month,
        because=lambda data: (
            f"Most of the days around the holiday lie in {festival_month(data)}: expect that month weak and its neighbour strong.",
            f"春节前后的日子大多落在 {festival_month(data)}：该月偏弱、相邻月偏强。",
        ),
        hints=(
            ("The lunar year begins between 21 January and 21 February.", "农历新年在 1 月 21 日至 2 月 21 日之间。"),
            ("`kamlib.models.calendar.FESTIVALS` has the days.", "日期见 `kamlib.models.calendar.FESTIVALS`。"),
            ("Count the days from a week before to nine days after it in each month.", "数出节前一周至节后九天各落在哪个月。"),
        ),
        traps=((_other_month, ("Look at the day itself: which month holds more of the two weeks?", "看具体日期：两周左右的时间更多落在哪个月？")),),
    ),
    Question(
        id="09.p4",
        answer=stock_first,
        because=lambda data: (
            "It is asked for most; whether its reserve is worth the capital is the next question.",
            "它需求最大；安全余量是否值得占用资金，是下一个问题。",
        ),
        hints=(
            ("Look at the longest bar of 09.5, not at the farthest mark.", "看 09.5 最长的横条，而不是最远的标记。"),
            ("The table under 09.5 begins with it.", "09.5 的数据表第一行就是它。"),
            ("Take product_id from the first row of `needed`.", "取 `needed` 第一行的 product_id。"),
        ),
    ),
)  # fmt: skip
