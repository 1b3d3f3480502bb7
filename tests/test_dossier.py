"""Notebook 10 and `kam dossier`: one account cut out of the tables of the others, and one page of it."""

import datetime as dt

import pytest

import kamlib as kam
from kamlib import dossier, lifecycle, words
from kamlib.batch import dossiers
from kamlib.batch.run import Call
from kamlib.dossier import pages, standing
from kamlib.errors import InputError
from kamlib.exhibit import Exhibits

CHAMPION_LEFT, LOSES_MONEY = "A0019", "A0008"


@pytest.fixture(scope="module")
def company(sample):
    words.speak("en", "CNY")
    return dossier.Company(sample)


def test_which_accounts(company):
    assert dossier.chosen(company, account=CHAMPION_LEFT) == [CHAMPION_LEFT]
    names = company.accounts.set_index("account_id")
    assert dossier.chosen(company, account=names.at[CHAMPION_LEFT, "account_name"]) == [CHAMPION_LEFT]
    tier_a = dossier.chosen(company, tier="A")
    assert set(names.loc[tier_a, "tier"]) == {"A"}
    owner = names["owner"].dropna().iloc[0]
    assert set(names.loc[dossier.chosen(company, owner=owner), "owner"]) == {owner}
    assert set(dossier.chosen(company)) == set(names.index[names["is_key_account"]])
    for wrong in ({"account": "nobody"}, {"tier": "E"}, {"owner": "nobody"}):
        with pytest.raises(InputError):
            dossier.chosen(company, **wrong)


def test_its_figures_are_those_of_the_other_notebooks(company, sample):
    entries = {id: table for id, table, *_ in pages.exhibits(company, LOSES_MONEY)}
    mart = sample.mart.set_index("account_id").loc[LOSES_MONEY]
    steps = entries["10.4"].set_index("step")["amount"]
    assert steps["revenue"] == pytest.approx(mart["revenue"], abs=0.005)
    assert steps["contribution"] == pytest.approx(mart["contribution"], abs=0.005)
    assert steps["contribution"] < 0
    states = lifecycle.current_states(company.silences, sample.as_of, sample.settings, sample.frame("accounts"))
    assert entries["10.1"]["lifecycle_state"].iloc[0] == states.set_index("account_id").at[LOSES_MONEY, "state"]
    months = sample.months[sample.months["account_id"] == LOSES_MONEY]
    in_year = months["month"] > "2024-12-31"
    assert entries["10.3"].tail(12)["revenue"].sum() == pytest.approx(months.loc[in_year, "revenue"].sum(), abs=0.01)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_part_says_something(company, sample, lang):
    show = Exhibits(sample, "10", lang=lang)
    for account_id in (CHAMPION_LEFT, LOSES_MONEY, "A0150"):
        for id, table, plot, claim, needs, n, of in pages.exhibits(company, account_id):
            made = show(id, table, plot, claim, needs=needs, n=n, of=of)
            assert "nan" not in made.claim[lang].lower(), (account_id, id, made.claim)
    words.speak("en", "CNY")


def test_an_account_that_never_bought_has_a_page_too(tmp_path):
    for name, text in {
        "accounts.csv": "account_id,account_name\nA,Alpha\nB,Beta\n",
        "orders.csv": "order_id,account_id,order_date,amount\nO1,A,2025-01-05,10\n",
    }.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    company = dossier.Company(kam.load(tmp_path, "2025-12-31"))
    written = dict(pages.write(company, ["A", "B"], tmp_path / "out", "en"))
    assert set(written) == {"Alpha", "Beta"}
    text = written["Beta"].read_text(encoding="utf-8")
    assert "Not measured: this needs the table" in text
    assert "nan" not in text.lower().replace("finance", "").replace("governance", "")


def test_names_of_files_come_from_the_id_alone_and_names_stay_text(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/accounts.csv").write_text(
        'account_id,account_name\n../../x,"<script>alert(1)</script> ../../etc"\n', encoding="utf-8"
    )
    (tmp_path / "in/orders.csv").write_text(
        "order_id,account_id,order_date,amount\nO1,../../x,2025-01-05,10\n", encoding="utf-8"
    )
    company = dossier.Company(kam.load(tmp_path / "in", "2025-12-31"))
    ((_, path),) = pages.write(company, ["../../x"], tmp_path / "out/dossiers", "en")
    assert path.parent == tmp_path / "out/dossiers"
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"dossiers"}
    text = path.read_text(encoding="utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert path.stat().st_mode & 0o077 == 0


def test_the_command_writes_a_page_and_shares_no_names(tmp_path, sample):
    call = Call(out=tmp_path, lang="zh", share=True)
    owner = sample.mart.set_index("account_id").at[CHAMPION_LEFT, "account_name"]
    (pair,) = list(dossiers.write(Call(out=tmp_path, lang="zh"), account=CHAMPION_LEFT))
    assert pair[0] == owner
    assert "下一步行动" in pair[1].read_text(encoding="utf-8")
    shared = next(iter(dossiers.write(call, tier="A")))
    text = shared[1].read_text(encoding="utf-8")
    assert not [name for name in sample.mart["account_name"] if name in text]
    assert not [name for name in sample.mart["owner"].dropna().unique() if name in text]
    words.speak("en", "CNY")


def test_the_future_cannot_leak(sample):
    day = dt.date(2025, 6, 30)
    company = dossier.Company(sample.at(day))
    entries = {id: table for id, table, *_ in pages.exhibits(company, CHAMPION_LEFT)}
    assert entries["10.2"]["began"].max().date() <= day
    assert entries["10.3"]["month"].max().date() <= day
    assert (
        standing.risk_table(company, CHAMPION_LEFT)["points"].sum()
        < standing.risk_table(dossier.Company(sample), CHAMPION_LEFT)["points"].sum()
    )
