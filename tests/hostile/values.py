"""Cells that are not what their column says."""

from __future__ import annotations

from hostile import Case, imported, orders, refused

HEADER = "order_id,account_id,order_date,amount,delivered_at,channel"


def dates(*written: str) -> dict[str, str]:
    """The two orders, then one for each date."""
    lines = [f'n{i},a,"{date}",1' for i, date in enumerate(written)]
    return {"orders.csv": orders("o1,a,2025-01-01,100", "o2,b,2025-02-01,50.5", *lines)}


def amounts(*written: str) -> dict[str, str]:
    lines = [f'n{i},a,2025-01-01,"{amount}"' for i, amount in enumerate(written)]
    return {"orders.csv": orders("o1,a,2025-01-01,100", "o2,b,2025-02-01,50.5", *lines)}


def bad_dates(name: str, *written: str) -> Case:
    n = len(written)
    return imported(
        name, dates(*written), 2 + n, 2, "order_date", "not a date", written[0], "YYYY-MM-DD", money_aside=float(n)
    )


def good_dates(name: str, *written: str) -> Case:
    n = len(written)
    return imported(name, dates(*written), 2 + n, 2 + n, "no row lost", money=150.5 + n)


def bad_amounts(name: str, *written: str) -> Case:
    """An order whose amount cannot be read is set aside and told: it is none of 0."""
    return imported(name, amounts(*written), 2 + len(written), 2, "amount", "not an amount", written[0][:30])


def good_amounts(name: str, sums_to: float, *written: str) -> Case:
    n = 2 + len(written)
    return imported(name, amounts(*written), n, n, "no row lost", money=round(150.5 + sums_to, 2))


def names(*written: str) -> dict[str, str]:
    lines = ["a,Alpha", "b,Beta", *(f'n{i},"{name}"' for i, name in enumerate(written))]
    return {"accounts.csv": "account_id,account_name\n" + "\n".join(lines) + "\n"}


def ids(*written: str) -> dict[str, str]:
    """The two accounts, then one for each id, and an order for each."""
    accounts = "account_id,account_name\na,Alpha\nb,Beta\n" + "".join(f'"{x}",Twin\n' for x in written)
    lines = [f'n{i},"{x}",2025-01-01,1' for i, x in enumerate(written)]
    return {"accounts.csv": accounts, "orders.csv": orders("o1,a,2025-01-01,100", "o2,b,2025-02-01,50.5", *lines)}


