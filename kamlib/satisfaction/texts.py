"""Texts: what do customers write about, and is it praise or blame? (Part of satisfaction.)

A dictionary in two languages (`texts.yml`) finds topics clause by clause; a comment may have several. How far it can be
trusted is measured on comments labelled by hand (`labelled.csv`), and stated beside the counts.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from matplotlib.axes import Axes

from kamlib import stats, style, words
from kamlib.exhibit import chart
from kamlib.satisfaction import FEWEST
from kamlib.tables import TOPICS

SUBJECTS = (*TOPICS, "price")
_CLAUSES = re.compile(
    r"[，。；！？,;!?\n]|\.(?:\s|$)|\s(?:but|although|though|however|except)\s|但是?|不过|就是(?=[\u4e00-\u9fff])|虽然|可惜"
)
_NOT = re.compile(
    r"(?:不|没有?|无|未|从没|很少|\bnot?\b|\bnever\b|\bwithout\b|n't|\bhardly(?: any)?\b|\bless\b)(?:[\u4e00-\u9fff]|\s\w+)?\s?$",
    re.IGNORECASE,
)
_WISH = re.compile(
    r"希望|建议|能否|能不能|可否|最好|\b(?:please|could you|would be|would like|should)\b", re.IGNORECASE
)


@cache
def dictionary() -> dict[str, dict[str, re.Pattern]]:
    """Return the compiled patterns: topic (or "general") → about, good, bad."""
    raw = yaml.safe_load(Path(__file__).with_name("texts.yml").read_text(encoding="utf-8"))

    def pattern(entries: list[str]) -> re.Pattern:
        return re.compile(
            "|".join(rf"\b{entry}" if re.search("[a-z]", entry) else entry for entry in entries), re.IGNORECASE
        )

    return {topic: {kind: pattern(entries) for kind, entries in kinds.items()} for topic, kinds in raw.items()}


def classify(comment: str) -> dict[str, int]:
    """Return the topics of a comment and how they are spoken of: 1 praise, −1 blame, 0 neither or both."""
    book, tones, found = dictionary(), [], {}
    for clause in filter(None, map(str.strip, _CLAUSES.split(str(comment)))):
        tone = _tone(clause, book["general"])
        tones.append(tone)
        for topic in SUBJECTS:
            own = _tone(clause, book[topic])
            if own or any(book[topic][kind].search(clause) for kind in ("about", "good", "bad")):
                found.setdefault(topic, []).append(own or tone)
    whole = int(np.sign(sum(tones)))
    return {topic: int(np.sign(sum(heard))) if any(heard) else whole for topic, heard in found.items()}


def _tone(clause: str, kinds: dict[str, re.Pattern]) -> int:
    """Praise less blame in a clause, a word turned round by a "not" before it; as a sign. A wish is neither."""
    total = 0
    if _WISH.search(clause):
        return 0
    for kind, sign in (("good", 1), ("bad", -1)):
        for hit in kinds[kind].finditer(clause):
            total += -sign if _NOT.search(clause[: hit.start()]) else sign
    return int(np.sign(total))


def mentions(comments: pd.DataFrame) -> pd.DataFrame:
    """Return one row per comment and topic: the columns of `comments` with topic and tone (1, 0, −1)."""
    rows = [
        (place, topic, tone) for place, text in enumerate(comments.comment) for topic, tone in classify(text).items()
    ]
    table = pd.DataFrame(rows, columns=["place", "topic", "tone"])
    return comments.reset_index(drop=True).join(table.set_index("place"), how="inner").reset_index(drop=True)


# What they write about


def texts_table(surveys: pd.DataFrame) -> pd.DataFrame:
    """Topics in the comments of answered surveys, most blamed first; one account, one vote.

    One row per topic: topic, n_comments (all that say something), classified_share (of those: with a topic), n_mentions,
    n_praise, n_blame (comments), n_accounts (that commented), blame_share (accounts that blamed it ÷ accounts that commented)
    with its Wilson interval, quote and quoted_account (the latest blame).
    """
    said = surveys[surveys.comment.fillna("").astype(str).str.len() > 1]
    found = mentions(said)
    if found.empty:
        return pd.DataFrame(columns=_TEXT_COLUMNS)
    n = said.account_id.nunique()
    rows = []
    for topic in SUBJECTS:
        here = found[found.topic == topic].sort_values(["answered_at", "response_id"], kind="stable")
        blame = here[here.tone < 0]
        low, high = stats.wilson(blame.account_id.nunique(), n)
        counts = {
            "n_mentions": len(here),
            "n_praise": int((here.tone > 0).sum()),
            "n_blame": len(blame),
            "n_accounts": n,
        }
        shares = {"blame_share": blame.account_id.nunique() / n, "blame_share_low": low, "blame_share_high": high}
        last = blame.iloc[-1] if len(blame) else None
        quote = (
            {"quote": None, "quoted_account": None}
            if last is None
            else {"quote": last.comment, "quoted_account": last.account_id}
        )
        rows.append({"topic": topic, **counts, **shares, **quote})
    table = pd.DataFrame(rows).assign(n_comments=len(said), classified_share=found.response_id.nunique() / len(said))
    return table.sort_values(["blame_share", "n_mentions"], ascending=False, kind="stable", ignore_index=True)[
        _TEXT_COLUMNS
    ]


_TEXT_COLUMNS = [
    "topic", "n_comments", "classified_share", "n_mentions", "n_praise", "n_blame", "n_accounts", "blame_share",
    "blame_share_low", "blame_share_high", "quote", "quoted_account",
]  # fmt: skip


@chart("stacked_bar", y="topic", x=["n_blame", "n_praise"], size=(8, 4))
def plot_texts(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Blame to the left and praise to the right per topic, with the latest complaint in the customer's own words."""
    ax = ax or style.new_axes((8, 4))
    rows = table.iloc[::-1]
    place, most = np.arange(len(rows)), max(rows.n_blame.max(), rows.n_praise.max(), 1)
    ax.barh(place, -rows.n_blame, color=style.BAD, label=words.word("n_blame"))
    ax.barh(place, rows.n_praise, color=style.GOOD, label=words.word("n_praise"))
    for y, row in zip(place, rows.itertuples(), strict=True):
        ax.annotate(
            str(row.n_blame),
            (-row.n_blame, y),
            xytext=(-3, 0),
            textcoords="offset points",
            va="center",
            ha="right",
            fontsize=8,
        )
        ax.annotate(
            str(row.n_praise), (row.n_praise, y), xytext=(3, 0), textcoords="offset points", va="center", fontsize=8
        )
        if isinstance(row.quote, str):
            text = style.wrapped(words.say(None, f"“{row.quote}”", f"“{row.quote}”"), 34)
            ax.text(1.01, y, text, transform=ax.get_yaxis_transform(), va="center", fontsize=8, color=style.INK)
    ax.set_xlim(-most * 1.2, most * 1.2)
    ax.axvline(0, color=style.INK, lw=1)
    ax.set_yticks(place, [f"{words.word(r.topic)}\nn = {r.n_mentions}" for r in rows.itertuples()])
    ax.xaxis.set_major_formatter(lambda value, _: words.number(abs(value)))
    ax.set_xlabel(
        words.say(
            None,
            "Comments that blame or praise (n: that mention it; at the right the latest complaint)",
            "批评或表扬的意见条数（n：提及数；右侧为最近一条批评）",
        )
    )
    ax.legend(ncols=2, fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1))
    ax.grid(axis="y", visible=False)
    return ax


