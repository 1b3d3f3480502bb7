"""Questions on satisfaction: one vote per account, what an interval says, and where to act first."""

from __future__ import annotations

from kamlib import satisfaction, words
from kamlib.models import importance
from kamlib.practice import Question
from kamlib.satisfaction import complaints, topics
from kamlib.tables import TOPICS
from kamlib.workspace import Data


def _last_levels(data: Data, vote: str = "account"):
    return satisfaction.levels_table(data.frame("surveys"), vote=vote).iloc[-1]


def _last_nps(data: Data):
    return satisfaction.nps_table(data.frame("surveys")).iloc[-1]


def _votes_needed(data: Data) -> int:
    row = _last_nps(data)
    return int(round(row.n_accounts * 4))


def _first_topic(data: Data) -> str:
    table = topics.topics_table(data.frame("surveys"), draws=20)
    weak = table[table.performance_mean < 4.0]
    return (weak if len(weak) else table).topic.iloc[0]


def _most_complained(data: Data) -> str:
    return complaints.complaints_table(data.frame("cases"), data.as_of).topic.iloc[0]


def _lowest_topic(data: Data) -> str:
    table = topics.topics_table(data.frame("surveys"), draws=20)
    return table.topic[table.performance_mean.idxmin()]


QUESTIONS = (
    Question(
        id="06.p1",
        answer=lambda data: _last_levels(data).t2b_rate,
        because=lambda data: (
            f"One vote per account gives {words.share(_last_levels(data).t2b_rate)}; counting every answer would give {words.share(_last_levels(data, 'answer').t2b_rate)}.",
            f"每客户一票为{words.share(_last_levels(data).t2b_rate)}；若按每份答复计数则为{words.share(_last_levels(data, 'answer').t2b_rate)}。",
        ),
        hints=(
            ("Take the last wave, and only rows that carry an answer.", "只看最近一期，且只看有答复的记录。"),
            (
                "Levels 4 and 5 count as satisfied. Average within each account first.",
                "4分和5分算满意。先在每个客户内部取平均。",
            ),
            (
                "For each account: answers of 4 or 5 ÷ its answers; then the mean of that over accounts, as a share from 0 to 1.",
                "每个客户：4、5分答复数 ÷ 该客户答复数；再对客户取平均，写成0到1之间的小数。",
            ),
        ),
        tolerance=0.005,
        traps=(
            (
                lambda data: (
                    _last_levels(data, "answer").t2b_rate
                    if abs(_last_levels(data, "answer").t2b_rate - _last_levels(data).t2b_rate) > 0.005
                    else None
                ),
                (
                    "That counts every answer. A customer who sends three questionnaires would speak three times.",
                    "这是按每份答复计数；一个客户填三份问卷就会被算三次。",
                ),
            ),
        ),
    ),
    Question(
        id="06.p2",
        answer=_votes_needed,
        because=lambda data: (
            "An interval shrinks with the square root of n: half the width needs four times the accounts.",
            "区间宽度与 n 的平方根成反比：宽度减半需要四倍的客户数。",
        ),
        hints=(
            ("The width of an interval does not fall in step with n.", "区间宽度并不与 n 同比例下降。"),
            ("It falls with the square root of n.", "它与 n 的平方根成反比。"),
            (
                "Half the width means that √n doubles. Multiply the number of accounts accordingly.",
                "宽度减半意味着 √n 翻倍，据此放大客户数。",
            ),
        ),
        traps=(
            (
                lambda data: int(_last_nps(data).n_accounts * 2),
                (
                    "Twice the accounts narrows the interval by 29 % only: the square root of two is 1.41.",
                    "客户数翻倍只能使区间缩窄29%：2的平方根是1.41。",
                ),
            ),
        ),
    ),
    Question(
        id="06.p3",
        answer=_first_topic,
        because=lambda data: (
            f"{words.word(_first_topic(data), 'en')} matters most among the topics below the target of 4.",
            f"在低于目标4分的方面中，{words.word(_first_topic(data), 'zh')}最重要。",
        ),
        hints=(
            (
                "Look at the importance–performance map: which corner calls for action?",
                "看重要性–绩效图：哪个角落需要行动？",
            ),
            ("Left of the target line, and as high as possible.", "在目标线左侧、并且尽可能靠上。"),
            (
                "Leave out the topics at or above the target; of the others take the highest importance. Answer with its key as it stands in the topic column.",
                "去掉达到目标的方面，在其余中取重要性最高者。用 topic 列中的键名作答。",
            ),
        ),
        traps=(
            (
                lambda data: _lowest_topic(data) if _lowest_topic(data) != _first_topic(data) else None,
                (
                    "That topic scores lowest, but it explains less of the overall satisfaction. Weigh importance too.",
                    "该方面得分最低，但对总体满意度的解释力较小，还要看重要性。",
                ),
            ),
            (
                lambda data: (
                    _most_complained(data)
                    if _most_complained(data) not in (_first_topic(data), _lowest_topic(data))
                    else None
                ),
                (
                    "That topic is complained about most. The map asks another question: what moves satisfaction?",
                    "这是投诉最多的方面；图上问的是：什么在影响满意度？",
                ),
            ),
        ),
    ),
    Question(
        id="06.p4",
        answer=lambda data: importance.PER_DRIVER * (len(TOPICS) + 1),
        because=lambda data: (
            "Ten accounts for each topic: five topics need fifty. With fewer the shares follow chance.",
            "每个因素至少10个客户，五个因素需要50个；再少则份额主要由偶然决定。",
        ),
        hints=(
            ("Method says how many accounts each topic needs.", "“方法”中写明了每个因素需要多少客户。"),
            ("Ten accounts per topic.", "每个因素10个客户。"),
            ("Multiply ten by the number of topics after the change.", "用10乘以变更后的因素个数。"),
        ),
        traps=(
            (
                lambda data: importance.PER_DRIVER * len(TOPICS),
                ("That is enough for the four topics of today.", "这只够目前的四个因素。"),
            ),
            (
                lambda data: importance.PER_DRIVER,
                ("That would be enough for a single topic.", "这只够一个因素。"),
            ),
        ),
    ),
)
