"""The SQL functions of mappings: what CRMs write as dates, amounts, shares and ids."""

from __future__ import annotations

import duckdb
import pytest

from kamlib.sources import macros


@pytest.fixture(scope="module")
def sql():
    con = duckdb.connect(config={"python_enable_replacements": False})
    for statement in macros.statements("Asia/Shanghai"):
        con.execute(statement)
    con.execute("SET enable_external_access = false")
    return lambda call, cell: con.execute(f"SELECT {call}", [cell]).fetchone()[0]


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("1695225600000", "2023-09-21 00:00:00"),  # local midnight in UTC+8
        ("1695225600000.0", "2023-09-21 00:00:00"),
        ("2026-03-17T16:30:00Z", "2026-03-18 00:30:00"),
        ("2026-03-17T16:30:00.000+0000", "2026-03-18 00:30:00"),
        ("2026-03-17T10:00:00+08:00", "2026-03-17 10:00:00"),
        ("2026-03-17 05:00:00 UTC", "2026-03-17 13:00:00"),
        ("2026-03-17 10:00", "2026-03-17 10:00:00"),
        ("2026/3/7", "2026-03-07 00:00:00"),
        ("2026年3月7日 下午2:05", "2026-03-07 14:05:00"),
        ("17-Mar-2026", "2026-03-17 00:00:00"),
        ("Mar 17, 2026 02:30 PM", "2026-03-17 14:30:00"),
        ("2026-02-30", "2026-02-30"),
        ("31/12/2025", "31/12/2025"),
        ("soon", "soon"),
        ("  ", None),
        (None, None),
    ],
)
def test_moments_are_read_in_the_reporting_zone_and_what_is_none_stays(sql, cell, said):
    assert sql("as_moment(?)", cell) == said


def test_the_order_of_day_and_month_is_given(sql):
    assert sql("as_moment(?, dates := 'mdy')", "02/23/26 08:55 PM") == "2026-02-23 20:55:00"
    assert sql("as_moment(?, dates := 'dmy')", "1/2/2026 12:10 AM") == "2026-02-01 00:10:00"
    assert sql("as_day(?, dates := 'dmy')", "31.12.2025 10:00") == "2025-12-31"
    assert sql("as_day(?, dates := 'ymd')", "26/02/23") == "2026-02-23"
    assert sql("as_day(?, dates := 'dmy')", "31/02/2026") == "31/02/2026"


def test_times_of_a_connector_are_universal_but_days_stay_days(sql):
    assert sql("as_moment(?, zone := 'UTC')", "2018-12-19 19:51:13") == "2018-12-20 03:51:13"
    assert sql("as_day(?, zone := 'UTC')", "2018-12-19 00:00:00") == "2018-12-19"


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("$1,234.50", "1234.50"), ("21739535.00", "21739535.00"), ("(1,234)", "-1234"), ("USD 7", "7"), ("5 元", "5"),
        ("¥ 17,100.00", "17100.00"), ("-$5", "-5"), ("1,23", "1,23"), ("1.5e3", "1.5e3"), ("abc", "abc"), ("", None),
    ],
)  # fmt: skip
def test_amounts_lose_their_sign_and_their_thousands_commas(sql, cell, said):
    assert sql("as_money(?)", cell) == said


def test_decimal_commas_are_given(sql):
    assert [sql("as_money(?, comma := true)", cell) for cell in ("1.234,50 €", "12,5", "1.234")] == [
        "1234.50",
        "12.5",
        "1234",
    ]


def test_currencies_shares_and_ids(sql):
    assert [sql("as_currency(?)", cell) for cell in ("$1", "12", "EUR 5", "¥ 3")] == ["USD", None, "EUR", "CNY"]
    assert [sql("as_percent(?)", cell) for cell in ("10", "33.3 %", "x")] == ["0.1", "0.333", "x"]
    assert sql("as_id(?)", "zcrm_4150868000000225013") == "4150868000000225013"
    assert [sql("as_id(?)", cell) for cell in ("001", " 7 ", "12.0", "SO-1.0")] == ["001", "7", "12", "SO-1.0"]
    assert [sql("as_first_id(?)", cell) for cell in ("12; 13", '["1000"]', "")] == ["12", "1000", None]


def test_a_short_salesforce_id_becomes_the_long_one(sql):
    assert sql("as_id18(?)", "001bm00001ZL8U9") == "001bm00001ZL8U9AAL"
    assert sql("as_id18(?)", "001bm00001ZL8U9AAL") == "001bm00001ZL8U9AAL"


def test_an_id_that_a_spreadsheet_rounded_is_found(sql):
    rounded = [
        sql("is_rounded_id(?)", cell)
        for cell in ("4.15087E+18", "zcrm_4150868000000220000", "4150868000000225013", "001")
    ]
    assert rounded == [True, True, False, False]


def test_nothing_but_functions_is_defined_and_none_reads_a_file():
    for statement in macros.statements("Asia/Shanghai"):
        assert statement.startswith("CREATE MACRO ")
        assert not any(word in statement.lower() for word in ("read_", "copy ", "glob(", "attach", "'s3:", "http"))