def texts_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """Name what most accounts blame in their own words, and how many comments have a topic at all."""
    row = table.iloc[0]
    if row.n_accounts < FEWEST:
        return words.say(
            lang,
            f"What customers blame cannot be said in shares: {row.n_accounts} accounts commented, {FEWEST} are needed; read the quotes.",
            f"留言客户仅 {row.n_accounts} 个（至少需要 {FEWEST} 个），无法给出占比，请直接阅读原文。",
        )
    part, of = words.share(row.blame_share), words.share(row.classified_share)
    span = f"{words.share(row.blame_share_low)}–{words.share(row.blame_share_high)}"
    return words.say(
        lang,
        en=f"In their own words {part} ({span}) of {row.n_accounts} commenting accounts blame {words.word(row.topic, 'en').lower()}; {of} of {row.n_comments} comments have a topic.",
        zh=f"{row.n_accounts} 个留言客户中有{part}（{span}）批评{words.word(row.topic, 'zh')}；{row.n_comments} 条意见中{of}可归类。",
    )


# How far that can be trusted


def labelled(part: str = "checking") -> pd.DataFrame:
    """Return the comments labelled by hand: lang, comment, topics ("price:-1 after_sales:1"), on 200 of which nothing was tuned.

    They were written for this purpose, none by a customer of anybody; `part="tuning"` are the 60 the dictionary was fitted on.
    """
    table = pd.read_csv(Path(__file__).with_name("labelled.csv"), keep_default_na=False)
    return table[table.part == part].reset_index(drop=True)


