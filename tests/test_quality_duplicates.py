"""Accounts entered twice are found, in Chinese and English; what only looks alike is left alone."""

from __future__ import annotations

import datetime as dt
from random import Random

import duckdb
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted_duplicates import plant

from kamlib.quality.duplicates import duplicate_pairs
from kamlib.quality.hierarchy import in_loops
from kamlib.quality.names import normal_names
from kamlib.quality.validity import is_credit_code, phone_digits

DAY = dt.date(2025, 12, 31)
CODE, OTHER_CODE = "91110000600037341L", "91350100M000100Y43"


def engine(accounts: list[dict] | pd.DataFrame, orders: list[tuple] = ()) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    columns = ["account_id", "account_name", "owner", "credit_code", "phone", "parent_account_id", "created_at"]
    con.register("given", pd.DataFrame(accounts).reindex(columns=columns).astype(object))
    cells = ", ".join(f"CAST({name} AS {'DATE' if name == 'created_at' else 'VARCHAR'}) AS {name}" for name in columns)
    con.execute(f"CREATE TABLE accounts AS SELECT {cells} FROM given")
    con.execute("CREATE TABLE orders (account_id VARCHAR, order_date DATE, amount DECIMAL(18,2))")
    if orders:
        con.executemany("INSERT INTO orders VALUES (?, ?, ?)", orders)
    return con


def pairs(*accounts: tuple[str, dict]) -> list[tuple[str, str, str]]:
    rows = [{"account_id": f"a{i}", "account_name": name} | more for i, (name, more) in enumerate(accounts)]
    found = duplicate_pairs(engine(rows), DAY)
    return list(found[["account_id", "other_id", "evidence"]].itertuples(index=False, name=None))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("上海晟程冶金设备有限公司", "上海市晟程冶金设备有限公司"),
        ("上海晟程冶金设备有限公司", "上海晟程冶金設備股份有限公司"),  # traditional letters, another legal form
        ("上海晟程冶金设备有限公司", "上海晟程冶金设备（中国）有限公司"),
        ("上海晟程冶金设备有限公司", "上海晟程冶金设备"),
        ("ＡＢＢ电气设备有限公司", "ABB 电气设备有限公司"),
        ("江苏省苏州市睿诺机电有限公司", "江苏苏州睿诺机电（集团）有限公司"),
        ("Redmesa Controls Ltd.", "REDMESA CONTROLS LIMITED"),
        ("Redmesa Controls Ltd.", "Redmesa Controls, Inc."),
        ("Redmesa Controls Ltd.", "Redmesа Cоntrols Ltd."),  # Cyrillic а and о
        ("Redmesa Controls Ltd.", "Redmeza Controls"),
        ("Redmesa Controls Ltd.", "Redemsa Controls"),
        ("Redmesa Controls Ltd.", "Red Mesa Controls Co., Ltd."),
        ("Redmesa Controls Ltd.", "Controls Redmesa GmbH"),
        ("Łódzkie Zakłady Sp. z o.o.", "Lodzkie Zaklady"),
        ("Ostermark Automazione S.r.l.", "OSTERMARK AUTOMAZIONE SRL"),
        ("Müller Pumpenbau GmbH & Co. KG", "Mueller Pumpenbau GmbH"),
        ("凌岳传动有限公司 Lingyue Drives Co., Ltd.", "Lingyue Drives"),
    ],
)
def test_one_customer_written_in_two_ways(one, other):
    assert pairs((one, {}), (other, {})) == [("a0", "a1", "account_name")]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("上海晟程冶金设备有限公司", "北京晟程冶金设备有限公司"),
        ("上海骏泽饮料装备有限公司", "上海骏固饮料装备有限公司"),
        ("晟程冶金（上海）有限公司", "晟程冶金（北京）有限公司"),
        ("中铁十一局集团第四工程有限公司武汉分公司", "中铁十一局集团第五工程有限公司武汉分公司"),
        ("中铁十局建设工程有限公司", "中铁十一局建设工程有限公司"),
        ("国网江苏省电力有限公司", "国网江苏省电力有限公司南京供电分公司"),
        ("Westfälische Landmaschinen Handelsgesellschaft Nord GmbH", "Westfälische Landmaschinen Handelsgesellschaft Süd GmbH"),
        ("Westfälische Landmaschinen Handelsgesellschaft GmbH", "Westfälische Landmaschinen Handelsgesellschaft Ost GmbH"),
        ("Siemens (Shanghai) Ltd.", "Siemens (Beijing) Ltd."),
        ("Norfield Packaging AG", "Torfield Packaging AG"),
        ("Works Number 17 International Holding Machinery", "Works Number 18 International Holding Machinery"),
    ],
)  # fmt: skip
def test_two_companies_that_look_alike(one, other):
    assert pairs((one, {}), (other, {})) == []


def test_a_credit_code_speaks_for_itself_and_against_the_name():
    assert pairs(("Alpha", {"credit_code": CODE}), ("Omega", {"credit_code": CODE.lower()})) == [
        ("a0", "a1", "credit_code")
    ]
    assert pairs(("Redmesa Controls", {"credit_code": CODE}), ("Redmesa Controls", {"credit_code": OTHER_CODE})) == []
    wrong = CODE[:-1] + "M"  # its check digit says that it is a slip: then the name decides
    assert pairs(("Redmesa Controls", {"credit_code": CODE}), ("Redmesa Controls", {"credit_code": wrong})) == [("a0", "a1", "account_name")]  # fmt: skip
    assert pairs(("Alpha", {"credit_code": "0" * 18}), ("Omega", {"credit_code": "0" * 18})) == []