CASES = [
    bad_dates("days that no month has", "31/02/2024", "2024-02-30", "2023-02-29", "2024-04-31", "2024-13-01", "2024-00-10", "2024-01-00"),
    bad_dates("the leap day that only Excel knows", "1900-02-29"),
    bad_dates("days or months first", "03/04/2024", "3.4.2024", "13/01/2024", "01-02-2024"),
    bad_dates("years of two digits", "24-01-02", "1/2/24", "02-Jan-24"),
    bad_dates("years far away", "0001-01-01", "9999-12-31", "0000-00-00", "1899-12-31", "2200-01-01", "-2024-01-01", "12024-01-01"),
    bad_dates("serial numbers of Excel", "45292", "45292.5", "1", "0"),
    bad_dates("seconds and milliseconds since 1970", "1704067200", "1704067200000"),
    bad_dates("words for days", "yesterday", "Q1 2024", "2024-W05", "Jan 2, 2024", "infinity", "now()", "today"),
    bad_dates("half of a date", "2024", "2024-01", "2024-01-"),
    bad_dates("two dates in one", "2024-01-01 2024-01-02", "2024-01-01/2024-01-31", "2024-01-01, 2024-01-02"),
    bad_dates("a time that no clock shows", "2024-01-01 25:00", "2024-01-01 12:60", "2024-01-01 12:00:61"),
    bad_dates("digits of other scripts", "٢٠٢٤-٠١-٠١", "२०२४-०१-०१"),
    good_dates("dates with marks of direction and blanks nobody sees", "\u200e2024-01-01\u200e", "\u00a02024-01-01", "2024-01-01\u200b", "\ufeff2024-01-01"),
    good_dates("dates of many kinds", "2024/1/5", "20240105", "2024.1.5", "2024年1月5日", "2024-01-05T10:00:00Z", "2024-01-05 10:00:00.123456+08:00"),
    imported("dates without a day", dates("", "NULL", "N/A", "-"), 6, 2, "order_date", "empty, but needed", money_aside=4.0),
    bad_amounts("commas the other way round", "1.234,56", "12,5", "1.234.567,89", "0,50"),
    bad_amounts("commas at the wrong places", "1,23,456.00", "1,2345", ",123", "1,,234"),
    good_amounts("commas the usual way", 1234.56 + 1234567.89 + 1000, "1,234.56", "1,234,567.89", "1,000"),
    bad_amounts("no numbers at all", "Infinity", "-inf", "nano", "1e400", "1e", "--5", "five", "0x10", "1_000", "true"),
    bad_amounts("larger than money gets", "99999999999999999999", "1e30", "9" * 400),
    good_amounts("zero from below, and small change", 0.01, "-0", "-0.00", "0.0049", "0.005"),
    good_amounts("less than nothing, in three ways", -6, "-1", "(2)", "-3.00"),
    good_amounts("numbers in the way of science", 1500.02, "1.5e3", "2E-2"),
    good_amounts("signs of the currency", 4, "¥1", "￥1", "CNY 1", "1元"),
    bad_amounts("digits of other scripts in amounts", "١٢٣", "१२३"),
    bad_amounts("digits of full width", "１２３．５"),
    bad_amounts("formulas", "=1+1", "=cmd|' /C calc'!A0", "@SUM(1)", "+1+1", "#REF!", "#DIV/0!", "#N/A!"),
    bad_amounts("SQL", "1); DROP TABLE orders; --", "1 OR 1=1", "NULL::int"),
    bad_amounts("amounts with a unit", "100 万", "5k", "3 Mio", "12 %"),
    bad_amounts("a minus of another kind", "−5", "–5", "5-"),
    imported("nothing, as programs write it", amounts("", "NULL", "nan", "NaN", "N/A", "None", "\\N", "—"), 10, 10, "order without an amount"),
    refused("several currencies without rates", {"orders.csv": orders("o1,a,2025-01-01,100,CNY", "o2,b,2025-02-01,50.5,USD", header="order_id,account_id,order_date,amount,currency")}, "USD", "[rates]", "no rate"),
    refused("a currency that is none", {"orders.csv": orders("o1,a,2025-01-01,100,CNY", "o2,b,2025-02-01,50.5,ZZZ'; --", header="order_id,account_id,order_date,amount,currency")}, "ZZZ", "[rates]"),
    imported("ids that only look alike", ids("а", "ａ", "a\u0301", "A"), 6, 6, "no row lost", money=154.5),
    imported("ids with marks nobody sees around them", {"orders.csv": orders("o1,\u200ea\u200f,2025-01-01,100", "o2,\u00a0b\u3000,2025-02-01,50.5")}, 2, 2),
    imported("ids with a joiner of no width inside", {"orders.csv": orders("o1,a,2025-01-01,100", "o2,b,2025-02-01,50.5", "o3,a\u200d,2025-01-01,1")}, 3, 3, money=151.5),
    imported("ids with zeros before them", ids("007", "7", "07"), 5, 5, "no row lost", money=153.5),
    imported("ids of nineteen digits", ids("1234567890123456789", "1234567890123456788"), 4, 4, "no row lost", money=152.5),
    imported("ids that Excel spoilt", {"orders.csv": orders("o1,a,2025-01-01,100", "o2,b,2025-02-01,50.5", "1.23457E+18,a,2025-01-01,1", "1.23457E+18,a,2025-01-02,1")}, 4, 3, "1.23457E+18", "key used before", money=151.5, money_aside=1.0),
    imported("names that are formulas", names("=cmd|' /C calc'!A0", "+49 30", "@x", "-5"), 6, 6, "no row lost", table="accounts"),
    imported("names that are HTML and templates", names("<script>alert(1)</script>", "{{7*7}}", "${jndi:ldap://x}", "%s%n", "'; DROP TABLE accounts; --"), 7, 7, "no row lost", table="accounts"),
    imported("names that are paths", names("../../etc/passwd", "C:\\Windows", "/dev/null", "CON"), 6, 6, "no row lost", table="accounts"),
    imported("names that turn round", names("\u202eexe.fdp\u202c", "a\u2066b\u2069", "Z" + "\u0335" * 500), 5, 5, "no row lost", table="accounts"),
    imported("names that mean nothing elsewhere", names("NULL", "None", "N/A", "-", "nan"), 7, 7, "no row lost", table="accounts"),
    imported("names of blanks", names("   ", "\u3000", "\u200b\u200c\u200d", "\t"), 6, 2, "account_name", "empty, but needed", table="accounts"),
    imported("a date before it began", {"orders.csv": orders("o1,a,2025-01-01,100,2024-12-31,", "o2,b,2025-02-01,50.5,,", header=HEADER)}, 2, 2, "delivered_at", "earlier than"),
    imported("values that are not allowed", {"orders.csv": orders("o1,a,2025-01-01,100,,pigeon", "o2,b,2025-02-01,50.5,,ＯＮＬＩＮＥ", header=HEADER)}, 2, 2, "channel", "online, offline, partner"),
    imported("flags that are none", {"accounts.csv": "account_id,account_name,is_key_account\na,Alpha,maybe\nb,Beta,2\nc,C,TRUE\nd,D,是\n"}, 4, 4, "is_key_account", "neither yes nor no", table="accounts"),
    imported("shares above one", {"accounts.csv": "account_id,account_name,market_share\na,Alpha,150%\nb,Beta,1.5\nc,C,-0.1\nd,D,1e400\n"}, 4, 4, "market_share", "0 … 1", table="accounts"),
    imported("whole numbers that are not whole", {"accounts.csv": "account_id,account_name,employees\na,Alpha,2.5\nb,Beta,1e300\nc,C,99999999999999999999\nd,D,-1\n"}, 4, 4, "employees", table="accounts"),
]  # fmt: skip
