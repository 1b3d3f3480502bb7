"""Questions of notebook 05: concentration, break-even prices, the whale curve, discounts and days outstanding."""

from __future__ import annotations

import math

import pandas as pd

from kamlib import finance
from kamlib.finance import margins, profitability
from kamlib.practice import Pair, Question
from kamlib.words import money, share
from kamlib.workspace import Data


def accounts_for_half(data: Data) -> float:
    """Return which share of the accounts with revenue, largest first, brings half of it."""
    reached = finance.pareto_table(data.mart)["cum_share"] >= 0.5 - 1e-12
    return (reached.to_numpy().argmax() + 1) / len(reached) if reached.any() else math.nan


def _worst_large_account(data: Data) -> pd.Series | None:
    """The high-revenue account with the largest loss; None when there is none."""
    table = margins.matrix_table(data.mart)
    losing = table[table["advice"] == "reprice"]
    return losing.loc[losing["stake"].idxmax()] if len(losing) else None


def price_rise(data: Data, over: str = "revenue") -> float:
    """Return the loss of that account ÷ a base: its net revenue, which is right, or another one, which is not."""
    worst = _worst_large_account(data)
    if worst is None:
        return math.nan
    row = data.mart.set_index("account_id").loc[worst["account_id"]]
    return -row["contribution"] / row[over] if row[over] else math.nan


def losing_accounts(data: Data) -> float:
    """Return how many accounts stand after the peak of the whale curve."""
    whale = profitability.whale_table(data.mart)
    return len(profitability.loss_makers(whale)) if len(whale) else math.nan


def earning_accounts(data: Data) -> float:
    """Return how many accounts stand before the peak: the likeliest misreading."""
    whale = profitability.whale_table(data.mart)
    return int((whale["contribution"] > 0).sum()) if len(whale) else math.nan


def _largest(data: Data) -> pd.Series:
    return finance.find_account(data.mart)


def discount_affordable(data: Data) -> str:
    """Return whether the largest account still contributes after a further 5 % discount: "yes" or "no"."""
    row = _largest(data)
    return "yes" if row["contribution"] > margins.EXTRA_DISCOUNT * row["revenue"] else "no"


def _accounts_because(data: Data) -> Pair:
    part = share(accounts_for_half(data))
    return (
        f"{part} of the accounts bring half of net revenue. Rules of thumb like 80/20 guess; your own curve knows.",
        f"{part} 的客户带来一半的净收入。二八法则只是经验，自己的曲线才是事实。",
    )


def _price_because(data: Data) -> Pair:
    worst = _worst_large_account(data)
    name, loss, revenue = worst["account_name"], money(worst["stake"], "en"), money(worst["revenue"], "en")
    zh = money(worst["stake"], "zh"), money(worst["revenue"], "zh")
    return (
        f"{name} loses {loss} on net revenue of {revenue}: with volume and cost unchanged, the price must carry the loss.",
        f"{name} 净收入 {zh[1]}，亏损 {zh[0]}：销量与成本不变时，只能由价格弥补。",
    )


def _whale_because(data: Data) -> Pair:
    found = profitability.whale_summary(profitability.whale_table(data.mart))
    return (
        f"They lose {money(-found['loss'], 'en')} together. Losing them would not bring all of it back: part of their cost stays.",
        f"它们合计亏损 {money(-found['loss'], 'zh')}。放弃它们并不能全部挽回：部分成本仍会存在。",
    )


def _discount_because(data: Data) -> Pair:
    row = _largest(data)
    cost = margins.EXTRA_DISCOUNT * row["revenue"]
    return (
        f"It contributes {money(row['contribution'], 'en')}; the discount would cost {money(cost, 'en')}.",
        f"其贡献利润为 {money(row['contribution'], 'zh')}，该折扣代价为 {money(cost, 'zh')}。",
    )


