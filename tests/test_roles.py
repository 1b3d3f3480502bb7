"""Roles: what belongs to other people's accounts is nowhere, and what belongs to one's own is all there."""

import datetime as dt
import re
from random import Random

import pandas as pd
import pytest
import searched
import small_company
import tiny_project
from conftest import SAMPLE

import kamlib as kam
from kamlib import words
from kamlib.batch.run import Call, rerun, run
from kamlib.errors import InputError
from kamlib.finance import lifetime_value
from kamlib.privacy.roles import decided, restrict, way
from kamlib.settings import Settings
from kamlib.sources.ledger import Access
from kamlib.tables import TABLES

REP = "Katrin Vogel"
AS_OF = dt.date(2025, 6, 30)


def company(seed=1):
    """A small company in which Ada and Bo own every other account and deal, and Cy none."""
    frames = small_company.make(Random(seed), AS_OF, accounts=9)
    for name, owners in (("accounts", ["Ada", "Bo", None]), ("deals", ["Bo", "Ada", "Cy"])):
        frames[name]["owner"] = [owners[i % 3] for i in range(len(frames[name]))]
    return small_company.data(frames, AS_OF)


def raw(data, name):
    return data.con.con.execute(f"FROM {name}").df()


def rows(frame):
    return sorted(map(str, frame.astype(object).where(frame.notna(), None).to_numpy().tolist()))


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_every_table_says_who_may_see_a_row(table):
    assert decided(table), f"{table.name}: refer to accounts, name an owner, or say in `seen` what a role sees of it"


@pytest.fixture(scope="module")
def reps_run(tmp_path_factory):
    out = tmp_path_factory.mktemp("rep")
    assert run(Call(data=SAMPLE, out=out, role="rep", user=REP)) == 0
    return out


@pytest.fixture(scope="module")
def owned():
    accounts = pd.read_csv(SAMPLE / "accounts.csv", dtype=str)
    return set(accounts.account_id[accounts.owner == REP]), set(accounts.account_id[accounts.owner != REP])


def test_a_reps_run_holds_nothing_foreign_in_any_byte(reps_run, owned, sample):
    mine, foreign = (searched.personal(sample, accounts) for accounts in owned)
    own_words = {
        text for pair in words.LABELS.values() for text in pair
    }  # "Buyer" is a role to us, and somebody's title
    values = foreign - mine - own_words
    assert len(values) > 40_000
    assert {"A0002", "Ironvale Controls Ltd.", "+1 555 0187", "James Lopez", "james.lopez@a0002.example.com"} <= values
    short = {value for value in values if len(value) < 4 and (value.isascii() or len(value) < 2)}
    assert searched.found(reps_run, values - short) == {}
    assert {"Ostermark Automazione S.r.l.", "Giulia Becker"} <= searched.found(reps_run, mine - short).keys(), (
        "it can find"
    )
    data = kam.load(next(reps_run.glob("*/data")))
    assert all(short.isdisjoint(raw(data, table.name)[c.name]) for table in TABLES.values() for c in table.columns)


def test_a_reps_run_says_so_and_counts_what_was_seen(reps_run, owned):
    (folder,) = reps_run.iterdir()
    assert folder.name == "2025-12-31-rep-Katrin-Vogel"
    ledger = kam.load(folder / "data").ledger
    entry = next(entry for entry in ledger.entries if entry.table == "accounts")
    assert (entry.read, entry.kept, entry.file) == (len(owned[0]), len(owned[0]), "")
    assert ledger.access.text("en") == "Only what the role rep Katrin Vogel may see."
    assert ledger.access.text("zh") == "仅含角色 rep（Katrin Vogel）可见的数据。"
    assert "Only what the role rep Katrin Vogel may see." in (folder / "report.html").read_text(encoding="utf-8")
    exhibits = pd.concat([pd.read_csv(path, dtype=str) for path in folder.glob("exhibits/*.csv")])
    assert set(exhibits.account_id.dropna()) <= owned[0] | {lifetime_value.TOTAL}


def test_whose_eyes_is_said_in_both_languages():
    assert Access().text("en") == Access().text("zh") == ""
    assert Access("analyst").text("zh") == "仅含角色 analyst 可见的数据。"
    both = Access("rep", "Rep K7Q2", shared=True).text("en")
    assert both.startswith("Only what the role rep Rep K7Q2 may see. Names are pseudonyms;")


@pytest.mark.parametrize("seed", range(4))
def test_own_rows_are_all_there_and_as_they_were(seed):
    before, after = company(seed), restrict(company(seed), "rep", "Ada")
    mine = set(raw(before, "accounts").query("owner == 'Ada'").account_id)
    seen = {table.name: set(raw(after, table.name)[table.key[0]]) for table in TABLES.values()}
    for table in TABLES.values():
        found, whole = raw(after, table.name), raw(before, table.name)
        refers = [column for column in table.columns if column.ref and column != way(table)]
        for column in refers:
            assert set(found[column.name].dropna()) <= seen[column.ref], f"{table.name}.{column.name} leads elsewhere"
        if not (table.name == "accounts" or way(table)):
            continue
        expected = whole[searched.account_of(before, table).isin(mine)]
        for column in refers:
            if column.required:
                expected = expected[expected[column.name].isin(seen[column.ref])]
        if way(table) and way(table).ref == "deals":  # of a deal without account, too
            expected = whole[whole.deal_id.isin(seen["deals"])]
        if table.name == "deals":
            expected = pd.concat([expected, whole[whole.account_id.isna() & (whole.owner == "Ada")]])
        kept = [column.name for column in table.columns if column not in refers]
        assert rows(found[kept]) == rows(expected[kept])
    assert set(raw(after, "targets").owner) <= {"Ada"}
    bought = [*raw(after, "order_lines").product_id.dropna(), *raw(after, "returns").product_id.dropna()]
    assert seen["products"] == set(bought)


