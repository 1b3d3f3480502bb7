"""The deal stages of an export: what each is called here, whether it is open, won or lost, and how likely.

A stage of the vendor's standard pipeline is known; one that the CRM lists itself is what the list says. Of any other the
mapping file decides, else the column of the status, else its name and the probability of its deals; where those do not
say it either, the import is refused: a lost deal that counts as open is seen by nobody.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import duckdb
import yaml

from kamlib import words
from kamlib.errors import InputError
from kamlib.sources.crm import evidence
from kamlib.sources.crm.evidence import OwnStage, StageFound
from kamlib.sources.crm.expressions import Writer
from kamlib.sources.crm.match import Matched
from kamlib.sources.ledger import Fault
from kamlib.tables import STATUSES

KEY = "stage_status"
"""The entry of a mapping file that says how stages end."""
_SHOWN = 20
"""Letters of a stage's name that the ledger shows."""
_NOT_YET = re.compile(r"\b(not|no|never|to be|expected)\b|未|待|即将|预计|非|争取", re.I)
_ENDED = {
    "invalid": re.compile(r"\b(invalid|disqualified)\b|无效|作废", re.I),
    "lost": re.compile(r"\blost\b|输单|输给|输掉|丢单|丢失|失败|失单|流失", re.I),
    "won": re.compile(r"\bwon\b|赢|^已?成交", re.I),
}
_CLOSED = re.compile(r"\s*(closed?\b|已关闭|关闭|已?结束|丢|输)", re.I)


@dataclass
class Pipeline:
    """`stages` gives (name, status) by what a stage is called in the files; `opened` declares the open ones, by name, for
    `kam.toml`; `told` says what was taken for what."""

    stages: dict[str, tuple[str, str]]
    opened: dict[str, dict[str, Any]] = field(default_factory=dict)
    told: list[Fault] = field(default_factory=list)

    @property
    def settings(self) -> dict[str, Any]:
        ordered = sorted(self.opened.values(), key=lambda entry: entry["probability"])
        return {"stages": ordered} if ordered else {}


def pipeline(
    con: duckdb.DuckDBPyConnection, found: list[Matched], others: dict[str, Matched], said: dict[str, str]
) -> Pipeline:
    """Return the stages of all sheets; `said` is what the mapping file says of their status. InputError names those of
    which nothing tells how they end."""
    standard = {called: stage for one in found for stage in one.vendor.stages for called in stage.called}
    own = {stage.id: stage for one in found for stage in evidence.own_stages(con, one)}
    names = {called: (stage.name, stage.status) for called, stage in standard.items()}
    names |= {called: names.get(stage.label, (stage.label, stage.status)) for called, stage in own.items()}
    names |= {called: (names.get(called, (called, ""))[0], status) for called, status in said.items()}
    made, faults = Pipeline(names), []
    for one in sorted(found, key=lambda one: "deals" not in one.module.tables):  # they may know the chance
        stages = evidence.stages(con, one, _decided(one, others))
        new = [stage for stage in stages if stage.called not in standard and stage.called not in own]
        if unsure := _take(made, one, new, said, stages):
            faults.append(_refusal(one, unsure))
        for stage in stages:
            _declare(made, stage, own.get(stage.called), standard)
    if faults:
        raise InputError("\n".join(faults))
    return made


def _decided(one: Matched, others: dict[str, Matched]) -> str:
    """SQL for the status that a row has whatever its stage; NULL where only the stage tells it."""
    known = one.module.fields.get("status")
    writer = Writer(one, others)
    templates = (known.sql if known else ()) if "deals" in one.module.tables else ()
    filled = (writer.expression(template.replace("{stage_status}", "NULL")) for template in templates)
    return next(filter(None, filled), "NULL")


