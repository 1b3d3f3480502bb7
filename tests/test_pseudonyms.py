"""Pseudonyms: nothing personal stays, everything still belongs together, the same key gives the same ones."""

import hmac
import re

import pandas as pd
import pytest
from conftest import SAMPLE

import kamlib as kam
from kamlib.privacy.pseudonyms import Pseudonyms, codes, share
from kamlib.privacy.roles import restrict
from kamlib.tables import TABLES, Column, Table

KEY = b"a key for tests, long enough"
TEXTS = [(table, column) for table in TABLES.values() for column in table.columns if column.type == "text"]


def raw(data, name):
    return data.con.con.execute(f"FROM {name}").df()


@pytest.fixture(scope="module")
def before():
    return kam.load(SAMPLE)


@pytest.fixture(scope="module")
def after(before):
    return share(before, KEY)


@pytest.mark.parametrize(("table", "column"), TEXTS, ids=lambda part: part.name)
def test_every_text_is_decided(table, column):
    decided = column.share in ("keep", "drop", "id", "name", "staff", "common")
    assert decided or column.ref or column.values, (
        f"{table.name}.{column.name}: say in `share` what others may see of it"
    )
    assert not (column.required and column.share == "drop"), "a required text needs a pseudonym"


def test_texts_that_lead_to_somebody_are_replaced_or_gone(before, after):
    for table, column in TEXTS:
        old, new = set(raw(before, table.name)[column.name].dropna()), set(raw(after, table.name)[column.name].dropna())
        if column.values or column.share == "keep" or column.ref == "products":
            assert old == new, f"{table.name}.{column.name}"
        elif column.share == "common":
            n = raw(before, table.name)[column.name].value_counts()
            assert new == set(n.index[n >= 3]), f"{table.name}.{column.name}: two with it would be known by it"
        else:
            assert old.isdisjoint(new), f"{table.name}.{column.name}"
        if column.share == "drop":
            assert not new


def test_everything_still_belongs_together(before, after):
    for table in TABLES.values():
        assert len(raw(after, table.name)) == len(raw(before, table.name))
        for column in table.columns:
            if column.ref:
                assert set(raw(after, table.name)[column.name].dropna()) <= set(
                    raw(after, column.ref)[TABLES[column.ref].key[0]]
                )
    figures = ["revenue", "contribution", "n_contacts", "n_won", "receivable", "satisfaction_mean"]
    old, new = (data.mart[figures].sort_values(figures).reset_index(drop=True) for data in (before, after))
    pd.testing.assert_frame_equal(old, new)


def test_they_read_well_and_are_all_different(before, after):
    accounts, contacts, deals = (raw(after, name) for name in ("accounts", "contacts", "deals"))
    for names, label in (
        (accounts.account_name, "Account"),
        (contacts.contact_name, "Contact"),
        (deals.deal_name, "Deal"),
    ):
        assert names.str.fullmatch(rf"{label} [A-Z2-7]{{4,6}}").all()
        assert names.is_unique
    assert accounts.owner.str.fullmatch("Rep [A-Z2-7]{4,6}").all()
    assert accounts.owner.nunique() == raw(before, "accounts").owner.nunique()
    assert raw(after, "orders").order_id.is_unique
    zh = share(before, KEY, "zh")
    assert raw(zh, "accounts").account_name.str.fullmatch("客户 [A-Z2-7]{4,6}").all()


def test_the_same_key_gives_the_same_pseudonyms_and_another_gives_others(before, after):
    again = raw(share(before, KEY), "accounts")
    assert raw(after, "accounts").equals(again)
    others = raw(share(before, b"another key, as long as it is"), "accounts")
    assert set(others.account_name).isdisjoint(again.account_name)
    one_by_hand = hmac.new(KEY, b"orders\nO000001", "sha256").hexdigest()[:20]
    assert f"O-{one_by_hand}" in set(raw(after, "orders").order_id)


@pytest.mark.parametrize("key", [KEY, b"k" * 64, b"k" * 65], ids=len)
def test_keys_of_any_length_give_what_the_standard_says(before, key):
    sql = Pseudonyms(before, key)._hashed("orders", "'O1'")
    expected = hmac.new(key, b"orders\nO1", "sha256").hexdigest()[:20]
    assert before.con.con.execute(f"SELECT {sql}").fetchone() == (expected,)


def test_codes_grow_only_where_two_would_be_the_same():
    many = codes(KEY, "accounts", [f"A{i}" for i in range(5000)])
    assert len(set(many.values())) == 5000
    longer = [value for value, code in many.items() if len(code) > 4]
    assert 0 < len(longer) < 100
    few = codes(KEY, "accounts", [f"A{i}" for i in range(0, 5000, 2)])
    assert all(many[value].startswith(code) for value, code in few.items()), (
        "next month's are this month's, or begin so"
    )


def test_an_undecided_text_is_dropped(before):
    column = Column("nickname", "text", "Nickname", "昵称")
    assert (
        Pseudonyms(before, KEY)._cell(Table("x", "x", "x", ("nickname",), (column,)), column) == "CAST(NULL AS VARCHAR)"
    )


def test_after_a_role_the_user_has_a_pseudonym_too():
    data = share(restrict(kam.load(SAMPLE), "rep", "Katrin Vogel"), KEY)
    access = data.ledger.access
    assert (access.role, access.shared) == ("rep", True)
    assert re.fullmatch(r"Rep [A-Z2-7]{4}", access.user)
    assert set(raw(data, "accounts").owner) == {access.user}
