"""Exhibits: one finding as data, the same picture on every run, nothing drawn where nothing was measured."""

import datetime as dt
import functools
import json
from types import SimpleNamespace

import pandas as pd
import pytest

from kamlib import style, words
from kamlib.exhibit import KINDS, Exhibits, chart, number_format, write_atomically
from kamlib.settings import Settings
from kamlib.sources.ledger import Ledger

TABLE = pd.DataFrame(
    {"account_name": ["北方重工", "<script>alert(1)</script>"], "revenue": [3.0, 1.0], "revenue_share": [0.75, 0.25]}
)


@chart("bar", y="account_name", x="revenue")
def plot_revenue(table, ax=None, *, top_n=2):
    ax = ax or style.new_axes()
    ax.barh(table.account_name.head(top_n), table.revenue.head(top_n))
    return ax


def revenue_claim(table, lang="en"):
    return words.say(lang, en=f"{table.account_name[0]} leads.", zh=f"{table.account_name[0]}居首。")


@pytest.fixture
def data():
    measured = {"accounts", "orders"}
    return SimpleNamespace(
        ledger=Ledger(), settings=Settings(), as_of=dt.date(2025, 12, 31), has=lambda *names: set(names) <= measured
    )


def show(data, folder, lang="en", table=TABLE, needs=("orders",), plot=plot_revenue):
    return Exhibits(data, "99", lang=lang, run_dir=str(folder))("99.1", table, plot, revenue_claim, needs=needs, n=2)


def test_it_is_saved_as_data_with_both_languages(data, tmp_path):
    show(data, tmp_path)
    saved = json.loads((tmp_path / "exhibits/99.1.json").read_text(encoding="utf-8"))
    assert saved["claim"] == {"en": "北方重工 leads.", "zh": "北方重工居首。"}
    assert saved["chart"] == {"kind": "bar", "y": "account_name", "x": "revenue"}
    assert [column["format"] for column in saved["columns"]] == ["text", "money", "share"]
    back = pd.read_csv(tmp_path / "exhibits/99.1.csv")
    pd.testing.assert_frame_equal(back, TABLE, check_dtype=False)


def test_two_runs_give_the_same_bytes(data, tmp_path):
    first, second = (show(data, tmp_path / name) for name in "ab")
    assert first._repr_mimebundle_() == second._repr_mimebundle_()
    for suffix in ("svg", "json", "csv"):
        assert (tmp_path / f"a/exhibits/99.1.{suffix}").read_bytes() == (
            tmp_path / f"b/exhibits/99.1.{suffix}"
        ).read_bytes()


def test_the_picture_is_a_small_png_and_the_text_carries_the_claim(data, tmp_path):
    bundle = show(data, tmp_path, lang="zh")._repr_mimebundle_()
    assert bundle["image/png"].startswith(b"\x89PNG")
    assert len(bundle["image/png"]) < 30_000
    assert "北方重工居首。" in bundle["text/plain"]
    assert "截止 2025-12-31" in bundle["text/plain"]


def test_an_absent_table_is_named_and_nothing_is_drawn(data, tmp_path):
    def never(*_, **__):
        raise AssertionError("must not be called")

    never = chart("bar")(never)
    exhibit = Exhibits(data, "99", run_dir=str(tmp_path))("99.1", TABLE, never, never, needs=("orders", "payments"))
    assert exhibit.status == "not_measured"
    assert exhibit.missing == ("payments",)
    assert "payments" in exhibit.claim["en"]
    assert "未测量" in exhibit.claim["zh"]
    assert exhibit.table.empty
    assert list(exhibit.table.columns) == list(TABLE.columns)
    assert not (tmp_path / "exhibits/99.1.svg").exists()


def test_an_empty_table_is_not_enough_data(data, tmp_path):
    exhibit = show(data, tmp_path, table=TABLE.head(0))
    assert exhibit.status == "insufficient_data"
    assert exhibit.figure is None
    assert "n = 0" in exhibit.claim["en"]


def test_an_empty_table_names_the_column_it_lacks(data, tmp_path, monkeypatch):
    monkeypatch.setitem(words.LABELS, "99.1.empty", ("This needs orders.cogs.", "需要 orders.cogs。"))
    exhibit = show(data, tmp_path, table=TABLE.head(0))
    assert exhibit.claim == {"en": "This needs orders.cogs.", "zh": "需要 orders.cogs。"}


def test_a_partial_keeps_its_chart(data, tmp_path):
    exhibit = show(data, tmp_path, plot=functools.partial(plot_revenue, top_n=1))
    assert exhibit.chart["kind"] == "bar"


def test_an_exhibit_belongs_to_its_notebook_and_a_chart_to_a_known_kind(data, tmp_path):
    with pytest.raises(ValueError, match="does not belong to notebook 98"):
        Exhibits(data, "98")("99.1", TABLE, plot_revenue, revenue_claim)
    with pytest.raises(ValueError, match="not a kind of chart"):
        chart("pie3d")
    assert "bar" in KINDS


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("revenue", [1.5], "money"), ("win_rate", [0.5], "share"), ("win_rate_low", [0.5], "share"), ("growth", [0.1], "share"),
        ("gap_days", [3.0], "days"), ("n_orders", [3.0], "count"), ("rank", [1], "count"), ("composite_score", [85.0], "score"),
        ("created_at", pd.to_datetime(["2025-01-01"]), "date"), ("is_key_account", [True], "flag"), ("region", ["华东"], "text"),
    ],
)  # fmt: skip
def test_names_decide_formats(name, values, expected):
    assert number_format(name, pd.Series(values)) == expected


def test_writing_replaces_whole_files(tmp_path):
    path = tmp_path / "x.txt"
    write_atomically(path, "one")
    write_atomically(path, "two\n")
    assert path.read_bytes() == b"two\n"
    assert [p.name for p in tmp_path.iterdir()] == ["x.txt"]
