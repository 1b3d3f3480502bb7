"""Data frames as notebooks show them."""

import pandas as pd
import pytest

from kamlib import frames, words


@pytest.fixture(autouse=True)
def english():
    words.speak("en", "CNY")


def test_columns_are_labelled_and_numbers_written_for_readers():
    frame = pd.DataFrame({
        "account_name": ["Ada"], "revenue": [12345678.9], "growth": [0.1234], "n_orders": [3],
        "last_order": pd.to_datetime(["2025-12-31"]), "is_key_account": [True], "satisfaction_mean": [float("nan")],
    })  # fmt: skip
    text = frames.html(frame)
    for part in (
        "Net revenue<br><code>revenue</code>",
        ">12,345,679<",
        ">12.3 %<",
        ">3<",
        ">2025-12-31<",
        ">yes<",
        ">–<",
    ):
        assert part in text
    words.speak("zh")
    assert "净收入<br><code>revenue</code>" in frames.html(frame)


def test_keys_are_said_in_words_but_names_are_left_alone():
    text = frames.html(pd.DataFrame({"tier": ["A"], "reason": ["price"], "account_name": ["price"]}))
    assert "<td>Price</td><td>price</td>" in text


def test_whatever_the_data_holds_is_escaped():
    nasty = "<img src=x onerror=alert(1)>"
    text = frames.html(pd.DataFrame({nasty: [nasty], "b": [1]}, index=[nasty]))
    assert "<img" not in text


def test_row_numbers_are_left_out_and_other_rows_are_named():
    assert "<td>7</td>" not in frames.html(pd.DataFrame({"a": ["x"]}, index=[7]))
    assert "<td>Ada</td><td>x</td>" in frames.html(
        pd.DataFrame({"a": ["x"]}, index=pd.Index(["Ada"], name="account_name"))
    )


def test_long_frames_are_cut_and_say_so():
    text = frames.html(pd.DataFrame({"n_orders": range(100)}))
    assert text.count("<tr>") == 31
    assert "70 more rows" in text


def test_empty_frames_show_their_columns_and_deep_ones_are_left_to_pandas():
    assert "Net revenue" in frames.html(pd.DataFrame({"revenue": []}))
    assert frames.html(pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")]))) is None


def test_without_a_notebook_nothing_happens():
    frames.readable()
