"""Questions of notebook 08: ranking on noise, a fair comparison, the parts of a gap."""

from __future__ import annotations

from kamlib import appraisal
from kamlib.appraisal import gap, win_rates
from kamlib.practice import Question
from kamlib.stats import wilson
from kamlib.words import share
from kamlib.workspace import Data

MONTHS, MIX = 12, "account_type"


def _fair(data: Data):
    return win_rates.fair_table(appraisal.book(data, MONTHS), MIX)


def misjudged(data: Data) -> str:
    """Return who looks worst by the plain win rate among those with ten closed deals; "" for nobody."""
    table = _fair(data)
    table = table[table["n_closed_deals"] >= win_rates.FEWEST]
    return str(table.loc[(table["fair_rate"] - table["win_rate"]).idxmax(), "owner"]) if len(table) else ""


def _lowest(data: Data) -> str:
    table = _fair(data)
    table = table[table["n_closed_deals"] >= win_rates.FEWEST]
    return str(table.loc[table["fair_rate"].idxmin(), "owner"]) if len(table) else ""


def beyond_chance(data: Data) -> int:
    """Return how many people chance does not explain."""
    return int(_fair(data)["verdict"].isin(["above", "below"]).sum())


def largest_cause(data: Data) -> str:
    """Return the part of the team's gap that costs most."""
    table = gap.gap_table(appraisal.book(data, MONTHS))
    if table.empty:
        return ""
    return table[[f"{cause}_amount" for cause in gap.CAUSES]].sum().idxmax().removesuffix("_amount")


QUESTIONS = (
    Question(
        id="08.p1",
        answer=lambda data: wilson(7, 10)[0],
        because=lambda data: (
            f"7 of 10 is anything from {share(wilson(7, 10)[0])} to {share(wilson(7, 10)[1])}: half of all teams fit in there.",
            f"10 个赢 7 个，真实水平可在 {share(wilson(7, 10)[0])} 到 {share(wilson(7, 10)[1])} 之间：半个团队都在其中。",
        ),
        hints=(
            ("Ten deals are few: the interval is wider than most people guess.", "十个商机很少：区间比多数人猜的更宽。"),
            ("It is the lower end of the Wilson interval for 7 of 10.", "即 7/10 的 Wilson 区间下限。"),
            ("`kamlib.stats.wilson(7, 10)` gives both ends.", "`kamlib.stats.wilson(7, 10)` 给出两端。"),
        ),
        tolerance=0.03,
        traps=((lambda data: 0.7, ("That is the rate itself. How low may the true one be?", "那是赢单率本身。真实水平最低可能是多少？")),),
    ),
    Question(
        id="08.p2",
        answer=misjudged,
        because=lambda data: (
            "The customers are the hard ones: with the team's mix the rate would be much higher.",
            "其客户最难赢：若客户结构与团队相同，赢单率会高得多。",
        ),
        hints=(
            ("Compare the hollow with the filled marks in 08.2.", "比较 08.2 的空心点与实心点。"),
            ("Look for the longest line that goes up.", "找向上最长的连线。"),
            ("The table under 08.2: the largest fair_rate − win_rate.", "08.2 数据表中 fair_rate − win_rate 最大者。"),
        ),
        traps=((_lowest, ("That is the lowest filled mark. Whose mark moves up most?", "那是最低的实心点。谁的点上移最多？")),),
    ),
    Question(
        id="08.p3",
        answer=beyond_chance,
        because=lambda data: (
            "The others may not be ranked by this figure, however the list looks.",
            "其余的人不能按此排名，无论名单看起来如何。",
        ),
        hints=(
            ("Count coloured marks in 08.2.", "数 08.2 中有颜色的点。"),
            ("Grey means: chance strays as far.", "灰色表示偶然也会偏离这么远。"),
            ("Count “above” and “below” in the column verdict.", "数 verdict 列中的 above 与 below。"),
        ),
    ),
    Question(
        id="08.p4",
        answer=largest_cause,
        because=lambda data: (
            "So that is where the next quarter is won; the other parts are smaller or help already.",
            "下个季度应从这里入手；其他部分较小，或已在帮忙。",
        ),
        hints=(
            ("Look at which colour reaches farthest to the left in 08.3, over all people.", "看 08.3 中哪种颜色总体上向左最远。"),
            ("Sum each of the four columns of the table.", "把表中四列分别求和。"),
            ("The answer is one of volume, timing, win_rate, size.", "答案是 volume、timing、win_rate、size 之一。"),
        ),
    ),
)  # fmt: skip