def test_a_phone_lets_one_letter_be_misheard_and_no_more():
    phone, same = {"phone": "+86 21 5550 1234"}, {"phone": "021-55501234转8"}
    assert pairs(("上海晟程冶金设备有限公司", phone), ("上海盛程冶金设备有限公司", same)) == [("a0", "a1", "phone")]
    assert pairs(("上海晟程冶金设备有限公司", {}), ("上海盛程冶金设备有限公司", {})) == []
    assert pairs(("上海晟程冶金设备有限公司", phone), ("北京晟程冶金设备有限公司", same)) == []
    many = [(f"{city}晟程冶金设备", phone) for city in ("上海", "北京")] + [(f"Stranger {i}", phone) for i in range(30)]
    assert pairs(*many) == []


def test_parents_and_their_children_are_not_duplicates():
    child = {"parent_account_id": "a0"}
    assert pairs(("Redmesa Controls", {}), ("Redmesa Controls", child)) == []
    assert pairs(("Redmesa Controls", {}), ("Holding", child), ("Redmesa Controls", {"parent_account_id": "a1"})) == []
    loop = {"parent_account_id": "a1"}, {"parent_account_id": "a0"}
    assert pairs(("Redmesa Controls", loop[0]), ("Redmesa Controls", loop[1])) == []


def test_a_group_never_holds_two_companies_by_their_codes():
    found = pairs(
        ("Redmesa Controls", {"credit_code": CODE}), ("Redmesa Controls", {"credit_code": OTHER_CODE}), ("Redmesa Controls", {}),
    )  # fmt: skip
    assert found == [("a0", "a2", "account_name")]


def test_the_account_with_most_revenue_stays():
    rows = [{"account_id": f"a{i}", "account_name": "Redmesa Controls", "owner": o} for i, o in enumerate("XYX")]
    rows += [{"account_id": f"b{i}", "account_name": "Velcrest Pumps", "created_at": day} for i, day in enumerate(("2024-02-01", "2024-01-01"))]  # fmt: skip
    orders = [("a1", "2025-01-01", 10), ("a1", "2025-02-01", 5), ("a2", "2025-01-01", 12), ("a0", "2026-01-01", 99)]
    found = duplicate_pairs(engine(rows, orders), DAY)
    first = found[found.duplicate_group == 1]
    assert list(zip(first.account_id, first.other_id, strict=True)) == [("a0", "a1"), ("a0", "a2"), ("a1", "a2")]
    assert set(first.keep_id) == {"a1"}
    assert list(first.revenue) == [0, 0, 15]
    assert list(first.other_revenue) == [15, 12, 12]
    (second,) = found[found.duplicate_group == 2].itertuples()
    assert second.keep_id == "b1"  # nobody ordered: the older one


@pytest.mark.parametrize("seed", range(3))
def test_fifty_accounts_lose_nobody_to_a_look_alike(seed):
    accounts, truth = plant(Random(seed), 50)
    found = duplicate_pairs(engine(accounts), DAY)
    assert set(zip(found.account_id, found.other_id, strict=True)) <= truth


def test_precision_and_recall_against_known_truth():
    accounts, truth = plant(Random(1), 2000)
    found = duplicate_pairs(engine(accounts), DAY)
    found = set(zip(found.account_id, found.other_id, strict=True))
    assert len(found & truth) / len(found) >= 0.98
    assert len(found & truth) / len(truth) >= 0.95  # a misheard brand without a phone is nobody's to find


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=6))
def test_any_text_has_a_normal_name_that_is_normal(names):
    first = [variants[0] for variants in normal_names(names)]
    assert len(first) == len(names)
    again = [variants[0].text for variants in normal_names([name.text for name in first])]
    assert [len(a) <= len(b.text) for a, b in zip(again, first, strict=True)] == [True] * len(names)


@settings(max_examples=40, deadline=None)
@given(
    st.permutations(range(7)),
    st.sets(st.sampled_from(["上海晟程冶金设备", "Redmesa Controls", "Redmeza Controls", "盛程"]), min_size=1),
)
def test_the_order_of_accounts_does_not_matter(order, names):
    rows = [{"account_id": f"a{i}", "account_name": f"{sorted(names)[i % len(names)]}"} for i in range(7)]
    usual, shuffled = (duplicate_pairs(engine(rows), DAY) for rows in (rows, [rows[i] for i in order]))
    pd.testing.assert_frame_equal(usual, shuffled)


def test_loops_of_parents():
    def loops(**parents):
        return in_loops(
            engine([{"account_id": k, "account_name": k, "parent_account_id": v} for k, v in parents.items()])
        )

    assert loops(a=None, b="a", c="b") == []
    assert loops(a="a", b="a") == ["a"]
    assert loops(a="b", b="c", c="a", d="a", e=None, f="e") == ["a", "b", "c"]
    chain = {f"x{i}": f"x{i + 1}" for i in range(500)}
    assert loops(**chain, x500=None) == []
    assert len(loops(**chain, x500="x250")) == 251


@pytest.mark.parametrize(
    ("phone", "digits"),
    [("+86 138 0013 8000", "13800138000"), ("138-0013-8000", "13800138000"), ("0086 21 5550 1234", "2155501234"),
     ("021-55501234", "2155501234"), ("(021) 5550 1234 ext. 12", "2155501234"), ("+1 555 0187", "15550187"),
     ("123", None), ("0000000000", None), ("11111111111", None), ("none", None), ("+39 555 0113", "395550113")],
)  # fmt: skip
def test_phones(phone, digits):
    assert duckdb.execute(f"SELECT {phone_digits('p')} FROM (SELECT $1 AS p)", [phone]).fetchone()[0] == digits


def test_credit_codes():
    assert is_credit_code(CODE)
    assert not is_credit_code(CODE[:-1] + "M")
    assert not is_credit_code("0" * 18)
    assert not is_credit_code("DE123456789")