def test_a_deal_without_account_belongs_to_its_owner():
    before = company()
    before.con.con.execute("UPDATE staged.deals SET account_id = NULL")
    deals = raw(before, "deals")
    assert (deals.owner == "Ada").sum() > 1
    assert set(raw(restrict(before, "rep", "Ada"), "deals").deal_id) == set(deals.deal_id[deals.owner == "Ada"])


def test_departments_and_regions_by_name_or_by_somebody_there(sample):
    accounts = raw(sample, "accounts")
    assert set(raw(restrict(sample, "manager", REP), "accounts").department) == {"Overseas sales"}
    by_name = raw(restrict(sample, "manager", "Overseas sales"), "accounts")
    assert set(by_name.account_id) == set(accounts.account_id[accounts.department == "Overseas sales"])
    own = sample.settings.model_copy(update={"roles": Settings(roles={"local": {"rows": "region"}}).roles})
    sample = kam.workspace.replace(sample, settings=own)
    assert set(raw(restrict(sample, "local", "Europe"), "accounts").region) == {"Europe"}


def test_masks_come_before_anything_is_computed(sample):
    analyst, partner = restrict(sample, "analyst"), restrict(sample, "partner", REP)
    contacts = raw(analyst, "contacts")
    assert len(contacts) == len(raw(sample, "contacts"))
    assert contacts.contact_name.equals(contacts.contact_id), "what cannot be blank is the id"
    assert contacts[["email", "phone"]].isna().all(axis=None)
    assert raw(analyst, "accounts")[["phone", "credit_code"]].isna().all(axis=None)
    assert not partner.has("service_costs")
    assert not partner.has("targets")
    assert raw(partner, "service_costs").empty
    assert partner.mart[["cogs", "gross_margin", "contribution", "cost_to_serve"]].isna().all(axis=None)
    assert partner.mart.revenue.sum() > 0


@pytest.mark.parametrize(
    ("role", "user", "words"),
    [
        ("repp", REP, "--role repp: there is no such role. Did you mean 'rep'? Roles: manager, rep, partner, analyst."),
        ("rep", "Katrin Vogl", "--user Katrin Vogl: no account belongs to this owner. Did you mean 'Katrin Vogel'?"),
        ("rep", "' OR 1=1 --", "no account belongs to this owner"),
        ("rep", "", "This role sees the accounts of one owner: say whose with --user NAME."),
        ("manager", "Oversea sales", "no account belongs to this department. Did you mean 'Overseas sales'?"),
    ],
)
def test_mistakes_are_one_line_with_a_suggestion(sample, role, user, words):
    with pytest.raises(InputError, match=re.escape(words)) as error:
        restrict(sample, role, user)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ('[roles.rep]\nrows = "everything"', "roles.rep.rows = 'everything'"),
        (
            '[roles.rep]\nrows = "all"\nmask = ["emal"]',
            "'emal' is no column or table that can be masked. Did you mean 'email'?",
        ),
        ('[roles.rep]\nrows = "all"\nmask = ["account_id"]', "'account_id' is no column or table that can be masked."),
        ('[roles.rep]\nrows = "all"\nmask = ["orders"]', "'orders' is no column or table that can be masked."),
        ('[roles.rep]\nrows = "all"\nmask = ["order_lines.amount"]', "'order_lines.amount' is no column"),
    ],
)
def test_roles_of_kam_toml_are_checked(tmp_path, toml, words):
    (tmp_path / "kam.toml").write_text(toml, encoding="utf-8")
    with pytest.raises(InputError, match=re.escape(words)):
        kam.load(tmp_path)


def test_the_runs_of_roles_lie_apart_and_are_repaired_alike(tmp_path, monkeypatch):
    root = tiny_project.make(tmp_path, beta="fail")
    monkeypatch.chdir(root)
    accounts = (root / "data/sample/accounts.csv").read_text(encoding="utf-8").splitlines()
    owners = ["owner", "../../Ada", "Bo"]
    text = "\n".join(f"{line},{owner}" for line, owner in zip(accounts, owners, strict=True))
    (root / "data/sample/accounts.csv").write_text(text + "\n", encoding="utf-8")
    for role, user in (("", ""), ("rep", "../../Ada"), ("rep", "Bo")):
        assert run(Call(only="01,02", role=role, user=user)) == 1
    names = sorted(path.name for path in (root / "runs").iterdir())
    assert names == ["2025-12-15", "2025-12-15-rep-Ada", "2025-12-15-rep-Bo"]
    (root / "mended").touch()
    assert rerun(Call(as_of="2025-12-15-rep-Ada")) == 0
    text = (root / "runs/2025-12-15-rep-Ada/exhibits/02.1.csv").read_text(encoding="utf-8")
    assert "Söhne" not in text
    assert "alert" in text
    with pytest.raises(InputError, match="give it no .* --role, --user or --share"):
        rerun(Call(role="rep"))
    with pytest.raises(InputError, match="--user Bo: say in which role, e.g. --role rep"):
        run(Call(user="Bo"))