QUESTIONS = (
    Question(
        "05.p1",
        answer=accounts_for_half,
        tolerance=0.01,
        because=_accounts_because,
        traps=(
            (
                lambda _: 0.5,
                (
                    "So it would be if all accounts were equal. Look how steeply the line begins.",
                    "只有所有客户一样大时才如此。请看曲线起步有多陡。",
                ),
            ),
            (
                lambda data: 1 - accounts_for_half(data),
                (
                    "That is the part that is not needed. Count from the largest account.",
                    "那是不需要的部分。请从最大客户数起。",
                ),
            ),
            (
                lambda data: round(accounts_for_half(data) * len(finance.pareto_table(data.mart)), 6),
                ("That is their number. Divide it by the number of all accounts.", "那是客户个数。请除以客户总数。"),
            ),
        ),
        hints=(
            (
                "The column cum_share of `pareto` runs from the largest account down.",
                "`pareto` 的 cum_share 列从最大客户往下累计。",
            ),
            ("Count the rows up to the first one that reaches one half.", "数到 cum_share 首次达到一半的那一行。"),
            (
                "`((pareto.cum_share < 0.5).sum() + 1) / len(pareto)`",
                "`((pareto.cum_share < 0.5).sum() + 1) / len(pareto)`",
            ),
        ),
    ),
    Question(
        "05.p2",
        answer=price_rise,
        tolerance=0.002,
        because=_price_because,
        traps=(
            (
                lambda data: price_rise(data, "list_revenue"),
                (
                    "You divided by list revenue. The customer pays the net price: that is what rises.",
                    "你除以了标准价收入。客户支付的是净价，上调的也是净价。",
                ),
            ),
            (
                lambda data: -price_rise(data),
                ("The sign: the price has to go up.", "注意正负号：价格需要上调。"),
            ),
            (
                lambda data: 100 * price_rise(data),
                ("Write it as a share between 0 and 1.", "请写成 0 到 1 之间的比例。"),
            ),
        ),
        hints=(
            ("Break-even means a contribution of zero.", "保本即贡献利润为零。"),
            (
                "Volume and costs stay; only net revenue changes. By how much must it grow to cover the loss?",
                "销量与成本不变，只有净收入变化。要增加多少才能弥补亏损？",
            ),
            (
                "Loss ÷ net revenue of that account, both from `matrix`.",
                "该客户的亏损 ÷ 净收入，两者都在 `matrix` 中。",
            ),
        ),
    ),
    Question(
        "05.p3",
        answer=losing_accounts,
        because=_whale_because,
        traps=(
            (
                earning_accounts,
                (
                    "You read the accounts before the peak. Look at those after it.",
                    "你读的是峰值之前的客户。请看峰值之后的。",
                ),
            ),
        ),
        hints=(
            (
                "Where the curve falls, each further account takes profit away.",
                "曲线下降处，每多一个客户就多侵蚀一份利润。",
            ),
            (
                "The peak says after how many accounts; how many stand to its right?",
                "峰值标明了第几个客户；其右边还有几个？",
            ),
            (
                "Accounts with a contribution of exactly zero lie on the flat top and lose nothing: count `contribution < 0`.",
                "贡献利润恰为零的客户位于平顶，不亏损：请数 `contribution < 0`。",
            ),
        ),
    ),
    Question(
        "05.p4",
        answer=discount_affordable,
        because=_discount_because,
        traps=(
            (
                lambda data: "no" if discount_affordable(data) == "yes" else "yes",
                (
                    "Compare two amounts: what the account contributes, and 5 % of its net revenue.",
                    "请比较两个金额：该客户的贡献利润，与其净收入的 5 %。",
                ),
            ),
        ),
        hints=(
            ('Answer "yes" or "no".', '请回答 "yes" 或 "no"。'),
            ("The waterfall of this account ends in its contribution.", "该客户瀑布图的末项即贡献利润。"),
            (
                "A discount is paid out of the contribution, since no cost falls with it.",
                "折扣直接减少贡献利润，因为成本并不随之下降。",
            ),
        ),
    ),
)
