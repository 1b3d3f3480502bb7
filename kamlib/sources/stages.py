"""Deal stages that `kam.toml` does not know: without their order and probability there is no funnel."""

from __future__ import annotations

from pathlib import Path

import duckdb

from kamlib.errors import suggest
from kamlib.settings import Settings
from kamlib.sources import toml
from kamlib.tables import STATUSES

_OPEN = """
    SELECT stage, avg(probability) FROM deals WHERE status = 'open' AND stage IS NOT NULL GROUP BY stage ORDER BY stage
"""  # with the mean probability the CRM gives them
_PASSED = """
    SELECT stage, avg(place) FROM (
        SELECT h.stage, rank() OVER w / (count(*) OVER (PARTITION BY h.deal_id) + 1.0) AS place,
            lead(h.stage) OVER w IS NULL AND d.status <> 'open' AS closing
        FROM deal_stage_history h LEFT JOIN deals d USING (deal_id)
        WINDOW w AS (PARTITION BY h.deal_id ORDER BY h.entered_at)
    ) WHERE NOT coalesce(closing, false) AND stage IS NOT NULL GROUP BY stage ORDER BY stage
"""  # with the mean place among the stages of a deal, from 0 to 1


def unknown(con: duckdb.DuckDBPyConnection, settings: Settings, where: Path | str) -> list[str]:
    """Return one fault that lists the unknown stages as the entries to write, or none.

    Asked are the stages of open deals and those a deal passed through; the last one of a closed deal may have any name.
    """
    found, passed = dict(con.execute(_OPEN).fetchall()), dict(con.execute(_PASSED).fetchall())
    found |= {stage: place for stage, place in passed.items() if found.get(stage) is None}
    known = {stage.name for stage in settings.stages} | set(STATUSES)
    new = [stage for stage in found if stage not in known]
    if not new:
        return []
    ranked = sorted(set(found) - set(STATUSES), key=lambda stage: (found[stage] is None, found[stage] or 0))
    entries = []
    for place, stage in enumerate(ranked, 1):
        guess = found[stage] if found[stage] is not None else place / (len(ranked) + 1)
        entries.append(f"  [[stages]]\n  name = {toml.value(stage)}\n  probability = {min(max(guess, 0), 1):.2f}")
    hint = suggest(new[0], known)
    named = ", ".join(f"'{stage}'" for stage in new)
    return [
        f"{where}: kam.toml does not know the deal stages {named}.{hint} Correct them, or "
        "write all your open stages in kam.toml, in the order of the funnel, with your own probabilities:\n"
        + "\n".join(entries)
    ]
