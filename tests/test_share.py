"""A run for others' eyes, searched byte by byte."""

import getpass
import json
import re
import socket
import sys
from pathlib import Path

import nbformat
import pytest
import searched
import tiny_project
from conftest import ROOT, SAMPLE

from kamlib.batch.run import Call, rerun, run
from kamlib.errors import InputError
from kamlib.privacy import small_cells

KEY = "a key for tests, long enough"
WORDS = {"Negotiation", "Buyer"}
"""The subject of an activity that is also the name of a stage, a job title that is also a role."""


@pytest.fixture(scope="module")
def shared_run(tmp_path_factory):
    out = tmp_path_factory.mktemp("mallorys outputs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KAM_SHARE_KEY", KEY)
        patch.setenv("LOGNAME", "mallory-jones")
        assert (
            run(
                Call(
                    data=SAMPLE,
                    out=out,
                    share=True,
                    values=("account=Ostermark Automazione S.r.l.",),
                    only="1,3,4,5,6,7",
                )
            )
            == 0
        )
        assert run(Call(data=SAMPLE, out=out, share=True, values=("top_n=9",), only="2")) == 0
    return out / "2025-12-31-shared"


def test_no_personal_value_is_in_any_byte(shared_run, sample):
    values = searched.personal(sample)
    assert {
        "A0001", "Ostermark Automazione S.r.l.", "Katrin Vogel", "Giulia Becker", "giulia.becker@a0001.example.com",
        "+39 555 0113", "C00011", "O000001", "梁思雨", "二期扩产伺服系统",
    } <= values  # fmt: skip
    assert len(values) > 45_000
    long_enough = {value for value in values if len(value) > 3 or (len(value) > 1 and not value.isascii())}
    assert searched.found(shared_run, long_enough - WORDS) == {}
    assert "account_no" not in {column for path in shared_run.glob("exhibits/*.csv") for column in filled(path)}


def filled(path):
    """Return the columns of an exhibit that hold anything."""
    import pandas as pd

    table = pd.read_csv(path, dtype=str)
    return table.columns[table.notna().any()]


def test_no_place_user_machine_or_key_is_named(shared_run):
    places = [str(ROOT), "/tmp", str(shared_run.parent), str(Path.home()), sys.prefix, "mallory", KEY, "accounts.csv"]
    assert searched.found(shared_run, places) == {}
    names = {getpass.getuser(), socket.gethostname()} - {"root", "localhost"}
    assert searched.found(shared_run, [name for name in names if len(name) > 4]) == {}


def test_it_holds_exhibits_and_no_tables(shared_run):
    assert {path.name for path in shared_run.iterdir()} - {"evidence.html"} == {
        "manifest.json",
        "notebooks",
        "exhibits",
        "report.html",
        "log",
    }
    said = json.loads((shared_run / "manifest.json").read_text(encoding="utf-8"))
    assert (said["status"], said["source"], said["files"], said["ledger"]["faults"]) == ("done", "", {}, [])
    assert said["ledger"]["access"] == {"role": "", "user": "", "shared": True}
    assert re.fullmatch("A-[A-Z2-7]{4,}", said["notebooks"]["05"]["parameters"]["account"]["value"])
    assert "Names are pseudonyms" in (shared_run / "report.html").read_text(encoding="utf-8")
    for path in shared_run.glob("notebooks/*.ipynb"):
        book = nbformat.read(path, as_version=4)
        assert book.metadata.keys() == {"kernelspec", "language_info"}
        outputs = [output for cell in book.cells for output in cell.get("outputs", [])]
        assert len(outputs) >= 6
        assert all(output.data["text/plain"].startswith(path.name[:2]) for output in outputs)


def test_no_exhibit_shows_a_small_cell(shared_run):
    import pandas as pd

    aggregates = 0
    for path in shared_run.glob("exhibits/*.csv"):
        table = pd.read_csv(path)
        bases = [name for name in small_cells.BASES if name in table.columns]
        if bases and not small_cells.about_somebody(table):
            aggregates += 1
            assert not table[bases].isin([1, 2]).any(axis=None), path.name
    assert aggregates > 10


