"""High-value accounts: who buys often, brings much, earns well and stays, and does that list hang on the weights?

Part of notebook 05. Five measures, each as the percentile of the account among those with revenue: how often it orders,
what it contributes, at which margin, how long it has been a customer, and how it keeps to its own rhythm (days since its
last order ÷ its median gap, so that who orders yearly is not called silent). Equal weights are a choice; a thousand
weightings scattered about them by a fifth (`weighting.perturbed_weights`) say how sure each place is.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from kamlib.models.weighting import perturbed_weights
from kamlib.segmentation.scoring import percentile
from kamlib.words import names, say, short

MEASURES = {"n_orders": 1, "contribution": 1, "contribution_share": 1, "tenure_days": 1, "gap_ratio": -1}
"""What counts, and whether more of it is better."""
DRAWS = 1000
SURE = 0.9


def high_value_table(mart: pd.DataFrame, *, top_n: int = 10) -> pd.DataFrame:
    """Rank accounts with revenue by the mean percentile over `MEASURES`; measures that are missing do not count.

    n_place; account_id, account_name, owner, is_key_account, the measures, mean_score (0–100), n_place_best and
    n_place_worst (5 % and 95 % over `DRAWS` weightings), stays_share (of the weightings
    that keep it among the `top_n`).
    Where no cost of goods is known, net revenue stands in for contribution, and there is no margin.
    """
    rows = mart[mart["revenue"] > 0].reset_index(drop=True)
    known = rows["contribution"].notna().any()
    rows["contribution"] = rows["contribution"] if known else rows["revenue"]
    rows["contribution_share"] = rows["contribution"] / rows["revenue"] if known else np.nan
    scores = pd.DataFrame({name: percentile(way * rows[name].astype(float)) for name, way in MEASURES.items()})
    equal = np.ones((1, len(MEASURES)))
    weights = np.vstack([equal, perturbed_weights(equal[0], DRAWS)])
    present = scores.notna().to_numpy(float)
    means = weights @ scores.fillna(0.0).to_numpy().T / np.maximum(weights @ present.T, 1e-12)
    places = (-means.round(6)).argsort(axis=1, kind="stable").argsort(axis=1) + 1
    table = rows[["account_id", "account_name", "owner", "is_key_account", *MEASURES]].copy()
    table["mean_score"], table["n_place"] = means[0].round(1), places[0]
    bounds = np.quantile(places[1:], [0.05, 0.95], axis=0, method="nearest") if len(rows) else np.zeros((2, 0))
    table["n_place_best"], table["n_place_worst"] = bounds.astype(int)
    table["stays_share"] = (places[1:] <= top_n).mean(axis=0)
    order = ["n_place", *table.columns.drop("n_place")]
    return table.sort_values("n_place", ignore_index=True)[order]


def high_value_claim(table: pd.DataFrame, lang: str | None = "en", *, top_n: int = 10) -> str:
    """Say how many of the `top_n` stay there under nine of ten weightings, and who."""
    head = table.head(top_n)
    sure = head[head["stays_share"] >= SURE]
    who = names([short(name) for name in sure["account_name"]], lang)
    return say(
        lang,
        f"{len(sure)} of the {len(head)} most valuable accounts stay among them under nine of ten weightings"
        f"{': ' + who if len(sure) else ''}.",
        f"最有价值的 {len(head)} 个客户中，{len(sure)} 个在九成权重组合下仍居其列{'：' + who if len(sure) else ''}。",
    )
