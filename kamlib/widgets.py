"""Sliders over a chart that already stands, without them, in the cell above."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets
import pandas as pd

from kamlib import words
from kamlib.exhibit import png


def explore(plot: Callable, table: pd.DataFrame, **choices: tuple | list) -> ipywidgets.VBox:
    """Redraw `plot(table, **values)` whenever a control moves.

    Each choice is a range `(low, high)` or `(low, high, step)`, or a list of options; the first value of a range is
    where the slider starts unless the plot has a default for that argument.
    """
    if table.empty:
        return ipywidgets.VBox([])  # the exhibit above has said that there is nothing to draw
    controls = {name: _control(plot, name, choice) for name, choice in choices.items()}
    picture = ipywidgets.Image(format="png")  # no Output widget: papermill hangs on those now and then

    def redraw(_: object = None) -> None:
        picture.value = png(plot(table, **{name: control.value for name, control in controls.items()}).figure)

    for control in controls.values():
        control.observe(redraw, "value")
    redraw()
    return ipywidgets.VBox([ipywidgets.HBox(list(controls.values())), picture])


def _control(plot: Callable, name: str, choice: tuple | list) -> ipywidgets.Widget:
    default = (plot.__kwdefaults__ or {}).get(name)
    label = {"description": words.word(name), "style": {"description_width": "initial"}}
    if isinstance(choice, list):
        return ipywidgets.Dropdown(options=choice, value=default if default in choice else choice[0], **label)
    low, high, *step = choice
    value = default if default is not None and low <= default <= high else low
    kind = ipywidgets.IntSlider if all(isinstance(v, int) for v in choice) else ipywidgets.FloatSlider
    options = {"step": step[0]} if step else {}
    return kind(min=low, max=high, value=value, continuous_update=False, **options, **label)
