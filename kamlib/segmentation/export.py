"""The tier rule for use elsewhere: as sentences a person can follow, and as one SQL query that a database runs.

Both are made of the same bands and weights as the score itself. `agreement` runs the query and says for how many accounts it
gives the tier of the record.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from kamlib.segmentation.scoring import BAND_COLUMNS, INDICATORS, MEASURES, POINTS, band_table, measure_table
from kamlib.settings import BANDED, Tiers
from kamlib.words import number, say, share, word

JUDGED = ("influence", "survey_loyalty")
"""Measures that are points already, whatever the scale."""


def rule_sentences(mart: pd.DataFrame, rule: Tiers, lang: str | None = None) -> pd.DataFrame:
    """Return the rule as if/then lines, in the order in which they are applied: rule_step, rule_if, rule_then."""
    rows = [*_measure_lines(mart, rule, lang), *_indicator_lines(rule, lang)]
    weights = {name: rule.weights[name] for name in INDICATORS if rule.weights.get(name, 0) > 0}
    total = sum(weights.values())
    mix = " + ".join(f"{share(weight / total)} {word(name, lang)}" for name, weight in weights.items())
    composite = word("composite_score", lang)
    rows.append(
        (
            3,
            say(
                lang, "always; what is not known is left out, the rest weighs more", "始终；未知项不计，其余按比例放大"
            ),
            f"{composite} = {mix}",
        )
    )
    rows += [(4, f"{composite} ≥ {cut:g}", word(tier, lang)) for tier, cut in rule.cuts.items()]
    rows.append((4, say(lang, "otherwise", "其他"), word("D", lang)))
    thin = say(
        lang,
        f"under {share(rule.coverage)} of the weight is known, or first year",
        f"已知权重不足{share(rule.coverage)}，或合作未满一年",
    )
    rows.append((5, thin, word("provisional", lang)))
    return pd.DataFrame(rows, columns=["rule_step", "rule_if", "rule_then"])


def _measure_lines(mart: pd.DataFrame, rule: Tiers, lang: str | None) -> list[tuple]:
    if rule.scale == "percentile":
        every = say(lang, "a measure is known", "指标已知")
        return [(1, every, say(lang, "points = 100 · (rank − 0.5) ÷ accounts", "得分 = 100 ·（排名 − 0.5）÷ 客户数"))]
    lines = []
    for band in band_table(mart, rule).itertuples():
        values = " / ".join(_plain(getattr(band, name)) for name in BAND_COLUMNS)
        points = " / ".join(f"{point:g}" for point in POINTS)
        lines.append(
            (
                1,
                f"{word(band.measure, lang)} ≥ {values}",
                say(lang, f"{points} points, linear between", f"{points}分，其间线性"),
            )
        )
    return lines


def _plain(value: float) -> str:
    return number(value, 0 if float(value).is_integer() else 2)


def _indicator_lines(rule: Tiers, lang: str | None) -> list[tuple]:
    lines = []
    for name, parts in MEASURES.items():
        if rule.weights.get(name, 0) > 0:
            total = sum(parts.values())
            mix = " + ".join(f"{share(weight / total)} {word(part, lang)}" for part, weight in parts.items())
            lines.append((2, say(lang, "any part is known", "任一分项已知"), f"{word(name, lang)} = {mix}"))
    return lines


def rule_sql(mart: pd.DataFrame, rule: Tiers, table: str = "account_measures") -> str:
    """Return the rule as one query over `table`, which holds account_id and the measures of `scoring.measure_table`."""
    bands = band_table(mart, rule).set_index("measure")[BAND_COLUMNS]
    measures = [measure for parts in MEASURES.values() for measure in parts]
    points = ",\n".join(f"    {_points(measure, bands, rule)} AS {measure}" for measure in measures)
    weights = {name: weight for name, weight in rule.weights.items() if weight > 0}
    indicators = ",\n".join(f"    {_mean(MEASURES[name])} AS {name}" for name in weights)
    tiers = " ".join(f"WHEN composite_score >= {cut:g} THEN '{tier}'" for tier, cut in rule.cuts.items())
    return (
        f"WITH points AS (\n  SELECT account_id,\n{points}\n  FROM {table}\n),\n"
        f"indicators AS (\n  SELECT account_id,\n{indicators}\n  FROM points\n),\n"
        f"scores AS (\n  SELECT account_id, ROUND({_mean(weights)}, 1) AS composite_score\n  FROM indicators\n)\n"
        f"SELECT account_id, composite_score,\n  CASE WHEN composite_score IS NULL THEN NULL {tiers} ELSE 'D' END AS tier\n"
        "FROM scores\nORDER BY account_id"
    )


def _points(measure: str, bands: pd.DataFrame, rule: Tiers) -> str:
    """Return SQL that reads a measure against its band, or ranks it; a measure without either is points already."""
    if rule.scale == "percentile":
        if measure in JUDGED:
            return measure
        rank = f"RANK() OVER (ORDER BY {measure} NULLS LAST) + (COUNT(*) OVER (PARTITION BY {measure}) - 1) / 2.0"
        return f"CASE WHEN {measure} IS NOT NULL THEN 100 * ({rank} - 0.5) / COUNT({measure}) OVER () END"
    if measure not in BANDED:
        return measure
    if measure not in bands.index:
        return "CAST(NULL AS DOUBLE)"
    edges, earned = np.r_[0.0, bands.loc[measure].to_numpy(float)], np.r_[0.0, POINTS]
    kept = np.r_[np.diff(edges) > 0, True]
    steps = [(float(edge), float(point)) for edge, point in zip(edges[kept], earned[kept], strict=True)]
    cases = [f"WHEN {measure} >= {steps[-1][0]:.15g} THEN {steps[-1][1]:g}"]
    for (low, start), (high, end) in reversed(list(zip(steps, steps[1:], strict=False))):
        rise = f"{end - start:.1f} * ({measure} - {low:.15g}) / {high - low:.15g}"
        cases.append(f"WHEN {measure} >= {low:.15g} THEN {start:g} + {rise}")
    lines = "\n      ".join([*cases, f"WHEN {measure} < 0 THEN 0 END"])
    return f"CASE {lines}"


def _mean(weights: dict[str, float]) -> str:
    """Return SQL of the weighted mean of the columns that are known."""
    above = " + ".join(f"{weight:g} * COALESCE({name}, 0)" for name, weight in weights.items())
    below = " + ".join(f"CASE WHEN {name} IS NULL THEN 0 ELSE {weight:g} END" for name, weight in weights.items())
    return f"({above}) / NULLIF({below}, 0.0)"


def agreement(mart: pd.DataFrame, accounts: pd.DataFrame, rule: Tiers) -> float:
    """Run the query over the accounts' measures and return the share of them whose tier is that of the record."""
    import duckdb

    measures = measure_table(mart)
    with duckdb.connect() as con:
        con.register("account_measures", measures)
        found = con.execute(rule_sql(mart, rule)).df().set_index("account_id")["tier"]
    record = accounts.set_index("account_id")["tier"]
    return float((found.reindex(record.index).fillna("") == record.fillna("")).mean())


def agreement_claim(part: float, n: int, lang: str = "en") -> str:
    """Say for how many accounts the exported rule gives the tier of the record."""
    return say(
        lang, f"The exported query gives the tier of the record for {share(part)} of {n} accounts",
        f"导出的查询与正式级别一致的客户占{share(part)}（n = {n}）",
    )  # fmt: skip