COUNTS_OF_OTHER_THINGS = set(
    "n_activities n_active n_active_after n_alerts n_bands n_censored n_churned n_closed n_complaints n_cutoffs n_dates "
    "n_deals n_decided n_departments n_entered n_fixed n_gaps n_high n_hits n_late n_losing_ways n_losses n_lost n_low n_medium n_months "
    "n_moved_on n_moves n_open n_open_cases n_open_deals n_ordering n_orders n_pending n_prompt n_quarters n_returned "
    "n_active_before n_ahead n_before_units n_closed_deals n_early_contacts n_expected_units n_forecasts n_functions "
    "n_functions_active n_holders n_no_authority n_no_manager n_nodes n_origins n_ours n_people n_rank n_rank_high n_rank_low "
    "n_stock_units n_talks n_two_way n_all n_all_bought n_answered n_answered_late n_away n_back n_blame n_came_back n_cases n_comments n_contracts_due "
    "n_contracts_renewed n_due n_expected n_false n_found n_held n_known n_last_year n_like n_mentions n_missed n_new "
    "n_orders_returned n_overdue n_praise n_projected n_projected_high n_projected_low n_renewal n_returns n_right n_rows n_slipped "
    "n_steps n_top n_top_bought n_total_high n_total_low n_true n_visits n_waited n_weeks n_year n_roles n_roles_lost n_skipped n_slow n_slow_high n_slow_low n_stale n_still_open n_ways n_without_amount n_won n_at_risk".split()
)


def test_every_count_in_an_exhibit_is_decided(shared_run):
    counts = {
        column["name"]
        for path in shared_run.glob("exhibits/*.json")
        for column in json.loads(path.read_text(encoding="utf-8"))["columns"]
        if column["name"].startswith("n_")
    }
    assert counts <= COUNTS_OF_OTHER_THINGS | set(small_cells.BASES), (
        "does it count accounts or people: small_cells.BASES"
    )


def test_roles_and_sharing_combine_and_failures_tell_nothing(tmp_path, monkeypatch):
    root = tiny_project.make(tmp_path, beta="fail")
    monkeypatch.chdir(root)
    monkeypatch.setenv("KAM_SHARE_KEY", KEY)
    accounts = root / "data/sample/accounts.csv"
    owners = ("owner", "Ada Lovelace", "Bo Diddley")
    lines = accounts.read_text(encoding="utf-8").splitlines()
    accounts.write_text("".join(f"{a},{b}\n" for a, b in zip(lines, owners, strict=True)), encoding="utf-8")
    source = root / "notebooks/02_beta.ipynb"
    place = "f\\\"no numbers in {kam.params.resolve('secret.csv')}\\\""
    text = source.read_text(encoding="utf-8").replace('\\"the numbers\\\\ndo not add up\\"', place)
    source.write_text(text, encoding="utf-8")
    assert run(Call(only="01,02", role="rep", user="Ada Lovelace", share=True)) == 1
    (folder,) = (root / "runs").iterdir()
    assert re.fullmatch("2025-12-15-rep-Rep-[A-Z2-7]{4}-shared", folder.name)
    hidden = ["alert(1)", "=2+5", "Ada Lovelace", "Bo Diddley", str(root), "大客户 kit"]
    assert searched.found(folder, hidden) == {}
    assert "ValueError: no numbers in secret.csv" in (folder / "report.html").read_text(encoding="utf-8")
    with pytest.raises(InputError, match="is shared and keeps no tables to repeat it with"):
        rerun(Call())
    with pytest.raises(InputError, match="give it no .* or --share"):
        rerun(Call(share=True))
    with pytest.raises(InputError, match="--share-key .* goes with --share"):
        run(Call(share_key=Path("x")))


def test_a_name_that_nobody_has_is_not_passed_on(tmp_path, monkeypatch):
    monkeypatch.setenv("KAM_SHARE_KEY", KEY)
    with pytest.raises(InputError, match="-p account=Ostermrk: nobody is called that"):
        run(Call(data=SAMPLE, out=tmp_path, share=True, values=("account=Ostermrk",), only="5"))
