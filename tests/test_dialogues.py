"""Threads and success: the landmark takes away what the length of deals would invent; networks by hand."""

import numpy as np
import pandas as pd
from test_relationships import AS_OF, activities

from kamlib import words
from kamlib.relationships import dialogues


def simulated(random, effect, n=400):
    """Deals whose contacts arrive at a steady rate, so that longer ones have more; won ones take longer; `effect` per early contact."""
    deals, deeds = [], []
    for i in range(n):
        made = pd.Timestamp("2024-01-01") + pd.Timedelta(days=int(random.integers(0, 300)))
        early = int(random.poisson(1.5))
        won = random.random() < 1 / (1 + np.exp(0.6 - effect * early))
        length = int(random.integers(200, 330) if won else random.integers(61, 160))
        deals.append((f"d{i}", made, made + pd.Timedelta(days=length), "won" if won else "lost"))
        days = [*random.integers(0, 59, early), *random.integers(61, length + 1, int(random.poisson(length / 40)))]
        deeds += [("a", f"c{i}-{k}", made + pd.Timedelta(days=int(day)), "call", True) for k, day in enumerate(days)]
    table = pd.DataFrame(deals, columns=["deal_id", "created_at", "closed_at", "status"])
    acts = activities(*deeds)
    return table, acts.assign(deal_id=["d" + c[1:].split("-")[0] for c in acts.contact_id])


def test_without_an_effect_early_contacts_show_none_although_all_contacts_would():
    random, alarms, naive = np.random.default_rng(1), 0, 0
    for _ in range(25):
        deals, deeds = simulated(random, 0.0)
        alarms += dialogues.early_contacts_table(deals, deeds, AS_OF).p_rate.iloc[0] < 0.05
        count = deeds.groupby("deal_id").contact_id.nunique().reindex(deals.deal_id).fillna(0).to_numpy()
        naive += count[deals.status == "won"].mean() > count[deals.status == "lost"].mean() + 1
    assert alarms <= 4
    assert naive >= 24


def test_a_planted_effect_is_found():
    words.speak("en")
    deals, deeds = simulated(np.random.default_rng(2), 0.7)
    table = dialogues.early_contacts_table(deals, deeds, AS_OF)
    assert table.p_rate.iloc[0] < 0.01
    assert table.n_closed.sum() == 400
    assert table.win_rate.iloc[-1] > table.win_rate.iloc[0]
    assert "more contacts go with more wins" in dialogues.early_contacts_claim(table)


def test_open_and_short_deals_are_left_out_and_few_are_told():
    deals, deeds = simulated(np.random.default_rng(3), 0.0, n=12)
    deals.loc[0, ["closed_at", "status"]] = [pd.NaT, "open"]
    deals.loc[1, "closed_at"] = deals.created_at[1] + pd.Timedelta(days=20)
    table = dialogues.early_contacts_table(deals, deeds, AS_OF)
    assert (table.n_closed.sum(), table.n_open.sum()) == (10, 1)
    words.speak("en")
    assert "cannot be said" in dialogues.early_contacts_claim(table)
    assert dialogues.early_contacts_table(deals.head(1), deeds, AS_OF).empty


def test_networks_by_hand():
    star = pd.DataFrame([("hub", f"p{i}") for i in range(8)] + [("p0", "hub")], columns=["source", "target"])
    table = dialogues.network_table(star)
    assert table.n_people.iloc[0] == 9
    assert np.isclose(table.density_index.iloc[0], 9 / 72)
    assert np.isclose(table.reciprocity_index.iloc[0], 2 / 9)
    assert table.node.iloc[0] == "hub"
    assert np.isclose(table.betweenness_index.iloc[0], 7 / 56)  # p0 to the seven others
    assert dialogues.network_table(star.head(6)).empty
    assert "fewer than 8" in dialogues.network_claim(dialogues.network_table(star.head(6)))