def accuracy_table(comments: pd.DataFrame) -> pd.DataFrame:
    """How often the dictionary is right: `comments` has comment and topics, as `labelled`.

    One row per topic: topic, n_comments, n_true, n_found, n_right; topic_precision_rate (right ÷ found), topic_recall_rate (right ÷ true)
    and tone_rate (praise, blame or neither as labelled ÷ right), each with its Wilson interval. NaN where nothing was found.
    """
    true = [{t: int(tone) for t, _, tone in (pair.partition(":") for pair in text.split())} for text in comments.topics]
    found = [classify(text) for text in comments.comment]
    rows = []
    for topic in SUBJECTS:
        both = [(t[topic], f[topic]) for t, f in zip(true, found, strict=True) if topic in t and topic in f]
        n_true, n_found = (sum(topic in labels for labels in side) for side in (true, found))
        row = {"topic": topic, "n_comments": len(comments), "n_true": n_true, "n_found": n_found, "n_right": len(both)}
        toned = sum(t == f for t, f in both)
        for name, k, n in (
            ("topic_precision", len(both), n_found),
            ("topic_recall", len(both), n_true),
            ("tone", toned, len(both)),
        ):
            low, high = stats.wilson(k, n)
            row |= {f"{name}_rate": k / n if n else np.nan, f"{name}_rate_low": low, f"{name}_rate_high": high}
        rows.append(row)
    return pd.DataFrame(rows)


@chart(
    "dots",
    x="topic",
    y="topic_precision_rate",
    low="topic_precision_rate_low",
    high="topic_precision_rate_high",
    size=(8, 4),
)
def plot_accuracy(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Precision, recall and tone per topic with intervals."""
    ax = ax or style.new_axes((8, 4))
    place = np.arange(len(table))[::-1]
    for name, shift, colour in (
        ("topic_precision", 0.2, style.BLUE),
        ("topic_recall", 0, style.ORANGE),
        ("tone", -0.2, style.GREY),
    ):
        rate = table[f"{name}_rate"]
        whiskers = np.abs(table[[f"{name}_rate_low", f"{name}_rate_high"]].to_numpy().T - rate.to_numpy())
        ax.errorbar(
            rate, place + shift, xerr=whiskers, fmt="o", color=colour, capsize=3, label=words.word(f"{name}_rate")
        )
    ax.set_yticks(place, [f"{words.word(r.topic)}\nn = {r.n_true}" for r in table.itertuples()])
    ax.set_xlim(0, 1.02)
    style.percent_axis(ax.xaxis)
    ax.set_xlabel(
        words.say(
            None,
            "Share right, 95 % interval (n: comments labelled with the topic)",
            "正确比例，95%区间（n：人工标注为该主题的意见数）",
        )
    )
    ax.legend(ncols=3, fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1))
    ax.grid(axis="y", visible=False)
    return ax


def accuracy_claim(table: pd.DataFrame, lang: str = "en") -> str:
    """State precision, recall and tone over all topics, and the topic that is found worst."""
    right, n = table.n_right.sum(), table.n_comments.iloc[0]
    rates = [words.share(value) for value in (right / table.n_found.sum(), right / table.n_true.sum())]
    tone = words.share((table.tone_rate * table.n_right).sum() / right)
    worst = table.loc[table.topic_precision_rate.idxmin()]
    span = f"{words.share(worst.topic_precision_rate_low)}–{words.share(worst.topic_precision_rate_high)}"
    return words.say(
        lang,
        en=f"On {n} labelled comments {rates[0]} of the topics found are right, {rates[1]} of those written are found, the tone is right in {tone}; weakest: {words.word(worst.topic, 'en').lower()} ({span} right).",
        zh=f"在 {n} 条人工标注意见上：识别出的主题{rates[0]}正确，应识别的找到{rates[1]}，褒贬判断正确{tone}；最弱的是{words.word(worst.topic, 'zh')}（正确率 {span}）。",
    )
