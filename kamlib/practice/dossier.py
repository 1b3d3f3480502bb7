"""Questions of notebook 10: read one account as a whole."""

from __future__ import annotations

from kamlib.dossier import Company, actions, standing
from kamlib.practice import Question
from kamlib.words import number
from kamlib.workspace import Data


def _largest(data: Data) -> tuple[Company, str]:
    company = Company(data)
    return company, str(company.account()["account_id"])


def gap(data: Data) -> float:
    """Return the points that separate the largest account from its next tier; 0 for one at the top."""
    company, account_id = _largest(data)
    lift = company.of(company.next_tier, account_id)
    return round(float(lift["gap_score"].iloc[0]), 1) if len(lift) else 0.0


def slow_deals(data: Data) -> int:
    """Return how many of its open deals wait longer than won deals did."""
    company, account_id = _largest(data)
    return int(standing.deals_table(company, account_id)["is_slow"].fillna(False).astype(bool).sum())


def _open_deals(data: Data) -> int:
    company, account_id = _largest(data)
    return len(standing.deals_table(company, account_id))


def first_action(data: Data) -> int:
    """Return how many of its actions are due within seven days."""
    import pandas as pd

    company, account_id = _largest(data)
    table = actions.actions_table(company, account_id, "en")
    return int((table["due"] <= pd.Timestamp(data.as_of) + pd.Timedelta(days=7)).sum())


QUESTIONS = (
    Question(
        id="10.p1",
        answer=gap,
        because=lambda data: (f"{number(gap(data), 1)}: the next cut less its score.", f"{number(gap(data), 1)}：上一级分数线减去其得分。"),
        hints=(
            ("Read the title of 10.1.", "看 10.1 的标题。"),
            ("An account in tier A lacks nothing: then the answer is 0.", "A 级客户不差分：此时答案为 0。"),
            ("Take gap_score of the card; 0 when it is empty.", "取卡片的 gap_score；为空则为 0。"),
        ),
        tolerance=0.06,
    ),
    Question(
        id="10.p2",
        answer=slow_deals,
        because=lambda data: ("These need a next step before any new deal is opened.", "先为它们约定下一步，再开新商机。"),
        hints=(
            ("Look at 10.6.", "看 10.6。"),
            ("Orange means longer in its stage than three of four won deals.", "橙色表示停留超过四分之三的赢单商机。"),
            ("Count is_slow in the table `deals`.", "数 `deals` 表中的 is_slow。"),
        ),
        traps=((lambda data: _open_deals(data) if _open_deals(data) != slow_deals(data) else None, ("That is all open deals. Which of them wait too long?", "那是全部在谈商机。其中哪些停留过久？")),),
    ),
    Question(
        id="10.p3",
        answer=first_action,
        because=lambda data: ("The rest can wait for the next visit.", "其余的可等下次拜访。"),
        hints=(
            ("Look at the table under Action.", "看“Action”下的表。"),
            ("Compare the column due with the as-of date.", "比较 due 列与数据日。"),
            ("Count the rows due within seven days.", "数七天内到期的行。"),
        ),
    ),
)  # fmt: skip
