"""Numbers as each language writes them, labels in both, unknown keys left alone."""

import math

import pytest

from kamlib import words


@pytest.fixture(autouse=True)
def _english():
    words.speak("en", "CNY")
    yield
    words.speak("en", "CNY")


@pytest.mark.parametrize(
    ("value", "en", "zh"),
    [
        (12_345_678.9, "CNY 12.3 m", "1,234.6万元"),
        (-12_345_678.9, "−CNY 12.3 m", "−1,234.6万元"),
        (2.5e9, "CNY 2.5 bn", "25.0亿元"),
        (999, "CNY 999", "999元"),
        (-0.2, "CNY 0", "0元"),
        (0, "CNY 0", "0元"),
        (math.nan, "n/a", "无"),
    ],
)
def test_money(value, en, zh):
    assert words.money(value, "en") == en
    assert words.money(value, "zh") == zh


def test_money_in_another_currency():
    words.speak("zh", "EUR")
    assert words.money(2e6) == "200.0万 EUR"


@pytest.mark.parametrize(
    ("value", "text"), [(0.613, "61 %"), (-0.02, "−2 %"), (-0.001, "0 %"), (math.inf, "n/a"), (12.5, "1,250 %")]
)
def test_share(value, text):
    assert words.share(value) == text


def test_number():
    assert words.number(-1234.56, 1) == "−1,234.6"
    assert words.number(math.nan) == "n/a"


def test_names():
    assert words.names(["Ada"], "en") == "Ada"
    assert words.names(list("abcde"), "en") == "a, b, c and 2 more"
    assert words.names(list("abcde"), "zh") == "a、b、c等 5 个"


def test_labels_follow_the_language_and_data_stays_as_it_is():
    assert words.word("account_name", "zh") == "客户名称"
    words.speak("zh")
    assert words.word("account_name") == "客户名称"
    assert words.word("华东") == "华东"
    assert words.say(None, "yes", "是") == "是"


@pytest.mark.parametrize(
    ("name", "short"),
    [("青岛弘泽食品机械有限公司", "青岛弘泽食品机械"), ("成都睿固股份有限公司", "成都睿固"), ("Redmesa Controls Ltd.", "Redmesa Controls"),
     ("Borneax Engineering Co., Ltd.", "Borneax Engineering"), ("Ada", "Ada"), ("有限公司", "有限公司"), ("Cobalt", "Cobalt")],
)  # fmt: skip
def test_short_names_leave_the_legal_form_out(name, short):
    assert words.short(name) == short
