"""SQL functions for mappings: what CRMs write as dates, amounts, shares and record ids, as the tables want it.

Each takes the cell as text and returns text: an ISO date or time in the reporting time zone, a plain number, an id. A
cell that cannot be read comes back as it is, so that the checks behind name it. None of them opens anything. They are
documented in docs/own-data.md.
"""

from __future__ import annotations

from kamlib.sources.sql import literal

_DAY_FIRST = r"^(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4}|\d{2})\b[,T ]*(.*)$"
_YEAR_FIRST = r"^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?[,T ]*(.*)$"
_ISO = r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?"
_OFFSET = r"\s*(Z|UTC|GMT|[+-]\d{2}(:?\d{2})?)"
_CLOCK = r"^(上午|下午|AM|PM)?\s*(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*(AM|PM|am|pm)?$"
_MONTHS = "['%d %b %Y', '%b %d %Y', '%d %B %Y', '%B %d %Y']"
_CODES = "AED|AUD|BRL|CAD|CHF|CNY|CZK|DKK|EUR|GBP|HKD|HUF|IDR|ILS|INR|JPY|KRW|MXN|MYR|NOK|NZD|PHP|PLN|RMB|RUB|SAR|SEK|SGD|THB|TRY|TWD|USD|VND|ZAR"
SIGN = rf"US\$|HK\$|[$€£¥￥元]|{_CODES}"
"""What may stand before or behind an amount, as a pattern."""
_CURRENCIES = {
    "US$": "USD",
    "$": "USD",
    "HK$": "HKD",
    "RMB": "CNY",
    "€": "EUR",
    "£": "GBP",
    "¥": "CNY",
    "￥": "CNY",
    "元": "CNY",
}
_BLANK = r"[\p{Z}\p{Cc}\p{Cf}]"

