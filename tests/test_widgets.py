"""Widgets are tested without a browser: set the value, read the result."""

import ipywidgets
import pandas as pd

import kamlib as kam
from kamlib import style

TABLE = pd.DataFrame({"name": list("abcdef"), "value": [6, 5, 4, 3, 2, 1]})


def test_controls_start_at_the_plots_defaults_and_redraw(monkeypatch):
    drawn = []

    def plot(table, ax=None, *, top_n=3, colour="blue"):
        drawn.append((top_n, colour))
        return style.new_axes()

    box = kam.explore(plot, TABLE, top_n=(2, 6), colour=["red", "blue"])
    slider, menu = box.children[0].children
    assert isinstance(slider, ipywidgets.IntSlider)
    assert not slider.continuous_update
    assert (slider.value, menu.value) == (3, "blue")
    slider.value = 5
    menu.value = "red"
    assert drawn == [(3, "blue"), (5, "blue"), (5, "red")]


def test_a_float_range_gives_a_float_slider_with_its_step():
    def plot(table, ax=None, *, cut=9.0):
        return style.new_axes()

    (slider,) = kam.explore(plot, TABLE, cut=(0.0, 1.0, 0.05)).children[0].children
    assert isinstance(slider, ipywidgets.FloatSlider)
    assert slider.step == 0.05
    assert slider.value == 0.0