def _take(
    made: Pipeline, one: Matched, new: list[StageFound], said: dict[str, str], stages: list[StageFound]
) -> list[StageFound]:
    """Say what each stage that is not known counts as, and return those of which nobody can say it."""
    unsure, taken, by_column = [], [], []
    tells = len({stage.chance for stage in stages}) > 1 or len(stages) == 1  # else the column is not used
    in_deals = "deals" in one.module.tables
    for stage in new:
        if not in_deals and stage.called in made.stages:
            continue
        status = said.get(stage.called) or _status(stage, tells)
        shown = stage.called if len(stage.called) <= _SHOWN else f"{stage.called[: _SHOWN - 1]}…"
        shown += "" if stage.chance is None else f" {stage.chance:.0%}"
        if not stage.undecided and stage.called not in said:
            made.stages[stage.called] = (stage.called, status or "open")
            by_column.append((stage, f"{shown} ({stage.n:,})"))
        elif status:
            made.stages[stage.called] = (stage.called, status)
            taken.append((stage, f"{shown} → {status} ({stage.n:,})"))
        elif in_deals:
            unsure.append(stage)
        else:  # of a history: it ended a deal, or not
            made.stages[stage.called] = (stage.called, "lost")
    header = one.headers.get(("stage", ""), "")
    for kind, listed in (("new_stage", taken), ("status_of_stage", by_column)):
        if listed:
            shown = tuple((None, text) for _, text in listed)
            n = sum(stage.n for stage, _ in listed)
            made.told.append(Fault("deals", one.sheet.label, header, kind, "told", n, shown))
    return unsure


def _declare(made: Pipeline, stage: StageFound, own: OwnStage | None, standard: dict[str, Any]) -> None:
    """Declare an open stage with the probability its deals have, else the one that the CRM, or its vendor, gives it."""
    name, status = made.stages.get(stage.called, ("", ""))
    if status != "open" or name in made.opened or not stage.n_open:
        return
    known = standard.get(own.label if own else stage.called)
    declared = own.chance if own else known and known.probability
    chance = next((one for one in (stage.chance, declared) if one is not None), 0.5)
    made.opened[name] = {"name": name, "probability": round(min(max(chance, 0), 1), 2)}
    if known:
        made.opened[name] |= {"en": known.en, "zh": known.zh, "group": known.group}


def _status(stage: StageFound, tells: bool) -> str:
    """The status that name and chance of a stage agree on; "" where they do not say it."""
    ends = [status for status, sign in _ENDED.items() if sign.search(stage.called)]
    certain = tells and stage.chance in (0, 1)
    if len(ends) == 1 and not _NOT_YET.search(stage.called):
        return "" if certain and (ends[0] == "won") != (stage.chance == 1) else ends[0]
    return "" if certain or _CLOSED.match(stage.called) else "open"


def _refusal(one: Matched, unsure: list[StageFound]) -> str:
    def listed(lang: str) -> str:
        return words.say(lang, ", ", "、").join(_shown(stage, lang) for stage in unsure)

    entry = {KEY: {stage.called: "won" if stage.chance == 1 else "lost" for stage in unsure}}
    written = "".join(f"  {line}\n" for line in yaml.safe_dump(entry, allow_unicode=True).splitlines()).rstrip()
    choices, choices_zh = ", ".join(STATUSES), "open 进行中、won 赢单、lost 输单、invalid 无效"
    return words.say(
        None,
        f"{one.sheet.label}: nothing says whether a deal in these stages is won, lost or open: {listed('en')}. Say it "
        f"in a mapping file ({choices}), and import with --from that file:\n  extends: auto\n{written}",
        f"{one.sheet.label}：无法判断以下阶段的商机是赢单、输单还是进行中：{listed('zh')}。请写入映射文件（{choices_zh}），"
        f"并用 --from 指定该文件：\n  extends: auto\n{written}",
    )


def _shown(stage: StageFound, lang: str) -> str:
    en, zh = f"'{stage.called}' ({stage.n:,} deals", f"“{stage.called}”（{stage.n:,} 个商机"
    if stage.chance is not None:
        en, zh = f"{en}, chance {stage.chance:.0%}", f"{zh}，赢率 {stage.chance:.0%}"
    return words.say(lang, f"{en})", f"{zh}）")
