"""Questions on segmentation: how few bring most, what a missing score does, who is late, whom to lift first."""

from __future__ import annotations

from kamlib import mart, segmentation, words
from kamlib.practice import Question
from kamlib.segmentation import ranking, scoring, tiering
from kamlib.workspace import Data

KNOWN = {"purchasing_power": 80, "frequency": 75, "history": 80}
"""The account of question 2: influence and loyalty are not known."""


def _abc(data: Data):
    return ranking.abc_table(data.mart)


def _class_a_share(data: Data) -> float:
    return float((_abc(data)["abc_class"] == "A").mean())


def _weighted(data: Data, *, divide_by_known: bool) -> float:
    weights = data.settings.tiers.weights
    total = sum(weights.get(name, 0) for name in (KNOWN if divide_by_known else scoring.INDICATORS))
    return sum(weights.get(name, 0) * score for name, score in KNOWN.items()) / total if total else 0.0


def _cell(data: Data, *, recency: int, frequency: int) -> int:
    """Accounts in one cell of RFM; band -1 is the highest."""
    rfm = ranking.rfm_table(data.mart)
    highest = int(rfm["n_bands"].max())
    at = [highest if band == -1 else band for band in (recency, frequency)]
    return int(((rfm["r_band"] == at[0]) & (rfm["f_band"] == at[1])).sum())


def _next_tier(data: Data):
    key = mart.key_accounts(segmentation.account_table(data))
    return tiering.next_tier_table(key, data.settings.tiers)


def _largest_below_a(data: Data) -> str:
    waiting = _next_tier(data)["account_id"]
    return data.mart[data.mart["account_id"].isin(waiting)].nlargest(1, "revenue")["account_id"].iloc[0]


def _because_lift(data: Data) -> tuple[str, str]:
    first = _next_tier(data).iloc[0]
    gap = words.number(first["gap_score"], 1)
    return (
        f"{first['account_name']} is {gap} points below tier {first['next_tier']}, the shortest way of all.",
        f"{first['account_name']}距{first['next_tier']}级只差{gap}分，是最近的一个。",
    )


def _because_known(data: Data) -> tuple[str, str]:
    score, zero = (words.number(_weighted(data, divide_by_known=known), 2) for known in (True, False))
    return (
        f"{score}: the weights are renormalised over the three indicators known. Counting the others as zero gives {zero}.",
        f"{score}：权重在三项已知指标上重新归一。若把未知当零分，则只有{zero}。",
    )


QUESTIONS = (
    Question(
        id="01.p1",
        answer=_class_a_share,
        because=lambda data: (
            f"{words.share(_class_a_share(data))} of accounts are in class A.",
            f"A类客户占客户数的{words.share(_class_a_share(data))}。",
        ),
        hints=(
            ("Contribution is spread far less evenly than the accounts.", "贡献的分布远不如客户数均匀。"),
            ("Look along the horizontal axis of 01.7, not the vertical one.", "看图01.7的横轴，而不是纵轴。"),
            (
                "Count the rows of class A in abc and divide by the number of rows; a share from 0 to 1.",
                "数出abc表中A类的行数，除以总行数；写成0到1之间的小数。",
            ),
        ),
        tolerance=0.03,
        traps=(
            (
                lambda data: 0.7,
                (
                    "That is the share of contribution. Asked is the share of accounts.",
                    "那是贡献占比，问的是客户数占比。",
                ),
            ),
            (
                lambda data: 0.2,
                (
                    "80/20 is a saying, not a law: read it off your own accounts.",
                    "“二八法则”只是说法，不是定律：请从自己的数据中读出来。",
                ),
            ),
        ),
    ),
    Question(
        id="01.p2",
        answer=lambda data: _weighted(data, divide_by_known=True),
        because=_because_known,
        hints=(
            ("Not known is not the same as bad.", "未知不等于差。"),
            (
                "Use only the weights of the three indicators known.",
                "只使用三项已知指标的权重。",
            ),
            (
                "Multiply each known score by its weight, add up, and divide by the sum of those three weights.",
                "各已知得分乘以其权重后相加，再除以这三项权重之和。",
            ),
        ),
        tolerance=0.06,
        traps=(
            (
                lambda data: _weighted(data, divide_by_known=False),
                (
                    "You counted the unknown scores as zero. Nobody said that they are zero.",
                    "你把未知得分当成了零分，但没有人说它们是零。",
                ),
            ),
            (
                lambda data: sum(KNOWN.values()) / len(KNOWN),
                (
                    "That is the plain mean. The indicators do not weigh the same.",
                    "那是简单平均，各指标的权重并不相同。",
                ),
            ),
        ),
    ),
    Question(
        id="01.p3",
        answer=lambda data: _cell(data, recency=1, frequency=-1),
        because=lambda data: (
            "They used to buy often and have gone quiet against their own rhythm: call them before anybody else does.",
            "他们原本买得勤，如今已偏离自身节奏：要赶在别人之前联系他们。",
        ),
        hints=(
            ("Late is a matter of the recency band, often of the frequency band.", "是否迟看近度档，是否勤看频次档。"),
            (
                "Often: the highest frequency band. Late: the lowest recency band.",
                "买得勤：最高频次档；迟：最低近度档。",
            ),
            ("Read the lower right corner of 01.8; an empty cell means none.", "看图01.8右下角；空格表示没有。"),
        ),
        traps=(
            (
                lambda data: _cell(data, recency=-1, frequency=1),
                (
                    "That corner buys seldom and is on time: no cause for alarm.",
                    "那一角是买得少但准时的客户，不必担心。",
                ),
            ),
        ),
    ),
    Question(
        id="01.p4",
        answer=lambda data: str(_next_tier(data)["account_id"].iloc[0]),
        because=_because_lift,
        hints=(
            (
                "Not the largest account, but the one nearest to its next tier.",
                "不是最大的客户，而是离上一级最近的客户。",
            ),
            ("Look at the points missing in next_tier.", "看next_tier表中缺少的分数。"),
            (
                "Sort next_tier by gap_score and take the account_id of the first row.",
                "把next_tier按gap_score排序，取第一行的account_id。",
            ),
        ),
        traps=(
            (
                _largest_below_a,
                ("That is the largest one; the question is which needs least.", "那是最大的一个；问题是哪个所需最少。"),
            ),
        ),
    ),
)
