"""The assessment in words: the verdict, the scorecard as cells, the findings with their cure, why a run stops."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from kamlib import words
from kamlib.rules import DIMENSIONS

if TYPE_CHECKING:
    from kamlib.quality import Quality


def verdict(quality: Quality, lang: str | None = None) -> str:
    """Return one sentence: how many tables pass, and whether the totals agree with the sources."""
    gates = Counter(quality.tables.gate.dropna())
    n, warn, stop_ = len(quality.tables), gates["warn"], gates["stop"]
    compared = quality.tables.money_unexplained.dropna()
    off = int((compared != 0).sum())
    agree_en = (
        "all totals equal their sources" if not off else f"{off} of {len(compared)} totals differ from their source"
    )
    agree_zh = "各表合计均与来源一致" if not off else f"{len(compared)} 个合计中有 {off} 个与来源不一致"
    return words.say(
        lang,
        f"Of {n} tables {n - warn - stop_} pass, {warn} warn, {stop_} stop; {agree_en}.",
        f"{n} 张数据表中 {n - warn - stop_} 张通过，{warn} 张注意，{stop_} 张停止；{agree_zh}。",
    )


def scorecard(quality: Quality, lang: str | None = None) -> list[list[str]]:
    """Return the scorecard as cells, heading first: table, gate, score, the six dimensions, rows, newest row."""
    share = {(row.table_name, row.dimension): _share(row) for row in quality.scores.itertuples()}
    head = ["table_name", "gate", "score_share", *DIMENSIONS, "n_rows", "newest_at"]
    return [
        [words.word(name, lang) for name in head],
        *(
            [
                words.word(row.table_name, lang),
                words.word(f"gate.{row.gate}", lang) if isinstance(row.gate, str) else "–", percent(row.score_share),
                *(share[row.table_name, dimension] for dimension in DIMENSIONS), f"{row.n_rows:,}", row.newest_at or "–",
            ]
            for row in quality.tables.itertuples()
        ),
    ]  # fmt: skip


def joins(quality: Quality, lang: str | None = None) -> list[list[str]]:
    """Return how far the tables find each other as cells, heading first; nothing where none can be joined."""
    rows = [
        [
            words.word(row.table_name, lang), words.word(row.other_table, lang), f"{row.n_matched:,}", f"{row.n_unmatched:,}",
            "–" if row.money_unmatched != row.money_unmatched else f"{row.money_unmatched:,.2f}",
            percent(row.money_unmatched_share),
        ]
        for row in quality.joins.itertuples()
    ]  # fmt: skip
    return [[words.word(name, lang) for name in quality.joins.columns], *rows] if rows else []


def findings(quality: Quality, lang: str | None = None, border: bool = True) -> list[str]:
    """Return what failed, the worst first: where, what, how many of how many, the money and its share of all the table's,
    the cure. Without `border` what was at fault when the files were read is left out, since the ledger tells it."""
    of_source = quality.tables.money_source.fillna(quality.tables.money_table)
    total = dict(zip(quality.tables.table_name, of_source, strict=True))
    shown = quality.findings if border else quality.findings[quality.findings.n_checked > 0]
    return [_finding(row, total.get(row.table_name), quality.currency, lang) for row in shown.itertuples()]


def _finding(row: Any, total: float, currency: str, lang: str | None) -> str:
    own = f"finding.{row.kind}" in words.LABELS
    what = words.word(f"finding.{row.kind}" if own else f"fault.{row.kind}", lang)
    cure = words.word(f"finding.{row.kind}.cure" if own else f"cure.{row.kind}", lang)
    places = (words.word(name, lang) for name in (row.table_name, row.column_name) if name)
    number = f"{row.n_failed:,}"
    if row.n_checked:
        number = words.say(lang, f"{number} of {row.n_checked:,}", f"{number} / {row.n_checked:,}")
    if row.money == row.money and row.money:
        number += words.say(lang, ", ", "，") + f"{currency} {row.money:,.2f}"
        if total == total and total:
            number += f" = {percent(row.money / total)}"
    where = words.say(lang, " · ", "·").join(places)
    return words.say(lang, f"{where}: {what} ({number}). {cure}.", f"{where}：{what}（{number}）。{cure}。")


def stop(row: Any, lang: str | None = None) -> str:
    """Return why a run does not go on: table, dimension, share, threshold, and the entry of `kam.toml`."""
    section, _, entry = row.entry.partition(" ")
    table, dimension = words.word(row.table_name, lang), words.word(row.dimension, lang)
    line = f'[{section}] "{row.table_name}.{row.dimension}" = {int(row.quality_share * 100) / 100:.2f}'
    return words.say(
        lang,
        f"{row.table_name}: {row.dimension} is {row.quality_share:.1%} ({row.n_failed:,} of {row.n_checked:,} failed), below the "
        f"{row.threshold_share:.1%} at which '{entry}' under [{section}] stops. Mend the rows that `kam check DATA --out DIR` "
        f"lists, or allow it in kam.toml: {line}",
        f"{table}：{dimension}为 {row.quality_share:.1%}（{row.n_checked:,} 项中 {row.n_failed:,} 项不合格），低于 [{section}] 中 "
        f"'{entry}' 的停止阈值 {row.threshold_share:.1%}。请更正 `kam check DATA --out DIR` 列出的行，或在 kam.toml 中放宽：{line}",
    )


def percent(share: float) -> str:
    """Write a share so that 100 % means all: 0.9999 is 99.9 %."""
    if share != share:
        return "–"
    return "100 %" if share == 1 else f"{int(share * 1000) / 10:.1f} %"


def _share(row: Any) -> str:
    mark = {"warn": " ▲", "stop": " ✗"}.get(row.gate, "")
    return percent(row.quality_share) + mark
