"""What to do next with one account."""

import pandas as pd
import pytest

from kamlib import dossier, words
from kamlib.dossier.actions import actions_table


@pytest.fixture(scope="module")
def company(sample):
    words.speak("en", "CNY")
    return dossier.Company(sample)


def test_each_has_a_reason_an_owner_and_a_day(company, sample):
    table = actions_table(company, "A0019", "en")
    assert len(table) >= 4
    assert table.notna().all().all()
    assert set(table["owner"]) == {sample.mart.set_index("account_id").at["A0019", "owner"]}
    assert (table["due"] > pd.Timestamp(sample.as_of)).all()
    assert table["due"].is_monotonic_increasing
    assert table["priority"].tolist() == list(range(1, len(table) + 1))


def test_the_account_whose_champion_left_is_visited_first(company):
    """Story 4 of the sample."""
    first = actions_table(company, "A0019", "en").iloc[0]
    assert first["action"] == "Visit and ask what has changed"
    assert "champion left" in first["reason"].lower()


def test_both_languages_say_the_same_number_of_things(company):
    for account_id in ("A0019", "A0008", "A0003"):
        en, zh = (actions_table(company, account_id, lang) for lang in ("en", "zh"))
        assert en["due"].tolist() == zh["due"].tolist()
        assert not set(en["action"]) & set(zh["action"])
