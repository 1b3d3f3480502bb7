"""Through whose eyes: the gates of quality are for the whole of the data."""

import datetime as dt
from dataclasses import replace
from random import Random

import pytest
import small_company

import kamlib as kam
from kamlib import quality
from kamlib.errors import InputError
from kamlib.privacy.eyes import folder_name, renamed, seen
from kamlib.settings import Settings
from kamlib.sources.ledger import Access, Ledger

KEY = b"a key for tests, long enough"
DAY = dt.date(2025, 6, 30)


def company(**stop):
    return small_company.data(small_company.make(Random(1), DAY), DAY, Settings(quality={"stop": stop}))


def test_bad_data_stop_a_run_for_anybody_and_masks_stop_none():
    with pytest.raises(InputError, match="completeness"):
        seen(company(completeness=1), key=KEY)
    data = seen(company(completeness=0.01), key=KEY)
    assert quality.accepted(data.at(DAY)).stops() == []
    whole = company(completeness=0.01)
    assert seen(whole) is whole


def test_parameters_that_name_somebody_name_his_pseudonym(sample):
    names = renamed(
        {"05": {"account": "A0001", "top_n": 3}, "02": {"account": "Ostermark Automazione S.r.l."}}, sample, KEY
    )
    assert names["05"]["account"] == names["02"]["account"] != "A0001"
    assert names["05"]["top_n"] == 3
    with pytest.raises(InputError, match="-p owner=Katrin: nobody is called that"):
        renamed({"05": {"owner": "Katrin"}}, sample, KEY)
    assert renamed({"05": {"account": ""}}, sample, KEY) == {"05": {"account": ""}}


@pytest.mark.parametrize(
    ("access", "name"),
    [
        (Access(), "2025-06-30"),
        (Access("rep", "Ada"), "2025-06-30-rep-Ada"),
        (Access("rep", "../../Ada /"), "2025-06-30-rep-Ada"),
        (Access("analyst", shared=True), "2025-06-30-analyst-shared"),
        (Access("rep", "Rep K7Q2", True), "2025-06-30-rep-Rep-K7Q2-shared"),
    ],
)
def test_run_folders_of_different_eyes_lie_apart(access, name):
    assert folder_name(replace(company(), ledger=Ledger(access=access))) == name


def test_what_was_imported_earlier_does_not_go_along(sample):
    data = seen(kam.load(sample.source), "rep", "Katrin Vogel", KEY)
    assert (data.files, data.snapshots, data.ledger.faults, data.ledger.set_aside_names()) == ((), (), (), [])
    assert data.source != sample.source
    assert sorted(path.name for path in data.source.iterdir() if path.is_file()) == ["kam.toml", "tables.duckdb"]
    tables = data.con.con.execute("SELECT DISTINCT table_schema FROM information_schema.tables").fetchall()
    assert tables == [("main",)]
