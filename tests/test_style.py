"""Small helpers of the house style."""

import pytest

from kamlib import style, words


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("Cost of goods sold", 11, ["Cost of", "goods sold"]),
        ("折扣 16 %；服务成本 9 %。", 12, ["折扣 16 %；", "服务成本", "9 %。"]),
        ("lose CNY 3.4 m (n = 36)", 15, ["lose CNY 3.4 m", "(n = 36)"]),
        ("Unbreakable", 4, ["Unbreakable"]),
    ],
)
def test_lines_break_by_width_and_numbers_keep_their_unit(text, width, lines):
    assert style.wrapped(text, width).split("\n") == lines


@pytest.mark.parametrize(
    ("value", "text"), [(1.25e6, "CNY 1.25 m"), (2e6, "CNY 2 m"), (-5e5, "−CNY 500 k"), (0, "CNY 0"), (10, "CNY 10")]
)
def test_ticks_of_money_have_the_digits_they_need(value, text):
    words.speak("en", "CNY")
    ax = style.new_axes()
    style.money_axis(ax.yaxis)
    assert ax.yaxis.get_major_formatter()(value, 0) == text
