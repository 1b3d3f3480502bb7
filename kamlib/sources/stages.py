"""Deal stages that `kam.toml` does not know: without their order and probability there is no funnel."""

from __future__ import annotations

from pathlib import Path

import duckdb

from kamlib.language import say
from kamlib.settings import Settings, Stage
from kamlib.sources import toml
from kamlib.sources.ledger import Fault
from kamlib.tables import STATUSES

# with the mean probability the CRM gives them
_OPEN = """
    SELECT stage, avg(probability), count(*) FROM deals WHERE status = 'open' AND stage IS NOT NULL
    GROUP BY stage ORDER BY stage
"""
# with the mean place among the stages of a deal, from 0 to 1; the last stage of a closed deal may have any name
_PASSED = """
    SELECT stage, avg(place), count(*) FROM (
        SELECT h.stage, rank() OVER w / (count(*) OVER (PARTITION BY h.deal_id) + 1.0) AS place,
            lead(h.stage) OVER w IS NULL AND d.status <> 'open' AS closing
        FROM deal_stage_history h LEFT JOIN deals d USING (deal_id)
        WINDOW w AS (PARTITION BY h.deal_id ORDER BY h.entered_at)
    ) WHERE NOT coalesce(closing, false) AND stage IS NOT NULL GROUP BY stage ORDER BY stage
"""


def check(con: duckdb.DuckDBPyConnection, settings: Settings, where: Path) -> tuple[list[str], list[Fault]]:
    """Compare the stages of open deals, and those a deal passed through, with those of `kam.toml`.

    When it knows none of several the funnel would be empty: a fault says what to write. Other unknown ones are
    told; they come last in the funnel and take the probability the CRM gives them.
    """
    likely: dict[str, float | None] = {}
    rows: dict[str, int] = {}
    for stage, chance, n in (*con.execute(_OPEN).fetchall(), *con.execute(_PASSED).fetchall()):
        likely[stage] = chance if likely.get(stage) is None else likely[stage]
        rows[stage] = rows.get(stage, 0) + n
    known = {stage.name for stage in settings.stages}
    found = sorted(likely.keys() - set(STATUSES), key=lambda stage: (likely[stage] is None, likely[stage] or 0))
    new = [stage for stage in found if stage not in known]
    if len(new) > 1 and not known & set(found):
        entries = "\n".join(_entry(stage, likely[stage], i / (len(found) + 1)) for i, stage in enumerate(found, 1))
        named = ", ".join(f"'{stage}'" for stage in new)
        en, zh = (joint.join(_labels(stage)[i] for stage in Settings().stages) for i, joint in enumerate((", ", "、")))
        fault = say(
            None,
            f"{where}: kam.toml knows none of the deal stages {named}. Use those of the template (kam template), which are {en}; "
            "or write your open stages there (in a mapping: under 'settings'), in the order of the funnel, with your own "
            "probabilities:\n",
            f"{where}：kam.toml 未定义商机阶段 {named}。请改用模板（kam template）的阶段：{zh}；或按漏斗顺序将进行中的阶段及其赢率写入"
            " kam.toml（映射文件则写在 settings 之下）：\n",
        )
        return [fault + entries], []
    told = [Fault("deals", "deals", "stage", "unknown_stage", "told", rows[stage], ((None, stage),)) for stage in new]
    return [], told


def _labels(stage: Stage) -> tuple[str, str]:
    return stage.en or stage.name, stage.zh or stage.name


def _entry(stage: str, chance: float | None, otherwise: float) -> str:
    guess = min(max(otherwise if chance is None else chance, 0), 1)
    return f"  [[stages]]\n  name = {toml.value(stage)}\n  probability = {guess:.2f}"
