"""The tier engine: which grade does each account get, from which evidence, and how firm is it?

Five indicators (purchasing power, frequency, history, influence, loyalty), each 0 to 100, are weighted into a composite
score and cut into tiers. One engine decides for every notebook. The rule is `kam.toml`'s, see `settings.Tiers`.

How a measure becomes a score. A pure percentile (100·(rank − 0.5)/n) is at hand as `scale = "percentile"`, but it is a
race: somebody must always be last, a weighted mean of several hardly passes 85, and a tier moves because *others* did.
By default a measure is read against bands, the five values that earn 20, 40, 60, 80 and 100 points, linear in between.
For money and orders each band is half as populated as the one below: 80, 40, 20, 10 and 5 % of the peers (the key
accounts and the next largest, five per key account) earn it, so that the bands resolve the upper end, where key accounts
stand. They are rounded to two digits, printed, and can be pinned in `kam.toml`: pinned, they are absolute, and a better
score is a better customer. Tenure earns by fifths of the time on record (five years at most), months by fifths.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from pydantic import ValidationError

from kamlib.errors import InputError, wrong
from kamlib.language import say
from kamlib.mart import key_accounts
from kamlib.mart.window import windows
from kamlib.settings import BANDED, INDICATORS, Tiers
from kamlib.workspace import Data

MEASURES: dict[str, dict[str, float]] = {
    "purchasing_power": {"revenue": 3, "wallet": 1},
    "frequency": {"n_orders": 1, "regularity": 1},
    "history": {"tenure_days": 1, "active_month_share": 1},
    "influence": {"influence": 1},
    "loyalty": {"survey_loyalty": 1, "kept_revenue": 1, "order_on_time": 1},
}
"""What each indicator is made of, with the weight of each part among those known for the account."""

SCORES = tuple(f"{name}_score" for name in INDICATORS)
POINTS = (20.0, 40.0, 60.0, 80.0, 100.0)
BAND_COLUMNS = [f"p{p:.0f}" for p in POINTS]
QUANTILES = (0.2, 0.6, 0.8, 0.9, 0.95)
FIFTHS = (0.2, 0.4, 0.6, 0.8, 1.0)
RANKED = ("revenue", "wallet", "n_orders")
"""The measures whose bands are read off the peers unless they are pinned."""
PEERS, LEAST_PEERS, ANSWERS = 5, 20, 3
"""Peers per key account; peers from which their bands are firm; answers from which a survey stands for loyalty."""
FIRST_DAYS, LONGEST_DAYS = 365, 5 * 365
"""Days in which a customer is new: its history is not scored yet, rather than scored low. Days that earn all points."""


def rule_of(given: Tiers, weights: str = "", cuts: str = "", scale: str = "") -> Tiers:
    """Return the rule `given` with other weights ("50,20,10,10,10", in the order of `INDICATORS`), cuts ("85,70,60") or
    scale ("bands" or "percentile"); what is empty stays as it is.

    InputError when a list has the wrong length, is not numeric, or makes no rule.
    """
    changed = given.model_dump()
    if weights:
        changed["weights"] = dict(zip(INDICATORS, _numbers("weights", weights, INDICATORS), strict=True))
    if cuts:
        changed["cuts"] = dict(zip(given.cuts, _numbers("cuts", cuts, tuple(given.cuts)), strict=True))
    if scale:
        changed["scale"] = scale
    try:
        return Tiers.model_validate(changed)
    except ValidationError as error:
        asked = f"weights = '{weights}', cuts = '{cuts}', scale = '{scale}'"
        raise InputError(asked + say(None, ": ", "：") + wrong(error.errors()[0])) from None


def _numbers(name: str, text: str, of: tuple[str, ...]) -> list[float]:
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) != len(of):
        raise InputError(
            f"{name} = '{text}'. Give {len(of)} numbers, separated by commas, for {', '.join(of)}.",
            f"{name} = '{text}'：请填写 {len(of)} 个数字，用逗号分隔，依次对应 {'、'.join(of)}。",
        )
    return values


def measure_table(mart: pd.DataFrame) -> pd.DataFrame:
    """Return what is scored: account_id and one column per measure of `MEASURES`, from the account mart.

    regularity, kept_revenue, order_on_time and survey_loyalty are 0 to 100 by construction:
    100·(1 − v/2) with v the variation of the gaps between orders (0 = clockwork, 1 = as if at random);
    100·min(revenue ÷ revenue of the year before, 1); 100 while the next order is not overdue, falling to 0 when three
    usual gaps have passed; mean willingness to recommend × 10, or satisfaction rescaled, from at least three answers.
    A survey that counts replaces the two behavioural parts of loyalty; the two are never mixed.
    """
    asked = mart["recommend_mean"] * 10
    survey = asked.fillna((mart["satisfaction_mean"] - 1) * 25).where(mart["n_answers"] >= ANSWERS)
    kept = (mart["revenue"] / mart["revenue_prev"].where(mart["revenue_prev"] > 0)).clip(0, 1)
    has_history = mart["tenure_days"] >= FIRST_DAYS
    return pd.DataFrame(
        {
            "account_id": mart["account_id"],
            "revenue": mart["revenue"],
            "wallet": mart["wallet"].where(mart["wallet"] > 0),
            "n_orders": mart["n_orders"],
            "regularity": 100 * (1 - mart["gap_variation_ratio"] / 2).clip(0, 1),
            "tenure_days": mart["tenure_days"].where(has_history),
            "active_month_share": mart["active_month_share"].where(has_history),
            "influence": mart["influence"],
            "survey_loyalty": survey.clip(0, 100),
            "kept_revenue": (100 * kept).where(survey.isna()),
            "order_on_time": (50 * (3 - mart["gap_ratio"])).clip(0, 100).where(survey.isna()),
        }
    ).astype(dict.fromkeys((m for parts in MEASURES.values() for m in parts), float))


def comparable(data: Data) -> pd.DataFrame:
    """Return the account mart; when the record begins inside the window before (a month's grace), what compares with that
    window is unknown: revenue over half a year is no base for growth."""
    mart, before = data.mart, windows(data)[1]
    if not mart["first_order"].min() > pd.Timestamp(before.start) + pd.Timedelta(days=31):
        return mart
    return mart.assign(revenue_prev=np.nan, contribution_prev=np.nan, growth=np.nan)


def peers_of(mart: pd.DataFrame) -> pd.DataFrame:
    """Return the accounts that bands are read off: of those that bought in the window, the largest by revenue, five per
    key account."""
    buying = mart[mart["n_orders"] > 0]
    return buying.nlargest(PEERS * len(key_accounts(mart)), "revenue", keep="all")


def band_table(mart: pd.DataFrame, rule: Tiers) -> pd.DataFrame:
    """Return the bands: measure, the values that earn 20, 40, 60, 80 and 100 points (columns p20 … p100), and `source`:
    "pinned" in kam.toml, read off the "peers" or the "record", or "fixed". A measure that no account has is left out.
    """
    values, record = measure_table(peers_of(mart)), mart["tenure_days"].max()
    rows = {}
    for measure in RANKED:
        if len(known := values[measure][values[measure] > 0]):
            rows[measure] = (*(_two_digits(known.quantile(q)) for q in QUANTILES), "peers")
    if record > 0:
        rows["tenure_days"] = (*(round(part * min(record, LONGEST_DAYS)) for part in FIFTHS), "record")
    rows["active_month_share"] = (*FIFTHS, "fixed")
    rows |= {measure: (*values, "pinned") for measure, values in rule.bands.items()}
    kept = [(measure, *rows[measure]) for measure in BANDED if measure in rows]
    return pd.DataFrame(kept, columns=["measure", *BAND_COLUMNS, "source"])


def _two_digits(value: float) -> float:
    return float(f"{value:.1e}")


def indicator_scores(mart: pd.DataFrame, rule: Tiers) -> pd.DataFrame:
    """Return account_id, account_name and the five indicator scores (0 to 100; missing where nothing is known), with
    `loyalty_source` ("survey", "behaviour" or "unknown") and `is_new` (first order less than a year ago).
    """
    measures = measure_table(mart)
    points = measures.drop(columns="account_id")
    if rule.scale == "percentile":
        judged = ["influence", "survey_loyalty"]
        points = points.apply(lambda column: column if column.name in judged else percentile(column))
    else:
        bands = band_table(mart, rule).set_index("measure")
        for measure, band in bands.iterrows():
            points[measure] = _against_band(points[measure], band[BAND_COLUMNS])
        points[[m for m in BANDED if m not in bands.index]] = np.nan
    out = mart[["account_id", "account_name"]].copy()
    for indicator, parts in MEASURES.items():
        out[f"{indicator}_score"] = _weighted_mean(points[list(parts)], list(parts.values()))
    behaves = measures[["kept_revenue", "order_on_time"]].notna().any(axis=1)
    out["loyalty_source"] = np.select([measures["survey_loyalty"].notna(), behaves], ["survey", "behaviour"], "unknown")
    out["is_new"] = (mart["tenure_days"] < FIRST_DAYS).fillna(False).astype(bool)
    return out


def percentile(values: pd.Series) -> pd.Series:
    """Return 100·(rank − 0.5)/n among the known values, ties sharing the mean rank; missing stays missing."""
    return 100 * (values.rank(method="average") - 0.5) / values.notna().sum()


def _against_band(values: pd.Series, band: pd.Series) -> pd.Series:
    edges, points = np.r_[0.0, band.to_numpy(float)], np.r_[0.0, POINTS]
    last_of_equals = np.r_[np.diff(edges) > 0, True]
    return pd.Series(np.interp(values, edges[last_of_equals], points[last_of_equals]), values.index)


def _weighted_mean(values: pd.DataFrame, weights: list[float]) -> pd.Series:
    known = values.notna() * np.asarray(weights, float)
    return (values.fillna(0) * known).sum(axis=1) / known.sum(axis=1).where(lambda total: total > 0)


def composite(scores: pd.DataFrame, rule: Tiers) -> pd.DataFrame:
    """Grade indicator scores: S = Σ w·s ÷ Σ w over the indicators present, rounded to the digit that is shown.

    `scores` has the five `…_score` columns (any may be missing or NaN; missing is not zero). Added columns:
    coverage_share (weight of the indicators present), judged_share (weight of the rubric among those present),
    composite_score, tier (lowest: "D"; missing when nothing is known).
    """
    weights = pd.Series(rule.weights, dtype=float).reindex(INDICATORS, fill_value=0.0)
    values = scores.reindex(columns=list(SCORES)).astype(float)
    present = values.notna() * weights.to_numpy()
    total = present.sum(axis=1)
    out = scores.copy()
    out["coverage_share"] = total / weights.sum()
    out["judged_share"] = present["influence_score"] / total.where(total > 0)
    out["composite_score"] = ((values.fillna(0) * present).sum(axis=1) / total.where(total > 0)).round(1)
    passed = [out["composite_score"] >= cut for cut in rule.cuts.values()]
    out["tier"] = np.select([out["composite_score"].isna(), *passed], [None, *rule.cuts], "D")
    return out


def earned_points(graded: pd.DataFrame, rule: Tiers) -> pd.DataFrame:
    """Return the points that each indicator brings to the composite, one column per indicator: w·s ÷ Σw over those known."""
    weights = pd.Series(rule.weights, dtype=float).reindex(INDICATORS, fill_value=0.0).to_numpy()
    scores = graded[list(SCORES)].astype(float).set_axis(INDICATORS, axis=1)
    present = scores.notna() * weights
    return scores.fillna(0) * present.div(present.sum(axis=1).where(lambda total: total > 0), axis=0)


def tiers(data: Data, rule: Tiers | None = None) -> pd.DataFrame:
    """Return the tier of every account as of the date, by `rule` (default: the workspace's).

    One row per account of the mart, in its order: account_id, account_name, the five `…_score` columns, loyalty_source,
    is_new, coverage_share, judged_share, composite_score, tier, and `provisional`: why the tier is 暂定, one of
    "low_coverage", "new_account" (first year), "few_peers" (bands read off fewer than 20 accounts), or "" when firm.
    """
    rule = rule or data.settings.tiers
    mart = comparable(data)
    graded = composite(indicator_scores(mart, rule), rule)
    pinned = rule.scale == "bands" and set(RANKED) <= set(rule.bands)
    small = not pinned and len(peers_of(mart)) < LEAST_PEERS
    reasons = [graded["coverage_share"] < rule.coverage - 1e-9, graded["is_new"], np.full(len(graded), small)]
    graded["provisional"] = np.select(reasons, ["low_coverage", "new_account", "few_peers"], "")
    return graded


def rule_table(mart: pd.DataFrame, rule: Tiers) -> pd.DataFrame:
    """Return the rule as a table to read: indicator, weight_share, measure, part_share (of the indicator), and for
    banded measures the values that earn 20 … 100 points."""
    total = sum(rule.weights.values())
    rows = [
        (indicator, rule.weights.get(indicator, 0) / total, measure, part / sum(parts.values()))
        for indicator, parts in MEASURES.items()
        for measure, part in parts.items()
    ]
    table = pd.DataFrame(rows, columns=["indicator", "weight_share", "measure", "part_share"])
    return table.merge(band_table(mart, rule), on="measure", how="left") if rule.scale == "bands" else table
