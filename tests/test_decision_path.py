"""Decision path and functions: steps with their gaps, titles in two languages."""

import numpy as np
import pandas as pd
import pytest
from test_relationships import ACCOUNTS, activities, assessed, contacts, people

from kamlib import words
from kamlib.relationships import decision_path


def test_the_path_shows_the_best_holder_and_the_gaps():
    who = contacts(("1", "a", None, None), ("2", "a", None, None), ("3", "a", None, None), ("4", "a", None, None))
    ties = assessed(
        ("1", "user", 0, "2025-01-01"),
        ("2", "user", 1, "2025-01-01"),
        ("3", "decision_maker", -1, "2025-01-01"),
        ("4", "buyer", 0, "2025-01-01"),
    )
    deeds = activities(("a", "2", "2025-12-01", "call", True), ("a", "3", "2025-12-01", "visit", True))
    table = decision_path.path_table(people(who, ties, deeds), ACCOUNTS)
    a = table[table.account_id == "a"].set_index("role")
    assert a.state.to_dict() == {
        "user": "covered", "technical_buyer": "unknown", "buyer": "silent", "decision_maker": "silent", "approver": "unknown",
    }  # fmt: skip
    assert a.contact_name["user"] == "Mr 2"
    assert a.n_holders["user"] == 2
    assert a.is_active.to_dict()["decision_maker"]
    assert list(a.step) == [0, 1, 2, 3, 4]
    assert (table[table.account_id == "b"].state == "unknown").all()
    words.speak("en")
    assert "known at 0 of 2 accounts" in decision_path.path_claim(table)


@pytest.mark.parametrize(
    ("title", "function"),
    [
        ("采购经理", "purchasing"), ("技术总监", "engineering"), ("财务总监", "finance"), ("总经理", "management"),
        ("生产总监", "production"), ("质量经理", "quality"), ("Purchasing Manager", "purchasing"), ("CFO", "finance"),
        ("Head of Procurement", "purchasing"), ("R&D Manager", "engineering"), ("General Manager", "management"),
        ("Plant Director", "production"), ("Warehouse Lead", "logistics"), ("", "unknown"), (None, "unknown"),
        ("Wizard", "unknown"), ("Director", "unknown"), ("IT", "it"), ("CTO", "engineering"), ("Digital Officer", "unknown"),
    ],
)  # fmt: skip
def test_titles_are_read_in_both_languages(title, function):
    found, sure = decision_path.function_of(title)
    assert found == function
    assert (sure == 0) == (function == "unknown")


def test_the_department_helps_where_the_title_says_nothing_with_less_confidence():
    assert decision_path.function_of("Wizard", "finance") == ("finance", 0.5)
    assert decision_path.function_of(np.nan, "采购部") == ("purchasing", 0.5)
    assert decision_path.function_of("采购与财务专员")[1] < 1


def test_titles_nobody_here_made_up_are_read(public_data):
    """Northwind's 93 contacts: 62 in sales and marketing, 17 owners, 10 in accounting, 2 in IT; two are left to a person."""
    path = public_data / "northwind" / "customers.csv"
    if not path.is_file():
        pytest.skip("northwind is not here")
    titles = pd.read_csv(path).ContactTitle
    read = titles.map(lambda title: decision_path.function_of(title)[0]).value_counts().to_dict()
    assert read == {"sales": 62, "management": 17, "finance": 10, "it": 2, "unknown": 2}
    assert decision_path.unread_titles(pd.DataFrame({"title": titles})) == ["Order Administrator"]


def test_titles_of_the_sample_are_read_and_the_rest_is_listed(sample):
    everybody = sample.frame("contacts")
    read = [decision_path.function_of(title)[0] for title in everybody.title.dropna()]
    assert np.mean([name == "unknown" for name in read]) < 0.01
    assert decision_path.unread_titles(everybody) == ["Shift Supervisor"]
    departments = everybody.department[everybody.title.notna()]
    agree = np.mean([name == place for name, place in zip(read, departments, strict=True)])
    assert agree > 0.9
