"""Scenarios: one per cent of each lever, by hand and against a book that is priced again."""

import numpy as np
import pytest
from hypothesis import given
from test_finance import book, books, mart_of

from kamlib.finance import scenarios


def effects(table):
    return table[table["change_rate"] > 0].set_index("what_if")["effect"].to_dict()


def test_levers_by_hand():
    """A: revenue 100, cost 50, serving 10; B: 100, 90, 20. Margins 50 % and 10 %; contribution 30, less 6 unallocated."""
    table = scenarios.scenario_table(book([(100, 0, 0, 50, 10), (100, 0, 0, 90, 20)]), unallocated=6.0)
    assert effects(table) == {
        "lever.price": 2.0, "lever.cogs": -1.4, "lever.mix": 0.8, "lever.volume": 0.3, "lever.cost_to_serve": -0.3,
    }  # fmt: skip
    price = table.iloc[0]
    assert (price["contribution"], price["effect_share"]) == (26, pytest.approx(2 / 24))
    assert price["break_even_rate"] == pytest.approx(-0.01 / (0.15 + 0.01))


@given(books)
def test_a_price_of_one_per_cent_more_is_what_the_book_says_when_priced_again(rows):
    """At the break-even volume the dearer book earns what the old one did."""
    mart = book(rows)
    table = scenarios.scenario_table(mart)
    if table.empty:
        return
    up = table[(table["what_if"] == "lever.price") & (table["change_rate"] > 0)].iloc[0]
    again = (mart["revenue"] * 1.01 - mart["cogs"] - mart["cost_to_serve"]).sum()
    assert up["contribution"] == pytest.approx(again, abs=0.02)
    if np.isfinite(up["break_even_rate"]):
        kept = 1 + up["break_even_rate"]
        assert again * kept == pytest.approx(mart["contribution"].sum(), rel=1e-6, abs=0.02)


def test_without_service_cost_there_is_no_such_lever_and_without_cost_none():
    bare = book([(100, 0, 0, 50, 0)]).assign(cost_to_serve=np.nan)
    assert "lever.cost_to_serve" not in effects(scenarios.scenario_table(bare))
    assert scenarios.scenario_table(mart_of(revenue=[5.0])).empty


@pytest.mark.parametrize("rows", [[(100, 0, 0, 50, 10), (100, 0, 0, 90, 20)], [(10, 0, 0, 90, 0)]])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_chart_and_claim(rows, lang):
    table = scenarios.scenario_table(book(rows))
    scenarios.plot_scenarios(table)
    assert "nan" not in scenarios.scenario_claim(table, lang)