# the parts: `t` is a text, trimmed and not empty; what cannot be read is null
_PARTS = {
    "kam_given(x)": rf"nullif(regexp_replace(CAST(x AS VARCHAR), '^{_BLANK}+|{_BLANK}+$', '', 'g'), '')",
    "kam_hours(c)": """
        CASE WHEN c = '' THEN '00:00:00' ELSE (
            SELECT CASE WHEN p.h = '' THEN NULL ELSE printf('%02d:%s:%s', CASE
                WHEN upper(p.a || p.b) IN ('PM', '下午') THEN CAST(p.h AS INTEGER) % 12 + 12
                WHEN upper(p.a || p.b) IN ('AM', '上午') THEN CAST(p.h AS INTEGER) % 12
                ELSE CAST(p.h AS INTEGER) END, p.m, CASE WHEN p.s = '' THEN '00' ELSE p.s END) END
            FROM (SELECT regexp_extract(c, '{clock}', ['a', 'h', 'm', 's', 'b']) AS p)) END""".replace(
        "{clock}", _CLOCK
    ),
    "kam_ymd(y, m, d, c)": """
        TRY_CAST(CASE length(y) WHEN 2 THEN '20' || y ELSE y END || '-' || lpad(m, 2, '0') || '-' || lpad(d, 2, '0')
            || ' ' || kam_hours(c) AS TIMESTAMP)""",
    "kam_year_first(t)": f"""(
        SELECT kam_ymd(p.y, p.m, p.d, p.c)
        FROM (SELECT regexp_extract(t, '{_YEAR_FIRST}', ['y', 'm', 'd', 'c']) AS p))""",
    "kam_day_first(t, dates)": f"""(
        SELECT CASE dates WHEN 'dmy' THEN kam_ymd(p.z, p.y, p.x, p.c) WHEN 'mdy' THEN kam_ymd(p.z, p.x, p.y, p.c)
            WHEN 'ymd' THEN kam_ymd(p.x, p.y, p.z, p.c) END
        FROM (SELECT regexp_extract(t, '{_DAY_FIRST}', ['x', 'y', 'z', 'c']) AS p))""",
    "kam_month_named(t)": rf"""(
        SELECT TRY_CAST(try_strptime(p.d, {_MONTHS})::DATE || ' ' || kam_hours(p.c) AS TIMESTAMP)
        FROM (SELECT regexp_extract(regexp_replace(t, '[-,/ ]+', ' ', 'g'),
            '^(\d{{1,2}} [A-Za-z]+ \d{{4}}|[A-Za-z]+ \d{{1,2}} \d{{4}}) ?(.*)$', ['d', 'c']) AS p))""",
    "kam_shown(moment)": "CASE WHEN isfinite(moment) THEN strftime(moment, '%Y-%m-%d %H:%M:%S') END",
}
_PUBLIC = {
    "as_moment(x, dates := '', zone := {zone})": rf"""(
        SELECT coalesce(kam_shown(CASE
            WHEN t IS NULL THEN NULL
            WHEN regexp_full_match(t, '\d{{12,13}}(\.0*)?')
            THEN timezone({{zone}}, to_timestamp(TRY_CAST(t AS DOUBLE) / 1000))
            WHEN regexp_full_match(t, '{_ISO}') THEN CASE
                WHEN zone = {{zone}} OR regexp_full_match(t, '.*00:00(:00(\.0+)?)?') THEN TRY_CAST(t AS TIMESTAMP)
                ELSE timezone({{zone}}, timezone(zone, TRY_CAST(t AS TIMESTAMP))) END
            WHEN regexp_full_match(t, '{_ISO}{_OFFSET}') THEN timezone({{zone}}, TRY_CAST(t AS TIMESTAMPTZ))
            ELSE coalesce(kam_year_first(t), kam_day_first(t, dates), kam_month_named(t)) END), t)
        FROM (SELECT kam_given(x) AS t))""",
    "as_day(x, dates := '', zone := {zone})": """(
        SELECT CASE WHEN m LIKE '____-__-__ __:__:__' THEN left(m, 10) ELSE m END
        FROM (SELECT as_moment(x, dates := dates, zone := zone) AS m))""",
    "as_money(x, comma := false)": rf"""(
        SELECT CASE WHEN regexp_full_match(n, '[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?') THEN n ELSE t END
        FROM (SELECT t, regexp_replace(regexp_replace(
            CASE WHEN comma THEN replace(regexp_replace(t, '[.\s''’]', '', 'g'), ',', '.')
                ELSE regexp_replace(t, '[,\s''’](\d{{3}})', '\1', 'g') END,
            '^\((.*)\)$', '-\1'),
            '^([-+]?)\s*(?:{SIGN})?\s*([-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*(?:{SIGN})?$', '\1\2') AS n
            FROM (SELECT kam_given(x) AS t)))""",
    "as_currency(x)": rf"""(
        SELECT CASE s {" ".join(f"WHEN {literal(sign)} THEN {literal(code)}" for sign, code in _CURRENCIES.items())}
            WHEN '' THEN NULL ELSE s END
        FROM (SELECT regexp_extract(CAST(x AS VARCHAR), '{SIGN}') AS s))""",
    "as_number(x, comma := false)": "as_money(x, comma := comma)",
    "as_percent(x, comma := false)": """(
        SELECT coalesce(CAST(round(TRY_CAST(n AS DOUBLE) / 100, 12) AS VARCHAR), n)
        FROM (SELECT as_number(rtrim(CAST(x AS VARCHAR), ' %'), comma := comma) AS n))""",
    "as_text(x)": "kam_given(x)",
    "as_id(x)": r"regexp_replace(regexp_replace(kam_given(x), '^zcrm_', ''), '^(\d+)\.0$', '\1')",
    "as_first_id(x)": r"as_id(regexp_extract(CAST(x AS VARCHAR), '[^;,\[\]\s\x22'']+'))",
    "as_id18(x)": """(
        SELECT CASE WHEN regexp_full_match(i, '[A-Za-z0-9]{15}') THEN i || list_aggregate(list_transform([0, 1, 2],
            lambda c: substr('ABCDEFGHIJKLMNOPQRSTUVWXYZ012345', CAST(1 + list_sum(list_transform([0, 1, 2, 3, 4],
            lambda b: CASE WHEN regexp_full_match(substr(i, CAST(c * 5 + b + 1 AS BIGINT), 1), '[A-Z]') THEN 1 << b
            ELSE 0 END)) AS BIGINT), 1)), 'string_agg', '') ELSE i END
        FROM (SELECT as_id(x) AS i))""",
    "is_rounded_id(x)": r"regexp_full_match(as_id(x), '\d(\.\d+)?[eE]\+?\d+|\d{12,}0000')",
}


def statements(zone: str) -> list[str]:
    """Return the statements that define the functions; `zone` is the reporting time zone, e.g. "Asia/Shanghai"."""
    public = {
        name.replace("{zone}", literal(zone)): body.replace("{zone}", literal(zone)) for name, body in _PUBLIC.items()
    }
    return [f"CREATE MACRO {name} AS ({body})" for name, body in (_PARTS | public).items()]
